"""Single records: create, read, change, delete, by id, by key and by relationship."""

from contextlib import nullcontext

from lht.devorg.errors import OrgError
from lht.devorg.http import conditional, relations
from lht.devorg.http.lookup import find_sobject, id_by_key, known_id, read_record
from lht.devorg.http.multipart import read_values
from lht.devorg.http.rows import record_values, saved
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json, boolean
from lht.devorg.metadata import Field, SObject
from lht.devorg.store.writer import Writer

# Source: REST API Developer Guide, "Insert or Update (Upsert) a Record Using an
# External ID": earlier versions answer an update with no body.
_UPSERT_BODY_SINCE = 46


def create(service: Service, call: Call) -> Answer:
    """Answer ``POST /sobjects/X``."""
    sobject, values = find_sobject(service, call), read_values(call)
    id_ = service.write(
        lambda writer: writer.insert(sobject.name, values, user=call.user_id)
    )
    return _created(service, call, sobject, id_)


def read(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/ID``."""
    return _read(service, call, find_sobject(service, call), call.segments["id"])


def update(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /sobjects/X/ID``."""
    return _update(service, call, find_sobject(service, call), call.segments["id"])


def delete(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /sobjects/X/ID``."""
    return _delete(service, find_sobject(service, call), call.segments["id"])


def read_by_key(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/FIELD/VALUE``.

    ``.../ID/FIELD`` is a file's bytes, and ``.../ID/NAME`` who a relationship leads to.
    """
    sobject, key = find_sobject(service, call), call.segments["field"]
    value = call.segments["value"]
    if key.lower() not in sobject.by_name:
        blob = sobject.by_name.get(value.lower())
        if blob is not None and blob.type == "base64":
            return _read_blob(service, sobject, key, blob)
        if relations.is_relation(service, sobject, value):
            return _read_related(service, call, sobject, [key, value])
    return _read(service, call, sobject, id_by_key(service, sobject, key, value))


def upsert(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /sobjects/X/FIELD/VALUE``, which may also be a relationship."""
    sobject, values = find_sobject(service, call), record_values(call.json(Json))
    field, value = call.segments["field"], call.segments["value"]
    if _is_relation(service, sobject, field, value):
        target = relations.follow(service, relations.place_of(sobject, field), [value])
        return _update(service, call, target.sobject, target.id)
    if boolean(call.params.get("updateOnly", "")):
        id_by_key(service, sobject, field, value)
    id_, created = service.write(
        lambda writer: writer.upsert(
            sobject.name, field, value, values, user=call.user_id
        )
    )
    if created:
        return _created(service, call, sobject, id_)
    service.recent.use(call.user_id, sobject.name, id_)
    if float(call.version) < _UPSERT_BODY_SINCE:
        return Answer(204)
    return Answer(200, saved(id_) | {"created": False})


def delete_by_key(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /sobjects/X/FIELD/VALUE``, which may also be a relationship."""
    sobject, field = find_sobject(service, call), call.segments["field"]
    value = call.segments["value"]
    if _is_relation(service, sobject, field, value):
        target = relations.follow(service, relations.place_of(sobject, field), [value])
        return _delete(service, target.sobject, target.id)
    return _delete(service, sobject, id_by_key(service, sobject, field, value))


def read_related(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/ID/NAME/NAME...``."""
    names = call.path.split("/sobjects/")[1].strip("/").split("/")[1:]
    return _read_related(service, call, find_sobject(service, call), names)


def _created(service: Service, call: Call, sobject: SObject, id_: str) -> Answer:
    service.recent.use(call.user_id, sobject.name, id_)
    body = saved(id_)
    # The answer of an upsert tells, from some version on, that it was no update.
    if call.method == "PATCH" and float(call.version) >= _UPSERT_BODY_SINCE:
        body["created"] = True
    url = f"{call.base}/sobjects/{sobject.name}/{id_}"
    return Answer(201, body, {"Location": url})


def _read(service: Service, call: Call, sobject: SObject, id_text: str) -> Answer:
    id_ = known_id(id_text)
    row = service.store.get(sobject.name, id_)
    found = conditional.answer_record(
        call, sobject, row, lambda: read_record(service, call, sobject, id_)
    )
    service.recent.use(call.user_id, sobject.name, id_)
    return found


def _update(service: Service, call: Call, sobject: SObject, id_text: str) -> Answer:
    values = read_values(call)
    if any(name.lower() == "id" for name in values):
        message = "The Id field should not be specified in the sobject data."
        raise OrgError(400, "INVALID_FIELD", message)
    id_ = known_id(id_text)
    conditioned = conditional.asks(call)

    def change(writer: Writer) -> None:
        if conditioned:
            conditional.check_write(call, sobject, writer.get(sobject.name, id_))
        writer.update(sobject.name, id_, values, user=call.user_id)

    # Nobody else writes between the check of a condition and the change under it.
    with service.store.lock if conditioned else nullcontext():
        service.write(change)
    service.recent.use(call.user_id, sobject.name, id_)
    return Answer(204)


def _delete(service: Service, sobject: SObject, id_text: str) -> Answer:
    id_ = known_id(id_text)
    service.write(lambda writer: writer.delete(id_, sobject=sobject.name))
    return Answer(204)


def _is_relation(service: Service, sobject: SObject, key: str, value: str) -> bool:
    named = key.lower() in sobject.by_name
    return not named and relations.is_relation(service, sobject, value)


def _read_related(
    service: Service, call: Call, sobject: SObject, names: list[str]
) -> Answer:
    """Read who the last of the relationships leads to: a parent, or all children."""
    start = relations.place_of(sobject, names[0])
    if len(names) == 2:
        children = relations.list_children(service, call, start, names[1])
        if children is not None:
            return children
    target = relations.follow(service, start, names[1:])
    return _read(service, call, target.sobject, target.id)


def _read_blob(service: Service, sobject: SObject, id_: str, field: Field) -> Answer:
    row = service.store.get(sobject.name, known_id(id_))
    content = row[field.name] or b""
    return Answer(200, bytes(content), {"Content-Type": "application/octet-stream"})


def _deep_routes() -> tuple[tuple[str, str], ...]:
    """List the paths along two to five relationships.

    Source: REST API Developer Guide, "Traverse Relationships with Friendly URLs".
    """
    start = "/sobjects/{sobject}/{id}"
    return tuple(
        ("GET", start + "".join(f"/{{name{at}}}" for at in range(count)))
        for count in range(2, 6)
    )


ROUTES = (
    ("POST", "/sobjects/{sobject}", create),
    ("GET", "/sobjects/{sobject}/{id}", read),
    ("PATCH", "/sobjects/{sobject}/{id}", update),
    ("DELETE", "/sobjects/{sobject}/{id}", delete),
    ("GET", "/sobjects/{sobject}/{field}/{value}", read_by_key),
    ("PATCH", "/sobjects/{sobject}/{field}/{value}", upsert),
    ("DELETE", "/sobjects/{sobject}/{field}/{value}", delete_by_key),
    *((method, path, read_related) for method, path in _deep_routes()),
)
