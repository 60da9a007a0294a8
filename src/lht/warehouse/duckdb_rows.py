"""Rows of DuckDB tables: replaced, or brought up to date, inside one transaction."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa

from lht.exceptions import DuplicateKeyError, SchemaError, WarehouseError
from lht.schema import SchemaChange, TableColumn, TableInfo, TableRef, TableSchema
from lht.warehouse import duckdb_columns as columns
from lht.warehouse import sql
from lht.warehouse.base import LoadCounts, Target
from lht.warehouse.duckdb_open import translated
from lht.warehouse.duckdb_write import DuckDBWrites
from lht.warehouse.feed import Feed, InOrder

_HASHES: Final = 2_000_000  # keys told apart at a time: some 100 MB
_REPEATED: Final = (
    "records came more than once, or without a key",
    "run it again; if it happens again, please report it",
)
_NOT_UNIQUE: Final = (
    "the table has more than one row for a key",
    "remove the extra rows",
)


class DuckDBRows(DuckDBWrites):
    """One cursor, used by one thread: it puts pages of rows into tables."""

    _arriving: TableSchema  # what pages are decoded as: the widest that was needed yet

    def replace_rows(
        self,
        wanted: Target,
        schema: TableSchema,
        batches: Iterable[pa.Table],
    ) -> LoadCounts:
        """Make *batches* the rows of the table."""
        ref, key = wanted.ref, wanted.key
        info = self._existing(ref)
        theirs = columns.theirs_of(info, schema, key)
        order = InOrder(schema.by_name[key.lower()].name)
        batches = order.watched(batches)
        if info.rows:
            inserted, unchanged, found, widened = self._exchanged(
                ref, key, theirs, schema, batches
            )
        else:
            _, widened = self._insert(ref, columns.all_of(schema), schema, batches)
            inserted = unchanged = found = 0
        summary = self._summary(self.name(ref), schema, wanted.cursor_field)
        staged = self._keys(self.name(ref), key, *_REPEATED, unique=order.unique)
        if not info.rows:
            inserted = staged
        return LoadCounts(
            staged=staged,
            inserted=inserted,
            updated=staged - inserted - unchanged,
            unchanged=unchanged,
            removed=info.rows - found,
            widened=widened,
            deleted=self._deleted(self.name(ref), schema),
            **summary,
        )

    def _exchanged(
        self,
        ref: TableRef,
        key: str,
        theirs: Sequence[TableColumn],
        schema: TableSchema,
        batches: Iterable[pa.Table],
    ) -> tuple[int, int, int, tuple[SchemaChange, ...]]:
        """Put *batches* in the place of all rows, and carry over what is not ours.

        Returns:
            How many rows are new, how many are as before, how many were there before,
            and what was changed of the columns.
        """
        target, by = self.name(ref), sql.quote(key)

        def rest(source: str) -> str:
            join = f" LEFT JOIN {carry} c ON c.{by} = p.{by}" if theirs else ""
            return (
                f"({sql.columns([*schema.names, *(c.name for c in theirs)])})"
                f" SELECT {sql.columns(schema.names, 'p')}"
                + "".join(f", {columns.carried(c, key)}" for c in theirs)
                + f" FROM {source} p{join}"
            )

        mark = columns.unused("fingerprint", [key, *(c.name for c in theirs)])
        with self._scratch("carry") as scratch:
            carry = self.name(scratch)
            self.execute(
                f"CREATE TABLE {carry} AS SELECT {by},"
                f" {columns.fingerprint(schema, 't')} AS {mark}"
                f"{columns.also(theirs)} FROM {target} t"
            )
            self.check_key(ref, key)
            final, widened = self._replaced(
                ref, rest, schema, batches, joined=bool(theirs)
            )
            after = columns.fingerprint(final, "t")
            inserted, unchanged, found = self.query(
                f"SELECT count(*) FILTER (c.{mark} IS NULL),"
                f" count(*) FILTER (c.{mark} = {after}),"
                f" count(*) FILTER (c.{mark} IS NOT NULL)"
                f" FROM {target} t LEFT JOIN {carry} c"
                f" ON c.{by} = t.{by}"
            )[0]
        return inserted, unchanged, found, widened

    def _replaced(
        self,
        ref: TableRef,
        rest: Callable[[str], str],
        schema: TableSchema,
        batches: Iterable[pa.Table],
        *,
        joined: bool,
    ) -> tuple[TableSchema, tuple[SchemaChange, ...]]:
        """Delete all rows and insert the batches; see ``_insert``.

        They are staged before if *rest* joins them, for DuckDB would hold all of a
        stream, whose length it does not know, in memory for a join. So are those of a
        table with indexes: a unique index made again would still see the rows deleted
        in the transaction, so the table is widened before, to what the staging table
        needed.
        """
        delete = f"DELETE FROM {self.name(ref)}"
        if not (joined or self._indexes(ref)):
            with self._deleting(ref):
                self.execute(delete)
            return self._insert(ref, rest(columns.unordered(schema)), schema, batches)
        with self._scratch("staging") as staging:
            final, widened = self._staged(staging, ref, schema, batches)
            with self._deleting(ref):
                self.execute(delete)
            self.execute(f"INSERT INTO {self.name(ref)} {rest(self.name(staging))}")
        return final, widened

    def merge_rows(
        self,
        wanted: Target,
        schema: TableSchema,
        batches: Iterable[pa.Table],
    ) -> LoadCounts:
        """Insert new rows, update changed ones, leave equal ones."""
        ref, key = wanted.ref, wanted.key
        info = self._existing(ref)
        theirs = columns.theirs_of(info, schema, key)
        inserted = updated = 0
        with self._scratch("staging") as arrived:
            staging = self.name(arrived)
            _, widened = self._staged(arrived, ref, schema, batches)
            staged = self._keys(staging, key, *_REPEATED)
            if staged:
                present, updated = self._updated(wanted, info, theirs, schema, staging)
                inserted = staged - present
            deleted = self._deleted(staging, schema)
        summary = self._summary(self.name(ref), schema, wanted.cursor_field)
        return LoadCounts(
            staged=staged,
            inserted=inserted,
            updated=updated,
            unchanged=staged - inserted - updated,
            removed=0,
            widened=widened,
            deleted=deleted,
            **summary,
        )

    def _updated(
        self,
        wanted: Target,
        info: TableInfo,
        theirs: Sequence[TableColumn],
        schema: TableSchema,
        staging: str,
    ) -> tuple[int, int]:
        """Bring the table up to date with a staging table (a qualified name).

        Returns:
            How many staged rows were in the table, and how many of them differed.
        """
        target, row = self.name(info.ref), columns.address(info, schema, wanted.key)
        kept = [*schema.names, *(c.name for c in theirs)]
        old = sql.quote(columns.unused("old", kept))
        with self._scratch("pairs") as paired, self._scratch("changed") as differing:
            pairs, changed = self.name(paired), self.name(differing)
            self._pair(pairs, target, staging, row, wanted)
            present = self._keys(pairs, "new", *_NOT_UNIQUE)
            found = (
                f"SELECT s.*, p.old AS {old}{columns.also(theirs, 't')}"
                f" FROM {pairs} p JOIN {staging} s ON s.{row} = p.new"
            )
            whole = f" JOIN {target} t ON t.{row} = p.old"
            moved = f"{whole if theirs else ''} WHERE p.moved"
            self.execute(f"CREATE TABLE {changed} AS {found}{moved}")
            if self._scalar(f"SELECT count(*) FROM {pairs} WHERE NOT moved"):
                differs = sql.differs(schema.names, "s", "t")
                self.execute(
                    f"INSERT INTO {changed} {found}{whole}"
                    f" WHERE NOT p.moved AND ({differs})"
                )
            with self._deleting(info.ref):
                self.execute(
                    f"DELETE FROM {target} WHERE {row} IN (SELECT {old} FROM {changed})"
                )
            for names, source in (
                (kept, changed),
                (schema.names, f"{staging} s ANTI JOIN {pairs} p ON p.new = s.{row}"),
            ):
                self.execute(
                    f"INSERT INTO {target} ({sql.columns(names)})"
                    f" SELECT {sql.columns(names)} FROM {source}"
                )
            return present, self._scalar(f"SELECT count(*) FROM {changed}")

    def _pair(
        self, pairs: str, target: str, staging: str, row: str, wanted: Target
    ) -> None:
        """Pair staged rows with those of the table by key, and tell whose stamp moved.

        Of those no other column need be read to know that they differ.
        """
        by, stamp = sql.quote(wanted.key), sql.quote(wanted.cursor_field or "")
        moved = f"s.{stamp} IS DISTINCT FROM t.{stamp}"
        if (wanted.cursor_field or "").lower() not in wanted.schema.by_name:
            moved = "false"
        self.execute(
            f"CREATE TABLE {pairs} AS SELECT s.{row} AS new, t.{row} AS old,"
            f" {moved} AS moved FROM {target} t JOIN {staging} s ON s.{by} = t.{by}"
        )

    @contextlib.contextmanager
    def _deleting(self, ref: TableRef) -> Iterator[None]:
        """Say it if a foreign key forbids that rows are deleted to be replaced."""
        children = self.query(  # before: a transaction that has failed tells nothing
            "SELECT schema_name, table_name FROM duckdb_constraints()"
            " WHERE database_name = ? AND constraint_type = 'FOREIGN KEY'"
            " AND lower(referenced_table) = lower(?)",
            (self._database, ref.name),
        )
        try:
            yield
        except WarehouseError as error:
            if not children or not isinstance(
                error.__cause__, duckdb.ConstraintException
            ):
                raise
            names = ", ".join(str(TableRef(*child)) for child in children)
            raise SchemaError(
                f"rows of {ref} cannot change: a foreign key of {names} refers to them",
                hint="make that table anew without the foreign key, or sync into"
                " another --table",
                table=str(ref),
            ) from error

    def _existing(self, ref: TableRef) -> TableInfo:
        info = self.read_table(ref)
        if info is None:
            raise WarehouseError(f"{ref} does not exist any more")
        return info

    @contextlib.contextmanager
    def _scratch(self, purpose: str) -> Iterator[TableRef]:
        """Name a table that exists only inside the transaction of the block."""
        name = TableRef(sql.OWN_SCHEMA, f"{purpose}_{threading.get_ident()}")
        yield name
        self.execute(f"DROP TABLE {self.name(name)}")

    def _staged(
        self,
        staging: TableRef,
        ref: TableRef,
        schema: TableSchema,
        batches: Iterable[pa.Table],
    ) -> tuple[TableSchema, tuple[SchemaChange, ...]]:
        """Insert all batches into a staging table, and widen the target like it.

        Returns:
            The columns as they are now, and what was changed in the target.
        """
        self.create_table(staging, schema)
        arrived, _ = self._insert(staging, columns.all_of(schema), schema, batches)
        final = self.settled(ref, schema, arrived)
        self.widen(staging, arrived, final)
        return final, self.widen(ref, schema, final)

    def _insert(
        self,
        ref: TableRef,
        rest: str,
        schema: TableSchema,
        batches: Iterable[pa.Table],
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
            feed.schema = self.settled(ref, schema, feed.schema)
            changes += self.widen(ref, schema, feed.schema)
            schema = self._arriving = feed.schema
            with translated():
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

    def check_key(self, ref: TableRef, key: str) -> None:
        """Raise unless every row of the table has a key of its own."""
        columns.theirs_of(self._existing(ref), TableSchema(columns=()), key)
        self._keys(
            self.name(ref),
            key,
            f"{ref} has rows whose {key} is missing or not unique",
            f"look: SELECT {key}, count(*) FROM {ref} GROUP BY ALL HAVING count(*) > 1",
        )

    def _keys(
        self, table: str, key: str, message: str, hint: str, *, unique: bool = False
    ) -> int:
        """Return the number of rows, each of which must have a key of its own.

        Args:
            table: Qualified.
            key: The column.
            message: What is wrong if a key is missing or there twice.
            hint: What to do then.
            unique: Whether it is known that none is there twice.
        """
        column = sql.quote(key)
        rows, present = self.query(f"SELECT count(*), count({column}) FROM {table}")[0]
        if not (rows == present and (unique or self._differ(table, column, rows))):
            keys = self._scalar(f"SELECT count(DISTINCT {column}) FROM {table}")
            if rows != keys:
                raise DuplicateKeyError(
                    f"{message} ({rows - keys} too many)", hint=hint
                )
        return int(rows)

    def _differ(self, table: str, column: str, rows: int) -> bool:
        """Tell it by hashes, some at a time; keys themselves need far more memory."""
        parts = rows // _HASHES + 1
        found = (
            self._scalar(
                f"SELECT count(DISTINCT hash({column})) FROM {table}"
                f" WHERE hash({column}) % {parts} = {part}"
            )
            for part in range(parts)
        )
        return bool(sum(found) == rows)

    def _summary(
        self, table: str, schema: TableSchema, cursor_field: str | None
    ) -> dict[str, Any]:
        def aggregate(expression: str, name: str | None) -> str:
            known = name is not None and name.lower() in schema.by_name
            return expression.format(sql.quote(name or "")) if known else "NULL"

        rows, high_water, last_modified = self.query(
            f"SELECT count(*), {aggregate('max({})::TIMESTAMP', cursor_field)},"
            f" {aggregate('max({})::TIMESTAMP', 'LastModifiedDate')} FROM {table}"
        )[0]
        return {
            "rows": rows,
            "high_water": high_water,
            "last_modified_at": last_modified,
        }

    def _deleted(self, table: str, schema: TableSchema) -> int:
        """Count the records of a table that are in the recycle bin."""
        if "isdeleted" not in schema.by_name:
            return 0
        column = sql.quote(schema.by_name["isdeleted"].name)
        return int(self._scalar(f"SELECT count(*) FROM {table} WHERE {column}"))
