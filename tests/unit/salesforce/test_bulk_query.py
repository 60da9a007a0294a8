"""Bulk queries: a job is made once, waited for, and every page comes whole, once."""

import json
import threading
import time

import pytest
import stamina

from lht.exceptions import (
    BulkJobError,
    BulkRefusedError,
    DataError,
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.retry import MAX_ATTEMPTS
from lht.salesforce.bulk_query import (
    QueryJob,
    abort_job,
    create_job,
    delete_job,
    iter_result_pages,
    read_job,
    wait_for_job,
)
from lht.salesforce.client import Client

ID = "7505g0000002ctXAAQ"
JOB = f"jobs/query/{ID}"


def job_body(state="UploadComplete", **more):
    return {
        "id": ID,
        "operation": "queryAll",
        "object": "Account",
        "createdDate": "2026-11-21T08:00:00.000+0000",
        "state": state,
        "apiVersion": 62.0,
        **more,
    }


def job(state="JobComplete", rows=0, version="62.0"):
    return QueryJob(
        id=ID,
        state=state,
        api_version=version,
        sobject="Account",
        created_at="2026-11-21T08:00:00.000+0000",
        rows_processed=rows,
    )


def refusal(org, status, code, message=""):
    return org.Reply([{"errorCode": code, "message": message}], status)


# -- the job -------------------------------------------------------------------


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


def test_aborting_what_has_ended_tells_how(org, client):
    """An abort that comes too late returns the state that was reached."""
    late = "Aborting already Completed Job not allowed"
    org.on(
        "PATCH", JOB, job_body("Aborted"), refusal(org, 400, "INVALIDJOBSTATE", late)
    )
    org.on("GET", JOB, job_body("Aborted"), job_body("JobComplete"))
    assert abort_job(client, job("InProgress")).state == "Aborted"
    assert abort_job(client, job("InProgress")).state == "JobComplete"


# -- its pages -----------------------------------------------------------------


class Pages:
    """The result of a job: so many rows on each page, listed and chained."""

    def __init__(self, org, sizes, **reply):
        self.org = org
        self.sizes = sizes
        self.bodies = [
            b'"Id"\n' + b"".join(b'"%d-%d"\n' % (p, r) for r in range(n))
            for p, n in enumerate(sizes)
        ]
        self.listed = [f"page{p}" for p in range(len(sizes))]
        for number, name in enumerate(self.listed):
            org.on("GET", f"{JOB}/{name}", self.reply(number, **reply))
        self.list()

    def reply(self, number, **more):
        headers = {"Sforce-NumberOfRecords": str(self.sizes[number])}
        headers |= more.pop("headers", {})
        return self.org.Reply(
            self.bodies[number], headers=headers, **{"gzipped": True, **more}
        )

    def list(self, at_once=5):
        """Offer the pages in lists of a few, as ``resultPages`` does."""
        path = f"{self.org.api}{JOB}/resultPages"
        groups = [
            self.listed[i : i + at_once] for i in range(0, len(self.listed), at_once)
        ] or [[]]
        for number, group in enumerate(groups):
            urls = [{"resultUrl": f"{self.org.api}{JOB}/{name}"} for name in group]
            following = f"{self.org.api}{JOB}/resultpages{number + 1}"
            last = number == len(groups) - 1
            body = {"resultPages": urls, "done": last}
            self.org.on(
                "GET", path, body | ({} if last else {"nextRecordsUrl": following})
            )
            path = following

    def chain(self):
        """Offer the pages by locators only."""
        last = len(self.sizes) - 1
        replies = [
            self.reply(n, headers={"Sforce-Locator": "null" if n == last else f"L{n}"})
            for n in range(len(self.sizes))
        ]
        self.org.on("GET", f"{JOB}/results", *replies)

    def only_chain(self):
        """Offer the pages one after the other and no list of them."""
        self.chain()
        refused = refusal(self.org, 404, "NOT_FOUND")
        self.org.on("GET", f"{JOB}/resultPages", refused)

    @property
    def job(self):
        return job(rows=sum(self.sizes))


def bodies(pages):
    return sorted(p.body for p in pages)


def test_every_page_comes_once(org, client):
    """Over several lists of pages, each page comes whole and once."""
    made = Pages(org, [3] * 12)
    pages = list(iter_result_pages(client, made.job))
    assert bodies(pages) == sorted(made.bodies)
    assert sorted(p.index for p in pages) == list(range(12))
    assert {p.rows for p in pages} == {3}
    sizes = {r.index: r.size_bytes for r in pages}
    assert sizes[0] == len(made.reply(0).wire)
    assert len(org.calls()) == 12 + 3


@pytest.mark.parametrize("status", [400, 404])
def test_without_a_list_locators_lead_on(org, client, status):
    """Where Salesforce lists no pages, the same rows come one page after the other."""
    made = Pages(org, [3, 1, 2])
    made.chain()
    org.on("GET", f"{JOB}/resultPages", refusal(org, status, "NOT_FOUND"))
    pages = list(iter_result_pages(client, made.job))
    assert [p.body for p in pages] == made.bodies
    asked = [r.query.get("locator") for r in org.calls(f"{JOB}/results")]
    assert asked == [None, "L0", "L1"]


def test_an_old_job_has_locators_only(org):
    """A job older than lists of pages is read in its own version."""
    with Client(org.credentials(), api_version="57.0") as client:
        org.versions = ["57.0"]
        path = f"/services/data/v57.0/{JOB}/results"
        headers = {"Sforce-NumberOfRecords": "1", "Sforce-Locator": "null"}
        org.on("GET", path, org.Reply(b'"Id"\n"1"\n', headers=headers))
        (page,) = iter_result_pages(client, job(rows=1, version="57.0"))
        assert page.body == b'"Id"\n"1"\n'
        assert [r.path for r in org.calls()] == [path]


def test_no_rows_are_a_result(org, client):
    """A job without rows has a page with the header alone, or none."""
    made = Pages(org, [0])
    (page,) = iter_result_pages(client, made.job)
    assert (page.rows, page.body) == (0, b'"Id"\n')
    assert list(iter_result_pages(client, Pages(org, []).job)) == []


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("difference", [-1, 1])
def test_pages_that_do_not_add_up_stop_the_run(org, client, listed, difference):
    """One row more or less than the job reported is an error."""
    made = Pages(org, [3, 2])
    if not listed:
        made.only_chain()
    wrong = job(rows=5 + difference)
    with pytest.raises(RowCountMismatchError):
        list(iter_result_pages(client, wrong))


def test_a_page_missing_from_the_list_is_noticed(org, client):
    """A list that forgets a page does not pass."""
    made = Pages(org, [3, 2])
    made.listed.pop()
    made.list()
    with pytest.raises(RowCountMismatchError, match="reported 5 rows"):
        list(iter_result_pages(client, made.job))


@pytest.mark.parametrize("damage", ["cut", "flipped", "short gzip", "empty"])
def test_a_damaged_page_is_fetched_again(org, client, damage):
    """Whatever happens to a page on the way, its rows come whole and once."""
    made = Pages(org, [50, 50])
    wire = made.reply(0).wire
    coded = {"Content-Encoding": "gzip", "Sforce-NumberOfRecords": "50"}
    bad = {
        "cut": made.reply(0, cut=40),
        "flipped": org.Reply(wire[:-8] + bytes([wire[-8] ^ 1]) + wire[-7:], 200, coded),
        "short gzip": org.Reply(wire[:-9], 200, coded),
        "empty": org.Reply(b"", 200, coded),
    }[damage]
    org.on("GET", f"{JOB}/page0", bad, made.reply(0))
    pages = list(iter_result_pages(client, made.job))
    assert bodies(pages) == sorted(made.bodies)
    assert len(org.calls(f"{JOB}/page0")) == 2


def test_a_page_that_stays_damaged_ends_the_run(org, client):
    """After a bounded number of attempts a bad page is an error."""
    made = Pages(org, [50, 50])
    org.on("GET", f"{JOB}/page1", made.reply(1, cut=9))
    with pytest.raises(SalesforceUnavailableError):
        list(iter_result_pages(client, made.job))
    assert len(org.calls(f"{JOB}/page1")) == MAX_ATTEMPTS


def test_a_page_whose_rows_do_not_fit_is_fetched_again(org, client):
    """A page found short by its reader is asked for once more."""
    made = Pages(org, [4])
    short = made.reply(0)
    short.body = short.body[:-6]
    org.on("GET", f"{JOB}/page0", short, made.reply(0))

    def decode(page):
        rows = page.body.count(b"\n") - 1
        if rows != page.rows:
            raise RowCountMismatchError("short")
        return rows

    assert list(iter_result_pages(client, made.job, transform=decode)) == [4]


def test_an_ended_session_is_no_end_of_pages(org, client):
    """A session that ends between pages is renewed once, and no page is lost."""
    made = Pages(org, [1] * 8)
    pages = iter_result_pages(client, made.job)
    first = next(pages)
    org.expire_sessions()
    assert bodies([first, *pages]) == sorted(made.bodies)
    assert org.tokens_issued == 2


def test_only_finished_jobs_have_pages(org, client):
    """Asking an unfinished job for pages sends nothing."""
    with pytest.raises(BulkJobError, match="InProgress"):
        next(iter_result_pages(client, job("InProgress")))
    assert not org.requests


# -- its threads ---------------------------------------------------------------


def page_threads():
    return [t for t in threading.enumerate() if t.name.startswith("lht-page")]


def test_transformation_is_done_by_the_threads(org, client):
    """Pages are transformed in parallel, off the consumer's thread."""
    made = Pages(org, [1] * 6)
    both = threading.Barrier(2, timeout=5)

    def transform(page):
        both.wait()  # passes only if two pages are transformed at the same time
        return page.index, threading.current_thread().name

    done = list(iter_result_pages(client, made.job, transform=transform))
    assert sorted(i for i, _ in done) == list(range(6))
    assert all(name.startswith("lht-page") for _, name in done)
    assert page_threads() == []


@pytest.mark.parametrize("listed", [True, False])
def test_few_pages_are_in_memory(org, client, listed):
    """However slow the consumer, no more pages are in flight than allowed."""
    made = Pages(org, [1] * 10)
    if not listed:
        made.only_chain()
    lock = threading.Lock()
    in_flight = [0]
    most = [0]

    def transform(page):
        with lock:
            in_flight[0] += 1
            most[0] = max(most[0], in_flight[0])
        return page

    pages = iter_result_pages(client, made.job, transform=transform, max_in_flight=3)
    for _ in pages:
        time.sleep(0.01)  # noqa: TID251  a slow consumer
        with lock:
            in_flight[0] -= 1
    assert most[0] <= 3


@pytest.mark.parametrize("listed", [True, False])
def test_a_consumer_may_leave(org, client, listed):
    """Threads end, and fetch no more, when the consumer stops early."""
    made = Pages(org, [1] * 20)
    if not listed:
        made.only_chain()
    pages = iter_result_pages(client, made.job)
    next(pages)
    pages.close()
    assert page_threads() == []
    assert len(org.calls()) < 8


def test_nobody_waits_for_an_unwanted_page(org, client):
    """A page that is still arriving does not keep a leaving consumer."""
    made = Pages(org, [1, 2000, 1])
    enough = threading.Event()
    slow = made.reply(1, gzipped=False, drip=enough)
    org.on("GET", f"{JOB}/page1", slow)
    fallback = threading.Timer(5, enough.set)
    fallback.start()

    pages = iter_result_pages(client, made.job)
    next(pages)
    pages.close()

    assert not enough.is_set()
    enough.set()
    fallback.cancel()
    fallback.join()


def test_pages_not_begun_are_never_fetched(org, client):
    """Of the pages that wait for a thread, none is begun for a consumer who left."""
    made = Pages(org, [1] * 20)
    begun = iter_result_pages(client, made.job, max_in_flight=12, workers=1)
    next(begun)
    begun.close()
    fetched = [r for r in org.calls() if "/page" in r.path]
    assert len(fetched) < 11


def test_a_failure_in_one_page_ends_the_others(org, client):
    """The first error is the one told; no thread outlives it."""
    made = Pages(org, [1] * 20)

    def transform(page):
        if page.index == 3:
            raise ValueError("boom")
        return page

    with pytest.raises(ValueError, match="boom"):
        list(iter_result_pages(client, made.job, transform=transform))
    assert page_threads() == []
    assert len(org.calls()) < 12


# -- pages without end ---------------------------------------------------------


def test_a_locator_that_leads_back_is_noticed(org, client):
    """Pages that never end are an error at once, also where they hold no rows."""
    for rows in (2, 0):
        made = Pages(org, [rows])
        made.only_chain()
        chained = {"Sforce-Locator": "SAME"}
        org.on("GET", f"{JOB}/results", made.reply(0, headers=chained))
        with pytest.raises(RowCountMismatchError):
            list(iter_result_pages(client, job(rows=10**6)))
        assert len(org.calls(f"{JOB}/results")) <= 4


def test_more_rows_than_reported_are_not_read_on(org, client):
    """The surplus page is the last one asked for, and is not handed out."""
    made = Pages(org, [2] * 50)
    made.only_chain()
    pages = iter_result_pages(client, job(rows=4))
    assert [next(pages).rows, next(pages).rows] == [2, 2]
    with pytest.raises(RowCountMismatchError, match="reported 4 rows"):
        next(pages)
    assert len(org.calls(f"{JOB}/results")) < 6


def test_a_list_that_leads_nowhere_ends(org, client):
    """A list without pages has no list after it."""
    path = f"{JOB}/resultPages"
    body = {"resultPages": [], "done": False, "nextRecordsUrl": org.api + path}
    org.on("GET", path, body)
    with pytest.raises(RowCountMismatchError):
        list(iter_result_pages(client, job(rows=1)))


@pytest.mark.parametrize("number", ["", "many", "-1", "1.5", "9" * 5_000])
def test_a_page_that_does_not_tell_its_rows_is_an_outage(org, client, number):
    """A page is not taken for one of no rows where its number is unreadable."""
    made = Pages(org, [1])
    reply = made.reply(0, headers={"Sforce-NumberOfRecords": number})
    org.on("GET", f"{JOB}/page0", reply)
    with pytest.raises(SalesforceUnavailableError):
        list(iter_result_pages(client, made.job))


@pytest.mark.parametrize("address", ["http://[", "/\x00", "https://evil.example/x"])
def test_a_page_elsewhere_is_not_asked_for(org, client, address):
    """An address that is none, or not within the org, is an error of ours."""
    made = Pages(org, [1])
    body = {"resultPages": [{"resultUrl": address}], "done": True}
    org.on("GET", f"{JOB}/resultPages", body)
    with pytest.raises(SalesforceAPIError):
        list(iter_result_pages(client, made.job))


# -- what is fetched again, and how often --------------------------------------


@pytest.mark.parametrize(
    ("error", "fetches"),
    [(RowCountMismatchError("short"), 3), (DataError("other columns"), 1)],
)
def test_only_damage_is_fetched_again(org, client, error, fetches):
    """A page that does not reconcile is fetched thrice, a wrong one once."""
    made = Pages(org, [4])

    def transform(_):
        raise error

    with pytest.raises(type(error)) as caught:
        list(iter_result_pages(client, made.job, transform=transform))
    assert caught.value is error
    assert len(org.calls(f"{JOB}/page0")) == fetches


def test_one_policy_is_enough(org, client):
    """Trouble of several kinds does not multiply the attempts for a page."""
    made = Pages(org, [4])
    busy = org.Reply([{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}], 503)
    replies = [made.reply(0), *[busy] * 5] * 5
    org.on("GET", f"{JOB}/page0", *replies)

    def transform(_):
        raise RowCountMismatchError("short")

    with pytest.raises(SalesforceUnavailableError):
        list(iter_result_pages(client, made.job, transform=transform))
    assert len(org.calls(f"{JOB}/page0")) == MAX_ATTEMPTS


# -- being stopped -------------------------------------------------------------


@pytest.fixture
def in_earnest():
    """Let retries wait."""
    with stamina.set_testing(False):
        yield


@pytest.mark.usefixtures("in_earnest")
def test_nobody_waits_for_the_retry_of_an_unwanted_page(org, client):
    """A page that is waited for does not keep a leaving consumer."""
    made = Pages(org, [1, 1])
    asked = threading.Event()
    down = org.Reply(b"", 503, {"Retry-After": "30"}, before=asked.set)
    org.on("GET", f"{JOB}/page1", down)
    started = time.monotonic()
    pages = iter_result_pages(client, made.job)
    next(pages)
    assert asked.wait(5)
    pages.close()
    assert time.monotonic() - started < 10
