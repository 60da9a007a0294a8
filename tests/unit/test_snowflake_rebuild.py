"""A table that is rebuilt in Snowflake keeps what can be kept, or is left alone."""

from dataclasses import replace

import pytest

from lht.exceptions import SchemaDriftError
from lht.schema import TableColumn, TableInfo, TableRef
from lht.warehouse.snowflake_columns import Facts, definition
from lht.warehouse.snowflake_statements import rebuild

NAMES = ("ID", "AMOUNT", "NOTE")
TABLE = TableInfo(
    ref=TableRef("RAW", "Deal"),
    columns=tuple(TableColumn(name=n, sql_type="NUMBER(38,2)") for n in NAMES),
    rows=1,
)


def note(default: str | None = None, identity: str = "NO") -> Facts:
    return Facts("TEXT", None, None, 20, None, default, "NO", identity, "it's mine")


def statements(changed: str, note: Facts) -> list[str]:
    made = {
        "ID": '"ID" VARCHAR',
        "AMOUNT": '"AMOUNT" NUMBER(38,2)',
        "NOTE": definition("NOTE", note),
    } | {changed: f'"{changed}" NUMBER(38,5)'}
    return list(rebuild("t", "a", TABLE, {changed: "decimal(38,5)"}, made))


@pytest.mark.parametrize("default", [None, "'it''s new'", "7", "-1.5E3", "NULL"])
def test_columns_behind_the_changed_one_are_made_as_they_were(default):
    """A column keeps its place with its type, default, constraint and comment."""
    said = f" DEFAULT {default}" if default else ""
    assert statements("AMOUNT", note(default)) == [
        "CREATE TABLE a LIKE t COPY GRANTS",
        'ALTER TABLE a DROP COLUMN "AMOUNT", "NOTE"',
        (
            'ALTER TABLE a ADD COLUMN "AMOUNT" NUMBER(38,5),'
            f" \"NOTE\" VARCHAR(20){said} NOT NULL COMMENT 'it''s mine'"
        ),
        (
            'INSERT INTO a ("ID", "AMOUNT", "NOTE")'
            ' SELECT "ID", "AMOUNT"::NUMBER(38,5), "NOTE" FROM t'
        ),
        "ALTER TABLE t SWAP WITH a",
    ]


def test_the_changed_column_keeps_all_but_its_type():
    """What hangs on it is said again."""
    facts = Facts("NUMBER", 38, 2, None, None, "0.00", "NO", "NO", "in euro")
    assert definition("AMOUNT", facts, "decimal(38,5)") == (
        "\"AMOUNT\" NUMBER(38,5) DEFAULT 0.00 NOT NULL COMMENT 'in euro'"
    )


def test_the_table_s_comment_goes_along():
    """A table that is made like another one has no comment yet."""
    table = replace(TABLE, comment="it's all")
    made = {name: f'"{name}" NUMBER(38,5)' for name in NAMES}
    said = list(rebuild("t", "a", table, {"NOTE": "decimal(38,5)"}, made))
    assert said[1] == "COMMENT ON TABLE a IS 'it''s all'"


def test_the_first_column_may_change_too():
    """Snowflake has no table without columns: one stands in meanwhile."""
    assert statements("ID", note())[1:5] == [
        'ALTER TABLE a ADD COLUMN "__LHT_" BOOLEAN',
        'ALTER TABLE a DROP COLUMN "ID", "AMOUNT", "NOTE"',
        (
            'ALTER TABLE a ADD COLUMN "ID" NUMBER(38,5), "AMOUNT" NUMBER(38,2),'
            " \"NOTE\" VARCHAR(20) NOT NULL COMMENT 'it''s mine'"
        ),
        'ALTER TABLE a DROP COLUMN "__LHT_"',
    ]


@pytest.mark.parametrize(
    "facts",
    [
        note("CURRENT_TIMESTAMP()"),
        note("SEQ.NEXTVAL"),
        note("'a' || 'b'"),
        note("IDENTITY START 1 INCREMENT 1", "YES"),
    ],
)
def test_what_cannot_be_made_anew_is_not_lost(facts):
    """A computed default, or a drawn number, would be lost: nothing is begun."""
    with pytest.raises(SchemaDriftError, match="NOTE cannot be made") as caught:
        statements("AMOUNT", facts)
    assert "--table" in caught.value.hint
