"""What a warehouse must be able to do, and what it says of itself.

A ``Warehouse`` is a place; a ``Session`` is one connection to it, used by one thread.
The sync line knows nothing else of warehouses. Peculiarities live in ``Capabilities``
and in the warehouse's own module.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self

import pyarrow as pa

from lht.schema import SchemaChange, TableInfo, TableRef, TableSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What distinguishes one warehouse from another, as data."""

    kind: str  # "duckdb", "snowflake"
    stages: bool  # files can be staged in the warehouse and copied from there
    single_process: bool  # while we have it open, no other process can
    parallel_loads: int  # loads that may run at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCounts:
    """What a load did, counted in the warehouse inside the load's transaction."""

    staged: int  # rows that arrived, each with a key of its own
    inserted: int
    updated: int
    unchanged: int
    deleted: int  # of those staged: in the recycle bin
    removed: int  # rows of the old table that a full load did not find any more
    rows: int  # rows of the table afterwards
    high_water: datetime | None  # greatest cursor value in the table
    last_modified_at: datetime | None  # MAX(LASTMODIFIEDDATE) of the table
    widened: tuple[SchemaChange, ...] = ()  # columns that a value needed wider


class Session(Protocol):
    """One connection to a warehouse, for one thread. Close it when done."""

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""

    def query(
        self, statement: str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit what the block did as one, or none of it.

        Raises:
            CommitStateUnknownError: It may have landed.
        """

    def name(self, ref: TableRef) -> str:
        """Return a table's name in statements: quoted, and as qualified as can be."""

    def read_table(self, ref: TableRef) -> TableInfo | None:
        """Return the table's columns and row count, or None if it does not exist."""

    def ensure_schema(self, schema: str) -> None:
        """Create a schema unless it exists, as ``ensure`` does."""

    def ensure(self, statement: str) -> None:
        """Run an idempotent CREATE, also while other sessions run the same."""

    def create_table(self, ref: TableRef, schema: TableSchema) -> None:
        """Create an empty table for the schema."""

    def misfits(self, table: TableInfo, schema: TableSchema) -> list[SchemaChange]:
        """Return what must change so that the table holds every value of the schema."""

    def align(self, table: TableInfo, schema: TableSchema) -> TableSchema:
        """Make the changes of ``misfits``; return the schema with the table's types.

        Raises:
            SchemaDriftError: A column cannot be changed without losing something.
        """

    def check_key(self, ref: TableRef, key: str) -> None:
        """Raise unless every row of the table has a *key* of its own.

        Raises:
            MissingKeyError: There is no such column.
            DuplicateKeyError: Keys are missing or occur more than once.
        """

    def replace_rows(
        self,
        ref: TableRef,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
        *,
        key: str,
        cursor_field: str | None,
    ) -> LoadCounts:
        """Make *batches* the rows of the table, unseen by readers until the commit.

        Columns that are not of *schema* keep their values, row by row.
        """

    def merge_rows(
        self,
        ref: TableRef,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
        *,
        key: str,
        cursor_field: str | None,
    ) -> LoadCounts:
        """Insert new rows, update changed ones (by *key*), leave equal ones alone."""

    def close(self) -> None:
        """Give the connection back."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Close."""


class Warehouse(Protocol):
    """A place where tables live."""

    capabilities: Capabilities
    display: str  # how to name it to people; without secrets

    def session(self) -> Session:
        """Open a session."""

    def close(self) -> None:
        """Close what was opened here, never what the caller brought."""
