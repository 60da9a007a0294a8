"""REST queries: every row of every page, or an error."""

import json

import pytest

from lht.exceptions import (
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceUnavailableError,
)
from lht.salesforce.rest_query import count, iter_pages

NEXT = "/services/data/v62.0/query/01gD0000002HU6KIAW-2"
SOQL = "SELECT Id FROM Account"


def page(ids, total, following=None):
    body = {
        "totalSize": total,
        "done": following is None,
        "records": [{"attributes": {"type": "Account"}, "Id": i} for i in ids],
    }
    return body | ({"nextRecordsUrl": following} if following else {})


def refusal(org, status, code, message=""):
    return org.Reply([{"message": message, "errorCode": code}], status)


def ids_of(pages):
    return [r["Id"] for p in pages for r in json.loads(p.content)["records"]]


def test_all_pages_come_in_order(org, client):
    """Short pages are no end; ``done`` is."""
    org.on("GET", "queryAll", page("ab", 4, NEXT))
    org.on("GET", NEXT, page("c", 4, NEXT + "x"))
    org.on("GET", NEXT + "x", page("d", 4))
    pages = list(iter_pages(client, SOQL))
    assert ids_of(pages) == list("abcd")
    assert [(p.rows, p.done) for p in pages] == [(2, False), (1, False), (1, True)]
    assert {p.total_size for p in pages} == {4}
    assert org.calls()[0].query == {"q": SOQL}


def test_no_rows_are_one_empty_page(org, client):
    """An empty result is a result."""
    org.on("GET", "query", page("", 0))
    (only,) = iter_pages(client, SOQL, all_rows=False)
    assert (only.rows, only.done) == (0, True)


@pytest.mark.parametrize(
    "last",
    [
        page("c", 4),
        page("cde", 4),
        page("", 4, NEXT),
        page("c", 4) | {"done": False},
    ],
)
def test_rows_that_do_not_add_up_stop_the_run(org, client, last):
    """Missing rows, surplus rows and pages without end are errors."""
    org.on("GET", "queryAll", page("ab", 4, NEXT))
    org.on("GET", NEXT, last)
    with pytest.raises(RowCountMismatchError):
        list(iter_pages(client, SOQL))


def test_a_dead_cursor_is_an_outage(org, client):
    """A locator that Salesforce has dropped means: start the query again."""
    org.on("GET", "queryAll", page("ab", 4, NEXT))
    said = "invalid query locator"
    org.on("GET", NEXT, refusal(org, 400, "INVALID_QUERY_LOCATOR", said))
    pages = iter_pages(client, SOQL)
    next(pages)
    with pytest.raises(SalesforceUnavailableError, match="cursor") as caught:
        next(pages)
    assert caught.value.transient
    assert caught.value.error_code == "INVALID_QUERY_LOCATOR"


def test_a_cursor_that_died_with_its_session_is_an_outage(org, client):
    """A locator refused even with a new token means: start the query again."""
    org.on("GET", "queryAll", page("ab", 4, NEXT))
    org.on("GET", NEXT, refusal(org, 401, "INVALID_SESSION_ID"))
    with pytest.raises(SalesforceUnavailableError, match="cursor"):
        list(iter_pages(client, SOQL))
    assert org.tokens_issued == 2


def test_a_refused_session_at_the_start_is_no_cursor(org, client):
    """Credentials that do not work at all are said to be that."""
    org.on("GET", "queryAll", refusal(org, 401, "INVALID_SESSION_ID"))
    with pytest.raises(SalesforceAuthError):
        list(iter_pages(client, SOQL))


LONG = "SELECT Id FROM Account WHERE Name IN (" + ", ".join(["'é'"] * 2000) + ")"


def composite(body, status=200):
    part = {"body": body, "httpStatusCode": status, "referenceId": "query"}
    return {"compositeResponse": [part | {"httpHeaders": {}}]}


def test_a_long_query_goes_through_composite(org, client):
    """A query too long for a URL gives the same pages."""
    org.on("POST", "composite", composite(page("ab", 3, NEXT)))
    org.on("GET", NEXT, page("c", 3))
    assert ids_of(iter_pages(client, LONG)) == list("abc")
    (part,) = json.loads(org.calls("composite")[0].body)["compositeRequest"]
    assert part["method"] == "GET"
    assert part["url"].startswith("/services/data/v62.0/queryAll?q=SELECT%20Id")
    assert "%C3%A9" in part["url"]


def test_no_url_is_too_long(org, client):
    """Up to the length at which composite takes over, URL and headers fit in 16 KB."""
    org.on("POST", "composite", composite(page("", 0)))
    org.on("GET", "queryAll", page("", 0))
    for length in range(13_000, 15_000, 100):
        list(iter_pages(client, "SELECT Id FROM A WHERE b = " + "1" * length))
    ways = {r.method for r in org.calls()}
    assert ways == {"GET", "POST"}
    for request in org.calls("queryAll"):
        size = len(request.path) + len("?q=") + len(request.query["q"]) + 50
        size += sum(len(k) + len(v) + 4 for k, v in request.headers.items())
        assert size < 16_384


def test_errors_inside_composite_are_errors(org, client):
    """A refusal of the query inside is told like any other."""
    inner = [{"errorCode": "INVALID_FIELD", "message": "No such column"}]
    org.on("POST", "composite", composite(inner, 400))
    with pytest.raises(SalesforceAPIError) as caught:
        list(iter_pages(client, LONG))
    assert (caught.value.error_code, caught.value.status) == ("INVALID_FIELD", 400)


@pytest.mark.parametrize("body", [b"", [], {}, {"compositeResponse": []}])
def test_answers_of_another_shape_are_an_outage(org, client, body):
    """What is no page of a query is never half understood."""
    org.on("POST", "composite", body)
    org.on("GET", "queryAll", body)
    for soql in (SOQL, LONG):
        with pytest.raises(SalesforceUnavailableError):
            list(iter_pages(client, soql))


def test_a_passing_trouble_inside_composite_is_waited_out(org, client):
    """A query inside composite is repeated as it would be outside."""
    busy = composite([{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}], 503)
    org.on("POST", "composite", busy, composite(page("a", 1)))
    assert ids_of(iter_pages(client, LONG)) == ["a"]


def test_a_count_is_the_total(org, client):
    """COUNT() is read from the total."""
    org.on("GET", "queryAll", {"totalSize": 17, "done": True, "records": []})
    org.on("GET", "query", {"totalSize": 16, "done": True, "records": []})
    assert count(client, "SELECT COUNT() FROM Account") == 17
    assert count(client, "SELECT COUNT() FROM Account", all_rows=False) == 16


def test_a_count_that_takes_too_long_is_unknown(org, client):
    """A timed-out count is no count; other refusals are errors."""
    slow = refusal(org, 400, "QUERY_TIMEOUT", "running for too long")
    wrong = refusal(org, 400, "MALFORMED_QUERY", "unexpected token")
    org.on("GET", "queryAll", slow, wrong)
    assert count(client, "SELECT COUNT() FROM Account") is None
    with pytest.raises(SalesforceAPIError):
        count(client, "SELECT COUNT() FROM Account")
