"""DuckDB: the embedded default warehouse.

A load happens inside one transaction on a cursor of our own. Readers see the table as
it was until the commit, because DuckDB keeps versions; so a full refresh can replace
the rows of the very same table, and whatever hangs on the table (indexes, constraints,
defaults, comments, views) simply stays.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import pyarrow as pa

from lht.exceptions import (
    DuplicateKeyError,
    SchemaDriftError,
    WarehouseError,
    WarehouseUnavailableError,
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
from lht.warehouse.base import Capabilities, LoadCounts
from lht.warehouse.duckdb_open import current_database, open_database
from lht.warehouse.feed import Feed

CAPABILITIES: Final = Capabilities(
    kind="duckdb", stages=False, single_process=True, parallel_loads=1
)
URL_PREFIX: Final = "duckdb:///"
_FEED: Final = '"temp"."main"."feed"'  # as the name is known that is registered
_CONFLICT_SECONDS: Final = 30.0  # another session's CREATE commits well within
_REPEATED: Final = (
    "records came more than once, or without a key",
    "run it again; if it happens again, please report it",
)
_NOT_UNIQUE: Final = (
    "the table has more than one row for a key",
    "remove the extra rows",
)
_QUIET: Final = (duckdb.ConversionException, duckdb.ConstraintException)


class DuckDBWarehouse:
    """A DuckDB database: a file, ``:memory:``, or a connection that a caller has.

    Args:
        target: A path, a ``duckdb:///`` URL or an open connection. A connection stays
            the caller's; its transactions and settings are not touched.
        create: Whether a file that does not exist comes into being; if not, an empty
            database in memory stands for it.

    Raises:
        WarehouseUnavailableError: The file is open in another process.
        ConfigError: The path cannot be a database.
    """

    capabilities = CAPABILITIES

    def __init__(
        self, target: str | Path | duckdb.DuckDBPyConnection, *, create: bool = True
    ) -> None:
        self._owned = not is_connection(target)
        if isinstance(target, duckdb.DuckDBPyConnection):
            self._root = target
            self._database, path = current_database(target)
        else:
            path = str(target).removeprefix(URL_PREFIX)
            absent = not create and not Path(path).exists()
            self._root = open_database(":memory:" if absent else path)
            self._database, _ = current_database(self._root)
        shown = path.partition("?")[0]  # what follows may be a token
        self.display = f"{URL_PREFIX}{shown or ':memory:'}"

    def session(self) -> "DuckDBSession":
        """Open a cursor of our own, in the database that the caller's connection uses.

        Raises:
            WarehouseUnavailableError: The connection was closed meanwhile.
        """
        try:
            cursor = self._root.cursor()
        except duckdb.Error as error:
            raise WarehouseUnavailableError(
                f"{self.display} was closed", why=str(error), hint="open it again"
            ) from error
        return DuckDBSession(cursor, self._database)

    def close(self) -> None:
        """Close the database if it was opened here."""
        if self._owned:
            self._root.close()


def is_connection(value: object) -> bool:
    """Tell whether *value* is a DuckDB connection."""
    return isinstance(value, duckdb.DuckDBPyConnection)


class DuckDBSession:
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
        try:
            return self._connection.execute(statement, list(parameters)).fetchall()
        except duckdb.Error as error:
            quiet = isinstance(error, _QUIET)  # their texts quote values
            raise WarehouseError(
                f"DuckDB refused a statement ({type(error).__name__})",
                why=None if quiet else str(error),
                statement=statement,
            ) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did as one, or none of it."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                self._connection.rollback()
            raise

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
                conflict = isinstance(error.__cause__, duckdb.TransactionException)
                if not conflict or time.monotonic() > deadline:
                    raise

    def read_table(self, ref: TableRef) -> TableInfo | None:
        """Return the table's columns and row count, or None if there is none."""
        rows = self.query(
            "SELECT c.column_name, c.data_type, c.column_default, t.sql"
            " FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)"
            " WHERE c.database_name = ? AND t.database_name = c.database_name"
            " AND lower(c.schema_name) = lower(?) AND lower(c.table_name) = lower(?)"
            " ORDER BY c.column_index",
            (self._database, ref.schema, ref.name),
        )
        if not rows:
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
                hint=f"change the column yourself, or drop it: its values come back"
                f" with a full load of {ref}",
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

    # -- loads --------------------------------------------------------------------

    def replace_rows(
        self,
        ref: TableRef,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
        *,
        key: str,
        cursor_field: str | None,
    ) -> LoadCounts:
        """Make *batches* the rows of the table; see ``Session``."""
        info = self._existing(ref)
        target, theirs = self.name(ref), columns.theirs_of(info, schema, key)
        by = sql.quote(key)

        def rest(source: str) -> str:
            join = f" LEFT JOIN {carry} c ON c.{by} = p.{by}" if theirs else ""
            return (
                f"({sql.columns([*schema.names, *(c.name for c in theirs)])})"
                f" SELECT {sql.columns(schema.names, 'p')}"
                + "".join(f", {columns.carried(c, key)}" for c in theirs)
                + f" FROM {source} p{join}"
            )

        with self._scratch("carry") as scratch:
            carry = self.name(scratch)
            self.execute(
                f"CREATE TABLE {carry} AS SELECT {by},"
                f" {columns.fingerprint(schema, 't')} AS lht_fingerprint"
                f"{columns.also(theirs)} FROM {target} t"
            )
            if info.rows:
                self.check_key(ref, key)
            final, widened = self._replaced(ref, rest, schema, batches)
            after = columns.fingerprint(final, "t")
            inserted, unchanged, found = self.query(
                "SELECT count(*) FILTER (c.lht_fingerprint IS NULL),"
                f" count(*) FILTER (c.lht_fingerprint = {after}),"
                f" count(*) FILTER (c.lht_fingerprint IS NOT NULL)"
                f" FROM {target} t LEFT JOIN {carry} c"
                f" ON c.{by} = t.{by}"
            )[0]
        summary = self._summary(target, schema, cursor_field)
        staged = self._keys(target, key, *_REPEATED)
        return LoadCounts(
            staged=staged,
            inserted=inserted,
            updated=staged - inserted - unchanged,
            unchanged=unchanged,
            removed=info.rows - found,
            widened=widened,
            **summary,
        )

    def _replaced(
        self,
        ref: TableRef,
        rest: Callable[[str], str],
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
    ) -> tuple[TableSchema, tuple[SchemaChange, ...]]:
        """Delete all rows and insert the batches; see ``_insert``.

        A unique index made again would still see the rows deleted in the transaction,
        so a table with indexes is widened before, to what a staging table needed.
        """
        delete = f"DELETE FROM {self.name(ref)}"
        if not self._indexes(ref):
            self.execute(delete)
            return self._insert(ref, rest(_FEED), schema, batches)
        with self._scratch("staging") as staging:
            final, widened = self._staged(staging, ref, schema, batches)
            self.execute(delete)
            self.execute(f"INSERT INTO {self.name(ref)} {rest(self.name(staging))}")
        return final, widened

    def merge_rows(
        self,
        ref: TableRef,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
        *,
        key: str,
        cursor_field: str | None,
    ) -> LoadCounts:
        """Insert new rows, update changed ones, leave equal ones; see ``Session``."""
        info = self._existing(ref)
        target, theirs = self.name(ref), columns.theirs_of(info, schema, key)
        by = sql.quote(key)
        with self._scratch("staging") as arrived, self._scratch("changed") as scratch:
            staging, changed = self.name(arrived), self.name(scratch)
            _, widened = self._staged(arrived, ref, schema, batches)
            staged = self._keys(staging, key, *_REPEATED)
            self.execute(
                f"CREATE TABLE {changed} AS SELECT s.*, t.{by} IS NULL AS lht_new"
                f"{columns.also(theirs, 't')}"
                f" FROM {staging} s LEFT JOIN {target} t ON t.{by} = s.{by}"
                f" WHERE t.{by} IS NULL OR {sql.differs(schema.names, 's', 't')}"
            )
            self._keys(changed, key, *_NOT_UNIQUE)
            inserted, updated = self.query(
                f"SELECT count(*) FILTER (lht_new), count(*) FILTER (NOT lht_new)"
                f" FROM {changed}"
            )[0]
            self.execute(
                f"DELETE FROM {target} t USING {changed} c WHERE t.{by} = c.{by}"
            )
            kept = [*schema.names, *(c.name for c in theirs)]
            for names, which in ((kept, "NOT lht_new"), (schema.names, "lht_new")):
                self.execute(
                    f"INSERT INTO {target} ({sql.columns(names)})"
                    f" SELECT {sql.columns(names)} FROM {changed} WHERE {which}"
                )
            deleted = self._summary(staging, schema, cursor_field)["deleted"]
        summary = self._summary(target, schema, cursor_field)
        return LoadCounts(
            staged=staged,
            inserted=inserted,
            updated=updated,
            unchanged=staged - inserted - updated,
            removed=0,
            widened=widened,
            **{**summary, "deleted": deleted},
        )

    def _existing(self, ref: TableRef) -> TableInfo:
        info = self.read_table(ref)
        if info is None:
            raise WarehouseError(f"{ref} does not exist any more")
        return info

    @contextlib.contextmanager
    def _scratch(self, purpose: str) -> Iterator[TableRef]:
        """Name a table that exists only inside the transaction of the block."""
        name = TableRef("LHT", f"{purpose}_{threading.get_ident()}")
        yield name
        self.execute(f"DROP TABLE {self.name(name)}")

    def _staged(
        self,
        staging: TableRef,
        ref: TableRef,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
    ) -> tuple[TableSchema, tuple[SchemaChange, ...]]:
        """Insert all batches into a staging table, and widen the target like it.

        Returns:
            The columns as they are now, and what was changed in the target.
        """
        names = schema.names
        self.create_table(staging, schema)
        rest = f"({sql.columns(names)}) SELECT {sql.columns(names, 'p')} FROM {_FEED} p"
        arrived, _ = self._insert(staging, rest, schema, batches)
        final = self._settled(ref, schema, arrived)
        self._widen(staging, arrived, final)
        return final, self._widen(ref, schema, final)

    def _insert(
        self,
        ref: TableRef,
        rest: str,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
    ) -> tuple[TableSchema, tuple[SchemaChange, ...]]:
        """Insert all batches with one statement, and one more for each widening.

        Args:
            ref: The table to fill, and to widen.
            rest: What follows the table's name in the INSERT; it reads from ``feed``.
            schema: The table's columns of ours as they are.
            batches: What to insert.

        Returns:
            The columns as they are now, and what was changed.
        """
        changes: list[SchemaChange] = []
        feed = Feed(schema, batches)
        while feed.advance():
            feed.schema = self._settled(ref, schema, feed.schema)
            changes += self._widen(ref, schema, feed.schema)
            schema = feed.schema
            self._connection.register("feed", feed.reader())
            try:
                self.execute(f"INSERT INTO {self.name(ref)} {rest}")
            except WarehouseError:
                if feed.error is None:
                    raise
            finally:
                with contextlib.suppress(duckdb.Error):  # the transaction is aborted
                    self._connection.unregister("feed")
            if feed.error:
                raise feed.error
        return schema, tuple(changes)

    def _settled(
        self, ref: TableRef, old: TableSchema, new: TableSchema
    ) -> TableSchema:
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

    def _widen(
        self, ref: TableRef, old: TableSchema, new: TableSchema
    ) -> tuple[SchemaChange, ...]:
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

    def check_key(self, ref: TableRef, key: str) -> None:
        """Raise unless every row of the table has a key of its own."""
        columns.theirs_of(self._existing(ref), TableSchema(columns=()), key)
        self._keys(
            self.name(ref),
            key,
            f"{ref} has rows whose {key} is missing or not unique",
            f"look: SELECT {key}, count(*) FROM {ref} GROUP BY ALL HAVING count(*) > 1",
        )

    def _keys(self, table: str, key: str, message: str, hint: str) -> int:
        """Return the number of rows, each of which must have a key of its own."""
        rows, keys = self.query(
            f"SELECT count(*), count(DISTINCT {sql.quote(key)}) FROM {table}"
        )[0]
        if rows != keys:
            raise DuplicateKeyError(f"{message} ({rows - keys} too many)", hint=hint)
        return int(rows)

    def _summary(
        self, table: str, schema: TableSchema, cursor_field: str | None
    ) -> dict[str, Any]:
        def aggregate(expression: str, name: str | None) -> str:
            known = name is not None and name.lower() in schema.by_name
            return expression.format(sql.quote(name or "")) if known else "NULL"

        rows, deleted, high_water, last_modified = self.query(
            f"SELECT count(*), {aggregate('count(*) FILTER ({})', 'IsDeleted')},"
            f" {aggregate('max({})::TIMESTAMP', cursor_field)},"
            f" {aggregate('max({})::TIMESTAMP', 'LastModifiedDate')} FROM {table}"
        )[0]
        return {
            "rows": rows,
            "deleted": deleted or 0,
            "high_water": high_water,
            "last_modified_at": last_modified,
        }
