"""What a caller names is opened; what a caller has opened is left open."""

import subprocess
import sys
from contextlib import contextmanager
from types import ModuleType

import duckdb
import pytest

from lht.connect import find_warehouse, in_database, opened_warehouse
from lht.exceptions import ConfigError
from lht.warehouse import snowflake_open


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LHT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SNOWFLAKE_HOST", raising=False)
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", "[prod]\naccount = 'a'")


class Place:
    """Stands in for a warehouse in Snowflake; the one that is meant is another's."""

    def __init__(self, opened, database, schema):
        self.opened, self.database, self.schema = opened, database, schema
        self.closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def snowflake(monkeypatch):
    """What was asked to be opened in Snowflake."""
    targets = []

    @contextmanager
    def opened(target):
        targets.append(target)
        yield f"opened {len(targets)}"

    module = ModuleType("lht.warehouse.snowflake")
    module.SnowflakeWarehouse = Place
    monkeypatch.setitem(sys.modules, "lht.warehouse.snowflake", module)
    monkeypatch.setattr(snowflake_open, "opened_snowflake", opened)
    return targets


def session():
    return type("Session", (), {"__module__": "snowflake.snowpark.session"})()


def test_sessions_connections_urls_and_names_open_snowflake(snowflake):
    """Whatever names Snowflake, or is a way into it, ends in the one warehouse."""
    connection = type("SnowflakeConnection", (), {"__module__": "snowflake.c"})()
    targets = [session(), connection, "snowflake://acme/CRM", "snowflake://prod"]
    for target in targets:
        with opened_warehouse(target) as place:
            assert place.opened == f"opened {len(snowflake)}"
            assert not place.closed
        assert place.closed
    assert snowflake == targets
    with opened_warehouse("prod"):
        assert snowflake[-1] == "snowflake://prod"


def test_a_warehouse_that_is_open_passes_as_it_is():
    """Whoever built a warehouse keeps it."""
    place = type("Built", (), {"capabilities": 1})()
    with opened_warehouse(place) as same:
        assert same is place


def test_duckdb_is_opened_by_connection_path_and_url(tmp_path):
    """A connection stays open; a file is made when it is to be written."""
    with duckdb.connect() as theirs:
        with opened_warehouse(theirs) as place:
            assert place.capabilities.kind == "duckdb"
        assert theirs.sql("SELECT 1").fetchall() == [(1,)]
    for target in (tmp_path / "a.duckdb", "b.duckdb", "duckdb:///c.duckdb", None):
        with opened_warehouse(target, create=True):
            pass
    made = sorted(path.name for path in tmp_path.glob("*.duckdb"))
    assert made == ["a.duckdb", "b.duckdb", "c.duckdb", "lht.duckdb"]


@pytest.mark.parametrize("value", [5, object(), ["crm.duckdb"]])
def test_anything_else_is_refused(value):
    """The error tells the type, and what can be given."""
    with pytest.raises(ConfigError, match=type(value).__name__) as caught:
        opened_warehouse(value).__enter__()
    assert "Snowpark session" in str(caught.value.hint)


def test_settings_come_before_the_active_session_and_that_before_the_default(
    monkeypatch, snowflake
):
    """Inside Snowflake nothing has to be named; what is named wins there too."""
    assert find_warehouse() == ("duckdb:///lht.duckdb", "the default")
    here = session()
    monkeypatch.setattr(snowflake_open, "active_session", lambda: here)
    assert find_warehouse() == (here, "the active session")
    with opened_warehouse(None):
        assert snowflake == [here]
    monkeypatch.setenv("LHT_WAREHOUSE", "crm.duckdb")
    assert find_warehouse() == ("crm.duckdb", "LHT_WAREHOUSE")
    assert find_warehouse("x.duckdb") == ("x.duckdb", "--warehouse")


def test_a_bare_word_is_no_connection_where_there_is_no_connector():
    """Without the driver the mistake is the same, not another one."""
    script = """if True:
        import sys
        sys.modules["snowflake.connector"] = None
        from lht.connect import find_warehouse
        find_warehouse("prod")"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert "looks like a Snowflake virtual warehouse" in done.stderr


def test_each_warehouse_loads_its_own_driver_only(tmp_path):
    """DuckDB does without Snowflake's, and Snowflake without DuckDB's."""
    script = """if True:
        import sys
        from lht.connect import opened_warehouse
        from lht.exceptions import LHTError
        try:
            with opened_warehouse({target!r}):
                pass
        except LHTError:
            pass
        print(*({{"duckdb", "snowflake.connector"}} & set(sys.modules)))"""
    for target, loaded in (
        (str(tmp_path / "a.duckdb"), "duckdb"),
        ("snowflake://no-such-connection", "snowflake.connector"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", script.format(target=target)],
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == loaded


def test_another_database_is_there_in_snowflake_only():
    """A DuckDB connection has one database: naming another is a mistake to be told."""
    with (
        duckdb.connect() as connection,
        pytest.raises(ConfigError, match="Snowflake session"),
        in_database(connection, "OTHER"),
    ):
        pass
    with in_database(connection, None) as place:
        assert place is connection
