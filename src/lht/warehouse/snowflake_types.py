"""Snowflake's types, as people and its catalogue spell them, and what they take. Pure.

Source: https://docs.snowflake.com/en/sql-reference/intro-summary-data-types, read
2026-11-21.
"""

import re
from typing import Final

from lht.exceptions import ConfigError
from lht.typemap import PRECISION
from lht.warehouse.base import Slot

TEXT_LENGTH: Final = 16_777_216  # characters of a VARCHAR that names no length
BINARY_LENGTH: Final = 8_388_608
NANOSECONDS: Final = 9
YEARS: Final = (1, 9999)
_TYPE: Final = re.compile(
    r"([A-Z][A-Z0-9_]*(?: [A-Z]+)?) *(?:\(([0-9]+)(?:, *([0-9]+))?\))?"
)
_INT: Final = ("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT")
_NUMBER: Final = ("NUMBER", "DECIMAL", "NUMERIC", "DEC")
_FLOAT: Final = ("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL")
_TEXT: Final = ("VARCHAR", "STRING", "TEXT", "NVARCHAR", "NVARCHAR2", "CHAR VARYING")
_CHAR: Final = ("CHAR", "CHARACTER", "NCHAR")  # of one character, if not told more
_NAIVE: Final = ("TIMESTAMP_NTZ", "TIMESTAMPNTZ", "DATETIME", "TIMESTAMP")
_ZONED: Final = ("TIMESTAMP_LTZ", "TIMESTAMPLTZ", "TIMESTAMP_TZ", "TIMESTAMPTZ")
_JSON: Final = ("VARIANT", "OBJECT", "ARRAY")


def slot_of(name: str, spelled: str, *, required: bool = False) -> Slot:
    """Return the column of a type.

    Args:
        name: Of the column.
        spelled: Its type, with what it says of length, digits and scale.
        required: Whether it takes no NULL.

    Raises:
        ConfigError: It is no type.
    """
    found = _TYPE.fullmatch(" ".join(spelled.upper().split()))
    if found is None:
        raise ConfigError(
            f"{spelled!r} is no type for the column {name}",
            hint="write it as Snowflake does: VARCHAR, NUMBER(18, 2), TIMESTAMP_NTZ",
        )
    kind, first, second = found.groups()
    size = None if first is None else int(first)
    slot = _number(name, kind, size, int(second or 0)) or _other(name, kind, size)
    return Slot(
        name=name,
        kind=slot.kind,
        sql_type=slot.sql_type,
        required=required,
        length=slot.length,
        scale=slot.scale,
        least=slot.least,
        most=slot.most,
    )


def decimal_slot(name: str, sql_type: str, digits: int, scale: int) -> Slot:
    """Return a column of numbers of so many digits, some of them behind the point."""
    most = 10 ** (digits - scale) - 1
    return Slot(
        name=name,
        kind="decimal",
        sql_type=sql_type,
        scale=scale,
        least=-most,
        most=most,
    )


def moment_slot(name: str, kind: str, sql_type: str, digits: int) -> Slot:
    """Return a column of times or timestamps, a second having so many digits."""
    least, most = YEARS
    return Slot(
        name=name, kind=kind, sql_type=sql_type, scale=digits, least=least, most=most
    )


def _number(name: str, kind: str, size: int | None, scale: int) -> Slot | None:
    if kind in _INT:
        return decimal_slot(name, f"NUMBER({PRECISION},0)", PRECISION, 0)
    if kind in _NUMBER:
        digits = PRECISION if size is None else size
        return decimal_slot(name, f"NUMBER({digits},{scale})", digits, scale)
    if kind in _FLOAT:
        return Slot(name=name, kind="double", sql_type="FLOAT")
    return None


def _other(name: str, kind: str, size: int | None) -> Slot:
    if kind in _TEXT or kind in _CHAR:
        length = size or (1 if kind in _CHAR else TEXT_LENGTH)
        told = "" if length == TEXT_LENGTH else f"({length})"
        return Slot(name=name, kind="string", sql_type=f"VARCHAR{told}", length=length)
    if kind in {"BINARY", "VARBINARY"}:
        length = size or BINARY_LENGTH
        told = "" if length == BINARY_LENGTH else f"({length})"
        return Slot(name=name, kind="binary", sql_type=f"BINARY{told}", length=length)
    if kind == "BOOLEAN":
        return Slot(name=name, kind="bool", sql_type=kind)
    if kind in _JSON:
        return Slot(name=name, kind="json", sql_type=kind)
    return _moment(name, kind, size)


def _moment(name: str, kind: str, size: int | None) -> Slot:
    digits = NANOSECONDS if size is None else size
    told = "" if size in {None, NANOSECONDS} else f"({size})"
    if kind == "DATE":
        return Slot(name=name, kind="date", sql_type=kind)
    if kind == "TIME":
        return moment_slot(name, "time", f"TIME{told}", digits)
    if kind in _NAIVE:
        return moment_slot(name, "timestamp", f"TIMESTAMP_NTZ{told}", digits)
    if kind in _ZONED:
        zone = "LTZ" if "LTZ" in kind else "TZ"
        return moment_slot(name, "zoned", f"TIMESTAMP_{zone}{told}", digits)
    told = "" if size is None else f"({size})"
    return Slot(name=name, kind="other", sql_type=f"{kind}{told}")
