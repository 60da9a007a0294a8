"""What may happen to a table, a field, a job or a lease between two runs."""

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.emulator.scene import NOW, Scene

from lht.events import Event
from lht.exceptions import ConfigError, SalesforceAPIError, SyncError
from lht.report.values import Status, SyncMode
from lht.salesforce import bulk_query, describe
from lht.salesforce.client import Client
from lht.salesforce.describe import read_sobject
from lht.salesforce.soql import build_query
from lht.schema import SObjectSchema
from lht.sync import extract, load, runs, sync
from lht.sync.plan import Options
from lht.typemap import table_schema

HOUR = timedelta(hours=1)
BULK: dict[str, Any] = {"options": Options(force_bulk=True)}


def error_code(scene: Scene, **options: Any) -> str:
    """Sync accounts, which must fail; return the code of the error."""
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", **options)
    (receipt,) = caught.value.report.objects
    assert receipt.error is not None
    return receipt.error.code


def test_a_field_that_was_hidden_for_a_while(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changed while a field could not be read arrives when it can be again."""
    ids = scene.accounts(3)
    scene.sync("Account")

    def without_name(client: Client, name: str) -> SObjectSchema:
        found = read_sobject(client, name)
        return replace(found, fields=tuple(f for f in found.fields if f.name != "Name"))

    scene.org.update("Account", ids[0], {"Name": "Renamed"})
    scene.org.clock.advance(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(describe, "read_sobject", without_name)
        hidden = scene.synced("Account")
    assert any("Name" in note for note in hidden.notes)
    scene.org.clock.advance(HOUR)
    assert scene.synced("Account").mode is SyncMode.FULL
    scene.check("Account")


def test_stamps_ahead_of_salesforce_do_not_hide_changes(scene: Scene) -> None:
    """A table with local times is adopted, and what changes is read, once and later."""
    (account,) = scene.accounts(1)
    scene.warehouse.execute(
        "CREATE SCHEMA RAW; CREATE TABLE RAW.Account (Id VARCHAR, Name VARCHAR,"
        " SystemModstamp TIMESTAMP, LastModifiedDate TIMESTAMP)"
    )
    ahead = NOW.replace(tzinfo=None) + 5 * HOUR
    scene.warehouse.execute(
        "INSERT INTO RAW.Account VALUES (?, 'old', ?, ?)", [account, ahead, ahead]
    )
    scene.sync("Account")
    scene.org.clock.advance(HOUR)
    scene.accounts(2, "late")
    scene.org.clock.advance(HOUR)
    scene.sync("Account")
    scene.check("Account")


def test_a_match_field_may_change_its_value(scene: Scene) -> None:
    """A record matched by another field stays one row when that field changes."""
    ids = scene.accounts(3)
    by_name = Options(key="NAME")
    scene.sync("Account", options=by_name)
    scene.org.update("Account", ids[0], {"Name": "Renamed"})
    scene.org.clock.advance(HOUR)
    receipt = scene.synced("Account", options=by_name)
    assert (receipt.inserted, receipt.updated) == (0, 1)
    scene.check("Account")
    scene.org.update("Account", ids[1], {"Name": "Renamed"})
    assert error_code(scene, options=by_name) == "duplicate_key"


def test_short_ids_are_not_matched_with_long_ones(scene: Scene) -> None:
    """A table with Ids of 15 characters is refused, not doubled."""
    (account,) = scene.accounts(1)
    scene.warehouse.execute(
        "CREATE SCHEMA RAW; CREATE TABLE RAW.Account (Id VARCHAR,"
        " LastModifiedDate TIMESTAMP)"
    )
    row = [account[:15], NOW.replace(tzinfo=None)]
    scene.warehouse.execute("INSERT INTO RAW.Account VALUES (?, ?)", row)
    assert error_code(scene) == "data"
    assert scene.scalar("SELECT count(*) FROM RAW.Account") == 1


def test_rows_that_others_loaded_are_not_replaced(scene: Scene) -> None:
    """A table that cannot be gone on from is left alone until --full."""
    scene.accounts(2)
    scene.warehouse.execute(
        "CREATE SCHEMA RAW; CREATE TABLE RAW.Account AS SELECT 'x' AS Id, 7 AS mine"
    )
    assert error_code(scene) == "config"
    assert scene.scalar("SELECT mine FROM RAW.Account") == 7
    scene.sync("Account", mode="full")
    scene.check("Account")


def test_a_job_of_unknown_content_moves_no_watermark(scene: Scene) -> None:
    """What a caller's own job left out, or put back, arrives with the next run."""
    ids = scene.accounts(5)
    scene.sync("Account")
    scene.org.clock.advance(HOUR)
    scene.accounts(5, "new")
    scene.org.delete(ids[0])
    columns = table_schema(read_sobject(scene.client, "Account"), None).names
    some = build_query("Account", columns, where="Name = 'new 1'")
    job = bulk_query.create_job(scene.client, some)
    scene.org.clock.advance(HOUR)
    receipt = scene.synced("Account", options=Options(existing_job_id=job.id))
    assert (receipt.read, receipt.job_ids) == (1, (job.id,))
    scene.org.clock.advance(HOUR)
    assert scene.synced("Account").read >= 6
    scene.check("Account")


def test_a_full_load_from_an_unknown_job_is_followed_by_another(scene: Scene) -> None:
    """A table made of a caller's own job is complete up to no known moment."""
    scene.accounts(3)
    columns = table_schema(read_sobject(scene.client, "Account"), None).names
    job = bulk_query.create_job(scene.client, build_query("Account", columns))
    scene.org.clock.advance(HOUR)
    receipt = scene.synced("Account", options=Options(existing_job_id=job.id))
    assert (receipt.mode, receipt.complete_up_to) == (SyncMode.FULL, None)
    assert scene.synced("Account").mode is SyncMode.FULL
    scene.check("Account")


def test_a_lease_that_is_lost_at_the_last_moment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two runs that both believe to hold a table, one fails to commit."""
    scene.accounts(3)
    scene.sync("Account")
    scene.org.clock.advance(HOUR)
    scene.accounts(2, "new")
    scene.org.clock.advance(HOUR)
    receipt_of, slept = load._receipt, []

    def sleeping(*args: Any, **rest: Any) -> Any:
        if not slept:
            slept.append(True)
            past = "UPDATE LHT.LEASES SET expires_at = '2000-01-01'"
            scene.warehouse.cursor().execute(past)
            assert scene.synced("Account").inserted == 2
        return receipt_of(*args, **rest)

    monkeypatch.setattr(load, "_receipt", sleeping)
    assert error_code(scene) in {"warehouse", "target_busy", "commit_unknown"}
    scene.check("Account")


def test_a_bug_in_one_object_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody thought of is one object's failure, and is told."""
    scene.accounts(2)
    signpost_of = extract.read_signpost

    def failing(client: Client, schema: SObjectSchema) -> Any:
        if schema.name == "Contact":
            raise KeyError("secret of a row")
        return signpost_of(client, schema)

    monkeypatch.setattr(extract, "read_signpost", failing)
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", "Contact")
    account, contact = caught.value.report.objects
    assert (account.status, contact.status) == (Status.SUCCEEDED, Status.FAILED)
    assert contact.error is not None
    assert contact.error.code == "internal"
    assert "secret" not in str(caught.value.report.to_dict())
    assert runs(scene.warehouse)[0].status is Status.PARTIAL
    scene.check("Account")


def test_who_listens_stops_no_run(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """A listener that fails is logged; the run goes on."""

    def failing(_: Event) -> None:
        raise RuntimeError

    scene.accounts(2)
    sync(
        "Account",
        salesforce=scene.client,
        warehouse=scene.warehouse,
        listener=failing,
    )
    assert "a listener failed" in caplog.text
    scene.check("Account")


def test_one_job_that_cannot_be_deleted_keeps_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each job of ours is cleaned up by itself."""
    scene.accounts(3)
    drop, kept = extract.drop_job, []

    def refusing(client: Client, job_id: str, api_version: str | None = None) -> None:
        kept[:] = kept or [job_id]
        if job_id in kept:
            raise SalesforceAPIError("no", status=400)
        drop(client, job_id, api_version)

    monkeypatch.setattr(extract, "drop_job", refusing)
    for _ in range(3):
        scene.synced("Account", **BULK)
        scene.org.clock.advance(HOUR)
    gone = scene.scalar("SELECT count(*) FROM LHT.JOBS WHERE event = 'deleted'")
    assert gone == 2


def test_a_job_that_is_to_be_kept_stays(scene: Scene) -> None:
    """``delete_job=False`` holds for the runs after it too."""
    scene.accounts(3)
    keep = Options(force_bulk=True, keep_job=True)
    (job_id,) = scene.synced("Account", options=keep).job_ids
    scene.org.clock.advance(HOUR)
    scene.synced("Account", **BULK)
    assert bulk_query.read_job(scene.client, job_id).state == "JobComplete"


def test_our_own_schema_is_no_target(scene: Scene) -> None:
    """The state of all tables is not written over."""
    with pytest.raises(ConfigError, match="own"):
        scene.sync("Account", schema="lht", table="JOBS")


def test_a_filter_cannot_hide_deletes(scene: Scene) -> None:
    """Rows in the recycle bin would stay alive in the table for ever."""
    scene.accounts(1)
    assert error_code(scene, where="IsDeleted = false") == "config"


def test_unreadable_state_is_left_behind_by_a_full_load(scene: Scene) -> None:
    """The hint of the error is true: --full starts anew."""
    scene.accounts(2)
    scene.sync("Account")
    scene.warehouse.execute("UPDATE LHT.STATE SET document = '{'")
    assert error_code(scene) == "state"
    scene.sync("Account", mode="full")
    scene.check("Account")


def test_a_stop_while_salesforce_is_down_is_heard(
    client: Client, tmp_path: Path
) -> None:
    """Ctrl-C ends a run at once, also amid the patience for an org that is gone."""
    script = (
        "import sys, lht\n"
        "lht.sync('Account', warehouse=sys.argv[1], salesforce={'access_token':"
        " sys.argv[2], 'instance_url': sys.argv[3]}, listener=lambda e:"
        " print(type(e).__name__, flush=True))\n"
    )
    token = client._session.auth.token()
    gone = "http://127.0.0.1:9"  # nobody listens there
    command = [sys.executable, "-c", script, str(tmp_path / "crm.duckdb")]
    with subprocess.Popen(
        [*command, token.access_token, gone],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "SyncStarted\n"
        threading.Event().wait(1)  # until it waits for the org
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert "SyncInterrupted" in told
