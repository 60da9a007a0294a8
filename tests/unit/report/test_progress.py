"""A run while it goes on: what is said, how often, and that nothing is in the way."""

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lht.events import (
    JobStateSeen,
    Noted,
    ObjectCommitted,
    ObjectFailed,
    ObjectQueued,
    ObjectStarted,
    Progress,
    SyncEnded,
    SyncStarted,
)
from lht.report.look import Look
from lht.report.progress import Board, Drawing, Lines, live_drawing, plain_lines

RUN = {"run_id": "01JD3W8K"}
ACCOUNT = RUN | {"sobject": "Account"}
JOB = "7505g0000002ctXAAQ"
START = SyncStarted(
    **RUN,
    objects=("Account", "Contact", "Case"),
    org_id="00D5g000000XXXXEAA",
    org_url="https://acme.my.salesforce.com",
    warehouse="duckdb:///crm.duckdb",
    schema="RAW",
)


def job(state: str, waited: float = 2.0, sobject: str = "Account") -> JobStateSeen:
    return JobStateSeen(
        run_id="01JD3W8K",
        sobject=sobject,
        job_id=JOB,
        state=state,
        waited_seconds=waited,
        rows_processed=0,
    )


def moved(rows: int, expected: int | None = 142_880) -> Progress:
    return Progress(
        **ACCOUNT,
        step="download",
        rows=rows,
        expected_rows=expected,
        size_bytes=rows * 100,
    )


def committed(sobject: str) -> ObjectCommitted:
    return ObjectCommitted(
        run_id="01JD3W8K",
        sobject=sobject,
        read=48210,
        inserted=48210,
        updated=0,
        unchanged=0,
        deleted=12,
        seconds=12.4,
    )


EXPECTED = f"""\
sync.start run=01JD3W8K objects=3 org=00D5g000000XXXXEAA \
org_url=https://acme.my.salesforce.com warehouse=duckdb:///crm.duckdb schema=RAW
object.queued object=Case max_parallel=4
object.start object=Account table=RAW.ACCOUNT
job.state object=Account job={JOB} state=InProgress waited_s=2.0 rows=0
object.note object=Account text="new field \\"A__c\\"\\n\\u001b[31m" warning=true
object.committed object=Account read=48210 inserted=48210 updated=0 \
unchanged=0 deleted=12 seconds=12.4
object.failed object=Case error=auth message=no step=describe
sync.end run=01JD3W8K status=partial exit=1 seconds=13.0
"""


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(clock):
    stream = io.StringIO()
    told = Lines(
        stream,
        board=Board(clock),
        now=lambda: datetime(2026, 11, 21, 1, 56, 17, tzinfo=UTC),
    )
    told.text = lambda: stream.getvalue().splitlines()
    return told


def test_lines_tell_event_and_facts(lines):
    """Each line has an instant, an event and key=value facts; texts are quoted."""
    lines(START)
    lines(ObjectQueued(run_id="r", sobject="Case", max_parallel=4))
    lines(ObjectStarted(**ACCOUNT, target_table="RAW.ACCOUNT"))
    lines(job("InProgress"))
    lines(Noted(**ACCOUNT, text='new field "A__c"\n\x1b[31m', warning=True))
    lines(committed("Account"))
    lines(
        ObjectFailed(
            run_id="r", sobject="Case", error_code="auth", message="no", step="describe"
        )
    )
    lines(SyncEnded(**RUN, status="partial", exit_code=1, seconds=13.04))
    bare = [line.removeprefix("2026-11-21T01:56:17Z ") for line in lines.text()]
    assert bare == EXPECTED.splitlines()


def test_progress_lines_come_every_five_seconds_at_most(lines, clock):
    """A page a tenth of a second makes one line in five seconds, and one at the end."""
    for tenth in range(101):
        clock.now = 1000.0 + tenth / 10
        lines(moved(tenth * 1000, expected=100_000))
    rows = [line.split("rows=")[1].split()[0] for line in lines.text()]
    assert rows == ["0", "50000", "100000"]


def test_a_state_is_told_when_it_changes_and_every_half_minute(lines, clock):
    """Polling the same state again and again says nothing new."""
    for second in range(61):
        clock.now = 1000.0 + second
        lines(job("UploadComplete" if second < 10 else "InProgress", float(second)))
    told = [line.split("state=")[1].split()[:2] for line in lines.text()]
    assert told == [
        ["UploadComplete", "waited_s=0.0"],
        ["InProgress", "waited_s=10.0"],
        ["InProgress", "waited_s=40.0"],
    ]


def test_silence_is_broken_while_anything_is_waited_for(lines, clock):
    """A heartbeat tells what an object is at; queued and ended objects are quiet."""
    lines(START)
    lines(job("InProgress"))
    lines(committed("Contact"))
    clock.now += 29
    lines.tick()
    assert len(lines.text()) == 3
    clock.now += 2
    lines.tick()
    lines.tick()
    assert lines.text()[3:] == [
        "2026-11-21T01:56:17Z object.waiting object=Account at=job waited_s=31"
    ]


def test_the_heart_stops_with_the_run():
    """No thread is left when the block ends, also by an error."""

    def hearts():
        return [t for t in threading.enumerate() if t.name == "lht-heartbeat"]

    def failing_run():
        with plain_lines(io.StringIO()):
            assert len(hearts()) == 1
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        failing_run()
    assert not hearts()


def test_a_drawing_says_what_each_object_waits_for(clock):
    """Every line tells what is done, or waited for, and how long already."""
    drawing = Drawing(Look(80), Board(clock))
    drawing(START)
    drawing(ObjectQueued(run_id="r", sobject="Case", max_parallel=4))
    drawing(moved(0))
    clock.now += 10
    drawing(moved(61_000))
    drawing(job("InProgress", sobject="Contact"))
    clock.now += 102
    account, contact, case = drawing.lines(24)
    assert "61,000 of 142,880  6.1 MB  0.1 MB/s  about 2m 30s left" in account
    assert f"waiting for Salesforce: job {JOB} InProgress" in contact
    assert contact.endswith("1m 42s")
    assert case == "- Case     waiting for a free slot (4 at once)"
    drawing(committed("Account"))
    assert drawing.lines(24)[0].startswith("✓ Account  48,210 rows")
    assert drawing.lines(24)[0].endswith("12.4 s")


def test_a_drawing_fits_the_screen():
    """With more objects than lines, what is done is only counted."""
    names = tuple(f"Object{i}__c" for i in range(100))
    drawing = Drawing(Look(80))
    drawing(replace(START, objects=names))
    for name in names[:90]:
        drawing(committed(name))
    lines = drawing.lines(24)
    assert len(lines) <= 24
    assert "objects done" in lines[0]
    assert all(any(n in line for line in lines) for n in names[90:])


def test_the_drawing_is_gone_when_the_run_ends(capfd, monkeypatch):
    """The live lines are erased; org, target and notes stay; stdout stays empty."""
    monkeypatch.setenv("TERM", "xterm")
    with live_drawing(Look(80)) as listener:
        listener(START)
        listener(Noted(**ACCOUNT, text="[red]new field[/red]"))
    out, err = capfd.readouterr()
    assert out == ""
    assert "acme.my.salesforce.com (00D5g000000XXXXEAA) -> duckdb:///crm.duckdb" in err
    assert "Account  [red]new field[/red]" in err
    assert "\x1b[2K" in err.split("waiting")[-1]
