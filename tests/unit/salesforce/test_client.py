"""The request path: sessions, retries, errors, secrets, accounting."""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stamina

from lht.exceptions import (
    ConfigError,
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceError,
    SalesforceLimitError,
    SalesforceUnavailableError,
    StoppedError,
)
from lht.retry import MAX_ATTEMPTS
from lht.salesforce.auth import AccessInfo
from lht.salesforce.client import Client


def refusal(org, status, code, message="", **headers):
    body = [{"message": message, "errorCode": code}]
    return org.Reply(body, status, headers=headers)


def test_an_answer_arrives_decoded(org, client):
    """JSON comes as values, inflated."""
    org.on("GET", "limits", b'{"a": 1, "b": 0.1}', gzipped=True)

    answer = client.request("GET", "limits")

    assert answer.status == 200
    assert answer.json() == {"a": 1, "b": 0.1}


@pytest.mark.parametrize(
    "body", [b"", b'{"a": ', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 10**5]
)
def test_a_body_that_is_not_json_is_an_outage(org, client, body):
    """A truncated or foreign body is never taken for data."""
    org.on("GET", "limits", body)
    with pytest.raises(SalesforceUnavailableError, match="something else"):
        client.request("GET", "limits").json()


@pytest.mark.parametrize("body", [[], {}, 5, [{"version": "x"}], [{"label": "62.0"}]])
def test_versions_of_another_shape_are_an_outage(org, client, body):
    """What does not list versions does not choose one."""
    org.on("GET", "/services/data", body)
    if body == []:
        assert client.api_version == "62.0"
        return
    with pytest.raises(SalesforceUnavailableError):
        _ = client.api_version


@pytest.mark.parametrize("version", ["", "v62.0", "62", "newest", "62.0/.."])
def test_what_is_no_version_is_refused(org, version):
    """A version that cannot be compared is a mistake of the caller's."""
    with pytest.raises(ConfigError, match="API version"):
        Client(org.credentials(), api_version=version)


@pytest.mark.parametrize("body", [[], {}, {"records": []}, {"records": [{"Id": 5}]}])
def test_an_org_that_does_not_tell_its_id_is_an_outage(org, client, body):
    """Without an id there is no run: rows of two orgs must not meet."""
    org.on("GET", "query", body)
    org.token_replies.append(org.Reply({"access_token": "t", "instance_url": org.url}))
    org._live.add("t")
    with pytest.raises(SalesforceUnavailableError):
        _ = client.org_id


def test_the_newest_common_version_is_used(org):
    """An older org is spoken to in its own newest version, asked for once."""
    org.versions = ["9.0", "57.0", "60.0"]
    org.on("GET", "/services/data/v60.0/limits", {})
    with Client(org.credentials()) as client:
        client.request("GET", "limits")
        client.request("GET", "limits")
        assert client.api_version == "60.0"
    assert [r.path for r in org.requests].count("/services/data") == 1


def test_a_version_can_be_held_back(org):
    """The wanted version is an upper bound."""
    with Client(org.credentials(), api_version="58.0") as client:
        assert client.api_version == "58.0"


def test_an_ended_session_is_renewed_unseen(org, client):
    """The user does not notice that a session ends; no request is lost."""
    org.on("POST", "jobs/query", {"id": "1"})
    client.request("POST", "jobs/query", json={})
    org.expire_sessions()

    assert client.request("POST", "jobs/query", json={}).status == 200
    assert org.tokens_issued == 2


def test_many_threads_renew_once(org, client):
    """Ten requests that meet a dead session cause one renewal."""
    org.on("GET", "limits", {})
    client.request("GET", "limits")
    org.expire_sessions()
    together = threading.Barrier(10)

    def call(_):
        together.wait()
        return client.request("GET", "limits").status

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(call, range(10))) == {200}
    assert org.tokens_issued == 2


def test_a_refused_new_session_is_an_auth_error(org, client):
    """A 401 with a fresh token is told, not repeated for ever."""
    org.on("GET", "limits", refusal(org, 401, "INVALID_SESSION_ID", "Session expired"))
    with pytest.raises(SalesforceAuthError) as caught:
        client.request("GET", "limits")
    assert caught.value.error_code == "INVALID_SESSION_ID"
    assert len(org.calls("limits")) == 2


def test_patience_with_the_log_in_is_not_multiplied(org, client):
    """An outage of the token endpoint uses up one budget of attempts, not several."""
    org.token_replies += [refusal(org, 503, "SERVER_UNAVAILABLE")] * 100
    with pytest.raises(SalesforceUnavailableError):
        client.request("GET", "limits")
    assert len(org.requests) == MAX_ATTEMPTS


def test_a_given_token_cannot_be_renewed(org):
    """Whoever gave a ready token hears what to do when it has ended."""
    info = {"access_token": "00D5g000000AbCd!DEAD", "instance_url": org.url}
    with (
        Client(AccessInfo(info)) as client,
        pytest.raises(SalesforceAuthError) as caught,
    ):
        client.request("GET", "limits")
    assert "client credentials" in caught.value.hint


TRANSIENT = [
    (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    (502, "", ""),
    (503, "SERVER_UNAVAILABLE", "Server too busy"),
    (429, "", ""),
    (420, "", ""),
    (406, "", ""),
    (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
    (400, "TXN_SECURITY_METERING_ERROR", "took too long to complete."),
]


@pytest.mark.parametrize(("status", "code", "message"), TRANSIENT)
def test_a_passing_trouble_is_waited_out(org, client, status, code, message):
    """A GET that meets one of Salesforce's passing troubles succeeds in the end."""
    org.on("GET", "limits", refusal(org, status, code, message), org.Reply({"a": 1}))
    assert client.request("GET", "limits").json() == {"a": 1}
    assert len(org.calls("limits")) == 2


def test_patience_ends(org, client):
    """A lasting outage is reported after a bounded number of attempts."""
    org.on("GET", "limits", refusal(org, 503, "SERVER_UNAVAILABLE", "Server too busy"))
    with pytest.raises(SalesforceUnavailableError) as caught:
        client.request("GET", "limits")
    assert len(org.calls("limits")) == MAX_ATTEMPTS
    assert caught.value.why == "Server too busy"
    assert caught.value.status == 503


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_write_that_may_have_landed_is_not_repeated(org, client, status):
    """A POST is sent once when nobody knows whether it was executed."""
    org.on("POST", "jobs/query", refusal(org, status, "UNKNOWN_EXCEPTION"))
    with pytest.raises(SalesforceUnavailableError):
        client.request("POST", "jobs/query", json={})
    assert len(org.calls("jobs/query")) == 1


def test_a_write_cut_off_is_not_repeated(org, client):
    """An answer lost on the way leaves open what happened: one POST, no more."""
    org.on("POST", "jobs/query", org.Reply({"id": "x" * 50}, cut=5))
    with pytest.raises(SalesforceUnavailableError):
        client.request("POST", "jobs/query", json={})
    assert len(org.calls("jobs/query")) == 1


@pytest.mark.parametrize("status", [429, 420])
def test_a_write_refused_before_it_ran_is_repeated(org, client, status):
    """A POST that certainly had no effect may be sent again."""
    org.on("POST", "jobs/query", refusal(org, status, ""), org.Reply({"id": "1"}))
    assert client.request("POST", "jobs/query", json={}).json() == {"id": "1"}


def test_the_daily_limit_is_not_hammered(org, client):
    """With the day's API calls used up, lht stops at once and says so."""
    said = "TotalRequests Limit exceeded."
    org.on("GET", "limits", refusal(org, 403, "REQUEST_LIMIT_EXCEEDED", said))
    with pytest.raises(SalesforceLimitError) as caught:
        client.request("GET", "limits")
    assert len(org.calls("limits")) == 1
    assert caught.value.exit_code == 5


def test_a_refusal_is_told_in_salesforces_words(org, client):
    """Code, status and words of a refusal reach the caller."""
    said = "The requested resource does not exist"
    org.on("GET", "nowhere", refusal(org, 404, "NOT_FOUND", said))
    with pytest.raises(SalesforceAPIError) as caught:
        client.request("GET", "nowhere", params={"q": "secret"})
    error = caught.value
    assert (error.status, error.error_code, error.why) == (404, "NOT_FOUND", said)
    assert str(error) == "Salesforce refused GET nowhere (404 NOT_FOUND)"
    assert f"why: {said}" in error.__notes__


@pytest.mark.parametrize(
    "body",
    [
        {"message": "no", "errorCode": "NOT_FOUND"},
        [{"errorCode": "NOT_FOUND", "message": "no", "fields": []}],
    ],
)
def test_errors_are_read_in_every_shape(org, client, body):
    """Array or bare object, Salesforce's code is found."""
    org.on("GET", "x", org.Reply(body, 404))
    with pytest.raises(SalesforceAPIError) as caught:
        client.request("GET", "x")
    assert caught.value.error_code == "NOT_FOUND"


def test_recorded_errors_are_read(recorded, org, client):
    """Of every error body recorded from a real org, code and words are found."""
    lines = (recorded / "errors" / "observed_errors.jsonl").read_text().splitlines()
    bodies = [(e.get("http_status"), e["body"]) for e in map(json.loads, lines)]
    arrays = [(status, b) for status, b in bodies if isinstance(b, list) and status]
    assert len(arrays) > 8
    for status, body in arrays:
        org.on("POST", "x", org.Reply(body, status))
        with pytest.raises(SalesforceError) as caught:
            client.request("POST", "x")
        assert caught.value.error_code == body[0]["errorCode"]
        assert caught.value.why == body[0]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'["/a"]', b'{"message": null}'])
def test_a_refusal_without_words_is_still_one(org, client, body):
    """An error whose body says nothing is told by its status."""
    org.on("GET", "x", org.Reply(body, 400))
    with pytest.raises(SalesforceAPIError, match="HTTP 400") as caught:
        client.request("GET", "x")
    assert (caught.value.error_code, caught.value.why) == (None, None)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_maintenance_page_is_an_outage(org, client, status):
    """HTML where data is expected is neither data nor a refusal."""
    page = b"<html><head><title>Down for Maintenance</title></head></html>"
    org.on("GET", "limits", org.Reply(page, status, {"Content-Type": "text/html"}))
    with pytest.raises(SalesforceUnavailableError) as caught:
        client.request("GET", "limits")
    assert caught.value.why == "Down for Maintenance"
    assert len(org.calls("limits")) == MAX_ATTEMPTS


def test_a_uri_too_long_is_a_refusal(org, client):
    """The edge's HTML refusal of a long URL is not taken for an outage."""
    page = b"<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"
    org.on("GET", "query", org.Reply(page, 414, {"Content-Type": "text/html"}))
    with pytest.raises(SalesforceAPIError) as caught:
        client.request("GET", "query")
    assert caught.value.why == "Bad Message 414"


@pytest.mark.parametrize("cut", [0, 1, 20])
def test_a_cut_answer_is_asked_for_again(org, client, cut):
    """A dropped connection costs another request, never part of an answer."""
    body = {"records": list(range(100))}
    org.on("GET", "query", org.Reply(body, cut=cut), org.Reply(body))
    assert client.request("GET", "query").json() == body


def test_a_corrupt_answer_is_asked_for_again(org, client):
    """A gzip body whose checksum is wrong is not used."""
    body = {"records": list(range(100))}
    wire = bytearray(org.Reply(body, gzipped=True).wire)
    wire[-6] ^= 1
    bad = org.Reply(bytes(wire), headers={"Content-Encoding": "gzip"})
    org.on("GET", "query", bad, org.Reply(body, gzipped=True))
    assert client.request("GET", "query").json() == body
    assert len(org.calls("query")) == 2


def test_an_unreachable_org_is_an_outage():
    """Nobody listening is told with the host's name, for reads and writes alike."""
    info = {"access_token": "t", "instance_url": "http://127.0.0.1:9"}
    told = pytest.raises(SalesforceUnavailableError, match=r"127\.0\.0\.1")
    with Client(AccessInfo(info)) as client, told:
        client.request("POST", "/services/data/v62.0/jobs/query", json={})


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("Sat, 21 Nov 2026 08:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0),
        ("soon", None),
    ],
)
def test_retry_after_is_understood(org, client, asked, seconds):
    """Seconds and HTTP dates both tell how long to wait."""
    org.on("POST", "x", org.Reply([], 503, {"Retry-After": asked}))
    with pytest.raises(SalesforceUnavailableError) as caught:
        client.request("POST", "x")
    assert caught.value.retry_after == seconds


def test_a_very_long_wait_is_told_not_waited(org, client):
    """A server that asks for an hour gets its hour from the next run."""
    org.on("GET", "x", org.Reply([], 503, {"Retry-After": "3600"}))
    with pytest.raises(SalesforceUnavailableError) as caught:
        client.request("GET", "x")
    assert caught.value.retry_after == 3600
    assert len(org.calls("x")) == 1


def test_the_token_stays_with_its_org(org, client):
    """No address leads the token to another origin."""
    for path in ("https://evil.example/x", "//evil.example/x", "http://127.0.0.1:1/x"):
        with pytest.raises(SalesforceAPIError, match="refused to send"):
            client.request("GET", path)
    assert not org.calls()


def test_redirects_are_not_followed(org, client):
    """A redirect is an error with a hint; nothing is sent to where it points."""
    org.on("GET", "x", org.Reply(b"", 302, {"Location": f"{org.url}/elsewhere"}))
    with pytest.raises(SalesforceAPIError) as caught:
        client.request("GET", "x")
    assert "My Domain" in caught.value.hint
    assert [r.path for r in org.calls()] == [org.api + "x"]


def test_an_address_on_the_same_origin_is_taken_whole(org, client):
    """Salesforce's own links work as it writes them."""
    org.on("GET", "/services/data/v50.0/x", {})
    for link in ("/services/data/v50.0/x?a=1", "services/data/v50.0/x?a=1"):
        client.request("GET", link)
    client.request("GET", org.url + "/services/data/v50.0/x?a=1")
    assert [r.query for r in org.calls()] == [{"a": "1"}] * 3


def test_no_secret_shows(org, client, caplog):
    """Tokens, secrets and filter values are in no log, error or repr."""
    caplog.set_level(logging.DEBUG)
    echo = "\nSELECT Id FROM A WHERE x = 'VALUE'\n ^\nERROR at Row:1:Column:9\nNo such"
    org.on("GET", "query", refusal(org, 400, "INVALID_FIELD", echo))
    with pytest.raises(SalesforceAPIError) as caught:
        client.request("GET", "query", params={"q": "SELECT 'VALUE'"})

    error = caught.value
    shown = [caplog.text, repr(client), repr(org.credentials()), repr(error)]
    shown += [str(error), str(error.context), *error.__notes__]
    shown += [repr(AccessInfo({"access_token": "TOKEN1", "instance_url": org.url}))]
    shown += [repr(org.credentials().token())]
    for text in shown:
        assert not any(s in text for s in ("TOKEN", "the-secret", "VALUE")), text
    assert error.why == "ERROR at Row:1:Column:9 No such"
    assert "/query" in caplog.text  # what is logged is still worth reading


def test_calls_are_counted(org, client):
    """Each API call counts, repeated ones too; versions and tokens are free."""
    busy = refusal(org, 503, "SERVER_UNAVAILABLE")
    org.on("GET", "limits", busy, org.Reply({}))
    client.request("GET", "limits")
    assert client.usage.calls == len(org.calls()) == 2
    assert (client.usage.org_used, client.usage.org_limit) == (18, 5000)


def test_the_orgs_usage_is_found_among_others(org, client):
    """The org's own count is told apart from other figures in the header."""
    info = "api-bursts=1/750; api-usage=25/6000; per-app-api-usage=17/250(appName=x)"
    org.on("GET", "limits", {}, headers={"Sforce-Limit-Info": info})
    client.request("GET", "limits")
    assert (client.usage.org_used, client.usage.org_limit) == (25, 6000)


def test_scopes_count_their_own_calls(org, client):
    """A scope's calls, from any thread, are its own and its parent's."""
    org.on("GET", "limits", {})
    one, two = client.scoped(), client.scoped()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: one.request("GET", "limits"), range(20)))
    two.request("GET", "limits")
    assert (one.usage.calls, two.usage.calls, client.usage.calls) == (20, 1, 21)
    assert org.tokens_issued == 1


def test_the_orgs_time_goes_on(client):
    """The org's clock is its last Date plus the time since, and never ahead."""
    first = client.server_now()
    start = datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert start <= first < start + timedelta(seconds=5)
    assert client.server_now() > first


def test_the_org_tells_its_id(org, client):
    """The id is the 18-character one, from the token where that has it."""
    assert client.org_id == org.org_id
    assert not org.calls()


def test_the_org_is_asked_for_its_id(org, client):
    """A token that names no org does not hide which org it is."""
    org.on("GET", "query", {"records": [{"Id": org.org_id}]})
    token = {"access_token": "opaque", "instance_url": org.url}
    org.token_replies.append(org.Reply(token))
    org._live.add("opaque")
    assert client.org_id == client.org_id == org.org_id
    assert len(org.calls("query")) == 1


def test_no_proxy_stands_before_this_machine(org, monkeypatch):
    """An org on this machine is reached directly, whatever the environment says."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    org.on("GET", "limits", {})
    with Client(org.credentials()) as client:
        assert client.request("GET", "limits").status == 200


def test_a_stop_ends_waiting(org, client):
    """What waits for an org that is down ends soon after it is asked to."""
    stop = threading.Event()
    down = org.Reply(b"", 503, {"Retry-After": "30"}, before=stop.set)
    org.on("GET", "limits", down)
    started = time.monotonic()
    with stamina.set_testing(False), pytest.raises(StoppedError) as caught:
        client.scoped(stop=stop).scoped().request("GET", "limits")
    assert time.monotonic() - started < 10
    assert (caught.value.code, caught.value.exit_code) == ("interrupted", 130)
    assert len(org.calls()) == 1


def test_a_stop_ends_an_answer_that_drips(org, client):
    """An answer that is still arriving is not waited for."""
    stop, enough = threading.Event(), threading.Event()
    org.on("GET", "limits", b"x" * 4000, drip=enough)
    threading.Timer(0.2, stop.set).start()
    fallback = threading.Timer(8, enough.set)
    fallback.start()
    with pytest.raises(StoppedError):
        client.scoped(stop=stop).request("GET", "limits")
    assert not enough.is_set()
    enough.set()
    fallback.cancel()
    fallback.join()


def test_a_stopped_client_sends_nothing(org, client):
    """After the stop nothing is sent; clients beside it are not concerned."""
    org.on("GET", "limits", {})
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        client.scoped(stop=stop).request("GET", "limits")
    assert not org.calls()
    assert client.scoped().request("GET", "limits").status == 200
