"""What holds for every request: logins, sessions, limits, errors, compression."""

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.devorg.calling import BASE, NOW, Caller, calling

from lht.devorg.store.store import Store


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    with calling(rows={"Account": 30}) as caller:
        yield caller


@pytest.fixture
def api(shared: Caller) -> Caller:
    """The shared org with a fresh session and an empty request log."""
    shared.login()
    shared.org.requests.clear()
    return shared


def test_a_login_answers_what_salesforce_does(api: Caller, recorded: Path):
    """All keys of the recorded answer are there, and the token begins with the org."""
    body = api.ask_token().json()
    assert list(body) == [
        "access_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    ]
    path = recorded / "http" / "restforce" / "auth_success_response.json"
    assert json.loads(path.read_text()).keys() <= body.keys()
    assert body["access_token"].startswith("00D")
    assert body["access_token"][15] == "!"
    assert body["instance_url"] == api.org.url
    assert body["issued_at"] == str(int(NOW.timestamp() * 1000))


def test_credentials_may_come_in_a_header(api: Caller):
    pair = f"{api.org.client_id}:{api.org.client_secret}".encode()
    found = api.http.post(
        "/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": "Basic " + base64.b64encode(pair).decode()},
    )
    assert found.status_code == 200


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({"client_secret": "no"}, "invalid_client", "invalid client credentials"),
        ({"client_id": "no"}, "invalid_client_id", "client identifier invalid"),
        (
            {"grant_type": "magic"},
            "unsupported_grant_type",
            "grant type not supported",
        ),
        (
            {"grant_type": ""},
            "invalid_request",
            "missing required parameter: grant_type",
        ),
    ],
)
def test_a_refused_login(
    api: Caller, form: dict[str, str], error: str, description: str
):
    found = api.ask_token(**form)
    assert found.status_code == 400
    assert found.json() == {"error": error, "error_description": description}


def test_sessions_end_when_unused_and_live_on_when_used():
    """Two hours count from the last use, by the org's clock."""
    with calling() as api:
        for _ in range(3):
            api.org.clock.advance(timedelta(minutes=110))
            assert api.get("/limits").status_code == 200
        api.org.clock.advance(timedelta(minutes=121))
        assert api.error(api.get("/limits"))[:2] == (401, "INVALID_SESSION_ID")
        api.login()
        assert api.get("/limits").status_code == 200
        api.org.expire_sessions()
        assert api.get("/limits").status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "OAuth 00Dx0000000BV7z!x", "Bearer 00D!"]
)
def test_a_bad_session_gets_the_recorded_answer(
    api: Caller, header: str, recorded: Path
):
    path = recorded / "http" / "restforce" / "expired_session_response.json"
    found = api.call("GET", "/limits", headers={"Authorization": header})
    assert found.status_code == 401
    assert found.json() == json.loads(path.read_text())


@pytest.mark.parametrize("header", ["Bearer", "OAuth", "Basic eDp5", "Token x y"])
def test_a_header_without_a_session_is_told_from_a_bad_session(
    api: Caller, header: str
):
    """As real orgs answer clients that forgot the token, or its scheme."""
    found = api.call("GET", "/limits", headers={"Authorization": header})
    refused = (401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    assert api.error(found) == refused
    assert "www-authenticate" not in found.headers


def test_who_is_not_known_is_asked_for_a_token_and_not_counted(api: Caller):
    """A 401 names the scheme, and tells nothing of the org's usage."""
    found = api.call("GET", "/limits", headers={"Authorization": "Bearer x"})
    assert found.headers["www-authenticate"] == "Token"
    assert "sforce-limit-info" not in found.headers


def test_versions_need_no_session_and_are_not_metered(api: Caller):
    found = api.call("GET", "/services/data", headers={"Authorization": ""})
    assert "sforce-limit-info" not in found.headers
    versions = found.json()
    assert versions[-1] == {
        "label": "Summer '26",
        "url": "/services/data/v67.0",
        "version": "67.0",
    }
    assert {
        "label": "Winter '24",
        "url": "/services/data/v59.0",
        "version": "59.0",
    } in (versions)
    for version in versions:
        resources = api.get(version["url"]).json()
        assert resources["query"] == f"{version['url']}/query"
    assert api.get("/services/data/v99.0/limits").status_code == 404


def test_every_call_is_counted(api: Caller):
    """The header counts up, and /limits tells the same."""

    def used(header: str) -> int:
        name, _, numbers = header.partition("=")
        assert name == "api-usage"
        return int(numbers.partition("/")[0])

    first = used(api.get("/limits").headers["sforce-limit-info"])
    found = api.get("/nothing/here")
    assert found.status_code == 404
    assert used(found.headers["sforce-limit-info"]) == first + 1
    limits = api.get("/limits/").json()
    daily = limits["DailyApiRequests"]
    assert daily["Max"] - daily["Remaining"] == first + 2
    assert all(set(limit) >= {"Max", "Remaining"} for limit in limits.values())


def test_the_limit_is_a_limit_for_a_day():
    with calling(api_usage_limit=2) as api:
        assert [api.get("/limits").status_code for _ in range(3)] == [200, 200, 403]
        found = api.get("/limits")
        assert api.error(found) == (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "TotalRequests Limit exceeded.",
        )
        assert found.headers["sforce-limit-info"] == "api-usage=2/2"
        api.org.clock.advance(timedelta(hours=24))
        api.login()
        assert api.get("/limits").status_code == 200


def test_record_counts(api: Caller):
    found = api.get("/limits/recordCount", sObjects="Account,Campaign").json()
    assert found == {"sObjects": [{"count": 30, "name": "Account"}]}


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message"),
    [
        ("GET", "/nothing", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/sobjects/Nope/describe", 404, "NOT_FOUND", "The requested resource"),
        ("DELETE", "/query", 405, "METHOD_NOT_ALLOWED", "Allowed are HEAD,GET"),
        ("GET", "/query", 400, "MISSING_ARGUMENT", "q"),
        ("POST", "/sobjects/Account", 415, "UNSUPPORTED_MEDIA_TYPE", ""),
    ],
)  # fmt: skip
def test_wrong_requests(  # noqa: PLR0917 -- one parameter for each part of the case
    api: Caller, method: str, path: str, status: int, code: str, message: str
):
    found = api.error(api.call(method, path))
    assert found[:2] == (status, code)
    assert message in found[2]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b""])
def test_a_body_that_is_no_json_object(api: Caller, content: bytes):
    headers = {"Content-Type": "application/json"}
    found = api.call("POST", "/sobjects/Account", content=content, headers=headers)
    assert api.error(found)[:2] == (400, "JSON_PARSER_ERROR")


def test_bodies_may_be_compressed(api: Caller):
    """In both directions; a broken one is refused."""
    body = gzip.compress(json.dumps({"Name": "Zipped"}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    made = api.call("POST", "/sobjects/Account", content=body, headers=headers)
    assert made.status_code == 201
    broken = api.call("POST", "/sobjects/Account", content=body[:-3], headers=headers)
    assert broken.status_code == 400
    for encoding, packed in (("gzip", "gzip"), ("identity", None)):
        found = api.call("GET", "/sobjects", headers={"Accept-Encoding": encoding})
        assert found.headers.get("content-encoding") == packed
        assert found.json()["encoding"] == "UTF-8"


def test_long_uris_are_refused_as_recorded(api: Caller, recorded: Path):
    path = recorded / "errors" / "observed_errors.jsonl"
    errors = map(json.loads, path.read_text().splitlines())
    body = next(e["body"] for e in errors if e["http_status"] == 414)
    query = "SELECT Id FROM Account WHERE Name = '" + "x" * 16_384 + "'"
    found = api.get("/query", q=query)
    assert (found.status_code, found.text) == (414, body)
    too_much = api.call("GET", "/limits", headers={"X-Big": "x" * 16_384})
    assert too_much.status_code == 431


def test_the_org_keeps_its_own_time(api: Caller):
    assert api.get("/limits").headers["date"] == "Wed, 06 Mar 2030 12:34:56 GMT"


def test_json_can_be_asked_for_pretty(api: Caller):
    found = api.call("GET", "/limits", headers={"X-PrettyPrint": "1"})
    assert found.text.startswith('{\n  "')


def test_the_request_log_tells_who_asked_what(api: Caller):
    api.get("/limits")
    api.get("/nothing")
    assert [tuple(record) for record in api.org.requests] == [
        ("GET", f"{BASE}/limits", 200),
        ("GET", f"{BASE}/nothing", 404),
    ]
    api.org.requests.clear()
    assert len(api.org.requests) == 0


def test_what_goes_wrong_inside_is_salesforces_500(
    api: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The caller learns an error id; the log says what happened."""

    def break_down(_: Store) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Store, "record_counts", break_down)
    status, code, message = api.error(api.get("/limits/recordCount"))
    assert (status, code) == (500, "UNKNOWN_EXCEPTION")
    assert message.startswith("An unexpected error occurred. Please include this Error")
    assert "ZeroDivisionError" in caplog.text


def test_secrets_are_the_callers_choice_and_not_shown():
    with calling(client_id="me", client_secret="hush") as api:
        assert (api.org.client_id, api.org.client_secret) == ("me", "hush")
        assert "hush" not in repr(api.org._service.settings)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/composite/sobjects",
            {"records": [{"attributes": 3}], "allOrNone": 1},
        ),
        ("POST", "/composite/sobjects", {"records": {"Name": "x"}}),
        ("POST", "/composite/sobjects/Account", {"ids": [1], "fields": ["Id"]}),
        ("POST", "/composite/sobjects/Account", {"ids": [], "fields": 3}),
        ("POST", "/composite", {"compositeRequest": [{"method": "GET", "url": 3}]}),
        ("POST", "/jobs/query", {"operation": ["query"], "query": "SELECT Id FROM X"}),
        ("POST", "/sobjects/Account", {"Name": {"a": 1}}),
        ("PATCH", "/sobjects/Account/001000000000001", {"Name": ["x"]}),
        ("GET", "/query?q=", None),
        ("GET", "/query?q=SELECT+Id+FROM+Account+WHERE+Name+LIKE+3", None),
        ("GET", "/query/01gD70000000001IAA-99999999999999999999", None),
        ("GET", "/sobjects/Account/001000000000001?fields=Id+FROM+Account+--", None),
        ("GET", "/sobjects/Account/%FF%FE/x", None),
        ("PUT", "/limits", None),
    ],
)
def test_nonsense_is_the_callers_fault(
    api: Caller, method: str, path: str, body: object
):
    """Whatever comes in, the answer is a 4xx with Salesforce's shape."""
    found = api.call(method, path, json=body)
    status, code, _ = api.error(found)
    assert 400 <= status < 500
    assert code.isupper()


def test_enormous_numbers_are_numbers(api: Caller):
    """What no column can hold is still greater than what it holds."""
    huge = "9" * 40
    soql = f"SELECT Id FROM Account WHERE NumberOfEmployees < {huge} LIMIT {huge}"
    with_count = "SELECT Id FROM Account WHERE NumberOfEmployees != null"
    assert len(api.records(soql)) == len(api.records(with_count)) > 0


def test_bodies_nested_beyond_reason_are_refused(api: Caller):
    """JSON of any depth gets an answer that says what is wrong."""
    nested = b'{"Name": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    kind = {"Content-Type": "application/json"}
    found = api.call("POST", "/sobjects/Account", content=nested, headers=kind)
    assert api.error(found)[:2] == (400, "JSON_PARSER_ERROR")


def test_a_secret_of_any_letters_is_just_wrong(api: Caller):
    found = api.ask_token(client_secret="\u00e9")
    assert (found.status_code, found.json()["error"]) == (400, "invalid_client")
