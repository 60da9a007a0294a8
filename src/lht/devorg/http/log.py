"""Who asked the org what, and what came of it."""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

_REMEMBERED = 100_000


class RequestRecord(NamedTuple):
    """One request that the org has answered, in short."""

    method: str
    path: str
    status: int


@dataclass(slots=True)
class Entry:
    """One request, and what became of it.

    Attributes:
        method: Its verb.
        path: Its path, decoded.
        query: The rest of its address, as it came; kept of the REST API only.
        at: When it came, by the org's clock.
        number: Its own, from 1 on, by when the answers began.
        status: Of the answer; 0 where none was sent.
        bytes: How many of the answer's body were sent so far.
        milliseconds: From when the request was there until the answer had ended.
        fault: What it met, if anything: the kind and its number.
        user: The id of who asked, as far as it is known.
        session: Which of the user's sessions it was; a token is not to be had from it.
    """

    method: str
    path: str
    query: str
    at: datetime
    number: int = 0
    status: int = 0
    bytes: int = 0
    milliseconds: float | None = None
    fault: str | None = None
    user: str | None = None
    session: str | None = None
    _began: float = field(default_factory=perf_counter, repr=False)

    def asked_by(self, token: str, user_id: str | None) -> None:
        """Note with which token it came, if with any, and whose that is."""
        self.user = user_id
        if token:
            self.session = hashlib.sha256(token.encode()).hexdigest()[:8]

    def end(self) -> None:
        """Note that nothing more will be sent."""
        self.milliseconds = round((perf_counter() - self._began) * 1_000, 3)

    def as_json(self) -> dict[str, Any]:
        """Return what the admin API tells of it."""
        shown = ("number", "at", "method", "path", "query", "status", "bytes")
        more = ("milliseconds", "fault", "user", "session")
        return {name: getattr(self, name) for name in shown + more}


class RequestLog:
    """The last requests that an org has answered, oldest first.

    As a sequence it has them in short; ``entries`` tells all.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_REMEMBERED)
        self._numbers = count(1)

    def __iter__(self) -> Iterator[RequestRecord]:
        return (_short(entry) for entry in self.entries())

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, at: int) -> RequestRecord:
        return _short(self._entries[at])

    def entries(self) -> list[Entry]:
        """Return them with all that is known of each."""
        return list(self._entries)

    def add(self, entry: Entry) -> None:
        """Append one, its answer being about to be sent."""
        entry.number = next(self._numbers)
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget them all."""
        self._entries.clear()


def _short(entry: Entry) -> RequestRecord:
    return RequestRecord(entry.method, entry.path, entry.status)
