"""Pages of a bulk query: every one comes whole, once, and they end."""

import pytest
from tests.unit.salesforce.jobs import JOB, Pages, bodies, job, refusal

from lht.exceptions import (
    BulkJobError,
    DataError,
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceUnavailableError,
)
from lht.retry import MAX_ATTEMPTS
from lht.salesforce.bulk_query import iter_result_pages
from lht.salesforce.client import Client


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
    made = Pages(org, [1] * 30)
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
