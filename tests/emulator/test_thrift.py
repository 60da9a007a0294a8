"""How few API calls a run takes, and that it says so beforehand."""

import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.emulator.faults import BULK, REST, changed_json
from tests.emulator.scene import PAGE_ROWS, Scene

from lht.devorg.faults import Changed, Refused
from lht.events import Event, ObjectCommitted, ObjectStarted
from lht.exceptions import SyncError
from lht.report.values import Change, Status, SyncPlan, SyncReport
from lht.salesforce import bulk_query
from lht.salesforce.describe import list_sobjects
from lht.sync import plan_sync, sync
from lht.sync.plan import Options

MINUTE = timedelta(minutes=1)
POLLS = 3  # that a plan reckons with
TWENTY = 20
PATIENCE_SECONDS = 10.0
FILLED = ("Account", "Contact", "Lead")


def objects(scene: Scene, count: int) -> list[str]:
    """Return as many objects, the first of which hold records."""
    able = [
        s.name
        for s in list_sobjects(scene.client)
        if s.queryable and s.replicateable and not s.deprecated
    ]
    chosen = [*FILLED, *(name for name in able if name not in FILLED)][:count]
    assert len(chosen) == count
    scene.org.generate(dict.fromkeys(FILLED, 3))
    later(scene)
    return chosen


def later(scene: Scene) -> None:
    """Let time go by in the org, and the client hear of it."""
    scene.org.clock.advance(10 * MINUTE)
    scene.client.request("GET", "limits")


def calls(scene: Scene) -> int:
    """Return how many calls the org has counted since its log was cleared."""
    return sum(r.path.startswith("/services/data/v") for r in scene.org.requests)


def kinds(scene: Scene) -> Counter[str]:
    """Return how often each resource was called, without ids."""
    return Counter(
        r.path.rstrip("/").rpartition("/")[2]
        for r in scene.org.requests
        if r.path.startswith("/services/data/v")
    )


def planned(scene: Scene, *names: str, **options: Any) -> SyncPlan:
    given: dict[str, Any] = {"salesforce": scene.client, "warehouse": scene.warehouse}
    return plan_sync(names, **(given | options))


@pytest.mark.parametrize("count", [1, 2, TWENTY])
def test_nothing_new_takes_two_calls_an_object(scene: Scene, count: int) -> None:
    """A run that finds nothing new takes two calls for an object, fewer for many."""
    names = objects(scene, count)
    scene.sync(*names)
    later(scene)
    plan = planned(scene, *names)
    scene.org.requests.clear()
    report = scene.sync(*names)
    assert sum(o.inserted + o.updated for o in report.objects) == 0
    assert calls(scene) <= 2 * count
    assert calls(scene) <= count + 3  # for all: what they are, how many records
    assert plan.estimated_calls == report.api_calls == calls(scene)
    assert plan.objects[0].change is Change.NOTHING
    assert {o.api_calls for o in report.objects} == {1}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("mode", ["auto", "full"])
def test_the_forecast_of_a_load_by_rest_is_exact(
    scene: Scene, count: int, mode: str
) -> None:
    """What a plan says of calls is what the org counts."""
    names = objects(scene, count)
    plan = planned(scene, *names, mode=mode)
    scene.org.requests.clear()
    report = scene.sync(*names, mode=mode)
    assert {o.via for o in report.objects} == {"rest"}
    assert plan.estimated_calls == report.api_calls == calls(scene)


def polls(scene: Scene) -> int:
    return sum(
        r.method == "GET" and "/jobs/query/" in r.path and r.path.count("/") == 6
        for r in scene.org.requests
    )


@pytest.mark.parametrize("org", [{"bulk_page_rows": 10_000}], indirect=True)
@pytest.mark.parametrize("again", [False, True], ids=["first", "more"])
def test_the_forecast_of_a_bulk_load_is_exact_but_for_the_polls(
    scene: Scene, *, again: bool
) -> None:
    """Only how often a job is asked for its state is not known before."""
    if again:
        objects(scene, 1)
        scene.sync("Account")
    scene.accounts(2_100)
    later(scene)
    plan = planned(scene, "Account")
    scene.org.requests.clear()
    report = scene.sync("Account")
    assert [o.via for o in plan.objects] == [o.via for o in report.objects] == ["bulk"]
    assert plan.estimated_calls - POLLS == report.api_calls - polls(scene)
    assert report.api_calls == calls(scene)


def test_calls_of_the_run_and_of_its_objects_add_up(scene: Scene) -> None:
    """A receipt has all calls of the object but that which deletes its job."""
    names = objects(scene, 3)
    plan = planned(scene, *names)
    for options, deletes in ((REST, 0), (BULK, len(names))):
        report = scene.sync(*names, mode="full", options=options)
        own = sum(o.api_calls for o in report.objects)
        assert report.api_calls == plan.shared_calls + own + deletes


def test_what_is_counted_by_is_loaded(scene: Scene) -> None:
    """The query that tells how many rows there are brings them, too."""
    scene.accounts(3)
    later(scene)
    scene.sync("Account")
    later(scene)
    scene.accounts(PAGE_ROWS + 5, "new")
    later(scene)
    scene.org.requests.clear()
    receipt = scene.synced("Account")
    assert (receipt.via, receipt.estimated_rows) == ("rest", PAGE_ROWS + 5)
    assert kinds(scene)["queryAll"] == 1
    scene.check("Account")


def test_many_rows_are_left_to_bulk(scene: Scene) -> None:
    """Where the first page tells of more than REST is for, Bulk brings them all."""
    scene.accounts(3)
    later(scene)
    scene.sync("Account")
    later(scene)
    scene.accounts(PAGE_ROWS, "new")
    later(scene)
    receipt = scene.synced("Account", options=Options(bulk_threshold=PAGE_ROWS))
    assert (receipt.via, receipt.read) == ("bulk", PAGE_ROWS)
    scene.check("Account")


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "QUERY_TOO_COMPLICATED"])
def test_what_is_too_much_for_rest_is_left_to_bulk(scene: Scene, code: str) -> None:
    """A query that Salesforce gives up on is one for Bulk."""
    scene.accounts(3)
    scene.sync("Account")
    later(scene)
    scene.accounts(3, "new")
    scene.org.faults.add(Refused(path="query", status=400, code=code, message="no"))
    receipt = scene.synced("Account")
    assert (receipt.via, receipt.estimated_rows) == ("bulk", None)
    scene.check("Account")


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "NOT_FOUND"), (400, "LIMIT_EXCEEDED"), (403, "FUNCTIONALITY_NOT_ENABLED")],
)
def test_an_org_without_composite_is_asked_one_by_one(
    scene: Scene, status: int, code: str
) -> None:
    """What cannot be asked together is asked alone, and all is right."""
    names = objects(scene, 3)
    wrong = Refused(path="/composite", status=status, code=code, message="no")
    scene.org.faults.add(wrong)
    assert scene.sync(*names).status is Status.SUCCEEDED
    assert kinds(scene)["describe"] == kinds(scene)["updated"] == len(names)
    scene.check(*names)


BUSY = [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]


@pytest.mark.parametrize("which", [0, 3])
@pytest.mark.parametrize("lost", [False, True], ids=["busy", "lost"])
def test_an_answer_that_is_missing_among_others_is_asked_for(
    scene: Scene, which: int, *, lost: bool
) -> None:
    """One answer that did not come costs one call, and nothing else."""
    names = objects(scene, 2)

    def change(body: Any) -> Any:
        parts = body["compositeResponse"]
        parts[which] |= {"httpStatusCode": 503, "body": BUSY}
        kept = [p for p in parts if p is not parts[which]]
        return {"compositeResponse": kept if lost else parts}

    scene.org.faults.add(Changed(path="/composite", change=changed_json(change)))
    scene.org.requests.clear()
    scene.sync(*names)
    assert kinds(scene)["describe"] + kinds(scene)["updated"] == 1
    scene.check(*names)


def errors(report: SyncReport) -> dict[str, Any]:
    """Return what failed, but for what differs from run to run."""
    return {
        o.sobject: replace(o.error, context={}, state=None)
        for o in report.objects
        if o.error
    }


def test_an_object_that_cannot_be_described_fails_alone(scene: Scene) -> None:
    """One bad name among good ones has the error that it has alone."""
    scene.accounts(3)
    with pytest.raises(SyncError) as alone:
        scene.sync("Acount")
    with pytest.raises(SyncError) as among:
        scene.sync("Contact", "Acount", "Account")
    assert errors(among.value.report) == errors(alone.value.report)
    assert errors(alone.value.report)["Acount"].hint == "did you mean Account?"
    scene.check("Account", "Contact")


def test_names_of_any_case_are_asked_about_together(scene: Scene) -> None:
    """What is spelled otherwise costs no call more."""
    scene.accounts(3)
    scene.org.requests.clear()
    scene.sync("aCCOUNT", "contact")
    assert not kinds(scene).keys() & {"describe", "updated"}
    scene.check("Account", "Contact")


def test_a_signpost_that_has_waited_is_read_anew(scene: Scene) -> None:
    """An object whose turn comes late goes by a signpost of its own time."""
    names = objects(scene, 3)
    scene.org.requests.clear()

    def tell(event: Event) -> None:
        if isinstance(event, ObjectCommitted):
            scene.org.clock.advance(2 * MINUTE)

    report = sync(
        names,
        salesforce=scene.client,
        warehouse=scene.warehouse,
        max_parallel=1,
        listener=tell,
    )
    assert kinds(scene)["updated"] == 1  # the second has not heard the time yet
    ends = [o.complete_up_to for o in report.objects if o.complete_up_to]
    assert max(ends) - min(ends) >= 2 * MINUTE
    scene.check(*names)


def test_a_query_that_is_started_again_has_a_new_signpost(scene: Scene) -> None:
    """No signpost lies before the query that it is meant for is given up."""
    scene.accounts(2 * PAGE_ROWS)
    wrong = Refused(
        path="more", status=400, code="INVALID_QUERY_LOCATOR", message="gone", times=1
    )
    scene.org.faults.add(wrong)
    scene.org.requests.clear()
    scene.sync("Account", options=REST)
    assert kinds(scene)["updated"] == 1
    assert kinds(scene)["queryAll"] == 2
    scene.check("Account")


@pytest.mark.parametrize("options", [REST, BULK], ids=["rest", "bulk"])
def test_the_largest_object_begins_first(scene: Scene, options: Options) -> None:
    """Objects begin by falling size, and are told of in the order they were named."""
    sizes = {"Contact": 5, "Account": 40, "Lead": 20}
    scene.org.generate(sizes)
    report = scene.sync(*sizes, max_parallel=1, options=options)
    begun = [e.sobject for e in scene.events if isinstance(e, ObjectStarted)]
    assert begun == ["Account", "Lead", "Contact"]
    assert [o.sobject for o in report.objects] == list(sizes)


def test_all_jobs_are_waited_for_together(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Salesforce prepares one object's rows, others are begun."""
    scene.org.generate(dict.fromkeys(FILLED, 3))
    all_wait = threading.Barrier(len(FILLED))
    wait_for_job = bulk_query.wait_for_job

    def wait(*job: Any, **how: Any) -> bulk_query.QueryJob:
        all_wait.wait(PATIENCE_SECONDS)
        return wait_for_job(*job, **how)

    monkeypatch.setattr(bulk_query, "wait_for_job", wait)
    scene.sync(*FILLED, max_parallel=1, options=BULK)
    scene.check(*FILLED)


def test_a_plan_tells_its_calls(scene: Scene) -> None:
    """The total is in the words and in the document, with what is shared by all."""
    names = objects(scene, 3)
    plan = planned(scene, *names)
    assert plan.shared_calls == 2
    assert f"{plan.estimated_calls} API calls (2 for all objects) of " in str(plan)
    result = json.loads(json.dumps(plan.to_dict()))["result"]
    told = sum(o["estimated_calls"] for o in result["objects"])
    assert result["estimated_calls"] == told + result["shared_calls"]
