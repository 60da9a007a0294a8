"""The org's clock runs, jumps and stands still as it is told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lht.devorg.clock import Clock

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)


def test_it_runs_on_real_time_unless_told_otherwise() -> None:
    """A new clock shows the machine's time, in UTC."""
    before = datetime.now(UTC)
    assert before <= Clock().now() <= datetime.now(UTC)


def test_it_starts_where_it_is_set_and_runs_on() -> None:
    """A set clock does not stand still."""
    clock = Clock(NOON)
    first = clock.now()
    assert NOON <= first <= clock.now() < NOON + timedelta(minutes=1)


def test_a_frozen_clock_moves_only_when_moved() -> None:
    """Frozen, it shows exactly what it was moved to."""
    clock = Clock()
    clock.freeze()
    clock.set(NOON)
    clock.advance(90)
    clock.advance(timedelta(days=1))
    assert clock.now() == NOON + timedelta(days=1, seconds=90)


def test_any_time_zone_is_understood_and_none_is_refused() -> None:
    """The org's time is UTC whatever the caller's zone; a naive time is a mistake."""
    clock = Clock()
    clock.freeze()
    clock.set(NOON.astimezone(timezone(timedelta(hours=9))))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        clock.set(datetime(2031, 5, 6))
