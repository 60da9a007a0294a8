"""Names in Snowflake: columns, fields and tables may have any."""

from decimal import Decimal

import pytest
from tests.contract.accounts import (
    MODES,
    REF,
    SCHEMA,
    batch,
    load,
    row,
    schema_of,
    wide,
)
from tests.contract.snowflake.files import ONE, SNOWFLAKE, rows_of

from lht.exceptions import ConfigError, MissingKeyError
from lht.schema import TableRef

pytestmark = SNOWFLAKE


@pytest.mark.parametrize("mode", MODES)
def test_users_columns_may_have_any_name(session, mode):
    """No name that our own statements use is taken from them."""
    names = ["K", "T0", "N0", "t", "s", "FRESH", "EQUAL", "HELD", "KEYS", "MATCHED"]
    names += ["ORDER", "select", 'a "b"', "__LHT_", "%s", "?", "B C"]
    marked = ['"' + name.replace('"', '""') + '"' for name in names]
    body = ", ".join(f"{name} VARCHAR DEFAULT 'mine'" for name in marked)
    session.create_table(REF, SCHEMA)
    session.execute(f"DROP TABLE {session.name(REF)}")
    session.execute(
        f"CREATE TABLE {session.name(REF)} ({body}, ID VARCHAR, NAME VARCHAR,"
        " AMOUNT NUMBER(38,2), SYSTEMMODSTAMP TIMESTAMP_NTZ)"
    )
    for amount in ("1.50", "2.50", "0.12345"):
        load(session, mode, wide(row("1", amount), row(amount)))
    kept = rows_of(session, ", ".join(marked))
    assert set(kept) == {("mine",) * len(names)}
    assert dict(rows_of(session, "ID, AMOUNT"))["1"] == Decimal("0.12345")


@pytest.mark.parametrize("mode", MODES)
def test_fields_may_have_any_name(session, mode):
    """Also those that our own statements give to what they count."""
    numbers = dict.fromkeys(["K", "T1", "N2"], Decimal("1.50"))
    texts = dict.fromkeys(["Fresh", "Equal", "Held", "Keys", "Matched", "Order"], "a")
    schema = schema_of(
        **dict.fromkeys(numbers, "decimal(38,2)"), **dict.fromkeys(texts, "string")
    )
    arriving = {"Id": "1", **numbers, **texts}
    for _ in range(2):
        load(session, mode, batch(arriving, schema=schema), schema=schema)
    assert rows_of(session) == [tuple(arriving.values())]


@pytest.mark.parametrize("name", ["ORDER", "T", "S", 'A "B" c', "PER CENT %s ?"])
def test_a_target_may_have_any_name(session, name):
    """It is quoted wherever it is named."""
    ref = TableRef("RAW", name)
    for mode in (*MODES, *MODES):
        load(session, mode, wide(row("1")), ref=ref)
    assert rows_of(session, "ID", ref) == [("1",)]
    assert session.read_table(ref).rows == 1


def test_a_view_is_no_target(session):
    """That is told before anything is done."""
    session.execute(f"CREATE VIEW {session.name(REF)} AS SELECT '1' AS ID")
    with pytest.raises(ConfigError, match="view"):
        session.read_table(REF)


def test_a_table_of_one_name_elsewhere_is_another(session):
    """Other schemas of the database do not mix in."""
    elsewhere = session.name(TableRef("PUBLIC", "ACCOUNT"))
    session.execute(f"CREATE TABLE {elsewhere} (ELSEWHERE INTEGER)")
    assert session.read_table(REF) is None
    assert not session.has_table(REF)
    load(session, "merge", ONE)
    names = [c.name for c in session.read_table(REF).columns]
    assert names == ["ID", "NAME", "AMOUNT", "SYSTEMMODSTAMP"]


def test_a_table_whose_key_is_gone_is_not_touched(session):
    """Rows could not be matched any more."""
    load(session, "merge", ONE)
    session.execute(f"ALTER TABLE {session.name(REF)} RENAME COLUMN ID TO ID_OLD")
    with pytest.raises(MissingKeyError):
        session.check_key(REF, "Id")
    assert rows_of(session, "ID_OLD") == [("1",)]
