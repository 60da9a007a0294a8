"""What becomes of columns in Snowflake: types and their conversions. Pure.

Snowflake changes a column in place to a longer text or to more digits before the point,
nothing else; for all else the table is rebuilt aside.

Source: https://docs.snowflake.com/en/sql-reference/sql/alter-table-column, read
2026-11-21.
"""

from typing import Final

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
from lht.warehouse.snowflake_values import converted, misread

_INT64_DIGITS: Final = 19
_ZONED: Final = ("TIMESTAMP_TZ", "TIMESTAMP_LTZ")
_PLAIN: Final = {"bool": "BOOLEAN", "double": "FLOAT", "date": "DATE"}


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


def held(table: TableInfo, schema: TableSchema) -> TableSchema:
    """Return the schema with the types that hold the table's values as well."""
    return schema.widened(
        {c.name: holding(table.column(c.name), c) for c in schema.columns}
    )


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
