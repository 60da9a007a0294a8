"""What DuckDB keeps of a user's table: constraints, comments, views, every value."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.accounts import (
    AT,
    MODES,
    PLAIN,
    REF,
    batch,
    load,
    row,
    schema_of,
    wide,
)

from lht.exceptions import SchemaDriftError
from lht.warehouse.duckdb import DuckDBSession

SECOND = AT.replace(microsecond=0)

# -- what hangs on a table ------------------------------------------------------------

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
def test_a_column_may_have_the_name_of_duckdb_s_own(session, mode, widening):
    """A user's column called rowid tells no row from another, and keeps its values."""
    session.execute(f"CREATE TABLE {REF} ({PLAIN}, RowId INTEGER DEFAULT 7)")
    load(session, "merge", batch(*(row(str(i)) for i in range(4))))
    last = row("3", "0.12345" if widening else "7.00")
    changed = [batch(row("1", "2.00"), row("2")), (wide if widening else batch)(last)]
    counts = load(session, mode, *changed)
    assert (counts.updated, counts.unchanged) == (2, 1)
    found = {
        key: (amount, own) for key, _, amount, _, own in session.query(f"FROM {REF}")
    }
    assert found.pop("0", None) == (None if mode == "replace" else (Decimal("1.5"), 7))
    assert found == {
        "1": (Decimal(2), 7),
        "2": (Decimal("1.5"), 7),
        "3": (last["Amount"], 7),
    }


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
