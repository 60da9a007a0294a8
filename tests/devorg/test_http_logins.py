"""Every way of OAuth into the org, and the words of every refusal."""

import base64
import hashlib
import json
import re
from datetime import timedelta

import httpx2
import jwt
import pytest
from tests import keys
from tests.devorg.calling import NOW, Caller, calling

from lht import devorg

TOKEN = "/services/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ADA = "ada@devorg.example"
SECONDS = int(NOW.timestamp())


@pytest.fixture(scope="module")
def api():
    with calling(certificates=[keys.certificate_pem()]) as api:
        yield api


def assertion(api: Caller, *, signer: str = "ours", algorithm="RS256", **claims):
    given = {
        "iss": api.org.client_id,
        "sub": ADA,
        "aud": "https://login.salesforce.com",
        "exp": SECONDS + 180,
    } | claims
    given = {name: value for name, value in given.items() if value is not None}
    key = "x" * 32 if algorithm == "HS256" else keys.private_pem(signer)
    return jwt.encode(given, key, algorithm=algorithm)


def by_jwt(api: Caller, text: str):
    return api.http.post(TOKEN, data={"grant_type": JWT_BEARER, "assertion": text})


def by_password(api: Caller, **changes):
    password = api.org.logins.password + api.org.logins.security_token
    form = {"grant_type": "password", "username": ADA, "password": password}
    return api.ask_token(**(form | changes))


def by_refresh(api: Caller, token: str, **changes):
    return api.ask_token(grant_type="refresh_token", refresh_token=token, **changes)


def refusal(found):
    assert found.status_code == 400, found.text
    assert found.json().keys() == {"error", "error_description"}
    return found.json()["error"], found.json()["error_description"]


def user_of(api: Caller, found) -> str:
    assert found.status_code == 200, found.text
    bearer = {"Authorization": "Bearer " + found.json()["access_token"]}
    told = api.http.get("/services/oauth2/userinfo", headers=bearer)
    assert api.call("GET", "/limits", headers=bearer).status_code == 200
    return told.json()["preferred_username"]


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": "https://login.salesforce.com/"},
        {"exp": SECONDS},
        {"exp": str(SECONDS + 100)},
        {"exp": SECONDS * 1000 + 300},
        {"exp": SECONDS - 179},
        {"exp": SECONDS + 359},
        {"sub": "nobody", "prn": ADA},
        {"sub": ADA.upper(), "iat": SECONDS},
    ],
)
def test_a_signed_assertion_opens_a_session(api, claims):
    """RS256, a known application, a user, the login host, about now."""
    found = by_jwt(api, assertion(api, **claims))
    assert user_of(api, found) == ADA
    assert list(found.json()) == [
        "access_token",
        "scope",
        "instance_url",
        "id",
        "token_type",
    ]


def test_an_assertion_may_be_for_the_org_itself(api):
    """The org's own URL is an audience too."""
    assert user_of(api, by_jwt(api, assertion(api, aud=api.org.url))) == ADA


INVALID = ("invalid_grant", "invalid assertion")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "other"}, ("invalid_client_id", "client identifier invalid")),
        ({"iss": None}, ("invalid_client_id", "client identifier invalid")),
        (
            {"aud": "https://test.salesforce.com"},
            ("invalid_grant", "Audience validation failed"),
        ),
        ({"aud": None}, ("invalid_grant", "Audience validation failed")),
        ({"exp": SECONDS - 181}, ("invalid_grant", "expired authorization code")),
        ({"exp": SECONDS + 361}, INVALID),
        ({"exp": None}, INVALID),
        ({"exp": "soon"}, INVALID),
        ({"exp": "nan"}, INVALID),
        ({"signer": "other"}, INVALID),
        ({"algorithm": "RS512"}, INVALID),
        ({"algorithm": "HS256"}, INVALID),
        ({"sub": "x@y.z"}, ("invalid_grant", "user hasn't approved this consumer")),
        ({"sub": None}, ("invalid_grant", "user hasn't approved this consumer")),
    ],
)
def test_an_assertion_that_is_not_right(api, claims, expected):
    """What is wrong with an assertion decides the words."""
    assert refusal(by_jwt(api, assertion(api, **claims))) == expected


@pytest.mark.parametrize("text", ["x", "a.b.c", "\u00e9", "e30.W10."])
def test_an_assertion_that_is_none(api, text):
    """Text that is no JWT at all is an invalid assertion."""
    assert refusal(by_jwt(api, text)) == INVALID


def test_without_a_certificate_no_assertion_is_good():
    """A certificate is registered at the start, later, or by the admin API."""
    with calling() as api:
        assert refusal(by_jwt(api, assertion(api))) == INVALID
        api.org.logins.register_certificate(keys.public_pem("other"))
        assert refusal(by_jwt(api, assertion(api))) == INVALID
        body = {"certificate": keys.certificate_pem()}
        assert api.post("/devorg/admin/logins", body).status_code == 200
        assert user_of(api, by_jwt(api, assertion(api))) == ADA
        found = api.post("/devorg/admin/logins", {"certificate": "none"})
        assert found.status_code == 400


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----", None])
def test_a_certificate_that_is_none_is_told(pem):
    """Garbage, or another kind of key, is no certificate."""
    text = keys.elliptic_pem() if pem is None else pem
    with pytest.raises(ValueError, match="not a"), calling(certificates=[text]):
        pass


def test_which_users_are_approved_is_a_policy():
    """An administrator approves, or the user themselves once did, or nobody."""
    pem = [keys.public_pem()]
    with calling(certificates=pem, approved="none") as api:
        assert refusal(by_jwt(api, assertion(api))) == (
            "invalid_app_access",
            "user is not admin approved to access this app",
        )
    with calling(certificates=pem, approved="after consent", consent="given") as api:
        words = ("invalid_grant", "user hasn't approved this consumer")
        assert refusal(by_jwt(api, assertion(api))) == words
        assert exchange(api, code(api, login_hint=ADA)).status_code == 200
        assert user_of(api, by_jwt(api, assertion(api))) == ADA


def test_a_sandbox_wants_another_audience_and_may_answer_more():
    """Where orgs differ, settings do."""
    settings = {"is_sandbox": True, "full_jwt_answer": True}
    with calling(certificates=[keys.public_pem()], **settings) as api:
        words = ("invalid_grant", "Audience validation failed")
        assert refusal(by_jwt(api, assertion(api))) == words
        found = by_jwt(api, assertion(api, aud="https://test.salesforce.com"))
        assert {"signature", "issued_at"} <= found.json().keys()


def test_a_password_with_its_security_token(api):
    """Both, one behind the other, in the name of the user they belong to."""
    found = by_password(api)
    assert user_of(api, found) == ADA
    assert "refresh_token" not in found.json()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"password": "no"}, ("invalid_grant", "authentication failure")),
        ({"username": "no"}, ("invalid_grant", "authentication failure")),
        ({"client_id": "no"}, ("invalid_client_id", "client identifier invalid")),
        ({"client_secret": "no"}, ("invalid_client", "invalid client credentials")),
        ({"password": ""}, ("invalid_request", "missing required parameter: password")),
    ],
)
def test_a_password_that_is_not_right(api, changes, expected):
    """The application is looked at first, then user and password as one."""
    assert refusal(by_password(api, **changes)) == expected


def test_where_the_network_is_trusted_a_password_is_enough():
    """Without the token it is not, elsewhere."""
    with calling() as api:
        bare = api.org.logins.password
        assert refusal(by_password(api, password=bare))[0] == "invalid_grant"
    with calling(is_trusted_network=True, password="hush") as api:
        assert by_password(api, password="hush").status_code == 200
        assert "hush" not in repr(api.org._service.settings)


def test_newer_orgs_know_no_passwords():
    """The flow is blocked with the words of a wrong password, which are a setting."""
    words = "authentication failure - Invalid Password"
    with calling(password_flow=False, password_refusal=words) as api:
        assert refusal(by_password(api)) == ("invalid_grant", words)


def test_a_refresh_token_is_good_again_and_again(api):
    """The session before lives on; no new refresh token comes."""
    token = api.org.refresh_token()
    first, second = by_refresh(api, token), by_refresh(api, token)
    assert "refresh_token" not in first.json()
    assert first.json()["scope"] == "refresh_token web api"
    for found in (first, second):
        assert user_of(api, found) == "integration@devorg.example"
    assert by_refresh(api, token, client_secret="no").status_code == 400


@pytest.mark.parametrize("changes", [{"refresh_token": "no"}, {"client_id": "other"}])
def test_a_refresh_token_is_for_its_application(api, changes):
    """An unknown one, and one of another application, are over."""
    form = {"refresh_token": api.org.refresh_token()} | changes
    if "client_id" in changes:
        form["client_id"] = "PlatformCLI"
    assert refusal(api.ask_token(grant_type="refresh_token", **form)) == (
        "invalid_grant",
        "expired access/refresh token",
    )


def test_rotation_ends_what_was_before():
    """Token and session are good once; the new ones are."""
    with calling(refresh_rotation=True) as api:
        token = api.org.refresh_token()
        first = by_refresh(api, token)
        assert user_of(api, first) == "integration@devorg.example"
        second = by_refresh(api, first.json()["refresh_token"])
        assert user_of(api, second) == "integration@devorg.example"
        old = {"Authorization": "Bearer " + first.json()["access_token"]}
        found = api.call("GET", "/limits", headers=old)
        assert api.error(found)[:2] == (401, "INVALID_SESSION_ID")
        assert refusal(by_refresh(api, token))[0] == "invalid_grant"


def test_the_sixth_grant_ends_the_first():
    """Five for each user and application."""
    with calling() as api:
        tokens = [api.org.refresh_token() for _ in range(6)]
        good = [by_refresh(api, token).status_code == 200 for token in tokens]
        assert good == [False, True, True, True, True, True]


def authorize(api: Caller, method: str = "GET", **changes: str):
    form = {
        "response_type": "code",
        "client_id": api.org.client_id,
        "redirect_uri": "http://localhost:1717/OauthRedirect",
        "state": "a b&c",
    } | changes
    form = {name: value for name, value in form.items() if value}
    place = "params" if method == "GET" else "data"
    return api.http.request(method, "/services/oauth2/authorize", **{place: form})


def code(api: Caller, **changes: str) -> str:
    found = authorize(api, **changes)
    assert found.status_code == 302
    uri, _, rest = found.headers["location"].partition("?code=")
    text, _, state = rest.partition("&state=")
    assert (uri, state) == ("http://localhost:1717/OauthRedirect", "a+b%26c")
    return text


def exchange(api: Caller, text: str, **changes: str):
    form = {
        "grant_type": "authorization_code",
        "code": text,
        "redirect_uri": "http://localhost:1717/OauthRedirect",
    }
    return api.ask_token(**(form | changes))


@pytest.fixture(scope="module")
def open_api():
    with calling(consent="given") as api:
        yield api


def test_a_code_is_good_once(open_api):
    """The web server flow ends in a session, and in a refresh token."""
    text = code(open_api, login_hint=ADA)
    found = exchange(open_api, text)
    assert user_of(open_api, found) == ADA
    again = by_refresh(open_api, found.json()["refresh_token"])
    assert user_of(open_api, again) == ADA
    words = ("invalid_grant", "invalid authorization code")
    assert refusal(exchange(open_api, text)) == words


def test_a_refresh_token_comes_if_it_is_asked_for(open_api):
    """Scopes are what was asked for."""
    found = exchange(open_api, code(open_api, scope="api web")).json()
    assert found["scope"] == "api web"
    assert "refresh_token" not in found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": "no"}, ("invalid_grant", "invalid authorization code")),
        (
            {"redirect_uri": "http://localhost:1/"},
            ("redirect_uri_mismatch", "redirect_uri must match configuration"),
        ),
        ({"code": ""}, ("invalid_request", "missing required parameter: code")),
        ({"client_secret": ""}, ("invalid_client", "invalid client credentials")),
    ],
)
def test_a_code_that_is_not_right(open_api, changes, expected):
    """Code, address and application belong together."""
    assert refusal(exchange(open_api, code(open_api), **changes)) == expected


def test_a_code_lives_a_quarter_of_an_hour():
    """By the org's clock."""
    with calling(consent="given") as api:
        text = code(api)
        api.org.clock.advance(timedelta(minutes=16))
        words = ("invalid_grant", "expired authorization code")
        assert refusal(exchange(api, text)) == words


def test_a_verifier_stands_for_the_secret(open_api):
    """As the Salesforce CLI does it, whose application every org knows."""
    verifier = "v" * 64
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    cli = {"client_id": "PlatformCLI", "client_secret": ""}
    given = {"client_id": "PlatformCLI", "code_challenge": challenge}
    wrong = exchange(open_api, code(open_api, **given), **cli, code_verifier="w")
    assert refusal(wrong) == ("invalid_grant", "invalid code verifier")
    found = exchange(open_api, code(open_api, **given), **cli, code_verifier=verifier)
    assert found.status_code == 200
    again = by_refresh(open_api, found.json()["refresh_token"], **cli)
    assert again.status_code == 200


def test_a_person_is_asked_and_may_refuse(api):
    """The page says who asks; its answer redirects with a code, or with the refusal."""
    page = authorize(api, login_hint=ADA)
    assert page.headers["content-type"].startswith("text/html")
    assert f"<option selected>{ADA}" in page.text
    assert 'name="state" value="a b&amp;c"' in page.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    assert fields.keys() == {"response_type", "client_id", "redirect_uri", "state"}
    denied = authorize(api, "POST", decision="deny")
    assert "error=access_denied" in denied.headers["location"]
    allowed = authorize(api, "POST", decision="allow", username=ADA)
    text = re.search(r"code=([^&]+)", allowed.headers["location"])[1]
    assert user_of(api, exchange(api, text)) == ADA


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": "<b>"}, "invalid_client_id"),
        ({"client_id": ""}, "missing required parameter: client_id"),
        ({"redirect_uri": "/here"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_cannot_be_answered_is_a_page(api, method, changes, words):
    """Nobody is sent to an address that is not known to be right."""
    found = authorize(api, method, **changes)
    assert found.status_code == 400
    assert words in found.text
    assert "<b>" not in found.text


def test_addresses_may_be_limited():
    """An application has the callback URLs that are registered."""
    allowed = "https://app.example/callback?x=1"
    with calling(callback_urls=[allowed], consent="given") as api:
        assert "redirect_uri_mismatch" in authorize(api).text
        found = authorize(api, redirect_uri=allowed).headers["location"]
        assert found.startswith(f"{allowed}&code=")


def ask_for_device(api: Caller, **changes: str):
    form = {"response_type": "device_code", "client_id": api.org.client_id} | changes
    return api.http.post(TOKEN, data=form)


def poll(api: Caller, device: dict):
    return api.ask_token(grant_type="device", code=device["device_code"])


def test_a_device_is_let_in_by_its_user(recorded):
    """It asks until a person has typed its code, and not too often."""
    with calling() as api:
        device = ask_for_device(api).json()
        name = "device_code_authorization_response_200.json"
        shown = json.loads((recorded / "http/salesforcepy" / name).read_text())
        assert device.keys() == shown["body"].keys()
        assert refusal(poll(api, device))[0] == "authorization_pending"
        assert refusal(poll(api, device))[0] == "slow_down"
        api.org.clock.advance(timedelta(seconds=5))
        assert refusal(poll(api, device))[0] == "authorization_pending"
        page = api.http.get("/setup/connect", params=device)
        assert device["user_code"] in page.text
        typed = {"user_code": device["user_code"].lower(), "username": ADA}
        answer = api.http.post("/setup/connect", data=typed | {"decision": "allow"})
        assert "device is connected" in answer.text
        assert api.http.post("/setup/connect", data=typed).status_code == 400
        found = poll(api, device)
        assert user_of(api, found) == ADA
        assert "refresh_token" in found.json()
        words = ("invalid_grant", "invalid device code")
        assert refusal(poll(api, device)) == words


def test_a_device_is_kept_out():
    """By its user, by an unknown application, by time."""
    with calling() as api:
        assert refusal(ask_for_device(api, client_id="no"))[0] == "invalid_client_id"
        device = ask_for_device(api).json()
        typed = {"user_code": device["user_code"], "decision": "deny"}
        assert "not connected" in api.http.post("/setup/connect", data=typed).text
        assert refusal(poll(api, device))[0] == "access_denied"
        late = ask_for_device(api).json()
        api.org.clock.advance(timedelta(minutes=16))
        assert refusal(poll(api, late)) == ("invalid_grant", "invalid device code")


@pytest.mark.parametrize("host", ["login.salesforce.com", "test.salesforce.com"])
def test_client_credentials_are_for_the_orgs_own_address(api, host):
    """The login hosts know every other flow."""
    words = ("invalid_grant", "request not supported on this domain")
    form = {
        "grant_type": "client_credentials",
        "client_id": api.org.client_id,
        "client_secret": api.org.client_secret,
    }
    found = api.http.post(TOKEN, data=form, headers={"Host": host})
    assert refusal(found) == words
    found = api.http.post(
        TOKEN,
        data={"grant_type": JWT_BEARER, "assertion": assertion(api)},
        headers={"Host": host},
    )
    assert found.json()["instance_url"] == f"http://{host}"


def test_an_org_may_answer_another_url():
    """Behind a proxy the org cannot see how it is reached."""
    with calling(instance_url="https://acme.my.salesforce.com") as api:
        assert api.ask_token().json()["instance_url"].startswith("https://acme.")


def test_an_application_without_a_user_to_run_as():
    """Client credentials need one."""
    words = ("invalid_grant", "no client credentials user enabled")
    assert refused_at_once(client_credentials=False) == words


@pytest.fixture
def caller():
    """An org in which nobody has logged in yet."""
    with calling(certificates=[keys.public_pem()]) as api:
        yield api


def test_a_user_who_is_inactive_stays_out(caller):
    """Whatever the flow."""
    token = caller.org.refresh_token()
    for found in (by_jwt(caller, assertion(caller)), caller.ask_token()):
        user_id = found.json()["id"].rpartition("/")[2]
        caller.org.update("User", user_id, {"IsActive": False})
    for found in (
        by_jwt(caller, assertion(caller)),
        by_password(caller),
        by_refresh(caller, token),
        caller.ask_token(),
    ):
        assert refusal(found) == ("inactive_user", "inactive user")


def test_an_org_that_is_locked_lets_nobody_in():
    """A trial that is over."""
    assert refused_at_once(is_active=False) == ("inactive_org", "inactive organization")


def refused_at_once(**settings):
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    with devorg.start(client_id="a", client_secret="b", **settings) as org:
        return refusal(httpx2.post(org.url + TOKEN, data=form))


def test_too_many_logins():
    """A user may log in so often an hour, and again an hour later."""
    with calling(logins_per_hour=2) as api:
        assert api.ask_token().status_code == 200
        words = ("rate_limit_exceeded", "login rate exceeded")
        assert refusal(api.ask_token()) == words
        assert by_password(api).status_code == 200
        api.org.clock.advance(timedelta(minutes=61))
        assert api.ask_token().status_code == 200


def test_parameters_are_read_where_they_are(api):
    """In the address as in a form; a JSON body says nothing."""
    form = {
        "grant_type": "client_credentials",
        "client_id": api.org.client_id,
        "client_secret": api.org.client_secret,
    }
    assert api.http.post(TOKEN, params=form).status_code == 200
    words = ("unsupported_grant_type", "grant type not supported")
    assert refusal(api.http.post(TOKEN, json=form)) == words
    assert refusal(api.http.get(TOKEN, params=form)) == (
        "invalid_request",
        "must use HTTP POST",
    )
