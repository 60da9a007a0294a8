"""Runs that are killed at points of our choice, and what the next run makes of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb
from tests.emulator import guards
from tests.emulator.comparing import (
    assert_books_are_in_order,
    assert_table_is_org,
    org_rows,
)

from lht.devorg import Org
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options

ROOT = Path(__file__).parents[2]
OBJECT = "Reading__c"  # a narrow one, so that a load takes little time
ROWS, CHANGES = 450, 250  # several pages
THRESHOLD = 100  # both loads go by Bulk, and what comes behind them by REST
SIGKILLED = -9


@contextmanager
def dying_process(
    module: str = "tests.emulator.dying",
) -> "Iterator[subprocess.Popen[str]]":
    """Start a process for the runs to be killed; see ``dying``."""
    command = [sys.executable, "-m", module]
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


def ask(process: "subprocess.Popen[str]", task: dict[str, Any]) -> dict[str, Any]:
    """Have such a process do something; return what became of it."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


@dataclass
class Victim:
    """Runs in another process that are killed, and what they leave behind."""

    org: Org
    process: "subprocess.Popen[str]"
    start: Path | None  # the database as it is before the run; None for none
    path: Path
    kills: int = 0

    def run(self, kill_at: int | str | None) -> list[str]:
        """Let a run begin and die; return the points it passed.

        Args:
            kill_at: The number of a point, or a part of its name; None to let it live.
                A run may have a poll less than the one its points were counted in,
                and so outlive its last points.
        """
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        if self.start:
            copyfile(self.start, self.path)
        self.org.requests.clear()
        answer = ask(
            self.process,
            {
                "url": self.org.url,
                "client_id": self.org.client_id,
                "client_secret": self.org.client_secret,
                "object": OBJECT,
                "path": str(self.path),
                "bulk_threshold": THRESHOLD,
                "kill_at": kill_at,
                "without": guards.taken_away(),
            },
        )
        assert answer["ended"] in ({0} if kill_at is None else {0, SIGKILLED})
        self.kills += answer["ended"] == SIGKILLED
        points: list[str] = answer["points"]
        return points

    def recover(self, client: Client) -> None:
        """Run once more, undisturbed, and fail unless all is right."""
        with duckdb.connect(str(self.path)) as connection:
            options = Options(bulk_threshold=THRESHOLD)
            sync(OBJECT, salesforce=client, warehouse=connection, options=options)
            assert_table_is_org(connection, self.org, OBJECT)
            assert_books_are_in_order(connection)


def victim_of_a_full_load(
    org: Org, process: "subprocess.Popen[str]", folder: Path
) -> Victim:
    """Fill an org with several pages; the database is still to come."""
    org.generate({OBJECT: ROWS})
    org.clock.advance(600)
    return Victim(org, process, None, folder / "run.duckdb")


def victim_of_an_incremental_load(victim: Victim, client: Client) -> Victim:
    """Load all, and change several pages of it."""
    org, start = victim.org, victim.path.with_name("start.duckdb")
    sync(OBJECT, salesforce=client, warehouse=start)
    ids = list(org_rows(org, OBJECT))
    org.clock.advance(600)
    with org.transaction() as transaction:
        for id_ in ids[:CHANGES]:
            transaction.update(OBJECT, id_, {"Device__c": "changed"})
        transaction.delete(ids[-1])
    org.insert(OBJECT, {"Device__c": "new"})
    org.clock.advance(600)
    return replace(victim, start=start)
