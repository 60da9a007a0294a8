"""What a warehouse must be able to do, and what it says of itself.

A ``Warehouse`` is a place; a ``Session`` is one connection to it, used by one thread.
The sync line knows nothing else of warehouses. Peculiarities live in ``Capabilities``
and in the warehouse's own module.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self

import pyarrow as pa

from lht.pages import Pages
from lht.schema import SchemaChange, TableColumn, TableInfo, TableRef, TableSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What distinguishes one warehouse from another, as data."""

    kind: str  # "duckdb", "snowflake"
    stages: bool  # files can be staged in the warehouse and copied from there
    single_process: bool  # while we have it open, no other process can
    parallel_loads: int  # loads that may run at the same time
    enforced_keys: bool  # a second row with the same primary key is refused
    lease_seconds: float  # how long a run may be silent, for it is busy with a load


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A table to be loaded, and how."""

    ref: TableRef
    table: TableInfo | None  # as it was planned with; None: it is to be made
    schema: TableSchema  # the columns of ours, as Salesforce describes them
    key: str  # of the columns, the one that tells rows apart
    cursor_field: str | None
    full: bool  # what arrives replaces all rows; if not, it is merged with them
    run_id: str  # by which what it leaves behind is known
    stage: str | None = None  # the caller's own stage, where there are stages
    still_ours: Callable[[], None] = lambda: None  # raises if another run took over


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A column that is written into, and which values it takes.

    ``kind`` is ``string``, ``bool``, ``decimal``, ``double``, ``single``, ``date``,
    ``time``, ``timestamp`` (naive), ``zoned`` (an instant), ``binary``, ``json``, or
    ``other``: what only the warehouse can make of a text.
    """

    name: str  # as the table has it
    kind: str
    sql_type: str
    required: bool = False  # it takes no NULL
    length: int | None = None  # at most: characters of a string, bytes of a binary
    scale: int = 0  # digits behind the point, of a number or of a second
    least: int = 0  # the least whole number, or year
    most: int = 0  # the greatest


class Staged(Protocol):
    """Rows that are in the warehouse, but in no table of anybody's yet."""

    @property
    def size_bytes(self) -> int:
        """How much went to the warehouse."""

    @property
    def pages(self) -> int:
        """In how many pieces."""

    def insert(self, ref: TableRef, *, replace: bool) -> int:
        """Insert the rows into the table, of *replace* instead of all it has.

        Call it inside a transaction.

        Returns:
            How many rows the warehouse says it has inserted.
        """


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

    def has_table(self, ref: TableRef) -> bool:
        """Tell whether there is such a table."""

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

    def latest(self, ref: TableRef, column: TableColumn) -> datetime | None:
        """Return the greatest instant in a column of a table, as naive UTC."""

    def check_key(self, ref: TableRef, key: str) -> None:
        """Raise unless every row of the table has a *key* of its own.

        Raises:
            MissingKeyError: There is no such column.
            DuplicateKeyError: Keys are missing or occur more than once.
        """

    def load(self, target: Target, pages: Pages) -> AbstractContextManager[LoadCounts]:
        """Load the pages into the table; commit when the block ends, or nothing at all.

        The table is made, or its columns changed as ``misfits`` tells. A full load
        makes the pages its rows, unseen by readers until the commit; any other inserts
        new rows, updates changed ones (by the key) and leaves equal ones alone. Columns
        that are not of the schema keep their values, row by row. What the block writes
        through this session is committed with the rows.

        Raises:
            SchemaDriftError: A column cannot be changed without losing something.
            MissingKeyError: The table has no such key.
            DuplicateKeyError: Keys are missing or occur more than once.
            CommitStateUnknownError: It may have landed. In all other cases no row of
                the table has moved.
        """

    def slots(self, ref: TableRef) -> tuple[Slot, ...] | None:
        """Return the columns that a table has to be written into, None if none such."""

    def new_slot(self, name: str, kind: str, scale: int) -> Slot:
        """Return a new column for values of a kind, ``int`` being one more of them."""

    def declared_slot(self, name: str, sql_type: str) -> Slot:
        """Return a new column of a type that the caller names, as Snowflake spells it.

        Raises:
            ConfigError: It is no type.
        """

    def make(self, ref: TableRef, slots: Sequence[Slot]) -> None:
        """Create a table unless it exists."""

    def add_columns(self, ref: TableRef, slots: Sequence[Slot]) -> None:
        """Add columns to a table."""

    def staging(
        self, rows: pa.Table, slots: Sequence[Slot], write_id: str
    ) -> AbstractContextManager[Staged]:
        """Bring rows into the warehouse for the block; no transaction may be open.

        Args:
            rows: A column for each slot, of values that fit it.
            slots: Where they are to go.
            write_id: By which what is left behind is known.
        """

    def put_file(self, stage: str, schema: str | None, name: str, wire: bytes) -> None:
        """Put a gzipped CSV with a header onto a stage, over one of the same name.

        Args:
            stage: As the caller names it, a path behind it.
            schema: Of the stage, where its name does not say.
            name: Of the file.
            wire: What it holds.

        Raises:
            ConfigError: There are no stages, or none can have that name.
        """

    def drop_leftovers(self, schema: str, alive: Callable[[], Collection[str]]) -> None:
        """Drop what loads of dead runs left behind.

        Args:
            schema: Of the target tables.
            alive: Asked, once it is known what there is, for the ids of live runs.
        """

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
    schema: str | None  # of the target tables, if its URL names one

    def session(self) -> Session:
        """Open a session."""

    def close(self) -> None:
        """Close what was opened here, never what the caller brought."""
