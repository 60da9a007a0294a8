"""Bulk queries: a job is made once, waited for, and cleaned up."""

import json

import pytest
from tests.unit.salesforce.jobs import ID, JOB, job, job_body, refusal

from lht.exceptions import (
    BulkJobError,
    BulkRefusedError,
    SalesforceAPIError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.salesforce.bulk_query import (
    abort_job,
    create_job,
    delete_ended_job,
    delete_job,
    iter_result_pages,
    read_job,
    wait_for_job,
)


def test_a_job_is_made_as_wanted(org, client):
    """The job asks for deleted rows too, in the dialect that we read."""
    org.on("POST", "jobs/query", job_body())
    made = create_job(client, "SELECT Id FROM Account")
    assert (made.id, made.state, made.api_version) == (ID, "UploadComplete", "62.0")
    assert json.loads(org.calls()[0].body) == {
        "operation": "queryAll",
        "query": "SELECT Id FROM Account",
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }


REFUSALS = [
    (
        "INVALIDENTITY",
        "Entity 'CaseStatus' is not supported by the Bulk API.",
        "object",
    ),
    ("API_ERROR", "Implementation restriction: ...", "object"),
    ("API_ERROR", "entity type X does not support query", "object"),
    ("API_ERROR", "Selecting compound data not supported in Bulk Query", "field"),
    ("API_ERROR", "Aggregate Relationships not supported in Bulk Query", "field"),
]


@pytest.mark.parametrize(("code", "message", "reason"), REFUSALS)
def test_what_bulk_does_not_do_is_told_apart(org, client, code, message, reason):
    """An object or field that Bulk refuses can be taken through REST instead."""
    org.on("POST", "jobs/query", refusal(org, 400, code, message))
    with pytest.raises(BulkRefusedError) as caught:
        create_job(client, "SELECT Id FROM X")
    assert caught.value.reason == reason
    assert (caught.value.error_code, caught.value.why) == (code, message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("LIMIT_EXCEEDED", "no more"),
        ("X", "Max bulk v2 query jobs (10000) per 24 hrs has been reached"),
        ("X", "Max bulk v2 query result size stored (1000000000) kb per 24 hrs has"),
        ("X", "ExceededQuota : ..."),
    ],
)
def test_a_used_up_quota_stops(org, client, code, message):
    """With the quota used up, nothing is tried another way."""
    org.on("POST", "jobs/query", refusal(org, 400, code, message))
    with pytest.raises(SalesforceLimitError) as caught:
        create_job(client, "SELECT Id FROM X")
    assert caught.value.exit_code == 5
    assert len(org.calls()) == 1


def test_other_refusals_stay_what_they_are(org, client):
    """A mistake in the query is no peculiarity of Bulk."""
    org.on("POST", "jobs/query", refusal(org, 400, "INVALID_FIELD", "No such column"))
    with pytest.raises(SalesforceAPIError) as caught:
        create_job(client, "SELECT X FROM X")
    assert not isinstance(caught.value, BulkRefusedError)


def test_a_job_is_looked_for_among_jobs_only(org, client):
    """Whatever stands for a job's id, nothing else of the org is asked for."""
    with pytest.raises(SalesforceAPIError):
        read_job(client, "../../limits?x")
    assert org.calls()[0].path == org.api + "jobs/query/..%2F..%2Flimits%3Fx"


@pytest.mark.parametrize(
    "body", [[], {}, b"", job_body(apiVersion="new"), job_body(createdDate=None)]
)
def test_a_job_of_another_shape_is_an_outage(org, client, body):
    """What does not describe a job is never half understood."""
    org.on("POST", "jobs/query", body)
    org.on("GET", JOB, body)
    org.on("GET", f"{JOB}/resultPages", [])
    with pytest.raises(SalesforceUnavailableError):
        create_job(client, "SELECT Id FROM X")
    with pytest.raises(SalesforceUnavailableError):
        read_job(client, ID)
    with pytest.raises(SalesforceUnavailableError):
        list(iter_result_pages(client, job()))


def test_a_job_is_never_made_twice(org, client):
    """Where an answer is lost, there may be a job: none is made again."""
    org.on("POST", "jobs/query", org.Reply(job_body(), cut=10))
    with pytest.raises(SalesforceUnavailableError):
        create_job(client, "SELECT Id FROM X")
    assert len(org.calls()) == 1


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def monotonic(self):
        return self.now


def wait(client, deadline, version="62.0", **more):
    clock = Time()
    done = wait_for_job(
        client,
        job("UploadComplete", version=version),
        deadline_seconds=deadline,
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        **more,
    )
    return done, clock


def test_a_job_is_waited_for(org, client):
    """Waits grow, every state is told, the finished job is returned."""
    busy = job_body("InProgress", numberRecordsProcessed=0)
    done = job_body("JobComplete", numberRecordsProcessed=7)
    org.on("GET", JOB, job_body(), *[busy] * 20, done)
    seen = []

    last, clock = wait(client, 3600, on_state=lambda j, s: seen.append((j.state, s)))

    assert (last.state, last.rows_processed) == ("JobComplete", 7)
    assert [s for s, _ in seen] == [
        "UploadComplete",
        *["InProgress"] * 20,
        "JobComplete",
    ]
    assert seen[-1][1] == pytest.approx(sum(clock.pauses))
    assert 0.05 < clock.pauses[0] < 0.2
    assert 20 < clock.pauses[-1] <= 36


@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_a_job_that_ends_badly_is_an_error(org, client, state):
    """Salesforce's own words about the failure reach the user."""
    said = "InvalidBatch : Failed to process query"
    org.on("GET", JOB, job_body(state, errorMessage=said, numberRecordsProcessed=3))
    with pytest.raises(BulkJobError, match=f"{ID} as {state}") as caught:
        wait(client, 3600)
    error = caught.value
    assert (error.state, error.rows_processed, error.why) == (state, 3, said)


def test_waiting_ends_at_the_deadline(org, client):
    """A job that takes too long is left alone in the org, and that is said."""
    org.on("GET", JOB, job_body("InProgress"))
    waited = []
    with pytest.raises(BulkJobError, match="still InProgress") as caught:
        wait(client, 60, on_state=lambda _, s: waited.append(s))
    assert "later run" in caught.value.hint
    assert waited[-1] == pytest.approx(60)
    assert {r.method for r in org.calls()} == {"GET"}


def test_a_job_keeps_its_version(org, client):
    """All requests about a job go to the version that it was made with."""
    old = f"/services/data/v58.0/jobs/query/{ID}"
    org.on("GET", old, job_body("JobComplete", apiVersion=58))
    org.on("DELETE", old, status=204)
    wait(client, 60, version="58.0")
    found = read_job(client, ID, api_version="58.0")
    assert found.api_version == "58.0"
    delete_job(client, found)
    assert {r.path for r in org.calls()} == {old}


def test_deleting_what_is_gone_is_fine(org, client):
    """Cleaning up twice is no error; a job still running is one."""
    running = refusal(org, 400, "API_ERROR", "the job is not terminated")
    org.on("DELETE", JOB, refusal(org, 404, "NOT_FOUND"), running)
    delete_job(client, job())
    with pytest.raises(SalesforceAPIError):
        delete_job(client, job())


def test_a_job_is_deleted_if_it_has_ended(org, client):
    """Gone already is gone; one that still runs stays, and is said to be there."""
    running = refusal(org, 400, "API_ERROR", "the job is not terminated")
    gone = refusal(org, 404, "NOT_FOUND")
    org.on("DELETE", JOB, org.Reply(status=204), gone, running)
    assert [delete_ended_job(client, ID) for _ in range(3)] == [True, True, False]
    org.on("DELETE", JOB, refusal(org, 403, "INSUFFICIENT_ACCESS"))
    with pytest.raises(SalesforceAPIError):
        delete_ended_job(client, ID)


def test_aborting_what_has_ended_tells_how(org, client):
    """An abort that comes too late returns the state that was reached."""
    late = "Aborting already Completed Job not allowed"
    org.on(
        "PATCH", JOB, job_body("Aborted"), refusal(org, 400, "INVALIDJOBSTATE", late)
    )
    org.on("GET", JOB, job_body("Aborted"), job_body("JobComplete"))
    assert abort_job(client, job("InProgress")).state == "Aborted"
    assert abort_job(client, job("InProgress")).state == "JobComplete"
