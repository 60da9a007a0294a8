"""Rows of a frame into DuckDB: the Arrow table in one INSERT."""

import contextlib
import itertools
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa

from lht.exceptions import ConfigError, WarehouseError, WarehouseUnavailableError
from lht.schema import TableRef
from lht.typemap import PRECISION
from lht.warehouse import snowflake_types, sql
from lht.warehouse.base import Slot
from lht.warehouse.duckdb_open import translated
from lht.warehouse.duckdb_tables import DuckDBTables
from lht.warehouse.snowflake_types import decimal_slot, moment_slot

_numbers: Final = itertools.count()
_YEARS_OF_NANOSECONDS: Final = (1678, 2261)
_INTEGER: Final = re.compile(r"(U?)(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
_BITS: Final = {"TINY": 8, "SMALL": 16, None: 32, "BIG": 64, "HUGE": 128}
_DECIMAL: Final = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")
_MICROSECONDS: Final = 6
_MOMENTS: Final = {
    "TIMESTAMP_S": ("timestamp", "TIMESTAMP_S", 0),
    "TIMESTAMP_MS": ("timestamp", "TIMESTAMP_MS", 3),
    "TIMESTAMP": ("timestamp", "TIMESTAMP", _MICROSECONDS),
    "TIMESTAMP_NS": ("timestamp", "TIMESTAMP_NS", 9),
    "TIMESTAMP WITH TIME ZONE": ("zoned", "TIMESTAMP WITH TIME ZONE", _MICROSECONDS),
    "TIME": ("time", "TIME", _MICROSECONDS),
}
_PLAIN: Final = {
    "VARCHAR": "string",
    "BOOLEAN": "bool",
    "DOUBLE": "double",
    "FLOAT": "single",
    "DATE": "date",
    "BLOB": "binary",
    "JSON": "json",
}
_NEW: Final = {
    "string": "VARCHAR",
    "json": "VARCHAR",
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "binary": "BLOB",
}
# What a type of Snowflake's is here, where the name is not the same.
_OF_SNOWFLAKE: Final = {
    "double": "DOUBLE",
    "binary": "BLOB",
    "json": "JSON",
    "zoned": "TIMESTAMP WITH TIME ZONE",
    "string": "VARCHAR",
    "time": "TIME",
}

# One after the other: of two that replace the rows of one table, one would fail.
_one_at_a_time: Final = threading.RLock()


def slot_of(name: str, sql_type: str, *, required: bool = False) -> Slot:
    """Return the column of a DuckDB type."""
    return replace(_slot(name, sql_type), required=required)


def _slot(name: str, kind: str) -> Slot:
    if found := _DECIMAL.fullmatch(kind):
        return decimal_slot(name, kind, int(found[1]), int(found[2]))
    if found := _INTEGER.fullmatch(kind):
        return _integer(name, kind, _BITS[found[2]], unsigned=bool(found[1]))
    if kind in _MOMENTS:
        slot = moment_slot(name, *_MOMENTS[kind])
        if kind != "TIMESTAMP_NS":
            return slot
        least, most = _YEARS_OF_NANOSECONDS
        return replace(slot, least=least, most=most)
    return Slot(name=name, kind=_PLAIN.get(kind, "other"), sql_type=kind)


def _integer(name: str, kind: str, bits: int, *, unsigned: bool) -> Slot:
    limit = 10**PRECISION - 1
    least, most = (
        (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    return Slot(
        name=name,
        kind="decimal",
        sql_type=kind,
        least=max(least, -limit),
        most=min(most, limit),
    )


@dataclass(frozen=True, slots=True)
class StagedFrame:
    """Rows that DuckDB can read where they are."""

    session: "DuckDBWrites"
    slots: Sequence[Slot]
    feed: str
    size_bytes: int
    pages: int = 1

    def insert(self, ref: TableRef, *, replace: bool) -> int:
        """Insert the rows with one statement; see ``Staged``."""
        name = self.session.name(ref)
        if replace:
            self.session.execute(f"DELETE FROM {name}")
        values = (
            f"{sql.quote(f'C{at}')}::{slot.sql_type}"
            for at, slot in enumerate(self.slots)
        )
        ((rows,),) = self.session.query(
            f"INSERT INTO {name} ({sql.columns(s.name for s in self.slots)})"
            f" SELECT {', '.join(values)} FROM {self.feed}"
        )
        return int(rows)


class DuckDBWrites(DuckDBTables):
    """One cursor, used by one thread: it writes frames into tables."""

    def slots(self, ref: TableRef) -> tuple[Slot, ...] | None:
        """Return the columns of a table; see ``Session``."""
        if self.read_table(ref) is None:
            return None
        rows = self.query(
            "SELECT column_name, data_type, NOT is_nullable FROM duckdb_columns()"
            " WHERE database_name = ? AND lower(schema_name) = lower(?)"
            " AND lower(table_name) = lower(?) ORDER BY column_index",
            (self._database, ref.schema, ref.name),
        )
        return tuple(slot_of(n, kind, required=r) for n, kind, r in rows)

    def new_slot(self, name: str, kind: str, scale: int) -> Slot:
        """Return a new column; see ``Session``."""
        if kind == "decimal":
            return slot_of(name, f"DECIMAL({PRECISION},{scale})")
        fine = kind == "timestamp" and scale > _MICROSECONDS
        return slot_of(name, "TIMESTAMP_NS" if fine else _NEW[kind])

    def declared_slot(self, name: str, sql_type: str) -> Slot:
        """Return a new column of a type of Snowflake's, or of DuckDB's own."""
        theirs = snowflake_types.slot_of(name, sql_type)
        if theirs.kind == "other":
            return slot_of(name, theirs.sql_type)
        if theirs.kind == "decimal":
            return slot_of(name, theirs.sql_type.replace("NUMBER", "DECIMAL"))
        if theirs.kind == "timestamp":
            return slot_of(name, "TIMESTAMP")
        return slot_of(name, _OF_SNOWFLAKE.get(theirs.kind, theirs.sql_type))

    def make(self, ref: TableRef, slots: Sequence[Slot]) -> None:
        """Create a table unless it exists."""
        body = ", ".join(f"{sql.quote(s.name)} {s.sql_type}" for s in slots)
        self.ensure_schema(ref.schema)
        try:
            self.ensure(f"CREATE TABLE IF NOT EXISTS {self.name(ref)} ({body})")
        except WarehouseError as error:
            if not isinstance(
                error.__cause__, (duckdb.ParserException, duckdb.CatalogException)
            ):
                raise
            told = ", ".join(
                f"{s.name} {s.sql_type}" for s in slots if s.kind == "other"
            )
            if not told:
                raise
            raise ConfigError(
                f"DuckDB cannot make a table with {told}",
                why=error.why,
                hint="name types that DuckDB or Snowflake has",
            ) from error

    def add_columns(self, ref: TableRef, slots: Sequence[Slot]) -> None:
        """Add columns to a table."""
        for slot in slots:
            self.execute(
                f"ALTER TABLE {self.name(ref)} ADD COLUMN IF NOT EXISTS"
                f" {sql.quote(slot.name)} {slot.sql_type}"
            )

    def put_file(
        self,
        stage: str,
        schema: str | None,  # noqa: ARG002
        name: str,  # noqa: ARG002
        wire: bytes,  # noqa: ARG002
    ) -> None:
        """Refuse it: there are no stages."""
        raise ConfigError(
            f"DuckDB has no stages, so none is {stage}",
            hint="write the file with df.to_csv, or the rows with"
            " lht.util.data_writer.write",
        )

    @contextlib.contextmanager
    def staging(
        self,
        rows: pa.Table,
        slots: Sequence[Slot],
        write_id: str,  # noqa: ARG002  nothing is left behind
    ) -> Iterator[StagedFrame]:
        """Let DuckDB read the rows where they are; see ``Session``."""
        named = rows.rename_columns([f"C{at}" for at in range(rows.num_columns)])
        feed = f"frame_{next(_numbers)}"
        with _one_at_a_time, _told_apart():
            with translated():
                self._connection.register(feed, named)
            try:
                yield StagedFrame(self, slots, feed, named.nbytes)
            finally:
                with contextlib.suppress(duckdb.Error):  # the connection is closed
                    self._connection.unregister(feed)


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """Say of another transaction's change that it passes."""
    try:
        yield
    except WarehouseError as error:
        if not isinstance(error.__cause__, duckdb.TransactionException):
            raise
        raise WarehouseUnavailableError(
            "another transaction has changed the table meanwhile",
            why=error.why,
            hint="run it again when that has ended",
            statement=error.statement,
        ) from error
