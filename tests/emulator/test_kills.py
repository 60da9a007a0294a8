"""Killed at any instruction, the next run ends as if nothing had been."""

import random
from collections.abc import Sequence

from tests.emulator.killing import Victim

from lht.devorg import Org
from lht.salesforce.client import Client

POINTS = 90  # that are tried of each load, or more if there are more kinds


def chosen(points: Sequence[str], count: int, seed: int) -> list[int]:
    """Choose points to kill at: every kind once, then by chance."""
    chance = random.Random(seed)
    shuffled = chance.sample(range(len(points)), len(points))
    first_of_kind = list({points[at]: at for at in shuffled}.values())
    others = [at for at in shuffled if at not in first_of_kind]
    return sorted(first_of_kind + others[: max(0, count - len(first_of_kind))])


def kill_everywhere(victim: Victim, client: Client, seed: int) -> int:
    """Kill at many points, each time recover; return how many points there were."""
    points = victim.run(None)
    tried = chosen(points, POINTS, seed)
    for at in tried:
        passed = victim.run(at)
        past_job = any("JobComplete" in point for point in passed)
        try:
            victim.recover(client)
            if past_job:
                assert job_posts(victim.org) == 1, "the finished job was asked again"
        except AssertionError as error:
            error.add_note(f"killed at point {at} of {len(points)}: {passed[-1]}")
            raise
    return len(tried)


def job_posts(org: Org) -> int:
    return sum(
        r.method == "POST" and r.path.endswith("/jobs/query") for r in org.requests
    )


def test_a_full_load_survives_kills(victim: Victim, client: Client, seed: int) -> None:
    """Wherever a first load is killed, the next run ends right, with the same job."""
    assert kill_everywhere(victim, client, seed) >= POINTS


def test_a_finished_job_is_asked_once(victim: Victim, client: Client) -> None:
    """Killed as soon as its job is complete, a load goes on with that very job."""
    points = victim.run(None)
    (at,) = [n for n, point in enumerate(points) if "JobComplete" in point][:1]
    assert "JobComplete" in victim.run(at)[-1]
    victim.recover(client)
    assert job_posts(victim.org) == 1


def test_an_incremental_load_survives_kills(
    later_victim: Victim, client: Client, seed: int
) -> None:
    """Wherever an incremental load is killed, the next run ends right."""
    assert kill_everywhere(later_victim, client, seed) >= POINTS
