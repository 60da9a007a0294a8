"""Several reads in one call: as good as one by one, or asked one by one."""

import json
from datetime import UTC, datetime

import pytest

from lht.exceptions import (
    LHTError,
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.salesforce.composite import Held, read_all

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
A, B = "sobjects/A/describe", "sobjects/B/updated/?start=2026-11-21T07%3A57%3A00Z"
MISSING = [{"errorCode": "NOT_FOUND", "message": "it does not exist"}]


def answered(*parts):
    """What the org says to several requests: each a status and a body, or None."""
    return {
        "compositeResponse": [
            {"referenceId": f"read{at}", "httpStatusCode": part[0], "body": part[1]}
            for at, part in enumerate(parts)
            if part
        ]
    }


def held(client, *paths):
    return Held(client, read_all(client, paths, now=NOW))


def test_several_reads_are_one_call(org, client):
    """Each path gets its own answer, whatever its case, and none is asked for again."""
    org.on("POST", "composite", answered((200, {"name": "A"}), (200, {"ids": []})))
    reader = held(client, A, B)
    assert reader.request("GET", B).json() == {"ids": []}
    assert reader.request("GET", A.upper()).json() == {"name": "A"}
    assert reader.server_now() == NOW
    (call,) = org.calls()
    assert [part["url"] for part in json.loads(call.body)["compositeRequest"]] == [
        f"{org.api}{A}",
        f"{org.api}{B}",
    ]


def test_an_answer_is_taken_once(org, client):
    """Who asks a second time wants what is new."""
    org.on("POST", "composite", answered((200, {"name": "old"})))
    org.on("GET", A, {"name": "new"})
    reader = held(client, A)
    said = [reader.request("GET", A).json()["name"] for _ in range(2)]
    assert said == ["old", "new"]


def test_other_paths_are_asked_for(org, client):
    """What was not asked before goes to the org."""
    org.on("POST", "composite", answered((200, {})))
    org.on("GET", "limits", {"Max": 1})
    assert held(client, A).request("GET", "limits").json() == {"Max": 1}


def error_of(reader, path):
    with pytest.raises(LHTError) as caught:
        reader.request("GET", path)
    error = caught.value
    return type(error), error.message, error.status, error.why, error.hint


def test_a_refusal_is_the_same_inside_and_outside(org, client):
    """The error of one read in several is that of the read alone."""
    org.on("POST", "composite", answered((404, MISSING), (200, {})))
    org.on("GET", A, org.Reply(MISSING, 404))
    inside = error_of(held(client, A, B), A)
    assert len(org.calls(A)) == 0
    assert inside == error_of(client, A)


PASSING = [
    None,
    (200, None),
    (200, [1]),
    (503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]),
    (400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "busy"}]),
    (401, [{"errorCode": "INVALID_SESSION_ID", "message": "expired"}]),
    (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "Concurrent"}]),
]


@pytest.mark.parametrize("part", PASSING)
def test_what_may_pass_is_asked_alone(org, client, part):
    """A read that was not answered, or not in earnest, does not fail for it."""
    org.on("POST", "composite", answered((200, {"name": "A"}), part))
    org.on("GET", B.partition("?")[0], {"ids": ["x"]})
    reader = held(client, A, B)
    assert reader.request("GET", B).json() == {"ids": ["x"]}
    assert reader.request("GET", A).json() == {"name": "A"}
    assert len(org.calls(A)) == 0


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NOT_FOUND", SalesforceAPIError),
        (400, "LIMIT_EXCEEDED", SalesforceAPIError),
        (403, "FUNCTIONALITY_NOT_ENABLED", SalesforceAPIError),
        (403, "REQUEST_LIMIT_EXCEEDED", SalesforceLimitError),
        (401, "INVALID_SESSION_ID", SalesforceAuthError),
        (503, "SERVER_UNAVAILABLE", SalesforceUnavailableError),
    ],
)
def test_a_refusal_of_all_is_an_error(org, client, status, code, kind):
    """That none was answered is told, not taken for an answer to each."""
    org.on("POST", "composite", org.Reply([{"errorCode": code}], status))
    with pytest.raises(kind):
        read_all(client, [A, B], now=NOW)


@pytest.mark.parametrize("body", [b"", b"<html>", [], {}, {"compositeResponse": 1}])
def test_an_answer_of_another_shape_is_an_outage(org, client, body):
    """What answers several requests is never half understood."""
    org.on("POST", "composite", body)
    with pytest.raises(SalesforceUnavailableError):
        read_all(client, [A], now=NOW)


def test_a_passing_trouble_is_waited_out(org, client):
    """Reads can be repeated, several as well as one."""
    busy = org.Reply([{"errorCode": "SERVER_UNAVAILABLE"}], 503)
    org.on("POST", "composite", busy, answered((200, {"name": "A"})))
    assert held(client, A).request("GET", A).json() == {"name": "A"}
