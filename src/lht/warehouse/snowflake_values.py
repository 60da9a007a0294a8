"""Text to value in Snowflake's SQL: the values that ``lht.decode`` makes elsewhere.

Each function takes a SQL expression of a staged text, in which NULL and ``''`` are one
thing. What Salesforce never writes is refused by ``misread``, not guessed at; all else
here relies on texts that passed it.

Nothing depends on a session's parameters: formats are given, never AUTO (which takes
digits for an epoch). A number reaches a NUMBER by its digits, never through a FLOAT.

Source:
    https://docs.snowflake.com/en/sql-reference/functions/, read 2026-11-21:
    to_decimal (excess decimals are rounded silently, so the scale must be known to
    suffice), regexp_like (holds the pattern against the whole text), split_part (gives
    ``''`` past the end).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from lht.schema import TableSchema
from lht.typemap import (
    PRECISION,
    SNOWFLAKE,
    needed_type,
    scale_of,
    sql_type,
    unencodable,
)
from lht.warehouse import sql

# As Java spells numbers: with an exponent, one digit stands before the point.
_EXPONENT: Final = "([+]?[0-9]{1,3}|-0{0,2}[1-9][0-9]{0,2})"
_NUMBER: Final = f"-?([0-9]+[.]?[0-9]*|[.][0-9]+|[0-9]([.][0-9]*)?E{_EXPONENT})"
_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9]{3}"


class _Moment(NamedTuple):
    """How a moment is spelled: *length* characters of *form*, then UTC's offset."""

    pattern: str
    length: int
    form: str


_MOMENTS: Final = {
    "date": _Moment(_DAY, 10, "YYYY-MM-DD"),
    "time": _Moment(f"{_CLOCK}Z?", 12, "HH24:MI:SS.FF3"),
    "timestamp": _Moment(
        f"{_DAY}T{_CLOCK}(Z|[+]00:?00)", 23, 'YYYY-MM-DD"T"HH24:MI:SS.FF3'
    ),
}


def converted(text: str, arrow_type: str) -> str:
    """Return the value of a text in Snowflake's type for *arrow_type*.

    A decimal type must have the scale that its texts need; ``survey`` tells it.
    """
    value = f"NULLIF({text}, '')"
    if arrow_type == "string":
        return value
    if arrow_type in _MOMENTS:
        return f"TO_{_moment(value, arrow_type)}"
    if arrow_type == "bool":
        return f"LOWER({value}) IN ('true', '1')"
    if arrow_type == "double":
        return f"{value}::{SNOWFLAKE[arrow_type]}"
    return f"({_plain(text)})::{sql_type(arrow_type, SNOWFLAKE)}"


def misread(text: str, arrow_type: str) -> str | None:
    """Return the condition that a text is no value of the type; None if any text is."""
    if arrow_type == "string":
        return None
    return _misread(text, _plain(text), arrow_type)


def decimals_of(text: str) -> str:
    """Return how many digits behind its point a number needs; 0 for NULL."""
    return f"COALESCE({_decimals(_plain(text))}, 0)"


def whole_digits_of(text: str) -> str:
    """Return how many digits before its point a number needs; 0 for NULL."""
    return f"COALESCE({_whole_digits(_plain(text))}, 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a staging table holds."""

    rows: int
    keyed: int  # rows that have a key
    keys: int  # different keys
    schema: TableSchema  # its decimal columns as wide as their numbers need


def survey(schema: TableSchema, table: str, key: str) -> str:
    """Return the query for the one row that ``read_survey`` reads.

    Args:
        schema: The columns; the staging table has them as texts, in upper case.
        table: The staging table's qualified, quoted name.
        key: The column that tells rows apart.
    """
    texts, plain, measures = [f"NULLIF({_name(key)}, '') AS K"], ["*"], []
    for at, column in enumerate(schema.columns):
        text, number = f"T{at}", f"N{at}"
        if column.arrow_type != "string":
            texts.append(f"{_name(column.name)} AS {text}")
            measures += _measures(text, number, column.arrow_type)
        if _has_digits(column.arrow_type):
            plain.append(f"{_plain(text)} AS {number}")
    return (
        f"SELECT {', '.join(['COUNT(*), COUNT(K), COUNT(DISTINCT K)', *measures])}"
        f" FROM (SELECT {', '.join(plain)}"
        f" FROM (SELECT {', '.join(texts)} FROM {table}))"
    )


def read_survey(
    schema: TableSchema, row: Sequence[Any], held: TableSchema | None = None
) -> Survey:
    """Return what the row of ``survey`` says.

    Args:
        schema: As it was given to ``survey``.
        row: The answer.
        held: The columns with types that hold what the table has already; numbers must
            have room in these.

    Raises:
        UnencodableValueError: A text is no value of its column's type.
    """
    rows, keyed, keys, *measures = row
    return Survey(
        rows=rows,
        keyed=keyed,
        keys=keys,
        schema=schema.widened(dict(_needed(schema, held or schema, iter(measures)))),
    )


def _needed(
    schema: TableSchema, held: TableSchema, measures: Iterator[int | None]
) -> Iterator[tuple[str, str]]:
    """Read what ``_measures`` asked of each column; yield the types of the decimals."""
    for column, have in zip(schema.columns, held.columns, strict=True):
        if column.arrow_type != "string" and next(measures):
            raise unencodable(column)
        if scale_of(column.arrow_type) is not None:
            decimals, whole = next(measures) or 0, next(measures) or 0
            if scale_of(have.arrow_type) is not None:
                yield column.name, needed_type(have.arrow_type, decimals, whole)


def _measures(text: str, number: str, arrow_type: str) -> list[str]:
    """Return what ``survey`` asks of a column; *number* are its ``_plain`` texts."""
    wrong = f"COUNT_IF({_misread(text, number, arrow_type)})"
    if scale_of(arrow_type) is None:
        return [wrong]
    return [wrong, f"MAX({_decimals(number)})", f"MAX({_whole_digits(number)})"]


def _misread(text: str, number: str, arrow_type: str) -> str:
    return f"({text} <> '' AND ({_misfit(text, number, arrow_type)}))"


def _misfit(text: str, number: str, arrow_type: str) -> str:
    """Return the condition that a text that is not empty is no value of the type."""
    if arrow_type == "bool":
        return f"LOWER({text}) NOT IN ('true', 'false', '1', '0')"
    if arrow_type in _MOMENTS:
        unlike = _unlike(text, _MOMENTS[arrow_type].pattern)
        return f"{unlike} OR TRY_TO_{_moment(text, arrow_type)} IS NULL"
    unlike = _unlike(text, _NUMBER)
    return f"{unlike} OR {_no_int64(number)}" if arrow_type == "int64" else unlike


def _no_int64(number: str) -> str:
    value = f"TRY_TO_NUMBER({number}, {PRECISION}, 0)"
    return (
        f"{_decimals(number)} > 0"
        f" OR COALESCE({value} NOT BETWEEN -{2**63} AND {2**63 - 1}, TRUE)"
    )


def _unlike(text: str, pattern: str) -> str:
    return f"NOT REGEXP_LIKE({text}, '{pattern}')"


def _moment(text: str, arrow_type: str) -> str:
    """Return the call, without its TO_ or TRY_TO_, that reads a moment."""
    _, length, form = _MOMENTS[arrow_type]
    return f"{SNOWFLAKE[arrow_type]}(LEFT({text}, {length}), '{form}')"


def _plain(text: str) -> str:
    """Return a number's text without its exponent; NULL for NULL and ``''``."""
    mantissa = f"SPLIT_PART({text}, 'E', 1)"
    whole = f"SPLIT_PART({mantissa}, '.', 1)"
    fraction = f"SPLIT_PART({mantissa}, '.', 2)"
    up = _exponent(f"LTRIM(SPLIT_PART({text}, 'E', 2), '+')")
    down = _exponent(f"SPLIT_PART({text}, 'E-', 2)")
    return (
        f"CASE WHEN NOT CONTAINS({text}, 'E') THEN NULLIF({text}, '')"
        f" WHEN CONTAINS({text}, 'E-') THEN IFF(STARTSWITH({text}, '-'), '-0.', '0.')"
        f" || LPAD(LTRIM({whole}, '-'), {down}, '0') || {fraction}"
        f" ELSE {whole} || RPAD({fraction}, {up}, '0') || '.'"
        f" || SUBSTR({fraction}, {up} + 1) || '0' END"
    )


def _exponent(text: str) -> str:
    """Return an exponent; NULL, not an error, where ``misread`` is true."""
    return f"TRY_TO_NUMBER({text}, 3, 0)"


def _decimals(number: str) -> str:
    return f"LENGTH(RTRIM(SPLIT_PART({number}, '.', 2), '0'))"


def _whole_digits(number: str) -> str:
    return f"LENGTH(LTRIM(SPLIT_PART({number}, '.', 1), '-0'))"


def _has_digits(arrow_type: str) -> bool:
    return arrow_type == "int64" or scale_of(arrow_type) is not None


def _name(column: str) -> str:
    return sql.quote(column.upper())
