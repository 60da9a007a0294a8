"""Tokens: where they come from, what they tell, and whom they are shown to."""

import pytest

from lht.exceptions import ConfigError, SalesforceAuthError, SalesforceUnavailableError
from lht.salesforce.auth import AccessInfo, ClientCredentials, normalise_org_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("acme", "https://acme.my.salesforce.com"),
        (" Acme ", "https://acme.my.salesforce.com"),
        ("acme--uat.sandbox", "https://acme--uat.sandbox.my.salesforce.com"),
        ("acme-dev-ed.develop", "https://acme-dev-ed.develop.my.salesforce.com"),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        (
            "https://acme.my.salesforce.com/services/x?y",
            "https://acme.my.salesforce.com",
        ),
        (
            "https://acme.lightning.force.com/lightning",
            "https://acme.my.salesforce.com",
        ),
        (
            "acme--u.sandbox.lightning.force.com",
            "https://acme--u.sandbox.my.salesforce.com",
        ),
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_an_org_is_found_by_any_of_its_names(text, url):
    """URL, host, Lightning page or subdomain: all mean one origin."""
    assert normalise_org_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "http://acme.my.salesforce.com",
        "http://acme",
        "ftp://acme.my.salesforce.com",
        "https://user:hunter2@acme.my.salesforce.com",
        "ac me",
        "acme.my.salesforce.com:port",
        "https://",
        "http://localhost.evil.example",
    ],
)
def test_what_names_no_org_is_refused(text):
    """A wrong or unsafe address is a configuration error that shows no secret."""
    with pytest.raises(ConfigError) as caught:
        normalise_org_url(text)
    assert "hunter2" not in str(caught.value)


def test_credentials_become_a_token(org):
    """The client credentials flow sends what Salesforce wants, once."""
    auth = org.credentials()
    token = auth.token()
    assert auth.token() is token
    assert (token.instance_url, token.org_id) == (org.url, org.org_id)
    (asked,) = org.requests
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"grant_type=client_credentials" in asked.body
    assert asked.query == {}


def test_renewing_what_is_already_renewed_costs_nothing(org):
    """Who comes late with a stale token gets the one that another got."""
    auth = org.credentials()
    stale = auth.token()
    fresh = auth.renew(stale)
    assert fresh != stale
    assert auth.renew(stale) is fresh
    assert org.tokens_issued == 2


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_client", "invalid client credentials", "secret"),
        ("invalid_client_id", "client identifier invalid", "client id"),
    ],
)
def test_refused_credentials_say_what_to_change(org, code, words, hint):
    """Each of Salesforce's refusals comes with the setting that causes it."""
    body = {"error": code, "error_description": words}
    org.token_replies.append(org.Reply(body, 400))
    with pytest.raises(SalesforceAuthError) as caught:
        org.credentials().token()
    error = caught.value
    assert (error.error_code, error.why) == (code, words)
    assert hint in error.hint
    assert error.exit_code == 4


def test_a_busy_token_endpoint_is_waited_for(org):
    """An outage at log-in is an outage, not wrong credentials."""
    busy = org.Reply(b"<title>Busy</title>", 503, {"Content-Type": "text/html"})
    org.token_replies.append(busy)
    assert org.credentials().token().org_id == org.org_id

    org.token_replies += [busy] * 10
    with pytest.raises(SalesforceUnavailableError):
        org.credentials().token()


def test_a_page_that_is_no_token_is_told(org):
    """A wrong address that answers is not mistaken for an org."""
    org.token_replies.append(org.Reply({"hello": "world"}))
    with pytest.raises(SalesforceAuthError, match="not a token"):
        org.credentials().token()


def test_a_token_for_a_foreign_plain_host_is_refused(org):
    """An answer cannot lead the token onto an unencrypted line."""
    answer = {"access_token": "t", "instance_url": "http://acme.my.salesforce.com"}
    org.token_replies.append(org.Reply(answer))
    with pytest.raises(ConfigError, match="plain http"):
        org.credentials().token()


@pytest.mark.parametrize(
    ("token", "org_id"),
    [
        ("0019H00000H1RMD!x", ""),
        ("00D9H00000H1RMD!AR8.x_y", "00D9H00000H1RMDUA3"),
        ("opaque", ""),
    ],
)
def test_a_ready_token_tells_its_org(token, org_id):
    """The org's id is read from the token where it is in it."""
    info = AccessInfo({"access_token": token, "instance_url": "acme"})
    assert info.token().org_id == org_id
    assert info.token().instance_url == "https://acme.my.salesforce.com"


@pytest.mark.parametrize(
    "mapping",
    [
        {"instance_url": "acme"},
        {"access_token": "t"},
        {"access_token": "", "instance_url": "acme"},
        {"access_token": "SECRET\nx", "instance_url": "acme"},
        {"access_token": "SECRETé", "instance_url": "acme"},
        {"access_token": None, "instance_url": "acme"},
        {"access_token": "SECRET", "instance_url": None},
        {"access_token": "SECRET", "instance_url": 5},
        {"access_token": b"SECRET", "instance_url": "acme"},
    ],
)
def test_a_useless_access_info_is_refused(mapping):
    """What cannot be sent as a token is refused without being shown."""
    with pytest.raises(ConfigError) as caught:
        AccessInfo(mapping)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, "", 5])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_useless_credentials_are_refused(place, wrong):
    """What is missing or no text is said at once, before anything is sent."""
    given = ["acme", "SECRET", "SECRET"]
    given[place] = wrong
    with pytest.raises(ConfigError) as caught:
        ClientCredentials(*given)
    assert "SECRET" not in str(caught.value)


def test_a_secret_is_never_shown():
    """The repr of credentials holds neither id nor secret."""
    shown = repr(ClientCredentials("acme", "the-id", "the-secret"))
    assert "the-" not in shown
    assert "acme" in shown
