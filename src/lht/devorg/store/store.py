"""The org's records: one DuckDB database, its transactions, and its bulk entrance.

Writes are made in memory against what is committed, and enter the tables when their
transaction commits; a table's row is therefore always committed and visible. One lock
serves all writers; readers use cursors of their own and see committed state.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import duckdb

from lht.devorg import ids
from lht.devorg.clock import Clock
from lht.devorg.metadata import Metadata
from lht.devorg.store import recycle, replication, rollups, seeds
from lht.devorg.store.bulk import insert_rows, refresh_sums
from lht.devorg.store.links import Links
from lht.devorg.store.tables import Tables
from lht.devorg.store.view import View
from lht.devorg.store.writer import Writer

_CATALOG = "devorg"
"""The database's name in SQL, whatever its file is called."""

_SESSION = f"USE {_CATALOG}; SET TimeZone = 'UTC'"
_PURGE_EVERY = timedelta(hours=1)


class OrgFileError(OSError):
    """A file that cannot be opened as an org's; ``hint`` says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _file_error(path: str | Path, error: duckdb.Error) -> OrgFileError:
    """Say in our words why DuckDB does not open a file."""
    busy = isinstance(error, duckdb.ResourceInUseException)
    if busy or "Conflicting lock" in str(error):
        hint = "end what has it open (lht devorg serve?), or name another file"
        return OrgFileError(f"{path} is in use", hint)
    if Path(path).is_dir():
        hint = "name a file in it"
        return OrgFileError(f"{path} is a folder", hint)
    if not Path(path).is_file():
        hint = "see that its folder exists and can be written to"
        return OrgFileError(f"{path} cannot be made", hint)
    hint = "name a file that devorg has made, or one that does not exist yet"
    return OrgFileError(f"{path} is not an org's file", hint)


class Transaction(Writer):
    """Writes that become visible together, at :meth:`commit`.

    Every write takes its stamps when it is made. What it changes stays locked for
    others until the end. As a context manager it commits, or rolls back on an error.
    """

    def __init__(self, store: "Store", view: View) -> None:
        self._store = store
        self._view = view
        self.started_at = view.started_at

    def _writing(self) -> AbstractContextManager[View]:
        return self._store.inside(self._view)

    def joined(self) -> AbstractContextManager[None]:
        """Let all that this thread does with the store meanwhile be done in here.

        What it writes becomes visible to others at :meth:`commit`; it reads that
        already.
        """
        return self._store.joined(self._view)

    def commit(self) -> None:
        """Make all writes visible at once."""
        with self._writing() as view:
            self._store.commit(view)

    def rollback(self) -> None:
        """Forget all writes."""
        self._store.forget(self._view)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()


class _Joined(threading.local):
    """The view that a thread's work with a store is part of, if any."""

    view: View | None = None


class _Begun:
    """A connection whose transaction has begun already, and is never committed."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def begin(self) -> None:
        """Do nothing: whatever is read is of one instant anyway."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class Store(Writer):
    """All records of one org. Its own writes are transactions of one write each."""

    def __init__(
        self, metadata: Metadata, clock: Clock, *, path: str | Path = ":memory:"
    ) -> None:
        """Open the org at *path*; a new one gets the records all orgs start with.

        Raises:
            OrgFileError: Something else has the file open, or it is no org's.
        """
        self.metadata = metadata
        self.clock = clock
        self.lock = threading.RLock()
        self.user_id = ids.make_id("005", 0)
        self._links = Links(metadata)
        self._open: list[View] = []
        self._joined = _Joined()
        self._db = duckdb.connect()
        self.tables = self._open_tables(path)
        self.org_id = ids.make_id("00D", self.tables.org_number())
        self._purge_at = clock.now()
        if self.tables.is_new:
            with self._writing() as view:
                seeds.plant(view, self.org_id)

    def mark_sandbox(self, *, is_sandbox: bool) -> None:
        """Let the org's own record say whether the org is a sandbox."""
        with self._writing() as view:
            seeds.mark_sandbox(view, self.org_id, is_sandbox=is_sandbox)

    def _open_tables(self, path: str | Path) -> Tables:
        location = str(path).replace("'", "''")
        try:  # with its type, or else a file's name may make it something else
            self._db.execute(f"ATTACH '{location}' AS {_CATALOG} (TYPE duckdb)")
            self._db.execute(_SESSION)
            self._refuse_others_tables()
            return Tables(self._db, self.metadata)
        except duckdb.Error as exc:
            self._db.close()
            raise _file_error(path, exc) from exc

    def _refuse_others_tables(self) -> None:
        """Raise rather than put an org among tables that something else made."""
        found = self._db.execute(
            "SELECT DISTINCT schema_name FROM duckdb_tables()"
            " WHERE database_name = current_database()"
        ).fetchall()
        if found and ("org",) not in found:
            raise duckdb.InvalidInputException("the tables are not an org's")

    def close(self) -> None:
        """Close the database; cursors that are still open keep their connection."""
        with self.lock:
            self._db.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a new connection for reading, for one thread; the caller closes it."""
        with self.lock:
            self._purge_when_due()
            cursor = self._db.cursor()
        cursor.execute(_SESSION)
        view = self._joined.view
        return self._preview(cursor, view) if view else cursor

    def _preview(
        self, cursor: duckdb.DuckDBPyConnection, view: View
    ) -> duckdb.DuckDBPyConnection:
        """Show a connection what a view has written; closing it takes that back.

        Nobody else changes those records meanwhile: the view has locked them.
        """
        try:
            with self.lock:
                rollups.recompute(view)
                cursor.begin()
                self.tables.write(cursor, view.changes, view.new)
        except BaseException:  # whatever it was: nobody else can close it
            cursor.close()
            raise
        return cast("duckdb.DuckDBPyConnection", _Begun(cursor))

    def transaction(self) -> Transaction:
        """Begin a transaction."""
        with self.lock:
            return Transaction(self, self._begin())

    def oldest_open_transaction(self) -> datetime | None:
        """Return when the oldest open transaction began, or None."""
        with self.lock:
            return min((view.started_at for view in self._open), default=None)

    def latest_date_covered(self, end: datetime) -> datetime:
        """Return the instant up to which all changes are visible, at most *end*.

        Ask before reading: a change committed in between is then read, or later.
        """
        with self.lock:
            present = self.clock.now().replace(microsecond=0)
            return min(end, present, self.oldest_open_transaction() or present)

    def updated_ids(self, sobject: str, start: datetime, end: datetime) -> list[str]:
        """Return the ids of live records created or changed from *start* to *end*."""
        with self._writing() as view:
            found, now = view.sobject(sobject), self.clock.now()
            return replication.updated_ids(self.tables, found, start, end, now)

    def deleted_ids(
        self, sobject: str, start: datetime, end: datetime
    ) -> list[tuple[str, datetime]]:
        """Return id and time of every deletion from *start* to *end*."""
        with self._writing() as view:
            found, now = view.sobject(sobject), self.clock.now()
            return replication.deleted_ids(self.tables, found, start, end, now)

    def earliest_deletion(self, sobject: str) -> datetime:
        """Return from when on the deletions of an sObject are known."""
        with self._writing() as view:
            found, now = view.sobject(sobject), self.clock.now()
            return replication.earliest_deletion(self.tables, found, now)

    def record_counts(self) -> dict[str, int]:
        """Return how many live records each sObject has."""
        with self.lock:
            self._purge_when_due()
            return {s.name: self._count(s.name) for s in self.metadata.sobjects}

    def _count(self, name: str) -> int:
        live = self.tables.live(name)
        row = self.tables.first(f'SELECT count(*) FROM "{name}" WHERE {live}')
        return int(row[0]) if row else 0

    def reserve_ids(self, sobject: str, count: int) -> int:
        """Take *count* id numbers for ``ids.sql_id``; return the first."""
        with self.lock:
            name = self.metadata.by_name[sobject.lower()].name
            return self.tables.take_number(f"id {name}", count)

    def bulk_insert(self, sobject: str, source: Any) -> int:
        """Insert many records at once, unchecked; return how many.

        Args:
            sobject: API name.
            source: A SELECT as DuckDB SQL, or an Arrow table. Its columns are named by
                field. What it lacks is filled: Id, auto-numbers, owner and audit
                fields, False. Its texts must be NULL where they are empty.
        """
        with self.lock:
            found = self.metadata.by_name[sobject.lower()]
            now = self.clock.now().astimezone(UTC).replace(tzinfo=None, microsecond=0)
            count = insert_rows(
                self.tables, found, source, user_id=self.user_id, now=now
            )
            refresh_sums(self.tables, self.metadata, found)
            return count

    @contextmanager
    def joined(self, view: View) -> Iterator[None]:
        """See :meth:`Transaction.joined`. Not for users of the store."""
        self._joined.view = view
        try:
            yield
        finally:
            self._joined.view = None

    @property
    def is_joined(self) -> bool:
        """Whether what this thread writes now is part of an open transaction."""
        return self._joined.view is not None

    @contextmanager
    def inside(self, view: View) -> Iterator[View]:
        """Write into a view that stays open. Not for users of the store."""
        with self.lock, view.all_or_nothing():
            if not self.is_open(view):
                raise RuntimeError("this transaction is over")
            yield view

    def _writing(self) -> AbstractContextManager[View]:
        view = self._joined.view
        return self._at_once() if view is None else self.inside(view)

    @contextmanager
    def _at_once(self) -> Iterator[View]:
        with self.lock:
            self._purge_when_due()
            view = self._begin()
            try:
                yield view
                self.commit(view)
            finally:
                self.forget(view)

    def _begin(self) -> View:
        view: View = View(
            self.tables,
            self.metadata,
            self._links,
            self.clock,
            user_id=self.user_id,
            others=lambda: (other for other in self._open if other is not view),
        )
        self._open.append(view)
        return view

    def is_open(self, view: View) -> bool:
        """Whether a view is neither committed nor forgotten."""
        return any(view is other for other in self._open)

    def commit(self, view: View) -> None:
        """Write a view's changes into the tables. Not for users of the store."""
        rollups.recompute(view)
        if view.changes:
            self.tables.apply(view.changes, view.new)
        self.forget(view)

    def forget(self, view: View) -> None:
        """Drop a view and its locks. Not for users of the store."""
        with self.lock:
            self._open = [other for other in self._open if other is not view]

    def _purge_when_due(self) -> None:
        """Empty the bin of what has been there for its fifteen days."""
        now = self.clock.now()
        if now < self._purge_at or self.is_joined:
            return
        self._purge_at = now + _PURGE_EVERY
        with self._writing() as view:
            recycle.empty(view, view.stamp() - recycle.RETENTION)
