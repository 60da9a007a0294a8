"""Rows of a frame into Snowflake: texts to a staging table, then one INSERT.

The texts are made of values that were found to fit, so that no conversion here fails,
rounds or guesses; nothing depends on a session's parameters, for formats are given.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from lht.exceptions import RowCountMismatchError
from lht.schema import TableRef
from lht.typemap import SNOWFLAKE, decimal, sql_type
from lht.warehouse import sql
from lht.warehouse.base import Slot
from lht.warehouse.snowflake_errors import AGAIN
from lht.warehouse.snowflake_pages import MARKED, FramePages, staging_schema
from lht.warehouse.snowflake_stage import staged
from lht.warehouse.snowflake_tables import UNLEASED, SnowflakeTables
from lht.warehouse.snowflake_types import slot_of

_NEW = SNOWFLAKE | {
    "int": SNOWFLAKE["int64"],
    "json": SNOWFLAKE["string"],
    "binary": "BINARY",
}
_DAY, _CLOCK = "YYYY-MM-DD", "HH24:MI:SS.FF9"
_READ = {
    "bool": "({text} = 'true')",
    "date": f"TO_DATE({{text}}, '{_DAY}')",
    "time": f"TO_TIME({{text}}, '{_CLOCK}')",
    "timestamp": f"TO_TIMESTAMP_NTZ({{text}}, '{_DAY} {_CLOCK}')",
    "zoned": f"TO_TIMESTAMP_TZ({{text}} || ' +00:00', '{_DAY} {_CLOCK} TZH:TZM')",
    "json": "PARSE_JSON({text})",
    "binary": "TO_BINARY({text}, 'HEX')",
}


def value_of(text: str, slot: Slot) -> str:
    """Return the SQL of a staged text's value, in the type of its column."""
    if slot.kind in MARKED:
        text = f"SUBSTR({text}, 2)"
    read = _READ.get(slot.kind, "{text}").format(text=text)
    exact = slot.kind in {"string", "bool", "date", "timestamp"}
    plain = slot.sql_type in {"VARCHAR", "VARIANT", "BINARY"}
    return read if exact or plain else f"{read}::{slot.sql_type}"


@dataclass(frozen=True, slots=True)
class StagedTexts:
    """Rows of texts in a staging table."""

    session: "SnowflakeWrites"
    staging: str
    slots: Sequence[Slot]
    size_bytes: int
    pages: int

    def insert(self, ref: TableRef, *, replace: bool) -> int:
        """Insert the rows with one statement; see ``Staged``."""
        verb = "INSERT OVERWRITE INTO" if replace else "INSERT INTO"
        values = (
            value_of(sql.quote(f"C{at}"), slot) for at, slot in enumerate(self.slots)
        )
        (found,) = self.session.records(
            f"{verb} {self.session.name(ref)}"
            f" ({sql.columns(s.name for s in self.slots)})"
            f" SELECT {', '.join(values)} FROM {self.staging}"
        )
        return int(found["number of rows inserted"])


class SnowflakeWrites(SnowflakeTables):
    """One cursor, used by one thread: it writes frames into tables."""

    def slots(self, ref: TableRef) -> tuple[Slot, ...] | None:
        """Return the columns of a table; see ``Session``."""
        found = self.catalogued(ref)
        return None if found is None else tuple(c.slot() for c in found.columns)

    def new_slot(self, name: str, kind: str, scale: int) -> Slot:
        """Return a new column; see ``Session``."""
        new = sql_type(decimal(scale), SNOWFLAKE) if kind == "decimal" else _NEW[kind]
        return slot_of(name.upper(), new)

    def declared_slot(self, name: str, sql_type: str) -> Slot:
        """Return a new column of a type that the caller names."""
        return slot_of(name.upper(), sql_type)

    def make(self, ref: TableRef, slots: Sequence[Slot]) -> None:
        """Create a table unless it exists."""
        body = ", ".join(f"{sql.quote(s.name)} {s.sql_type}" for s in slots)
        self.ensure_schema(ref.schema)
        self.ensure(f"CREATE TABLE IF NOT EXISTS {self.name(ref)} ({body})")

    def add_columns(self, ref: TableRef, slots: Sequence[Slot]) -> None:
        """Add columns to a table."""
        body = ", ".join(
            f"IF NOT EXISTS {sql.quote(s.name)} {s.sql_type}" for s in slots
        )
        self.execute(f"ALTER TABLE {self.name(ref)} ADD COLUMN {body}")

    @contextlib.contextmanager
    def staging(
        self, rows: pa.Table, slots: Sequence[Slot], write_id: str
    ) -> Iterator[StagedTexts]:
        """Bring rows into a staging table of texts; see ``Session``."""
        pages = FramePages(rows, slots)
        with staged(
            self,
            self._house,
            staging_schema(slots),
            pages,
            run_id=f"{UNLEASED}{write_id}",
            ref=TableRef("", ""),
            stage=None,
        ) as (staging, count):
            if count != rows.num_rows:
                raise RowCountMismatchError(
                    f"{count:,} rows were staged of {rows.num_rows:,}",
                    hint=AGAIN,
                )
            yield StagedTexts(self, staging, slots, pages.size_bytes, pages.pages)
