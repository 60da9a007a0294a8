"""What Snowflake keeps of a user's table: all that hangs on it, and every value."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.arriving import Batches
from tests.contract.accounts import (
    AT,
    MODES,
    REF,
    batch,
    load,
    row,
    schema_of,
    target_of,
    wide,
)
from tests.contract.snowflake.files import ONE, SNOWFLAKE, catalog, leftovers, rows_of

from lht.exceptions import SchemaDriftError, TargetBusyError
from lht.schema import TableRef
from lht.warehouse.snowflake import SnowflakeSession

pytestmark = SNOWFLAKE

# -- what hangs on a table ------------------------------------------------------------

BODY = (
    "ID VARCHAR NOT NULL, NAME VARCHAR(255) COMMENT 'as people say',"
    " AMOUNT NUMBER(38,2) COMMENT 'in euro, who''s asking', NOTE VARCHAR DEFAULT 'new',"
    " SYSTEMMODSTAMP TIMESTAMP_NTZ, SCORE INTEGER NOT NULL DEFAULT 7,"
    " PRIMARY KEY (ID)"
)


def shape(session: SnowflakeSession) -> list[Any]:
    """All that hangs on the table but the types of its columns."""
    where = "WHERE TABLE_SCHEMA = 'RAW' AND TABLE_NAME = 'ACCOUNT'"
    return [
        session.query(f"SELECT {columns} FROM {catalog(session, view)} {where}{order}")
        for view, columns, order in (
            ("TABLES", "TABLE_TYPE, IS_TRANSIENT, COMMENT", ""),
            (
                "COLUMNS",
                "COLUMN_NAME, IS_NULLABLE, COLUMN_DEFAULT, COMMENT",
                " ORDER BY ORDINAL_POSITION",
            ),
        )
    ]


@pytest.mark.parametrize("widening", [False, True], ids=["same types", "widening"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["TABLE", "TRANSIENT TABLE"])
def test_what_hangs_on_a_table_stays(session, kind, mode, widening):
    """Defaults, comments, NOT NULL, views and places of columns survive every load."""
    name, view = session.name(REF), session.name(TableRef("RAW", "BIG"))
    session.execute(f"CREATE {kind} {name} ({BODY}) COMMENT = 'all of them'")
    session.execute(f"CREATE VIEW {view} AS SELECT ID, AMOUNT, NOTE FROM {name}")
    load(session, "merge", batch(row("1"), row("3")))
    session.execute(f"UPDATE {name} SET NOTE = 'mine' WHERE ID = '3'")
    before = shape(session)
    last = row("3", "0.12345" if widening else "7.00")
    batches = [batch(row("1", "2.00"), row("10")), (wide if widening else batch)(last)]
    load(session, mode, *batches)
    assert shape(session) == before
    assert session.query(f"SELECT * FROM {view} ORDER BY ID") == [
        ("1", Decimal("2.00"), "new"),
        ("10", Decimal("1.50"), "new"),
        ("3", last["Amount"], "mine"),
    ]
    assert leftovers(session) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_number_that_snowflake_draws_is_kept(session, mode):
    """A row that stays keeps its number; a new one draws its own."""
    body = "NUMBER INTEGER AUTOINCREMENT, ID VARCHAR, NAME VARCHAR, AMOUNT NUMBER(38,2)"
    session.execute(
        f"CREATE TABLE {session.name(REF)} ({body}, SYSTEMMODSTAMP TIMESTAMP_NTZ)"
    )
    load(session, "merge", ONE)
    before = rows_of(session, "ID, NUMBER")
    load(session, mode, batch(row("1", "7.00"), row("2")))
    assert before[0] in rows_of(session, "ID, NUMBER")
    assert len(set(rows_of(session, "NUMBER"))) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_protected_table_is_not_rebuilt(request, snowflake_server, session, mode):
    """A copy would have what the role may see, and no policy: nothing is done."""
    if request.node.get_closest_marker("live"):
        pytest.skip("test_open_points asks it with a policy of the account")
    load(session, mode, ONE)
    name = session.name(REF)
    snowflake_server.protected.add(name)
    try:
        with pytest.raises(SchemaDriftError, match="Amount") as caught:
            load(session, mode, wide(row("1", "0.12345")))
    finally:
        snowflake_server.protected.remove(name)
    assert "policy" in caught.value.why
    assert [r[0] for r in rows_of(session, "ID")] == ["1"]
    assert leftovers(session) == []


def test_what_others_write_while_a_table_is_rebuilt_is_not_lost(session, reader):
    """The copy is given up: a swap would take their rows away."""
    load(session, "merge", ONE)
    run = type(session)._run

    def meanwhile(self, statement, parameters=(), *, many=False):
        found = run(self, statement, parameters, many=many)
        if statement.startswith("INSERT INTO") and "REBUILT__LHT_" in statement:
            run(reader, f"INSERT INTO {session.name(REF)} (ID) VALUES ('theirs')")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(session), "_run", meanwhile)
        with pytest.raises(TargetBusyError, match="others wrote"):
            load(session, "merge", wide(row("1", "0.12345")))
    assert {r[0] for r in rows_of(session, "ID")} == {"1", "theirs"}
    assert leftovers(session) == []


def test_a_run_that_lost_its_lease_swaps_nothing_in(session):
    """What its successor has loaded stays."""
    load(session, "merge", ONE)

    def lost() -> None:
        raise TargetBusyError("the lease was lost", target_table=str(REF))

    wanted = replace(target_of(session, "merge"), still_ours=lost)
    wider = Batches([wide(row("1", "0.12345"))])
    with pytest.raises(TargetBusyError), session.load(wanted, wider):
        pass
    assert rows_of(session, "ID, AMOUNT") == [("1", Decimal("1.50"))]
    assert leftovers(session) == []


# -- tables that lht did not make -----------------------------------------------------

# What a column was, what was in it, the field's type, and what is read afterwards.
INSTANT = "'2024-01-15T05:30:00.007-05:00'::TIMESTAMP_TZ"
ADOPTED = (
    ("VARCHAR(40)", "'text'", "string", "text"),
    ("VARCHAR", "'2024-01-15'", "date", date(2024, 1, 15)),
    ("VARCHAR", "'2024-01-15T10:30:00.007Z'", "timestamp", AT),
    ("VARCHAR", "'2024-01-15T10:30:00.007+0000'", "timestamp", AT),
    ("VARCHAR", "'true'", "bool", True),
    ("VARCHAR(10)", "'1.2345E3'", "decimal(38,2)", Decimal("1234.50")),
    ("NUMBER(9,0)", "60", "int64", 60),
    ("NUMBER(9,0)", "60", "decimal(38,2)", Decimal(60)),
    ("NUMBER(38,0)", "60", "string", "60"),
    ("NUMBER(18,2)", "0.30", "decimal(38,2)", Decimal("0.30")),
    ("NUMBER(18,6)", "0.125", "decimal(38,2)", Decimal("0.125")),
    ("NUMBER(18,2)", "0.30", "double", 0.3),
    ("NUMBER(18,2)", "60.00", "int64", 60),
    ("FLOAT", "0.1", "decimal(38,2)", 0.1),
    ("FLOAT", "60.0", "int64", 60),
    ("TIMESTAMP_NTZ", "'2024-01-15 10:30:00.007'", "timestamp", AT),
    ("TIMESTAMP_TZ", INSTANT, "timestamp", AT),
    ("TIMESTAMP_LTZ", INSTANT, "timestamp", AT),
    ("DATE", "'2024-01-15'", "timestamp", datetime(2024, 1, 15)),
    ("TIMESTAMP_NTZ", "'2024-01-15'", "date", date(2024, 1, 15)),
    ("BOOLEAN", "TRUE", "bool", True),
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("quoted", [False, True], ids=["upper", "as spelt"])
def test_columns_of_other_types_become_ours(session, mode, quoted):
    """An adopted column gets our type and keeps each value, or widens for it."""
    mark = '"' if quoted else ""
    fields = {f"Field{i}__c": kind for i, (_, _, kind, _) in enumerate(ADOPTED)}
    names = [f"{mark}{name}{mark}" for name in ("Id", *fields)]
    kinds = ["VARCHAR", *(had for had, *_ in ADOPTED)]
    body = ", ".join(map(" ".join, zip(names, kinds, strict=True)))
    table, values = session.name(REF), ", ".join(v for _, v, _, _ in ADOPTED)
    nothing = ", ".join("NULL" for _ in ADOPTED)
    session.execute(f"CREATE TABLE {table} ({body})")
    session.execute(f"INSERT INTO {table} SELECT '1', {values}")
    session.execute(f"INSERT INTO {table} SELECT '2', {nothing}")
    schema = schema_of(**fields)
    adopted = session.read_table(REF)
    told = {change.column for change in session.misfits(adopted, schema)}
    nulls = batch({"Id": "2"}, schema=schema)
    counts = load(session, mode, nulls, schema=schema)
    assert (counts.unchanged, counts.inserted) == (1, 0)
    info = session.read_table(REF)
    assert [c.name for c in info.columns] == [
        n if quoted else n.upper() for n in ("Id", *fields)
    ]
    assert session.misfits(info, schema) == []
    kept = [("1", *(value for *_, value in ADOPTED))] if mode == "merge" else []
    assert rows_of(session) == [*kept, ("2", *(None for _ in ADOPTED))]
    assert told == {
        name
        for name in fields
        if adopted.column(name).sql_type != info.column(name).sql_type
    }


@pytest.mark.parametrize(
    ("had", "stored", "kind"),
    [
        ("VARCHAR", "'1.5.0'", "decimal(38,2)"),
        ("VARCHAR", "'3.5'", "int64"),
        ("VARCHAR", "'soon'", "timestamp"),
        ("VARCHAR", "'1705314600'", "timestamp"),
        ("VARCHAR", "'2024-01-15T10:30:00'", "date"),
        ("FLOAT", "3.5", "int64"),
        ("NUMBER(18,2)", "3.50", "int64"),
        ("TIMESTAMP_NTZ", "'2024-01-15 10:30:00'", "date"),
        ("VARCHAR", "'yes'", "bool"),
    ],
)
def test_no_value_is_altered_by_a_change_of_type(session, had, stored, kind):
    """Where our type cannot hold an old value, a human decides and nothing moves."""
    name = session.name(REF)
    session.execute(f"CREATE TABLE {name} (ID VARCHAR, F {had})")
    session.execute(f"INSERT INTO {name} SELECT '1', {stored}")
    before, table = rows_of(session), session.read_table(REF)
    with pytest.raises(SchemaDriftError, match="F ") as caught:
        load(session, "merge", schema=schema_of(F=kind))
    assert stored.strip("'") not in f"{caught.value} {caught.value.why}"
    assert (rows_of(session), session.read_table(REF)) == (before, table)
    assert leftovers(session) == []
