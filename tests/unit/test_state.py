"""Where runs got to, and who holds a target: append-only rows and leases."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from lht.exceptions import StateError, TargetBusyError, WarehouseError
from lht.report.values import ObjectReport, Place, Status, SyncReport
from lht.schema import SchemaChange, TableRef
from lht.sync import lease
from lht.sync.history import read_history
from lht.sync.lease import Lease, Leases, live_leases, this_process
from lht.sync.state import Store, utc_now
from lht.sync.values import FORMAT, Job, State
from lht.warehouse.base import Session
from lht.warehouse.duckdb import DuckDBWarehouse

TARGET = "RAW.Account"
AT = datetime(2024, 1, 15, 10, 30, 0, 7000)
STATE = State(
    target_table=TARGET,
    run_id="run 1",
    org_id="00D000000000001AAA",
    sobject="Account",
    where="Name = 'Zoë'",
    fields=("Id", "Name"),
    cursor_field="SystemModstamp",
    watermark=AT,
    high_water=AT,
    rows=3,
    columns={"Id": "string", "Amount": "decimal(38,2)"},
)
JOB = Job(
    job_id="750A",
    run_id="run 1",
    org_id="00D000000000001AAA",
    identity="what it reads",
    api_version="65.0",
    signpost=AT,
)
PLACE = Place(
    org_id="00D000000000001AAA",
    org_url="https://acme.my.salesforce.com",
    warehouse_kind="duckdb",
    warehouse="duckdb:///crm.duckdb",
    schema="RAW",
)


@pytest.fixture
def warehouse() -> Iterator[DuckDBWarehouse]:
    place = DuckDBWarehouse(":memory:")
    yield place
    place.close()


@pytest.fixture
def session(warehouse: DuckDBWarehouse) -> Iterator[Session]:
    with warehouse.session() as opened:
        yield opened


@pytest.fixture
def store(session: Session) -> Store:
    made = Store(session)
    made.prepare()
    return made


# -- state ----------------------------------------------------------------------------


def test_reading_creates_nothing(session):
    """Looking at a warehouse without state finds none and leaves none."""
    looking = Store(session)
    assert looking.read_state(TARGET) is None
    assert looking.open_jobs(TARGET) == looking.ended_jobs(TARGET) == []
    assert looking.read_refusals("00D") == looking.read_receipts() == {}
    assert looking.read_runs() == []
    assert live_leases(session, DuckDBWarehouse(":memory:")) == []
    assert session.query("SELECT * FROM duckdb_tables()") == []


def test_the_newest_state_counts_and_the_old_ones_stay(session, store):
    """State is only ever appended to: every run's history is kept."""
    states = [replace(STATE, run_id=f"run {i}", rows=i) for i in range(1, 4)]
    other = replace(STATE, target_table="RAW.Contact", run_id="other")
    for state in (*states, other):
        store.save_state(state)
        assert store.read_state(state.target_table) == state
    assert store.read_state(TARGET) == states[-1]
    kept = session.query(
        "SELECT seq, run_id FROM LHT.STATE WHERE target_table = ? ORDER BY seq",
        (TARGET.upper(),),
    )
    assert kept == [(1, "run 1"), (2, "run 2"), (3, "run 3")]


def test_a_target_is_the_same_in_any_case(store):
    """The warehouse folds names, so one table has one state, however it is written."""
    store.save_state(STATE)
    store.add_job(TARGET, JOB)
    for written in ("raw.account", "RAW.ACCOUNT"):
        assert store.read_state(written) == STATE
        assert store.open_jobs(written) == [JOB]


def test_state_and_data_commit_together(session, store):
    """A state that was written in a transaction that failed does not exist."""

    def failing() -> None:
        with session.transaction():
            store.save_state(STATE)
            raise WarehouseError("the load failed")

    with pytest.raises(WarehouseError):
        failing()
    assert store.read_state(TARGET) is None


def write(session: Session, document: str) -> None:
    session.execute(
        "INSERT INTO LHT.STATE (target_table, seq, document) VALUES (?, 9, ?)",
        (TARGET, document),
    )


def test_state_of_a_newer_lht_is_refused(session, store):
    """A document that this version cannot know is not half understood."""
    store.save_state(replace(STATE, format=FORMAT + 1))
    with pytest.raises(StateError, match="newer lht") as caught:
        store.read_state(TARGET)
    assert caught.value.hint == "pip install --upgrade lht"
    write(session, json.dumps({"format": FORMAT + 1, "all": "else is unknown"}))
    with pytest.raises(StateError, match="newer lht"):
        store.read_state(TARGET)


@pytest.mark.parametrize(
    "document",
    ["", "{", "null", "[]", "7", '"text"', "{}", '{"format": "first"}', "\x00"],
)
def test_unreadable_state_is_an_error_never_no_state(session, store, document):
    """What cannot be read is not taken for a first run."""
    write(session, document)
    with pytest.raises(StateError, match="unreadable") as caught:
        store.read_state(TARGET)
    assert "--full" in caught.value.hint


def test_an_older_document_s_missing_marks_have_defaults(session, store):
    """Unknown keys of the same format are passed over."""
    store.save_state(STATE)
    ((document,),) = session.query("SELECT document FROM LHT.STATE")
    write(session, json.dumps(json.loads(document) | {"more": 1}))
    assert store.read_state(TARGET) == STATE


# -- jobs, receipts, runs -------------------------------------------------------------


def test_a_job_is_open_until_it_is_committed_or_given_up(store):
    """Jobs are found again by target, newest first, and cleaned up once."""
    later = replace(JOB, job_id="750B")
    store.add_job(TARGET, JOB)
    store.add_job(TARGET, later)
    assert {j.job_id for j in store.open_jobs(TARGET)} == {"750A", "750B"}
    assert store.open_jobs("RAW.Contact") == store.ended_jobs(TARGET) == []
    store.end_job(TARGET, "750A", "run 2", "committed")
    store.end_job(TARGET, "750B", "run 2", "discarded")
    assert store.open_jobs(TARGET) == []
    assert {j.job_id for j in store.ended_jobs(TARGET)} == {"750A", "750B"}
    store.end_job(TARGET, "750A", "run 2", "deleted")
    assert store.ended_jobs(TARGET) == [later]
    assert store.open_jobs(TARGET) == []


def test_a_job_of_the_caller_s_is_never_ours_to_delete(store):
    """A job that was not created here is committed and then left alone."""
    store.end_job(TARGET, "750 of the caller", "run 1", "committed")
    assert store.ended_jobs(TARGET) == []


def test_refusals_are_remembered_by_org_and_object(store):
    """What Bulk refuses in one org may be fine in another."""
    store.add_refusal("00D1", "Account", "not supported")
    assert store.read_refusals("00D1") == {"Account": "not supported"}
    assert store.read_refusals("00D2") == {}


def test_changes_of_the_schema_are_recorded(session, store):
    """Every change of a table's shape can be looked up."""
    added = SchemaChange(column="Born__c", old_type=None, new_type="DATE")
    wider = SchemaChange(column="Amount", old_type="DECIMAL(38,2)", new_type="DOUBLE")
    store.add_changes("run 1", TARGET, (added, wider))
    assert session.query(
        "SELECT run_id, target_table, column_name, old_type, new_type"
        " FROM LHT.SCHEMA_CHANGES ORDER BY column_name"
    ) == [
        ("run 1", TARGET, "Amount", "DECIMAL(38,2)", "DOUBLE"),
        ("run 1", TARGET, "Born__c", None, "DATE"),
    ]


def receipt(sobject: str, status: Status = Status.SUCCEEDED) -> ObjectReport:
    return ObjectReport(
        sobject=sobject, target_table=f"RAW.{sobject}", status=status, read=3
    )


def report(run_id: str, *objects: ObjectReport) -> SyncReport:
    return SyncReport(
        run_id=run_id,
        status=Status.SUCCEEDED,
        exit_code=0,
        place=PLACE,
        started_at=AT,
        seconds=1.5,
        api_calls=7,
        objects=objects,
    )


def test_history_tells_how_runs_ended(warehouse, session, store):
    """Newest first: ended, still running (it holds a lease), or died."""
    ended = report("run 1", receipt("Account"), receipt("Contact", Status.FAILED))
    store.add_run("run 1", "start", PLACE)
    for each in ended.objects:
        store.add_receipt("run 1", each)
    store.add_run("run 1", "end", replace(ended, objects=()))
    store.add_run("run 2", "start", PLACE)
    store.add_receipt("run 2", receipt("Account"))
    store.add_run("run 3", "start", PLACE)
    with Leases(warehouse, "run 3").held(session, TARGET):
        running, died, done = read_history(warehouse)
    assert done == ended
    assert (died.run_id, died.status) == ("run 2", Status.DIED)
    assert died.objects == (receipt("Account"),)
    assert died.exit_code != 0
    assert (running.run_id, running.status) == ("run 3", Status.RUNNING)
    assert read_history(warehouse)[0].status is Status.DIED


def test_instants_are_utc_to_the_millisecond():
    """What is stored is naive UTC, and the same after a round trip."""
    now = utc_now()
    assert (now.tzinfo, now.microsecond % 1000) == (None, 0)
    assert abs(datetime.now(UTC).replace(tzinfo=None) - now) < timedelta(minutes=1)


# -- leases ---------------------------------------------------------------------------


@pytest.fixture
def shared(warehouse: DuckDBWarehouse, store: Store) -> DuckDBWarehouse:  # noqa: ARG001  prepared
    """A warehouse that several processes can have open, like those in a cloud."""
    many = replace(warehouse.capabilities, single_process=False)
    warehouse.capabilities = many  # type: ignore[misc]
    return warehouse


def foreign_lease(session: Session, *, expires_in: timedelta) -> None:
    """A lease as another process on another machine has left it."""
    now = utc_now()
    session.execute(
        "INSERT INTO LHT.LEASES VALUES (?, 'their run', 'far:77:0badcafe', ?, ?)",
        (TARGET.upper(), now, now + expires_in),
    )


@pytest.mark.usefixtures("store")
def test_a_held_target_keeps_others_out(warehouse, session):
    """The second run is told who holds the target; other targets are free."""
    ours, theirs = Leases(warehouse, "ours"), Leases(warehouse, "theirs")
    with ours.held(session, TARGET), warehouse.session() as other:
        ours.check(TARGET)
        with pytest.raises(TargetBusyError, match="run ours of") as caught:
            theirs.held(other, TARGET).__enter__()
        assert caught.value.context == {"target_table": TARGET, "holder": "ours"}
        assert caught.value.exit_code == 5
        with theirs.held(other, "RAW.Contact"):
            held = live_leases(session, warehouse)
            assert {lease.target: lease.run_id for lease in held} == {
                "RAW.ACCOUNT": "ours",
                "RAW.CONTACT": "theirs",
            }
    assert live_leases(session, warehouse) == []
    with theirs.held(session, TARGET):
        theirs.check(TARGET)


@pytest.mark.usefixtures("store")
def test_the_lease_is_given_back_after_a_failure(warehouse, session):
    """A run that failed does not keep the next one out."""
    with pytest.raises(ZeroDivisionError), Leases(warehouse, "r").held(session, TARGET):
        raise ZeroDivisionError
    assert live_leases(session, warehouse) == []


@pytest.mark.usefixtures("store")
def test_one_table_has_one_lease_however_it_is_written(warehouse, session):
    """The warehouse folds names: another spelling is no way around a lease."""
    theirs = Leases(warehouse, "theirs")
    with (
        Leases(warehouse, "ours").held(session, TARGET),
        warehouse.session() as other,
        pytest.raises(TargetBusyError),
    ):
        theirs.held(other, "raw.ACCOUNT").__enter__()


@pytest.mark.usefixtures("store")
def test_the_lease_of_a_dead_process_is_taken_over(warehouse, session):
    """Where one process at a time has the database, another's lease is dead."""
    foreign_lease(session, expires_in=timedelta(minutes=2))
    leases = Leases(warehouse, "ours")
    with leases.held(session, TARGET):
        leases.check(TARGET)
        (found,) = live_leases(session, warehouse)
        assert found == Lease("RAW.ACCOUNT", "ours", this_process())


@pytest.mark.usefixtures("store")
def test_the_lease_of_a_dead_child_is_taken_over(warehouse, session, monkeypatch):
    """A forked process is another one, though it began with its parent's memory."""
    with Leases(warehouse, "child").held(session, TARGET):
        monkeypatch.setattr(lease.os, "getpid", lambda: -1)
        assert live_leases(session, warehouse) == []


def test_the_lease_of_another_process_holds_until_it_expires(shared, session):
    """Where others may be at work, only time tells that they are not."""
    foreign_lease(session, expires_in=timedelta(minutes=1))
    with pytest.raises(TargetBusyError, match="their run of far:77"):
        Leases(shared, "ours").held(session, TARGET).__enter__()
    session.execute("DELETE FROM LHT.LEASES")
    foreign_lease(session, expires_in=timedelta(seconds=-1))
    leases = Leases(shared, "ours")
    with leases.held(session, TARGET):
        leases.check(TARGET)


def test_a_lost_lease_is_noticed(shared, session):
    """A run whose lease was taken over meanwhile may not commit."""
    leases = Leases(shared, "ours")
    with leases.held(session, TARGET):
        session.execute("UPDATE LHT.LEASES SET expires_at = ?", (AT,))
        leases.check(TARGET)  # nobody has taken it
        with (
            shared.session() as other,
            Leases(shared, "theirs").held(other, TARGET),
            pytest.raises(TargetBusyError, match="was lost"),
        ):
            leases.check(TARGET)
    assert live_leases(session, shared) == []


def test_giving_back_a_lost_lease_takes_it_from_no_one(shared, session):
    """The run that took over keeps its lease when the first one ends."""
    with Leases(shared, "ours").held(session, TARGET):
        session.execute("DELETE FROM LHT.LEASES")
        foreign_lease(session, expires_in=timedelta(minutes=2))
    (found,) = live_leases(session, shared)
    assert (found.target, found.run_id) == ("RAW.ACCOUNT", "their run")


def test_heartbeats_move_the_expiry_of_our_leases_only(shared, session, monkeypatch):
    """A long load keeps its lease; a dead run's lease still ends."""
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.01)
    leases = Leases(shared, "ours")
    with leases.held(session, "RAW.Contact"), leases.kept_alive():
        foreign_lease(session, expires_in=timedelta(seconds=-1))
        session.execute(
            "UPDATE LHT.LEASES SET expires_at = ? WHERE run_id = 'ours'", (AT,)
        )
        for _ in range(500):
            if live_leases(session, shared):
                break
            threading.Event().wait(0.01)
        assert [x.target for x in live_leases(session, shared)] == ["RAW.CONTACT"]


@pytest.mark.usefixtures("store")
def test_of_two_at_once_exactly_one_gets_the_lease(warehouse):
    """However close they come, one works and the others are told it is busy."""
    runs, start, over = 6, threading.Barrier(6), threading.Barrier(6)

    def attempt(run: int) -> bool:
        with warehouse.session() as one:
            start.wait()
            held = Leases(warehouse, f"run {run}").held(one, TARGET)
            try:
                held.__enter__()
            except TargetBusyError:
                over.wait()
                return False
            over.wait()
            held.__exit__(None, None, None)
            return True

    for _ in range(5):
        with ThreadPoolExecutor(runs) as pool:
            assert sorted(pool.map(attempt, range(runs))) == [False] * (runs - 1) + [
                True
            ]


def test_a_broken_lease_table_is_not_told_as_busy(session, store, warehouse):
    """That a statement failed is told as what it is."""
    del store
    session.execute("DROP TABLE LHT.LEASES")
    session.execute("CREATE TABLE LHT.LEASES (something_else INTEGER)")
    with pytest.raises(WarehouseError) as caught:
        Leases(warehouse, "ours").held(session, TARGET).__enter__()
    assert not isinstance(caught.value, TargetBusyError)
    assert isinstance(caught.value.__cause__, duckdb.Error)
    assert session.read_table(TableRef("LHT", "LEASES")) is not None
