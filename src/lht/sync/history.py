"""The runs that a warehouse remembers."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from lht.report.values import ObjectReport, Place, Status, SyncReport
from lht.sync.lease import live_leases
from lht.sync.state import Store, decode
from lht.warehouse.base import Warehouse

_NOT_ENDED = 1  # exit code of a run whose end nobody saw


def read_history(warehouse: Warehouse) -> list[SyncReport]:
    """Return all runs with their receipts, newest first.

    A run without an end is ``running`` while it holds a lease, else it ``died``.
    """
    with warehouse.session() as session:
        store = Store(session)
        rows = store.read_runs()
        receipts = store.read_receipts()
        alive = {lease.run_id for lease in live_leases(session, warehouse)}
    reports: dict[str, SyncReport] = {}
    for run_id, event, at, document in rows:
        objects = receipts.get(run_id, [])
        if event == "start":
            status = Status.RUNNING if run_id in alive else Status.DIED
            place = decode(document, Place)
            reports[run_id] = _unfinished(run_id, status, place, at, objects)
        else:
            report = decode(document, SyncReport)
            reports[run_id] = replace(report, objects=tuple(objects))
    return list(reports.values())[::-1]


def _unfinished(
    run_id: str,
    status: Status,
    place: Place,
    at: datetime,
    objects: Iterable[ObjectReport],
) -> SyncReport:
    done = tuple(objects)
    return SyncReport(
        run_id=run_id,
        status=status,
        exit_code=_NOT_ENDED,
        place=place,
        started_at=at,
        seconds=sum(o.seconds for o in done),
        api_calls=sum(o.api_calls for o in done),
        objects=done,
    )
