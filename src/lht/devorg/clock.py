"""The org's own clock: real time with an offset, or standing still."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """What time it is in the org. It may be set, moved and stopped."""

    def __init__(self, now: datetime | None = None) -> None:
        """Start at *now* (aware, default: real time) and run on."""
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._frozen: datetime | None = None
        if now is not None:
            self.set(now)

    def now(self) -> datetime:
        """Return the org's time, aware, in UTC."""
        with self._lock:
            return self._frozen or datetime.now(UTC) + self._offset

    def set(self, now: datetime) -> None:
        """Set the time; a stopped clock stays stopped.

        Raises:
            ValueError: *now* has no time zone.
        """
        if now.tzinfo is None:
            raise ValueError("the org's clock needs an aware datetime")
        with self._lock:
            self._offset = now - datetime.now(UTC)
            if self._frozen is not None:
                self._frozen = now.astimezone(UTC)

    def advance(self, by: timedelta | float) -> None:
        """Move the time by a timedelta or a number of seconds."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        self.set(self.now() + step)

    def freeze(self) -> None:
        """Stop the clock where it is."""
        now = self.now()
        with self._lock:
            self._frozen = now
