"""Who of a run's objects may work now, and how much may wait for its turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock


class Places:
    """So many objects work at the same time; who waits for others lends the place.

    Who comes back goes before who has not begun: what was begun first, and that is the
    largest, is not kept waiting by all that is small.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._coming_back = 0
        self._changed = Condition()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have a place for the block."""
        with self._changed:
            self._changed.wait_for(lambda: self._free and not self._coming_back)
            self._free -= 1
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Leave one's place to another for the block."""
        self._give_back()
        try:
            yield
        finally:
            with self._changed:
                self._coming_back += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._free)
                self._coming_back -= 1
                self._free -= 1
                self._changed.notify_all()

    def _give_back(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()


class Shelf:
    """Room for results that have come before the warehouse can take them."""

    def __init__(self, size_bytes: int) -> None:
        self._free = size_bytes
        self._lock = Lock()

    def take(self, size_bytes: int) -> bool:
        """Take so much room, if there is as much."""
        with self._lock:
            enough = self._free >= size_bytes
            self._free -= size_bytes if enough else 0
        return enough

    def give_back(self, size_bytes: int) -> None:
        """Give back room, or take some more that turned out to be needed (below 0)."""
        with self._lock:
            self._free += size_bytes
