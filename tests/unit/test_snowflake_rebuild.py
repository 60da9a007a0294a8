"""A table that is rebuilt in Snowflake keeps what can be kept, or is left alone."""

from dataclasses import replace
from typing import Any

import pytest

from lht.exceptions import SchemaDriftError
from lht.schema import TableRef
from lht.warehouse.snowflake_catalog import CatalogColumn, CatalogTable
from lht.warehouse.snowflake_statements import grown, rebuild

AMOUNT = CatalogColumn("AMOUNT", "NUMBER", precision=38, scale=2)
NOTE = CatalogColumn("NOTE", "TEXT", length=20, nullable="NO", comment="it's mine")


def table(**note: Any) -> CatalogTable:
    """Return a table, the last column of which is somebody's."""
    columns = (AMOUNT._replace(name="ID"), AMOUNT, NOTE._replace(**note))
    return CatalogTable(ref=TableRef("RAW", "Deal"), columns=columns)


def statements(changed: str, table: CatalogTable) -> list[str]:
    """Return what widens a column."""
    return list(rebuild("t", "a", table, {changed: "decimal(38,5)"}))


@pytest.mark.parametrize("default", [None, "'it''s new'", "7", "-1.5E3", "NULL"])
def test_columns_behind_the_changed_one_are_made_as_they_were(default):
    """A column keeps its place with its type, default, constraint and comment."""
    said = f" DEFAULT {default}" if default else ""
    assert statements("AMOUNT", table(told_default=default)) == [
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
    column = AMOUNT._replace(told_default="0.00", nullable="NO", comment="in euro")
    assert column.definition("decimal(38,5)") == (
        "\"AMOUNT\" NUMBER(38,5) DEFAULT 0.00 NOT NULL COMMENT 'in euro'"
    )


@pytest.mark.parametrize("default", [None, "'none'"])
def test_a_text_keeps_how_it_is_compared(default):
    """Its collation stands with its type: behind a default it would be that one's."""
    said = f" DEFAULT {default}" if default else ""
    assert statements("AMOUNT", table(collation="de-ci", told_default=default))[2] == (
        'ALTER TABLE a ADD COLUMN "AMOUNT" NUMBER(38,5),'
        f" \"NOTE\" VARCHAR(20) COLLATE 'de-ci'{said} NOT NULL COMMENT 'it''s mine'"
    )


def test_what_becomes_no_text_is_compared_as_what_it_is():
    """Only texts have a collation."""
    column = NOTE._replace(collation="de-ci", nullable="YES", comment=None)
    assert column.definition("date") == '"NOTE" DATE'


@pytest.mark.parametrize(
    ("column", "new_type", "expected"),
    [
        (NOTE, "VARCHAR", "VARCHAR"),
        (NOTE._replace(collation="it's"), "VARCHAR", "VARCHAR COLLATE 'it''s'"),
        (AMOUNT, "NUMBER(38,2)", "NUMBER(38,2)"),
    ],
)
def test_a_column_that_grows_in_place_keeps_its_collation(column, new_type, expected):
    """Snowflake refuses to make it longer without saying that again."""
    assert grown("t", column, new_type) == (
        f'ALTER TABLE t ALTER COLUMN "{column.name}" SET DATA TYPE {expected}'
    )


def test_the_table_s_comment_goes_along():
    """A table that is made like another one has no comment yet."""
    said = statements("NOTE", replace(table(), comment="it's all"))
    assert said[1] == "COMMENT ON TABLE a IS 'it''s all'"


def test_a_table_of_short_history_stays_one():
    """What replaces a transient table is transient."""
    said = statements("NOTE", replace(table(), transient=True))
    assert said[0] == "CREATE TRANSIENT TABLE a LIKE t COPY GRANTS"


def test_the_first_column_may_change_too():
    """Snowflake has no table without columns: one stands in meanwhile."""
    assert statements("ID", table())[1:5] == [
        'ALTER TABLE a ADD COLUMN "__LHT_" BOOLEAN',
        'ALTER TABLE a DROP COLUMN "ID", "AMOUNT", "NOTE"',
        (
            'ALTER TABLE a ADD COLUMN "ID" NUMBER(38,5), "AMOUNT" NUMBER(38,2),'
            " \"NOTE\" VARCHAR(20) NOT NULL COMMENT 'it''s mine'"
        ),
        'ALTER TABLE a DROP COLUMN "__LHT_"',
    ]


@pytest.mark.parametrize(
    "note",
    [
        {"told_default": "CURRENT_TIMESTAMP()"},
        {"told_default": "SEQ.NEXTVAL"},
        {"told_default": "'a' || 'b'"},
        {"told_default": "IDENTITY START 1 INCREMENT 1", "identity": "YES"},
        {"identity": "YES"},
    ],
)
def test_what_cannot_be_made_anew_is_not_lost(note):
    """A computed default, or a drawn number, would be lost: nothing is begun."""
    with pytest.raises(SchemaDriftError, match="NOTE cannot be made") as caught:
        statements("AMOUNT", table(**note))
    assert "--table" in caught.value.hint
