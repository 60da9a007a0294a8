"""SQL for every warehouse: identifiers are quoted, values are parameters."""

from collections.abc import Iterable, Sequence
from typing import Final

OWN_SCHEMA: Final = "LHT"  # of what lht remembers, and of what a load makes for itself


def quote(name: str) -> str:
    """Return *name* as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as Snowflake reads it in a statement."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def columns(names: Iterable[str], of: str | None = None) -> str:
    """Return a comma-separated list of quoted columns, of table alias *of* if given."""
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + quote(n) for n in names)


def name(*parts: str) -> str:
    """Return a quoted, qualified name."""
    return ".".join(map(quote, parts))


def insert(table: str, names: Sequence[str]) -> str:
    """Return an INSERT of one row of parameters into a qualified table."""
    marks = ", ".join("?" for _ in names)
    return f"INSERT INTO {table} ({columns(names)}) VALUES ({marks})"


def count_of_length(table: str, column: str, length: int) -> str:
    """Return the query for how many texts of a qualified table's have a length."""
    return f"SELECT count(*) FROM {table} WHERE length({quote(column)}) = {length}"


def count_missing(table: str, column: str) -> str:
    """Return the query for how many rows of a qualified table lack a value."""
    return f"SELECT count(*) FROM {table} WHERE {quote(column)} IS NULL"


def differs(names: Iterable[str], left: str, right: str) -> str:
    """Return the condition that any of the columns differs; NULLs equal each other."""
    return " OR ".join(
        f"{left}.{quote(n)} IS DISTINCT FROM {right}.{quote(n)}" for n in names
    )
