"""What becomes of columns in Snowflake: types and their conversions. Pure.

Snowflake changes a column in place to a longer text or to more digits before the point,
nothing else; for all else the table is rebuilt aside.

Source: https://docs.snowflake.com/en/sql-reference/sql/alter-table-column, read
2026-11-21.
"""

import re
from typing import Final, NamedTuple

from lht.exceptions import MissingKeyError
from lht.schema import (
    Column,
    SchemaChange,
    TableColumn,
    TableInfo,
    TableRef,
    TableSchema,
)
from lht.typemap import PRECISION, SNOWFLAKE, scale_of, sql_type, wider
from lht.warehouse import sql
from lht.warehouse.snowflake_values import converted, misread

_INT64_DIGITS: Final = 19
_MILLISECONDS: Final = 3
_LONGEST_TEXT: Final = 131_072  # characters, the most that a Salesforce field holds
_ALIASES: Final = {"TEXT": "VARCHAR", "DOUBLE": "FLOAT", "REAL": "FLOAT"}
_ZONED: Final = ("TIMESTAMP_TZ", "TIMESTAMP_LTZ")
_PLAIN: Final = {"bool": "BOOLEAN", "double": "FLOAT", "date": "DATE"}


def sql_type_of(
    name: str,
    precision: int | None,
    scale: int | None,
    length: int | None,
    digits: int | None,
) -> str:
    """Return a type as people write it, from what the catalogue says of a column.

    Args:
        name: Of the type.
        precision: Digits of a number.
        scale: Those of them behind the point.
        length: Characters of a text.
        digits: Of a second's fraction.
    """
    kind = _ALIASES.get(name, name)
    if kind == "NUMBER":
        return f"NUMBER({precision},{scale})"
    if kind == "VARCHAR" and length is not None and length < _LONGEST_TEXT:
        return f"VARCHAR({length})"
    coarse = digits is not None and digits < _MILLISECONDS
    if coarse and kind.startswith("TIME"):
        return f"{kind}({digits})"
    return kind


class Facts(NamedTuple):
    """All that the catalogue says of a column, in the order of ``FACTS``."""

    kind: str
    precision: int | None
    scale: int | None
    length: int | None
    digits: int | None
    default: str | None
    nullable: str
    identity: str
    comment: str | None


FACTS: Final = (
    "DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, CHARACTER_MAXIMUM_LENGTH,"
    " DATETIME_PRECISION, COLUMN_DEFAULT, IS_NULLABLE, IS_IDENTITY, COMMENT"
)
_CONSTANT: Final = re.compile(
    r"'(?:[^']|'')*'|[-+]?[0-9.]+(?:E[-+]?\d+)?|TRUE|FALSE|NULL"
)


def definition(name: str, facts: Facts, arrow_type: str | None = None) -> str | None:
    """Return how to add a column to a table; None if it cannot be added as it is.

    Args:
        name: Of the column.
        facts: What it is.
        arrow_type: What it is to be, if not the type that it has.

    Source: https://docs.snowflake.com/en/sql-reference/sql/alter-table, read
    2026-11-21: the default of an added column is a constant.
    """
    computed = facts.default is not None and not _CONSTANT.fullmatch(facts.default)
    if computed or facts.identity == "YES":
        return None
    kind = sql_type(arrow_type, SNOWFLAKE) if arrow_type else _exact_type(facts)
    parts = [f"{sql.quote(name)} {kind}"]
    if facts.default is not None:
        parts.append(f"DEFAULT {facts.default}")
    if facts.nullable == "NO":
        parts.append("NOT NULL")
    if facts.comment:
        parts.append(f"COMMENT {sql.literal(facts.comment)}")
    return " ".join(parts)


def _exact_type(facts: Facts) -> str:
    sizes = ""
    if facts.kind == "NUMBER":
        sizes = f"({facts.precision},{facts.scale})"
    elif facts.kind == "TEXT":
        sizes = f"({facts.length})"
    elif facts.kind.startswith("TIME"):
        sizes = f"({facts.digits})"
    return f"{_ALIASES.get(facts.kind, facts.kind)}{sizes}"


def number_of(kind: str) -> tuple[int, int] | None:
    """Return precision and scale of a NUMBER, None for any other type."""
    if not kind.startswith("NUMBER("):
        return None
    precision, _, scale = kind.removeprefix("NUMBER(").rstrip(")").partition(",")
    return int(precision), int(scale)


def holding(have: TableColumn | None, wanted: Column) -> str:
    """Return the type name that a column must have to hold old and new values."""
    if have is None or scale_of(wanted.arrow_type) is None:
        return wanted.arrow_type
    if have.sql_type == "FLOAT":
        return "double"
    number = number_of(have.sql_type)
    if number is None:
        return wanted.arrow_type
    return wider(wanted.arrow_type, f"decimal({PRECISION},{number[1]})")


def holds(have: str, arrow_type: str) -> bool:
    """Tell whether a column of the SQL type *have* serves for the type name."""
    number = number_of(have)
    if arrow_type == "int64":
        return number is not None and number[0] - number[1] >= _INT64_DIGITS
    return have == sql_type(arrow_type, SNOWFLAKE)


def changes_in_place(change: SchemaChange) -> bool:
    """Tell whether Snowflake can change the column as it is."""
    old, new = number_of(change.old_type or ""), number_of(change.new_type)
    if old and new:
        return old[1] == new[1] and old[0] <= new[0]
    return change.new_type == "VARCHAR" and str(change.old_type).startswith("VARCHAR")


def as_type(value: str, old_type: str, arrow_type: str) -> str:
    """Return the SQL that converts a column's value, or its greatest, to a type.

    Args:
        value: The expression to convert.
        old_type: Its SQL type.
        arrow_type: What it is to be.
    """
    new_type = sql_type(arrow_type, SNOWFLAKE)
    if old_type.startswith("VARCHAR"):
        return converted(value, arrow_type)
    if arrow_type == "timestamp" and old_type.startswith(_ZONED):
        return f"CONVERT_TIMEZONE('UTC', {value})::{new_type}"
    if arrow_type == "double":
        return f"TO_VARCHAR({value})::{new_type}"  # the nearest, found by its digits
    return f"{value}::{new_type}"


def altered(value: str, change: SchemaChange, arrow_type: str) -> str | None:
    """Return the condition that a change of type makes another value of a column's.

    None: it alters nothing, or is meant to (decimals that become doubles).
    """
    old = str(change.old_type)
    if old.startswith("VARCHAR"):
        return misread(value, arrow_type)
    instants = old.startswith("TIMESTAMP") and arrow_type == "timestamp"
    if arrow_type == "double" or instants:
        return None
    there = as_type(value, old, arrow_type)
    return f"({there})::{old} IS DISTINCT FROM {value}"


def key_of(info: TableInfo, key: str) -> TableColumn:
    """Return the table's column that tells rows apart.

    Raises:
        MissingKeyError: There is none.
    """
    column = info.column(key)
    if column is None:
        raise _no_key(info.ref, key)
    return column


def check_known(ref: TableRef, schema: TableSchema, key: str) -> None:
    """Raise unless the rows that arrive have the column that tells them apart.

    Raises:
        MissingKeyError: They have not.
    """
    if key.lower() not in schema.by_name:
        raise _no_key(ref, key)


def _no_key(ref: TableRef, key: str) -> MissingKeyError:
    return MissingKeyError(
        f"{ref} has no column {key} to match records by",
        hint="sync into another table with --table",
        table=str(ref),
    )
