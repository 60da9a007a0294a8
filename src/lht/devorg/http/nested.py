"""The records of a page, with those of sub-queries inside them.

Records of sub-queries count like others: a page holds fewer records where they have
children, and one with more children than a page holds lists the first of them, with a
locator for the rest.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lht.devorg.http.service import Service
from lht.devorg.http.wire import Session
from lht.devorg.render import Json, RecordRenderer
from lht.devorg.soql import Child, Compiled

if TYPE_CHECKING:
    import duckdb

MOST_DEEPER = 199
"""How many records a sub-query of a sub-query lists of each record, at most."""

Totals = Mapping[str, Mapping[str, int]]
"""How many records each sub-query finds, by its name and by the parent's id."""


def query_result(total: int, records: list[Json], following: str | None = None) -> Json:
    """Render a page of a query's result, or of a sub-query's."""
    result: Json = {"totalSize": total, "done": following is None}
    if following is not None:
        result["nextRecordsUrl"] = following
    return result | {"records": records}


@dataclass(frozen=True)
class PageReader:
    """Reads pages for one caller, all of one instant.

    Attributes:
        service: The org.
        db: A connection inside a transaction.
        session: The caller's, which cursors are bound to.
        base: The path of the API version, such as ``/services/data/v62.0``.
        size: How many records a page holds.
    """

    service: Service
    db: "duckdb.DuckDBPyConnection"
    session: Session | None
    base: str
    size: int

    def read(self, compiled: Compiled, ids: Sequence[str]) -> tuple[list[Json], int]:
        """Read the records of the first of some ids; tell of how many.

        There is always room for the first one.
        """
        totals = self._totals(compiled, ids)
        count = _fitting(ids, totals, self.size)
        records = self._records(compiled, ids[:count], totals, self.size - 1)
        return list(records.values()), count

    def _records(
        self, compiled: Compiled, ids: Sequence[str], totals: Totals, most: int
    ) -> dict[str, Json]:
        """Read records by id, each sub-query's list with *most* at most."""
        metadata = self.service.store.metadata
        version = self.base.rpartition("/v")[2]
        if not ids:
            return {}
        renderer = RecordRenderer(compiled, metadata, version)
        lists = {
            child.name: self._lists(child, ids, totals[child.name], most)
            for child in compiled.children
        }
        sql = compiled.select_by_id(renderer.columns, ids)
        rows = self.db.execute(sql, {"ids": list(ids)}).fetchall()
        return {
            row[0]: renderer.render(
                row, {name: some.get(row[0]) for name, some in lists.items()}
            )
            for row in rows
        }

    def _totals(self, compiled: Compiled, ids: Sequence[str]) -> Totals:
        return {child.name: self._counts(child, ids) for child in compiled.children}

    def _counts(self, child: Child, parents: Sequence[str]) -> dict[str, int]:
        params = {**child.compiled.params, "parents": list(parents)}
        rows = self.db.execute(child.counts_sql, params).fetchall()
        return {parent: total for parent, n in rows if (total := child.total(n))}

    def _lists(
        self, child: Child, parents: Sequence[str], totals: Mapping[str, int], most: int
    ) -> dict[str, Json]:
        """Read what a sub-query finds for each parent; who has nothing is left out."""
        found: dict[str, list[str]] = defaultdict(list)
        params = {**child.compiled.params, "parents": list(parents)}
        for parent, id_ in self.db.execute(child.ids_sql(most), params).fetchall():
            found[parent].append(id_)
        ids = [id_ for some in found.values() for id_ in some]
        deeper = self._totals(child.compiled, ids)
        records = self._records(child.compiled, ids, deeper, MOST_DEEPER)
        return {
            parent: query_result(
                totals[parent],
                [records[id_] for id_ in some],
                self._rest(child, parent, len(some), totals[parent]),
            )
            for parent, some in found.items()
        }

    def _rest(self, child: Child, parent: str, count: int, total: int) -> str | None:
        """Open a cursor for what a list leaves out; return its locator's path."""
        if count >= total or self.session is None:
            return None
        cursors = self.service.cursors
        cursor = cursors.open(self.db, child.of(parent), self.session, self.size)
        cursors.keep(cursor)
        return f"{self.base}/query/{cursor.id}-{count}"


def _fitting(ids: Sequence[str], totals: Totals, room: int) -> int:
    """Count how many records there is room for, with all inside them."""
    used = 0
    for count, id_ in enumerate(ids):
        used += 1 + sum(counts.get(id_, 0) for counts in totals.values())
        if used > room and count:
            return count
    return len(ids)
