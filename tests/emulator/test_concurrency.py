"""Runs at the same time: one has its table to itself, and none does harm."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from tests.emulator.comparing import assert_table_is_org
from tests.emulator.scene import Scene

from lht.events import Event, Progress
from lht.exceptions import SyncError, WarehouseUnavailableError
from lht.report.values import Status, SyncReport
from lht.sync import sync
from lht.sync.plan import Options

TEN = 10
PATIENCE_SECONDS = 10.0

Run = Callable[[], SyncReport]


def at_once(runs: list[Run]) -> list[SyncReport]:
    """Start all runs at the same instant; return their reports, failed or not."""
    barrier = threading.Barrier(len(runs))

    def start(run: Run) -> SyncReport:
        barrier.wait()
        try:
            return run()
        except SyncError as error:
            report: SyncReport = error.report
            return report

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(start, runs))


def test_ten_syncs_of_one_object(scene: Scene) -> None:
    """One of ten runs loads the object; nine are told who does, and to come later."""
    scene.accounts(120)
    others_are_done, ended = threading.Event(), itertools.count(1)

    def linger(event: Event) -> None:
        if isinstance(event, Progress):  # only who holds the table gets this far
            assert others_are_done.wait(PATIENCE_SECONDS)

    def run() -> SyncReport:
        try:
            return sync(
                "Account",
                salesforce=scene.client,
                warehouse=scene.warehouse,
                listener=linger,
            )
        finally:
            if next(ended) == TEN - 1:
                others_are_done.set()

    reports = at_once([run] * TEN)
    ends = sorted(r.exit_code for r in reports)
    assert ends == [0] + [5] * (TEN - 1)
    winner = next(r for r in reports if r.status is Status.SUCCEEDED)
    for report in reports:
        if report is not winner:
            (error,) = [o.error for o in report.objects if o.error]
            assert error.code == "target_busy"
            assert winner.run_id in error.message
    scene.check("Account")


def test_ten_syncs_of_ten_objects(scene: Scene) -> None:
    """Ten runs of different objects do not disturb each other."""
    scene.org.generate(dict.fromkeys(OBJECTS, 40))

    def run_of(sobject: str) -> Run:
        return lambda: sync(
            sobject,
            salesforce=scene.client,
            warehouse=scene.warehouse,
            options=Options(force_bulk=True),
        )

    reports = at_once([run_of(sobject) for sobject in OBJECTS])
    assert [r.exit_code for r in reports] == [0] * TEN
    scene.check(*OBJECTS)


OBJECTS = (
    *("Account", "Contact", "Lead", "Opportunity", "Campaign"),
    *("Case", "Product2", "Invoice__c", "Reading__c", "Task"),
)


def test_ten_objects_in_one_run(scene: Scene) -> None:
    """One run of ten objects with ten threads loads them all."""
    scene.org.generate(dict.fromkeys(OBJECTS, 40))
    report = scene.sync(*OBJECTS, max_parallel=TEN)
    assert [o.sobject for o in report.objects] == list(OBJECTS)
    scene.check(*OBJECTS)


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    """Let another process have the database open during the block."""
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open'); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield
        process.stdin.write("\n")
        process.stdin.flush()


def test_two_processes_with_one_file(scene: Scene, tmp_path: Path) -> None:
    """A file that another process has open is an error of its own, to try later."""
    path = tmp_path / "crm.duckdb"
    scene.accounts(3)
    with (
        held_by_another_process(path),
        pytest.raises(WarehouseUnavailableError) as caught,
    ):
        scene.sync("Account", warehouse=path)
    assert caught.value.exit_code == 5
    assert caught.value.hint
    scene.sync("Account", warehouse=f"duckdb:///{path}")
    with duckdb.connect(str(path)) as connection:
        assert_table_is_org(connection, scene.org, "Account")
