"""Counts, limits, and up to when an object is complete."""

from datetime import UTC, datetime

import pytest

from lht.exceptions import (
    SalesforceAPIError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.salesforce.limits import read_limits, read_record_counts
from lht.salesforce.replication import read_latest_date_covered

NOW = datetime(2026, 11, 21, 8, 0, 30, 500_000, tzinfo=UTC)


def refusal(org, status, code, message=""):
    return org.Reply([{"errorCode": code, "message": message}], status)


def test_counts_of_many_objects_take_few_calls(org, client):
    """Hundreds of names go in batches; objects without a count are missing."""
    names = [f"Object{i}__c" for i in range(250)]
    answer = {"sObjects": [{"name": "Object1__c", "count": 3}]}
    last = {"sObjects": [{"name": "Object249__c", "count": 0}]}
    org.on("GET", "limits/recordCount", answer, {"sObjects": []}, last)
    counts = read_record_counts(client, names)
    assert counts == {"Object1__c": 3, "Object249__c": 0}
    asked = [n for r in org.calls() for n in r.query["sObjects"].split(",")]
    assert asked == names
    assert len(org.calls()) == 3
    assert read_record_counts(client, []) == {}


def test_limits_are_read(org, client):
    """The org's own figures are told as they are."""
    org.on(
        "GET",
        "limits",
        {
            "DailyApiRequests": {"Max": 15000, "Remaining": 14998, "App": {"Max": 0}},
        },
    )
    limits = read_limits(client)
    assert (limits.api_max, limits.api_remaining) == (15000, 14998)


def test_forbidden_limits_are_unknown_limits(org, client):
    """A user who may not see the limits can still work."""
    org.on("GET", "limits", refusal(org, 403, "INSUFFICIENT_ACCESS"))
    assert read_limits(client) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [("REQUEST_LIMIT_EXCEEDED", SalesforceLimitError), ("X", SalesforceAPIError)],
)
def test_other_refusals_of_limits_are_told(org, client, code, kind):
    """A check that cannot be made is an error."""
    status = 403 if code != "X" else 400
    org.on("GET", "limits", refusal(org, status, code, "TotalRequests Limit exceeded."))
    with pytest.raises(kind):
        read_limits(client)


@pytest.mark.parametrize("body", [b"", [], {}, {"sObjects": [{"name": "A"}]}])
def test_answers_of_another_shape_are_an_outage(org, client, body):
    """What is not what was asked for is never half understood."""
    for path in ("limits", "limits/recordCount", "sobjects/A/updated/"):
        org.on("GET", path, body)
    with pytest.raises(SalesforceUnavailableError):
        read_limits(client)
    with pytest.raises(SalesforceUnavailableError):
        read_record_counts(client, ["A"])
    with pytest.raises(SalesforceUnavailableError):
        read_latest_date_covered(client, "A", now=NOW)


def test_the_covered_instant_is_salesforces(org, client):
    """The signpost is Salesforce's own word, asked for up to now."""
    covered = {"ids": ["003"], "latestDateCovered": "2026-11-21T07:59:00.000+0000"}
    org.on("GET", "sobjects/Account/updated/", covered)
    answer = read_latest_date_covered(client, "Account", now=NOW)
    assert answer == datetime(2026, 11, 21, 7, 59, tzinfo=UTC)
    window = org.calls()[0].query
    assert window == {"start": "2026-11-21T07:57:30Z", "end": "2026-11-21T08:00:30Z"}


def test_the_covered_instant_is_never_ahead(org, client):
    """A signpost is not put into the future, whatever Salesforce says."""
    covered = {"ids": [], "latestDateCovered": "2026-11-21T09:00:00.000+0000"}
    org.on("GET", "sobjects/Account/updated/", covered)
    assert read_latest_date_covered(client, "Account", now=NOW) == NOW


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "EXCEEDED_ID_LIMIT"),
        (400, "INVALID_REPLICATION_DATE"),
        (400, "INVALID_TYPE_FOR_OPERATION"),
        (404, "NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_an_untold_instant_is_none(org, client, status, code):
    """Where Salesforce cannot tell, the caller falls back."""
    org.on("GET", "sobjects/X/updated/", refusal(org, status, code))
    assert read_latest_date_covered(client, "X", now=NOW) is None


def test_a_used_up_limit_is_not_an_untold_instant(org, client):
    """The org's limit stops the run and is not mistaken for "not replicateable"."""
    said = "TotalRequests Limit exceeded."
    reply = refusal(org, 403, "REQUEST_LIMIT_EXCEEDED", said)
    org.on("GET", "sobjects/X/updated/", reply)
    with pytest.raises(SalesforceLimitError):
        read_latest_date_covered(client, "X", now=NOW)
