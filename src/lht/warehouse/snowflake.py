"""Snowflake: tables loaded through a session that the user has, or one of our own.

A load stages all pages as texts first and looks at them: are all there, each with a key
of its own, each text a value of its type? Then it makes or alters the table, since in
Snowflake every DDL commits. At last one transaction writes the rows with what belongs
to them.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import quote

from lht.exceptions import (
    ConfigError,
    DuplicateKeyError,
    RowCountMismatchError,
    SchemaDriftError,
    TargetBusyError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.pages import Pages
from lht.schema import SchemaChange, TableInfo, TableRef, TableSchema
from lht.snowflake_url import PREFIX
from lht.typemap import PRECISION, SNOWFLAKE, scale_of, sql_type
from lht.warehouse import snowflake_columns as columns
from lht.warehouse import sql
from lht.warehouse.base import Capabilities, LoadCounts, Target
from lht.warehouse.snowflake_catalog import CatalogTable
from lht.warehouse.snowflake_errors import AGAIN
from lht.warehouse.snowflake_files import SnowflakeFiles
from lht.warehouse.snowflake_open import OpenedSnowflake
from lht.warehouse.snowflake_stage import scratch_name, staged
from lht.warehouse.snowflake_statements import Write, both_counted, grown, rebuild
from lht.warehouse.snowflake_tables import House
from lht.warehouse.snowflake_values import Survey, read_survey, survey
from lht.warehouse.snowflake_write import SnowflakeWrites

CAPABILITIES: Final = Capabilities(
    kind="snowflake",
    stages=True,
    single_process=False,
    parallel_loads=4,
    enforced_keys=False,
    lease_seconds=1800.0,  # while a load is written, nothing else can be
)
T = TypeVar("T")


class SnowflakeWarehouse:
    """A Snowflake database, through one connection.

    Args:
        opened: The connection; it stays open, and its transactions, database, schema
            and parameters are not touched.
        database: In which schemas and tables are; that of the connection by default.
        schema: Of the target tables, where nothing else is said.

    Raises:
        ConfigError: No database is named, or the connection has a transaction open.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        opened: OpenedSnowflake,
        *,
        database: str | None = None,
        schema: str | None = None,
    ) -> None:
        self.schema = schema
        found = database.upper() if database else opened.database
        if not found:
            raise ConfigError(
                "the Snowflake connection has no database",
                hint="name one with --database, or in the connection",
            )
        self._house = House(opened=opened, database=found)
        place = opened.display
        if opened.database is None or database:
            account = place.removeprefix(PREFIX).partition("/")[0]
            place = f"{PREFIX}{account}/{quote(found)}"
        self.display = place
        with self.session() as session:
            ((transaction,),) = session.query("SELECT CURRENT_TRANSACTION()")
        if transaction is not None:
            raise ConfigError(
                "the Snowflake connection has a transaction open",
                hint="commit it or roll it back first: a load commits what is open",
            )

    def session(self) -> "SnowflakeSession":
        """Open a cursor of our own."""
        return SnowflakeSession(self._house)

    def close(self) -> None:
        """Do nothing: who opened the connection closes it."""


class SnowflakeSession(SnowflakeWrites, SnowflakeFiles):
    """One cursor, used by one thread: it loads pages into tables."""

    @contextlib.contextmanager
    def load(self, target: Target, pages: Pages) -> Iterator[LoadCounts]:
        """Stage the pages, then load them in one transaction; see ``Session``."""
        columns.check_known(target.ref, target.schema, target.key)
        with staged(
            self,
            self._house,
            target.schema,
            pages,
            run_id=target.run_id,
            ref=target.ref,
            stage=target.stage,
        ) as (staging, rows):
            found = self._surveyed(target, staging, rows)
            info, schema, widened = self._prepared(target, found.schema)
            write = Write(self.name(target.ref), staging, info, schema, target.key)
            with self.transaction():
                run = self._replace_rows if target.full else self._merge_rows
                yield replace(run(target, write, rows), widened=widened)

    def _surveyed(self, target: Target, staging: str, rows: int) -> Survey:
        """Look at what is staged, and raise unless it can be loaded."""
        (row,) = self.query(survey(target.schema, staging, target.key))
        held = _held(target.table, target.schema) if target.table else None
        found = read_survey(target.schema, row, held)
        if found.rows != rows:
            raise RowCountMismatchError(
                f"{rows:,} rows were staged, {found.rows:,} are there", hint=AGAIN
            )
        if not found.rows == found.keyed == found.keys:
            raise DuplicateKeyError(
                "records came more than once, or without a key"
                f" ({found.rows - found.keys} too many)",
                hint=AGAIN,
            )
        return found

    # -- the table's shape --------------------------------------------------------

    def _prepared(
        self, target: Target, needed: TableSchema
    ) -> tuple[TableInfo, TableSchema, tuple[SchemaChange, ...]]:
        """Make the table, or change its columns to what the rows need.

        Returns:
            The table as it is now, our columns of it, and those that the rows needed
            wider.
        """
        if target.table is None:
            self.create_table(target.ref, needed)
            return self._existing(target.ref), needed, _widened(target.schema, needed)
        table = self._existing(target.ref)
        described = _held(table, target.schema)
        final = self._settled(table, described, _held(table, needed))
        if changes := self.misfits(table, final):
            self._align(target, table, changes, final)
            table = self._existing(target.ref)
        return table, final, _widened(described, final)

    def _existing(self, ref: TableRef) -> TableInfo:
        return _there(ref, self.read_table(ref))

    def _catalogued(self, ref: TableRef) -> CatalogTable:
        return _there(ref, self.catalogued(ref))

    def _settled(
        self, table: TableInfo, old: TableSchema, new: TableSchema
    ) -> TableSchema:
        """Turn a wider decimal into double where the table's numbers do not fit it."""

        def fits(name: str, arrow_type: str) -> bool:
            have, scale = table.column(name), scale_of(arrow_type)
            if have is None or scale is None:
                return True
            limit = f"1{'0' * (PRECISION - scale)}"
            return not self._scalar(
                f"SELECT COUNT_IF(ABS({sql.quote(have.name)}) >= {limit})"
                f" FROM {self.name(table.ref)}"
            )

        return new.widened(
            {
                b.name: "double"
                for a, b in zip(old.columns, new.columns, strict=True)
                if a.arrow_type != b.arrow_type and not fits(b.name, b.arrow_type)
            }
        )

    def _align(
        self,
        target: Target,
        table: TableInfo,
        changes: list[SchemaChange],
        schema: TableSchema,
    ) -> None:
        """Add, alter or rebuild columns; each step leaves the table whole."""
        name = self.name(table.ref)
        added = [c for c in changes if c.old_type is None]
        if added:
            body = ", ".join(
                f"{sql.quote(c.column.upper())} {c.new_type}" for c in added
            )
            self.execute(f"ALTER TABLE {name} ADD COLUMN {body}")
        kept = [c for c in changes if c.old_type is not None]
        if longer := [c for c in kept if columns.changes_in_place(c)]:
            known = self._catalogued(table.ref)
            for change in longer:
                column = known.column(change.column)
                self.execute(grown(name, column, change.new_type))
        if rebuilt := [c for c in kept if not columns.changes_in_place(c)]:
            self._rebuild(target, rebuilt, schema)

    def _rebuild(
        self, target: Target, changes: list[SchemaChange], schema: TableSchema
    ) -> None:
        """Change columns in a copy of the table, and swap the two.

        Grants, comments, defaults, constraints and the columns of users go along, and
        every column keeps its place; streams on the table end.
        """
        ref, name = target.ref, self.name(target.ref)
        table = self._catalogued(ref)
        aside = scratch_name(self._house, "REBUILT", target.run_id, ref.schema.upper())
        changed = {
            table.column(c.column).name: schema.by_name[c.column.lower()].arrow_type
            for c in changes
        }
        try:
            self._check_exact(table, changes, changed)
            self._check_no_policies(ref)
            *steps, swap = rebuild(name, aside, table, changed)
            with self._unchanged(ref, aside):
                for statement in steps:
                    self.execute(statement)
            target.still_ours()
            self.execute(swap)
        except (TargetBusyError, WarehouseUnavailableError):
            raise
        except WarehouseError as error:
            told = ", ".join(f"{c.column} ({c.old_type})" for c in changes)
            raise SchemaDriftError(
                f"columns of {ref} cannot become what their fields need: {told}",
                why=error.why,
                hint="change them yourself, or drop them: their values come back with a"
                f" full load of {ref}",
                table=str(ref),
            ) from error
        finally:
            with contextlib.suppress(WarehouseError):  # a later run drops it
                self.execute(f"DROP TABLE IF EXISTS {aside}")

    def _check_no_policies(self, ref: TableRef) -> None:
        """Raise if a masking or row access policy decides what we see of a table.

        A copy would hold what we see of it, and bear no policy.
        """
        entity = sql.literal(self.name(ref))
        if self._scalar(
            f"SELECT COUNT(*) FROM TABLE({self._catalog('POLICY_REFERENCES')}"
            f"(REF_ENTITY_NAME => {entity}, REF_ENTITY_DOMAIN => 'TABLE'))"
        ):
            text = "a policy protects the table: its copy would not be protected"
            raise WarehouseError(text, why=text)

    @contextlib.contextmanager
    def _unchanged(self, ref: TableRef, aside: str) -> Iterator[None]:
        """Raise unless the block copied a table whole, and nobody wrote into it."""
        name = self.name(ref)
        changed_at = f"SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME({sql.literal(name)})"
        before = self._scalar(changed_at)
        yield
        ((rows, copied),) = self.query(both_counted(name, aside))
        if self._scalar(changed_at) != before:
            raise TargetBusyError(
                f"others wrote into {ref} while its columns changed",
                hint="run it again",
                target_table=str(ref),
            )
        if rows != copied:
            text = f"{copied:,} of {rows:,} rows could be copied"
            raise WarehouseError(text, why=text)

    def _check_exact(
        self, table: CatalogTable, changes: list[SchemaChange], changed: dict[str, str]
    ) -> None:
        """Raise if a value would be another one after the change of type."""
        for change in changes:
            name = table.column(change.column).name
            altered = columns.altered(sql.quote(name), change, changed[name])
            if altered and self._scalar(
                f"SELECT COUNT_IF({altered}) FROM {self.name(table.ref)}"
            ):
                text = f"{change.column} has values that would be altered"
                raise WarehouseError(text, why=text)

    # -- the rows -----------------------------------------------------------------

    def _replace_rows(self, target: Target, write: Write, rows: int) -> LoadCounts:
        """Make what is staged the rows of the table: the others go.

        Rows that stay are not written anew, and columns that are not ours not at all.
        """
        ((before, keys),) = self.query(write.held())
        if before != keys:
            raise _not_unique(target.ref, target.key, before - keys)
        ((removed, *_),) = self.query(write.remove())
        return self._merged(target, write, rows, before - removed, removed)

    def _merge_rows(self, target: Target, write: Write, rows: int) -> LoadCounts:
        """Insert new rows, update changed ones, leave equal ones."""
        ((matched, keys, before),) = self.query(write.matched())
        if matched != keys:
            raise _not_unique(target.ref, target.key, matched - keys)
        return self._merged(target, write, rows, before, 0)

    def _merged(
        self, target: Target, write: Write, rows: int, before: int, removed: int
    ) -> LoadCounts:
        """Merge what is staged with the rows that the table has *before*."""
        (merged,) = self.records(write.merge())
        inserted = int(merged["number of rows inserted"])
        return self._counts(
            target,
            write,
            staged=rows,
            inserted=inserted,
            updated=int(merged["number of rows updated"]),
            removed=int(removed),
            expected=int(before) + inserted,
        )

    def _counts(
        self,
        target: Target,
        write: Write,
        *,
        staged: int,
        inserted: int,
        updated: int,
        removed: int,
        expected: int,
    ) -> LoadCounts:
        """Count the table as it is now: rows can be diverted from where they belong."""
        ((rows, high_water, last_modified, deleted),) = self.query(
            write.summary(target.cursor_field)
        )
        if rows != expected:
            raise RowCountMismatchError(
                f"{target.ref} has {rows:,} rows where {expected:,} were written",
                hint="see whether the table has ERROR_LOGGING, or others write into it",
            )
        return LoadCounts(
            staged=staged,
            inserted=inserted,
            updated=updated,
            unchanged=staged - inserted - updated,
            deleted=deleted,
            removed=removed,
            rows=rows,
            high_water=high_water,
            last_modified_at=last_modified,
        )

    def check_key(self, ref: TableRef, key: str) -> None:
        """Raise unless every row of the table has a key of its own."""
        info = self._existing(ref)
        column = sql.quote(columns.key_of(info, key).name)
        rows, keys = self.query(
            f"SELECT COUNT(*), COUNT(DISTINCT {column}) FROM {self.name(ref)}"
        )[0]
        if rows != keys:
            raise _not_unique(ref, key, rows - keys)


def _there(ref: TableRef, found: T | None) -> T:
    if found is None:
        raise WarehouseError(f"{ref} does not exist any more")
    return found


def _not_unique(ref: TableRef, key: str, extra: int) -> DuplicateKeyError:
    return DuplicateKeyError(
        f"{ref} has rows whose {key} is missing or not unique ({extra} too many)",
        hint=f"look: SELECT {key}, COUNT(*) FROM {ref} GROUP BY 1 HAVING COUNT(*) > 1",
    )


def _held(table: TableInfo, schema: TableSchema) -> TableSchema:
    """Return the schema with the types that hold the table's values as well."""
    return schema.widened(
        {c.name: columns.holding(table.column(c.name), c) for c in schema.columns}
    )


def _widened(old: TableSchema, new: TableSchema) -> tuple[SchemaChange, ...]:
    return tuple(
        SchemaChange(
            column=b.name,
            old_type=sql_type(a.arrow_type, SNOWFLAKE),
            new_type=sql_type(b.arrow_type, SNOWFLAKE),
        )
        for a, b in zip(old.columns, new.columns, strict=True)
        if a.arrow_type != b.arrow_type
    )
