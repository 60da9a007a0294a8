"""Objects that wait until the warehouse can take them: what they do meanwhile."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.emulator.faults import BULK, REST
from tests.emulator.scene import PAGE_ROWS, Scene

from lht.devorg.faults import Corrupt, Fault, Refused
from lht.exceptions import SyncInterrupted
from lht.report.values import ObjectReport, Status
from lht.sync import line, run
from lht.sync.extract import Extraction
from lht.sync.plan import Options
from lht.sync.telling import Context

OBJECTS = ("Account", "Contact", "Lead", "Case")
PATIENCE_SECONDS = 10.0


class Turns:
    """The first load keeps its turn until so many others have been fetched.

    They begin to be once it has all of its own; faults come before that, or after.
    """

    def __init__(
        self,
        scene: Scene,
        patch: pytest.MonkeyPatch,
        *,
        fetched: int,
        before: Sequence[Fault] = (),
        after: Sequence[Fault] = (),
        then: Callable[[], object] = bool,
    ) -> None:
        self.loads = 0
        self.fetched = threading.Semaphore(0)
        self._begin, self._first = threading.Event(), threading.Lock()
        load, fetch = line.load, Extraction.fetch

        def slowly(*what: Any, **how: Any) -> ObjectReport:
            self.loads += 1
            receipt = load(*what, **how)
            if self._first.acquire(blocking=False):
                for fault in before:
                    scene.org.faults.add(fault)
                self._begin.set()
                for _ in range(fetched):
                    assert self.fetched.acquire(timeout=PATIENCE_SECONDS)
                for fault in after:
                    scene.org.faults.add(fault)
                then()
            return receipt

        def counted(extraction: Extraction, most_bytes: int) -> int:
            assert self._begin.wait(PATIENCE_SECONDS)
            size_bytes = fetch(extraction, most_bytes)
            self.fetched.release()
            return size_bytes

        patch.setattr(line, "load", slowly)
        patch.setattr(Extraction, "fetch", counted)


@pytest.mark.parametrize("options", [REST, BULK], ids=["rest", "bulk"])
def test_small_results_come_while_another_is_loaded(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, options: Options
) -> None:
    """All come before their turn, two places for four objects suffice for that."""
    scene.org.generate(dict.fromkeys(OBJECTS, 2 * PAGE_ROWS))
    too_late = [
        Refused(path=path, status=400, code="INVALID_FIELD", message="too late")
        for path in ("more", "results", "result_pages")
    ]
    Turns(scene, monkeypatch, fetched=len(OBJECTS) - 1, after=too_late)
    scene.sync(*OBJECTS, max_parallel=2, options=options)
    scene.check(*OBJECTS)


@pytest.mark.parametrize(
    ("where", "limit"), [(line, "SMALL_ROWS"), (run, "SHELF_BYTES")]
)
def test_no_more_is_fetched_than_may_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, where: Any, limit: str
) -> None:
    """What is large, or has no room any more, comes in its own turn."""
    monkeypatch.setattr(where, limit, 0)
    scene.org.generate(dict.fromkeys(OBJECTS, 3))
    turns = Turns(scene, monkeypatch, fetched=0)
    scene.sync(*OBJECTS, max_parallel=len(OBJECTS), options=BULK)
    assert not turns.fetched.acquire(blocking=False)
    scene.check(*OBJECTS)


def test_who_waits_when_a_run_is_stopped_loads_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what was fetched, nor anything else, is begun to be loaded then."""
    scene.org.generate(dict.fromkeys(OBJECTS, 3))
    stops: list[Callable[[], None]] = []

    class Seen(line.Line):
        def __init__(self, context: Context, *what: Any) -> None:
            super().__init__(context, *what)
            stops.append(context.stop.set)

    monkeypatch.setattr(run, "Line", Seen)
    turns = Turns(
        scene,
        monkeypatch,
        fetched=len(OBJECTS) - 1,
        then=lambda: [stop() for stop in stops],
    )
    with pytest.raises(SyncInterrupted) as raised:
        scene.sync(*OBJECTS, options=BULK)
    ends = Counter(o.status for o in raised.value.report.objects)
    assert ends == {Status.SUCCEEDED: 1, Status.INTERRUPTED: len(OBJECTS) - 1}
    assert turns.loads == 1


@pytest.mark.parametrize("small_bytes", [line.SMALL_BYTES, 1])
def test_what_came_damaged_is_fetched_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    """What waited damaged comes again in its turn, also what had no room to wait."""
    monkeypatch.setattr(line, "SMALL_BYTES", small_bytes)
    names = OBJECTS[:2]
    scene.org.generate(dict.fromkeys(names, 2 * PAGE_ROWS))
    damaged = Corrupt(path="results", skip=1, times=3)
    Turns(scene, monkeypatch, fetched=1, before=[damaged])
    scene.sync(*names, options=BULK)
    fetched = [r for r in scene.org.requests if r.path.endswith("/results")]
    assert len(fetched) > 2 * len(names)
    scene.check(*names)
