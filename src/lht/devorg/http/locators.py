"""Query cursors: the ids that a query found, waiting on disk for their pages.

A cursor fixes which records belong to the result; their values are read when their
page is. Ids are 18 bytes each, so any page is one seek away.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.http.spool import stream_texts, text_buffer
from lht.devorg.http.wire import Session
from lht.devorg.ids import make_id
from lht.devorg.soql import Compiled

if TYPE_CHECKING:
    import duckdb

# Source: SOAP API Developer Guide, "QueryLocator".
MAX_OPEN = 10

_ID_LENGTH = 18


@dataclass
class Cursor:
    """One query's result as a row of ids."""

    id: str
    compiled: Compiled
    page_size: int
    session: Session
    path: Path
    total: int
    used_at: datetime | None = field(default=None, init=False)

    def ids(self, offset: int, count: int) -> list[str]:
        """Read some of the ids.

        Raises:
            OrgError: INVALID_QUERY_LOCATOR, if the cursor was dropped just now.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(offset * _ID_LENGTH)
                text = file.read(count * _ID_LENGTH).decode()
        except FileNotFoundError as exc:
            raise invalid_locator() from exc
        return [text[at : at + _ID_LENGTH] for at in range(0, len(text), _ID_LENGTH)]


class Cursors:
    """The open cursors of an org: only so many of each user; the oldest one goes."""

    def __init__(
        self, clock: Clock, folder: Path, *, prefix: str = "01g", idle: float = 900
    ) -> None:
        """Keep the ids of results in *folder*.

        Args:
            clock: The org's.
            folder: Is there, and stays until the last cursor is gone.
            prefix: The first three characters of locators.
            idle: Seconds after which a cursor that nobody uses goes.
        """
        self.short_page: int | None = None
        self._clock = clock
        self._folder = folder
        self._prefix = prefix
        self._idle = timedelta(seconds=idle)
        self._open: dict[str, Cursor] = {}
        self._opened = 0
        self._lock = threading.Lock()

    def open(
        self,
        db: "duckdb.DuckDBPyConnection",
        compiled: Compiled,
        session: Session,
        page_size: int,
    ) -> Cursor:
        """Run a query and keep the ids it finds."""
        with self._lock:
            self._opened += 1
            id_ = make_id(self._prefix, self._opened)
        path = self._folder / f"{id_}.ids"
        total = 0
        with path.open("wb") as file:
            for ids in stream_texts(db, compiled.ids_sql, compiled.params):
                file.write(text_buffer(ids)[1])
                total += len(ids)
        return Cursor(id_, compiled, page_size, session, path, total)

    def shorten(self, rows: int | None) -> None:
        """Let pages hold at most *rows* records from now on; None: as usual.

        Raises:
            ValueError: It is less than one.
        """
        if rows is not None and rows < 1:
            raise ValueError(f"a page has at least 1 row: {rows}")
        self.short_page = rows

    def keep(self, cursor: Cursor) -> None:
        """Keep a cursor for the pages still to come."""
        user = cursor.session.user_id
        with self._lock:
            if cursor.used_at is None:
                self._open[cursor.id] = cursor
            cursor.used_at = self._clock.now()
            own = [c for c in self._open.values() if c.session.user_id == user]
            for oldest in own[: max(0, len(own) - MAX_OPEN)]:
                self._drop(oldest)

    def find(self, id_: str) -> Cursor:
        """Return an open cursor.

        Raises:
            OrgError: INVALID_QUERY_LOCATOR.
        """
        with self._lock:
            cursor = self._open.get(id_)
            if cursor is None or cursor.used_at is None:
                raise invalid_locator()
            if self._clock.now() - cursor.used_at > self._idle:
                self._drop(cursor)
                raise invalid_locator()
            return cursor

    def close(self, cursor: Cursor) -> None:
        """Forget a cursor that was not kept."""
        cursor.path.unlink(missing_ok=True)

    def _drop(self, cursor: Cursor) -> None:
        self._open.pop(cursor.id, None)
        cursor.path.unlink(missing_ok=True)


def invalid_locator() -> OrgError:
    """Refuse a locator that belongs to no open cursor."""
    return OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
