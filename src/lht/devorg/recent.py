"""What each user has used last."""

import threading
from collections import OrderedDict, defaultdict
from datetime import datetime
from typing import NamedTuple

from lht.devorg.clock import Clock

MAX_ITEMS = 200
"""How many records are remembered of each user."""


class Used(NamedTuple):
    """A record that a user has used, and when."""

    sobject: str
    id: str
    at: datetime


class RecentItems:
    """The records that users used last, the newest last; for several threads."""

    def __init__(self, clock: Clock) -> None:
        """Begin without any; the times are the clock's."""
        self._clock = clock
        self._lock = threading.Lock()
        self._by_user: defaultdict[str, OrderedDict[str, Used]] = defaultdict(
            OrderedDict
        )

    def use(self, user_id: str, sobject: str, record_id: str) -> None:
        """Note that a user has used a record."""
        with self._lock:
            items = self._by_user[user_id]
            items[record_id] = Used(sobject, record_id, self._clock.now())
            items.move_to_end(record_id)
            if len(items) > MAX_ITEMS:
                items.popitem(last=False)

    def list(self, user_id: str) -> list[Used]:
        """Return what a user has used, the newest first."""
        with self._lock:
            return list(reversed(self._by_user[user_id].values()))
