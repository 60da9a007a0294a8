"""Merging duplicates: one record stays, the others go to the bin and point to it."""

from collections.abc import Sequence

from lht.devorg import errors
from lht.devorg.metadata import Field, SObject
from lht.devorg.store import records, rollups
from lht.devorg.store.records import Values
from lht.devorg.store.tables import Row
from lht.devorg.store.view import View

MAX_LOSERS = 2
"""How many records one merge may take away."""


def merge(
    view: View,
    sobject: SObject,
    master_id: str,
    loser_ids: Sequence[str],
    values: Values,
    *,
    user_id: str,
) -> None:
    """Merge up to two losers into the master, which then takes *values*."""
    if not sobject.mergeable:
        raise errors.wrong_operation(sobject.name, "merged")
    if not 1 <= len(loser_ids) <= MAX_LOSERS:
        raise errors.merge_failed(f"a merge takes 1 to {MAX_LOSERS} records away")
    master = records.live_row(view, sobject, master_id)
    losers = [records.live_row(view, sobject, loser_id) for loser_id in loser_ids]
    lost = {row["Id"] for row in losers}
    if len(lost) < len(losers) or master["Id"] in lost:
        raise errors.merge_failed("a record cannot be merged with itself")
    for child, reference in view.links.into(sobject):
        _move_children(view, child, reference, lost, master["Id"], user_id)
    for loser_id in lost:
        _bury(view, sobject, loser_id, master["Id"])
    records.update(view, sobject, master["Id"], values, user_id=user_id)


def _move_children(  # noqa: PLR0917 -- whose, how, from whom, to whom, by whom
    view: View,
    child: SObject,
    reference: Field,
    lost: set[str],
    master_id: str,
    user_id: str,
) -> None:
    """Give the children of the losers to the master, who is nobody's child of his."""
    found = view.find(child.name, reference.name, lost)
    moved: list[Row] = []
    for row in (row for row in found if not row.get("IsDeleted")):
        parent = None if row["Id"] == master_id else master_id
        moved.append(row | {reference.name: parent})
        records.stamp_change(view, moved[-1], user_id)
        view.put(child.name, moved[-1])
        rollups.mark_parents(view, child, row, moved[-1])
    if any(records.closes_circle(view, reference, row) for row in moved):
        raise errors.circular(reference)


def _bury(view: View, sobject: SObject, loser_id: str, master_id: str) -> None:
    view.lock_fate(loser_id)
    row: Row = view.get(sobject.name, loser_id) or {}
    buried = row | {"IsDeleted": True, "MasterRecordId": master_id}
    records.stamp_change(view, buried, None)
    view.put(sobject.name, buried)
