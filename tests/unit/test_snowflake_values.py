"""The SQL that reads staged texts: its grammar, its size, and what its answer means."""

import re

import pytest
from sqlfluff.core import FluffConfig, Linter

from lht.exceptions import UnencodableValueError
from lht.schema import Column, TableSchema
from lht.typemap import DUCKDB, MAX_SCALE, SNOWFLAKE, decimal, needed_type, sql_type
from lht.warehouse.snowflake_values import (
    converted,
    decimals_of,
    misread,
    read_survey,
    survey,
    whole_digits_of,
)

KINDS = [
    *("string", "bool", "int64", "double", "date", "time", "timestamp"),
    *(decimal(2), decimal(MAX_SCALE)),
]
# Source: https://docs.snowflake.com/en/user-guide/query-size-limits, read 2026-11-21.
LARGEST_STATEMENT = 1_000_000


def schema(**kinds: str) -> TableSchema:
    return TableSchema(
        columns=tuple(
            Column(name=name, field_type="any", arrow_type=kind)
            for name, kind in kinds.items()
        )
    )


SCHEMA = schema(
    Id="string", Sum__c=decimal(2), Part__c=decimal(0), Seats__c="int64", Day__c="date"
)


def parses(statement: str) -> bool:
    config = FluffConfig(overrides={"dialect": "snowflake"})
    return not Linter(config=config).parse_string(statement).violations


@pytest.mark.parametrize("kind", KINDS)
def test_every_expression_is_snowflake_s_sql(kind):
    """A parser of Snowflake's dialect takes each expression in a SELECT."""
    expressions = [converted('"A"', kind), misread('"A"', kind) or "TRUE"]
    assert parses(f'SELECT {", ".join(expressions)} FROM "DB"."S"."T"')


def test_the_survey_is_snowflake_s_sql():
    """So it takes the survey, of columns in upper case, and the counts of digits."""
    assert '"SUM__C" AS' in survey(SCHEMA, '"DB"."S"."T"', "Id")
    assert parses(survey(SCHEMA, '"DB"."S"."T"', "Id"))
    assert parses(f'SELECT {decimals_of("A")}, {whole_digits_of("A")} FROM "T"')
    assert not parses("SELECT a FROM WHERE")


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("date", "DATE(LEFT({}, 10), 'YYYY-MM-DD')"),
        ("time", "TIME(LEFT({}, 12), 'HH24:MI:SS.FF3')"),
        (
            "timestamp",
            """TIMESTAMP_NTZ(LEFT({}, 23), 'YYYY-MM-DD"T"HH24:MI:SS.FF3')""",
        ),
    ],
)
def test_no_session_parameter_decides_how_a_moment_is_read(kind, call):
    """Formats are given in both places; the type has no time zone to choose."""
    assert converted("T", kind) == "TO_" + call.format("NULLIF(T, '')")
    assert f" OR TRY_TO_{call.format('T')} IS NULL" in (misread("T", kind) or "")


@pytest.mark.parametrize("kind", ["int64", decimal(2)])
def test_a_number_never_passes_through_a_float(kind):
    """Money is read by its digits."""
    assert not re.search(r"FLOAT|DOUBLE|REAL", converted("T", kind))


@pytest.mark.parametrize("kind", ["int64", "timestamp", decimal(18)])
def test_the_widest_objects_fit_into_a_statement(kind):
    """400 columns with names as long as can be are surveyed and converted at once."""
    names = [f"{'N' * 40}{n}__c" for n in range(400)]
    wide = schema(**dict.fromkeys(names, kind))
    assert len(survey(wide, '"DB"."S"."T"', names[0])) < LARGEST_STATEMENT / 2
    values = [converted(f'"{name}"', kind) for name in names]
    assert len(", ".join(values)) < LARGEST_STATEMENT * 0.8


def test_any_text_is_a_text():
    """Nothing is refused where nothing is converted."""
    assert misread("T", "string") is None


def answer(*, sums=(0, 2, 5), parts=(0, 0, 0), seats=0, days=0):
    return (10, 9, 8, *sums, *parts, seats, days)


def test_the_survey_tells_rows_and_keys():
    """Rows, rows that have a key, and different keys are three counts."""
    found = read_survey(SCHEMA, answer())
    assert (found.rows, found.keyed, found.keys) == (10, 9, 8)
    assert found.schema == SCHEMA


def test_the_survey_widens_the_columns_that_need_it():
    """Each decimal column gets the type that its numbers need, others keep theirs."""
    found = read_survey(SCHEMA, answer(sums=(0, 3, 5), parts=(0, 0, 39)))
    assert found.schema == SCHEMA.widened({"Sum__c": decimal(3), "Part__c": "double"})


def test_an_empty_table_needs_nothing():
    """Without a number there is no most of its digits."""
    row = (0, 0, 0, *(0, None, None), *(0, None, None), 0, 0)
    assert read_survey(SCHEMA, row).schema == SCHEMA


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (answer(sums=(1, 2, 5)), "Sum__c"),
        (answer(parts=(1, 0, 0)), "Part__c"),
        (answer(seats=2), "Seats__c"),
        (answer(days=3), "Day__c"),
    ],
)
def test_a_text_that_is_no_value_is_told_by_its_field(row, field):
    """One misread text stops the load, and says where it was."""
    with pytest.raises(UnencodableValueError, match=field) as caught:
        read_survey(SCHEMA, row)
    assert caught.value.context["field"] == field
    assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "decimals", "whole", "expected"),
    [
        (decimal(2), 0, 0, decimal(2)),
        (decimal(2), 2, 36, decimal(2)),
        (decimal(2), 2, 37, "double"),
        (decimal(2), 3, 35, decimal(3)),
        (decimal(2), 3, 36, "double"),
        (decimal(0), MAX_SCALE, 18, decimal(MAX_SCALE)),
        (decimal(0), MAX_SCALE, 19, "double"),
        (decimal(0), MAX_SCALE + 1, 0, "double"),
        (decimal(5), -3, -3, decimal(5)),
    ],
)
def test_a_column_is_as_wide_as_its_numbers_need(kind, decimals, whole, expected):
    """Decimals widen to the scale needed, and to double beyond 38 digits."""
    assert needed_type(kind, decimals, whole) == expected


def test_each_warehouse_names_every_type():
    """Both warehouses have a type for all that the other has."""
    assert SNOWFLAKE.keys() == DUCKDB.keys()
    assert sql_type(decimal(7), SNOWFLAKE) == "NUMBER(38,7)"
    assert sql_type(decimal(7), DUCKDB) == "DECIMAL(38,7)"
    assert sql_type("timestamp", SNOWFLAKE) == "TIMESTAMP_NTZ"
