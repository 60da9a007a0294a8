"""When something goes wrong on the way into Snowflake, nothing has moved."""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from snowflake.snowpark import Session
from tests.emulator.faults import (
    BULK,
    REST,
    faults,
    page_from,
    repeated_rows,
    unreadable_value,
)
from tests.emulator.scene import PAGE_ROWS
from tests.snowflake.scene import SnowflakeScene

from lht.devorg.faults import Changed, WrongRows
from lht.devorg.http.wire import Answer
from lht.events import Event, Progress
from lht.exceptions import SyncError
from lht.report.values import ObjectReport, Status, SyncMode
from lht.sync import runs, sync
from lht.sync.plan import Options
from lht.warehouse.snowflake_tables import SnowflakeTables

Query = Callable[[str], object]
ROWS = 220  # of which each load has several pages
HOUR = timedelta(hours=1)
FULL = replace(BULK, mode=SyncMode.FULL)
ROW_VALUE = "ROW-VALUE-7f3a91"
# Pages are not unpacked on their way: that one is damaged is found by the COPY.
AS_SNOWFLAKE_TELLS = {"pages that stay corrupt": ("warehouse", 1)}


@dataclass(frozen=True)
class Step:
    """A statement of a load that changes the table, and how a failure there ends."""

    name: str
    pattern: str
    options: Options = BULK
    late: bool = True  # it comes when all pages are there


STEPS = (
    Step("insert of texts", 'INSERT INTO .*"STAGING', REST, late=False),
    Step("removing", "^DELETE FROM .*ACCOUNT", replace(REST, mode=SyncMode.FULL)),
    Step("staging table", '^CREATE TEMPORARY TABLE .*"STAGING', late=False),
    Step("stage", "^CREATE TEMPORARY STAGE", late=False),
    Step("upload", "^PUT", late=False),
    Step("copy", "^COPY"),
    Step("survey", r"^SELECT COUNT\(\*\), COUNT\(K\)"),
    Step("merge", "^MERGE"),
    Step("counts", "^SELECT .*MAX.*SYSTEMMODSTAMP"),
    Step("state", 'INSERT INTO .*"STATE"'),
    Step("receipt", 'INSERT INTO .*"RECEIPTS"'),
    Step("commit", "^COMMIT"),
)


def changed_since_loaded(scene: SnowflakeScene, prefix: str = "Account") -> None:
    """Load accounts, then change them all and add some."""
    ids = scene.accounts(ROWS, prefix)
    scene.sync("Account")
    scene.org.clock.advance(HOUR)
    with scene.org.transaction() as transaction:
        for id_ in ids:
            transaction.update("Account", id_, {"Site": "changed"})
    scene.accounts(5, f"new {prefix}")
    scene.org.clock.advance(HOUR)


def as_it_stands(scene: SnowflakeScene) -> tuple[Any, ...]:
    """Return all that a failed run must leave alone."""
    states = scene.past.query("SELECT * FROM LHT.STATE ORDER BY seq")
    rows, shape = scene.past.rows("RAW.ACCOUNT"), scene.past.columns("RAW.ACCOUNT")
    return states, rows, shape, scene.leftovers()


def failing(
    scene: SnowflakeScene,
    options: Options,
    *,
    before_writing: Callable[[], None] = lambda: None,
    warehouse: Any = None,
) -> ObjectReport:
    """Sync accounts, which must fail; return the receipt.

    Args:
        scene: Whose.
        options: Of the run.
        before_writing: Is done when all pages are there and nothing is written yet.
        warehouse: Instead of the scene's session.
    """

    def listen(event: Event) -> None:
        scene.events.append(event)
        if isinstance(event, Progress) and event.step == "load":
            before_writing()

    with pytest.raises(SyncError) as caught:
        sync(
            "Account",
            salesforce=scene.client,
            warehouse=warehouse or scene.warehouse,
            options=options,
            listener=listen,
        )
    (receipt,) = caught.value.report.objects
    assert receipt.error is not None
    assert receipt.error.exit_code == caught.value.report.exit_code
    assert receipt.error.hint
    return receipt


def assert_next_is_right(scene: SnowflakeScene, options: Options = BULK) -> None:
    scene.server.recover()
    scene.sync("Account", options=replace(options, stage=None))
    scene.check("Account")


@contextmanager
def named(what: str) -> Iterator[None]:
    """Say of a failure in the block what it was about."""
    try:
        yield
    except BaseException as error:  # pytest's own failures, too
        error.add_note(f"with: {what}")
        raise


def test_a_statement_that_is_refused(scene: SnowflakeScene) -> None:
    """Refused at any statement of a load, table, watermark and session stay."""
    changed_since_loaded(scene)
    before, guest = as_it_stands(scene), scene.guest()
    for step in STEPS:
        with named(step.name):
            receipt = refused_at(scene, step)
            told = (receipt.error.code, receipt.error.exit_code)
            assert told == ("warehouse", 1)
            assert receipt.error.state.startswith("nothing moved")
            assert as_it_stands(scene) == before
            assert scene.guest() == guest
            remembered = [(o.status, o.error) for o in runs(scene.warehouse)[0].objects]
            assert remembered == [(Status.FAILED, receipt.error)]
    assert_next_is_right(scene)


def refused_at(scene: SnowflakeScene, step: Step) -> ObjectReport:
    """Let the statement of a step be refused; return the receipt."""
    scene.server.recover()
    refuse = partial(scene.server.fail, step.pattern)
    if step.late:
        return failing(scene, step.options, before_writing=refuse)
    refuse()
    return failing(scene, step.options)


def test_a_fault_of_the_org(scene: SnowflakeScene) -> None:
    """After a fault of org or network table and watermark are as before."""
    changed_since_loaded(scene, ROW_VALUE)
    before, guest = as_it_stands(scene), scene.guest()
    for fault in faults():
        scene.past.query("DELETE FROM LHT.JOBS")  # each has a job of its own
        with named(fault.name):
            scene.org.faults.clear()
            scene.org.faults.add(fault.wrong)
            receipt = failing(scene, fault.options)
            ends = AS_SNOWFLAKE_TELLS.get(fault.name, (fault.code, fault.exit_code))
            assert (receipt.error.code, receipt.error.exit_code) == ends
            assert as_it_stands(scene) == before
            assert scene.guest() == guest
            assert ROW_VALUE not in repr(receipt)
    scene.org.faults.clear()
    assert_next_is_right(scene)


# -- connections that break ---------------------------------------------------------


@pytest.mark.parametrize("when", ["drop", "before"])
def test_an_answer_to_a_commit_that_is_lost(
    scene: SnowflakeScene, impatient: Session, when: str
) -> None:
    """Whether it has landed cannot be known, which is told; the next run is right."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)

    def lose() -> None:
        scene.server.fail("^COMMIT", when=when, code=390111, error="session is gone")

    receipt = failing(scene, BULK, before_writing=lose, warehouse=impatient)
    assert (receipt.error.code, receipt.error.exit_code) == ("commit_unknown", 6)
    assert "either" in receipt.error.state
    assert (as_it_stands(scene)[0] != before[0]) == (when == "drop")
    assert_next_is_right(scene)


LOST_AT = (
    *(
        "INSERT INTO .*LEASES",
        "CREATE TEMPORARY TABLE",
        "CREATE TEMPORARY STAGE",
        "COPY",
    ),
    *("SELECT COUNT", "MERGE", "INSERT INTO .*STATE"),
)


def test_a_session_that_ends(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that ends before any statement is to be tried again later: exit 5.

    What it had not committed is gone with it, and so is what was temporary.
    """
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    for pattern in LOST_AT:
        with named(pattern), scene.other() as session, monkeypatch.context() as patch:
            ended = ending_sessions(scene, patch, pattern)
            receipt = failing(scene, BULK, warehouse=session)
            assert ended
            told = (receipt.error.code, receipt.error.exit_code)
            assert told == ("warehouse_unavailable", 5)
            assert as_it_stands(scene) == before
            scene.expire_leases()
    assert_next_is_right(scene)


def test_a_session_that_ends_after_the_commit(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed has succeeded, even if nobody can clean up behind it."""
    changed_since_loaded(scene)
    with scene.other() as session, monkeypatch.context() as patch:
        ended = ending_sessions(scene, patch, "DROP STAGE")
        report = scene.sync("Account", options=BULK, warehouse=session)
    assert ended
    assert report.status is Status.SUCCEEDED
    scene.expire_leases()
    assert_next_is_right(scene)


def ending_sessions(
    scene: SnowflakeScene, patch: pytest.MonkeyPatch, pattern: str
) -> list[str]:
    """Let the session end before the first statement that begins like the pattern.

    Returns:
        Where that statement will be found.
    """
    run, ended = SnowflakeTables._run, list[str]()

    def run_or_end(tables: Any, statement: str, *rest: Any, **options: Any) -> Any:
        if not ended and re.match(pattern, statement):
            ended.append(statement)
            scene.server.log_out(tables._house.opened.connection.rest.token)
        return run(tables, statement, *rest, **options)

    patch.setattr(SnowflakeTables, "_run", run_or_end)
    return ended


def acting_after(
    patch: pytest.MonkeyPatch, pattern: str, act: Callable[[str, Query], object]
) -> list[str]:
    """Act after each statement that begins like the pattern.

    Args:
        patch: Undoes it.
        pattern: Of a statement that writes into a table.
        act: Is given that table's name, and what runs a statement in the same session.

    Returns:
        Where the tables' names will be found.
    """
    run, found = SnowflakeTables._run, list[str]()

    def run_and_act(tables: Any, statement: str, *rest: Any, **options: Any) -> Any:
        done = run(tables, statement, *rest, **options)
        if re.match(pattern, statement):
            found.append(statement.split()[2])
            act(found[-1], partial(run, tables))
        return done

    patch.setattr(SnowflakeTables, "_run", run_and_act)
    return found


# -- what else may happen -------------------------------------------------------------


def test_a_file_that_the_stage_does_not_take(scene: SnowflakeScene) -> None:
    """A file that is skipped, for one of its name is there, stops the run."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    scene.server.fail("^PUT", when="skip")
    receipt = failing(scene, BULK)
    assert "SKIPPED" in receipt.error.message
    assert as_it_stands(scene) == before
    assert_next_is_right(scene)


def test_files_that_hold_each_others_rows(scene: SnowflakeScene) -> None:
    """Each file must bring the rows that Salesforce told of it, not only their sum."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    for page, by in ((1, 1), (2, -1)):
        first = page_from(page * PAGE_ROWS)
        scene.org.faults.add(WrongRows(path="results", query=first, by=by))
    assert failing(scene, BULK).error.code == "row_count_mismatch"
    scene.org.faults.clear()
    assert as_it_stands(scene) == before
    assert_next_is_right(scene)


@pytest.mark.parametrize(
    ("pattern", "options"),
    [
        ('INSERT INTO .*"STAGING', REST),
        ("MERGE .*ACCOUNT", BULK),
        ("MERGE .*ACCOUNT", FULL),
    ],
    ids=["staged", "merged", "replaced"],
)
def test_rows_that_get_lost_on_their_way(
    scene: SnowflakeScene,
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
    options: Options,
) -> None:
    """Rows are counted where they were written: fewer than that stop the run."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    with monkeypatch.context() as patch:
        lost = acting_after(
            patch,
            pattern,
            lambda table, run: run(f"DELETE FROM {table} WHERE NAME LIKE '%1'"),
        )
        receipt = failing(scene, options)
    assert lost
    assert receipt.error.code == "row_count_mismatch"
    assert as_it_stands(scene) == before
    assert_next_is_right(scene)


def test_rows_that_come_twice_at_first(scene: SnowflakeScene) -> None:
    """A first load, too, brings no record twice, though all would be new."""
    scene.accounts(2 * PAGE_ROWS)
    scene.org.faults.add(repeated_rows())
    assert failing(scene, BULK).error.code == "duplicate_key"
    scene.org.faults.clear()
    assert not scene.past.has_table("ACCOUNT")
    assert_next_is_right(scene)


def test_a_refusal_that_quotes_a_value(scene: SnowflakeScene) -> None:
    """What Snowflake says of a value is not passed on."""
    changed_since_loaded(scene)
    text = f"Numeric value '{ROW_VALUE}' is not recognized"
    scene.server.fail("^MERGE", code=100038, error=text)
    receipt = failing(scene, BULK)
    assert "100038" in receipt.error.message
    assert ROW_VALUE not in repr(receipt)
    assert_next_is_right(scene)


def test_what_dead_runs_left_is_dropped(scene: SnowflakeScene) -> None:
    """Tables and stages of ours that belong to no living run go with the next one."""
    scene.accounts(3)
    scene.sync("Account")
    scene.run_sql(
        'CREATE TABLE RAW."REBUILT__LHT_DEAD_0" (N NUMBER)',
        'CREATE TABLE LHT."STAGING__LHT_DEAD_1" (N NUMBER)',
        'CREATE STAGE LHT."STAGE__LHT_DEAD_2"',
        "CREATE TABLE RAW.THEIRS (N NUMBER)",
    )
    assert len(scene.leftovers()) == 3
    scene.sync("Account")
    scene.check("Account")
    assert scene.past.has_table("THEIRS")


def test_a_lease_that_is_lost(scene: SnowflakeScene) -> None:
    """A run whose lease another has taken does not commit, and says who is there."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)

    def take() -> None:
        scene.past.query("UPDATE LHT.\"LEASES\" SET run_id = 'ANOTHER'")

    receipt = failing(scene, BULK, before_writing=take)
    assert (receipt.error.code, receipt.error.exit_code) == ("target_busy", 5)
    assert as_it_stands(scene) == before
    assert failing(scene, BULK).error.code == "target_busy"
    scene.expire_leases()
    assert_next_is_right(scene)


def pages(change: Callable[[list[list[str]]], Iterable[list[str]]]) -> Changed:
    """Change the cells of result pages, of which the first row is the header."""

    def changed(answer: Answer) -> Answer:
        headers = dict(answer.headers)
        packed = headers.pop("Content-Encoding", None) == "gzip"
        body = b"".join(answer.body)
        text = (gzip.decompress(body) if packed else body).decode()
        written = io.StringIO(newline="")
        writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows(change(list(csv.reader(io.StringIO(text, newline="")))))
        return replace(answer, body=written.getvalue().encode(), headers=headers)

    return Changed(path="results", change=changed)


def no_numbers(cells: list[list[str]]) -> list[list[str]]:
    """Put a text where the revenue belongs."""
    at = cells[0].index("AnnualRevenue")
    return [cells[0], *([*row[:at], ROW_VALUE, *row[at + 1 :]] for row in cells[1:])]


@pytest.mark.parametrize(
    ("way", "wrong"),
    [(REST, unreadable_value(ROW_VALUE)), (BULK, pages(no_numbers))],
    ids=["rest", "bulk"],
)
def test_a_text_that_is_no_value(
    scene: SnowflakeScene, way: Options, wrong: Changed
) -> None:
    """The field is named, the text is not; nothing has moved."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    scene.org.faults.add(wrong)
    receipt = failing(scene, way)
    scene.org.faults.clear()
    assert receipt.error.code == "unencodable_value"
    assert "AnnualRevenue" in receipt.error.message
    assert not [
        said for said in map(repr, (receipt, *scene.events)) if ROW_VALUE in said
    ]
    assert as_it_stands(scene) == before
    assert_next_is_right(scene, way)


def test_pages_with_other_columns(scene: SnowflakeScene) -> None:
    """A page that has a column by another name is not taken by its position."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    sight = pages(
        lambda cells: [[n.replace("Site", "Sight") for n in cells[0]], *cells[1:]]
    )
    scene.org.faults.add(sight)
    assert failing(scene, BULK).error.code == "data"
    scene.org.faults.clear()
    assert as_it_stands(scene) == before
    assert_next_is_right(scene)


def test_columns_in_another_order(scene: SnowflakeScene) -> None:
    """Whatever order a result has its columns in, each value is in its own."""
    scene.accounts(ROWS)
    scene.org.faults.add(pages(lambda cells: [row[::-1] for row in cells]))
    scene.sync("Account", options=BULK)
    scene.check("Account")


@pytest.mark.parametrize("kind", ["no stage", "an external stage"])
def test_a_stage_that_cannot_be_used(scene: SnowflakeScene, kind: str) -> None:
    """A stage of the user's that is not there, or not Snowflake's own, is told."""
    scene.accounts(3)
    scene.sync("Account")
    if kind == "an external stage":
        scene.run_sql("CREATE STAGE PUBLIC.THEIRS URL = 's3://somewhere/'")
    before = as_it_stands(scene)
    receipt = failing(scene, replace(BULK, stage="theirs"))
    assert (receipt.error.code, receipt.error.exit_code) == ("config", 2)
    assert as_it_stands(scene) == before
    assert_next_is_right(scene)
