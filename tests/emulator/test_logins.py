"""Every way to log in, against an org that knows them all."""

import json
import stat
import sys
from contextlib import closing

import duckdb
import pytest
from tests import keys

import lht
from lht import devorg
from lht.config import SalesforceConnection
from lht.exceptions import SalesforceAuthError
from lht.salesforce import rest_query
from lht.salesforce.auth import AccessInfo, Auth, ClientCredentials
from lht.salesforce.client import Client
from lht.salesforce.logins import JwtBearer, RefreshToken, UsernamePassword
from lht.salesforce.sf_cli import SalesforceCli

ROWS = 3
COUNT = "SELECT COUNT() FROM Account"
ADA = "ada@devorg.example"
SF = """#!{python}
import json, pathlib, sys, urllib.parse, urllib.request
form = {form!r}
place = {url!r} + "/services/oauth2/token"
body = urllib.parse.urlencode(form).encode()
token = json.load(urllib.request.urlopen(place, body))["access_token"]
shown = "[REDACTED]" if "display" in sys.argv else token
print(json.dumps(dict(status=0, result=dict(accessToken=shown, instanceUrl={url!r}))))
"""


@pytest.fixture(scope="module")
def org():
    settings = {"certificates": [keys.certificate_pem()]}
    with devorg.start(rows={"Account": ROWS}, **settings) as running:
        yield running


def app(org) -> dict[str, str]:
    return {"client_id": org.client_id, "client_secret": org.client_secret}


def person(org) -> dict[str, str]:
    logins = org.logins
    return {
        "username": ADA,
        "password": logins.password,
        "security_token": logins.security_token,
    }


@pytest.fixture
def sf(org, tmp_path, monkeypatch):
    """A stand-in for the Salesforce CLI that is logged in to the org."""
    path = tmp_path / "sf"
    form = {"grant_type": "client_credentials", **app(org)}
    path.write_text(SF.format(python=sys.executable, url=org.url, form=form))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))


WAYS = {
    "client credentials": lambda org: ClientCredentials(org.url, **app(org)),
    "jwt": lambda org: JwtBearer(org.url, org.client_id, ADA, keys.private_pem()),
    "refresh token": lambda org: RefreshToken(
        org.url, refresh_token=org.refresh_token(), **app(org)
    ),
    "password": lambda org: UsernamePassword(org.url, **app(org), **person(org)),
    "soap": lambda org: UsernamePassword(org.url, **person(org)),
    "sf": lambda _: SalesforceCli("dev"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("sf")
def test_every_login_gets_in_and_comes_back(org, way):
    """A session that has ended is renewed in the same way, unnoticed."""
    auth: Auth = WAYS[way](org)
    with closing(Client(auth)) as client:
        assert rest_query.count(client, COUNT) == ROWS
        assert client.org_id == org.store.org_id
        org.expire_sessions()
        assert rest_query.count(client, COUNT) == ROWS


CONNECTIONS = {
    "token": lambda org: {
        "url": org.url,
        "token": ClientCredentials(org.url, **app(org)).token().access_token,
    },
    "jwt": lambda org: {
        "url": org.url,
        "client_id": org.client_id,
        "username": ADA,
        "private_key": keys.private_pem(passphrase="hush"),
        "private_key_passphrase": "hush",
    },
    "refresh token": lambda org: {
        "url": org.url,
        "refresh_token": org.refresh_token(),
        **app(org),
    },
    "password": lambda org: {"url": org.url, **app(org), **person(org)},
    "soap": lambda org: {"url": org.url, **person(org)},
    "sf": lambda _: {"target_org": "dev"},
}


@pytest.mark.parametrize("way", CONNECTIONS)
@pytest.mark.usefixtures("sf")
def test_every_connection_syncs(org, way):
    """What settings name is the login that is made."""
    connection = SalesforceConnection(**CONNECTIONS[way](org))
    with duckdb.connect() as warehouse:
        report = lht.sync("Account", salesforce=connection, warehouse=warehouse)
    assert report.objects[0].read == ROWS


def test_a_ready_session_of_soap_is_an_access_token(org):
    """Either kind opens the API; neither can be renewed, and that is told."""
    token = UsernamePassword(org.url, **person(org)).token()
    info = {"access_token": token.access_token, "instance_url": token.instance_url}
    with closing(Client(AccessInfo(info))) as client:
        assert rest_query.count(client, COUNT) == ROWS
        org.expire_sessions()
        with pytest.raises(SalesforceAuthError, match="that was given"):
            rest_query.count(client, COUNT)


@pytest.mark.parametrize(
    ("login", "code"),
    [
        (
            lambda org: JwtBearer(org.url, "no", ADA, keys.private_pem()),
            "invalid_client_id",
        ),
        (
            lambda org: JwtBearer(org.url, org.client_id, ADA, keys.private_pem("no")),
            "invalid_grant",
        ),
        (lambda org: RefreshToken(org.url, refresh_token="no", **app(org)), None),
        (lambda org: UsernamePassword(org.url, ADA, "no", **app(org)), "invalid_grant"),
        (lambda org: UsernamePassword(org.url, ADA, "no"), "INVALID_LOGIN"),
        (
            lambda org: UsernamePassword(org.url, ADA, org.logins.password),
            "LOGIN_MUST_USE_SECURITY_TOKEN",
        ),
    ],
)
def test_what_is_wrong_is_told_with_a_hint(org, login, code):
    """Salesforce's own code, and what to do about it."""
    with pytest.raises(SalesforceAuthError) as caught:
        login(org).token()
    assert caught.value.error_code == (code or "invalid_grant")
    assert caught.value.hint
    assert org.logins.password not in f"{caught.value}{caught.value.why}"


def test_an_org_in_another_time_lets_a_jwt_in():
    """The clocks of this machine and of the org are years apart."""
    with devorg.start(certificates=[keys.public_pem()]) as later:
        later.clock.set(later.clock.now().replace(year=2040))
        auth = JwtBearer(later.url, later.client_id, ADA, keys.private_pem())
        assert auth.token().org_id == later.store.org_id
        assert auth.renew(auth.token()).org_id == later.store.org_id
        asked = [path for _, path, _ in later.requests]
        assert len(asked) == 3  # the second login knew the time


def test_a_refresh_token_that_is_replaced_is_remembered_and_told():
    """Each renewal brings another one; whoever stores it is told in time."""
    with devorg.start(refresh_rotation=True) as org:
        seen = []
        auth = RefreshToken(
            org.url,
            refresh_token=org.refresh_token(),
            on_rotation=seen.append,
            **app(org),
        )
        first = auth.token()
        assert auth.renew(first) != first
        assert len(set(seen)) == 2
        again = RefreshToken(org.url, refresh_token=seen[-1], **app(org))
        assert again.token().org_id == org.store.org_id
        with pytest.raises(SalesforceAuthError) as caught:
            RefreshToken(org.url, refresh_token=seen[0], **app(org)).token()
        assert "replaced by a newer one" in caught.value.hint


def test_the_command_line_uses_a_login_of_the_salesforce_cli(sf, org, run_lht):
    """``-o`` takes an alias, as sf does."""
    del sf, org
    code, out, err = run_lht("objects", "account", "-o", "dev", "--json", "-v")
    assert (code, err) == (0, "target org: from --target-org\n")
    found = {o["name"]: o["records"] for o in json.loads(out)["result"]["objects"]}
    assert found["Account"] == ROWS
    code, _, err = run_lht("objects", "-o", "dev", "--salesforce-domain", "acme")
    assert code == 2
    assert "both name an org" in err


@pytest.fixture
def run_lht(monkeypatch, capsys):
    from lht import cli

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["lht", *words])
        return cli.main(), *capsys.readouterr()

    return run
