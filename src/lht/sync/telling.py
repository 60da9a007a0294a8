"""What a run tells of one object: its events, and its receipt."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from lht.events import Event, JobStateSeen, Noted, Progress
from lht.exceptions import CommitStateUnknownError, LHTError, StoppedError
from lht.report.values import (
    Change,
    ErrorReport,
    ObjectPlan,
    ObjectReport,
    Status,
    SyncMode,
)
from lht.salesforce.bulk_query import QueryJob
from lht.salesforce.client import Client
from lht.schema import TableRef
from lht.sync.extract import Extraction
from lht.sync.lease import Leases
from lht.sync.opening import RecordCounts
from lht.sync.places import Places, Shelf
from lht.sync.plan import Facts, Options
from lht.sync.state import utc_now
from lht.warehouse.base import Warehouse


@dataclass(frozen=True, kw_only=True)
class Context:
    """What all objects of a run share."""

    run_id: str
    client: Client
    warehouse: Warehouse
    schema: str
    options: Options
    leases: Leases
    counts: RecordCounts
    emit: Callable[[Event], None]
    places: Places  # objects at work at the same time
    parallel_loads: int  # at the same time
    slots: threading.Semaphore  # for those
    shelf: Shelf  # of what waits for a slot
    stop: threading.Event


class Method(TypedDict, total=False):
    """The part of a receipt that the plan decides."""

    mode: SyncMode
    sync_method: str
    via: str
    estimated_rows: int | None
    since: datetime | None
    notes: tuple[str, ...]


class Teller:
    """Knows how far one object has come, and tells it."""

    def __init__(self, context: Context, name: str, table: str | None) -> None:
        self.name = name
        self._context = context
        self._client = context.client.scoped()
        self._table = table
        self._facts: Facts | None = None
        self._shown: ObjectPlan | None = None
        self._step = "describing"
        self._start_clock()

    @property
    def ref(self) -> TableRef:
        """The target table."""
        return TableRef(self._context.schema, self._table or self.name)

    def _start_clock(self) -> None:
        self._started_at, self._clock = utc_now(), time.monotonic()

    def _saw_job(self, job: QueryJob, waited: float) -> None:
        self._context.emit(
            JobStateSeen(
                run_id=self._context.run_id,
                sobject=self.name,
                job_id=job.id,
                state=job.state,
                waited_seconds=waited,
                rows_processed=job.rows_processed,
            )
        )
        self._stop_if_asked()

    def _saw_rows(self, step: str, extraction: Extraction) -> None:
        self._context.emit(
            Progress(
                run_id=self._context.run_id,
                sobject=self.name,
                step=step,
                rows=extraction.downloaded,
                expected_rows=extraction.reported,
                size_bytes=extraction.size_bytes,
            )
        )
        self._stop_if_asked()

    def _sleep(self, seconds: float) -> None:
        self._context.stop.wait(seconds)

    def _stop_if_asked(self) -> None:
        if self._context.stop.is_set():
            raise StoppedError(
                f"stopped before {self.ref} was committed",
                hint="run it again: what Salesforce has prepared is used",
            )

    def _note(self, text: str, *, warning: bool = False) -> None:
        run_id = self._context.run_id
        self._context.emit(
            Noted(run_id=run_id, sobject=self.name, text=text, warning=warning)
        )

    def _receipt(
        self, status: Status, error: ErrorReport | None = None
    ) -> ObjectReport:
        return ObjectReport(
            sobject=self.name,
            target_table=str(self.ref),
            status=status,
            started_at=self._started_at,
            seconds=time.monotonic() - self._clock,
            api_calls=self._client.usage.calls,
            error=error,
            **self._method(),
        )

    def _method(self) -> Method:
        """Return what was planned, as far as it came to that."""
        if self._shown is None:
            return Method()
        return Method(
            mode=self._shown.mode,
            sync_method=self._shown.sync_method,
            via=self._shown.via,
            estimated_rows=self._shown.estimated_rows,
            since=self._shown.since,
            notes=self._shown.notes,
        )

    def _left_behind(self, error: LHTError) -> str:
        if isinstance(error, CommitStateUnknownError):
            return f"{self.ref} is either as it was or loaded: look at it with lht runs"
        state = self._facts.state if self._facts else None
        if state is None or state.watermark is None:
            return f"nothing moved; {self.ref} is as it was"
        upto = f"{state.watermark:%Y-%m-%d %H:%M:%S}Z"
        return f"nothing moved; {self.ref} stays complete up to {upto}"

    def _unplannable(self, error: LHTError) -> ObjectPlan:
        return ObjectPlan(
            sobject=self.name,
            target_table=str(self.ref),
            mode=SyncMode.AUTO,
            change=Change.NOTHING,
            via="",
            sync_method="",
            estimated_rows=None,
            estimated_calls=0,
            since=None,
            why=error.message,
            error=self._told(error),
        )

    def _told(self, error: LHTError, state: str | None = None) -> ErrorReport:
        return replace(ErrorReport.of(error, state=state), sobject=self.name)
