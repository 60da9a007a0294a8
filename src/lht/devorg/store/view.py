"""The org as one transaction sees it: committed rows, under its own changes.

Here is all that the rules of writing need to know of the org, and nothing of DuckDB.
A record that one open transaction changes is locked for all others; one that it only
refers to is pinned, so that nobody deletes it meanwhile.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from lht.devorg import errors
from lht.devorg.clock import Clock
from lht.devorg.metadata import Metadata, SObject
from lht.devorg.store.links import Links
from lht.devorg.store.tables import Row, Tables

Place = tuple[str, str]
"""A table's name and a row's id."""


class View:
    """Rows by table and id, read through to the database, written to memory."""

    def __init__(
        self,
        tables: Tables,
        metadata: Metadata,
        links: Links,
        clock: Clock,
        *,
        user_id: str,
        others: Callable[[], Iterable["View"]],
    ) -> None:
        """Start without changes; *others* tells the open views beside this one."""
        self.tables = tables
        self.metadata = metadata
        self.links = links
        self.clock = clock
        self.user_id = user_id
        self.started_at = clock.now().replace(microsecond=0)
        self.changes: dict[str, dict[str, Row | None]] = {}
        self.new: set[Place] = set()
        self.pinned: set[str] = set()
        self.stale_parents: dict[str, datetime] = {}
        self._others = others
        self._undo: list[tuple[Place, bool, Row | None]] = []

    def stamp(self) -> datetime:
        """Return the present as audit fields hold it: naive UTC, whole seconds."""
        return self.clock.now().astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def sobject(self, name: str) -> SObject:
        """Return an sObject by its name in any case."""
        found = self.metadata.by_name.get(name.lower())
        if found is None:
            raise errors.not_found()
        return found

    def sobject_of(self, record_id: str) -> SObject | None:
        """Return the sObject that an id's prefix names.

        Where several share it, it is the one that has a record of that id.
        """
        owners = self.metadata.owners(record_id)
        if len(owners) > 1:
            having = (
                o for o in owners if self.is_deleted(o.name, record_id) is not None
            )
            return next(having, owners[0])
        return owners[0] if owners else None

    def get(self, table: str, record_id: str) -> Row | None:
        """Return a copy of one row, or None."""
        pending = self.changes.get(table, {})
        if record_id in pending:
            row = pending[record_id]
            return dict(row) if row is not None else None
        return self.tables.fetch(table, record_id)

    def is_deleted(self, table: str, record_id: str) -> bool | None:
        """Return whether a row is in the bin; None where there is no such row."""
        pending = self.changes.get(table, {})
        if record_id not in pending:
            return self.tables.is_deleted(table, record_id)
        row = pending[record_id]
        return None if row is None else bool(row.get("IsDeleted"))

    def find(self, table: str, column: str, values: Collection[str]) -> list[Row]:
        """Return copies of all rows whose *column* holds one of *values*."""
        if not values:
            return []
        pending = self.changes.get(table, {})
        stored = self.tables.find(table, column, values)
        own = [row for row in pending.values() if row and row[column] in values]
        return [row for row in stored if row["Id"] not in pending] + [
            dict(row) for row in own
        ]

    def find_text(
        self, table: str, column: str, text: str, *, cased: bool
    ) -> list[Row]:
        """Return copies of the rows that hold *text*, in any case unless *cased*."""
        where = f'"{column}" = ?' if cased else f'lower("{column}") = lower(?)'
        pending = self.changes.get(table, {})
        stored = self.tables.select(table, where, [text])
        own = [
            dict(row)
            for row in pending.values()
            if row and _same(row[column], text, cased=cased)
        ]
        return [row for row in stored if row["Id"] not in pending] + own

    def find_pending(
        self, table: str, column: str, text: str, *, cased: bool
    ) -> str | None:
        """Return the id of a row holding *text* in a view that is not committed."""
        for view in self._others():
            for key, row in view.changes.get(table, {}).items():
                if row and _same(row[column], text, cased=cased):
                    return key
        return None

    def find_deleted(self, table: str, until: datetime) -> list[Row]:
        """Return the rows in the recycle bin since *until* or longer."""
        columns = self.tables.by_name[table].columns
        if not {"IsDeleted", "SystemModstamp"} <= columns.keys():
            return []
        where = '"IsDeleted" AND "SystemModstamp" <= ?'
        pending = self.changes.get(table, {})
        stored = self.tables.select(table, where, [until])
        own = [
            dict(row)
            for row in pending.values()
            if row and row["IsDeleted"] and row["SystemModstamp"] <= until
        ]
        return [row for row in stored if row["Id"] not in pending] + own

    def put(self, table: str, row: Row, *, new: bool = False) -> None:
        """Write a row; ``new`` says that no row has this id yet."""
        place = (table, row["Id"])
        self.lock(row["Id"])
        self._remember(place)
        if new:
            self.new.add(place)
        self.changes.setdefault(table, {})[row["Id"]] = row

    def remove(self, table: str, record_id: str) -> None:
        """Take a row out of its table."""
        self.lock(record_id)
        self._remember((table, record_id))
        self.changes.setdefault(table, {})[record_id] = None

    def is_locked(self, record_id: str) -> bool:
        """Whether another open transaction is changing a record."""
        return any(
            record_id in view.stale_parents
            or any(record_id in rows for rows in view.changes.values())
            for view in self._others()
        )

    def lock(self, record_id: str) -> None:
        """Refuse a record that another open transaction is changing."""
        if self.is_locked(record_id):
            raise errors.locked(record_id)

    def pin(self, record_id: str, *, deleted: bool = False) -> None:
        """Keep a record that this transaction saw live, or *deleted*, as it is."""
        for view in self._others():
            for rows in view.changes.values():
                row = rows.get(record_id, {"IsDeleted": deleted})
                if row is None or row.get("IsDeleted", False) is not deleted:
                    raise errors.locked(record_id)
        self.pinned.add(record_id)

    def lock_fate(self, record_id: str) -> None:
        """Refuse to delete, or bring back, what another open transaction saw."""
        if any(record_id in view.pinned for view in self._others()):
            raise errors.locked(record_id)

    def _remember(self, place: Place) -> None:
        table, key = place
        pending = self.changes.get(table, {})
        self._undo.append((place, key in pending, pending.get(key)))

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back what the block wrote if it fails."""
        self._undo = []
        stale = dict(self.stale_parents)
        try:
            yield
        except BaseException:  # who goes on after Ctrl-C finds no half of it
            for (table, key), was_there, row in reversed(self._undo):
                if was_there:
                    self.changes[table][key] = row
                else:
                    del self.changes[table][key]
                    self.new.discard((table, key))
            self.stale_parents = stale
            raise


def _same(value: object, text: str, *, cased: bool) -> bool:
    if not isinstance(value, str):
        return False
    return value == text if cased else value.lower() == text.lower()
