"""What writes leave beside their rows: a receipt each, and the rows that did not fit.

Both are inserted in the transaction of the rows. By the receipt a write is known to
have landed, so that it can be tried again and no row comes twice.
"""

from typing import Final

import msgspec
import pyarrow as pa

from lht.schema import TableRef
from lht.sync.state import SCHEMA, utc_now
from lht.util.fitted import REJECTED
from lht.util.values import WriteReport
from lht.warehouse import sql
from lht.warehouse.base import Session, Slot

_WRITES: Final = TableRef(SCHEMA, "WRITES")
_WRITES_BODY: Final = (
    "write_id VARCHAR PRIMARY KEY, target_table VARCHAR, rows_written BIGINT,"
    " rows_rejected BIGINT, recorded_at DATETIME, document VARCHAR"
)


class Receipts:
    """The table of writes, through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._name = session.name(_WRITES)

    def prepare(self) -> None:
        """Create the table unless it exists."""
        if not self._session.has_table(_WRITES):
            self._session.ensure_schema(SCHEMA)
            self._session.ensure(
                f"CREATE TABLE IF NOT EXISTS {self._name} ({_WRITES_BODY})"
            )

    def has(self, write_id: str) -> bool:
        """Tell whether a write has landed."""
        query = f'SELECT COUNT(*) FROM {self._name} WHERE "WRITE_ID" = ?'  # noqa: S608
        return bool(self._session.query(query, (write_id,))[0][0])

    def add(self, report: WriteReport) -> None:
        """Say that a write has landed. Call inside its transaction."""
        values = {
            "WRITE_ID": report.write_id,
            "TARGET_TABLE": report.target_table,
            "ROWS_WRITTEN": report.rows,
            "ROWS_REJECTED": report.rejected,
            "RECORDED_AT": utc_now(),
            "DOCUMENT": msgspec.json.encode(report).decode(),
        }
        self._session.execute(sql.insert(self._name, list(values)), [*values.values()])


def rejected_ref(ref: TableRef) -> TableRef:
    """Return the table that keeps the rows that did not fit another."""
    return TableRef(ref.schema, f"{ref.name}_REJECTED")


def rejected_rows(rows: pa.Table, write_id: str) -> pa.Table:
    """Return rows that did not fit, as they are kept."""
    stamps = pa.array([utc_now()] * rows.num_rows, pa.timestamp("us"))
    ids = pa.array([write_id] * rows.num_rows, pa.large_string())
    return rows.add_column(0, "WRITE_ID", ids).add_column(1, "RECORDED_AT", stamps)


def rejected_slots(session: Session) -> list[Slot]:
    """Return the columns of the table that keeps them."""
    kinds = {"WRITE_ID": "string", "RECORDED_AT": "timestamp"} | REJECTED
    return [session.new_slot(name, kind, 0) for name, kind in kinds.items()]
