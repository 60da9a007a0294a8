"""Which request meets which fault."""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from lht.devorg.faults import KINDS, Fault, parse_fault


@dataclass(eq=False)
class Scheduled:
    """A fault of an org, and what has become of it.

    Attributes:
        number: Its own in this org, from 1 on.
        fault: What goes wrong, and when.
        matched: How many requests it was about.
        struck: How many of them it met.
    """

    number: int
    fault: Fault
    matched: int = 0
    struck: int = 0
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.fault.seed)  # noqa: S311 -- to be repeated

    def __str__(self) -> str:
        return f"{self.fault.kind} #{self.number}"

    def strikes(self, method: str, path: str, query: str) -> bool:
        """Whether it meets this request; counts it if it is about it."""
        fault = self.fault
        if not fault.is_about(method, path, query):
            return False
        self.matched += 1
        drawn = self._chance.random()  # for each one: its fate hangs on its number only
        is_met = (
            self.matched > fault.skip
            and (fault.times is None or self.struck < fault.times)
            and drawn < fault.probability
        )
        self.struck += is_met
        return is_met


class Schedule:
    """The faults of an org. For any thread.

    A request meets one fault at most: the first, in the order they were added, that
    is about it and whose turn it is. Faults behind that one do not count it.
    """

    def __init__(self) -> None:
        self._scheduled: list[Scheduled] = []
        self._numbers = count(1)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Scheduled]:
        with self._lock:
            return iter(list(self._scheduled))

    def add(self, fault: Fault) -> Scheduled:
        """Let something go wrong from now on; return what tells how often it did.

        Raises:
            ValueError: Its numbers make no sense.
        """
        if type(fault) in KINDS:
            parse_fault(fault.as_json())  # which checks them
        with self._lock:
            added = Scheduled(next(self._numbers), fault)
            self._scheduled.append(added)
        return added

    def clear(self, number: int | None = None) -> None:
        """Let nothing go wrong any more, or not what has this number."""
        with self._lock:
            self._scheduled = [
                kept for kept in self._scheduled if number not in {None, kept.number}
            ]

    def meet(self, method: str, path: str, query: str) -> Scheduled | None:
        """Return what meets this request, if anything does; its query is decoded."""
        with self._lock:
            found = (s for s in self._scheduled if s.strikes(method, path, query))
            return next(found, None)
