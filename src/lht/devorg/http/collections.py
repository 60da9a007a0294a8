"""Up to 200 records in one request: ``/composite/sobjects``."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from lht.devorg import errors
from lht.devorg.errors import OrgError
from lht.devorg.http.lookup import find_sobject, read_live
from lht.devorg.http.rows import record_values, refused, saved
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json, boolean
from lht.devorg.ids import check
from lht.devorg.metadata import SObject
from lht.devorg.store.writer import Writer

# Source: REST API Developer Guide, "sObject Collections".
MAX_RECORDS = 200
MAX_RETRIEVED = 2_000
MAX_CHUNKS = 10

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
            sobject, values = _sobject_of(service, record), record_values(record)
            return saved(writer.insert(sobject.name, values, user=call.user_id))

        return run

    return _apply_body(service, call, change)


def update(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /composite/sobjects``."""

    def change(record: Json) -> Change:
        def run(writer: Writer) -> Json:
            sobject, values = _sobject_of(service, record), record_values(record)
            id_ = _take_id(sobject, values)
            writer.update(sobject.name, id_, values, user=call.user_id)
            return saved(id_)

        return run

    return _apply_body(service, call, change)


def upsert(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /composite/sobjects/X/FIELD``.

    The guide allows external ids only; recorded orgs take Id and Email as well. A
    record whose Id is null is created.
    """
    sobject, key_field = find_sobject(service, call), call.segments["field"]
    field = sobject.by_name.get(key_field.lower())
    if field is None or not (field.external_id or field.id_lookup):
        raise errors.no_external_id(key_field)

    def change(record: Json) -> Change:
        def run(writer: Writer) -> Json:
            if _sobject_of(service, record) is not sobject:
                text = f"The records must be of type {sobject.name}"
                raise OrgError(400, "INVALID_TYPE", text, [])
            values = record_values(record)
            key = next((n for n in values if n.lower() == key_field.lower()), None)
            wanted = values.pop(key) if key else None
            if wanted is None and field.name != "Id":
                message = f"{field.name} not specified"
                raise OrgError(400, "MISSING_ARGUMENT", message, [])
            if wanted is None:
                id_ = writer.insert(sobject.name, values, user=call.user_id)
                return saved(id_) | {"created": True}
            id_, created = writer.upsert(
                sobject.name, field.name, wanted, values, user=call.user_id
            )
            return saved(id_) | {"created": created}

        return run

    return _apply_body(service, call, change)


def delete(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /composite/sobjects?ids=``."""
    ids = _split(call.required("ids"))
    _check_size(ids)

    def change(text: str) -> Change:
        def run(writer: Writer) -> Json:
            id_ = check(text)
            if id_ is None:
                raise OrgError(400, "MALFORMED_ID", f"malformed id {text}")
            writer.delete(id_)
            return saved(id_)

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
    _check_size(ids, MAX_RETRIEVED)
    sobject = find_sobject(service, call)
    known = [check(id_) for id_ in ids]
    present = (id_ for id_ in known if id_)
    found = read_live(service, sobject, fields, present, call.version)
    return Answer(body=[found.get(id_) if id_ else None for id_ in known])


def _apply_body(
    service: Service, call: Call, change: Callable[[Json], Change]
) -> Answer:
    """Apply a change for each record of the body."""
    body = call.json(_Records)
    if not body.records:
        message = "At least 1 record is required"
        raise OrgError(400, "REQUIRED_FIELD_MISSING", message)
    _check_size(body.records)
    _check_chunks(body.records)
    changes = [change(record) for record in body.records]
    return _apply(service, changes, all_or_none=body.allOrNone)


def _apply(service: Service, changes: Sequence[Change], *, all_or_none: bool) -> Answer:
    """Apply changes; a composite request that is done whole overrides the caller."""
    if not (all_or_none or service.store.is_joined):
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
        return [refused(error) if result["success"] else result for result in results]
    return results


def _attempt(write: Callable[[Change], Json], change: Change) -> Json:
    try:
        return write(change)
    except OrgError as error:
        return refused(error)


def _rolled_back() -> OrgError:
    return OrgError(
        400,
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was "
        "using AllOrNone header",
    )


def _sobject_of(service: Service, record: Json) -> SObject:
    kind = _kind(record)
    if not kind:
        message = "Must specify a type in the attributes of each record"
        raise OrgError(400, "INVALID_TYPE", message)
    found = service.store.metadata.by_name.get(str(kind).lower())
    if found is None:
        message = f"sObject type '{kind}' is not supported."
        raise OrgError(400, "INVALID_TYPE", message)
    return found


def _kind(record: Json) -> Any:
    attributes = record.get("attributes")
    return attributes.get("type") if isinstance(attributes, dict) else None


def _take_id(sobject: SObject, values: Json) -> str:
    """Remove the record's id from its values and return it in its long form."""
    for name in list(values):
        if name.lower() == "id":
            text = str(values.pop(name))
            found = check(text)
            if found is None or found[:3] != (sobject.key_prefix or found[:3]):
                raise errors.malformed_id(sobject.by_name["id"], text)
            return found
    raise OrgError(400, "MISSING_ARGUMENT", "Id not specified in an update call")


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _check_size(records: Sequence[Any], most: int = MAX_RECORDS) -> None:
    if len(records) > most:
        message = f"record limit reached. cannot submit more than {most} records"
        raise OrgError(400, "EXCEEDED_ID_LIMIT", message)


def _check_chunks(records: Sequence[Json]) -> None:
    """Refuse records whose types take turns too often."""
    if sum(1 for _ in groupby(records, lambda record: str(_kind(record)))) > MAX_CHUNKS:
        text = (
            f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please"
            " rearrange the data to reduce chunking."
        )
        raise OrgError(400, "LIMIT_EXCEEDED", text)


ROUTES = (
    ("POST", "/composite/sobjects", create),
    ("PATCH", "/composite/sobjects", update),
    ("DELETE", "/composite/sobjects", delete),
    ("GET", "/composite/sobjects/{sobject}", retrieve),
    ("POST", "/composite/sobjects/{sobject}", retrieve),
    ("PATCH", "/composite/sobjects/{sobject}/{field}", upsert),
)
