"""Up to 200 records in one request: ``/composite/sobjects``."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec

from lht.devorg import errors
from lht.devorg.errors import OrgError
from lht.devorg.http.query import compile_fields, read_records
from lht.devorg.http.service import Service
from lht.devorg.http.sobjects import find_sobject, record_values
from lht.devorg.http.wire import Answer, Call, Json, boolean
from lht.devorg.ids import check
from lht.devorg.writer import Writer

# Source: REST API Developer Guide, "sObject Collections".
MAX_RECORDS = 200

Change = Callable[[Writer], Json]


class _Records(msgspec.Struct):
    records: list[Json]
    allOrNone: bool = False  # noqa: N815 -- the body's own word


class _Retrieval(msgspec.Struct):
    ids: list[str]
    fields: list[str]


def create(service: Service, call: Call) -> Answer:
    """Answer ``POST /composite/sobjects``."""

    def change(record: Json) -> Change:
        def run(writer: Writer) -> Json:
            kind, values = _type_of(service, record), record_values(record)
            return _done(writer.insert(kind, values, user=call.user_id))

        return run

    return _apply_body(service, call, change)


def update(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /composite/sobjects``."""

    def change(record: Json) -> Change:
        def run(writer: Writer) -> Json:
            values = record_values(record)
            id_ = _take_id(values)
            writer.update(_type_of(service, record), id_, values, user=call.user_id)
            return _done(id_)

        return run

    return _apply_body(service, call, change)


def upsert(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /composite/sobjects/X/FIELD``."""
    sobject, key_field = find_sobject(service, call), call.segments["field"]
    field = sobject.by_name.get(key_field.lower())
    if field is None or not field.external_id:
        raise errors.no_external_id(key_field)

    def change(record: Json) -> Change:
        def run(writer: Writer) -> Json:
            values = record_values(record)
            key = next((n for n in values if n.lower() == key_field.lower()), None)
            if key is None or values[key] is None:
                message = f"{field.name} not specified"
                raise OrgError(400, "MISSING_ARGUMENT", message, [])
            wanted = values.pop(key)
            id_, created = writer.upsert(
                sobject.name, field.name, wanted, values, user=call.user_id
            )
            return {**_done(id_), "created": created}

        return run

    return _apply_body(service, call, change)


def delete(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /composite/sobjects?ids=``."""
    ids = _split(call.required("ids"))
    _check_size(ids)

    def change(text: str) -> Change:
        def run(writer: Writer) -> Json:
            id_ = _checked(text)
            writer.delete(id_)
            return _done(id_)

        return run

    all_or_none = boolean(call.params.get("allOrNone", ""))
    return _apply(service, [change(text) for text in ids], all_or_none=all_or_none)


def retrieve(service: Service, call: Call) -> Answer:
    """Answer ``GET`` and ``POST /composite/sobjects/X``: null for what is not there."""
    if call.method == "POST":
        wanted = call.json(_Retrieval)
        ids, fields = wanted.ids, wanted.fields
    else:
        ids, fields = _split(call.required("ids")), _split(call.required("fields"))
    sobject = find_sobject(service, call)
    compiled = compile_fields(service, sobject.name, fields, all_rows=False)
    known = [check(id_) for id_ in ids]
    with closing(service.store.cursor()) as db:
        # The query's own filter keeps out what is in the recycle bin.
        alive = set(_live(db, compiled.ids_sql, [id_ for id_ in known if id_]))
        present = [id_ for id_ in dict.fromkeys(known) if id_ in alive]
        records = read_records(service, compiled, present, call.version, db)
    by_id: dict[str | None, Json] = dict(zip(present, records, strict=True))
    return Answer(body=[by_id.get(id_) for id_ in known])


def _live(db: Any, ids_sql: str, ids: Sequence[str]) -> Iterator[str]:
    sql = f'SELECT "Id" FROM ({ids_sql}) WHERE "Id" IN (SELECT unnest($ids))'
    for row in db.execute(sql, {"ids": list(ids)}).fetchall():
        yield row[0]


def _apply_body(
    service: Service, call: Call, change: Callable[[Json], Change]
) -> Answer:
    """Apply a change for each record of the body."""
    body = call.json(_Records)
    if not body.records:
        message = "At least 1 record is required"
        raise OrgError(400, "REQUIRED_FIELD_MISSING", message)
    _check_size(body.records)
    changes = [change(record) for record in body.records]
    return _apply(service, changes, all_or_none=body.allOrNone)


def _apply(service: Service, changes: Sequence[Change], *, all_or_none: bool) -> Answer:
    if not all_or_none:
        return Answer(body=[_attempt(service.write, change) for change in changes])
    return Answer(body=_apply_together(service, changes))


def _apply_together(service: Service, changes: Sequence[Change]) -> list[Json]:
    """Apply all changes in one transaction, or none of them."""
    results: list[Json] = []

    def run(writer: Writer) -> None:
        results.extend(_attempt(lambda do: do(writer), change) for change in changes)
        if not all(result["success"] for result in results):
            raise _rolled_back()

    try:
        service.write_together(run)
    except OrgError as error:
        return [_failed(error) if result["success"] else result for result in results]
    return results


def _attempt(write: Callable[[Change], Json], change: Change) -> Json:
    try:
        return write(change)
    except OrgError as error:
        return _failed(error)


def _done(id_: str) -> Json:
    return {"id": id_, "success": True, "errors": []}


def _failed(error: OrgError) -> Json:
    found = [
        {
            "statusCode": entry["errorCode"],
            "message": entry["message"],
            "fields": entry.get("fields", []),
        }
        for entry in error.body()
    ]
    return {"success": False, "errors": found}


def _rolled_back() -> OrgError:
    return OrgError(
        400,
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was "
        "using AllOrNone header",
    )


def _type_of(service: Service, record: Json) -> str:
    attributes = record.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    if not kind:
        message = "Must specify a type in the attributes of each record"
        raise OrgError(400, "INVALID_TYPE", message)
    if str(kind).lower() not in service.store.metadata.by_name:
        message = f"sObject type '{kind}' is not supported."
        raise OrgError(400, "INVALID_TYPE", message)
    return str(kind)


def _take_id(values: Json) -> str:
    """Remove the record's id from its values and return it."""
    for name in list(values):
        if name.lower() == "id":
            return _checked(str(values.pop(name)))
    raise OrgError(400, "MISSING_ARGUMENT", "Id not specified in an update call")


def _checked(text: str) -> str:
    """Return the long form of an id; what is none is refused in its own row."""
    found = check(text)
    if found is None:
        raise OrgError(400, "MALFORMED_ID", f"malformed id {text}")
    return found


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _check_size(records: Sequence[Any]) -> None:
    if len(records) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records"
        raise OrgError(400, "EXCEEDED_ID_LIMIT", message)


ROUTES = (
    ("POST", "/composite/sobjects", create),
    ("PATCH", "/composite/sobjects", update),
    ("DELETE", "/composite/sobjects", delete),
    ("GET", "/composite/sobjects/{sobject}", retrieve),
    ("POST", "/composite/sobjects/{sobject}", retrieve),
    ("PATCH", "/composite/sobjects/{sobject}/{field}", upsert),
)
