"""When something goes wrong, nothing has moved, and the error says what to do."""

import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from tests.emulator.comparing import table_rows
from tests.emulator.faults import BULK, REST, Fault, faults
from tests.emulator.scene import Scene

from lht.config import SalesforceConnection
from lht.decode import decode_json
from lht.devorg.faults import Corrupt
from lht.events import Event, ObjectFailed, Progress
from lht.exceptions import ConfigError, LHTError, SalesforceAuthError, SyncError
from lht.report.values import Status
from lht.salesforce import rest_query
from lht.salesforce.auth import AccessInfo
from lht.salesforce.client import Client
from lht.schema import TableSchema
from lht.sync import runs, sync
from lht.sync.plan import Options

ROWS = 250  # of which each load has several pages
FAULTS = pytest.mark.parametrize("fault", list(faults()), ids=lambda fault: fault.name)
WAYS = pytest.mark.parametrize("options", [REST, BULK], ids=["rest", "bulk"])


def changed_since_loaded(scene: Scene, rows: int = ROWS) -> None:
    """Load accounts, then change them all and add some."""
    ids = scene.accounts(rows)
    scene.sync("Account")
    scene.org.clock.advance(600)
    with scene.org.transaction() as transaction:
        for id_ in ids:
            transaction.update("Account", id_, {"Site": "changed"})
    scene.accounts(5, "new")
    scene.org.clock.advance(600)


def as_it_stands(scene: Scene) -> tuple[Any, ...]:
    """Return all that a failed run must leave alone."""
    states = scene.warehouse.execute("SELECT * FROM LHT.STATE ORDER BY seq").fetchall()
    rows = table_rows(scene.warehouse, "RAW.Account")
    return states, rows


@FAULTS
def test_a_table_is_as_it_was(scene: Scene, fault: Fault) -> None:
    """After a fault table and watermark are as before, and the next run is right."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)
    posts = scene.job_posts()
    scene.org.faults.add(fault.wrong)
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", options=fault.options)
    report = caught.value.report
    (receipt,) = report.objects
    assert as_it_stands(scene) == before
    assert (receipt.error.code, report.exit_code) == (fault.code, fault.exit_code)
    assert receipt.error.hint
    assert receipt.error.state.startswith("nothing moved")
    assert any(isinstance(event, ObjectFailed) for event in scene.events)
    remembered = [(o.status, o.error) for o in runs(scene.warehouse)[0].objects]
    assert remembered == [(Status.FAILED, receipt.error)]
    scene.org.faults.clear()
    scene.sync("Account", options=fault.options)
    scene.check("Account")
    if fault.same_job:
        assert scene.job_posts() == posts + 1


def test_a_page_corrupt_once_is_fetched_again(scene: Scene) -> None:
    """A page damaged on its way comes again; the run does not fail."""
    scene.accounts(ROWS)
    scene.org.faults.add(Corrupt(path="results", times=2))
    receipt = scene.synced("Account", options=BULK)
    scene.check("Account")
    assert receipt.read == ROWS


@WAYS
def test_a_session_may_end_in_the_midst(scene: Scene, options: Options) -> None:
    """A session that ends between two pages is renewed, and the run goes on."""
    scene.accounts(ROWS)
    ended: list[Event] = []

    def end_sessions(event: Event) -> None:
        if isinstance(event, Progress) and not ended:
            ended.append(event)
            scene.org.expire_sessions()

    sync(
        "Account",
        salesforce=scene.client,
        warehouse=scene.warehouse,
        listener=end_sessions,
        options=options,
    )
    assert ended
    scene.check("Account")


def test_a_ready_token_that_ends_is_an_error_of_its_own(scene: Scene) -> None:
    """A token that cannot be renewed ends the run with the exit code for logins."""
    token = scene.client._session.auth.token()
    info = {"access_token": token.access_token, "instance_url": token.instance_url}
    scene.accounts(3)
    scene.sync("Account", salesforce=info)
    scene.org.expire_sessions()
    with pytest.raises(LHTError) as caught:
        scene.sync("Account", salesforce=info)
    error = caught.value
    codes = error.report.exit_code if isinstance(error, SyncError) else error.exit_code
    assert codes == SalesforceAuthError.exit_code == 4


def test_a_row_that_is_lost_on_our_side_stops_the_run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Salesforce reports and what is loaded are compared, come what may."""
    changed_since_loaded(scene)
    before = as_it_stands(scene)

    def careless(content: bytes, columns: TableSchema) -> pa.RecordBatch:
        return decode_json(content, columns)[1:]

    monkeypatch.setattr(rest_query, "decode_json", careless)
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", options=REST)
    assert caught.value.report.objects[0].error.code == "row_count_mismatch"
    assert as_it_stands(scene) == before


@pytest.mark.parametrize("org", [{"api_usage_limit": 4}], indirect=True)
def test_a_used_up_quota_is_to_be_tried_later(scene: Scene) -> None:
    """The org's own limit on calls ends a run with the exit code for later."""
    scene.accounts(ROWS)
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", options=REST)
    (receipt,) = caught.value.report.objects
    assert receipt.error.code == "salesforce_limit"
    assert caught.value.report.exit_code == 5


# -- secrets --------------------------------------------------------------------------

ROW_VALUE = "ROW-VALUE-7f3a91"
FILTER_VALUE = "FILTER-VALUE-5c20de"


def everything_said(error: BaseException, scene: Scene) -> Iterator[str]:
    """Yield all that a run told to anybody."""
    yield from traceback.format_exception(error)
    yield repr(error)
    if isinstance(error, SyncError):
        report = error.report
        yield from (str(report), repr(report), json.dumps(report.to_dict()))
        yield report._repr_html_()
    yield repr(scene.client)
    yield repr(scene.client._session.auth)
    yield from map(repr, scene.events)
    for table in ("RUNS", "RECEIPTS", "STATE", "JOBS"):
        yield repr(scene.warehouse.execute(f"SELECT * FROM LHT.{table}").fetchall())


def lines_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged, but for what the org itself logs."""
    return [
        f"{record.getMessage()} {record.args!r}"
        for record in caplog.records
        if not record.name.startswith(("lht.devorg", "uvicorn", "asyncio"))
    ]


@FAULTS
def test_secrets_stay_secret(
    scene: Scene, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """No token, key or row value is in any error, event, log, receipt or repr."""
    caplog.set_level(logging.DEBUG)
    scene.accounts(ROWS, ROW_VALUE)
    scene.org.faults.add(fault.wrong)
    where = f"Name != '{FILTER_VALUE}'"
    with pytest.raises(SyncError) as caught:
        scene.sync("Account", options=replace(fault.options, where=where))
    token = scene.client._session.auth.token().access_token
    logged = lines_logged(caplog)
    assert any("jobs/query" in line or "queryAll" in line for line in logged)
    said = [*everything_said(caught.value, scene), *logged]
    for secret in (token, scene.org.client_secret, ROW_VALUE):
        assert not [text for text in said if secret in text]
    assert not [line for line in logged if FILTER_VALUE in line]


def test_a_constraint_of_the_users_tells_no_values(scene: Scene) -> None:
    """A refusal of the warehouse is told without the values that it quotes."""
    scene.accounts(2)
    scene.sync("Account")
    scene.warehouse.execute("CREATE UNIQUE INDEX one_name ON RAW.Account (Name)")
    for _ in range(2):
        scene.org.insert("Account", {"Name": ROW_VALUE})
    with pytest.raises(SyncError) as caught:
        scene.sync("Account")
    assert caught.value.report.objects[0].error.code == "warehouse"
    assert not [t for t in everything_said(caught.value, scene) if ROW_VALUE in t]


def test_connections_do_not_show_their_secrets(scene: Scene) -> None:
    """What holds a secret does not print it."""
    token = scene.client._session.auth.token()
    secret, access_token = scene.org.client_secret, token.access_token
    info = {"access_token": access_token, "instance_url": token.instance_url}
    holders = [
        SalesforceConnection(url=scene.org.url, client_id="x", client_secret=secret),
        SalesforceConnection(url=scene.org.url, token=access_token),
        AccessInfo(info),
        Client(AccessInfo(info)),
        scene.client,
        scene.client._session.auth,
        token,
    ]
    shown = " ".join(f"{holder!r} {holder!s}" for holder in holders)
    assert secret not in shown
    assert access_token not in shown


@pytest.mark.parametrize(
    "given",
    [{"objects": ["Account", "\udcff"]}, {"where": "\udcff"}, {"fields": [b"x"]}],
)
def test_what_is_no_text_is_refused_before_anything_begins(
    scene: Scene, given: dict[str, Any]
) -> None:
    """A shell's bytes that are no UTF-8 can be neither sent nor remembered."""
    asked = {"objects": "Account", **given}
    with pytest.raises(ConfigError, match=r"is none|not bytes"):
        sync(salesforce=scene.client, warehouse=scene.warehouse, **asked)
    assert runs(scene.warehouse) == []
