"""Snowflake: tables loaded through a session that the user has, or one of our own.

A load stages all pages as texts first and looks at them: are all there, each with a key
of its own, each text a value of its type? Then it makes or alters the table, since in
Snowflake every DDL commits. At last one transaction writes the rows with what belongs
to them.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from lht.exceptions import (
    ConfigError,
    DuplicateKeyError,
    RowCountMismatchError,
)
from lht.pages import Pages
from lht.schema import TableRef
from lht.snowflake_url import PREFIX
from lht.warehouse import snowflake_columns as columns
from lht.warehouse import sql
from lht.warehouse.base import Capabilities, LoadCounts, Target
from lht.warehouse.snowflake_errors import AGAIN
from lht.warehouse.snowflake_files import SnowflakeFiles
from lht.warehouse.snowflake_open import OpenedSnowflake
from lht.warehouse.snowflake_shape import SnowflakeShapes
from lht.warehouse.snowflake_stage import staged
from lht.warehouse.snowflake_statements import Write
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


class SnowflakeSession(SnowflakeShapes, SnowflakeWrites, SnowflakeFiles):
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
        held = columns.held(target.table, target.schema) if target.table else None
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


def _not_unique(ref: TableRef, key: str, extra: int) -> DuplicateKeyError:
    return DuplicateKeyError(
        f"{ref} has rows whose {key} is missing or not unique ({extra} too many)",
        hint=f"look: SELECT {key}, COUNT(*) FROM {ref} GROUP BY 1 HAVING COUNT(*) > 1",
    )
