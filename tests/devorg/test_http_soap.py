"""Logins over SOAP, in the envelopes that clients have looked into for twenty years."""

import gzip
import re
from xml.sax.saxutils import escape

import pytest
from tests.devorg.calling import Caller, calling

from lht.devorg.xml import parse_xml

ADA = "ada@devorg.example"
HEADERS = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}


@pytest.fixture(scope="module")
def api():
    with calling(password="<&>") as api:
        yield api


def envelope(body: str, header: str = "", kind: str = "partner") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"'
        f' xmlns:urn="urn:{kind}.soap.sforce.com">'
        f"<env:Header>{header}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


def send(api: Caller, body: bytes, path: str = "u/62.0", **headers: str):
    return api.http.post(
        f"/services/Soap/{path}", content=body, headers=HEADERS | headers
    )


def log_in(api: Caller, path: str = "u/62.0", kind: str = "partner", **changes: str):
    logins = api.org.logins
    form = {"username": ADA, "password": logins.password + logins.security_token}
    form |= changes
    inside = "".join(f"<urn:{k}>{escape(v)}</urn:{k}>" for k, v in form.items())
    body = envelope(f"<urn:login>{inside}</urn:login>", kind=kind)
    return send(api, body, path)


def with_session(name: str, token: str) -> bytes:
    header = (
        f"<urn:SessionHeader><urn:sessionId>{token}</urn:sessionId></urn:SessionHeader>"
    )
    return envelope(f"<urn:{name}/>", header)


def value(found, name: str) -> str:
    assert found.status_code == 200, found.text
    return re.search(f"<{name}>([^<]*)</{name}>", found.text)[1]


def fault(found) -> tuple[str, str]:
    assert found.status_code == 500, found.text
    assert found.headers["content-type"] == "text/xml;charset=UTF-8"
    parse_xml(found.content)
    code = re.search("<faultcode>([^<]*)</faultcode>", found.text)[1]
    text = re.search("<faultstring>([^<]*)</faultstring>", found.text)[1]
    return code, text


def paths(element) -> list[str]:
    """Return every element's way from the root."""
    own = [element.tag]
    return own + [f"{element.tag}>{path}" for child in element for path in paths(child)]


@pytest.mark.parametrize("version", ["31.0", "62.0", "64.0", "60"])
@pytest.mark.parametrize(("letter", "kind"), [("u", "partner"), ("c", "enterprise")])
def test_a_session_of_soap_is_one_of_rest(api, letter, kind, version):
    """Where the session id may be used next is told beside it."""
    found = log_in(api, f"{letter}/{version}", kind)
    token, url = value(found, "sessionId"), value(found, "serverUrl")
    org = api.org.store.org_id[:15]
    assert url == f"{api.org.url}/services/Soap/{letter}/{version}/{org}"
    assert value(found, "userName") == ADA
    bearer = {"Authorization": f"Bearer {token}"}
    assert api.call("GET", "/limits", headers=bearer).status_code == 200


def test_the_answer_is_shaped_as_recorded(api, recorded):
    """Element by element, in order."""
    name = "http/salesforcepy/soap_login_response_200.xml"
    shown = paths(parse_xml((recorded / name).read_bytes().lstrip()))
    told = paths(parse_xml(log_in(api, "c/62.0", "enterprise").content))
    later = {
        "chatterExternal",
        "orgDefaultCurrencyLocale",
        "orgDisallowHtmlAttachments",
    }
    later |= {"orgHasPersonAccounts"}
    assert [p for p in told if p.rpartition("}")[2] not in later] == [
        p for p in shown if p.rpartition("}")[2] not in later
    ]


def test_a_refusal_is_shaped_as_recorded(api, recorded):
    """The fault of a wrong password, byte for byte."""
    name = "http/salesforcepy/soap_login_response_500.xml"
    found = log_in(api, "c/62.0", "enterprise", password="no")
    assert found.status_code == 500
    assert found.text == (recorded / name).read_text().strip()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "no"}, "INVALID_LOGIN"),
        ({"username": "no"}, "INVALID_LOGIN"),
        ({"password": ""}, "INVALID_LOGIN"),
        ({"password": "<&>"}, "LOGIN_MUST_USE_SECURITY_TOKEN"),
    ],
)
def test_a_wrong_password(api, changes, code):
    """Who has forgotten the token is told, who knows no password is not."""
    found_code, text = fault(log_in(api, **changes))
    assert found_code == f"sf:{code}"
    assert text.startswith(f"{code}: Invalid username, password, security token; or")
    assert f"<sf:exceptionCode>{code}</sf:exceptionCode>" in log_in(api, **changes).text


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("u/65.0", "sf:INVALID_OPERATION"),
        ("u/30.0", "sf:UNSUPPORTED_API_VERSION"),
        ("u/99.0", "sf:UNSUPPORTED_API_VERSION"),
        ("u/new", "sf:UNSUPPORTED_API_VERSION"),
    ],
)
def test_versions_without_login(api, path, code):
    """login() ends with version 64.0."""
    assert fault(log_in(api, path))[0] == code


def test_login_may_be_off_and_codes_plain():
    """Where orgs differ, settings do."""
    with calling(soap_login=False, plain_fault_codes=True) as api:
        code, text = fault(log_in(api))
        assert code == "INVALID_OPERATION"
        assert "SOAP API login() is disabled by default in this org" in text


def test_an_inactive_user_and_a_hurried_one():
    """OAuth's refusals in SOAP's words."""
    with calling(logins_per_hour=1) as api:
        assert value(log_in(api), "sessionId")
        assert fault(log_in(api))[0] == "sf:LOGIN_RATE_EXCEEDED"
        user_id = value(log_in(api, username="bruno@devorg.example"), "userId")
        api.org.update("User", user_id, {"IsActive": False})
        found = log_in(api, username="bruno@devorg.example")
        assert fault(found)[0] == "sf:INVALID_LOGIN"


def test_a_session_answers_until_it_is_ended(api):
    """Call after call, by the session in the header; logout ends it."""
    token = value(log_in(api), "sessionId")
    path = f"u/62.0/{api.org.store.org_id[:15]}"
    found = send(api, with_session("getUserInfo", token), path)
    assert value(found, "userFullName") == "Ada Okafor"
    assert "<type>API REQUESTS</type>" in found.text
    assert value(send(api, with_session("getServerTimestamp", token)), "timestamp")
    assert send(api, with_session("logout", token)).status_code == 200
    code, text = fault(send(api, with_session("getUserInfo", token), path))
    assert code == "sf:INVALID_SESSION_ID"
    assert text.endswith(": Invalid Session ID found in SessionHeader: Illegal Session")


def test_a_session_is_for_its_org(api):
    """Another org's address does not know it."""
    token = value(log_in(api), "sessionId")
    found = send(api, with_session("getUserInfo", token), "u/62.0/00D000000000000")
    assert fault(found)[0] == "sf:INVALID_SESSION_ID"
    assert fault(send(api, envelope("<urn:getUserInfo/>")))[0] == (
        "sf:INVALID_SESSION_ID"
    )


def test_a_token_of_oauth_is_a_session_id(api):
    """Either way in leads to both kinds of API, and the call is counted."""
    token = api.token()
    used = api.get("/limits").json()["DailyApiRequests"]["Remaining"]
    assert send(api, with_session("getUserInfo", token)).status_code == 200
    assert api.get("/limits").json()["DailyApiRequests"]["Remaining"] == used - 2


def test_a_session_of_soap_is_not_revoked_by_oauth(api):
    """It did not come from there."""
    token = value(log_in(api), "sessionId")
    found = api.http.post("/services/oauth2/revoke", data={"token": token})
    assert found.json()["error"] == "unsupported_token_type"


def test_when_all_calls_are_used_soap_says_so():
    """The limit is the same one as for REST."""
    with calling(api_usage_limit=1) as api:
        token = api.token()
        assert send(api, with_session("getUserInfo", token)).status_code == 200
        assert fault(send(api, with_session("getUserInfo", token))) == (
            "sf:REQUEST_LIMIT_EXCEEDED",
            "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.",
        )


def test_a_packed_envelope_is_unpacked(api):
    """As the Java clients send it."""
    token = api.token()
    body = gzip.compress(with_session("getUserInfo", token))
    found = send(api, body, **{"Content-Encoding": "gzip"})
    assert found.status_code == 200
    broken = send(api, b"no gzip", **{"Content-Encoding": "gzip"})
    assert broken.status_code == 500


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"", {}, "not well-formed"),
        (b"<a/>", {}, "no SOAP envelope"),
        (envelope(""), {}, "no SOAP envelope"),
        (envelope("<urn:dance/>"), {}, "No operation available for request"),
        (envelope("<urn:login/>", kind="other"), {}, "No operation available"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', {}, "not allowed"),
        (envelope("<urn:login/>"), {"Content-Type": "application/json"}, "text/xml"),
    ],
)
def test_what_is_no_call(api, body, headers, words):
    """Whatever is sent, the answer is a fault of SOAP."""
    code, text = fault(send(api, body, **headers))
    assert code == "soapenv:Client"
    assert words in text


def test_a_call_without_soapaction(api):
    """The header must be there, whatever it says."""
    headers = {"Content-Type": "text/xml"}
    body = envelope("<urn:login/>")
    found = api.http.post("/services/Soap/u/62.0", content=body, headers=headers)
    assert fault(found) == ("soapenv:Client", "SOAPAction HTTP header missing")
