"""One connection to DuckDB: statements, transactions, and the shape of tables."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Self

import duckdb

from lht.exceptions import (
    CommitStateUnknownError,
    ConfigError,
    SchemaDriftError,
    WarehouseError,
)
from lht.schema import (
    SchemaChange,
    TableColumn,
    TableInfo,
    TableRef,
    TableSchema,
)
from lht.typemap import DUCKDB, scale_of, sql_type
from lht.warehouse import duckdb_columns as columns
from lht.warehouse import sql
from lht.warehouse.duckdb_open import translated

_CONFLICT_SECONDS: Final = 30.0  # another session's CREATE commits well within
_CONFLICT_WAIT_SECONDS: Final = 0.05
_NEVER: Final = threading.Event()


class DuckDBTables:
    """One cursor, used by one thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str) -> None:
        self._connection = connection
        self._database = database
        self.execute(f"USE {sql.quote(database)}.main")
        self.execute("SET TimeZone = 'UTC'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the cursor; an open transaction is rolled back."""
        with contextlib.suppress(duckdb.Error):  # nothing of ours is left in it
            self._connection.close()

    # -- statements ---------------------------------------------------------------

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; see ``Session``."""
        self._run(statement, parameters)

    def query(
        self, statement: str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; see ``Session``."""
        return self._run(statement, parameters)

    def _run(
        self, statement: str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Send one statement to DuckDB: every statement of ours passes here."""
        with translated(statement):
            return self._connection.execute(statement, list(parameters)).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did as one, or none of it."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
            self._commit()
        except BaseException:  # Ctrl-C, too, must not leave it open
            with contextlib.suppress(duckdb.Error):
                self._connection.rollback()
            raise

    def _commit(self) -> None:
        try:
            self.execute("COMMIT")
        except WarehouseError as error:
            if isinstance(error.__cause__, duckdb.TransactionException):
                raise  # DuckDB has undone it
            raise CommitStateUnknownError(
                "DuckDB failed while committing: it may have landed",
                why=error.why,
                hint="run it again: it goes on from what is there",
            ) from error

    # -- tables -------------------------------------------------------------------

    def name(self, ref: TableRef) -> str:
        """Return a table's name in statements.

        It has three parts: of two, the first could be a schema or a database.
        """
        return sql.name(self._database, ref.schema, ref.name)

    def ensure_schema(self, schema: str) -> None:
        """Create a schema unless it exists."""
        name = sql.name(self._database, schema)
        self.ensure(f"CREATE SCHEMA IF NOT EXISTS {name}")

    def ensure(self, statement: str) -> None:
        """Run an idempotent CREATE, again if another session ran the same just now."""
        deadline = time.monotonic() + _CONFLICT_SECONDS
        while True:
            try:
                return self.execute(statement)
            except WarehouseError as error:
                if not isinstance(error.__cause__, duckdb.TransactionException):
                    raise
                if time.monotonic() > deadline:
                    raise WarehouseError(
                        "another connection has created the same and not committed",
                        why=error.why,
                        hint="commit its open transaction, then run it again",
                    ) from error
            _NEVER.wait(_CONFLICT_WAIT_SECONDS)

    def has_table(self, ref: TableRef) -> bool:
        """Tell whether there is such a table."""
        return bool(
            self._scalar(
                "SELECT count(*) FROM duckdb_tables() WHERE database_name = ?"
                " AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
                (self._database, ref.schema, ref.name),
            )
        )

    def latest(self, ref: TableRef, column: TableColumn) -> datetime | None:
        """Return the greatest instant in a column of a table, as naive UTC."""
        found: datetime | None = self._scalar(
            f"SELECT max({sql.quote(column.name)})::TIMESTAMP FROM {self.name(ref)}"
        )
        return found

    def read_table(self, ref: TableRef) -> TableInfo | None:
        """Return the table's columns and row count, or None if there is none.

        Raises:
            ConfigError: It is a view.
        """
        rows = self.query(
            "SELECT c.column_name, c.data_type, c.column_default, t.sql"
            " FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)"
            " WHERE c.database_name = ? AND t.database_name = c.database_name"
            " AND lower(c.schema_name) = lower(?) AND lower(c.table_name) = lower(?)"
            " ORDER BY c.column_index",
            (self._database, ref.schema, ref.name),
        )
        if not rows:
            self._refuse_view(ref)
            return None
        generated = self._generated(ref)
        return TableInfo(
            ref=ref,
            columns=tuple(
                TableColumn(
                    name=name,
                    sql_type=kind,
                    default=None if name in generated else default,
                    generated=name in generated,
                )
                for name, kind, default, _ in rows
            ),
            rows=self._scalar(f"SELECT count(*) FROM {self.name(ref)}"),
        )

    def _refuse_view(self, ref: TableRef) -> None:
        views = self.query(
            "SELECT view_name FROM duckdb_views() WHERE database_name = ?"
            " AND lower(schema_name) = lower(?) AND lower(view_name) = lower(?)",
            (self._database, ref.schema, ref.name),
        )
        if views:
            raise ConfigError(
                f"{ref} is a view: no rows can be loaded into it",
                hint="name another --schema or --table",
                table=str(ref),
            )

    def _generated(self, ref: TableRef) -> set[str]:
        rows = self.query(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_catalog = ? AND is_generated = 'ALWAYS'"
            " AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)",
            (self._database, ref.schema, ref.name),
        )
        return {name for (name,) in rows}

    def _scalar(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self.query(statement, parameters)[0][0]

    def create_table(self, ref: TableRef, schema: TableSchema) -> None:
        """Create an empty table for the schema."""
        body = ", ".join(
            f"{sql.quote(c.name)} {sql_type(c.arrow_type, DUCKDB)}"
            for c in schema.columns
        )
        self.execute(f"CREATE TABLE {self.name(ref)} ({body})")

    def misfits(self, table: TableInfo, schema: TableSchema) -> list[SchemaChange]:
        """Return what must change so that the table holds every value of *schema*."""
        return [
            SchemaChange(
                column=column.name,
                old_type=have.sql_type if have else None,
                new_type=sql_type(columns.holding(have, column), DUCKDB),
            )
            for column in schema.columns
            for have in [table.column(column.name)]
            if have is None
            or not columns.holds(have.sql_type, columns.holding(have, column))
        ]

    def align(self, table: TableInfo, schema: TableSchema) -> TableSchema:
        """Make the changes of ``misfits``; return the schema with the table's types."""
        for change in self.misfits(table, schema):
            if change.old_type is None:
                self.execute(
                    f"ALTER TABLE {self.name(table.ref)} ADD COLUMN"
                    f" {sql.quote(change.column)} {change.new_type}"
                )
            else:
                self._change_type(table.ref, change)
        return schema.widened(
            {c.name: columns.holding(table.column(c.name), c) for c in schema.columns}
        )

    def settled(self, ref: TableRef, old: TableSchema, new: TableSchema) -> TableSchema:
        """Turn a wider decimal into double where the table's values do not fit it."""

        def fits(name: str, arrow_type: str) -> bool:
            if scale_of(arrow_type) is None:
                return True
            column, kind = sql.quote(name), sql_type(arrow_type, DUCKDB)
            return not self._scalar(
                f"SELECT count(*) FROM {self.name(ref)} WHERE {column} IS NOT NULL"
                f" AND TRY_CAST({column} AS {kind}) IS NULL"
            )

        return new.widened(
            {
                b.name: "double"
                for a, b in zip(old.columns, new.columns, strict=True)
                if a.arrow_type != b.arrow_type and not fits(b.name, b.arrow_type)
            }
        )

    def widen(
        self, ref: TableRef, old: TableSchema, new: TableSchema
    ) -> tuple[SchemaChange, ...]:
        """Change the types of the columns that are wider in *new*; return what was."""
        changes = tuple(
            SchemaChange(
                column=b.name,
                old_type=sql_type(a.arrow_type, DUCKDB),
                new_type=sql_type(b.arrow_type, DUCKDB),
            )
            for a, b in zip(old.columns, new.columns, strict=True)
            if a.arrow_type != b.arrow_type
        )
        for change in changes:
            self._change_type(ref, change)
        return changes

    def _change_type(self, ref: TableRef, change: SchemaChange) -> None:
        """Change a column's type, exactly; indexes are dropped and made again."""
        name, indexes = sql.quote(change.column), self._indexes(ref)
        using = columns.converted(name, change.new_type)
        try:
            self._check_exact(ref, change)
            for index, _ in indexes:
                self.execute(f"DROP INDEX {self.name(index)}")
            self.execute(
                f"ALTER TABLE {self.name(ref)} ALTER {name} TYPE {change.new_type}"
                f" USING {using}"
            )
            for _, statement in indexes:
                self.execute(statement)
        except WarehouseError as error:
            raise SchemaDriftError(
                f"column {change.column} of {ref} is {change.old_type} and cannot"
                f" become {change.new_type}",
                why=error.why,
                hint=_how_to_change(
                    ref,
                    [
                        index.name
                        for index, made in indexes
                        if change.column.lower() in made.lower()
                    ],
                ),
                column=change.column,
                table=str(ref),
            ) from error

    def _check_exact(self, ref: TableRef, change: SchemaChange) -> None:
        """Raise if a value would be another one after the change of type."""
        altered = columns.altered(change)
        if altered and self._scalar(
            f"SELECT count(*) FROM {self.name(ref)} WHERE {altered}"
        ):
            text = "the column has values that would be altered"
            raise WarehouseError(text, why=text)

    def _indexes(self, ref: TableRef) -> list[tuple[TableRef, str]]:
        """Return the indexes that users made, with their CREATE statements."""
        rows = self.query(
            "SELECT schema_name, index_name, sql FROM duckdb_indexes()"
            " WHERE database_name = ? AND sql IS NOT NULL"
            " AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
            (self._database, ref.schema, ref.name),
        )
        database = sql.quote(self._database)
        return [
            (TableRef(schema, name), columns.create_index_in(database, statement))
            for schema, name, statement in rows
        ]


def _how_to_change(ref: TableRef, indexes: list[str]) -> str:
    if indexes:
        return f"drop {', '.join(indexes)}, load {ref}, then make what was dropped anew"
    return (
        "change the column yourself, or drop it: its values come back with a full load"
        f" of {ref}"
    )
