"""Records used last, by whoever asks: ``/recent`` and an object's recent items.

Creating, reading, changing and finding a record by itself is use; queries are not.
"""

from datetime import UTC

from lht.devorg.errors import OrgError
from lht.devorg.http.lookup import read_live
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json, read_digits
from lht.devorg.metadata import SObject
from lht.devorg.recent import Used
from lht.devorg.store.tables import Row

_OBJECT = "RecentlyViewed"
_NO_NAMES = frozenset({"attributes", "Id"})


def list_recent(service: Service, call: Call) -> Answer:
    """Answer ``GET /recent``."""
    items = list_items(service, call, None)
    limit = call.params.get("limit")
    if limit is None:
        return Answer(body=items)
    if not limit.isascii() or not limit.isdigit():
        raise OrgError(400, "INVALID_ARGUMENT", f"limit is not a number: {limit}")
    return Answer(body=items[: read_digits(limit)])


def list_items(service: Service, call: Call, sobject: SObject | None) -> list[Json]:
    """List what the caller used last and what still is there, the newest first."""
    used = service.recent.list(call.user_id)
    names = [u.sobject for u in used if sobject is None or u.sobject == sobject.name]
    found: dict[str, Json] = {}
    for name in dict.fromkeys(names):
        kind = service.store.metadata.by_name[name.lower()]
        ids = [u.id for u in used if u.sobject == name]
        found |= read_live(service, kind, _fields(kind), ids, call.version)
    return [found[u.id] for u in used if u.id in found]


def refresh(service: Service, call: Call) -> None:
    """Let the records of ``RecentlyViewed`` be what the caller has used last."""
    sobject = service.store.metadata.by_name.get(_OBJECT.lower())
    if sobject is None:
        return
    used = {u.id: u for u in service.recent.list(call.user_id)}
    items = list_items(service, call, None)
    with service.store.lock:
        tables = service.store.tables
        rows: dict[str, Row | None] = dict.fromkeys(
            row["Id"] for row in tables.select(_OBJECT, "true", [])
        )
        for item in items:
            rows[item["Id"]] = _row(service, sobject, item, used[item["Id"]])
        tables.apply({_OBJECT: rows}, ())


def _row(service: Service, sobject: SObject, item: Json, used: Used) -> Row:
    """Return what is shown of a record: its name, and what it calls alike."""
    kept = service.store.get(used.sobject, used.id)
    at = used.at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    row = {f.name: kept.get(f.name) for f in sobject.fields if f.stored}
    name = next((value for key, value in item.items() if key not in _NO_NAMES), None)
    own: Row = {"Id": used.id, "Name": name, "Type": used.sobject}
    own["IsActive"] = bool(row["IsActive"])
    return row | own | {"LastViewedDate": at, "LastReferencedDate": at}


def _fields(sobject: SObject) -> list[str]:
    """Name the fields that tell a record."""
    return ["Id", *(field.name for field in sobject.fields if field.name_field)]


ROUTES = (("GET", "/recent", list_recent),)
