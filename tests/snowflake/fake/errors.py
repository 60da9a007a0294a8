"""What the fake says no with: Snowflake's own codes, or that it cannot be faithful."""

import re

import duckdb

_CODED = re.compile(r"(\d{6})\|([^\n]*)")


class RefusedError(Exception):
    """Snowflake would refuse this statement, so the fake does.

    Args:
        message: What the client is told.
        code: Snowflake's number for it.
        state: The SQLSTATE.
    """

    def __init__(self, message: str, code: int = 1003, state: str = "42000") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.state = state


class GapError(RefusedError):
    """Snowflake would carry this out, and the fake cannot do so faithfully."""

    def __init__(self, message: str) -> None:
        super().__init__(f"the fake has a gap: {message}", 9999, "99999")


def missing(what: str) -> RefusedError:
    text = f"SQL compilation error:\n{what} does not exist or not authorized."
    return RefusedError(text, 2003, "02000")


def exists(what: str) -> RefusedError:
    text = f"SQL compilation error:\nObject '{what}' already exists."
    return RefusedError(text, 2002, "42710")


def refused(error: duckdb.Error) -> RefusedError:
    """Say what DuckDB said in Snowflake's way."""
    text = str(error).split("\n\n")[0]
    if coded := _CODED.search(text):
        return RefusedError(coded[2], int(coded[1]), "22018")
    for kind, words, code, state in _MEANINGS:
        if isinstance(error, kind) and words in text:
            return RefusedError(f"{_head(code)}{text}", code, state)
    return GapError(f"DuckDB says: {text}")


def _head(code: int) -> str:
    return "SQL compilation error:\n" if code < 10_000 else ""


_MEANINGS: tuple[tuple[type[duckdb.Error], str, int, str], ...] = (
    (duckdb.InvalidInputException, "MERGE INTO command cannot", 100090, "42P18"),
    (duckdb.ConstraintException, "NOT NULL", 100072, "22000"),
    (duckdb.ConversionException, "", 100038, "22018"),
    (duckdb.OutOfRangeException, "", 100132, "22003"),
    (duckdb.BinderException, "", 904, "42000"),
    (duckdb.CatalogException, "", 2003, "02000"),
    (duckdb.ParserException, "", 1003, "42000"),
    (duckdb.InvalidInputException, "excess parameters", 1003, "42000"),
)
