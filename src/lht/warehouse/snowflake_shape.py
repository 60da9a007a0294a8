"""What becomes of a table in Snowflake before rows are loaded: columns added, changed.

Every DDL commits there, so that each step leaves the table whole.
"""

import contextlib
from collections.abc import Iterator
from typing import TypeVar

from lht.exceptions import (
    SchemaDriftError,
    TargetBusyError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.schema import SchemaChange, TableInfo, TableRef, TableSchema
from lht.typemap import PRECISION, SNOWFLAKE, scale_of, sql_type
from lht.warehouse import snowflake_columns as columns
from lht.warehouse import sql
from lht.warehouse.base import Target
from lht.warehouse.snowflake_catalog import CatalogTable
from lht.warehouse.snowflake_stage import scratch_name
from lht.warehouse.snowflake_statements import both_counted, grown, rebuild
from lht.warehouse.snowflake_tables import SnowflakeTables

T = TypeVar("T")


class SnowflakeShapes(SnowflakeTables):
    """One cursor, used by one thread: it makes tables what rows need."""

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
        described = columns.held(table, target.schema)
        final = self._settled(table, described, columns.held(table, needed))
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


def _there(ref: TableRef, found: T | None) -> T:
    if found is None:
        raise WarehouseError(f"{ref} does not exist any more")
    return found


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
