"""What becomes of columns in DuckDB: types, conversions, values carried over. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from lht.exceptions import MissingKeyError
from lht.schema import Column, SchemaChange, TableColumn, TableInfo, TableSchema
from lht.typemap import DUCKDB, PRECISION, scale_of, sql_type, wider
from lht.warehouse import sql

_FEED: Final = '"temp"."main"."feed"'  # as the name is known that is registered
_HOLDS: Final = {"timestamp": {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}}
# Through text, a decimal becomes the nearest double; with a time zone, the offset of a
# text counts (a session of ours is in UTC).
_VIA: Final = {"DOUBLE": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ"}
# The types by which a text and what it became are compared.
_WITNESS: Final = {"BIGINT": "DOUBLE", "DECIMAL": "DOUBLE", "DATE": "TIMESTAMP"}
_IDENTIFIER: Final = r'(?:"(?:[^"]|"")*"|[^\s".(]+)'
_INDEX_ON: Final = re.compile(rf"CREATE (?:UNIQUE )?INDEX {_IDENTIFIER} ON ")


def create_index_in(database: str, statement: str) -> str:
    """Return DuckDB's CREATE INDEX, which names schema and table, with a database."""
    return _INDEX_ON.sub(lambda start: f"{start[0]}{database}.", statement, count=1)


def holding(have: TableColumn | None, wanted: Column) -> str:
    """Return the type name that a column must have to hold old and new values."""
    if have is None or scale_of(wanted.arrow_type) is None:
        return wanted.arrow_type
    if have.sql_type in {"DOUBLE", "FLOAT"}:
        return "double"
    if have.sql_type.startswith("DECIMAL("):
        scale = int(have.sql_type.rstrip(")").partition(",")[2])
        return wider(wanted.arrow_type, f"decimal({PRECISION},{scale})")
    return wanted.arrow_type


def holds(have: str, arrow_type: str) -> bool:
    """Tell whether a column of the SQL type *have* serves for the type name."""
    wanted = sql_type(arrow_type, DUCKDB)
    return have in _HOLDS.get(arrow_type, {wanted})


def converted(name: str, sql_type: str) -> str:
    """Return the SQL that converts the (quoted) column to another type.

    A number without room in a decimal becomes NULL here. ``altered`` notices that of
    rows; but DuckDB also converts those that the transaction has deleted.
    """
    if sql_type.startswith("DECIMAL"):
        return f"TRY_CAST({name} AS {sql_type})"
    via = _VIA.get(sql_type)
    return f"{name}::{via}::{sql_type}" if via else f"{name}::{sql_type}"


def altered(change: SchemaChange) -> str | None:
    """Return the condition that a change of type makes another value of a row's.

    DuckDB rounds and cuts silently. None: the change alters nothing, or is meant to
    (decimals that become doubles).
    """
    kind = change.new_type.partition("(")[0]
    back = _WITNESS.get(kind) if change.old_type == "VARCHAR" else change.old_type
    if back is None or kind == "DOUBLE":
        return None
    name = sql.quote(change.column)
    there = converted(name, change.new_type)
    return f"{name}::{back} IS DISTINCT FROM ({there})::VARCHAR::{back}"


def theirs_of(info: TableInfo, schema: TableSchema, key: str) -> list[TableColumn]:
    """Return the table's columns that are not ours: users' own and removed fields."""
    if info.column(key) is None:
        raise MissingKeyError(
            f"{info.ref} has no column {key} to match records by",
            hint="sync into another table with --table",
            table=str(info.ref),
        )
    return [
        c
        for c in info.columns
        if c.name.lower() not in schema.by_name and not c.generated
    ]


def address(info: TableInfo, schema: TableSchema, key: str) -> str:
    """Return what tells the rows of the table, and of a staging table, apart.

    DuckDB's own ``rowid`` is found fastest, but a column may have the name.
    """
    taken = info.column("rowid") or "rowid" in schema.by_name
    return sql.quote(key) if taken else "rowid"


def also(theirs: Sequence[TableColumn], of: str | None = None) -> str:
    """Return more columns for a list, with the comma before them."""
    return f", {sql.columns((c.name for c in theirs), of)}" if theirs else ""


def unused(name: str, taken: Iterable[str]) -> str:
    """Return the name, lengthened until none of those taken is the same."""
    lower = {t.lower() for t in taken}
    while name in lower:
        name += "_"
    return name


def carried(column: TableColumn, key: str) -> str:
    """Return the old value of a column of theirs; new rows get its default."""
    name = sql.quote(column.name)
    if column.default is None:
        return f"c.{name}"
    return (
        f"CASE WHEN c.{sql.quote(key)} IS NULL THEN {column.default} ELSE c.{name} END"
    )


def fingerprint(schema: TableSchema, of: str) -> str:
    """Return a hash of our columns; it only tells updated from unchanged rows apart.

    Numbers are taken as doubles, so that a wider column has the same fingerprint.
    """
    parts = (
        f"{of}.{sql.quote(c.name)}"
        + ("" if scale_of(c.arrow_type) is None else "::DOUBLE")
        for c in schema.columns
    )
    return f"hash({', '.join(parts)})"


def all_of(schema: TableSchema) -> str:
    """Return what inserts the feed as it is, behind the table's name."""
    names = schema.names
    return (
        f"({sql.columns(names)}) SELECT {sql.columns(names, 'p')}"
        f" FROM {unordered(schema)} p"
    )


def unordered(schema: TableSchema) -> str:
    """Return the feed as a source of rows whose order need not be kept.

    DuckDB writes with one thread what keeps its order. Behind a join nothing has one,
    so this one, which takes no row away, lets all threads write: twice as fast.
    """
    return (
        f"(SELECT f.* FROM {_FEED} f ANTI JOIN (SELECT NULL::VARCHAR AS nothing) n"
        f" ON n.nothing = f.{sql.quote(schema.names[0])}::VARCHAR)"
    )
