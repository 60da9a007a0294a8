"""Who a token stands for, whether it is good, and how it ends."""

import json
from datetime import timedelta

import pytest
from tests.devorg.calling import NOW, Caller, calling

REFUSED = {"Authorization": "Bearer 00D!no"}
SECONDS = int(NOW.timestamp())


@pytest.fixture(scope="module")
def api():
    with calling() as api:
        yield api


def own(api: Caller, path: str = "/services/oauth2/", **form: str):
    pair = {"client_id": api.org.client_id, "client_secret": api.org.client_secret}
    return api.http.post(path, data=pair | form)


def introspect(api: Caller, token: str, **form: str):
    return own(api, "/services/oauth2/introspect", token=token, **form)


def revoke(api: Caller, token: str):
    return api.http.post("/services/oauth2/revoke", data={"token": token})


def identity(api: Caller, org: str = "", user: str = "", **options):
    org, user = org or api.org.store.org_id, user or api.org.store.user_id
    return api.http.get(f"/id/{org}/{user}", **options)


def test_userinfo_is_what_orgs_tell(api, recorded):
    """The keys are those of a recorded answer, the user is the token's."""
    found = api.http.get("/services/oauth2/userinfo")
    assert found.status_code == 200
    told = found.json()
    path = recorded / "http/spring-social/userDetails.json"
    shown = json.loads(path.read_text())
    assert shown.keys() - {"address"} <= told.keys()
    assert shown["urls"].keys() - {"feeds", "groups", "users", "feed_items"} <= (
        told["urls"].keys()
    )
    assert told["user_id"] == api.org.store.user_id
    assert told["organization_id"] == api.org.store.org_id
    assert api.http.post("/services/oauth2/userinfo").json() == told


def test_the_identity_of_a_token_is_where_it_says(api):
    """The id in a token's answer is an address that answers."""
    url = api.ask_token().json()["id"]
    told = api.http.get(url).json()
    assert told["id"] == url
    assert told["username"] == "integration@devorg.example"
    assert told["asserted_user"] is True
    assert "/v{version}/" in told["urls"]["rest"]
    latest = api.http.get(url, params={"version": "latest"}).json()
    assert latest["urls"]["rest"] == f"{api.org.url}/services/data/v67.0/"


def test_a_token_may_stand_in_the_address(api):
    """The header is not the only place."""
    token = api.token()
    for name in ("oauth_token", "access_token"):
        found = identity(api, params={name: token}, headers={"Authorization": ""})
        assert found.status_code == 200


@pytest.mark.parametrize("path", ["userinfo", "identity"])
def test_bad_and_missing_tokens_are_words(api, path):
    """403 and one word; clients look for exactly that."""

    def ask(header: str):
        headers = {"Authorization": header}
        if path == "identity":
            return identity(api, headers=headers)
        return api.http.get("/services/oauth2/userinfo", headers=headers)

    bad, none = ask("Bearer 00D!no"), ask("")
    assert (bad.status_code, bad.text) == (403, "Bad_OAuth_Token")
    assert (none.status_code, none.text) == (403, "Missing_OAuth_Token")


@pytest.mark.parametrize(
    ("address", "status", "word"),
    [
        ({"org": "nonsense"}, 404, "Bad_Id"),
        ({"user": "nonsense"}, 404, "Bad_Id"),
        ({"user": "005000000000000"}, 404, "Bad_Id"),
        ({"org": "00D000000000000"}, 403, "Wrong_Org"),
    ],
)
def test_an_identity_that_is_not_here(api, address, status, word):
    """Ids of others are told apart from what is no id."""
    found = identity(api, **address)
    assert (found.status_code, found.text) == (status, word)


def test_an_identity_in_an_unknown_version(api):
    """A version that the org does not have is refused."""
    found = identity(api, params={"version": "9.0"})
    assert (found.status_code, found.text) == (406, "Invalid_Version")


def test_introspection_tells_how_long_a_session_lives(api):
    """By the last use, as the settings say."""
    token = api.token()
    assert introspect(api, token).json() == {
        "active": True,
        "scope": "api",
        "client_id": api.org.client_id,
        "username": "integration@devorg.example",
        "sub": f"{api.org.url}/id/{api.org.store.org_id}/{api.org.store.user_id}",
        "token_type": "access_token",
        "exp": SECONDS + 7_200,
        "iat": SECONDS,
        "nbf": SECONDS,
    }


def test_introspection_of_a_refresh_token(api):
    """It has no end of its own."""
    told = introspect(api, api.org.refresh_token()).json()
    assert told["active"] is True
    assert told["token_type"] == "refresh_token"
    assert "exp" not in told


def test_introspection_of_what_is_over_says_no_more():
    """Unknown and ended tokens look alike."""
    with calling() as api:
        token = api.token()
        api.org.clock.advance(timedelta(hours=3))
        assert introspect(api, token).json() == {"active": False}
        assert introspect(api, "no").json() == {"active": False}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "no"}, "invalid_client_id"),
        ({"client_secret": "no"}, "invalid_client"),
        ({"token": ""}, "invalid_request"),
    ],
)
def test_introspection_is_for_applications(api, form, error):
    """Who asks has to say who they are, and about which token."""
    found = own(api, "/services/oauth2/introspect", **({"token": "x"} | form))
    assert (found.status_code, found.json()["error"]) == (400, error)


def test_a_revoked_session_is_over(api):
    """Once; then the token is none."""
    token = api.token()
    assert (revoke(api, token).status_code, revoke(api, token).status_code) == (
        200,
        400,
    )
    assert revoke(api, token).json()["error"] == "invalid_token"
    found = api.call("GET", "/limits", headers={"Authorization": f"Bearer {token}"})
    assert found.status_code == 401


def test_a_revoked_refresh_token_takes_its_sessions_along(api):
    """Those of others live on."""
    tokens = [api.org.refresh_token() for _ in range(2)]
    sessions = [
        api.token(grant_type="refresh_token", refresh_token=token) for token in tokens
    ]
    found = api.http.get("/services/oauth2/revoke", params={"token": tokens[0]})
    assert found.status_code == 200
    lives = [introspect(api, session).json()["active"] for session in sessions]
    assert lives == [False, True]
    form = {"grant_type": "refresh_token", "refresh_token": tokens[0]}
    assert api.ask_token(**form).json()["error"] == "invalid_grant"


def test_what_opens_an_org_is_told_to_its_owner(api):
    """Other processes of this machine can ask for everything a login needs."""
    told = api.post("/devorg/admin/logins", {"refreshToken": True}).json()
    logins = api.org.logins
    assert told["password"] == logins.password
    assert told["securityToken"] == logins.security_token
    assert (told["clientId"], told["clientSecret"]) == (
        api.org.client_id,
        api.org.client_secret,
    )
    form = {"grant_type": "refresh_token", "refresh_token": told["refreshToken"]}
    assert api.ask_token(**form).status_code == 200
