"""Opening Snowflake: by name and URL, from what a caller has, and what goes wrong.

The connector is the real one. It talks over loopback to a server that knows just
enough to let somebody in, and remembers what it was told.
"""

import gzip
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import snowflake.connector
from snowflake.connector.config_manager import CONFIG_MANAGER
from snowflake.snowpark import Session
from tests.answering import Answer, Answering, Request

from lht.exceptions import (
    ConfigError,
    ConnectionNotFoundError,
    WarehouseUnavailableError,
)
from lht.warehouse.snowflake_open import (
    active_session,
    code_of,
    connection_names,
    is_snowflake,
    opened_snowflake,
)

# Older connectors keep Snowflake's code for a refused login to themselves.
TELLS_WHY = hasattr(snowflake.connector.network, "CREDENTIAL_REJECTION_GS_CODES")
SECRET = "s3cret-of-acme"


class Door:
    """Lets everybody in, unless told what to answer instead."""

    def __init__(self) -> None:
        self.where = ["CRM", "RAW", "ACME", "PROD"]
        self.refusal: dict[str, Any] | None = None
        self.status = 200
        self.logins: list[dict[str, Any]] = []
        self.statements: list[str] = []
        self.ended = 0

    def answer(self, request: Request) -> Answer:
        body = request.body
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        told = self._tell(request.path, json.loads(body or b"{}"))
        reply = json.dumps(told).encode()
        return Answer(self.status, {}, [reply], len(reply))

    def _tell(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        if "login-request" in path:
            asked = parse_qs(urlsplit(path).query)
            self.logins.append(
                told["data"] | {k: v[0] for k, v in asked.items() if len(v) == 1}
            )
            return self.refusal or {"success": True, "data": SESSION}
        if "query-request" in path:
            self.statements.append(told["sqlText"])
            return {"success": True, "data": self._row()}
        self.ended += "delete=true" in path
        return {"success": True, "data": {}}

    def _row(self) -> dict[str, Any]:
        column = {"type": "text", "nullable": True, "scale": None, "precision": None}
        column |= {"length": 99, "byteLength": 99}
        return {
            "rowtype": [column | {"name": f"C{n}"} for n in range(len(self.where))],
            "rowset": [self.where],
            "total": 1,
            "returned": 1,
            "queryResultFormat": "json",
            "queryId": "01b0",
        }


SESSION = {
    "token": "t",
    "masterToken": "m",
    "sessionId": 1,
    "parameters": [],
    "sessionInfo": dict.fromkeys(("databaseName", "schemaName", "warehouseName")),
}


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def options(door: Door, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What reaches the door, with a token from a file: no secret is in it."""
    token = tmp_path / "token"
    token.write_text(SECRET)
    token.chmod(0o600)
    with Answering(door.answer) as server:
        yield {
            "host": "127.0.0.1",
            "port": server.port,
            "protocol": "http",
            "authenticator": "programmatic_access_token",
            "token_file_path": str(token),
            "platform_detection_timeout_seconds": 0,
            "login_timeout": 1,
        }


def account_url(options: dict[str, Any], place: str = "loader@acme-prod/CRM") -> str:
    return f"snowflake://{place}?{urlencode(options)}"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Declare connections, as Snowflake's own files or its variable would."""

    def declare(**named: dict[str, Any]) -> None:
        lines = [
            f"[{name}]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in o.items())
            for name, o in named.items()
        ]
        monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", "\n".join(lines))

    declare()
    return declare


@pytest.fixture
def active(monkeypatch: pytest.MonkeyPatch) -> set[object]:
    """Sessions that Snowpark holds to be active."""
    sessions: set[object] = set()
    monkeypatch.setattr("snowflake.snowpark.session._active_sessions", sessions)
    return sessions


# -- what a caller has -----------------------------------------------------------------
def stand_in(name: str, module: str) -> object:
    return type(name, (), {"__module__": module})()


@pytest.mark.parametrize(
    ("name", "module", "told"),
    [
        ("Session", "snowflake.snowpark.session", True),
        ("SnowflakeConnection", "snowflake.connector.connection", True),
        ("StoredProcConnection", "anywhere", True),
        ("SnowflakeConnection", "snowflake.connector.aio._connection", False),
        ("Session", "sqlalchemy.orm", False),
        ("DuckDBPyConnection", "duckdb", False),
    ],
)
def test_sessions_and_connections_are_told_by_their_classes(name, module, told):
    """What is Snowflake's is known, also inside a procedure; nothing else is."""
    value = stand_in(name, module)
    assert is_snowflake(value) is told
    assert is_snowflake(type("Own", (type(value),), {})()) is told


def test_looking_at_a_value_loads_no_driver():
    """Whoever uses DuckDB does not pay for Snowflake."""
    script = """if True:
        import sys
        from lht.warehouse.snowflake_open import active_session, is_snowflake
        assert not is_snowflake(object()) and active_session() is None
        print("snowflake.connector" in sys.modules)"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"


@pytest.mark.usefixtures("active")
def test_a_connection_of_the_callers_stays_open_and_as_it_is(door, options):
    """It is asked where it is, in one statement, and nothing else."""
    theirs = snowflake.connector.connect(account="acme", user="me", **options)
    with opened_snowflake(theirs) as opened:
        assert opened.connection is theirs
        assert (opened.database, opened.schema) == ("CRM", "RAW")
        assert (opened.snowpark, opened.in_procedure) == (None, False)
        assert opened.display == "snowflake://ACME-PROD/CRM"
    assert not theirs.is_closed()
    assert len(door.statements) == 1
    session = Session.builder.config("connection", theirs).create()
    with opened_snowflake(session) as opened:
        assert (opened.connection, opened.snowpark) == (theirs, session)
    assert not theirs.is_closed()
    theirs.close()
    with pytest.raises(WarehouseUnavailableError) as caught, opened_snowflake(theirs):
        pass
    assert "keep the connection open" in str(caught.value.hint)


def test_a_session_may_have_no_database(door, options):
    """In a notebook none is current; that is told, not guessed."""
    door.where = [None, None, None, "AB12345"]
    with opened_snowflake(account_url(options, "me@acme")) as opened:
        assert (opened.database, opened.schema) == (None, None)
        assert opened.display == "snowflake://AB12345"


def test_a_procedure_is_recognised(monkeypatch, options):
    """Inside a stored procedure some things cannot be done."""
    monkeypatch.setattr(platform, "platform", lambda: "XP")
    with opened_snowflake(account_url(options)) as opened:
        assert opened.in_procedure


# -- what is opened here ---------------------------------------------------------------
def test_an_account_is_entered_as_the_url_says(door, options):
    """Options reach the connector as the types it wants; the end closes the session."""
    url = account_url({**options, "role": "LOADER", "client_prefetch_threads": 2})
    with opened_snowflake(url) as opened:
        assert opened.connection._client_prefetch_threads == 2
        assert opened.connection._paramstyle == "qmark"
        assert opened.connection.application == "lht"
    (login,) = door.logins
    assert login["ACCOUNT_NAME"] == "acme-prod"
    assert login["LOGIN_NAME"] == "loader"
    assert (login["databaseName"], login["roleName"]) == ("CRM", "LOADER")
    assert opened.connection.is_closed()
    assert door.ended == 1


def test_a_name_is_a_connection_of_snowflakes_own_files(door, options, connections):
    """The connector reads them; what the URL adds wins."""
    connections(prod={**options, "account": "acme", "user": "me", "role": "R"})
    assert connection_names() == ["prod"]
    with opened_snowflake("prod"):
        pass
    door.where = ["OTHER", None, "ACME", "PROD"]
    with opened_snowflake("snowflake://prod/other?role=LOADER") as opened:
        assert opened.database == "OTHER"
    first, second = door.logins
    assert (first["ACCOUNT_NAME"], first["LOGIN_NAME"]) == ("acme", "me")
    assert (first["roleName"], second["roleName"]) == ("R", "LOADER")
    assert second["databaseName"] == "other"


def test_an_account_that_is_called_as_a_connection_needs_its_user(
    door, options, connections
):
    """A connection of that name wins, unless the URL says who enters."""
    connections(acme={**options, "account": "of-the-file", "user": "me"})
    with opened_snowflake("snowflake://acme/CRM"):
        pass
    with opened_snowflake(account_url(options, "loader@acme/CRM")):
        pass
    assert [x["ACCOUNT_NAME"] for x in door.logins] == ["of-the-file", "acme"]


def test_an_unknown_connection_lists_the_known_ones(connections):
    """A misspelt name is mended from the list; the default is not taken instead."""
    connections(default={"account": "a"}, prod={"account": "b"})
    with pytest.raises(ConnectionNotFoundError, match="'prdo'") as caught:
        opened_snowflake("prdo").__enter__()
    assert caught.value.hint == "known: default, prod"
    connections()
    with pytest.raises(ConnectionNotFoundError) as caught:
        opened_snowflake("prod").__enter__()
    assert "snow connection add" in str(caught.value.hint)


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o622])
def test_a_file_that_others_can_read_or_write_is_refused(monkeypatch, tmp_path, mode):
    """It may hold secrets; the line that mends it is shown."""
    path = tmp_path / "a folder" / "connections.toml"
    path.parent.mkdir()
    path.write_text("[prod]\naccount = 'a'\n")
    path.chmod(mode)
    monkeypatch.delenv("SNOWFLAKE_CONNECTIONS", raising=False)
    monkeypatch.setattr(CONFIG_MANAGER, "conf_file_cache", None)
    slices = [s._replace(path=path) for s in CONFIG_MANAGER._slices]
    monkeypatch.setattr(CONFIG_MANAGER, "_slices", slices)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        connection_names()
    assert caught.value.hint == f"chmod 600 {shlex.quote(str(path))}"
    path.chmod(0o600)
    assert connection_names() == ["prod"]


def test_a_file_that_is_no_toml_is_told(monkeypatch):
    """What cannot be read is an error of ours."""
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", "[prod")
    with pytest.raises(ConfigError, match="cannot be read"):
        connection_names()


def test_a_database_that_is_not_there_is_told(door, options):
    """Snowflake would open the session without one, and tables would go astray."""
    door.where = [None, None, "ACME", "PROD"]
    with (
        pytest.raises(ConfigError, match="no database CRM") as caught,
        opened_snowflake(account_url(options)),
    ):
        pass
    assert "setup-sql" in str(caught.value.hint)
    assert door.ended == 1


@pytest.mark.parametrize(
    ("asked", "current"), [("crm", "CRM"), ('"My ""Crm"""', 'My "Crm"'), ("CRM", "CRM")]
)
def test_a_database_is_named_as_in_sql(door, options, asked, current):
    """Case folds as everywhere in Snowflake; quotes keep it."""
    door.where[0] = current
    with opened_snowflake(account_url(options | {"database": asked})) as opened:
        assert opened.database == current


@pytest.mark.parametrize(
    "name", ["rolle=R", "login_timeout=soon", "session_parameters=x"]
)
def test_an_option_that_cannot_be_is_refused(options, name):
    """A misspelt option does not pass in silence."""
    with pytest.raises(ConfigError, match=name.partition("=")[0]):
        opened_snowflake(f"{account_url(options)}&{name}").__enter__()


def test_the_missing_extra_is_named():
    """Without the driver the exact line to install it is the hint."""
    script = (
        "import sys; sys.modules['snowflake.connector'] = None; from lht import cli;"
    )
    script += "sys.exit(cli.main(['runs', '-c', 'prod']))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install "lht[snowflake]"' in done.stderr


# -- logins that fail ------------------------------------------------------------------
@pytest.mark.skipif(not TELLS_WHY, reason="this connector does not tell the code")
@pytest.mark.parametrize(
    ("code", "checks"),
    [
        ("390100", "credentials"),
        ("390144", "RSA_PUBLIC_KEY"),
        ("390189", "role"),
        ("390318", "new token"),
        ("390422", "network policy"),
        ("394999", "check account, user, role and authenticator"),
    ],
)
def test_a_login_that_is_refused_says_what_to_check(door, options, code, checks):
    """Wrong settings are no outage: nothing is to be tried again."""
    door.refusal = {"success": False, "code": code, "message": "no", "data": {}}
    with pytest.raises(ConfigError) as caught:
        opened_snowflake(account_url(options)).__enter__()
    assert checks in str(caught.value.hint)
    assert f"snowflake://acme-prod/CRM cannot be opened ({code})" in str(caught.value)
    assert SECRET not in str(caught.value) + str(caught.value.why)
    assert code_of(caught.value) == int(code)


def test_a_login_that_is_refused_is_no_outage(door, options):
    """Every connector tells, with its code or without, that nothing may go away."""
    door.refusal = {"success": False, "code": "390100", "message": "no", "data": {}}
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        opened_snowflake(account_url(options)).__enter__()
    assert "user" in str(caught.value.hint)
    assert SECRET not in str(caught.value) + str(caught.value.why)


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_does_not_exist_is_told(door, options, status):
    """Snowflake answers for any name; the account's is then what is wrong."""
    door.status = status
    with pytest.raises(ConfigError) as caught:
        opened_snowflake(account_url(options)).__enter__()
    assert "account's name" in str(caught.value.hint)


def test_a_file_with_a_token_that_is_not_there_is_told(options):
    """What a URL names and is missing is an error of ours, with the name."""
    options["token_file_path"] = "no-such-token"
    with pytest.raises(ConfigError) as caught:
        opened_snowflake(account_url(options)).__enter__()
    assert "no-such-token" in str(caught.value.why)


# -- inside Snowflake ------------------------------------------------------------------
def test_the_active_session_counts_inside_snowflake_only(monkeypatch, active):
    """A session that happens to be open on a laptop does not become a target."""
    session = object()
    active.add(session)
    monkeypatch.delenv("SNOWFLAKE_HOST", raising=False)
    assert active_session() is None
    monkeypatch.setenv("SNOWFLAKE_HOST", "acme.snowflakecomputing.com")
    assert active_session() is session
    monkeypatch.delenv("SNOWFLAKE_HOST")
    monkeypatch.setattr(platform, "platform", lambda: "XP")
    assert active_session() is session
    active.clear()
    assert active_session() is None


def test_several_active_sessions_are_no_choice(monkeypatch, active):
    """Which is meant is the caller's to say."""
    active.update({"one", "two"})
    monkeypatch.setenv("SNOWFLAKE_HOST", "acme.snowflakecomputing.com")
    with pytest.raises(ConfigError) as caught:
        active_session()
    assert "warehouse=session" in str(caught.value.hint)
