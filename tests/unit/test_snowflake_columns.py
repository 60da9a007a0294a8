"""What becomes of a column in Snowflake: decided before anything is done."""

import pytest

from lht.exceptions import MissingKeyError
from lht.schema import (
    Column,
    SchemaChange,
    TableColumn,
    TableInfo,
    TableRef,
    TableSchema,
)
from lht.warehouse.snowflake_columns import (
    altered,
    as_type,
    changes_in_place,
    check_known,
    holding,
    holds,
    key_of,
    number_of,
)

REF = TableRef("RAW", "ACCOUNT")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("NUMBER(38,2)", (38, 2)), ("NUMBER(9,0)", (9, 0)), ("FLOAT", None), ("", None)],
)
def test_a_number_has_digits_and_others_none(kind, expected):
    """Only a NUMBER has precision and scale."""
    assert number_of(kind) == expected


@pytest.mark.parametrize(
    ("have", "arrow_type", "expected"),
    [
        ("VARCHAR", "string", True),
        ("VARCHAR(255)", "string", False),
        ("NUMBER(38,0)", "int64", True),
        ("NUMBER(21,2)", "int64", True),
        ("NUMBER(19,0)", "int64", True),
        ("NUMBER(18,0)", "int64", False),
        ("NUMBER(38,20)", "int64", False),
        ("FLOAT", "int64", False),
        ("NUMBER(38,2)", "decimal(38,2)", True),
        ("NUMBER(18,2)", "decimal(38,2)", False),
        ("FLOAT", "double", True),
        ("BOOLEAN", "bool", True),
        ("TIMESTAMP_NTZ", "timestamp", True),
        ("TIMESTAMP_NTZ(0)", "timestamp", False),
        ("TIMESTAMP_LTZ", "timestamp", False),
        ("TIME(0)", "time", False),
        ("DATE", "timestamp", False),
    ],
)
def test_a_column_serves_where_it_holds_every_value(have, arrow_type, expected):
    """A wider number serves a whole one; all else must be the type itself."""
    assert holds(have, arrow_type) is expected


@pytest.mark.parametrize(
    ("have", "wanted", "expected"),
    [
        (None, "decimal(38,2)", "decimal(38,2)"),
        ("NUMBER(38,5)", "decimal(38,2)", "decimal(38,5)"),
        ("NUMBER(18,0)", "decimal(38,2)", "decimal(38,2)"),
        ("FLOAT", "decimal(38,2)", "double"),
        ("VARCHAR", "decimal(38,2)", "decimal(38,2)"),
        ("NUMBER(38,5)", "string", "string"),
        ("FLOAT", "int64", "int64"),
    ],
)
def test_a_decimal_does_not_shrink(have, wanted, expected):
    """What the column once needed it keeps, whatever the describe says now."""
    column = have and TableColumn(name="F", sql_type=have)
    field = Column(name="F", field_type="any", arrow_type=wanted)
    assert holding(column, field) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("NUMBER(18,2)", "NUMBER(38,2)", True),
        ("NUMBER(38,2)", "NUMBER(18,2)", False),
        ("NUMBER(38,2)", "NUMBER(38,5)", False),
        ("VARCHAR(255)", "VARCHAR", True),
        ("NUMBER(38,0)", "VARCHAR", False),
        ("VARCHAR", "DATE", False),
        ("NUMBER(38,2)", "FLOAT", False),
        ("TIMESTAMP_NTZ(0)", "TIMESTAMP_NTZ", False),
        (None, "VARCHAR", False),
    ],
)
def test_snowflake_alters_little_in_place(old, new, expected):
    """A longer text and more digits before the point; for all else it is rebuilt."""
    change = SchemaChange(column="F", old_type=old, new_type=new)
    assert changes_in_place(change) is expected


@pytest.mark.parametrize(
    ("old", "arrow_type", "expected"),
    [
        ("NUMBER(38,0)", "string", '"F"::VARCHAR'),
        ("NUMBER(38,2)", "double", 'TO_VARCHAR("F")::FLOAT'),
        ("NUMBER(38,2)", "decimal(38,5)", '"F"::NUMBER(38,5)'),
        ("TIMESTAMP_NTZ(0)", "timestamp", '"F"::TIMESTAMP_NTZ'),
        (
            "TIMESTAMP_TZ",
            "timestamp",
            "CONVERT_TIMEZONE('UTC', \"F\")::TIMESTAMP_NTZ",
        ),
        (
            "TIMESTAMP_LTZ",
            "timestamp",
            "CONVERT_TIMEZONE('UTC', \"F\")::TIMESTAMP_NTZ",
        ),
        ("VARCHAR(10)", "bool", "LOWER(NULLIF(\"F\", '')) IN ('true', '1')"),
        ("VARCHAR", "string", "NULLIF(\"F\", '')"),
    ],
)
def test_values_are_converted_without_the_session_s_help(old, arrow_type, expected):
    """Time zones and formats are said; a double is the nearest by its digits."""
    assert as_type('"F"', old, arrow_type) == expected


@pytest.mark.parametrize(
    ("old", "arrow_type", "expected"),
    [
        ("NUMBER(38,2)", "double", None),
        ("TIMESTAMP_TZ", "timestamp", None),
        ("VARCHAR", "string", None),
        (
            "NUMBER(38,2)",
            "int64",
            '("F"::NUMBER(38,0))::NUMBER(38,2) IS DISTINCT FROM "F"',
        ),
        (
            "TIMESTAMP_NTZ",
            "date",
            '("F"::DATE)::TIMESTAMP_NTZ IS DISTINCT FROM "F"',
        ),
        (
            "VARCHAR",
            "bool",
            "(\"F\" <> '' AND (LOWER(\"F\") NOT IN ('true', 'false', '1', '0')))",
        ),
    ],
)
def test_a_change_that_alters_values_is_looked_for(old, arrow_type, expected):
    """There and back again must be the same value, or a text no value at all."""
    change = SchemaChange(column="F", old_type=old, new_type="any")
    assert altered('"F"', change, arrow_type) == expected


def test_a_key_is_found_in_any_case():
    """Or told to be missing, with the way out."""
    info = TableInfo(
        ref=REF, columns=(TableColumn(name="Id", sql_type="VARCHAR"),), rows=0
    )
    assert key_of(info, "ID").name == "Id"
    with pytest.raises(MissingKeyError) as caught:
        key_of(info, "Key__c")
    assert "--table" in caught.value.hint


def test_rows_that_arrive_without_the_key_are_no_rows():
    """Nothing would tell them apart."""
    fields = (Column(name="Id", field_type="id", arrow_type="string"),)
    schema = TableSchema(columns=fields)
    check_known(REF, schema, "ID")
    with pytest.raises(MissingKeyError):
        check_known(REF, schema, "Key__c")
