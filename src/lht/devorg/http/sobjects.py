"""Objects and single records: describe, create, read, change, delete, replicate."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2s

from lht.devorg import errors
from lht.devorg.describe import render_describe, render_global
from lht.devorg.errors import AmbiguousKeyError, OrgError
from lht.devorg.http.query import compile_fields, read_records
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.ids import check
from lht.devorg.metadata import Field, SObject
from lht.devorg.render import json_datetime

_RECORD_TYPE_COLUMNS = ("Id", "Name", "DeveloperName", "IsActive", "SobjectType")


def describe_all(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects``."""
    return _conditional(
        service, call, lambda: render_global(service.store.metadata, call.version)
    )


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

    return _conditional(service, call, render)


def describe_briefly(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X``."""
    name = find_sobject(service, call).name
    described = render_global(service.store.metadata, call.version)["sobjects"]
    brief = next(entry for entry in described if entry["name"] == name)
    return Answer(body={"objectDescribe": brief, "recentItems": []})


def create(service: Service, call: Call) -> Answer:
    """Answer ``POST /sobjects/X``."""
    sobject, values = find_sobject(service, call), record_values(call.json(Json))
    id_ = service.write(
        lambda writer: writer.insert(sobject.name, values, user=call.user_id)
    )
    return Answer(201, {"id": id_, "success": True, "errors": []})


def read(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/ID``."""
    sobject = find_sobject(service, call)
    id_ = _known_id(call.segments["id"])
    service.store.get(sobject.name, id_)
    return Answer(body=_record(service, call, sobject, id_))


def update(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /sobjects/X/ID``."""
    sobject, values = find_sobject(service, call), record_values(call.json(Json))
    if any(name.lower() == "id" for name in values):
        message = "The Id field should not be specified in the sobject data."
        raise OrgError(400, "INVALID_FIELD", message)
    id_ = _known_id(call.segments["id"])
    service.write(
        lambda writer: writer.update(sobject.name, id_, values, user=call.user_id)
    )
    return Answer(204)


def delete(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /sobjects/X/ID``."""
    sobject, id_ = find_sobject(service, call), _known_id(call.segments["id"])
    service.write(lambda writer: writer.delete(id_, sobject=sobject.name))
    return Answer(204)


def read_by_key(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/FIELD/VALUE``; ``.../ID/FIELD`` is a file's bytes."""
    sobject = find_sobject(service, call)
    blob = sobject.by_name.get(call.segments["value"].lower())
    if blob is not None and blob.type == "base64":
        return _read_blob(service, sobject, call.segments["field"], blob)
    return Answer(body=_record(service, call, sobject, _id_by_key(service, call)))


def upsert(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /sobjects/X/FIELD/VALUE``."""
    sobject, values = find_sobject(service, call), record_values(call.json(Json))
    field, value = call.segments["field"], call.segments["value"]
    id_, created = service.write(
        lambda writer: writer.upsert(
            sobject.name, field, value, values, user=call.user_id
        )
    )
    body = {"id": id_, "success": True, "errors": [], "created": created}
    return Answer(201 if created else 200, body)


def delete_by_key(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /sobjects/X/FIELD/VALUE``."""
    id_ = _id_by_key(service, call)
    service.write(lambda writer: writer.delete(id_))
    return Answer(204)


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


def find_sobject(service: Service, call: Call) -> SObject:
    """Return the object that the path names.

    Raises:
        OrgError: NOT_FOUND.
    """
    found = service.store.metadata.by_name.get(call.segments["sobject"].lower())
    if found is None:
        raise errors.not_found()
    return found


def record_values(record: Json) -> Json:
    """Take a record's values out of a body, without its attributes."""
    return {name: value for name, value in record.items() if name != "attributes"}


def _conditional(service: Service, call: Call, render: Callable[[], Json]) -> Answer:
    """Answer with metadata, or 304 where the caller has it already."""
    changed = service.metadata_changed_at
    tag = blake2s(changed.isoformat().encode(), digest_size=4).hexdigest()
    headers = {
        "Last-Modified": format_datetime(changed, usegmt=True),
        "ETag": f'"{tag}"',
    }
    since = call.headers.get("if-modified-since")
    if since and _is_unchanged(since, changed):
        return Answer(304, None, headers)
    return Answer(200, render(), headers)


def _is_unchanged(since: str, changed: datetime) -> bool:
    try:
        return parsedate_to_datetime(since) >= changed.replace(microsecond=0)
    except (ValueError, TypeError):
        return False


def _record_types(service: Service) -> list[Json]:
    if "recordtype" not in service.store.metadata.by_name:
        return []
    names = ", ".join(f'"{name}"' for name in _RECORD_TYPE_COLUMNS)
    with closing(service.store.cursor()) as db:
        rows = db.execute(f'SELECT {names} FROM "RecordType" ORDER BY "Id"').fetchall()
    return [dict(zip(_RECORD_TYPE_COLUMNS, row, strict=True)) for row in rows]


def _known_id(text: str) -> str:
    """Check an id in a path; what is none is taken for the name of a field."""
    found = check(text)
    if found is None:
        raise errors.no_external_id(text)
    return found


def _record(service: Service, call: Call, sobject: SObject, id_: str) -> Json:
    """Read one record, all fields or the ones asked for."""
    fields: Sequence[str] = [field.name for field in sobject.fields]
    if call.params.get("fields"):
        fields = [name.strip() for name in call.params["fields"].split(",")]
    compiled = compile_fields(service, sobject.name, fields, all_rows=True)
    with closing(service.store.cursor()) as db:
        records = read_records(service, compiled, [id_], call.version, db)
    if not records:
        raise errors.not_found()
    return records[0]


def _id_by_key(service: Service, call: Call) -> str:
    """Find the one record that has a key.

    Raises:
        OrgError: NOT_FOUND, also where the field is no key.
        AmbiguousKeyError: There are several.
    """
    sobject, name = find_sobject(service, call), call.segments["field"]
    field = sobject.by_name.get(name.lower())
    if field is None or not (field.external_id or field.id_lookup):
        raise errors.no_external_id(name)
    alive = ' AND NOT "IsDeleted"' if "isdeleted" in sobject.by_name else ""
    key = f'CAST("{field.name}" AS VARCHAR) = ?'
    if not field.case_sensitive and field.type != "id":
        key = f'lower(CAST("{field.name}" AS VARCHAR)) = lower(?)'
    with closing(service.store.cursor()) as db:
        sql = f'SELECT "Id" FROM "{sobject.name}" WHERE {key}{alive}'
        ids = [row[0] for row in db.execute(sql, [call.segments["value"]]).fetchall()]
    if not ids:
        raise errors.not_found()
    if len(ids) > 1:
        raise AmbiguousKeyError(ids)
    return str(ids[0])


def _read_blob(service: Service, sobject: SObject, id_: str, field: Field) -> Answer:
    row = service.store.get(sobject.name, _known_id(id_))
    content = row[field.name] or b""
    return Answer(200, bytes(content), {"Content-Type": "application/octet-stream"})


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
    ("GET", "/sobjects", describe_all),
    ("GET", "/sobjects/{sobject}", describe_briefly),
    ("POST", "/sobjects/{sobject}", create),
    ("GET", "/sobjects/{sobject}/describe", describe_one),
    ("GET", "/sobjects/{sobject}/updated", list_updated),
    ("GET", "/sobjects/{sobject}/deleted", list_deleted),
    ("GET", "/sobjects/{sobject}/{id}", read),
    ("PATCH", "/sobjects/{sobject}/{id}", update),
    ("DELETE", "/sobjects/{sobject}/{id}", delete),
    ("GET", "/sobjects/{sobject}/{field}/{value}", read_by_key),
    ("PATCH", "/sobjects/{sobject}/{field}/{value}", upsert),
    ("DELETE", "/sobjects/{sobject}/{field}/{value}", delete_by_key),
)
