"""Where runs got to: state, receipts, jobs and leases, in the target database.

All of them but leases are append-only; the newest row counts. What belongs to a load
(state, receipt, job) is written inside the load's transaction, so data, watermark and
receipt commit together or not at all.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from lht.exceptions import StateError
from lht.report.values import ObjectReport
from lht.schema import SchemaChange, TableRef
from lht.sync.values import FORMAT, Job, State
from lht.warehouse import sql
from lht.warehouse.base import Session

SCHEMA: Final = sql.OWN_SCHEMA
REFUSED_FOR: Final = timedelta(days=7)  # then Bulk is asked again

# DATETIME is naive in every warehouse.
_TABLES: Final = {
    "RUNS": "run_id VARCHAR, event VARCHAR, recorded_at DATETIME, document VARCHAR",
    "RECEIPTS": (
        "run_id VARCHAR, target_table VARCHAR, sobject VARCHAR, status VARCHAR,"
        " records_read BIGINT, inserted BIGINT, updated BIGINT, unchanged BIGINT,"
        " deleted BIGINT, complete_up_to DATETIME, recorded_at DATETIME,"
        " document VARCHAR"
    ),
    "STATE": (
        "target_table VARCHAR, seq BIGINT, run_id VARCHAR, sobject VARCHAR,"
        " watermark DATETIME, recorded_at DATETIME, document VARCHAR,"
        " PRIMARY KEY (target_table, seq)"  # of two runs at once, one fails to commit
    ),
    "JOBS": (
        "target_table VARCHAR, job_id VARCHAR, run_id VARCHAR, event VARCHAR,"
        " recorded_at DATETIME, document VARCHAR"
    ),
    "SCHEMA_CHANGES": (
        "run_id VARCHAR, target_table VARCHAR, column_name VARCHAR, old_type VARCHAR,"
        " new_type VARCHAR, recorded_at DATETIME"
    ),
    "BULK_REFUSALS": (
        "org_id VARCHAR, sobject VARCHAR, reason VARCHAR, recorded_at DATETIME"
    ),
    "LEASES": (
        "target_table VARCHAR PRIMARY KEY, run_id VARCHAR, owner VARCHAR,"
        " heartbeat_at DATETIME, expires_at DATETIME"
    ),
}
T = TypeVar("T")


class Store:
    """The state tables, read and written through one session.

    A target is found in any case, as the warehouse finds its table.
    Nothing is created by reading: before ``prepare``, absent tables read as empty.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names = {name: session.name(TableRef(SCHEMA, name)) for name in _TABLES}
        self._ready = session.has_table(TableRef(SCHEMA, "LEASES"))

    def prepare(self) -> None:
        """Create the schema and its tables unless they exist."""
        self._session.ensure_schema(SCHEMA)
        for name, body in _TABLES.items():
            self._session.ensure(
                f"CREATE TABLE IF NOT EXISTS {self._names[name]} ({body})"
            )
        self._ready = True

    # -- state and receipts -------------------------------------------------------

    def read_state(self, target: str) -> State | None:
        """Return the newest state of a target table."""
        rows = self._query(
            "SELECT document FROM {STATE} WHERE upper(target_table) = upper(?)"
            " ORDER BY seq DESC LIMIT 1",
            (target,),
        )
        return decode(rows[0][0], State) if rows else None

    def save_state(self, state: State) -> None:
        """Append the new state. Call inside the load's transaction."""
        (last,) = self._query(
            "SELECT coalesce(max(seq), 0) FROM {STATE}"
            " WHERE upper(target_table) = upper(?)",
            (state.target_table,),
        )[0]
        self._insert(
            "STATE",
            target_table=state.target_table.upper(),
            seq=last + 1,
            run_id=state.run_id,
            sobject=state.sobject,
            watermark=state.watermark,
            document=_encode(state),
        )

    def add_receipt(self, run_id: str, receipt: ObjectReport) -> None:
        """Append the receipt of one object."""
        self._insert(
            "RECEIPTS",
            run_id=run_id,
            target_table=receipt.target_table,
            sobject=receipt.sobject,
            status=receipt.status.value,
            records_read=receipt.read,
            inserted=receipt.inserted,
            updated=receipt.updated,
            unchanged=receipt.unchanged,
            deleted=receipt.deleted,
            complete_up_to=receipt.complete_up_to,
            document=_encode(receipt),
        )

    def add_changes(
        self, run_id: str, target: str, changes: tuple[SchemaChange, ...]
    ) -> None:
        """Append what changed in the target's shape."""
        for change in changes:
            self._insert(
                "SCHEMA_CHANGES",
                run_id=run_id,
                target_table=target,
                column_name=change.column,
                old_type=change.old_type,
                new_type=change.new_type,
            )

    # -- jobs ---------------------------------------------------------------------

    def add_job(self, target: str, job: Job) -> None:
        """Remember a job as soon as it exists, so that it can be resumed."""
        self._job_event(target, job.job_id, job.run_id, "created", _encode(job))

    def end_job(self, target: str, job_id: str, run_id: str, event: str) -> None:
        """Append to a job's history: committed, discarded, deleted or kept."""
        self._job_event(target, job_id, run_id, event, None)

    def open_jobs(self, target: str) -> list[Job]:
        """Return the jobs that are neither committed nor given up, newest first."""
        rows = self._query(
            "SELECT document FROM {JOBS} WHERE upper(target_table) = upper(?)"
            " AND event = 'created' AND job_id NOT IN (SELECT job_id FROM"
            " {JOBS} WHERE event <> 'created') ORDER BY recorded_at DESC",
            (target,),
        )
        return [decode(document, Job) for (document,) in rows]

    def discard_open_jobs(self, target: str, run_id: str) -> None:
        """Give up all jobs that are not committed: their rows would be a step back."""
        for (job_id,) in self._query(
            "SELECT job_id FROM {JOBS} WHERE upper(target_table) = upper(?)"
            " AND event = 'created' AND job_id NOT IN (SELECT job_id FROM"
            " {JOBS} WHERE event <> 'created')",
            (target,),
        ):
            self.end_job(target, job_id, run_id, "discarded")

    def ended_jobs(self, target: str) -> list[Job]:
        """Return the jobs that are no longer needed but still in the org."""
        rows = self._query(
            "SELECT document FROM {JOBS} WHERE upper(target_table) = upper(?)"
            " AND event = 'created' AND job_id IN (SELECT job_id FROM {JOBS}"
            " WHERE event IN ('committed', 'discarded')) AND job_id NOT IN"
            " (SELECT job_id FROM {JOBS} WHERE event IN ('deleted', 'kept'))",
            (target,),
        )
        return [decode(document, Job) for (document,) in rows]

    def _job_event(
        self, target: str, job_id: str, run_id: str, event: str, document: str | None
    ) -> None:
        self._insert(
            "JOBS",
            target_table=target,
            job_id=job_id,
            run_id=run_id,
            event=event,
            document=document,
        )

    # -- what Bulk refuses --------------------------------------------------------

    def read_refusals(self, org_id: str) -> dict[str, str]:
        """Return why Bulk refuses sObjects of the org, by sObject."""
        rows = self._query(
            "SELECT sobject, reason FROM {BULK_REFUSALS} WHERE org_id = ?"
            " AND recorded_at > ?",
            (org_id, utc_now() - REFUSED_FOR),
        )
        return {str(sobject): str(reason) for sobject, reason in rows}

    def add_refusal(self, org_id: str, sobject: str, reason: str) -> None:
        """Remember that Bulk refuses a sObject."""
        self._insert("BULK_REFUSALS", org_id=org_id, sobject=sobject, reason=reason)

    # -- runs ---------------------------------------------------------------------

    def add_run(self, run_id: str, event: str, document: Any) -> None:
        """Append the ``start`` (a Place) or the ``end`` (a SyncReport) of a run."""
        self._insert("RUNS", run_id=run_id, event=event, document=_encode(document))

    def read_runs(self) -> list[tuple[str, str, datetime, str]]:
        """Return run id, event, time and document of all runs, oldest first."""
        return [
            (str(run_id), str(event), at, str(document))
            for run_id, event, at, document in self._query(
                "SELECT run_id, event, recorded_at, document FROM {RUNS}"
                " ORDER BY recorded_at, event DESC"
            )
        ]

    def read_receipts(self) -> dict[str, list[ObjectReport]]:
        """Return all receipts by run id, in the order they were written."""
        receipts: dict[str, list[ObjectReport]] = {}
        for run_id, document in self._query(
            "SELECT run_id, document FROM {RECEIPTS} ORDER BY recorded_at"
        ):
            receipts.setdefault(run_id, []).append(decode(document, ObjectReport))
        return receipts

    # -- statements ---------------------------------------------------------------

    def _query(
        self, statement: str, parameters: tuple[Any, ...] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a query in which ``{NAME}`` stands for one of the tables."""
        if not self._ready:
            return []
        return self._session.query(statement.format_map(self._names), parameters)

    def _insert(self, name: str, **values: Any) -> None:
        values["recorded_at"] = utc_now()
        self._session.execute(
            sql.insert(self._names[name], [n.upper() for n in values]),
            list(values.values()),
        )


def utc_now() -> datetime:
    """Return this machine's time as naive UTC with millisecond precision."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class _Versioned(msgspec.Struct):
    format: int = FORMAT


def decode(document: str, kind: type[T]) -> T:
    """Read a stored document.

    Raises:
        StateError: It is unreadable, or a newer lht wrote it.
    """
    try:
        if msgspec.json.decode(document, type=_Versioned).format > FORMAT:
            raise StateError(
                "the state in the LHT schema was written by a newer lht",
                newer=True,
                hint="pip install --upgrade lht",
            )
        return msgspec.json.decode(document, type=kind)
    except msgspec.MsgspecError as error:
        raise StateError(
            "the state in the LHT schema is unreadable",
            why=str(error),
            hint="a full load (--full) starts anew; the old rows stay in LHT.STATE",
        ) from error


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
