"""Several objects over one session, and several sessions for one object."""

import threading
from collections.abc import Callable

import pytest
from snowflake.snowpark import Session
from tests.emulator.test_concurrency import at_once
from tests.snowflake.fake import Statement
from tests.snowflake.scene import SnowflakeScene

from lht.events import Event, Progress
from lht.exceptions import SyncError
from lht.report.values import SyncReport
from lht.sync import sync
from lht.sync.plan import Options
from lht.warehouse.snowflake_stage import Stage

BULK = Options(force_bulk=True)
OBJECTS = ("Account", "Contact", "Lead", "Reading__c", "Invoice__c")
PATIENCE_SECONDS = 10.0
Run = Callable[[], SyncReport]


def transactions(statements: list[Statement]) -> list[list[str]]:
    """Return the statements of each transaction of a session, uploads left out."""
    found: list[list[str]] = []
    for statement in statements:
        if statement.text.startswith("BEGIN"):
            found.append([])
        elif statement.in_transaction and not statement.text.startswith("PUT"):
            found[-1].append(statement.text)
    return found


def test_objects_over_one_session_keep_apart(scene: SnowflakeScene) -> None:
    """No statement of one object lands in the transaction of another."""
    scene.org.generate(dict.fromkeys(OBJECTS, 30))
    for _ in range(2):
        scene.statements.clear()
        scene.sync(*OBJECTS, max_parallel=len(OBJECTS), options=BULK)
        scene.check(*OBJECTS)
        own = [s for s in scene.statements if s.query_tag]
        tables = [f'"RAW"."{name.upper()}"' for name in OBJECTS]
        loads = []
        for texts in transactions(own):
            assert texts[-1:] == ["COMMIT"]
            assert not [t for t in texts if t.startswith(("CREATE", "ALTER", "DROP"))]
            named = {table for table in tables for t in texts if table in t}
            assert len(named) <= 1
            loads += list(named)
        assert sorted(loads) == sorted(tables)
        scene.org.clock.advance(600)


def test_files_go_up_side_by_side(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pages are on their way to the stage at the same time."""
    put, meeting = Stage._put, threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def put_together(stage: Stage, *file: object) -> str:
        meeting.wait()
        return put(stage, *file)

    monkeypatch.setattr(Stage, "_put", put_together)
    scene.accounts(190)  # two pages
    scene.sync("Account", options=BULK)
    scene.check("Account")


def run_of(scene: SnowflakeScene, session: Session, listener: object = None) -> Run:
    options = {"listener": listener} if listener else {}
    return lambda: sync(
        "Account",
        salesforce=scene.client,
        warehouse=session,
        options=BULK,
        **options,
    )


def test_a_second_run_is_kept_out(scene: SnowflakeScene) -> None:
    """While one run loads a table, another is told who does, and to come later."""
    scene.accounts(120)
    refusals: list[SyncReport] = []

    def disturb(event: Event) -> None:
        if isinstance(event, Progress) and not refusals:
            with scene.other() as session, pytest.raises(SyncError) as caught:
                run_of(scene, session)()
            refusals.append(caught.value.report)

    report = run_of(scene, scene.warehouse, disturb)()
    scene.check("Account")
    (refusal,) = refusals
    (error,) = [o.error for o in refusal.objects if o.error]
    assert (error.code, refusal.exit_code) == ("target_busy", 5)
    assert report.run_id in error.message


def test_runs_that_start_at_the_same_moment(scene: SnowflakeScene) -> None:
    """Of runs that begin together at most one loads; a later one is right."""
    scene.accounts(120)
    scene.sync("Contact")
    for _ in range(3):
        with scene.other() as one, scene.other() as other:
            reports = at_once([run_of(scene, one), run_of(scene, other)])
        for report in reports:
            if report.exit_code:
                (error,) = [o.error for o in report.objects if o.error]
                assert (error.code, report.exit_code) == ("target_busy", 5)
        assert scene.scalar("SELECT count(*) FROM LHT.LEASES") == 0
        scene.org.clock.advance(600)
    scene.sync("Account")
    scene.check("Account")
