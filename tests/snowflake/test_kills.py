"""Killed at any instruction, the next run into Snowflake ends as if undisturbed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from tests.emulator.comparing import org_rows
from tests.emulator.killing import OBJECT, dying_process
from tests.emulator.test_kills import job_posts
from tests.snowflake.killing import CHANGES, ROWS, SPARE, Victim, decisive
from tests.snowflake.scene import SnowflakeScene

HOUR = 3600


@pytest.fixture
def victim(scene: SnowflakeScene) -> Iterator[Victim]:
    """A run of a full load that can be killed."""
    with scene.org.transaction() as transaction:
        for number in range(ROWS):
            values = {"Device__c": f"device {number}", "Value__c": number / 1000}
            transaction.insert(OBJECT, values)
    scene.org.clock.advance(HOUR)
    with dying_process("tests.snowflake.dying") as process:
        yield Victim(scene, process)


def kill_everywhere(victim: Victim, tried: Sequence[int]) -> None:
    """Kill at each of the points, and each time recover."""
    for at in tried:
        passed = victim.run(at)
        past_job = any("JobComplete" in point for point in passed)
        try:
            victim.recover()
            if past_job:
                posts = job_posts(victim.scene.org)
                assert posts == 1, "the finished job was asked again"
        except Exception as error:
            error.add_note(f"killed at point {at}: {passed[-1]}")
            raise
        victim.forget()


def test_a_full_load_survives_kills(victim: Victim, seed: int) -> None:
    """Wherever a first load is killed, the next run ends right, with the same job."""
    tried = decisive(victim.run(None), random.Random(seed))
    kill_everywhere(victim, tried)
    assert victim.kills > len(tried) - SPARE


def test_a_load_that_rebuilds_and_merges_survives_kills(
    victim: Victim, seed: int
) -> None:
    """Wherever an incremental load that widens a column is killed, the next is right.

    Kinds of points that a full load has too are left to chance here.
    """
    known = [point for point in victim.run(None) if "MERGE" not in point]
    loaded = changed(victim)
    points = loaded.run(None)
    tried = decisive(points, random.Random(seed), known)
    kinds = ("SWAP WITH", "MERGE INTO", "CREATE TABLE")
    assert [k for k in kinds if not any(k in points[at] for at in tried)] == []
    kill_everywhere(loaded, tried)
    assert loaded.kills > len(tried) - SPARE


def changed(victim: Victim) -> Victim:
    """Return a run that begins where another has ended, when much has changed since."""
    org = victim.scene.org
    ids = list(org_rows(org, OBJECT))
    org.clock.advance(HOUR)
    with org.transaction() as transaction:
        for id_ in ids[:CHANGES]:
            transaction.update(OBJECT, id_, {"Device__c": "changed"})
        transaction.update(OBJECT, ids[0], {"Value__c": 1.5e-9})  # a wider column
        transaction.delete(ids[-1])
    org.insert(OBJECT, {"Device__c": "new"})
    org.clock.advance(HOUR)
    return replace(victim, start=victim.scene.database, kills=0)
