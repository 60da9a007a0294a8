"""Describes over HTTP: all objects, one of them, one in brief."""

from contextlib import closing

from lht.devorg.describe import render_describe, render_global
from lht.devorg.http import conditional, recent
from lht.devorg.http.lookup import find_sobject
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json

_RECORD_TYPE_COLUMNS = ("Id", "Name", "DeveloperName", "IsActive", "SobjectType")


def describe_all(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects``."""

    def render() -> Json:
        return render_global(service.store.metadata, call.version)

    return conditional.answer_metadata(call, service.metadata_changed_at, render)


def describe_one(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/describe``."""
    sobject = find_sobject(service, call)

    def render() -> Json:
        return render_describe(
            sobject,
            service.store.metadata,
            call.version,
            _record_types(service),
            origin=call.origin,
        )

    return conditional.answer_metadata(call, service.metadata_changed_at, render)


def describe_briefly(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X``, with the records the caller used last."""
    sobject = find_sobject(service, call)
    described = render_global(service.store.metadata, call.version)["sobjects"]
    brief = next(entry for entry in described if entry["name"] == sobject.name)
    items = recent.list_items(service, call, sobject)
    return Answer(body={"objectDescribe": brief, "recentItems": items})


def _record_types(service: Service) -> list[Json]:
    if "recordtype" not in service.store.metadata.by_name:
        return []
    names = ", ".join(f'"{name}"' for name in _RECORD_TYPE_COLUMNS)
    with closing(service.store.cursor()) as db:
        rows = db.execute(f'SELECT {names} FROM "RecordType" ORDER BY "Id"').fetchall()
    return [dict(zip(_RECORD_TYPE_COLUMNS, row, strict=True)) for row in rows]


ROUTES = (
    ("GET", "/sobjects", describe_all),
    ("GET", "/sobjects/{sobject}", describe_briefly),
    ("GET", "/sobjects/{sobject}/describe", describe_one),
)
