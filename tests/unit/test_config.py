"""Where settings come from, in which order, and where a secret may go."""

from pathlib import Path

import pytest

from lht import config
from lht.config import (
    SalesforceConnection,
    named_warehouse,
    resolve_salesforce,
    resolve_warehouse,
)
from lht.exceptions import ConfigError

ACME = "https://acme.my.salesforce.com"
OTHER = "https://other.my.salesforce.com"
LOCAL = "http://127.0.0.1:9999"
SECRET = "s3cret-of-acme"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository to stand in, and an empty home."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    monkeypatch.setenv("LHT_HOME", str(tmp_path / "home"))
    return root


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "lht.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def org(url: str = ACME, secret: str | None = SECRET) -> str:
    lines = ["[salesforce]", f'url = "{url}"', 'client_id = "id"']
    return "\n".join([*lines, f'client_secret = "{secret}"' if secret else ""])


def test_a_flag_wins_over_variables_and_files(project, monkeypatch):
    """Argument > environment > project file > user file, each setting by itself."""
    write(config.config_folder(), org("https://user.my.salesforce.com"))
    found = resolve_salesforce()
    assert found.url == "https://user.my.salesforce.com"
    write(project, org())
    assert resolve_salesforce().url == ACME
    monkeypatch.setenv("LHT_SALESFORCE_DOMAIN", "other")
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_ID", "id of the environment")
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", "secret of the environment")
    assert resolve_salesforce().url == OTHER
    found = resolve_salesforce(url=LOCAL, client_id="id of the flag")
    assert (found.url, found.client_id) == (LOCAL, "id of the flag")
    assert found.client_secret == "secret of the environment"
    assert found.sources == {
        "url": "--salesforce-url",
        "client_id": "--client-id",
        "client_secret": "LHT_SALESFORCE_CLIENT_SECRET",
    }


def test_a_secret_in_a_file_goes_to_no_other_org(project):
    """A secret is for the org named beside it, wherever another URL comes from."""
    write(project, org())
    with pytest.raises(ConfigError, match="no client id for https://other") as caught:
        resolve_salesforce(domain="other")
    assert f"{project / 'lht.toml'} (for another org)" in caught.value.why
    assert SECRET not in str(caught.value.why)


def test_a_secret_in_a_file_serves_its_org_however_that_is_named(project):
    """The user's file may hold the secret of the org that the project names."""
    write(config.config_folder(), org())
    write(project, '[salesforce]\ndomain = "acme"\n')
    found = resolve_salesforce()
    assert (found.url, found.client_secret) == (ACME, SECRET)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_with_a_secret_is_for_its_owner_only(project, mode):
    """A secret that others can read is refused, with the line that mends it."""
    path = write(project, org(), mode)
    with pytest.raises(ConfigError, match="can be read by others") as caught:
        resolve_salesforce()
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_file_without_a_secret_may_be_shared(project, monkeypatch):
    """A file that only names the org can lie in a repository."""
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", "x" * 8)
    write(project, org(secret=None), 0o644)
    assert resolve_salesforce().url == ACME


def test_a_secret_in_a_file_needs_an_org(project):
    """A secret that belongs to no org is refused, not sent to any."""
    write(project, '[salesforce]\nclient_secret = "x"\n')
    with pytest.raises(ConfigError, match="names no org"):
        resolve_salesforce(url=ACME)


def test_a_secret_as_a_flag_is_for_this_machine():
    """Command lines can be read by others; the error names the variable."""
    given = {"client_id": "id", "client_secret": SECRET}
    assert resolve_salesforce(url=LOCAL, **given).client_secret == SECRET
    with pytest.raises(ConfigError) as caught:
        resolve_salesforce(url=ACME, **given)
    assert "LHT_SALESFORCE_CLIENT_SECRET" in str(caught.value.hint)
    assert SECRET not in str(caught.value)


def test_plain_http_is_for_this_machine():
    """Credentials never cross a network in the clear."""
    with pytest.raises(ConfigError, match="plain http"):
        resolve_salesforce(url="http://acme.my.salesforce.com")


def test_url_and_domain_exclude_each_other():
    """Two names for an org in one place is a mistake, not a choice."""
    with pytest.raises(ConfigError, match="both name an org"):
        resolve_salesforce(url=ACME, domain="acme")


def test_nothing_found_lists_every_place_in_order(tmp_path):
    """The places tried are told, and the shortest way in."""
    with pytest.raises(ConfigError, match="no Salesforce org is named") as caught:
        resolve_salesforce()
    assert str(caught.value.why).splitlines() == [
        "looked for an org in:",
        "flags",
        "variables LHT_*",
        "lht.toml (there is none)",
        f"{tmp_path / 'home' / 'lht.toml'} (there is none)",
    ]
    assert "lht demo" in str(caught.value.hint)


def test_a_missing_secret_is_asked_for_where_there_is_a_human(monkeypatch):
    """The question names the org; without a human the error names the variable."""
    monkeypatch.setenv("LHT_SALESFORCE_URL", ACME)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_ID", "id")
    asked = []
    found = resolve_salesforce(ask=lambda question: asked.append(question) or SECRET)
    assert found.client_secret == SECRET
    assert asked == [f"Client secret of {ACME}: "]
    with pytest.raises(ConfigError) as caught:
        resolve_salesforce()
    assert "LHT_SALESFORCE_CLIENT_SECRET" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[salesforce]\nurll = 'x'", "salesforce.urll is unknown"),
        ("[snowflake]\na = 1", "[snowflake] is unknown"),
        ("[warehouse]\nurl = 5", "warehouse.url is not a text"),
        ("warehouse = 'x'", "warehouse is not a table"),
        ("[salesforce", "cannot be read"),
    ],
)
def test_a_mistake_in_a_file_is_told(project, text, complaint):
    """A misspelt setting is an error that names file and key, never ignored."""
    path = write(project, text)
    with pytest.raises(ConfigError) as caught:
        resolve_warehouse()
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_is_searched_up_to_the_root_of_the_repository(project, monkeypatch):
    """Folders of a project share its file; one above the project does not."""
    write(project.parent, '[warehouse]\nurl = "duckdb:///above.duckdb"')
    below = project / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert resolve_warehouse() == "duckdb:///lht.duckdb"
    write(project, '[warehouse]\nurl = "duckdb:///crm.duckdb"')
    assert resolve_warehouse() == f"duckdb:///{project}/crm.duckdb"


def test_the_warehouse_of_a_flag_or_variable_is_taken_as_it_is(monkeypatch):
    """A relative path is relative to the current folder, unless a file names it."""
    monkeypatch.setenv("LHT_WAREHOUSE", "duckdb:///of-the-variable.duckdb")
    assert resolve_warehouse() == "duckdb:///of-the-variable.duckdb"
    assert resolve_warehouse("crm.duckdb") == "crm.duckdb"
    assert resolve_warehouse(":memory:") == ":memory:"
    assert resolve_warehouse("duckdb:///:memory:") == "duckdb:///:memory:"
    with pytest.raises(ConfigError, match=r"postgres:// .* is no warehouse"):
        resolve_warehouse("postgres://user:secret@host/db")
    with pytest.raises(ConfigError, match="neither a URL nor a DuckDB file") as caught:
        resolve_warehouse("folder/crm")
    assert caught.value.hint == "write duckdb:///folder/crm.duckdb"
    with pytest.raises(ConfigError):
        resolve_warehouse("x" * 5_000)


def test_a_warehouse_in_snowflake_is_named_by_url(project, monkeypatch):
    """A snowflake:// URL is taken from every place; a secret in it from none."""
    write(project, '[warehouse]\nurl = "snowflake://acme/CRM?role=LOADER"')
    assert resolve_warehouse() == "snowflake://acme/CRM?role=LOADER"
    monkeypatch.setenv("LHT_WAREHOUSE", "snowflake://prod")
    assert resolve_warehouse() == "snowflake://prod"
    with pytest.raises(ConfigError) as caught:
        resolve_warehouse(f"snowflake://me:{SECRET}@acme/CRM")
    assert SECRET not in str(caught.value)


def test_a_bare_word_is_a_connection_or_a_mistake(project, monkeypatch):
    """Users of snow mean compute by "warehouse": the error tells where that is set."""
    for place in ("flag", "variable", "file"):
        if place == "variable":
            monkeypatch.setenv("LHT_WAREHOUSE", "COMPUTE_WH")
        elif place == "file":
            monkeypatch.delenv("LHT_WAREHOUSE")
            write(project, '[warehouse]\nurl = "COMPUTE_WH"')
        word = "COMPUTE_WH" if place == "flag" else None
        with pytest.raises(ConfigError) as caught:
            named_warehouse(word, connections=lambda: ["prod"])
        assert "looks like a Snowflake virtual warehouse" in str(caught.value)
        assert "connection with -c, its compute is set there" in caught.value.hint
        assert "duckdb:///COMPUTE_WH.duckdb" in caught.value.hint
        found = named_warehouse(word, connections=lambda: ["COMPUTE_WH"])
        assert found.value == "snowflake://COMPUTE_WH"


def test_a_word_that_is_a_file_is_that_file(project):
    """A DuckDB file may be called as it likes; connections are not looked at."""
    (project / "crm").touch()
    assert named_warehouse("crm", connections=lambda: 1 / 0).value == "crm"
    write(project, '[warehouse]\nurl = "crm"')
    assert named_warehouse(connections=lambda: 1 / 0).value == str(project / "crm")


def test_nothing_named_is_nothing_found():
    """What then counts is not a setting: the active session, or the default."""
    assert named_warehouse() is None
    assert resolve_warehouse() == "duckdb:///lht.duckdb"


def test_no_secret_is_ever_shown():
    """The repr of a connection tells that there is a secret, not which."""
    shown = repr(
        SalesforceConnection(
            url=ACME, client_id="id", client_secret=SECRET, token="tok"
        )
    )
    assert SECRET not in shown
    assert "tok'" not in shown
    assert "client_secret='****'" in shown
    assert SECRET not in repr(config.Setting(SECRET, "LHT_SALESFORCE_CLIENT_SECRET"))


KEY = "-----BEGIN PRIVATE KEY-----"
EVERYTHING = {
    "client_id": "id",
    "client_secret": SECRET,
    "username": "me",
    "password": "word",
    "security_token": "tok",
    "private_key": KEY,
    "private_key_passphrase": "open sesame",
    "refresh_token": "5Aep",
    "access_token": "00D!x",
}


def given(monkeypatch, *names: str) -> None:
    monkeypatch.setenv("LHT_SALESFORCE_URL", ACME)
    for name in names:
        monkeypatch.setenv(f"LHT_SALESFORCE_{name.upper()}", EVERYTHING[name])


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["access_token"], {"token": "00D!x"}),
        (
            ["private_key", "client_id", "username"],
            {"private_key": KEY, "client_id": "id", "username": "me"},
        ),
        (
            ["refresh_token", "client_id"],
            {"refresh_token": "5Aep", "client_id": "id"},
        ),
        (
            ["refresh_token", "client_id", "client_secret"],
            {"refresh_token": "5Aep", "client_id": "id", "client_secret": SECRET},
        ),
        (["password", "username"], {"password": "word", "username": "me"}),
        (
            ["password", "username", "security_token", "client_id", "client_secret"],
            {
                "password": "word",
                "username": "me",
                "security_token": "tok",
                "client_id": "id",
                "client_secret": SECRET,
            },
        ),
        (["client_id", "client_secret"], {"client_id": "id", "client_secret": SECRET}),
    ],
)
def test_what_is_given_decides_how_to_log_in(monkeypatch, names, found):
    """A connection holds what its way in takes, and nothing else."""
    given(monkeypatch, *names)
    assert resolve_salesforce() == SalesforceConnection(url=ACME, **found)


def test_a_passphrase_comes_along_with_its_key(monkeypatch):
    """And what belongs to another way does not."""
    given(monkeypatch, "private_key", "private_key_passphrase", "client_id", "username")
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", SECRET)
    found = resolve_salesforce()
    assert found.private_key_passphrase == "open sesame"
    assert found.client_secret is None
    assert "sesame" not in repr(found)
    assert KEY not in repr(found)
    assert "username='me'" in repr(found)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["private_key", "username"], "client_id"),
        (["private_key", "client_id"], "username"),
        (["refresh_token"], "client_id"),
        (["password"], "username"),
    ],
)
def test_what_a_way_in_needs_is_named(monkeypatch, names, missing):
    """The error names the variable that would complete it."""
    given(monkeypatch, *names)
    with pytest.raises(ConfigError) as caught:
        resolve_salesforce()
    assert f"LHT_SALESFORCE_{missing.upper()}" in caught.value.hint


def test_two_ways_in_at_one_place_are_a_mistake(monkeypatch):
    """Which is meant is not guessed."""
    given(monkeypatch, "password", "refresh_token", "username", "client_id")
    with pytest.raises(ConfigError, match="refresh_token and password are each a way"):
        resolve_salesforce()


def test_the_first_place_decides_and_secrets_may_come_from_elsewhere(
    project, monkeypatch
):
    """The project names app and user; key and passphrase are the environment's."""
    lines = ["[salesforce]", f'url = "{ACME}"', 'client_id = "id"', 'username = "me"']
    write(project, "\n".join(lines), 0o644)
    write(config.config_folder(), org())
    monkeypatch.setenv("LHT_SALESFORCE_PRIVATE_KEY", KEY)
    found = resolve_salesforce()
    assert (found.client_id, found.username) == ("id", "me")
    assert (found.private_key, found.client_secret) == (KEY, None)


@pytest.mark.parametrize("name", sorted(EVERYTHING.keys() - {"client_id", "username"}))
def test_a_file_with_any_secret_is_guarded(project, name):
    """For its owner only, and for the org named in it."""
    line = f'[salesforce]\n{name} = "{EVERYTHING[name]}"\n'
    write(project, line)
    with pytest.raises(ConfigError, match=f"holds a {name} and names no org"):
        resolve_salesforce(url=ACME)
    write(project, line + f'url = "{ACME}"', 0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        resolve_salesforce()


def test_a_key_in_a_file_of_its_own(project):
    """It lies beside the settings, and is for its owner only too."""
    lines = ['[salesforce]\ndomain = "acme"', 'client_id = "id"', 'username = "me"']
    write(project, "\n".join([*lines, 'private_key_file = "lht.key"']))
    key = project / "lht.key"
    key.write_text(KEY)
    key.chmod(0o600)
    assert resolve_salesforce().private_key == key
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="holds a private key and can be") as caught:
        resolve_salesforce()
    assert caught.value.hint == f"chmod 600 {key}"


def test_a_login_of_the_salesforce_cli_is_an_org(project, monkeypatch):
    """By flag, variable or file; whatever else is known belongs to other orgs."""
    write(project, '[salesforce]\ntarget_org = "of-the-file"', 0o644)
    found = resolve_salesforce()
    assert found == SalesforceConnection(target_org="of-the-file")
    assert found.sources == {"target_org": str(project / "lht.toml")}
    given(monkeypatch, "client_id", "client_secret")
    assert resolve_salesforce().target_org is None
    found = resolve_salesforce(target_org="prod")
    assert found == SalesforceConnection(target_org="prod")
    assert repr(found) == "SalesforceConnection(target_org='prod')"
    with pytest.raises(ConfigError, match="both name an org"):
        resolve_salesforce(target_org="prod", url=ACME)


def test_a_secret_of_a_file_goes_to_no_login_of_the_cli(project, monkeypatch):
    """A file whose org is not the one that is named keeps what it has."""
    write(project, org())
    monkeypatch.setenv("LHT_SALESFORCE_TARGET_ORG", "prod")
    assert resolve_salesforce() == SalesforceConnection(target_org="prod")
