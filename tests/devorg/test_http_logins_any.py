"""Whatever is sent to where one logs in, the org answers in that place's own form."""

import string
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.devorg.calling import Caller, calling

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANTS = [
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "refresh_token",
    "password",
    "authorization_code",
    "device",
]
NAMES = [
    *("assertion", "client_id", "client_secret", "code", "code_verifier", "decision"),
    *("password", "redirect_uri", "refresh_token", "response_type", "scope", "state"),
    *("token", "user_code", "username"),
]
ASK = "/services/oauth2/authorize"
ASKED = {"client_id": "PlatformCLI", "response_type": "code", "decision": "allow"}
texts = st.text(max_size=12) | st.sampled_from(
    ["code", "device_code", "PlatformCLI", "http://localhost/", "allow", "a.b.c", "\0"]
)
forms = st.dictionaries(st.sampled_from(NAMES), texts, max_size=8)


@pytest.fixture(scope="module")
def api():
    with calling() as api:
        yield api


def sendable(form: dict[str, str]) -> bytes:
    return urlencode(form, errors="surrogatepass").encode()


@settings(max_examples=150)
@given(form=forms, grant=st.sampled_from([*GRANTS, "", "magic"]), own=st.booleans())
@example(form={"username": "a\0b", "password": "c"}, grant="password", own=True)
def test_a_token_or_a_refusal(api: Caller, form, grant, own):
    """Never an error of the server's own."""
    pair = {"client_id": api.org.client_id, "client_secret": api.org.client_secret}
    body = sendable({"grant_type": grant} | form | (pair if own else {}))
    found = api.http.post("/services/oauth2/token", content=body, headers=FORM)
    if found.status_code != 200:
        assert found.status_code == 400
        assert found.json().keys() == {"error", "error_description"}


@settings(max_examples=150)
@given(
    form=forms,
    place=st.sampled_from(
        [
            ASK,
            "/services/oauth2/introspect",
            "/services/oauth2/revoke",
            "/setup/connect",
        ]
    ),
)
@example(form=ASKED | {"redirect_uri": "http://a/\r\nX: y"}, place=ASK)
@example(form=ASKED | {"redirect_uri": "http://\u00e9/", "state": "\r\n"}, place=ASK)
def test_a_page_or_a_refusal(api: Caller, form, place):
    """Pages, redirects, and 400 where neither is possible."""
    found = api.http.post(place, content=sendable(form), headers=FORM)
    assert found.status_code in {200, 302, 400}


elements = st.recursive(
    st.text(string.ascii_letters + " <&\0\ud800", max_size=6),
    lambda inside: (
        st.builds(
            "<{0}>{1}</{0}>".format,
            st.sampled_from(
                ["u:login", "u:username", "u:password", "u:getUserInfo", "a"]
            ),
            inside,
        )
        | st.builds(str.__add__, inside, inside)
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(inside=elements, version=st.sampled_from(["62.0", "65.0", "x", "nan", "1e9"]))
def test_a_session_or_a_fault(api: Caller, inside, version):
    """Any envelope gets one back."""
    document = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        f' xmlns:u="urn:partner.soap.sforce.com"><e:Body>{inside}</e:Body></e:Envelope>'
    )
    found = api.http.post(
        f"/services/Soap/u/{version}",
        content=document.encode("utf-8", "surrogatepass"),
        headers={"Content-Type": "text/xml", "SOAPAction": "x"},
    )
    assert found.status_code in {200, 500}
    assert found.headers["content-type"].startswith("text/xml")
    assert "Envelope" in found.text
