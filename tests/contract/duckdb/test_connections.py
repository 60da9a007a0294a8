"""Whose DuckDB it is: a caller's connection, tables and names stay the caller's."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import duckdb
import pytest
from tests.arriving import Batches
from tests.contract.accounts import MODES, PLAIN, REF, SCHEMA, batch, load, row

from lht.exceptions import (
    ConfigError,
    SchemaError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.schema import TableRef
from lht.sync.state import Store
from lht.warehouse.base import Target
from lht.warehouse.duckdb import DuckDBWarehouse


def test_a_caller_s_connection_stays_the_caller_s(user):
    """Its settings, its transaction and itself are as they were after our work."""
    user.execute("BEGIN; CREATE TABLE mine (a INTEGER); INSERT INTO mine VALUES (1)")
    place = DuckDBWarehouse(user)
    with place.session() as session:
        Store(session).prepare()
        session.execute(f"CREATE TABLE {REF} ({PLAIN})")
        load(session, "replace", batch(row("1")))
        assert session.read_table(TableRef("main", "mine")) is None  # not committed
    place.close()
    zone = user.execute("SELECT current_setting('TimeZone')").fetchone()
    assert zone == ("America/New_York",)
    user.execute("ROLLBACK")
    assert user.execute("SELECT count(*) FROM RAW.ACCOUNT").fetchone() == (1,)
    assert user.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'"
    ).fetchone() == (0,)


def test_rows_go_to_the_database_that_the_caller_uses(user, tmp_path):
    """After ``USE`` the caller looks there, so the tables are made there."""
    user.execute(f"ATTACH '{tmp_path / 'crm.duckdb'}' AS crm; USE crm")
    place = DuckDBWarehouse(user)
    assert place.display == f"duckdb:///{tmp_path / 'crm.duckdb'}"
    with place.session() as session:
        Store(session).prepare()
        session.execute(f"CREATE SCHEMA RAW; CREATE TABLE {REF} ({PLAIN})")
        load(session, "replace", batch(row("1")))
    assert user.execute("SELECT Id FROM crm.RAW.ACCOUNT").fetchall() == [("1",)]


def test_several_threads_may_bring_the_same_connection(user):
    """What is asked of the caller's own connection is asked one after another."""
    start = threading.Barrier(8)

    def opened() -> None:
        start.wait()
        for _ in range(30):
            place = DuckDBWarehouse(user)
            with place.session() as session:
                session.query("SELECT 1")
            place.close()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(opened) for _ in range(8)]:
            done.result()


def test_a_closed_connection_is_told_as_one(user):
    """What cannot be used any more is an error of ours, before and amid the work."""
    place = DuckDBWarehouse(user)
    session = place.session()
    session._connection.close()
    with pytest.raises(WarehouseError) as caught:
        session.query("SELECT 1")
    assert "open until the run has ended" in caught.value.hint
    session.close()
    user.close()
    with pytest.raises(WarehouseUnavailableError, match="was closed"):
        place.session()
    with pytest.raises(ConfigError, match="cannot be used"):
        DuckDBWarehouse(user)


def test_a_file_open_with_other_settings_is_told(tmp_path):
    """DuckDB opens a file only once per process and kind."""
    path = tmp_path / "crm.duckdb"
    DuckDBWarehouse(path).close()
    with (
        duckdb.connect(path, read_only=True),
        pytest.raises(ConfigError, match="cannot be opened") as caught,
    ):
        DuckDBWarehouse(path)
    assert "other settings" in caught.value.hint


@pytest.mark.parametrize("name", ["feed", "carry", "p", "c", "t", "s"])
def test_users_tables_may_have_any_name(user, session, name):
    """Names that our own statements use are no one's but theirs."""
    user.execute(f"CREATE TABLE {name} AS SELECT 'x' AS Id, 'theirs' AS Name")
    session.execute(f"CREATE TABLE {REF} ({PLAIN}, Note VARCHAR)")
    for mode in MODES:
        load(session, mode, batch(row("1")))
    assert session.query(f"SELECT Id, Name FROM {REF}") == [("1", "Acme")]
    assert user.execute(f"FROM {name}").fetchall() == [("x", "theirs")]


def test_a_table_with_the_same_name_elsewhere_is_another(user, session, tmp_path):
    """Attached databases and other schemas do not mix in."""
    user.execute(
        f"ATTACH '{tmp_path / 'other.duckdb'}' AS other; CREATE SCHEMA other.RAW"
    )
    for place in ("other.RAW", "main"):
        user.execute(f"CREATE TABLE {place}.ACCOUNT (Id VARCHAR, Elsewhere INTEGER)")
    assert session.read_table(REF) is None
    session.execute(f"CREATE TABLE {REF} ({PLAIN})")
    names = [c.name for c in session.read_table(REF).columns]
    assert names == ["Id", "Name", "Amount", "SystemModstamp"]


def test_a_result_that_the_caller_has_yet_to_fetch_stays(user):
    """Finding out which database a connection uses runs nothing on it."""
    user.execute("SELECT range FROM range(5000)")
    with DuckDBWarehouse(user).session() as session:
        Store(session).prepare()
    assert len(user.fetchall()) == 5000


def test_rather_nothing_is_done_than_a_result_lost(user):
    """Of several databases the used one must be asked for: not amid a result."""
    user.execute("ATTACH ':memory:' AS crm; USE crm")
    user.execute("SELECT range FROM range(5000)")
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        DuckDBWarehouse(user)
    assert "rows left to fetch" in caught.value.hint
    assert len(user.fetchall()) == 5000
    with DuckDBWarehouse(user).session() as session:
        assert session.name(REF) == '"crm"."RAW"."ACCOUNT"'


@pytest.mark.parametrize("mode", MODES)
def test_users_columns_may_have_any_name(session, mode):
    """No name that our own statements use is taken from them."""
    names = ("is_new", "is_new_", "FINGERPRINT", "feed", "c", "t", "s", "p", "carry")
    body = ", ".join(f"{name} VARCHAR DEFAULT '{name}'" for name in names)
    session.execute(f"CREATE TABLE {REF} ({PLAIN}, {body})")
    for amount in ("1.50", "2.50"):
        load(session, mode, batch(row("1", amount), row(amount)))
    kept = session.query(f"SELECT {', '.join(names)} FROM {REF}")
    assert set(kept) == {names}
    assert session.query(f"SELECT Amount FROM {REF} WHERE Id = '1'") == [
        (Decimal("2.50"),)
    ]


@pytest.mark.parametrize("schema", ["main", "RAW"])
def test_a_target_may_be_named_as_what_is_loaded(user, schema):
    """A table called like the stream of arriving rows is a table like others."""
    ref = TableRef(schema, "feed")
    with DuckDBWarehouse(user).session() as session:
        Store(session).prepare()
        session.create_table(ref, SCHEMA)
        for full in (True, False) * 2:
            target = Target(
                ref=ref,
                table=session.read_table(ref),
                schema=SCHEMA,
                key="Id",
                cursor_field=None,
                full=full,
                run_id="RUN",
            )
            with session.load(target, Batches([batch(row("1"))])) as counts:
                assert counts.staged == 1
        assert session.read_table(ref).rows == 1


@pytest.mark.parametrize("mode", MODES)
def test_rows_that_a_foreign_key_refers_to(user, session, mode):
    """New rows load; rows that cannot be replaced are told with the other table."""
    session.execute(f"CREATE TABLE {REF} ({PLAIN}, PRIMARY KEY (Id))")
    session.execute("CREATE TABLE RAW.CHILD (Parent VARCHAR REFERENCES RAW.ACCOUNT)")
    load(session, mode, batch(row("1")))
    user.execute("INSERT INTO RAW.CHILD VALUES ('1')")
    load(session, "merge", batch(row("1"), row("2")))
    with pytest.raises(SchemaError, match=r"foreign key of RAW\.CHILD") as caught:
        load(session, mode, batch(row("1", "7.00")))
    assert "--table" in caught.value.hint
    assert session.query(f"SELECT Id, Amount FROM {REF} ORDER BY Id") == [
        ("1", Decimal("1.50")),
        ("2", Decimal("1.50")),
    ]


def test_a_view_is_no_target(session):
    """Rows cannot be loaded into it: told before anything is moved."""
    session.execute(f"CREATE VIEW {REF} AS SELECT 1 AS Id")
    with pytest.raises(ConfigError, match="is a view") as caught:
        session.read_table(TableRef("raw", "account"))
    assert "--table" in caught.value.hint


@pytest.mark.parametrize("kind", ["connection", "attached"])
def test_what_can_only_be_read_is_told(tmp_path, kind):
    """Looking is fine; loading is refused before anything else is done."""
    path = tmp_path / "crm.duckdb"
    DuckDBWarehouse(path).close()
    if kind == "connection":
        connection = duckdb.connect(path, read_only=True)
    else:
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{path}' AS crm (READ_ONLY); USE crm")
    with connection:
        with DuckDBWarehouse(connection, create=False).session() as session:
            assert session.read_table(REF) is None
        with pytest.raises(ConfigError, match="read only") as caught:
            DuckDBWarehouse(connection)
    assert caught.value.hint


@pytest.mark.parametrize(
    "target", ["", "duckdb:///", "duckdb:crm.duckdb", "duckdb://crm.duckdb", "a\0b.db"]
)
def test_what_names_no_file_is_told(target):
    """A URL that is cut short, or half of one, makes no file of another name."""
    with pytest.raises(ConfigError, match="names no DuckDB file"):
        DuckDBWarehouse(target)


@pytest.mark.parametrize("target", [":memory:", "duckdb:///:memory:"])
def test_memory_by_name(target):
    """A database in memory is asked for by path or URL."""
    place = DuckDBWarehouse(target)
    assert place.display == "duckdb:///:memory:"
    place.close()
