"""Killed at any instruction, the next run ends as if nothing had been."""

import random
from collections.abc import Iterable, Sequence

from tests.emulator.killing import Victim

from lht.devorg import Org
from lht.salesforce.client import Client

# Points that are tried of each load, or more if there are more kinds of them.
FULL_POINTS, INCREMENTAL_POINTS, SPARE_POINTS = 70, 45, 3


def chosen(
    points: Sequence[str], count: int, seed: int, known: Iterable[str] = ()
) -> list[int]:
    """Choose points to kill at: every kind not *known* once, then by chance."""
    chance = random.Random(seed)
    shuffled = chance.sample(range(len(points)), len(points))
    new = {points[at]: at for at in shuffled if points[at] not in set(known)}
    others = [at for at in shuffled if at not in new.values()]
    return sorted([*new.values(), *others[: max(0, count - len(new))]])


def kill_everywhere(victim: Victim, client: Client, tried: Sequence[int]) -> None:
    """Kill at each of the points, and each time recover."""
    for at in tried:
        passed = victim.run(at)
        past_job = any("JobComplete" in point for point in passed)
        try:
            victim.recover(client)
            if past_job:
                assert job_posts(victim.org) == 1, "the finished job was asked again"
        except AssertionError as error:
            error.add_note(f"killed at point {at}: {passed[-1]}")
            raise


def job_posts(org: Org) -> int:
    return sum(
        r.method == "POST" and r.path.endswith("/jobs/query") for r in org.requests
    )


def test_a_full_load_survives_kills(victim: Victim, client: Client, seed: int) -> None:
    """Wherever a first load is killed, the next run ends right, with the same job."""
    kill_everywhere(victim, client, chosen(victim.run(None), FULL_POINTS, seed))
    assert victim.kills >= FULL_POINTS


def test_an_incremental_load_survives_kills(
    victim: Victim, later_victim: Victim, client: Client, seed: int
) -> None:
    """Wherever an incremental load is killed, the next run ends right.

    Kinds of points that a full load has too are left to chance here.
    """
    known = victim.run(None)
    points = later_victim.run(None)
    tried = chosen(points, INCREMENTAL_POINTS + SPARE_POINTS, seed, known)
    kill_everywhere(later_victim, client, tried)
    assert later_victim.kills >= INCREMENTAL_POINTS


def test_a_finished_job_is_asked_once(victim: Victim, client: Client) -> None:
    """Killed as soon as its job is complete, a load goes on with that very job."""
    assert victim.run("JobComplete")[-1].endswith("JobComplete")
    victim.recover(client)
    assert job_posts(victim.org) == 1
