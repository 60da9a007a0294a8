"""The whole line: an org over HTTP, DuckDB, and what is promised of both."""

import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.emulator.comparing import assert_table_is_org, table_rows
from tests.emulator.scene import (
    NOW,
    PAGE_ROWS,
    Scene,
    credentials,
    stopped_clock,
)

from lht import devorg
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Field, Metadata
from lht.events import Event, Progress
from lht.exceptions import SyncError
from lht.report.values import Change, ObjectReport, Status, SyncMode
from lht.salesforce.client import Client
from lht.salesforce.intelligent_sync import IntelligentSync
from lht.sync import plan_sync, sync
from lht.sync.plan import Options

BULK = Options(force_bulk=True)
MINUTE = timedelta(minutes=1)
ROUTES = pytest.mark.parametrize("options", [Options(), BULK], ids=["rest", "bulk"])


def counts(receipt: ObjectReport) -> dict[str, int]:
    """Return what a load did, without what it did not do."""
    names = ("inserted", "updated", "unchanged", "deleted", "removed")
    return {name: n for name in names if (n := getattr(receipt, name))}


def watermark(scene: Scene) -> datetime:
    found: datetime = scene.scalar(
        "SELECT watermark FROM LHT.STATE ORDER BY seq DESC LIMIT 1"
    )
    return found


# -- loads --------------------------------------------------------------------------


@ROUTES
def test_first_load(scene: Scene, options: Options) -> None:
    """A first load brings every record, over several pages, and says how many."""
    scene.accounts(250)
    receipt = scene.synced("account", options=options)
    scene.check("Account")
    assert receipt.mode is SyncMode.FULL
    assert receipt.read == receipt.downloaded == receipt.staged == 250
    assert counts(receipt) == {"inserted": 250}


@ROUTES
def test_incremental_load(scene: Scene, options: Options) -> None:
    """What was created, changed and deleted since arrives; the rest is not read."""
    changed, deleted, *_ = scene.accounts(120)
    scene.org.clock.advance(10 * MINUTE)
    scene.sync("Account", options=options)
    scene.org.clock.advance(10 * MINUTE)
    scene.org.update("Account", changed, {"Name": "renamed"})
    scene.org.delete(deleted)
    scene.accounts(2, "new")
    receipt = scene.synced("Account", options=options)
    scene.check("Account")
    assert receipt.mode is SyncMode.INCREMENTAL
    assert counts(receipt) == {"inserted": 2, "updated": 2, "deleted": 1}


def test_an_empty_object_becomes_an_empty_table(scene: Scene) -> None:
    """No records are a table without rows, by either way, and no error."""
    for options in (Options(), BULK):
        assert counts(scene.synced("Lead", options=options)) == {}
        scene.check("Lead")


def test_nothing_new_is_nothing_read(scene: Scene) -> None:
    """A second run right behind the first changes nothing."""
    scene.accounts(5)
    scene.org.clock.advance(10 * MINUTE)
    scene.sync("Account")
    scene.org.clock.advance(MINUTE)
    assert counts(scene.synced("Account")) == {}
    scene.check("Account")


def test_ties_at_the_watermark_arrive(scene: Scene) -> None:
    """A change that bears the very stamp of the watermark is read again."""
    scene.org.clock.set(NOW.replace(second=0))
    first, second = scene.accounts(2)
    scene.sync("Account")
    assert watermark(scene) == scene.org.clock.now().replace(tzinfo=None)
    scene.org.update("Account", first, {"Name": "in the same second"})
    scene.org.delete(second)
    scene.org.clock.advance(MINUTE)
    scene.sync("Account")
    scene.check("Account")


@ROUTES
def test_late_commits_arrive(scene: Scene, options: Options) -> None:
    """A change that becomes visible after a run, stamped before it, arrives."""
    changed, *_ = scene.accounts(3)
    late = scene.org.transaction()
    late.update("Account", changed, {"Name": "late"})
    late.insert("Account", {"Name": "late and new"})
    scene.org.clock.advance(10 * MINUTE)
    scene.sync("Account", options=options)
    late.commit()
    scene.org.clock.advance(10 * MINUTE)
    scene.sync("Account", options=options)
    scene.check("Account")


def test_late_commits_of_what_cannot_be_replicated_arrive(scene: Scene) -> None:
    """Where Salesforce tells no safe instant, a margin stands in for it."""
    (account,) = scene.accounts(1)
    late = scene.org.transaction()
    late.insert("AccountShare", share(account, scene.org.store.user_id))
    scene.org.clock.advance(10 * MINUTE)
    scene.sync("AccountShare")
    late.commit()
    scene.org.clock.advance(20 * MINUTE)
    scene.sync("AccountShare")
    scene.check("AccountShare")


def share(account: str, user: str) -> Mapping[str, Any]:
    return {
        "AccountId": account,
        "UserOrGroupId": user,
        "AccountAccessLevel": "Edit",
        "OpportunityAccessLevel": "Read",
        "CaseAccessLevel": "Read",
    }


# -- deletes ------------------------------------------------------------------------


def test_deletes_undeletes_and_merges(scene: Scene) -> None:
    """The recycle bin is in the table, with the mark that Salesforce gives it."""
    first, second, third = scene.accounts(3)
    contact = scene.org.insert("Contact", {"LastName": "A", "AccountId": first})
    scene.sync("Account", "Contact")
    scene.org.clock.advance(MINUTE)
    scene.org.delete(first)
    scene.org.merge("Account", second, [third])
    scene.sync("Account", "Contact")
    scene.check("Account", "Contact")
    rows = table_rows(scene.warehouse, "RAW.Account")
    assert [rows[i]["IsDeleted"] for i in (first, second, third)] == [True, False, True]
    assert rows[third]["MasterRecordId"] == second
    scene.org.clock.advance(MINUTE)
    scene.org.undelete(first)
    scene.sync("Account", "Contact")
    scene.check("Account", "Contact")
    assert not table_rows(scene.warehouse, "RAW.Account")[first]["IsDeleted"]
    assert not table_rows(scene.warehouse, "RAW.Contact")[contact]["IsDeleted"]


def test_a_full_load_removes_what_is_gone(scene: Scene) -> None:
    """A full load leaves no row whose record no longer exists, and counts them."""
    gone, *_ = scene.accounts(3)
    scene.sync("Account")
    scene.org.hard_delete(gone)
    assert counts(scene.synced("Account", mode="full")) == {
        "unchanged": 2,
        "removed": 1,
    }
    scene.check("Account")


def test_another_org_does_not_pass_for_the_same(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    """Every new local org is an org of its own: its records are not mixed in."""
    for rows in (1, 2):
        with devorg.start() as org, Client(credentials(org)) as client:
            scene = Scene(org, client, warehouse)
            scene.accounts(rows)
            if rows == 1:
                scene.sync("Account")
                continue
            with pytest.raises(SyncError, match="holds records of the org"):
                scene.sync("Account")
            scene.sync("Account", mode="full")
            scene.check("Account")


# -- schema -------------------------------------------------------------------------


def with_field(metadata: Metadata, sobject: str, field: Field) -> Metadata:
    """Return the metadata with one more field."""
    return Metadata(
        sobjects=tuple(
            replace(s, fields=(*s.fields, field)) if s.name == sobject else s
            for s in metadata.sobjects
        )
    )


def test_a_new_field_becomes_a_column(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that the org got meanwhile gets a column, which the run tells of."""
    monkeypatch.setattr(secrets, "randbelow", lambda _: 7)  # the same org, again
    metadata, clock = load_metadata(), stopped_clock()
    field = Field(name="Mood__c", type="string", label="Mood", length=80, custom=True)
    with (
        devorg.start(clock=clock, metadata=metadata) as org,
        Client(credentials(org)) as client,
    ):
        before = Scene(org, client, warehouse)
        before.accounts(2)
        before.sync("Account")
    wider = with_field(metadata, "Account", field)
    with (
        devorg.start(clock=clock, metadata=wider) as org,
        Client(credentials(org)) as client,
    ):
        after = Scene(org, client, warehouse)
        first, *_ = after.accounts(3)
        clock.advance(MINUTE)
        org.update("Account", first, {"Mood__c": "bright"})
        receipt = after.synced("Account")
        after.check("Account")
    assert any("Mood__c" in note for note in receipt.notes)
    assert after.scalar(
        "SELECT new_type FROM LHT.SCHEMA_CHANGES WHERE column_name = 'Mood__c'"
    )


@pytest.mark.parametrize("field", ["BillingAddress", "NoSuchField"])
def test_a_field_that_cannot_be_read_is_refused(scene: Scene, field: str) -> None:
    """A wanted field is never left out in silence."""
    scene.accounts(1)
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", fields=["Name", field])
    (receipt,) = caught.value.report.objects
    assert receipt.error is not None
    assert (receipt.error.code, receipt.error.exit_code) == ("config", 2)
    assert field.lower() in receipt.error.message.lower()


def test_other_fields_mean_a_full_load(scene: Scene) -> None:
    """Other fields than last time are loaded for all rows, not for new ones only."""
    scene.accounts(3)
    scene.sync("Account", fields=["Name"])
    receipt = scene.synced("Account", fields=["Name", "Industry"])
    assert receipt.mode is SyncMode.FULL
    again = scene.synced("Account", fields=["industry", "NAME"])
    assert again.mode is SyncMode.INCREMENTAL


def test_where_is_part_of_the_table(scene: Scene) -> None:
    """Another filter means a full load; a row that left it is gone afterwards."""
    scene.accounts(3, "apple")
    scene.accounts(2, "pear")
    scene.sync("Account", where="Name LIKE 'apple%'")
    assert scene.scalar("SELECT count(*) FROM RAW.Account") == 3
    same = scene.synced("Account", where="Name LIKE 'apple%'")
    assert same.mode is SyncMode.INCREMENTAL
    other = scene.synced("Account", where="Name LIKE 'apple%' OR Name LIKE 'pear%'")
    assert other.mode is SyncMode.FULL
    scene.check("Account")
    scene.sync("Account", where="Name = 'pear 1'")
    assert scene.scalar("SELECT count(*) FROM RAW.Account") == 1


# -- objects that are not like the others --------------------------------------------


def test_an_object_without_any_stamp_is_always_loaded_whole(scene: Scene) -> None:
    """Without a field that tells changes, each run is a full load, and says why."""
    login = f"SELECT '{scene.org.store.user_id}' AS UserId, TIMESTAMP '2026-01-01'"
    for _ in range(2):
        scene.org.store.bulk_insert("LoginHistory", f"{login} AS LoginTime")
        receipt = scene.synced("LoginHistory")
        assert receipt.mode is SyncMode.FULL
        scene.check("LoginHistory")
    plan = plan_sync("LoginHistory", salesforce=scene.client, warehouse=scene.warehouse)
    assert "no field" in plan.objects[0].why


def test_an_object_with_a_lesser_stamp_is_loaded_by_it(scene: Scene) -> None:
    """Without SystemModstamp the next best stamp orders the changes."""
    (account,) = scene.accounts(1)
    opportunity = {
        "Name": "Deal",
        "AccountId": account,
        "StageName": "Prospecting",
        "CloseDate": "2026-04-01",
    }
    deal = scene.org.insert("Opportunity", opportunity)
    history = f"SELECT '{deal}' AS OpportunityId, 'created' AS Field"
    scene.org.store.bulk_insert("OpportunityFieldHistory", history)
    scene.sync("OpportunityFieldHistory")
    scene.org.clock.advance(20 * MINUTE)
    scene.org.store.bulk_insert("OpportunityFieldHistory", history)
    receipt = scene.synced("OpportunityFieldHistory")
    assert receipt.mode is SyncMode.INCREMENTAL
    assert_table_is_org(scene.warehouse, scene.org, "OpportunityFieldHistory")


def test_what_bulk_refuses_comes_by_rest_and_that_is_remembered(scene: Scene) -> None:
    """Bulk is asked once for an object it refuses; every run is right."""
    many = Options(bulk_threshold=0)
    first = scene.synced("CaseStatus", options=many)
    assert (first.via, scene.job_posts()) == ("rest", 1)
    again = scene.synced("CaseStatus", options=many)
    assert (again.via, scene.job_posts()) == ("rest", 1)
    scene.check("CaseStatus")
    assert any("Bulk refuses" in note for note in again.notes)


def test_what_bulk_refuses_in_spite_of_force_is_told_as_rest(scene: Scene) -> None:
    """A receipt names the way that was gone, not the one that was wished for."""
    receipt = scene.synced("CaseStatus", options=BULK)
    assert (receipt.via, receipt.sync_method) == ("rest", "regular_api_full")
    assert any("Bulk refuses" in note for note in receipt.notes)
    scene.check("CaseStatus")


def test_an_adopted_table_is_continued(scene: Scene) -> None:
    """A table that lht did not make is taken over; its rows and columns stay."""
    old, changed = scene.accounts(2)
    stamp = NOW.replace(tzinfo=None)
    scene.warehouse.execute(
        "CREATE SCHEMA RAW; CREATE TABLE RAW.Account (ID VARCHAR, NAME VARCHAR,"
        " LASTMODIFIEDDATE TIMESTAMP, SCORE INTEGER)"
    )
    scene.warehouse.executemany(
        "INSERT INTO RAW.Account VALUES (?, ?, ?, ?)",
        [(old, "Account 0", stamp, 1), (changed, "Account 1", stamp, 2)],
    )
    scene.org.clock.advance(MINUTE)
    scene.org.update("Account", changed, {"Name": "renamed"})
    receipt = scene.synced("Account")
    assert receipt.mode is SyncMode.INCREMENTAL
    assert any("--full" in note for note in receipt.notes)
    found = scene.warehouse.execute("SELECT ID, NAME, SCORE FROM RAW.Account")
    rows = {id_: (name, score) for id_, name, score in found.fetchall()}
    assert rows == {old: ("Account 0", 1), changed: ("renamed", 2)}


# -- several objects, and the org as a guest house ------------------------------------


@pytest.mark.parametrize("org", [{"job_delay": 1.0}], indirect=True)
def test_several_objects_have_their_jobs_at_the_same_time(scene: Scene) -> None:
    """Every object's bulk job is created before the first of them is loaded."""
    objects = ("Account", "Contact", "Lead")
    for number in range(30):
        account = scene.org.insert("Account", {"Name": f"A {number}"})
        scene.org.insert("Contact", {"LastName": "C", "AccountId": account})
        scene.org.insert("Lead", {"LastName": "L", "Company": "C"})
    report = scene.sync(*objects, options=BULK)
    scene.check(*objects)
    assert [o.sobject for o in report.objects] == list(objects)
    kinds = [kind for r in scene.org.requests if (kind := job_request(*r))]
    assert kinds.count("create") == 3
    assert kinds.index("results") > max(
        at for at, kind in enumerate(kinds) if kind == "create"
    )


def job_request(method: str, path: str, _status: int) -> str | None:
    _, _, rest = path.partition("/jobs/query")
    if method == "POST" and not rest and path.endswith("/jobs/query"):
        return "create"
    return "results" if rest.endswith("/results") else None


def test_our_jobs_are_deleted_and_only_ours(scene: Scene) -> None:
    """After the commit the org has no job of ours, and still has all others."""
    scene.accounts(3)
    query = {"operation": "query", "query": "SELECT Id FROM Account"}
    theirs = scene.client.request("POST", "jobs/query", json=query).json()["id"]
    scene.sync("Account", options=BULK)
    assert list_jobs(scene) == [theirs]


def list_jobs(scene: Scene) -> list[str]:
    listed = scene.client.request("GET", "jobs/query").json()
    return [job["id"] for job in listed["records"]]


def test_calls_are_counted(scene: Scene) -> None:
    """The report counts exactly the metered calls that the org saw."""
    scene.accounts(250)
    scene.org.requests.clear()
    rest = scene.sync("Account").api_calls
    bulk = scene.sync("Account", mode="full", options=BULK).api_calls
    metered = Counter(r.path.startswith("/services/data/v") for r in scene.org.requests)
    assert rest + bulk == metered[True]


def test_calls_are_capped(scene: Scene) -> None:
    """A run sends no more calls than it may, and ends as one that can go on later."""
    scene.accounts(250)
    scene.sync("Account")
    scene.org.requests.clear()
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", mode="full", max_calls=4)
    metered = [r for r in scene.org.requests if r.path.startswith("/services/data/v")]
    assert len(metered) <= 4
    assert caught.value.report.exit_code == 5
    scene.check("Account")


def test_a_forecast_of_calls_is_close(scene: Scene) -> None:
    """The plan's number of calls is not less than what a load by REST takes."""
    scene.accounts(10)
    plan = plan_sync("Account", salesforce=scene.client, warehouse=scene.warehouse)
    assert plan.objects[0].estimated_calls >= scene.synced("Account").api_calls - 2


def test_a_dry_run_moves_nothing(scene: Scene, tmp_path: Path) -> None:
    """A dry run leaves no file, no schema and no job; it tells what would be done."""
    scene.accounts(3)
    file = tmp_path / "new.duckdb"
    report = scene.sync("Account", warehouse=file, dry_run=True, options=BULK)
    assert report.status is Status.PLANNED
    assert report.objects[0].sync_method == "bulk_api_full"
    assert not list(tmp_path.iterdir())
    scene.sync("Account", dry_run=True)
    schemas = "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal"
    assert scene.warehouse.execute(schemas).fetchall() == []
    assert scene.job_posts() == 0


def test_the_plan_is_what_happens(scene: Scene) -> None:
    """Plan and receipt agree on mode, method and start, at every step."""
    enough_to_be_counted = 600
    steps = {
        Change.CREATE: enough_to_be_counted,
        Change.UPDATE: 1,
        Change.NOTHING: 0,
    }
    for change, more in steps.items():
        scene.accounts(more)
        scene.org.clock.advance(10 * MINUTE)
        plan = plan_sync("Account", salesforce=scene.client, warehouse=scene.warehouse)
        (shown,) = plan.objects
        receipt = scene.synced("Account")
        assert shown.change is change
        assert (shown.mode, shown.sync_method, shown.since) == (
            receipt.mode,
            receipt.sync_method,
            receipt.since,
        )


# -- the documented function ----------------------------------------------------------

KEYS = [
    *("sobject", "target_table", "sync_method", "estimated_records"),
    *("actual_records", "sync_duration_seconds", "last_modified_date"),
    *("sync_timestamp", "success", "error"),
]


def test_the_documented_matrix_and_result(scene: Scene) -> None:
    """Volume chooses the documented method, first and later, at each threshold."""
    system = IntelligentSync(scene.warehouse, scene.client)
    system.BULK_API_THRESHOLD, system.STAGE_THRESHOLD = 10, 20
    steps = [(9, "regular_api"), (1, "bulk_api"), (10, "bulk_api")]
    total = 0
    for number, (more, method) in enumerate(steps):
        scene.accounts(more)
        total += more
        result = system.sync_sobject("Account", "RAW", f"T{number}")
        assert (result["sync_method"], result["actual_records"]) == (
            f"{method}_full",
            total,
        )
    for more, method in [(9, "regular_api"), (10, "bulk_api"), (25, "bulk_api")]:
        scene.org.clock.advance(10 * MINUTE)
        system.sync_sobject("Account", "RAW", "T2")
        scene.org.clock.advance(10 * MINUTE)
        scene.accounts(more)
        result = system.sync_sobject("Account", "RAW", "T2", match_field="ID")
        assert list(result) == KEYS
        assert result["sync_method"] == f"{method}_incremental"
        assert result["estimated_records"] == result["actual_records"] == more
        assert (result["success"], result["error"]) == (True, None)
        assert result["target_table"] == "RAW.T2"
        now = scene.org.clock.now().replace(tzinfo=None)
        assert result["last_modified_date"] == now
    assert_table_is_org(scene.warehouse, scene.org, "Account", "RAW.T2")


def test_the_documented_function_captures_failures(scene: Scene) -> None:
    """A failure is told in the result, with the documented keys, and not raised."""
    result = IntelligentSync(scene.warehouse, scene.client).sync_sobject(
        "Nothing__c", "RAW", "NOTHING"
    )
    assert set(result) == {*KEYS, "records_processed"}
    assert result["success"] is False
    assert "Nothing__c" in result["error"]
    assert result["records_processed"] == 0


def test_the_modern_function_raises_and_goes_on(scene: Scene) -> None:
    """One object failing does not stop the others; the error has all receipts."""
    scene.accounts(3)
    with pytest.raises(SyncError) as caught:
        scene.sync("Nothing__c", "Account")
    failed, fine = caught.value.report.objects
    assert (failed.status, fine.status) == (Status.FAILED, Status.SUCCEEDED)
    assert_table_is_org(scene.warehouse, scene.org, "Account")


def test_a_job_of_the_caller_is_read_and_kept_if_asked(scene: Scene) -> None:
    """``existing_job_id`` reads a job that is already there; it may stay."""
    scene.accounts(3)
    soql = scene_soql(scene)
    body = {"operation": "queryAll", "query": soql}
    job = scene.client.request("POST", "jobs/query", json=body).json()["id"]
    result = IntelligentSync(scene.warehouse, scene.client).sync_sobject(
        "Account", "RAW", "Account", existing_job_id=job, delete_job=False
    )
    assert result["success"], result["error"]
    scene.check("Account")
    assert (scene.job_posts(), list_jobs(scene)) == (1, [job])


def scene_soql(scene: Scene) -> str:
    plan = plan_sync("Account", salesforce=scene.client, warehouse=scene.warehouse)
    return plan.objects[0].soql


def test_nothing_stays_open(scene: Scene) -> None:
    """The caller's connection is left open, without a transaction, as it was."""
    scene.accounts(1)
    scene.warehouse.execute("SET TimeZone = 'Asia/Tokyo'")
    scene.sync("Account")
    with closing(scene.warehouse.cursor()):
        assert scene.scalar("SELECT 1") == 1
    (zone,) = scene.warehouse.execute(
        "SELECT current_setting('TimeZone')"
    ).fetchone() or ("",)
    assert zone == "Asia/Tokyo"


def test_a_record_erased_while_pages_are_read(scene: Scene) -> None:
    """A query from under which a record vanishes is started again, and is right."""
    ids = scene.accounts(3 * PAGE_ROWS)

    def erase_once(event: Event) -> None:
        if isinstance(event, Progress) and ids:
            scene.org.hard_delete(ids[-1])
            ids.clear()

    report = sync(
        "Account",
        salesforce=scene.client,
        warehouse=scene.warehouse,
        listener=erase_once,
    )
    assert report.objects[0].read == 3 * PAGE_ROWS - 1
    scene.check("Account")
