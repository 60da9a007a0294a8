"""Who of a run's objects may work now."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Places:
    """So many objects work at the same time; who waits for a job lends the place.

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
