"""One run: several objects, each through the line, some at the same time."""

import logging
import math
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from lht.events import Event, Listener, ObjectQueued, SyncEnded, SyncStarted
from lht.exceptions import WarehouseError
from lht.report.document import one_exit_code
from lht.report.values import (
    ObjectPlan,
    ObjectReport,
    Place,
    Status,
    SyncPlan,
    SyncReport,
)
from lht.salesforce import limits
from lht.salesforce.client import Client
from lht.sync.lease import Leases, live_leases
from lht.sync.line import Line
from lht.sync.opening import RecordCounts, ask_about, in_groups
from lht.sync.places import Places, Shelf
from lht.sync.plan import Options
from lht.sync.state import Store, utc_now
from lht.sync.telling import Context
from lht.warehouse.base import Warehouse

S = TypeVar("S")
T = TypeVar("T")
_log = logging.getLogger("lht.sync")
KEPT_FOR_OTHERS: Final = 0.05  # of the org's API calls in 24 hours
MOST_BEGUN: Final = 50  # objects, with those that wait for Salesforce to finish a job
SHELF_BYTES: Final = 64 << 20  # of results that wait until others are loaded
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32


class Run:
    """A run over some objects of one org into one schema of one warehouse."""

    def __init__(
        self,
        client: Client,
        warehouse: Warehouse,
        *,
        schema: str,
        options: Options,
        listener: Listener,
        max_parallel: int,
        max_calls: int | None = None,
    ) -> None:
        self.run_id = new_run_id()
        stop = threading.Event()
        self._max_parallel = max(1, max_parallel)
        loads = min(self._max_parallel, warehouse.capabilities.parallel_loads)
        self._client = client.scoped(
            max_calls=max_calls, kept_for_others=KEPT_FOR_OTHERS, stop=stop
        )
        self._warehouse = warehouse
        self._started_at, self._clock = utc_now(), time.monotonic()
        self._context = Context(
            run_id=self.run_id,
            client=self._client,
            warehouse=warehouse,
            schema=schema,
            options=options,
            leases=Leases(warehouse, self.run_id),
            counts=RecordCounts(self._client),
            emit=_one_at_a_time(listener),
            places=Places(self._max_parallel),
            parallel_loads=loads,
            slots=threading.Semaphore(loads),
            shelf=Shelf(SHELF_BYTES),
            stop=stop,
        )

    # -- what callers want --------------------------------------------------------

    def plan(self, targets: Mapping[str, str | None]) -> SyncPlan:
        """Plan all objects; those that cannot be planned have an error."""
        place = self._place()
        lines = self._lines(targets)
        calls, counts = self._client.usage.calls, self._context.counts
        calls -= counts.calls
        objects = self._each_by_size(lines, Line.plan)
        org = limits.read_limits(self._client)
        return SyncPlan(
            place=place,
            objects=tuple(objects),
            shared_calls=calls + counts.calls,
            api_calls_left=org.api_remaining if org else None,
            api_calls_max=org.api_max if org else None,
        )

    def planned(self, targets: Mapping[str, str | None]) -> SyncReport:
        """Plan all objects and return the plan as a report of nothing done."""
        plan = self.plan(targets)
        return self._report(plan.place, [_as_planned(o) for o in plan.objects])

    def synced(self, targets: Mapping[str, str | None]) -> SyncReport:
        """Sync all objects and return their receipts."""
        place = self._place()
        self._context.emit(
            SyncStarted(
                run_id=self.run_id,
                objects=tuple(targets),
                org_id=place.org_id,
                org_url=place.org_url,
                warehouse=place.warehouse,
                schema=place.schema,
            )
        )
        self._remember("start", place, prepare=True)
        with self._context.leases.kept_alive():
            lines = self._lines(targets)
            self._tell_who_waits(lines)
            receipts = self._each_by_size(lines, Line.sync)
        report = self._report(place, receipts)
        with suppress(WarehouseError):  # the receipts tell what was done
            self._remember("end", replace(report, objects=()))
        self._context.emit(
            SyncEnded(
                run_id=self.run_id,
                status=report.status.value,
                exit_code=report.exit_code,
                seconds=report.seconds,
            )
        )
        return report

    # -- how it is done -----------------------------------------------------------

    def _place(self) -> Place:
        return Place(
            org_id=self._client.org_id,
            org_url=self._client.instance_url,
            warehouse_kind=self._warehouse.capabilities.kind,
            warehouse=self._warehouse.display,
            schema=self._context.schema,
        )

    def _lines(self, targets: Mapping[str, str | None]) -> list[Line]:
        """Describe all objects, many with each call."""
        lines = [Line(self._context, name, table) for name, table in targets.items()]
        groups = in_groups(lines)
        self._each(groups, self._describe, at_once=self._max_parallel)
        self._context.counts.names = [x.name for x in lines if x.is_described]
        return lines

    def _describe(self, lines: Sequence[Line]) -> None:
        answers = ask_about(self._client, [line.name for line in lines])
        for line in lines:
            line.describe(answers)

    def _tell_who_waits(self, lines: list[Line]) -> None:
        for line in self._by_size(lines)[self._max_parallel :]:
            self._context.emit(
                ObjectQueued(
                    run_id=self.run_id,
                    sobject=line.name,
                    max_parallel=self._max_parallel,
                )
            )

    def _each_by_size(self, lines: list[Line], step: Callable[[Line], T]) -> list[T]:
        """Take a step for each, the largest first: none of those is waited for alone.

        Who has a place begins with the next one; a place may be lent meanwhile. What it
        returns is in the order of *lines*.
        """
        todo, turn = iter(self._by_size(lines)), threading.Lock()

        def take(_: Line) -> tuple[Line, T]:
            with self._context.places.taken():
                with turn:
                    line = next(todo)
                return line, step(line)

        done = dict(self._each(lines, take, at_once=MOST_BEGUN))
        return [done[line] for line in lines]

    def _by_size(self, lines: list[Line]) -> list[Line]:
        if len(lines) == 1:
            return lines
        (counts,) = self._each([lines], self._counted, at_once=1)
        known = {line: count for line, count in counts.items() if count is not None}
        return sorted(lines, key=lambda line: known.get(line, math.inf), reverse=True)

    def _counted(self, lines: list[Line]) -> dict[Line, int | None]:
        return {line: self._context.counts.of(line.name) for line in lines}

    def _each(
        self, items: Sequence[S], step: Callable[[S], T], *, at_once: int
    ) -> list[T]:
        """Take a step for each item, some at a time; Ctrl-C stops them in order."""
        with ThreadPoolExecutor(at_once, "lht-object") as pool:
            futures = [pool.submit(step, item) for item in items]
            return [self._patient(future) for future in futures]

    def _patient(self, future: Future[T]) -> T:
        try:
            return future.result()
        except KeyboardInterrupt:
            self._context.stop.set()
            # a second one ends the process at once
            before = signal.signal(signal.SIGINT, signal.SIG_DFL)
            try:
                return future.result()
            finally:
                signal.signal(signal.SIGINT, before)

    def _remember(self, event: str, document: object, *, prepare: bool = False) -> None:
        with self._warehouse.session() as session:
            store = Store(session)
            if prepare:
                store.prepare()
                session.drop_leftovers(
                    self._context.schema,
                    lambda: {x.run_id for x in live_leases(session, self._warehouse)},
                )
            store.add_run(self.run_id, event, document)

    def _report(self, place: Place, receipts: list[ObjectReport]) -> SyncReport:
        errors = [r.error for r in receipts if r.error]
        status = _status(receipts)
        interrupted = status is Status.INTERRUPTED
        return SyncReport(
            run_id=self.run_id,
            status=status,
            exit_code=130
            if interrupted
            else one_exit_code({e.exit_code for e in errors}),
            place=place,
            started_at=self._started_at,
            seconds=time.monotonic() - self._clock,
            api_calls=self._client.usage.calls,
            objects=tuple(receipts),
        )


def new_run_id() -> str:
    """Return an id that sorts by time: its milliseconds, then some chance."""
    number = (time.time_ns() // 1_000_000) << 20 | secrets.randbits(20)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(65, -1, -5))


def _one_at_a_time(listener: Listener) -> Listener:
    lock = threading.Lock()

    def emit(event: Event) -> None:
        try:
            with lock:
                listener(event)
        except Exception:  # noqa: BLE001  who listens stops no run
            _log.exception("a listener failed event=%s", type(event).__name__)

    return emit


def _status(receipts: list[ObjectReport]) -> Status:
    ends = {r.status for r in receipts}
    if len(ends) == 1:
        return ends.pop()
    return Status.INTERRUPTED if Status.INTERRUPTED in ends else Status.PARTIAL


def _as_planned(plan: ObjectPlan) -> ObjectReport:
    return ObjectReport(
        sobject=plan.sobject,
        target_table=plan.target_table,
        status=Status.FAILED if plan.error else Status.PLANNED,
        mode=plan.mode,
        sync_method=plan.sync_method,
        via=plan.via,
        estimated_rows=plan.estimated_rows,
        since=plan.since,
        notes=plan.notes,
        error=plan.error,
    )
