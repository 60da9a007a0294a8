"""Finding what a path names: an object, a record by its id or key."""

from collections.abc import Iterable, Sequence
from contextlib import closing

from lht.devorg import errors
from lht.devorg.errors import AmbiguousKeyError
from lht.devorg.http.query import compile_fields, read_records
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Call, Json
from lht.devorg.ids import check
from lht.devorg.metadata import SObject
from lht.devorg.store.values import coerce


def find_sobject(service: Service, call: Call) -> SObject:
    """Return the object that the path names.

    Raises:
        OrgError: NOT_FOUND.
    """
    found = service.store.metadata.by_name.get(call.segments["sobject"].lower())
    if found is None:
        raise errors.not_found()
    return found


def known_id(text: str) -> str:
    """Check an id in a path; what is none is taken for the name of a field.

    Raises:
        OrgError: NOT_FOUND.
    """
    found = check(text)
    if found is None:
        raise errors.no_external_id(text)
    return found


def id_by_key(service: Service, sobject: SObject, name: str, value: str) -> str:
    """Find the one live record that has a key.

    Raises:
        OrgError: NOT_FOUND, also where the field is no key.
        AmbiguousKeyError: There are several.
    """
    field = sobject.by_name.get(name.lower())
    if field is None or not (field.external_id or field.id_lookup):
        raise errors.no_external_id(name)
    alive = ' AND NOT "IsDeleted"' if "isdeleted" in sobject.by_name else ""
    wanted, key = coerce(field, value), f'"{field.name}" = ?'
    if isinstance(wanted, str) and not (field.case_sensitive or field.type == "id"):
        key = f'lower("{field.name}") = lower(?)'
    with closing(service.store.cursor()) as db:
        sql = f'SELECT "Id" FROM "{sobject.name}" WHERE {key}{alive}'
        ids = [row[0] for row in db.execute(sql, [wanted]).fetchall()]
    if not ids:
        raise errors.not_found()
    if len(ids) > 1:
        raise AmbiguousKeyError(ids)
    return str(ids[0])


def read_record(service: Service, call: Call, sobject: SObject, id_: str) -> Json:
    """Read one record: all fields, or the ones asked for and its Id.

    Raises:
        OrgError: NOT_FOUND, or INVALID_FIELD for a field that it has not.
    """
    fields = [field.name for field in sobject.fields]
    if call.params.get("fields"):
        fields = [name.strip() for name in call.params["fields"].split(",")]
        if not any(name.lower() == "id" for name in fields):
            fields.append("Id")
    compiled = compile_fields(service, sobject.name, fields, all_rows=True)
    with closing(service.store.cursor()) as db:
        records = read_records(service, compiled, [id_], call.version, db)
    if not records:
        raise errors.not_found()
    return records[0]


def read_live(
    service: Service,
    sobject: SObject,
    fields: Sequence[str],
    ids: Iterable[str],
    version: str,
) -> dict[str, Json]:
    """Read some fields of those records that there are, by id."""
    compiled = compile_fields(service, sobject.name, fields, all_rows=False)
    wanted = list(dict.fromkeys(ids))
    with closing(service.store.cursor()) as db:
        # The query's own filter keeps out what is in the recycle bin.
        sql = (
            f'SELECT "Id" FROM ({compiled.ids_sql}) WHERE "Id" IN (SELECT unnest($ids))'
        )
        found = {row[0] for row in db.execute(sql, {"ids": wanted}).fetchall()}
        present = [id_ for id_ in wanted if id_ in found]
        records = read_records(service, compiled, present, version, db)
    return dict(zip(present, records, strict=True))
