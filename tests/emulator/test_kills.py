"""Killed at any instruction, the next run ends as if nothing had been."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb
import pytest
from tests.emulator.comparing import (
    assert_books_are_in_order,
    assert_table_is_org,
    org_rows,
)
from tests.emulator.scene import Scene

from lht.devorg import Org
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options

ROOT = Path(__file__).parents[2]
OBJECT = "Reading__c"  # a narrow one, so that a load takes little time
ROWS, CHANGES = 450, 250  # several pages
THRESHOLD = 100  # both loads go by Bulk, and what comes behind them by REST
POINTS = 90  # that are tried of each load, or more if there are more kinds
SIGKILLED = -9


@dataclass
class Victim:
    """Runs in another process that are killed, and what they leave behind."""

    org: Org
    process: "subprocess.Popen[str]"
    start: Path | None  # the database as it is before the run; None for none
    path: Path
    without: Sequence[str] = field(default=())

    def run(self, kill_at: int | None) -> list[str]:
        """Let a run begin and die; return the points it passed."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        if self.start:
            copyfile(self.start, self.path)
        self.org.requests.clear()
        answer = self._ask(
            {
                "url": self.org.url,
                "client_id": self.org.client_id,
                "client_secret": self.org.client_secret,
                "object": OBJECT,
                "path": str(self.path),
                "bulk_threshold": THRESHOLD,
                "kill_at": kill_at,
                "without": list(self.without),
            }
        )
        assert answer["ended"] == (0 if kill_at is None else SIGKILLED)
        points: list[str] = answer["points"]
        return points

    def _ask(self, task: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def recover(self, client: Client) -> None:
        """Run once more, undisturbed, and fail unless all is right."""
        with duckdb.connect(str(self.path)) as connection:
            options = Options(bulk_threshold=THRESHOLD)
            sync(OBJECT, salesforce=client, warehouse=connection, options=options)
            assert_table_is_org(connection, self.org, OBJECT)
            assert_books_are_in_order(connection)


@pytest.fixture
def process() -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "tests.emulator.dying"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "src"},
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def victim(org: Org, process: "subprocess.Popen[str]", tmp_path: Path) -> Victim:
    """A victim of a full load of several pages."""
    org.generate({OBJECT: ROWS})
    org.clock.advance(600)
    return Victim(org, process, None, tmp_path / "run.duckdb")


@pytest.fixture
def later_victim(victim: Victim, client: Client, tmp_path: Path) -> Victim:
    """A victim of an incremental load of several pages."""
    start = tmp_path / "start.duckdb"
    with duckdb.connect(str(start)) as connection:
        scene = Scene(victim.org, client, connection)
        scene.sync(OBJECT)
        ids = list(org_rows(victim.org, OBJECT))
        victim.org.clock.advance(600)
        with victim.org.transaction() as transaction:
            for id_ in ids[:CHANGES]:
                transaction.update(OBJECT, id_, {"Device__c": "changed"})
            transaction.delete(ids[-1])
        victim.org.insert(OBJECT, {"Device__c": "new"})
        victim.org.clock.advance(600)
    victim.start = start
    return victim


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


def test_an_incremental_load_survives_kills(
    later_victim: Victim, client: Client, seed: int
) -> None:
    """Wherever an incremental load is killed, the next run ends right."""
    assert kill_everywhere(later_victim, client, seed) >= POINTS
