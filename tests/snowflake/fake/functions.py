"""Functions of Snowflake's that DuckDB has not, or has with another meaning."""

from collections.abc import Callable
from typing import Any

import duckdb
from tests.snowflake.fake import moments

HOME = "memory.main"

_NUMBER = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"
_FLOAT = rf"{_NUMBER}|\s*[+-]?([nN][aA][nN]|[iI][nN][fF])\s*"
_YES = "('true', 't', 'yes', 'y', 'on', '1')"
_NO = "('false', 'f', 'no', 'n', 'off', '0')"
_IS_TEXT = "typeof(x) = 'VARCHAR'"
_PLAIN = "x::VARCHAR"


def _checked(pattern: str, otherwise: str) -> str:
    """Let text through that is a number, other values as they are."""
    fits = f"regexp_full_match({_PLAIN}, '{pattern}')"
    return f"CASE WHEN {_IS_TEXT} AND NOT {fits} THEN {otherwise} ELSE x END"


def _error(code: str, words: str) -> str:
    return f"error('{code}|{words} ''' || {_PLAIN} || ''' is not recognized')"


def _boolean(otherwise: str) -> str:
    text = f"lower(trim({_PLAIN}))"
    return (
        f"CASE WHEN NOT {_IS_TEXT} THEN CASE WHEN {text} IN ('true', 'false') THEN "
        f"{text} = 'true' ELSE try_cast({_PLAIN} AS DOUBLE) <> 0 END "
        f"WHEN {text} IN {_YES} THEN true WHEN {text} IN {_NO} THEN false "
        f"WHEN x IS NULL THEN NULL ELSE {otherwise} END"
    )


def _moment(reader: str, kind: str) -> str:
    return (
        f"CASE WHEN {_IS_TEXT} THEN {reader}({_PLAIN}) "
        f"ELSE {_PLAIN}::TIMESTAMP::{kind} END"
    )


_NOT_A_NUMBER = _error("100038", "Numeric value")
_MACROS = {
    "_SF_NUMBER(x)": _checked(_NUMBER, _NOT_A_NUMBER),
    "_SF_TRY_NUMBER(x)": _checked(_NUMBER, "NULL"),
    "_SF_FLOAT(x)": _checked(_FLOAT, _NOT_A_NUMBER),
    "_SF_TRY_FLOAT(x)": _checked(_FLOAT, "NULL"),
    "_SF_BOOLEAN(x)": _boolean(_error("100037", "Boolean value")),
    "_SF_TRY_BOOLEAN(x)": _boolean("NULL"),
    "_SF_TIMESTAMP(x)": _moment("_SF_READ_TIMESTAMP", "TIMESTAMP"),
    "_SF_TRY_TIMESTAMP(x)": _moment("_SF_TRY_READ_TIMESTAMP", "TIMESTAMP"),
    "_SF_DATE(x)": _moment("_SF_READ_DATE", "DATE"),
    "_SF_TRY_DATE(x)": _moment("_SF_TRY_READ_DATE", "DATE"),
    "_SF_TIME(x)": (
        f"CASE WHEN {_IS_TEXT} THEN _SF_READ_TIME({_PLAIN}) "
        f"WHEN typeof(x) = 'TIME' THEN {_PLAIN}::TIME "
        f"ELSE {_PLAIN}::TIMESTAMP::TIME END"
    ),
    "_SF_TRY_TIME(x)": (
        f"CASE WHEN {_IS_TEXT} THEN _SF_TRY_READ_TIME({_PLAIN}) "
        f"WHEN typeof(x) = 'TIME' THEN {_PLAIN}::TIME "
        f"ELSE {_PLAIN}::TIMESTAMP::TIME END"
    ),
    "_SF_TEXT(x)": (
        "CASE WHEN typeof(x) LIKE 'TIMESTAMP%' THEN _SF_WRITE("
        f"{_PLAIN}::TIMESTAMP, 'YYYY-MM-DD HH24:MI:SS.FF3') "
        f"WHEN typeof(x) = 'TIME' THEN left({_PLAIN}, 8) "
        f"WHEN typeof(x) = 'BLOB' THEN hex({_PLAIN}::BLOB) "
        f"WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN _SF_WRITE_FLOAT({_PLAIN}::DOUBLE) "
        f"ELSE {_PLAIN} END"
    ),
    "_SF_SHORT_TEXT(x, most)": (
        f"CASE WHEN length({_PLAIN}) > most THEN error('100078|String ''' || "
        f"left({_PLAIN}, 40) || ''' is too long and would be truncated') "
        f"ELSE {_PLAIN} END"
    ),
    "_SF_TO_CHAR(x, form)": (
        "CASE WHEN typeof(x) LIKE 'TIMESTAMP%' OR typeof(x) = 'DATE' THEN "
        f"_SF_WRITE({_PLAIN}::TIMESTAMP, form) "
        f"WHEN typeof(x) = 'BLOB' AND upper(form) = 'HEX' THEN hex({_PLAIN}::BLOB) "
        "ELSE error('009999|the fake has a gap: TO_CHAR of ' || typeof(x) "
        "|| ' by a format') END"
    ),
    "_SF_BINARY(x)": (
        f"CASE WHEN {_IS_TEXT} THEN unhex({_PLAIN}) ELSE {_PLAIN}::BLOB END"
    ),
}


def _float_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def install(duck: duckdb.DuckDBPyConnection) -> None:
    """Give every session of a DuckDB instance these functions."""
    text, form = ["VARCHAR"], ["VARCHAR", "VARCHAR"]
    for kind, read, read_as in (
        ("TIMESTAMP", moments.read_timestamp, moments.read_timestamp_as),
        ("DATE", moments.read_date, moments.read_date_as),
        ("TIME", moments.read_time, moments.read_time_as),
    ):
        duck.create_function(f"_SF_READ_{kind}", read, text, kind)
        null = {"null_handling": "special"}
        duck.create_function(f"_SF_TRY_READ_{kind}", _or_null(read), text, kind, **null)
        duck.create_function(f"_SF_READ_{kind}_AS", read_as, form, kind)
        name = f"_SF_TRY_READ_{kind}_AS"
        duck.create_function(name, _or_null_as(read_as), form, kind, **null)
    duck.create_function(
        "_SF_WRITE", moments.written, ["TIMESTAMP", "VARCHAR"], "VARCHAR"
    )
    duck.create_function("_SF_WRITE_FLOAT", _float_text, ["DOUBLE"], "VARCHAR")
    for head, body in _MACROS.items():
        duck.execute(f"CREATE MACRO {HOME}.{head} AS ({body})")


def _or_null(read: Callable[[str], Any]) -> Callable[[str | None], Any]:
    """Read by a TRY_ function: what cannot be read is NULL."""

    def reader(text: str | None) -> Any:
        return None if text is None else _attempt(read, text)

    return reader


def _or_null_as(read: Callable[[str, str], Any]) -> Callable[..., Any]:
    def reader(text: str | None, form: str) -> Any:
        return None if text is None else _attempt(read, text, form)

    return reader


def _attempt(read: Callable[..., Any], *arguments: str) -> Any:
    try:
        return read(*arguments)
    except moments.UnreadableError as error:
        if "gap" in str(error):
            raise
        return None
