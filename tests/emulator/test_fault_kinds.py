"""Whatever goes wrong on the way: the table is right, or it is as it was and is told.

Each kind of fault that devorg has meets some of the requests of a load, by chance.
"""

import pytest
from tests.emulator.faults import BULK, REST
from tests.emulator.scene import Scene
from tests.emulator.test_failures import as_it_stands, changed_since_loaded

from lht.devorg import faults
from lht.devorg.faults import Fault
from lht.exceptions import LHTError, SyncError
from lht.sync import extract
from lht.sync.plan import Options

ROWS, PAGE_ROWS = 50, 20
pytestmark = pytest.mark.parametrize(
    "org", [{"page_size": PAGE_ROWS, "bulk_page_rows": PAGE_ROWS}], indirect=True
)
ON_ONE_WAY = {
    faults.LocatorGone: [REST],
    faults.JobFailed: [BULK],
    faults.JobAborted: [BULK],
    faults.JobStuck: [BULK],
}
CASES = [
    pytest.param(kind, way, id=f"{kind.__name__} {'bulk' if way is BULK else 'rest'}")
    for kind in faults.KINDS
    for way in ON_ONE_WAY.get(kind, [REST, BULK])
]
WAYS = pytest.mark.parametrize("way", [REST, BULK], ids=["rest", "bulk"])


def scheduled(kind: type[Fault], seed: int, probability: float) -> Fault:
    """Return a fault that meets a part of its requests."""
    options = {"seconds": 0.0} if kind is faults.Slow else {}
    return kind(probability=probability, seed=seed, **options)


def assert_right_or_told(scene: Scene, way: Options) -> bool:
    """Load; fail unless the table is right, or as it was and the error helps.

    Returns whether it is right.
    """
    before = as_it_stands(scene)
    try:
        scene.sync("Account", options=way)
    except LHTError as error:
        assert_told(error)
        assert as_it_stands(scene) == before
        return False
    scene.check("Account")
    return True


def assert_told(error: LHTError) -> None:
    """Fail unless an error says what happened and what can be done."""
    if not isinstance(error, SyncError):
        assert error.hint
        return
    (receipt,) = error.report.objects
    assert receipt.error.hint
    assert receipt.error.message
    assert receipt.error.state.startswith("nothing moved")


@pytest.mark.parametrize(("kind", "way"), CASES)
def test_a_load_is_right_or_told(
    scene: Scene,
    kind: type[Fault],
    way: Options,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A load ends in the right table, or in a clear error and nothing half-written."""
    changed_since_loaded(scene, ROWS)
    added = scene.org.faults.add(scheduled(kind, seed, probability=0.5))
    with monkeypatch.context() as patch:
        if kind is faults.JobStuck:  # which nobody waits for here
            patch.setattr(extract, "JOB_DEADLINE_SECONDS", 0.05)
        assert_right_or_told(scene, way)
    assert added.matched
    scene.org.faults.clear()
    if kind is faults.JobStuck:  # somebody ends the job, and the next run sees that
        scene.org.faults.add(faults.JobAborted(path="job", times=1))
        assert_right_or_told(scene, way)
        scene.org.faults.clear()
    assert assert_right_or_told(scene, way)


@WAYS
def test_everything_goes_wrong_now_and_then(
    scene: Scene, way: Options, seed: int
) -> None:
    """Load after load is right or told, and as soon as nothing goes wrong, right."""
    changed_since_loaded(scene, ROWS)
    for number, kind in enumerate(faults.KINDS):
        if kind is not faults.JobStuck:
            fault = scheduled(kind, seed + number, probability=0.03)
            scene.org.faults.add(fault)
    for number in range(4):
        if assert_right_or_told(scene, way):
            scene.org.clock.advance(600)
            scene.accounts(3, f"Account {number}")
    scene.org.faults.clear()
    assert assert_right_or_told(scene, way)
