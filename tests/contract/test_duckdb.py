"""What DuckDB promises beyond the contract: constraints, adopted tables, files."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.arriving import Batches

from lht.decode import arrow_schema
from lht.exceptions import (
    CommitStateUnknownError,
    ConfigError,
    SchemaDriftError,
    SchemaError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.schema import Column, TableRef, TableSchema
from lht.sync.state import Store
from lht.warehouse.base import LoadCounts, Target
from lht.warehouse.duckdb import DuckDBSession, DuckDBWarehouse

REF = TableRef("RAW", "ACCOUNT")
AT = datetime(2024, 1, 15, 10, 30, 0, 7000)
SECOND = AT.replace(microsecond=0)
MODES = ("replace", "merge")


def schema_of(**types: str) -> TableSchema:
    columns = {"Id": "string", **types}
    return TableSchema(
        columns=tuple(
            Column(name=n, field_type="any", arrow_type=k) for n, k in columns.items()
        )
    )


SCHEMA = schema_of(Name="string", Amount="decimal(38,2)", SystemModstamp="timestamp")


def row(key: str, amount: str = "1.50", name: str = "Acme") -> dict[str, Any]:
    amounts = {"Amount": Decimal(amount)}
    return {"Id": key, "Name": name, **amounts, "SystemModstamp": AT}


def batch(*rows: dict[str, Any], schema: TableSchema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), arrow_schema(schema))


def wide(*rows: dict[str, Any]) -> pa.RecordBatch:
    """The rows, in a batch whose amounts need more than the column has."""
    return batch(*rows, schema=SCHEMA.widened({"Amount": "decimal(38,5)"}))


def load(
    session: DuckDBSession,
    mode: str,
    *batches: pa.RecordBatch,
    schema: TableSchema = SCHEMA,
    cursor_field: str | None = "SystemModstamp",
) -> LoadCounts:
    target = Target(
        ref=REF,
        table=session.read_table(REF),
        schema=schema,
        key="Id",
        cursor_field=cursor_field,
        full=mode == "replace",
        run_id="RUN",
    )
    assert target.table is not None
    with session.load(target, Batches(batches)) as counts:
        return counts


@pytest.fixture
def user() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that a user has, in a time zone of the user's."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'; CREATE SCHEMA RAW")
        yield connection


@pytest.fixture
def session(user: duckdb.DuckDBPyConnection) -> Iterator[DuckDBSession]:
    """A session of ours to the user's database."""
    with DuckDBWarehouse(user).session() as opened:
        Store(opened).prepare()
        yield opened


# -- what hangs on a table ------------------------------------------------------------

PLAIN = "Id VARCHAR, Name VARCHAR, Amount DECIMAL(38,2), SystemModstamp TIMESTAMP"
TABLES = {
    "plain": (PLAIN,),
    "primary key": (f"{PLAIN}, PRIMARY KEY (Id)",),
    "unique": (f"{PLAIN}, UNIQUE (Id), UNIQUE (Id, Name)",),
    "index": (PLAIN, "CREATE INDEX by_name ON RAW.ACCOUNT (Name, SystemModstamp)"),
    "unique index": (PLAIN, "CREATE UNIQUE INDEX by_id ON RAW.ACCOUNT (Id)"),
    "not null": (f"{PLAIN.replace('Name VARCHAR', 'Name VARCHAR NOT NULL')}",),
    "check": (f"{PLAIN}, CHECK (Name <> 'forbidden')",),
    "defaults": (f"{PLAIN}, Note VARCHAR DEFAULT 'new', Score INTEGER DEFAULT 1 + 6",),
    "index and defaults": (
        f"{PLAIN}, Note VARCHAR DEFAULT 'new'",
        "CREATE UNIQUE INDEX by_id ON RAW.ACCOUNT (Id)",
    ),
    "generated": (f"{PLAIN}, Shout VARCHAR GENERATED ALWAYS AS (upper(Name))",),
    "comments": (
        PLAIN,
        "COMMENT ON TABLE RAW.ACCOUNT IS 'all of them'",
        "COMMENT ON COLUMN RAW.ACCOUNT.Amount IS 'in euro'",
    ),
    "view": (PLAIN, "CREATE VIEW RAW.BIG AS SELECT Id, Amount FROM RAW.ACCOUNT"),
}
_SHAPE = [
    f"SELECT {columns} FROM {catalog} ORDER BY ALL"
    for columns, catalog in {
        "column_index, column_name, is_nullable, column_default, comment": (
            "duckdb_columns() WHERE table_name = 'ACCOUNT'"
        ),
        "comment": "duckdb_tables() WHERE table_name = 'ACCOUNT'",
        "constraint_text": "duckdb_constraints() WHERE table_name = 'ACCOUNT'",
        "index_name, is_unique, sql": "duckdb_indexes()",
        "view_name, sql": "duckdb_views() WHERE NOT internal",
    }.items()
]


def shape(session: DuckDBSession) -> list[Any]:
    """All that hangs on the table but the types of its columns."""
    return [session.query(statement) for statement in _SHAPE]


@pytest.mark.parametrize("widening", [False, True], ids=["same types", "widening"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", TABLES)
def test_what_hangs_on_a_table_stays(session, kind, mode, widening):
    """Indexes, constraints, defaults, comments and views survive every load."""
    body, *more = TABLES[kind]
    session.execute(f"CREATE TABLE {REF} ({body})")
    for statement in more:
        session.execute(statement)
    load(session, "merge", batch(*(row(str(i)) for i in range(9))))
    before = shape(session)
    last = row("3", "0.12345" if widening else "7.00")
    batches = [batch(row("1", "2.00"), row("10")), (wide if widening else batch)(last)]
    load(session, mode, *batches)
    assert shape(session) == before
    found = dict(session.query(f"SELECT Id, Amount FROM {REF}"))
    assert found["1"] == Decimal("2.00")
    assert found["10"] == Decimal("1.50")
    assert found["3"] == last["Amount"]
    assert len(found) == (10 if mode == "merge" else 3)
    if kind == "view":
        assert dict(session.query("FROM RAW.BIG")) == found
    load(session, mode, wide(last))  # the table goes on working


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("widening", [False, True])
def test_constraints_still_hold_after_a_load(session, mode, widening):
    """A unique index that was made again refuses doubles as before."""
    body, *more = TABLES["unique index"]
    session.execute(f"CREATE TABLE {REF} ({body})")
    session.execute(*more)
    load(session, mode, batch(row("1"), row("2")))
    load(session, mode, batch(row("1")), (wide if widening else batch)(row("2")))
    with pytest.raises(Exception, match="ConstraintException"):
        session.execute(f"INSERT INTO {REF} (Id) VALUES ('2')")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "table",
    [
        (PLAIN.replace("DECIMAL(38,2)", "DECIMAL(38,2) UNIQUE"),),
        (PLAIN.replace("DECIMAL(38,2)", "DECIMAL(38,2) CHECK (Amount < 5)"),),
        (f"{PLAIN}, Twice DECIMAL(38,2) GENERATED ALWAYS AS (Amount * 2)",),
        (PLAIN, "CREATE INDEX by_amount ON RAW.ACCOUNT (Amount)"),
    ],
    ids=["unique", "check", "generated", "index"],
)
def test_a_column_that_cannot_widen_is_a_human_s_decision(session, mode, table):
    """DuckDB refuses to change such a column: nothing is lost, nothing moves."""
    body, *more = table
    session.execute(f"CREATE TABLE {REF} ({body})")
    for statement in more:
        session.execute(statement)
    load(session, mode, batch(row("1")))
    with pytest.raises(SchemaDriftError, match=r"Amount of RAW\.ACCOUNT") as caught:
        load(session, mode, batch(row("1")), wide(row("2", "0.12345")))
    assert "by_amount" in caught.value.hint or not more
    assert session.query(f"SELECT Id, Amount FROM {REF}") == [("1", Decimal("1.50"))]


@pytest.mark.parametrize("mode", MODES)
def test_a_constraint_that_rows_break_tells_no_value(session, mode):
    """The database's own words quote values, so they are not passed on."""
    session.execute(f"CREATE TABLE {REF} ({PLAIN}, CHECK (Name <> 'forbidden'))")
    with pytest.raises(Exception, match="ConstraintException") as caught:
        load(session, mode, batch(row("1", name="forbidden")))
    assert "forbidden" not in str(caught.value)
    assert caught.value.why is None


# -- tables that lht did not make -----------------------------------------------------


@pytest.mark.parametrize(
    ("had", "stored", "kind", "sql_type", "value"),
    [
        ("VARCHAR", "'2024-01-15'", "date", "DATE", date(2024, 1, 15)),
        ("VARCHAR", "'2024-01-15T10:30:00.007Z'", "timestamp", "TIMESTAMP", AT),
        ("VARCHAR", "'2024-01-15T10:30:00.007+0000'", "timestamp", "TIMESTAMP", AT),
        ("VARCHAR", "'2024-01-15T12:30:00.007+0200'", "timestamp", "TIMESTAMP", AT),
        ("VARCHAR", "'2024-01-15 10:30:00.007'", "timestamp", "TIMESTAMP", AT),
        ("VARCHAR", "'true'", "bool", "BOOLEAN", True),
        ("VARCHAR", "'1.2345678E7'", "decimal(38,2)", "DECIMAL(38,2)", 12345678),
        ("INTEGER", "60", "int64", "BIGINT", 60),
        ("INTEGER", "60", "decimal(38,2)", "DECIMAL(38,2)", 60),
        ("BIGINT", "60", "string", "VARCHAR", "60"),
        ("DECIMAL(18,2)", "0.30", "decimal(38,2)", "DECIMAL(38,2)", Decimal("0.30")),
        ("DECIMAL(18,6)", "0.125", "decimal(38,2)", "DECIMAL(38,6)", Decimal("0.125")),
        ("DECIMAL(18,2)", "0.30", "double", "DOUBLE", 0.3),
        ("DECIMAL(18,2)", "60.00", "int64", "BIGINT", 60),
        ("DOUBLE", "0.1", "decimal(38,2)", "DOUBLE", 0.1),
        ("FLOAT", "0.1", "decimal(38,2)", "DOUBLE", 0.1),
        ("DOUBLE", "60.0", "int64", "BIGINT", 60),
        (
            "TIMESTAMP_S",
            "'2024-01-15 10:30:00'",
            "timestamp",
            "TIMESTAMP",
            SECOND,
        ),
        ("TIMESTAMP_NS", "'2024-01-15 10:30:00.007'", "timestamp", "TIMESTAMP", AT),
        ("TIMESTAMP_MS", "'2024-01-15 10:30:00.007'", "timestamp", "TIMESTAMP", AT),
        ("DATE", "'2024-01-15'", "timestamp", "TIMESTAMP", datetime(2024, 1, 15)),
        ("TIMESTAMP", "'2024-01-15'", "date", "DATE", date(2024, 1, 15)),
    ],
)
def test_a_column_of_another_type_becomes_ours(  # noqa: PLR0917  the table above
    session, had, stored, kind, sql_type, value
):
    """An adopted column gets our type, and keeps each value, or widens for it."""
    session.execute(f"CREATE TABLE {REF} (ID VARCHAR, F {had})")
    session.execute(f"INSERT INTO {REF} VALUES ('1', {stored}), ('2', NULL)")
    load(session, "merge", schema=schema_of(F=kind), cursor_field=None)
    assert session.query(f"FROM {REF} ORDER BY ID") == [("1", value), ("2", None)]
    table = session.read_table(REF)
    assert table.column("F").sql_type == sql_type


@pytest.mark.parametrize(
    ("had", "stored", "kind"),
    [
        ("VARCHAR", "'1.239'", "decimal(38,2)"),
        ("VARCHAR", "'1E-300'", "decimal(38,2)"),
        ("VARCHAR", "'3.5'", "int64"),
        ("VARCHAR", "'soon'", "timestamp"),
        ("VARCHAR", "'2024-01-15T10:30:00'", "date"),
        ("DOUBLE", "3.5", "int64"),
        ("DECIMAL(18,2)", "3.50", "int64"),
        ("TIMESTAMP", "'2024-01-15 10:30:00'", "date"),
        ("TIMESTAMP_NS", "'2024-01-15 10:30:00.123456789'", "timestamp"),
    ],
)
def test_no_value_is_altered_by_a_change_of_type(session, had, stored, kind):
    """Where our type cannot hold an old value, a human decides and nothing moves."""
    session.execute(f"CREATE TABLE {REF} (Id VARCHAR, F {had})")
    session.execute(f"INSERT INTO {REF} VALUES ('1', {stored})")
    before = session.query(f"SELECT Id, F::VARCHAR FROM {REF}")
    with pytest.raises(SchemaDriftError, match="column F") as caught:
        load(session, "merge", schema=schema_of(F=kind), cursor_field=None)
    assert stored.strip("'") not in str(caught.value)
    assert session.query(f"SELECT Id, F::VARCHAR FROM {REF}") == before


@pytest.mark.parametrize("mode", MODES)
def test_instants_with_a_time_zone_stay_the_same_instants(user, session, mode):
    """A TIMESTAMPTZ column is kept; what is read from it is UTC, whoever looks."""
    session.execute(f"CREATE TABLE {REF} ({PLAIN.replace('TIMESTAMP', 'TIMESTAMPTZ')})")
    user.execute(
        f"INSERT INTO {REF} VALUES ('1', 'Acme', 1.5, '2024-01-15 05:30:00.007')"
    )
    counts = load(session, mode, batch(row("1"), row("2", name="Other")))
    assert (counts.unchanged, counts.inserted, counts.high_water) == (1, 1, AT)
    epochs = user.execute(f"SELECT epoch_ms(SystemModstamp) FROM {REF}").fetchall()
    assert set(epochs) == {(int(AT.replace(tzinfo=UTC).timestamp() * 1000),)}


# -- whose database it is -------------------------------------------------------------


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


# -- memory, disk and transactions ----------------------------------------------------

LIMIT = "SELECT current_setting('memory_limit')"


def test_a_file_of_ours_takes_little_memory(tmp_path):
    """What DuckDB may hold is bounded while we load, and as before afterwards."""
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as connection:
        before = connection.execute(LIMIT).fetchall()
        place = DuckDBWarehouse(path)
        assert connection.execute(LIMIT).fetchall() == [("488.2 MiB",)]
        with duckdb.connect(path) as reader:
            reader.execute("SELECT 1")
        place.close()
        assert connection.execute(LIMIT).fetchall() == before


@pytest.mark.parametrize("limit", ["100MB", "3GB"])
def test_a_limit_that_somebody_chose_stays(tmp_path, limit):
    """Small or large, another connection's choice is not ours to change."""
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(f"SET memory_limit = '{limit}'")
        before = connection.execute(LIMIT).fetchall()
        for target in (path, connection):
            place = DuckDBWarehouse(target)
            assert connection.execute(LIMIT).fetchall() == before
            place.close()
            assert connection.execute(LIMIT).fetchall() == before


def test_memory_of_a_caller_s_connection_is_the_caller_s(user):
    """No limit is set on a connection that was brought."""
    before = user.execute(LIMIT).fetchall()
    with DuckDBWarehouse(user).session() as session:
        assert session.query(LIMIT) == before


class Failing:
    """A connection on which a statement fails as it does on a broken disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, error: Any) -> None:
        self._connection = connection
        self._error = error

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        if statement == "COMMIT":
            raise self._error
        return self._connection.execute(statement, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (duckdb.IOException("IO Error: gone"), CommitStateUnknownError),
        (duckdb.FatalException("FATAL Error: invalidated"), CommitStateUnknownError),
        (duckdb.TransactionException("Failed to commit: x"), WarehouseError),
    ],
)
def test_a_commit_of_unknown_outcome_is_told_as_one(user, error, expected):
    """Only what DuckDB says it has undone is told as not moved."""
    session = DuckDBSession(Failing(user, error), "memory")
    with pytest.raises(WarehouseError) as caught, session.transaction():
        session.execute("CREATE TABLE x (a INTEGER)")
    assert type(caught.value) is expected


FILL = """
import resource, signal, sys
from lht.exceptions import WarehouseError
from lht.warehouse.duckdb import DuckDBWarehouse
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
place = DuckDBWarehouse(sys.argv[1])
session = place.session()
session.execute("CREATE TABLE main.t (a VARCHAR)")
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
try:
    with session.transaction():
        session.execute("INSERT INTO main.t SELECT hash(range) FROM range(%s)")
except WarehouseError as error:
    print(error.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
print(session.query("SELECT count(*) FROM main.t"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes there")
@pytest.mark.parametrize("rows", [30_000, 3_000_000], ids=["commit", "insert"])
def test_a_full_disk_is_told_and_moves_nothing(tmp_path, rows):
    """Whether it fills up in a statement or in the commit, the hint says what to do."""
    command = [sys.executable, "-c", FILL % rows, str(tmp_path / "crm.duckdb")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "disk has room" in told.stdout
    assert "[(0,)]" in told.stdout


def test_a_create_waits_for_another_s_and_says_so(user, session, monkeypatch):
    """A transaction left open is waited for without haste, then named with a hint."""
    monkeypatch.setattr("lht.warehouse.duckdb_tables._CONFLICT_SECONDS", 0.3)
    user.execute("BEGIN; CREATE SCHEMA crm")
    tried = time.process_time()
    with pytest.raises(WarehouseError, match="not committed") as caught:
        session.ensure_schema("crm")
    assert time.process_time() - tried < 0.2
    assert "commit" in caught.value.hint
    user.execute("COMMIT")
    session.ensure_schema("crm")


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_file_that_another_process_has_open_is_busy(tmp_path):
    """A locked file is an error of ours that can be tried later, with a hint."""
    path = tmp_path / "crm.duckdb"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseUnavailableError, match=r"crm\.duckdb") as caught:
            DuckDBWarehouse(path)
        holder.stdin.close()
        holder.wait()
    assert caught.value.transient
    assert "close the other program" in caught.value.hint
    DuckDBWarehouse(path).close()


@pytest.mark.parametrize("content", [None, b"no database at all, only text" * 99])
def test_what_cannot_be_a_database_is_a_setting_to_mend(tmp_path, content):
    """A missing folder or another file is told as a wrong setting."""
    path = tmp_path / "folder" / "crm.duckdb"
    if content:
        path.parent.mkdir()
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be opened"):
        DuckDBWarehouse(path)


@pytest.mark.parametrize("prefix", ["", "duckdb:///"])
def test_a_file_comes_into_being_only_where_it_may(tmp_path, prefix):
    """Looking creates no file; loading does. Paths and URLs are both fine."""
    path: Path = tmp_path / "crm.duckdb"
    looking = DuckDBWarehouse(f"{prefix}{path}", create=False)
    with looking.session() as session:
        assert session.read_table(REF) is None
    looking.close()
    assert not path.exists()
    loading = DuckDBWarehouse(f"{prefix}{path}")
    assert loading.display == f"duckdb:///{path}"
    loading.close()
    assert path.exists()
