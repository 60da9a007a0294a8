"""What each user has used last."""

import threading
from collections import OrderedDict, defaultdict

MAX_ITEMS = 200
"""How many records are remembered of each user."""


class RecentItems:
    """The records that users used last, the newest last; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_user: defaultdict[str, OrderedDict[str, str]] = defaultdict(
            OrderedDict
        )

    def use(self, user_id: str, sobject: str, record_id: str) -> None:
        """Note that a user has used a record."""
        with self._lock:
            items = self._by_user[user_id]
            items[record_id] = sobject
            items.move_to_end(record_id)
            if len(items) > MAX_ITEMS:
                items.popitem(last=False)

    def list(self, user_id: str) -> list[tuple[str, str]]:
        """Return object and id of what a user has used, the newest first."""
        with self._lock:
            items = self._by_user[user_id].items()
            return [(sobject, id_) for id_, sobject in reversed(items)]
