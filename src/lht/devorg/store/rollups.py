"""Roll-up summaries: aggregates over children, stored on their parent.

A change of a child marks its parents; the sums are made when the transaction ends, and
a parent whose value changed gets the system's stamp of the change that caused it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lht.devorg.metadata import Rollup, SObject
from lht.devorg.store.links import rollups_of
from lht.devorg.store.tables import Row
from lht.devorg.store.view import View

ZERO_WHEN_EMPTY = ("COUNT", "SUM")
"""The functions whose value without any child is 0, not null."""


def _total(values: list[float]) -> float | None:
    """Sum exactly, in any order; nothing comes of more than a number can hold."""
    try:
        return math.fsum(values)
    except OverflowError:
        return None


_FUNCTIONS: Mapping[str, Callable[[list[Any]], Any]] = {
    "COUNT": lambda values: float(len(values)),
    "SUM": _total,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
}


def mark_parents(
    view: View, child: SObject, before: Row | None, after: Row | None
) -> None:
    """Note the parents whose sums a change of a child may have changed."""
    for reference in view.links.summed_by(child):
        for row in filter(None, (before, after)):
            if row[reference] is not None:
                view.lock(row[reference])
                view.stale_parents[row[reference]] = view.stamp()


def recompute(view: View) -> None:
    """Bring the sums of all marked parents up to date."""
    for record_id, stamp in view.stale_parents.items():
        sobject = view.sobject_of(record_id)
        row = view.get(sobject.name, record_id) if sobject else None
        if sobject is None or row is None:
            continue
        sums = {field.name: _sum(view, row, r) for field, r in rollups_of(sobject)}
        if any(row[name] != value for name, value in sums.items()):
            if "SystemModstamp" in row:
                row["SystemModstamp"] = max(row["SystemModstamp"], stamp)
            view.put(sobject.name, row | sums)
    view.stale_parents.clear()


def _sum(view: View, parent: Row, rollup: Rollup) -> Any:
    children = view.find(rollup.child, rollup.child_reference, [parent["Id"]])
    live: Iterable[Row] = (row for row in children if not row.get("IsDeleted"))
    if rollup.child_field is None:
        return _FUNCTIONS[rollup.function](list(live))
    values = [row[rollup.child_field] for row in live]
    return _FUNCTIONS[rollup.function]([v for v in values if v is not None])
