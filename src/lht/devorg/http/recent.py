"""Records used last, by whoever asks: ``/recent`` and an object's recent items.

Creating, reading, changing and finding a record by itself is use; queries are not.
"""

from lht.devorg.errors import OrgError
from lht.devorg.http.lookup import read_live
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.metadata import SObject


def list_recent(service: Service, call: Call) -> Answer:
    """Answer ``GET /recent``."""
    items = list_items(service, call, None)
    limit = call.params.get("limit")
    if limit is None:
        return Answer(body=items)
    if not limit.isascii() or not limit.isdigit():
        raise OrgError(400, "INVALID_ARGUMENT", f"limit is not a number: {limit}")
    return Answer(body=items[: int(limit)])


def list_items(service: Service, call: Call, sobject: SObject | None) -> list[Json]:
    """List what the caller used last and what still is there, the newest first."""
    used = service.recent.list(call.user_id)
    names = [name for name, _ in used if sobject is None or name == sobject.name]
    found: dict[str, Json] = {}
    for name in dict.fromkeys(names):
        kind = service.store.metadata.by_name[name.lower()]
        ids = [id_ for other, id_ in used if other == name]
        found |= read_live(service, kind, _fields(kind), ids, call.version)
    return [found[id_] for _, id_ in used if id_ in found]


def _fields(sobject: SObject) -> list[str]:
    """Name the fields that tell a record."""
    return ["Id", *(field.name for field in sobject.fields if field.name_field)]


ROUTES = (("GET", "/recent", list_recent),)
