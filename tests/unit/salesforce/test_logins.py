"""Keys, hosts and forms of the logins: what is decided before anything is sent."""

import base64
import json
import socket
from pathlib import Path
from unittest.mock import Mock

import pytest
from tests import keys
from tests.answering import Answer, Answering, Request

from lht.exceptions import (
    ConfigError,
    SalesforceAuthError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.salesforce import _wire
from lht.salesforce._org_url import login_host
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.logins import JwtBearer, RefreshToken, UsernamePassword

ACME = "https://acme.my.salesforce.com"


def key_refused(given, **options):
    with pytest.raises(ConfigError) as caught:
        JwtBearer("acme", "id", "me", given, **options)
    assert "BEGIN" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (ACME, "login"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "login"),
        ("https://acme--uat.sandbox.my.salesforce.com", "test"),
        ("https://acme.scratch.my.salesforce.com", "test"),
        ("https://test.salesforce.com", "test"),
        ("https://login.salesforce.com", "login"),
        ("http://127.0.0.1:9999", "login"),
    ],
)
def test_sandboxes_have_another_login_host(url, host):
    """An assertion is for the host that stands for the org."""
    assert login_host(url) == f"https://{host}.salesforce.com"
    assert JwtBearer(url, "id", "me", keys.private_pem()).audience == login_host(url)


def test_a_key_is_a_text_or_a_file(tmp_path):
    """Encrypted or not; the file may be anywhere."""
    secret = keys.private_pem(passphrase="hush")
    path = tmp_path / "lht.key"
    path.write_text(secret)
    JwtBearer("acme", "id", "me", path, passphrase="hush")
    JwtBearer("acme", "id", "me", secret, passphrase="hush")
    JwtBearer("acme", "id", "me", keys.private_pem())


def test_a_key_that_cannot_be_used_is_told():
    """Each mistake has its own hint, and the key is not in it."""
    plain, secret = keys.private_pem(), keys.private_pem(passphrase="hush")
    assert "passphrase is needed" in key_refused(secret).hint
    assert "passphrase is another" in key_refused(secret, passphrase="no").hint
    assert "leave the passphrase out" in key_refused(plain, passphrase="no").hint
    assert "damaged" in key_refused(plain[:-100]).hint
    assert "BEGIN PRIVATE KEY" in key_refused("hunter2").hint
    assert "openssl" in key_refused(keys.elliptic_pem()).hint
    missing = key_refused(Path("/no/such.key"))
    assert "/no/such.key" in str(missing)


@pytest.mark.parametrize("wrong", [None, "", 5])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "login",
    [
        lambda *given: JwtBearer(*given, keys.private_pem()),
        RefreshToken,
        UsernamePassword,
    ],
)
def test_what_is_missing_is_told_at_once(login, place, wrong):
    """Nothing is sent with a part of the credentials."""
    given = ["acme", "SECRET", "SECRET"]
    given[place] = wrong
    with pytest.raises(ConfigError) as caught:
        login(*given)
    assert "SECRET" not in str(caught.value)


def test_no_secret_is_shown():
    """The repr tells where and who, not with what."""
    logins = [
        JwtBearer("acme", "the-id", "me", keys.private_pem()),
        RefreshToken("acme", "the-id", "the-token", client_secret="the-secret"),
        UsernamePassword("acme", "me", "the-password", security_token="the-token"),
    ]
    for login in logins:
        assert "the-" not in repr(login)
        assert "BEGIN" not in repr(login)
        assert ACME in repr(login)


def claims(request):
    """Return what an assertion says that was sent in a form."""
    assertion = dict(p.split("=") for p in request.body.decode().split("&"))[
        "assertion"
    ]
    body = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_an_assertion_is_made_for_salesforces_own_clock(org):
    """The second one; the first shows how far the clocks are apart."""
    refusal = {"error": "invalid_grant", "error_description": "invalid assertion"}
    # org's Date header says 08:00:00 on 21 November 2026: 1_795_248_000
    org.token_replies.append(org.Reply(refusal, 400))
    JwtBearer(org.url, "id", "me", keys.private_pem()).token()
    first, second = map(claims, org.requests)
    assert first["exp"] != second["exp"]
    assert abs(second["exp"] - 1_795_248_000 - 180) <= 2


def test_an_assertion_that_is_refused_at_the_right_time_is_refused(org):
    """The second refusal stays one, and nothing is tried a third time."""
    words = "invalid assertion"
    refusal = {"error": "invalid_grant", "error_description": words}
    org.token_replies += [org.Reply(refusal, 400)] * 2
    with pytest.raises(SalesforceAuthError) as caught:
        JwtBearer(org.url, "id", "me", keys.private_pem()).token()
    assert caught.value.why == words
    assert "certificate" in caught.value.hint
    assert len(org.requests) == 2


def test_a_clock_that_is_unknown_is_taken_for_ours(org):
    """Without a Date there is nothing to compare."""
    refusal = {"error": "invalid_grant", "error_description": "no"}
    org.token_replies.append(org.Reply(refusal, 400, {"Date": ""}))
    with pytest.raises(SalesforceAuthError):
        JwtBearer(org.url, "id", "me", keys.private_pem()).token()
    assert len(org.requests) == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("user hasn't approved this consumer", "policies"),
        ("user is not admin approved to access this app", "policies"),
        ("Audience validation failed", "sandbox"),
        ("audience is invalid", "sandbox"),
        ("expired access/refresh token", "log in again"),
        ("authentication failure - Invalid Password", "security token"),
        ("inactive user", "activate"),
    ],
)
def test_a_refusal_says_what_to_change(org, words, hint):
    """Salesforce's own words, and what is behind them."""
    body = {"error": "invalid_grant", "error_description": words}
    org.token_replies.append(org.Reply(body, 400))
    with pytest.raises(SalesforceAuthError) as caught:
        RefreshToken(org.url, "id", "token").token()
    assert str(caught.value) == "Salesforce refused the refresh token"
    assert caught.value.why == words
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (
            {
                "error": "rate_limit_exceeded",
                "error_description": "login rate exceeded",
            },
            400,
        ),
        (
            [
                {
                    "errorCode": "REQUEST_LIMIT_EXCEEDED",
                    "message": "TotalRequests Limit exceeded.",
                }
            ],
            403,
        ),
    ],
    ids=["logins", "calls"],
)
def test_what_is_used_up_is_a_limit(org, body, status):
    """Later it may be possible again: another exit code."""
    org.token_replies.append(org.Reply(body, status))
    with pytest.raises(SalesforceLimitError) as caught:
        ClientCredentials(org.url, "id", "secret").token()
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "login",
    [
        lambda url: ClientCredentials(url, "id", "secret"),
        lambda url: UsernamePassword(url, "ada@example.com", "secret"),
    ],
    ids=["oauth", "soap"],
)
def test_nobody_on_this_machine_is_told_at_once(login, monkeypatch):
    """A local org that does not run does not begin to by being asked again."""
    asked = Mock(side_effect=_wire.send)
    monkeypatch.setattr(_wire, "send", asked)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SalesforceUnavailableError, match=f":{port}") as caught:
        login(f"http://127.0.0.1:{port}").token()
    assert "lht devorg serve" in caught.value.hint
    assert asked.call_count == 1


def test_a_secret_that_there_is_not_is_not_sent(org):
    """A public app has none."""
    RefreshToken(org.url, "id", "token").token()
    (asked,) = org.requests
    assert b"client_secret" not in asked.body


SESSION = (
    "<result><serverUrl>{}/services/Soap/u/62.0/00D</serverUrl>"
    "<sessionId>00D!a&amp;b</sessionId>"
    "<organizationId>00D5g000000AbCdEAK</organizationId></result>"
)
"""What answers a SOAP login, as far as it is read."""


class SoapOrg:
    """An org that gives every request the same answer."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.status, self.body = 200, ""
        self.server = Answering(self._answer)
        self.url = self.server.url

    def says(self, body: str, status: int = 200) -> None:
        self.status, self.body = status, body

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        body = self.body.encode()
        return Answer(self.status, {"Content-Type": "text/xml"}, [body], len(body))


@pytest.fixture
def soap():
    org = SoapOrg()
    with org.server:
        yield org


def test_without_an_app_a_password_is_a_soap_login(soap):
    """The session id of SOAP is the token of REST."""
    soap.says(SESSION.format(soap.url))
    token = UsernamePassword(soap.url, "a<b", "p&w", security_token="t").token()
    assert token.access_token == "00D!a&b"
    assert (token.instance_url, token.org_id) == (soap.url, "00D5g000000AbCdEAK")
    (asked,) = soap.requests
    assert asked.path == "/services/Soap/u/62.0"
    assert asked.headers["soapaction"] == "login"
    assert b"<username>a&lt;b</username><password>p&amp;wt</password>" in asked.body


@pytest.mark.parametrize("code", ["REQUEST_LIMIT_EXCEEDED", "LOGIN_RATE_EXCEEDED"])
def test_a_fault_about_what_is_used_up_is_a_limit(soap, code):
    """As with OAuth: later it may be possible again."""
    text = f"<faultcode>sf:{code}</faultcode><faultstring>no</faultstring>"
    soap.says(text, 500)
    with pytest.raises(SalesforceLimitError) as caught:
        UsernamePassword(soap.url, "me", "hush").token()
    assert (caught.value.exit_code, caught.value.error_code) == (5, code)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("INVALID_LOGIN", "sandbox"),
        ("sf:LOGIN_MUST_USE_SECURITY_TOKEN", "security token"),
        ("sf:INVALID_OPERATION", "no SOAP logins"),
        ("soapenv:Client", "client credentials"),
    ],
)
def test_a_fault_is_a_refusal_and_is_not_repeated(soap, code, hint):
    """A 500 of SOAP is an answer, not an outage."""
    text = f"<faultcode>{code}</faultcode><faultstring>X: no &amp; no</faultstring>"
    soap.says(text, 500)
    with pytest.raises(SalesforceAuthError) as caught:
        UsernamePassword(soap.url, "me", "hush").token()
    assert caught.value.error_code == code.rpartition(":")[2]
    assert caught.value.why == "X: no & no"
    assert hint in caught.value.hint
    assert len(soap.requests) == 1


def test_an_outage_is_an_outage_at_a_soap_login_too(soap):
    """Without a fault a 500 is repeated, and told as what it is."""
    soap.says("<h1>Down</h1>", 503)
    with pytest.raises(SalesforceUnavailableError):
        UsernamePassword(soap.url, "me", "hush").token()
    assert len(soap.requests) > 1


@pytest.mark.parametrize("body", ["", "<result/>", SESSION.format("nonsense")])
def test_what_is_no_session_is_told(soap, body):
    """A wrong address that answers is not mistaken for an org."""
    soap.says(body)
    with pytest.raises(SalesforceAuthError, match="not a session"):
        UsernamePassword(soap.url, "me", "hush").token()
