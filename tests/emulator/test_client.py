"""The client against an org on this machine: the protocol, whole."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, timedelta

import pytest
from tests.data.soql import quoted

from lht import devorg
from lht.exceptions import (
    BulkRefusedError,
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceLimitError,
)
from lht.salesforce import bulk_query, describe, limits, replication, rest_query, soql
from lht.salesforce.auth import AccessInfo, ClientCredentials
from lht.salesforce.client import Client

ROWS = 2_345
FIELDS = ["Id", "Name", "Description", "AnnualRevenue", "CreatedDate"]
QUERY = soql.build_query("Account", FIELDS)
UNLISTED = "57.0"  # the newest version in which result pages are not listed


@pytest.fixture(scope="module")
def shared_org() -> Iterator[devorg.Org]:
    with devorg.start(rows={"Account": ROWS}, page_size=500, bulk_page_rows=300) as org:
        yield org


@pytest.fixture
def org(shared_org: devorg.Org) -> devorg.Org:
    """The shared org, its record of requests empty."""
    shared_org.requests.clear()
    return shared_org


@pytest.fixture
def client(org: devorg.Org) -> Iterator[Client]:
    with Client(credentials(org)) as client:
        yield client


def credentials(org: devorg.Org) -> ClientCredentials:
    return ClientCredentials(org.url, org.client_id, org.client_secret)


def finished_job(client: Client, query: str = QUERY) -> bulk_query.QueryJob:
    job = bulk_query.create_job(client, query)
    return bulk_query.wait_for_job(client, job, deadline_seconds=30)


def ids_in_csv(page: bulk_query.ResultPage) -> list[str]:
    rows = list(csv.DictReader(io.StringIO(page.body.decode(), newline="")))
    assert len(rows) == page.rows
    return [row["Id"] for row in rows]


def ids_by_rest(client: Client, query: str = QUERY) -> list[str]:
    pages = rest_query.iter_pages(client, query)
    return [r["Id"] for p in pages for r in json.loads(p.content)["records"]]


def all_ids(org: devorg.Org) -> list[str]:
    cursor = org.store.cursor()
    return [
        i for (i,) in cursor.execute("SELECT Id FROM Account ORDER BY Id").fetchall()
    ]


def test_rest_and_bulk_read_every_record_once(org, client):
    """Both ways give the ids that the org holds, deleted ones included."""
    org.delete(all_ids(org)[0])
    held = all_ids(org)
    assert sorted(ids_by_rest(client)) == held

    job = finished_job(client)
    assert job.rows_processed == len(held) >= ROWS
    pages = list(bulk_query.iter_result_pages(client, job))
    assert len(pages) > 5
    assert any(path.lower().endswith("/resultpages") for _, path, _ in org.requests)
    assert sorted(i for p in pages for i in ids_in_csv(p)) == held


def test_locators_give_what_the_list_gives(org):
    """Where pages are not listed, they hold the same records one after the other."""
    with Client(credentials(org), api_version=UNLISTED) as client:
        pages = list(bulk_query.iter_result_pages(client, finished_job(client)))
    assert len(pages) > 5
    assert sorted(i for p in pages for i in ids_in_csv(p)) == all_ids(org)


def test_a_job_of_another_version_is_read(org):
    """A job made in an older version is read to its end, in its own version."""
    with Client(credentials(org), api_version="58.0") as old:
        job = finished_job(old)
    assert job.api_version == "58.0"
    with Client(credentials(org)) as new:
        pages = list(bulk_query.iter_result_pages(new, job))
        assert sorted(i for p in pages for i in ids_in_csv(p)) == all_ids(org)
        bulk_query.delete_job(new, job)


def test_a_result_without_rows_is_whole(client):
    """No rows are a result, through REST and through Bulk."""
    nothing = soql.build_query("Account", ["Id"], where="Name = 'nobody has this name'")
    assert ids_by_rest(client, nothing) == []
    job = finished_job(client, nothing)
    assert job.rows_processed == 0
    assert [ids_in_csv(p) for p in bulk_query.iter_result_pages(client, job)] in (
        [],
        [[]],
    )


@pytest.mark.parametrize("version", ["62.0", UNLISTED])
def test_a_session_may_end_while_pages_arrive(org, version):
    """The session is renewed in the midst of the pages, and no record is missed."""
    with Client(credentials(org), api_version=version) as client:
        # With one connection, few pages have come when the first one is there.
        pages = bulk_query.iter_result_pages(client, finished_job(client), workers=1)
        first = next(pages)
        org.expire_sessions()
        rest = [i for page in pages for i in ids_in_csv(page)]
    assert sorted(ids_in_csv(first) + rest) == all_ids(org)
    logins = [path for _, path, _ in org.requests if path.endswith("/oauth2/token")]
    assert len(logins) == 2


def test_a_token_that_cannot_be_renewed_is_told(org):
    """With a ready token, the end of its session is the end of the run."""
    token = credentials(org).token()
    info = {"access_token": token.access_token, "instance_url": token.instance_url}
    with Client(AccessInfo(info)) as client:
        assert rest_query.count(client, "SELECT COUNT() FROM Account") >= ROWS
        org.expire_sessions()
        with pytest.raises(SalesforceAuthError):
            rest_query.count(client, "SELECT COUNT() FROM Account")


def test_a_wrong_secret_is_told(org):
    """A refused log-in is an auth error with Salesforce's own code."""
    with pytest.raises(SalesforceAuthError) as caught:
        ClientCredentials(org.url, org.client_id, "wrong").token()
    assert caught.value.error_code
    assert "wrong" not in str(caught.value)


def test_long_queries_go_through(org, client):
    """A filter of many ids, far too long for a URL, finds exactly those."""
    wanted = all_ids(org)[:1_500]
    where = f"Id IN ({', '.join(map(quoted, wanted))})"
    query = soql.build_query("Account", ["Id"], where=where)
    assert sorted(ids_by_rest(client, query)) == wanted
    assert any(path.endswith("/composite") for _, path, _ in org.requests)


@pytest.mark.parametrize("text", ['O\'Neill \\ "x"', "a\r\nb\tc", "Zoë 漢字 🎉", "%_"])
def test_quoted_values_find_their_record(org, client, text):
    """A value of any characters, quoted, finds the record that holds it."""
    made = org.insert("Account", {"Name": text})
    query = soql.build_query("Account", ["Id"], where=f"Name = {quoted(text)}")
    assert made in ids_by_rest(client, query)


def test_a_lower_bound_is_inclusive(org, client):
    """Records stamped exactly at the bound are read."""
    made = org.insert("Account", {"Name": "at the bound"})
    stamp = org.store.get("Account", made)["SystemModstamp"]
    query = soql.build_query(
        "Account",
        ["Id"],
        cursor_field="SystemModstamp",
        since=stamp.replace(tzinfo=UTC),
    )
    assert made in ids_by_rest(client, query)


def test_objects_are_described(client):
    """An object is found in any case, and lists hold what can be described."""
    schema = describe.read_sobject(client, "aCCOUNT")
    assert schema.name == "Account"
    assert schema.replicateable
    assert schema.by_name["billingaddress"].compound
    assert schema.by_name["annualrevenue"].type == "currency"
    names = {s.name for s in describe.list_sobjects(client)}
    assert {"Account", "Contact", "Everything__c"} <= names


def test_a_mistyped_object_is_guessed(client):
    """An unknown name is answered with the one that was meant."""
    with pytest.raises(SalesforceAPIError) as caught:
        describe.read_sobject(client, "Acount")
    assert "Account" in caught.value.hint


def test_every_object_can_be_selected_whole(client):
    """What the describe says is selectable, the org answers, by REST and by Bulk."""
    for summary in describe.list_sobjects(client):
        if not summary.queryable:
            continue
        schema = describe.read_sobject(client, summary.name)
        plain = [f.name for f in schema.fields if not f.compound and f.type != "base64"]
        query = soql.build_query(schema.name, plain)
        rows = sum(p.rows for p in rest_query.iter_pages(client, query))
        if schema.name.endswith(("Status", "RecentlyViewed")):
            continue  # Bulk refuses these
        job = finished_job(client, query)
        assert job.rows_processed == rows, schema.name
        bulk_query.delete_job(client, job)


def test_what_bulk_refuses_is_told_apart(client):
    """Objects and fields that Bulk does not do can be told from mistakes."""
    with pytest.raises(BulkRefusedError) as caught:
        bulk_query.create_job(client, "SELECT Id FROM CaseStatus")
    assert caught.value.reason == "object"
    with pytest.raises(BulkRefusedError) as caught:
        bulk_query.create_job(client, "SELECT Id, BillingAddress FROM Account")
    assert caught.value.reason == "field"
    with pytest.raises(SalesforceAPIError) as mistake:
        bulk_query.create_job(client, "SELECT Nothing FROM Account")
    assert mistake.value.error_code == "INVALID_FIELD"
    assert not isinstance(mistake.value, BulkRefusedError)


def test_a_job_deleted_is_gone(client):
    """What we delete is no longer there, and deleting it again is fine."""
    job = finished_job(client)
    bulk_query.delete_job(client, job)
    bulk_query.delete_job(client, job)
    with pytest.raises(SalesforceAPIError) as caught:
        bulk_query.read_job(client, job.id)
    assert caught.value.status == 404


def test_a_finished_job_cannot_be_aborted(client):
    """An abort that comes too late changes nothing."""
    assert bulk_query.abort_job(client, finished_job(client)).state == "JobComplete"


def test_the_covered_instant_follows_the_clock(client):
    """Salesforce's own word is near its time; objects without one say None."""
    now = client.server_now()
    covered = replication.read_latest_date_covered(client, "Account", now=now)
    assert now - timedelta(minutes=2) <= covered <= now
    share = replication.read_latest_date_covered(client, "AccountShare", now=now)
    assert share is None


def test_an_open_transaction_holds_the_covered_instant_back(org, client):
    """What is written but not yet visible lies after the covered instant."""
    with org.transaction() as late:
        late.insert("Account", {"Name": "late"})
        org.clock.advance(600)
        client.request("GET", "limits")
        now = client.server_now()
        covered = replication.read_latest_date_covered(client, "Account", now=now)
        assert covered < now - timedelta(minutes=8)


def test_counts_and_limits_are_read(org, client):
    """Counts are near the truth, and our own calls are in the org's count."""
    counts = limits.read_record_counts(client, ["Account", "Contact"])
    assert counts["Account"] == pytest.approx(len(all_ids(org)), abs=5)
    allowed = limits.read_limits(client)
    assert 0 < allowed.api_remaining < allowed.api_max


def test_our_count_of_calls_is_the_orgs(client):
    """Every call that the org counts, we count, and no other."""
    client.request("GET", "limits")
    before = client.usage
    ids_by_rest(client)
    list(bulk_query.iter_result_pages(client, finished_job(client)))
    client.request("GET", "limits")
    after = client.usage
    assert after.calls - before.calls == after.org_used - before.org_used


def test_a_used_up_org_stops_the_client():
    """At its limit of calls the org is left alone at once."""
    with (
        devorg.start(rows={}, api_usage_limit=3) as org,
        Client(credentials(org)) as client,
    ):
        for _ in range(3):
            client.request("GET", "limits")
        org.requests.clear()
        with pytest.raises(SalesforceLimitError):
            client.request("GET", "limits")
        assert len(org.requests) == 1
