"""The DuckDB tables behind the org: one for each sObject, and a few of its own.

Rows go in and out whole, as dictionaries keyed by column name; every table's key is
``Id``. What a row must look like is for others to know.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from lht.devorg import ids
from lht.devorg.metadata import Metadata, SObject
from lht.devorg.store.values import column_type

Row = dict[str, Any]
Changes = Mapping[str, Mapping[str, Row | None]]
"""For each table and id: the row as it shall be, or None where it shall be gone."""

BIN, DELETES = "org.bin", "org.deletes"

_OWN = {
    # Who shares the fate of a deleted record (root), and which lookups it emptied.
    BIN: ("Id", "root", "sobject", "record", "field"),
    DELETES: ("Id", "sobject", "deleted_at", "purged_at"),
}
_ARROW = {
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIME": pa.time64("us"),
    "BLOB": pa.binary(),
}
_MANY = 10
"""From how many rows on an Arrow table costs less than a statement for each."""

_BLOCK = 1000
"""How many numbers are reserved at once; a restart skips what is left of them."""


class ChangedFieldError(ValueError):
    """A field that an org's file keeps otherwise than it is declared now."""

    hint = "name another file, or the objects that this one was made with"

    def __init__(self, sobject: str, field: str, was: str, kind: str) -> None:
        super().__init__(f"{sobject}.{field} is kept as {was}, and declared as {kind}")


@dataclass(frozen=True)
class Table:
    """One table: its name in SQL and the DuckDB types of its columns."""

    sql: str
    columns: Mapping[str, str]


class Tables:
    """All tables of one database, and its counters. Not for several threads."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, metadata: Metadata
    ) -> None:
        """Create what is missing; tables already there keep their rows.

        Raises:
            ChangedFieldError: A column there is of another type.
        """
        self.db = connection
        self.by_name = _own_tables() | _sobject_tables(metadata)
        self._counters: dict[str, tuple[int, int]] = {}
        self.is_new = not self._exists()
        if self.is_new:
            self._create()
        else:
            self._extend()
        old = () if self.is_new else self.by_name
        self._filled = {name for name in old if self._has_rows(name)}

    def _exists(self) -> bool:
        sql = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'org'"
        return self.first(sql) is not None

    def _create(self) -> None:
        self.db.execute("CREATE SCHEMA org")
        self.db.execute(
            "CREATE TABLE org.counters (name VARCHAR PRIMARY KEY, reserved BIGINT)"
        )
        for name in self.by_name:
            self._create_table(name)

    def _create_table(self, name: str) -> None:
        table = self.by_name[name]
        columns = (f'"{column}" {kind}' for column, kind in table.columns.items())
        self.db.execute(f"CREATE TABLE {table.sql} ({', '.join(columns)})")
        self.db.execute(f'CREATE INDEX "by_id {name}" ON {table.sql} ("Id")')

    def _extend(self) -> None:
        """Add the objects and fields that were declared since the file was made."""
        there: dict[str, dict[str, str]] = {}
        for name, column, kind in self.db.execute(
            "SELECT CASE WHEN schema_name = 'org' THEN 'org.' ELSE '' END"
            " || table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE database_name = current_database()"
        ).fetchall():
            there.setdefault(name, {})[column] = kind
        for name, table in self.by_name.items():
            if name not in there:
                self._create_table(name)
                continue
            for column, kind in table.columns.items():
                self._extend_table(name, column, kind, there[name].get(column))

    def _extend_table(self, name: str, column: str, kind: str, was: str | None) -> None:
        if was is None:
            default = " DEFAULT false" if kind == "BOOLEAN" else ""
            sql = self.by_name[name].sql
            self.db.execute(f'ALTER TABLE {sql} ADD COLUMN "{column}" {kind}{default}')
        elif was != kind:
            raise ChangedFieldError(name, column, was, kind)

    def _has_rows(self, name: str) -> bool:
        sql = f"SELECT 1 FROM {self.by_name[name].sql} LIMIT 1"
        return self.first(sql) is not None

    def count(self, name: str) -> int:
        """Return how many rows an object has, whatever the case of its name."""
        tables = {known.lower(): table for known, table in self.by_name.items()}
        table = tables.get(name.lower())
        row = self.first(f"SELECT count(*) FROM {table.sql}") if table else None
        return int(row[0]) if row else 0

    def first(self, sql: str, parameters: Iterable[Any] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a statement, or None.

        All rows are fetched: a connection with a result half read refuses other work.
        """
        rows = self.db.execute(sql, list(parameters)).fetchall()
        return rows[0] if rows else None

    def live(self, name: str) -> str:
        """Return the SQL condition of a table's rows that are not in the bin."""
        kept = "IsDeleted" in self.by_name[name].columns
        return 'NOT "IsDeleted"' if kept else "true"

    def fetch(self, name: str, record_id: str) -> Row | None:
        """Return one row, or None."""
        found = self.select(name, '"Id" = ?', [record_id])
        return found[0] if found else None

    def is_deleted(self, name: str, record_id: str) -> bool | None:
        """Return whether a row is in the bin; None where there is no such row."""
        table = self.by_name[name]
        what = '"IsDeleted"' if "IsDeleted" in table.columns else "false"
        sql = f'SELECT {what} FROM {table.sql} WHERE "Id" = ?'
        row = self.first(sql, [record_id])
        return None if row is None else bool(row[0])

    def find(self, name: str, column: str, values: Collection[Any]) -> list[Row]:
        """Return all rows whose *column* holds one of *values*."""
        if len(values) == 1:
            return self.select(name, f'"{column}" = ?', values)
        return self.select(name, f'"{column}" IN (SELECT unnest(?))', [list(values)])

    def select(self, name: str, where: str, parameters: Iterable[Any]) -> list[Row]:
        """Return all rows for which *where*, DuckDB SQL, is true."""
        if name not in self._filled:
            return []
        table = self.by_name[name]
        columns = ", ".join(f'"{column}"' for column in table.columns)
        sql = f"SELECT {columns} FROM {table.sql} WHERE {where}"
        rows = self.db.execute(sql, list(parameters)).fetchall()
        return [dict(zip(table.columns, row, strict=True)) for row in rows]

    def apply(self, changes: Changes, new: Collection[tuple[str, str]]) -> None:
        """Make all *changes* in one transaction; *new* ids need no looking up."""
        self.db.begin()
        try:
            self.write(self.db, changes, new)
        except duckdb.Error:
            self.db.rollback()
            raise
        self.db.commit()

    def write(
        self,
        db: duckdb.DuckDBPyConnection,
        changes: Changes,
        new: Collection[tuple[str, str]],
    ) -> None:
        """Make all *changes* in the transaction that *db* has open."""
        for name, rows in changes.items():
            old = [key for key in rows if (name, key) not in new]
            self._delete(db, name, old)
            self._insert(db, name, [row for row in rows.values() if row is not None])

    def _delete(
        self, db: duckdb.DuckDBPyConnection, name: str, keys: list[str]
    ) -> None:
        sql = f'DELETE FROM {self.by_name[name].sql} WHERE "Id" '
        if len(keys) == 1:
            db.execute(sql + "= ?", keys)
        elif keys:
            db.execute(sql + "IN (SELECT unnest(?))", [keys])

    def _insert(
        self, db: duckdb.DuckDBPyConnection, name: str, rows: list[Row]
    ) -> None:
        if rows:
            self._filled.add(name)
        if len(rows) < _MANY:
            for row in rows:
                self._insert_one(db, name, row)
        else:
            self._insert_many(db, name, rows)

    def _insert_one(self, db: duckdb.DuckDBPyConnection, name: str, row: Row) -> None:
        given = {column: value for column, value in row.items() if value is not None}
        columns = ", ".join(f'"{column}"' for column in given)
        marks = ", ".join("?" * len(given))
        sql = f"INSERT INTO {self.by_name[name].sql} ({columns}) VALUES ({marks})"
        db.execute(sql, list(given.values()))

    def _insert_many(
        self, db: duckdb.DuckDBPyConnection, name: str, rows: list[Row]
    ) -> None:
        table = self.by_name[name]
        columns = {
            column: pa.array([row.get(column) for row in rows], _ARROW[kind])
            for column, kind in table.columns.items()
        }
        db.register("org_rows", pa.table(columns))
        db.execute(f"INSERT INTO {table.sql} BY NAME SELECT * FROM org_rows")
        db.unregister("org_rows")

    def insert_select(self, name: str, sql: str) -> int:
        """Insert what a SELECT yields, matched by column name; return the rows."""
        statement = f"INSERT INTO {self.by_name[name].sql} BY NAME {sql}"
        row = self.first(statement)
        self._filled.add(name)
        return int(row[0]) if row else 0

    def take_number(self, counter: str, count: int = 1) -> int:
        """Take *count* consecutive numbers of a counter; return the first."""
        if counter not in self._counters:
            sql = "SELECT reserved FROM org.counters WHERE name = ?"
            row = self.first(sql, [counter])
            self._counters[counter] = (row[0], row[0]) if row else (0, 0)
        first, reserved = self._counters[counter]
        following = first + count
        if following > reserved:
            reserved = following + _BLOCK
            sql = "INSERT OR REPLACE INTO org.counters VALUES (?, ?)"
            self.db.execute(sql, [counter, reserved])
        self._counters[counter] = (following, reserved)
        return first

    def org_number(self) -> int:
        """Return the number that tells this org from all others, drawn once."""
        row = self.first("SELECT reserved FROM org.counters WHERE name = 'org'")
        if row is None:
            row = (secrets.randbelow(ids.LIMIT),)
            self.db.execute("INSERT INTO org.counters VALUES ('org', ?)", [row[0]])
        return int(row[0])

    def skip_id(self, name: str, record_id: str) -> None:
        """Never give out an id that came from elsewhere, nor one below it."""
        number = ids.number_of(record_id)
        if number is not None:
            following = self.take_number(f"id {name}", 0)
            self.take_number(f"id {name}", max(0, number + 1 - following))


def _own_tables() -> dict[str, Table]:
    return {
        name: Table(name, {c: _own_type(c) for c in columns})
        for name, columns in _OWN.items()
    }


def _own_type(column: str) -> str:
    return "TIMESTAMP" if column.endswith("_at") else "VARCHAR"


def _sobject_tables(metadata: Metadata) -> dict[str, Table]:
    return {
        sobject.name: Table(f'"{sobject.name}"', _columns(sobject))
        for sobject in metadata.sobjects
    }


def _columns(sobject: SObject) -> dict[str, str]:
    """Name an object's columns; there is an Id, even where no field shows it."""
    stored = {f.name: column_type(f) for f in sobject.fields if f.stored}
    return stored if "id" in sobject.by_name else {"Id": "VARCHAR"} | stored
