"""Which records changed and which went: ``/updated`` and ``/deleted``."""

from datetime import UTC, datetime

from lht.devorg import errors
from lht.devorg.http.lookup import find_sobject
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.render import json_datetime


def list_updated(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/updated``."""
    sobject = find_sobject(service, call)
    start, end = _window(call)
    covered = service.store.latest_date_covered(end)
    ids = service.store.updated_ids(sobject.name, start, end)
    return Answer(body={"ids": ids, "latestDateCovered": _instant(covered)})


def list_deleted(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/deleted``."""
    sobject = find_sobject(service, call)
    start, end = _window(call)
    covered = service.store.latest_date_covered(end)
    deleted = service.store.deleted_ids(sobject.name, start, end)
    earliest = service.store.earliest_deletion(sobject.name)
    return Answer(
        body={
            "deletedRecords": [
                {"id": id_, "deletedDate": _instant(at)} for id_, at in deleted
            ],
            "earliestDateAvailable": _instant(earliest),
            "latestDateCovered": _instant(covered),
        }
    )


def _window(call: Call) -> tuple[datetime, datetime]:
    """Read the span that is asked about; seconds do not count."""
    return _moment(call.required("start")), _moment(call.required("end"))


def _moment(text: str) -> datetime:
    try:
        # An unencoded plus sign arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(second=0, microsecond=0)
    except (ValueError, OverflowError) as exc:
        raise errors.bad_replication_date(f"invalid date: {text}") from exc


def _instant(moment: datetime) -> str:
    return json_datetime(moment.astimezone(UTC).replace(tzinfo=None))


ROUTES = (
    ("GET", "/sobjects/{sobject}/updated", list_updated),
    ("GET", "/sobjects/{sobject}/deleted", list_deleted),
)
