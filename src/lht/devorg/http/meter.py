"""How much of a limit is used up within the last 24 hours."""

import threading
from collections import Counter
from collections.abc import Callable

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError


class Meter:
    """Counts events within the last 24 hours, by the hour of the org's clock."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self.limit = limit
        self._clock = clock
        self._hours: Counter[int] = Counter()
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """How many of the limit are used."""
        first = int(self._clock.now().timestamp() // 3600) - 23
        with self._lock:
            return sum(n for hour, n in self._hours.items() if hour >= first)

    @property
    def remaining(self) -> int:
        """How many are left."""
        return max(0, self.limit - self.used)

    def count(self, refusal: Callable[[], OrgError]) -> None:
        """Count one more, or refuse it.

        Raises:
            OrgError: The limit is reached.
        """
        if self.used >= self.limit:
            raise refusal()
        hour = int(self._clock.now().timestamp() // 3600)
        with self._lock:
            self._hours[hour] += 1
