"""Deleting, and coming back: the recycle bin, what falls with a record, purging.

A deleted record is a row with ``IsDeleted``. What was deleted with it, and which
lookups lost their value by it, is kept in ``org.bin`` under the record's id, so that
it can come back with it. Purged rows leave their table for ``org.deletes``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lht.devorg import errors, ids
from lht.devorg.metadata import Field, SObject
from lht.devorg.store import records, rollups
from lht.devorg.store.tables import BIN, DELETES, Row
from lht.devorg.store.view import View

RETENTION = timedelta(days=15)
"""How long a record stays in the bin."""


@dataclass
class _Fall:
    """All that one deletion touches."""

    deleted: dict[str, tuple[SObject, Row]] = field(default_factory=dict)
    emptied: dict[tuple[str, str], tuple[SObject, Row]] = field(default_factory=dict)
    restricting: list[tuple[str, SObject, Row]] = field(default_factory=list)


def sobject_of(view: View, record_id: str) -> tuple[SObject, str]:
    """Return what an id belongs to, and its long form."""
    full_id = ids.check(record_id)
    sobject = view.sobject_of(full_id) if full_id else None
    if sobject is None or full_id is None:
        raise errors.not_found()
    return sobject, full_id


def delete(view: View, record_id: str, sobject: SObject | None = None) -> None:
    """Put a record into the bin, with all that cannot be without it.

    It must be an *sobject*, where that is given.
    """
    sobject = sobject or sobject_of(view, record_id)[0]
    if not sobject.deletable:
        raise errors.wrong_operation(sobject.name, "deleted")
    row = records.live_row(view, sobject, record_id)
    full_id = row["Id"]
    fall = _fall(view, sobject, row)
    _refuse_restricted(fall)
    for child_id, (child, child_row) in fall.deleted.items():
        view.lock_fate(child_id)
        _put_into_bin(view, child, child_row)
        if child_id != full_id:
            _note(view, full_id, child, child_id, None)
    for (child_id, name), (child, child_row) in fall.emptied.items():
        row = view.get(child.name, child_id) or child_row
        _change(view, child, row, {name: None})
        _note(view, full_id, child, child_id, name)


def _fall(view: View, sobject: SObject, row: Row) -> _Fall:
    """Follow references downwards from one record."""
    fall = _Fall({row["Id"]: (sobject, row)})
    level = {sobject.name: {row["Id"]}}
    while level:
        following: dict[str, set[str]] = {}
        for name, parent_ids in level.items():
            target = view.sobject(name)
            for child, reference in view.links.into(target):
                found = view.find(child.name, reference.name, parent_ids)
                live = [r for r in found if not r.get("IsDeleted")]
                fallen = _sort_out(fall, child, reference, live)
                following.setdefault(child.name, set()).update(fallen)
        level = {name: found_ids for name, found_ids in following.items() if found_ids}
    emptied = fall.emptied.items()
    fall.emptied = {key: v for key, v in emptied if key[0] not in fall.deleted}
    return fall


def _sort_out(
    fall: _Fall, child: SObject, reference: Field, rows: list[Row]
) -> list[str]:
    """Say what a reference's rule does to the rows; return those that fall too."""
    fresh = [row for row in rows if row["Id"] not in fall.deleted]
    if reference.restricted_delete or not (
        reference.nillable or reference.cascade_delete
    ):
        for row in fresh:
            parent = fall.deleted[row[reference.name]][1]
            fall.restricting.append((parent.get("Name") or parent["Id"], child, row))
        return []
    if reference.cascade_delete:
        fall.deleted.update({row["Id"]: (child, row) for row in fresh})
        return [row["Id"] for row in fresh]
    fall.emptied.update({(row["Id"], reference.name): (child, row) for row in fresh})
    return []


def _refuse_restricted(fall: _Fall) -> None:
    left = [entry for entry in fall.restricting if entry[2]["Id"] not in fall.deleted]
    if left:
        name, child, _ = left[0]
        key = next((f.name for f in child.fields if f.name_field), "Id")
        blockers = [str(row[key]) for _, other, row in left if other is child]
        raise errors.delete_restricted(name, child.label_plural, blockers)


def _put_into_bin(view: View, sobject: SObject, row: Row) -> None:
    if "IsDeleted" not in row:
        view.remove(sobject.name, row["Id"])
    else:
        _change(view, sobject, row, {"IsDeleted": True})
    rollups.mark_parents(view, sobject, row, None)


def _change(view: View, sobject: SObject, row: Row, values: Row) -> None:
    """Change a row as the system does: only its own stamp moves."""
    changed = row | values
    records.stamp_change(view, changed, None)
    view.put(sobject.name, changed)


def _note(
    view: View, root: str, sobject: SObject, record_id: str, name: str | None
) -> None:
    """Remember what must come back together with *root*."""
    key = f"{record_id}/{name}" if name else record_id
    entry = {"Id": key, "root": root, "sobject": sobject.name}
    view.put(BIN, entry | {"record": record_id, "field": name})


def undelete(view: View, record_id: str) -> None:
    """Bring a record back from the bin, and what went there with it."""
    sobject, full_id = sobject_of(view, record_id)
    row = view.get(sobject.name, full_id)
    if row is None or not row.get("IsDeleted") or view.get(BIN, full_id):
        raise errors.undelete_failed()
    if not sobject.undeletable:
        raise errors.wrong_operation(sobject.name, "undeleted")
    _bring_back(view, sobject, row)
    entries = view.find(BIN, "root", [full_id])
    fallen = [entry for entry in entries if entry["field"] is None]
    for child, child_row, _ in _rows_of(view, fallen):
        _bring_back(view, child, child_row)
    emptied = [entry for entry in entries if entry["field"] is not None]
    for child, child_row, name in _rows_of(view, emptied):
        if child_row[name] is None and not child_row.get("IsDeleted"):
            current = view.get(child.name, child_row["Id"]) or child_row
            _change(view, child, current, {name: full_id})
    for entry in entries:
        view.remove(BIN, entry["Id"])


def _rows_of(view: View, entries: list[Row]) -> Iterator[tuple[SObject, Row, str]]:
    """Yield object, row and emptied field of each entry of the bin."""
    for name in dict.fromkeys(entry["sobject"] for entry in entries):
        sobject = view.sobject(name)
        own = [entry for entry in entries if entry["sobject"] == name]
        found = view.find(name, "Id", {entry["record"] for entry in own})
        rows = {row["Id"]: row for row in found}
        for entry in own:
            if entry["record"] in rows:
                yield sobject, rows[entry["record"]], entry["field"]


def _bring_back(view: View, sobject: SObject, row: Row) -> None:
    """Take one row out of the bin."""
    view.lock_fate(row["Id"])
    revived = row | _lost_references(view, sobject, row) | {"IsDeleted": False}
    if "MasterRecordId" in row:
        revived["MasterRecordId"] = None
    for unique in (f for f in sobject.fields if f.unique and row[f.name] is not None):
        for fault in records.unique_faults(view, sobject, unique, revived):
            raise fault
    records.stamp_change(view, revived, None)
    view.put(sobject.name, revived)
    rollups.mark_parents(view, sobject, None, revived)


def _lost_references(view: View, sobject: SObject, row: Row) -> Row:
    """Return null for every reference of a row to what is gone by now."""
    lost: Row = {}
    for reference in (f for f in sobject.fields if f.reference_to and f.stored):
        target_id = row[reference.name]
        target = view.sobject_of(target_id) if target_id else None
        if target_id in (None, view.user_id) or reference.name == "MasterRecordId":
            continue
        deleted = view.is_deleted(target.name, target_id) if target else None
        if deleted is not None:
            view.pin(target_id, deleted=deleted)
        if deleted is False:
            continue
        if reference.nillable:
            lost[reference.name] = None
        else:
            raise errors.undelete_failed("entity's parent is deleted")
    return lost


def hard_delete(view: View, record_id: str) -> None:
    """Delete a record for good, whether it is in the bin already or not."""
    sobject, full_id = sobject_of(view, record_id)
    row = view.get(sobject.name, full_id)
    if row is not None and row.get("IsDeleted") is False:
        delete(view, full_id)
    elif row is None:
        raise errors.bad_reference(status=404)
    _purge(view, sobject, full_id)


def _purge(view: View, sobject: SObject, record_id: str) -> None:
    """Take a record, and what is in the bin only because of it, out of the org."""
    _take_out(view, sobject, record_id)
    for entry in view.find(BIN, "root", [record_id]):
        if entry["field"] is None:
            _take_out(view, view.sobject(entry["sobject"]), entry["record"])
        view.remove(BIN, entry["Id"])
    if view.get(BIN, record_id):
        view.remove(BIN, record_id)


def _take_out(view: View, sobject: SObject, record_id: str) -> None:
    row = view.get(sobject.name, record_id)
    if row is None:
        return
    deleted_at = row.get("SystemModstamp") or view.stamp()
    log = {"Id": record_id, "sobject": sobject.name, "deleted_at": deleted_at}
    view.put(DELETES, log | {"purged_at": view.stamp()})
    view.remove(sobject.name, record_id)


def empty(view: View, until: datetime) -> None:
    """Purge all that has been in the bin since *until* or longer."""
    for sobject in view.metadata.sobjects:
        for row in view.find_deleted(sobject.name, until):
            if not view.is_locked(row["Id"]):
                _purge(view, sobject, row["Id"])
