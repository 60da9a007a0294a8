"""Creating and changing one record, by Salesforce's rules.

The order of refusals is Salesforce's: what cannot be read or is not writable is said
at once; what is missing, too long, not allowed, taken or pointing nowhere is collected
and said together.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lht.devorg import errors, ids
from lht.devorg.errors import OrgError
from lht.devorg.metadata import Field, SObject
from lht.devorg.store import derived, rollups
from lht.devorg.store.tables import Row
from lht.devorg.store.values import coerce, find_faults
from lht.devorg.store.view import View

Values = Mapping[str, Any]

AUDIT_FIELDS = frozenset(
    (
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "LastModifiedById",
        "SystemModstamp",
    )
)


def insert(
    view: View,
    sobject: SObject,
    values: Values,
    *,
    user_id: str,
    keep_id: bool = False,
    keep_audit: bool = False,
    system: bool = False,
) -> str:
    """Create a record and return its id.

    Args:
        view: Where it is written.
        sobject: What it is.
        values: By field name in any case, as Python or JSON values. A relationship's
            name may hold a mapping with one key field of the parent.
        user_id: Who creates it.
        keep_id: Take the Id from *values*, if there is one.
        keep_audit: Take audit fields from *values* where they are given.
        system: Also set what users cannot, and skip what only users must obey.
    """
    if not (sobject.createable or system):
        raise errors.wrong_operation(sobject.name, "inserted")
    free = _free_fields(keep_id=keep_id, keep_audit=keep_audit)
    given = _assign(view, sobject, values, free, system=system, creating=True)
    given["Id"] = _identify(view, sobject, given.get("Id"))
    row = compose(view, sobject, given, user_id=user_id)
    checked = [f for f in sobject.fields if row.get(f.name) is not None]
    missing = [] if system else _missing(sobject, row)
    _refuse(missing, _faults(view, sobject, row, checked, system=system))
    view.put(sobject.name, row, new=True)
    rollups.mark_parents(view, sobject, None, row)
    return str(row["Id"])


def compose(view: View, sobject: SObject, given: Row, *, user_id: str) -> Row:
    """Return a new record: what is *given*, its Id too, and what the org adds to it."""
    row = _blank(view, sobject, user_id) | _without_emptied(sobject, given)
    _name_by_id(sobject, row)
    derived.derive(view, sobject, row)
    return row


def update(
    view: View, sobject: SObject, record_id: str, values: Values, *, user_id: str
) -> None:
    """Change a record; one that changes nothing is stamped all the same."""
    if not sobject.updateable:
        raise errors.wrong_operation(sobject.name, "updated")
    before = live_row(view, sobject, record_id)
    given = _assign(view, sobject, values, frozenset(), system=False, creating=False)
    row = before | given
    stamp_change(view, row, user_id)
    derived.derive(view, sobject, row)
    checked = [f for f in sobject.fields if given.get(f.name) is not None]
    emptied = _missing(sobject, {name: row[name] for name in given}, changing=True)
    _refuse(emptied, _faults(view, sobject, row, checked, system=False))
    view.put(sobject.name, row)
    rollups.mark_parents(view, sobject, before, row)


def live_row(view: View, sobject: SObject, record_id: str) -> Row:
    """Return a record that is not deleted.

    Raises:
        OrgError: ``ENTITY_IS_DELETED`` for one in the bin, ``NOT_FOUND`` for no id,
            ``INVALID_CROSS_REFERENCE_KEY`` for an id of no record of this kind.
    """
    full_id = ids.check(record_id)
    if full_id is None:
        raise errors.not_found()
    row = view.get(sobject.name, full_id)
    if row is None:
        raise errors.bad_reference(status=404)
    if row.get("IsDeleted"):
        raise errors.is_deleted()
    return row


def read(view: View, sobject: SObject, record_id: str) -> Row:
    """Return a record for one who only looks: what never was is just not found."""
    full_id = ids.check(record_id)
    if full_id is None or view.get(sobject.name, full_id) is None:
        raise errors.not_found()
    return live_row(view, sobject, full_id)


def find_by_key(view: View, sobject: SObject, name: str, value: Any) -> list[str]:
    """Return the ids of the live records whose key field *name* holds *value*."""
    field = sobject.by_name.get(name.lower())
    if field is None or not (field.external_id or field.id_lookup):
        raise errors.no_external_id(name)
    key = coerce(field, value)
    if isinstance(key, str):
        cased = field.case_sensitive or field.type == "id"
        rows = view.find_text(sobject.name, field.name, key, cased=cased)
    else:
        rows = view.find(sobject.name, field.name, [key])
    return [row["Id"] for row in rows if not row.get("IsDeleted")]


def _identify(view: View, sobject: SObject, given: str | None) -> str:
    """Return a record's given id, if no other has it, or else the next free one."""
    if given is None:
        number = view.tables.take_number(f"id {sobject.name}")
        return ids.make_id(sobject.key_prefix or "000", number)
    id_field = sobject.by_name["id"]
    if not sobject.owns(given):
        raise errors.malformed_id(id_field, given)
    if view.is_deleted(sobject.name, given) is not None:
        raise errors.duplicate(id_field, given)
    view.tables.skip_id(sobject.name, given)
    return given


def _name_by_id(sobject: SObject, row: Row) -> None:
    """Give a record without a name its short id as such, where names are optional."""
    for field in sobject.fields:
        named = field.name_field and field.createable and field.defaulted_on_create
        if named and row[field.name] is None:
            row[field.name] = row["Id"][:15]


def stamp_change(view: View, row: Row, user_id: str | None) -> None:
    """Stamp a changed row; without a user only the system's own stamp moves."""
    now = view.stamp()
    changes: Row = {"SystemModstamp": now}
    if user_id is not None:
        changes |= {"LastModifiedDate": now, "LastModifiedById": user_id}
    row.update({name: value for name, value in changes.items() if name in row})


def _free_fields(*, keep_id: bool, keep_audit: bool) -> frozenset[str]:
    """Name the fields that this insert may set although users cannot."""
    free = AUDIT_FIELDS if keep_audit else frozenset[str]()
    return free | {"Id"} if keep_id else free


def _assign(
    view: View,
    sobject: SObject,
    values: Values,
    free: frozenset[str],
    *,
    system: bool,
    creating: bool,
) -> Row:
    """Resolve names, refuse what is not writable, and coerce values."""
    pairs = [_resolve(view, sobject, name, value) for name, value in values.items()]
    if creating and not system and "Id" not in free:
        _refuse_own_id(pairs)
    forbidden = [
        field.name
        for field, _ in pairs
        if not (
            _writable(field, creating=creating, system=system) or field.name in free
        )
    ]
    if forbidden:
        raise errors.not_writable(forbidden)
    return {field.name: coerce(field, value) for field, value in pairs}


def _refuse_own_id(pairs: Iterable[tuple[Field, Any]]) -> None:
    if any(field.name == "Id" for field, _ in pairs):
        raise errors.id_given()


def _resolve(view: View, sobject: SObject, name: str, value: Any) -> tuple[Field, Any]:
    """Find the field a name means; a parent given by its key becomes its id."""
    field = sobject.by_name.get(name.lower())
    if field is not None:
        return field, value
    reference = sobject.by_relationship.get(name.lower())
    if reference is not None and value is None:
        return reference, None
    if reference is None or not isinstance(value, Mapping):
        raise errors.unknown_column(name, sobject.name)
    return reference, _parent_id(view, sobject, reference, value)


def _parent_id(view: View, sobject: SObject, reference: Field, key: Values) -> str:
    """Find the parent that ``{"Ext__c": "A-1"}`` means."""
    attributes = key.get("attributes")
    given = attributes.get("type") if isinstance(attributes, Mapping) else None
    kind = str(given or reference.reference_to[0])
    parent = view.metadata.by_name.get(kind.lower())
    pairs = [(name, value) for name, value in key.items() if name != "attributes"]
    if parent is None or parent.name not in reference.reference_to or len(pairs) != 1:
        raise errors.unknown_column(str(reference.relationship_name), sobject.name)
    name, value = pairs[0]
    found = find_by_key(view, parent, name, value)
    if len(found) != 1:
        raise errors.unknown_foreign_key(value, name, parent.name)
    return found[0]


def _writable(field: Field, *, creating: bool, system: bool) -> bool:
    if not field.stored:
        return False
    if system:
        return True
    allowed = field.createable if creating else field.updateable
    return allowed and not field.auto_number


def _blank(view: View, sobject: SObject, user_id: str) -> Row:
    """Return a new record as it is when nothing is given."""
    now = view.stamp()
    audit: dict[str, Any] = {
        "CreatedDate": now,
        "CreatedById": user_id,
        "LastModifiedDate": now,
        "LastModifiedById": user_id,
        "SystemModstamp": now,
        "OwnerId": user_id,
    }
    return {
        field.name: audit.get(field.name, _default(view, sobject, field))
        for field in sobject.fields
        if field.stored
    }


def _default(view: View, sobject: SObject, field: Field) -> Any:
    if field.auto_number:
        number = view.tables.take_number(f"auto {sobject.name}.{field.name}") + 1
        return _format_number(field.auto_number, number)
    if field.rollup:
        return 0.0 if field.rollup.function in rollups.ZERO_WHEN_EMPTY else None
    if field.default_value is not None or field.type == "boolean":
        return coerce(field, field.default_value or False)
    chosen = (entry.value for entry in field.picklist if entry.default)
    return next(chosen, None) if field.type != "multipicklist" else None


def split_format(display: str) -> tuple[str, int, str]:
    """Split an auto-number's format ``C-{00000}`` into text, digits and text."""
    before, _, rest = display.partition("{")
    zeros, _, after = rest.partition("}")
    return before, len(zeros), after


def _format_number(display: str, number: int) -> str:
    before, width, after = split_format(display)
    return f"{before}{number:0{width}d}{after}"


def _without_emptied(sobject: SObject, given: Row) -> Row:
    """Drop nulls for fields that cannot be null, so that their defaults stand."""
    return {
        name: value
        for name, value in given.items()
        if value is not None or sobject.by_name[name.lower()].nillable
    }


def _missing(sobject: SObject, row: Row, *, changing: bool = False) -> list[str]:
    """Name the required fields that *row* has and that hold nothing.

    What the org fills when a record is created may only be missing then.
    """
    return [
        field.name
        for field in sobject.fields
        if field.name in row
        and row[field.name] is None
        and is_required(field, changing=changing)
    ]


def is_required(field: Field, *, changing: bool = False) -> bool:
    """Whether users must give the field a value."""
    return (
        field.createable
        and not field.nillable
        and not field.auto_number
        and (changing or not field.defaulted_on_create)
    )


def _refuse(missing: list[str], faults: list[OrgError]) -> None:
    if missing:
        faults = [errors.required_missing(missing), *faults]
    if faults:
        raise errors.together(faults)


def _faults(
    view: View, sobject: SObject, row: Row, checked: list[Field], *, system: bool
) -> list[OrgError]:
    """Collect all that is wrong with the *checked* fields of a row."""
    faults = [] if system else [e for f in checked for e in find_faults(f, row[f.name])]
    for field in checked:
        if field.unique:
            faults += unique_faults(view, sobject, field, row)
        if field.type == "reference" and not system:
            faults += _reference_faults(view, field, row)
    return faults


def unique_faults(
    view: View, sobject: SObject, field: Field, row: Row
) -> list[OrgError]:
    """Say which live record, if any, has this row's value of a unique field."""
    value, table, cased = row[field.name], sobject.name, field.case_sensitive
    if isinstance(value, str):
        rows = view.find_text(table, field.name, value, cased=cased)
        pending = view.find_pending(table, field.name, value, cased=cased)
    else:
        rows, pending = view.find(table, field.name, [value]), None
    live = [r["Id"] for r in rows if not r.get("IsDeleted") and r["Id"] != row["Id"]]
    if pending and pending != row["Id"]:
        live.append(pending)
    return [errors.duplicate(field, live[0])] if live else []


def _reference_faults(view: View, field: Field, row: Row) -> list[OrgError]:
    """Say whether a reference points to a live record of a kind it may point to."""
    target_id = row[field.name]
    target = view.sobject_of(target_id)
    if target is None or target.name not in field.reference_to:
        known = view.metadata.by_name
        undeclared = any(name.lower() not in known for name in field.reference_to)
        free = target is None and undeclared  # of an object that this org has not
        return [] if free else [errors.malformed_id(field, target_id)]
    if closes_circle(view, field, row):
        return [errors.circular(field)]
    if target_id in (view.user_id, row["Id"]):
        return []
    deleted = view.is_deleted(target.name, target_id)
    if deleted is None:
        return [errors.bad_reference([field.name])]
    if deleted:
        return [errors.is_deleted([field.name], status=400)]
    view.pin(target_id)
    return []


def closes_circle(view: View, field: Field, row: Row) -> bool:
    """Whether a record would be above itself in a hierarchy of standard objects."""
    sobject = view.sobject_of(row["Id"])
    if sobject is None or field.reference_to != (sobject.name,):
        return False
    if field.custom or not field.updateable:
        return False
    above: str | None = row[field.name]
    seen: set[str] = set()
    while above is not None and above not in seen:
        if above == row["Id"]:
            return True
        seen.add(above)
        parent = view.get(sobject.name, above)
        above = parent[field.name] if parent else None
    return False
