"""The org is a guest house: what a run may take from it is bounded."""

from typing import Any

import pytest
from tests.emulator.scene import Scene

from lht.exceptions import SyncError
from lht.sync.plan import Options

BULK: dict[str, Any] = {"options": Options(force_bulk=True)}


def refused(scene: Scene, **options: Any) -> SyncError:
    """Sync accounts, which must be refused for the sake of others."""
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", **options)
    (receipt,) = caught.value.report.objects
    assert receipt.error is not None
    assert receipt.error.code == "salesforce_limit"
    assert caught.value.report.exit_code == 5
    return caught.value


def test_a_run_makes_no_more_calls_than_it_may(scene: Scene) -> None:
    """The org sees at most ``max_calls`` requests; the next run finishes the work."""
    scene.accounts(900)
    scene.synced("Contact")  # the session is open, the tables are there
    scene.org.requests.clear()
    refused(scene, max_calls=12, **BULK)
    metered = [r for r in scene.org.requests if r.path != "/services/data"]
    assert 0 < len(metered) <= 12
    assert scene.scalar("SELECT count(*) FROM LHT.STATE WHERE sobject = 'Account'") == 0
    scene.synced("Account", **BULK)
    scene.check("Account")


def test_what_cannot_be_afforded_is_not_begun(scene: Scene) -> None:
    """A forecast over the cap is refused before a job is created."""
    scene.accounts(10)
    error = refused(scene, max_calls=6, **BULK)
    assert "needs about" in error.message
    assert scene.job_posts() == 0


@pytest.mark.parametrize("org", [{"api_usage_limit": 100}], indirect=True)
def test_others_find_calls_left(scene: Scene) -> None:
    """A twentieth of the org's daily calls stays, however often a run is tried."""
    scene.accounts(10)
    for _ in range(60):
        try:
            scene.sync("Account")
        except SyncError as error:
            assert error.report.exit_code == 5  # noqa: PT017  sooner or later
            break
    else:
        pytest.fail("the runs took all there was")
    for _ in range(3):
        refused(scene)
    used, limit = scene.client.usage.org_used, scene.client.usage.org_limit
    assert limit == 100
    assert used is not None
    assert used <= 95
