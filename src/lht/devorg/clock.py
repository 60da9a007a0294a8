"""The org's own clock: real time with an offset, or standing still."""

import threading
from datetime import UTC, datetime, timedelta

FIRST = datetime(1700, 1, 1, tzinfo=UTC)
END = datetime(4000, 1, 1, tzinfo=UTC)
"""The org knows no time before the one and none from the other on."""


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
            ValueError: *now* has no time zone, or is not in the years 1700 to 3999.
        """
        if now.tzinfo is None:
            raise ValueError("the org's clock needs an aware datetime")
        if not FIRST <= now < END:
            raise ValueError(
                f"the org's clock shows only {FIRST.year} to {END.year - 1}: {now}"
            )
        now = now.astimezone(UTC)
        with self._lock:
            self._offset = now - datetime.now(UTC)
            if self._frozen is not None:
                self._frozen = now

    def advance(self, by: timedelta | float) -> None:
        """Move the time by a timedelta or a number of seconds.

        Raises:
            ValueError: That would be a time that :meth:`set` refuses.
        """
        try:
            step = by if isinstance(by, timedelta) else timedelta(seconds=by)
            moved = self.now() + step
        except OverflowError as exc:
            raise ValueError(f"the org's clock cannot move by {by}") from exc
        self.set(moved)

    def freeze(self) -> None:
        """Stop the clock where it is."""
        now = self.now()
        with self._lock:
            self._frozen = now

    def run(self) -> None:
        """Let a stopped clock run on from the time that it shows."""
        now = self.now()
        with self._lock:
            self._frozen = None
        self.set(now)

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        with self._lock:
            return self._frozen is not None
