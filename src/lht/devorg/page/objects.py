"""What the org holds: its objects, the records of one, and the fields of one record."""

from contextlib import closing
from dataclasses import replace
from typing import Any

from lht.devorg.errors import OrgError, not_found
from lht.devorg.http.limits import VERSIONS
from lht.devorg.http.query import compile_fields, read_records
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.metadata import Field, SObject
from lht.devorg.page.frame import page, pages
from lht.devorg.page.markup import (
    Child,
    Html,
    address,
    link,
    number,
    row,
    show,
    table,
    tag,
)

PAGE_ROWS = 50
MOST_COLUMNS = 6

_STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
_VERSION = VERSIONS[-1]


def list_objects(service: Service, _call: Call) -> Answer:
    """Answer ``GET /devorg``: all objects; first those that have records."""
    counts = service.store.record_counts()
    found = sorted(service.store.metadata.sobjects, key=lambda s: s.name.lower())
    filled = [s for s in found if counts[s.name]]
    empty = [s for s in found if not counts[s.name]]
    note = f"{sum(counts.values()):,} records of {len(filled):,} objects"
    return page(
        service,
        "Objects",
        tag("p", note),
        _objects(filled, counts, "Objects with records"),
        tag(
            "details",
            tag("summary", f"{len(empty):,} objects without records"),
            _objects(empty, counts, "Objects without records"),
            open=not filled,
        )
        if empty
        else None,
    )


def _objects(sobjects: list[SObject], counts: dict[str, int], label: str) -> Html:
    rows = (
        row(
            _linked(sobject),
            sobject.label,
            number(counts[sobject.name]),
            number(len(sobject.fields)),
        )
        for sobject in sobjects
    )
    titles = ("object", "label", "records", "fields")
    return table(titles, rows, label=label, numbers=titles[2:])


def _linked(sobject: SObject) -> Child:
    """Return an object's name, a link to its records where they can be read."""
    if not sobject.queryable:
        return sobject.name
    return link(sobject.name, address("objects", sobject.name))


def list_records(service: Service, call: Call) -> Answer:
    """Answer ``GET /devorg/objects/NAME``: a page of its records, deleted ones too."""
    sobject = _sobject(service, call)
    first = _whole(call.params.get("first", "0"))
    stamp = next((n for n in _STAMPS if n.lower() in sobject.by_name), None)
    latest = stamp if call.params.get("order") == "latest" else None
    columns = _columns(sobject)
    names = [column.name for column in columns]
    compiled = compile_fields(service, sobject.name, names, all_rows=True)
    order = f't0."{latest}" DESC, t0."Id"' if latest else 't0."Id"'
    with closing(service.store.cursor()) as db:
        db.begin()
        total = _first(db.execute(compiled.count_sql, compiled.params))
        wanted = replace(
            compiled, order=f"ORDER BY {order}", limit=PAGE_ROWS, offset=first
        )
        ids = [id_ for (id_,) in db.execute(wanted.ids_sql, wanted.params).fetchall()]
        records = read_records(service, compiled, ids, _VERSION, db)
    return page(
        service,
        "Objects",
        _choices(sobject, stamp, latest),
        table(
            names,
            [_record_row(service, sobject, columns, record) for record in records],
            label=f"Records of {sobject.name}",
        ),
        _pages(call, sobject, first, total),
        title=sobject.name,
    )


def _choices(sobject: SObject, stamp: str | None, latest: str | None) -> Html:
    """Return the links to other ways of looking at an object's records."""
    here = ("objects", sobject.name)
    soql = f"SELECT FIELDS(ALL) FROM {sobject.name} LIMIT 200"
    by_id = link("by id", address(*here), aria_current=None if latest else "true")
    by_stamp = link(
        f"latest {stamp} first",
        address(*here, order="latest"),
        aria_current="true" if latest else None,
    )
    return tag(
        "p",
        *(link("All objects", address()), by_id, by_stamp if stamp else None),
        link("in SOQL", address("soql", q=soql)),
        class_="choices",
    )


def _pages(call: Call, sobject: SObject, first: int, total: int) -> Html:
    order = call.params.get("order")
    hrefs = [
        address("objects", sobject.name, first=at or None, order=order)
        for at in (max(0, first - PAGE_ROWS), first + PAGE_ROWS)
    ]
    return pages(first, PAGE_ROWS, total, hrefs)


def _columns(sobject: SObject) -> list[Field]:
    """Choose what a list shows of a record: what it is called, and when it changed."""
    fields = [f for f in sobject.fields if f.type not in {"base64", "address"}]
    known = [f for f in fields if f.name in {"Id", "IsDeleted"} or f.name_field]
    stamps = [f for f in fields if f.name == "SystemModstamp"]
    others = [
        f
        for f in fields
        if f not in known and f not in stamps and not f.cascade_delete
        if f.stored and f.updateable and f.length <= 255
    ]
    id_ = [f for f in known if f.name == "Id"]
    named = [f for f in known if f.name_field]
    flags = [f for f in known if f.name == "IsDeleted"]
    room = MOST_COLUMNS - len(known) - len(stamps)
    return [*id_, *flags, *named, *others[: max(0, room)], *stamps]


def _record_row(
    service: Service, sobject: SObject, columns: list[Field], record: dict[str, Any]
) -> Html:
    cells = [_value(service, sobject, field, record) for field in columns]
    return row(*cells, class_="deleted" if record.get("IsDeleted") else None)


def _value(
    service: Service, sobject: SObject, field: Field, record: dict[str, Any]
) -> Html:
    """Return a field's value; an id is a link to its record."""
    value = record[field.name]
    if field.name == "Id":
        return link(value, address("objects", sobject.name, value))
    if field.name == "IsDeleted" and value:
        return tag("mark", "deleted")
    if field.type == "base64" and value is not None:
        return tag("span", "binary", class_="null")
    owners = service.store.metadata.owners(value) if _is_id(field, value) else ()
    if owners:
        return link(value, address("objects", owners[0].name, value))
    return show(value)


def _is_id(field: Field, value: Any) -> bool:
    return field.type == "reference" and isinstance(value, str)


def show_record(service: Service, call: Call) -> Answer:
    """Answer ``GET /devorg/objects/NAME/ID``: all fields of one record."""
    sobject = _sobject(service, call)
    id_ = call.segments["id"]
    names = [field.name for field in sobject.fields]
    compiled = compile_fields(service, sobject.name, names, all_rows=True)
    with closing(service.store.cursor()) as db:
        found = read_records(service, compiled, [id_], _VERSION, db)
    if not found:
        raise OrgError(404, "NOT_FOUND", f"{sobject.name} has no record {id_}")
    record = found[0]
    rows = (
        row(
            field.name,
            _value(service, sobject, field, record),
            field.type,
            class_="empty" if record[field.name] is None else None,
        )
        for field in sobject.fields
    )
    return page(
        service,
        "Objects",
        tag("p", link(f"All of {sobject.name}", address("objects", sobject.name))),
        _bin_note(record),
        table(("field", "value", "type"), rows, label="Fields"),
        title=f"{sobject.name} {id_}",
    )


def _bin_note(record: dict[str, Any]) -> Child:
    if not record.get("IsDeleted"):
        return None
    return tag("p", tag("mark", "deleted"), " It lies in the recycle bin.")


def _sobject(service: Service, call: Call) -> SObject:
    found = service.store.metadata.by_name.get(call.segments["sobject"].lower())
    if found is None:
        raise not_found()
    return found


def _whole(text: str) -> int:
    """Read where a list shall begin."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise OrgError(400, "INVALID_ARGUMENT", "first: a whole number is expected")
    return int(text)


def _first(found: Any) -> int:
    (value,) = found.fetchone()
    return int(value)
