"""Whatever happens in an org and whenever it is synced, nothing is lost."""

import random

import pytest
from tests.emulator.changing import OBJECTS, Users
from tests.emulator.guards import without
from tests.emulator.scene import Scene

from lht.events import Event, JobStateSeen, Progress
from lht.sync import sync
from lht.sync.plan import Options

ROUNDS = 12
ROUTES = (Options(), Options(force_bulk=True))


def live_through(scene: Scene, seed: int) -> None:
    """Let users work and sync in between, and fail unless all agrees in the end."""
    chance = random.Random(seed)
    users = Users(scene.org, chance)

    def work_meanwhile(event: Event) -> None:
        if isinstance(event, JobStateSeen | Progress) and chance.random() < 0.2:
            users.work(chance.randrange(6), pauses=(0, 1))

    for _ in range(ROUNDS):
        users.work(chance.randrange(25))
        scene.org.short_pages(chance.choice([None, 7, 20]))
        sync(
            OBJECTS,
            salesforce=scene.client,
            warehouse=scene.warehouse,
            max_parallel=1,
            listener=work_meanwhile,
            options=chance.choice(ROUTES),
        )
    users.finish()
    scene.org.clock.advance(60)
    scene.sync(*OBJECTS)
    scene.check(*OBJECTS)


def test_nothing_is_lost(scene: Scene, seed: int) -> None:
    """Table and org agree after any changes, late commits and syncs."""
    live_through(scene, seed)


def test_without_the_signpost_something_is_lost(scene: Scene, seed: int) -> None:
    """The same life is not survived by a watermark that is just the time of the run."""
    with (
        without("the watermark is the signpost"),
        pytest.raises(AssertionError, match="differences"),
    ):
        live_through(scene, seed)
