"""Logins of the Salesforce CLI: what it prints, in all its versions and moods."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from lht.exceptions import ConfigError, SalesforceAuthError
from lht.salesforce.sf_cli import SalesforceCli

TOKEN = "00D5g000000AbCd!AR8.SECRET_1"
MASKED = "[REDACTED] Use 'sf org auth show-access-token' to view"
URL = "https://acme.my.salesforce.com"
NOTES = "warning: @salesforce/cli update available\n >   Warning: {beta}\n"

# A stand-in: prints what a test has written down for the words of a command line.
SCRIPT = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
words = [w for w in sys.argv[1:] if not w.startswith("-")]
name = " ".join(words[:-1]).replace(" ", "_").replace(":", "_")
answer = json.loads((here / (name + ".json")).read_text())
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script")


class StandIn:
    """The CLI in a folder on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str = "sf") -> None:
        path = self.folder / name
        path.write_text(SCRIPT.format(python=sys.executable))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def prints(self, words: str, out="", err="", code: int = 0) -> None:
        text = out if isinstance(out, str) else json.dumps(out, indent=2)
        told = {"out": text, "err": err, "code": code}
        (self.folder / (words.replace(" ", "_") + ".json")).write_text(json.dumps(told))

    def shows(self, **changes: object) -> None:
        result = {
            "id": "00D5g000000AbCdEAK",
            "apiVersion": "65.0",
            "accessToken": MASKED,
            "instanceUrl": URL,
            "username": "me@acme.example",
            "connectedStatus": "Connected",
        } | changes
        told = {"status": 0, "result": result, "warnings": ["this is secret"]}
        self.prints("org display", told)

    def tells(self, token: str = TOKEN) -> None:
        told = {"status": 0, "result": {"accessToken": token}, "warnings": []}
        self.prints("org auth show-access-token", told)

    def fails(self, words: str, name: str, message: str) -> None:
        told = {"name": name, "message": message, "status": 1, "exitCode": 1}
        self.prints(words, told, code=1)

    @property
    def calls(self) -> list[list[str]]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def sf(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    stand_in = StandIn(tmp_path)
    stand_in.install()
    return stand_in


def refused(kind, org="prod"):
    with pytest.raises(kind) as caught:
        SalesforceCli(org).token()
    assert "SECRET" not in f"{caught.value} {caught.value.why} {caught.value.hint}"
    return caught.value


def test_newer_versions_show_the_token_by_a_command_of_its_own(sf):
    """Its place in the display says that it is redacted."""
    sf.shows()
    sf.tells()
    token = SalesforceCli("prod").token()
    assert (token.access_token, token.instance_url) == (TOKEN, URL)
    assert token.org_id == "00D5g000000AbCdEAK"
    assert sf.calls == [
        ["org", "display", "--target-org", "prod", "--json"],
        ["org", "auth", "show-access-token", "--target-org", "prod", "--json"],
    ]


def test_older_versions_display_it(sf):
    """There is no other command then, and none is run."""
    sf.shows(accessToken=TOKEN)
    assert SalesforceCli("me@acme.example").token().access_token == TOKEN
    assert len(sf.calls) == 1


@pytest.mark.parametrize("shown", [None, "", "encrypted:51f8ab", "00D", 5])
def test_whatever_is_not_a_token_is_not_taken_for_one(sf, shown):
    """Masked, encrypted or missing: the command of its own is asked."""
    sf.shows(accessToken=shown)
    sf.tells()
    assert SalesforceCli("prod").token().access_token == TOKEN


def test_sfdx_is_the_older_name(sf):
    """It is used where sf is not."""
    (sf.folder / "sf").unlink()
    sf.install("sfdx")
    told = {"status": 0, "result": {"accessToken": TOKEN, "instanceUrl": URL}}
    sf.prints("force:org:display".replace(":", "_"), told)
    assert SalesforceCli("prod").token().access_token == TOKEN
    assert sf.calls == [["force:org:display", "-u", "prod", "--json"]]


def test_notes_around_the_answer_do_no_harm(sf):
    """Updates and warnings come before the JSON, and elsewhere."""
    told = {"status": 0, "result": {"accessToken": TOKEN, "instanceUrl": URL}}
    sf.prints("org display", NOTES + json.dumps(told, indent=2), err=NOTES)
    assert SalesforceCli("prod").token().access_token == TOKEN
    sf.prints("org display", NOTES, err=json.dumps(told), code=0)
    assert SalesforceCli("prod").token().access_token == TOKEN


def test_a_login_that_does_not_exist_is_told(sf):
    """With the command that makes it."""
    sf.fails("org display", "NamedOrgNotFoundError", "No authorization found for prod")
    error = refused(ConfigError)
    assert "not logged in to prod" in str(error)
    assert "sf org login web --alias prod" in error.hint


@pytest.mark.parametrize("place", ["status", "older status", "name", "message"])
def test_a_login_that_is_over_is_told(sf, place):
    """However the CLI finds out, logging in again is what helps."""
    words = "expired access/refresh token"
    if place == "status":
        sf.shows(connectedStatus="Unable to refresh session due to:\nno")
        sf.tells()
    elif place == "older status":
        sf.shows(connectedStatus="RefreshTokenAuthError", accessToken=TOKEN)
    elif place == "name":
        sf.fails("org display", "RefreshTokenAuthError", "no")
    else:
        sf.shows()
        sf.fails("org auth show-access-token", "Other", f"Error: {words}")
    error = refused(SalesforceAuthError)
    assert "is over" in str(error)
    assert "sf org login web --alias prod" in error.hint
    assert error.exit_code == 4


def test_a_cli_that_is_not_installed_is_told(sf):
    """A missing program is a matter of settings."""
    (sf.folder / "sf").unlink()
    error = refused(ConfigError)
    assert "not installed" in str(error)
    assert "salesforcecli" in error.hint


@pytest.mark.parametrize("printed", ["text", "json"])
def test_a_cli_that_is_too_old_is_told(sf, printed):
    """It masks the token and does not know the command that shows it."""
    sf.shows()
    text = "org auth show-access-token is not a sf command."
    if printed == "json":
        sf.fails("org auth show-access-token", "CommandNotFound", text)
    else:
        sf.prints("org auth show-access-token", err=f"Warning: {text}", code=127)
    assert refused(ConfigError).hint == "update it: sf update"


def test_a_token_that_stays_masked_is_none(sf):
    """It is never sent."""
    sf.shows()
    sf.tells(MASKED)
    assert "gives no access token" in str(refused(ConfigError))


@pytest.mark.parametrize(
    ("out", "kind", "words"),
    [
        ("", ConfigError, "ended with code 2 and no answer"),
        ("{not json SECRET", ConfigError, "ended with code 2 and no answer"),
        ({"status": 1, "name": "X", "message": "y"}, SalesforceAuthError, "failed"),
    ],
)
def test_any_other_failure_is_told(sf, out, kind, words):
    """What it printed is shown only where it is known to be a message."""
    sf.prints("org display", out, code=2)
    assert words in str(refused(kind))


def test_a_program_that_cannot_run_is_told(sf):
    """It is there, but broken."""
    (sf.folder / "sf").write_text("#!/no/such/interpreter\n")
    assert "did not answer" in str(refused(ConfigError))


@pytest.mark.parametrize("result", [{"accessToken": TOKEN}, [], None])
def test_an_answer_without_an_org_is_refused(sf, result):
    """A token goes to the org that the CLI names, or nowhere."""
    sf.prints("org display", {"status": 0, "result": result})
    sf.tells()
    refused(ConfigError)


@pytest.mark.parametrize(
    "org", ["", "-h", "--json", "a b", "a;b", "a\nb", "$(x)", None]
)
def test_a_name_becomes_an_argument_only_if_it_can_be_one(org):
    """No name is read as an option, or by a shell."""
    with pytest.raises(ConfigError):
        SalesforceCli(org)


def test_the_cli_renews_the_session_and_lht_notices_if_not(sf):
    """Asking again brings another token, or the login is over."""
    sf.shows()
    sf.tells()
    login = SalesforceCli("prod")
    stale = login.token()
    sf.tells(TOKEN + "2")
    fresh = login.renew(stale)
    assert fresh.access_token == TOKEN + "2"
    assert login.renew(stale) is fresh
    with pytest.raises(SalesforceAuthError, match="is over"):
        login.renew(fresh)


def test_no_secret_is_shown(sf):
    """The repr names the login."""
    sf.shows(accessToken=TOKEN)
    login = SalesforceCli("prod")
    login.token()
    assert repr(login) == "SalesforceCli('prod')"
