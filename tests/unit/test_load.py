"""A load commits data, watermark and receipt as one, or nothing of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from tests.arriving import Batches

from lht.decode import arrow_schema
from lht.exceptions import DuplicateKeyError, RowCountMismatchError, TargetBusyError
from lht.report.values import ObjectReport, Status, SyncMode
from lht.salesforce.bulk_query import QueryJob
from lht.schema import Field, SObjectSchema, TableRef
from lht.sync.extract import Extraction
from lht.sync.facts import gather
from lht.sync.lease import Leases
from lht.sync.load import load
from lht.sync.plan import Options, Planned, decide_load, plan_object
from lht.sync.state import Store
from lht.sync.values import Job
from lht.warehouse.base import Session
from lht.warehouse.duckdb import DuckDBWarehouse

REF = TableRef("RAW", "Account")
SIGNPOST = datetime(2024, 1, 15, 10, 30)
EARLIER, LATER = SIGNPOST - timedelta(days=1), SIGNPOST + timedelta(days=1)
SCHEMA = SObjectSchema(
    name="Account",
    label="Account",
    fields=(
        Field(name="Id", type="id"),
        Field(name="Amount", type="currency", scale=2),
        Field(name="SystemModstamp", type="datetime"),
        Field(name="LastModifiedDate", type="datetime"),
    ),
)
Row = tuple[str, str, datetime]
ROWS: tuple[Row, ...] = (("1", "1.50", EARLIER), ("2", "0.25", SIGNPOST))


def source(*batches: pa.RecordBatch) -> Any:
    return Batches(batches).through


class Org:
    """As much of a client as gathering the facts asks for."""

    org_id = "00D000000000001AAA"

    def server_now(self) -> datetime:
        return LATER.replace(tzinfo=UTC)


class House:
    """A warehouse in memory, and one run after another into it."""

    def __init__(self) -> None:
        self.warehouse = DuckDBWarehouse(":memory:")
        self.session: Session = self.warehouse.session()
        self.store = Store(self.session)
        self.store.prepare()
        self.leases = Leases(self.warehouse, "run")

    def planned(self, mode: SyncMode = SyncMode.AUTO) -> Planned:
        options = Options(mode=mode)
        facts = gather(
            Org(),
            self.warehouse,
            self.session,
            options=options,
            schema=SCHEMA,
            ref=REF,
        )
        return plan_object(facts, options, decide_load(facts, options), None)

    def load(
        self, *rows: Row, mode: SyncMode = SyncMode.AUTO, **found: Any
    ) -> ObjectReport:
        planned = self.planned(mode)
        extraction = self.extraction(planned, rows)
        for name, value in found.items():
            setattr(extraction, name, value)
        receipt = ObjectReport(
            sobject="Account",
            target_table=str(REF),
            status=Status.RUNNING,
            seconds=1.5,
        )
        with self.leases.held(self.session, str(REF)):
            return load(
                self.session,
                self.leases,
                planned,
                extraction,
                lambda: receipt,
                run_id="run",
            )

    def extraction(self, planned: Planned, rows: tuple[Row, ...]) -> Extraction:
        arrow = arrow_schema(planned.facts.columns)
        arrays = [
            pa.array([r[0] for r in rows], pa.string()),
            pa.array([r[1] for r in rows]).cast(arrow.field(1).type),
            *[pa.array([r[2] for r in rows], pa.timestamp("ms"))] * 2,
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=arrow)
        return Extraction(source=source(batch), signpost=SIGNPOST, reported=len(rows))

    def everything(self) -> list[Any]:
        """All that a load may change."""
        tables = [REF, *(TableRef("LHT", n) for n in ("STATE", "RECEIPTS", "JOBS"))]
        return [
            self.session.query(f"SELECT * FROM {self.session.name(t)} ORDER BY ALL")
            for t in tables
            if self.session.read_table(t)
        ]


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.session.close()
    made.warehouse.close()


def test_a_load_commits_rows_watermark_and_receipt(house):
    """What is told is what is stored, and the watermark is the signpost."""
    receipt = house.load(*ROWS)
    assert (receipt.status, receipt.read, receipt.inserted) == (Status.SUCCEEDED, 2, 2)
    assert (receipt.downloaded, receipt.staged) == (2, 2)
    assert (receipt.complete_up_to, receipt.last_modified_at) == (SIGNPOST, SIGNPOST)
    assert house.store.read_receipts() == {"run": [receipt]}
    state = house.store.read_state(str(REF))
    assert (state.watermark, state.high_water, state.rows) == (SIGNPOST, SIGNPOST, 2)
    assert (state.cursor_field, state.sobject) == ("SystemModstamp", "Account")
    planned = house.planned()
    assert (planned.load.mode, planned.load.since) == (SyncMode.INCREMENTAL, SIGNPOST)


def test_the_watermark_is_never_the_greatest_stamp_seen(house):
    """A record changed after the signpost is read again next time."""
    house.load(("1", "1.50", LATER))
    state = house.store.read_state(str(REF))
    assert (state.watermark, state.high_water) == (SIGNPOST, LATER)


def test_the_watermark_never_falls_back_behind_its_own_start(house):
    """A signpost before the last watermark does not undo what was complete."""
    house.load(*ROWS)
    receipt = house.load(*ROWS, signpost=EARLIER)
    assert receipt.complete_up_to == SIGNPOST
    assert house.store.read_state(str(REF)).watermark == SIGNPOST


@pytest.mark.parametrize("mode", [SyncMode.FULL, SyncMode.INCREMENTAL])
@pytest.mark.parametrize("reported", [0, 1, 3])
def test_counts_that_do_not_reconcile_move_nothing(house, mode, reported):
    """Reported = downloaded = staged = loaded, or all is as it was."""
    house.load(*ROWS)
    before = house.everything()
    with pytest.raises(RowCountMismatchError, match=f"{reported} reported, 2 down"):
        house.load(*ROWS, mode=mode, reported=reported)
    assert house.everything() == before


def test_a_first_load_that_fails_leaves_no_table(house):
    """Not even an empty table is left behind, which would look loaded."""
    with pytest.raises(RowCountMismatchError):
        house.load(*ROWS, reported=3)
    assert house.session.read_table(REF) is None
    assert house.store.read_state(str(REF)) is None
    assert house.planned().load.why == "no table yet"


def test_a_lost_lease_moves_nothing(house):
    """Whoever took over may be at work: this run does not commit."""
    house.load(*ROWS)
    before = house.everything()

    def losing(_: Any) -> Iterator[Any]:
        with house.warehouse.session() as other:
            other.execute("DELETE FROM LHT.LEASES")
        yield from ()

    with pytest.raises(TargetBusyError, match="was lost"):
        house.load(source=losing)
    assert house.everything() == before


@pytest.mark.parametrize("mode", [SyncMode.AUTO, SyncMode.FULL])
def test_an_adopted_table_with_double_keys_is_not_touched(house, mode):
    """Which of two rows is meant nobody knows."""
    house.session.execute(
        "CREATE SCHEMA RAW;CREATE TABLE RAW.ACCOUNT (ID VARCHAR, LASTMODIFIEDDATE DATE)"
    )
    house.session.execute(
        "INSERT INTO RAW.ACCOUNT VALUES ('1', '2024-01-15'), ('1', '2024-01-14')"
    )
    before = house.everything()
    assert house.planned().load.adopting
    with pytest.raises(DuplicateKeyError):
        house.load(*ROWS, mode=mode)
    assert house.everything() == before


def test_a_wider_number_is_recorded_and_told(house):
    """The receipt says which column was widened, and LHT keeps it."""
    house.load(*ROWS)
    planned = house.planned()
    wide = arrow_schema(planned.facts.columns.widened({"Amount": "decimal(38,5)"}))
    batch = pa.RecordBatch.from_pylist(
        [{"Id": "9", "Amount": None, "SystemModstamp": LATER}], wide
    )
    receipt = house.load(source=source(batch), reported=1)
    assert "Amount widened from DECIMAL(38,2) to DECIMAL(38,5)" in receipt.notes[-1]
    recorded = house.session.query(
        "SELECT target_table, column_name, new_type FROM LHT.SCHEMA_CHANGES"
    )
    assert recorded == [(str(REF), "Amount", "DECIMAL(38,5)")]


def job(job_id: str) -> Job:
    return Job(
        job_id=job_id,
        run_id="earlier",
        org_id=Org.org_id,
        identity=job_id,
        api_version="65.0",
        signpost=EARLIER,
    )


@pytest.mark.parametrize("used", [None, "750B"])
def test_a_commit_ends_all_older_jobs(house, used):
    """A job of an earlier run is never loaded over newer rows, by REST or Bulk."""
    for each in ("750A", "750B"):
        house.store.add_job(str(REF), job(each))
    by = {"job": used and query_job(used)}
    receipt = house.load(*ROWS, **by)
    assert receipt.job_ids == ((used,) if used else ())
    assert house.store.open_jobs(str(REF)) == []
    assert {j.job_id for j in house.store.ended_jobs(str(REF))} == {"750A", "750B"}


def test_a_load_that_fails_keeps_its_jobs(house):
    """What Salesforce has prepared can be used by the next run."""
    house.store.add_job(str(REF), job("750A"))
    with pytest.raises(RowCountMismatchError):
        house.load(*ROWS, reported=3)
    assert house.store.open_jobs(str(REF)) == [job("750A")]


def query_job(job_id: str) -> QueryJob:
    return QueryJob(
        id=job_id,
        state="JobComplete",
        api_version="65.0",
        sobject="Account",
        created_at="2024-01-14T10:30:00.000+0000",
    )
