"""Values of the fake: bound, read, cast and computed as in Snowflake."""

import datetime as dt
from decimal import Decimal

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Session
from tests.snowflake.likeness.client import Client

# -- bound values ----------------------------------------------------------------------
VALUES = {
    "VARCHAR": "it's \u00e9\U0001f600\r\n\\N",
    "NUMBER(38,0)": 10**37,
    "NUMBER(38,6)": Decimal("-1.234567"),
    "FLOAT": 0.1,
    "BOOLEAN": False,
    "TIMESTAMP_NTZ": dt.datetime(2024, 2, 29, 23, 59, 59, 999999),
    "DATE": dt.date(1700, 1, 1),
    "TIME": dt.time(23, 59, 59, 999999),
    "BINARY": b"\x00\xff",
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_bound_value_comes_back_as_it_was(db: Client, kind: str):
    db(f"CREATE TABLE T (A {kind})")
    db("INSERT INTO T VALUES (?)", VALUES[kind])
    db("INSERT INTO T VALUES (?)", None)
    assert db("SELECT A FROM T WHERE A = ?", VALUES[kind]) == [(VALUES[kind],)]
    assert db("SELECT A FROM T WHERE A IS NULL") == [(None,)]
    assert db("SELECT A FROM T WHERE FALSE") == []


@pytest.mark.parametrize(
    "text",
    [
        "1700-01-01 00:00:00.000001",
        "1969-12-31 23:59:59.999999",
        "4000-12-31 23:59:59.999999",
    ],
)
def test_moments_far_away_are_exact(db: Client, text: str):
    moment = dt.datetime.fromisoformat(text)
    assert db("SELECT ?::TIMESTAMP_NTZ, NULL::TIMESTAMP_NTZ", text) == [(moment, None)]


def test_nulls_of_every_moment_are_none(snowpark: Session):
    kinds = ["TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "DATE", "TIME"]
    select = ", ".join(f"NULL::{kind}" for kind in kinds)
    [row] = snowpark.sql(f"SELECT {select}").collect()
    assert tuple(row) == (None,) * 4


def test_many_rows_are_bound_at_once(db: Client):
    db("CREATE TABLE T (A VARCHAR, N NUMBER(38,2), AT TIMESTAMP_NTZ, D DATE)")
    moment, day = dt.datetime(2024, 1, 2, 3, 4, 5, 678000), dt.date(2024, 1, 2)
    rows = [("a", Decimal("1.5"), moment, day), (None, None, None, None)] * 500
    db.cursor.executemany("INSERT INTO T VALUES (?, ?, ?, ?)", rows)
    assert db.cursor.rowcount == 1000
    assert db("SELECT DISTINCT * FROM T ORDER BY A NULLS LAST") == [rows[0], rows[1]]


def test_an_array_that_goes_through_a_stage_is_refused(db: Client):
    db("CREATE TABLE T (A INT)")
    with pytest.raises(ProgrammingError, match="gap"):
        db.cursor.executemany("INSERT INTO T VALUES (?)", [(1,)] * 65_280)


# -- expressions -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SPLIT_PART('a/b/c', '/', 2)", "b"),
        ("REPLACE('a-b', '-', '')", "ab"),
        ("POSITION('b', 'abc')", 2),
        ("POSITION('b' IN 'abc')", 2),
        ("CHARINDEX('.', '12.50')", 3),
        ("LENGTH('\U0001f600x')", 2),
        ("SUBSTR('abcdef', 2, 3)", "bcd"),
        ("LEFT('abc', 2)", "ab"),
        ("LTRIM('00120', '0')", "120"),
        ("RTRIM('12.500', '0')", "12.5"),
        ("LPAD('7', 3, '0') || RPAD('7', 3, '0')", "007700"),
        ("REPEAT('ab', 2)", "abab"),
        ("REGEXP_LIKE('12.5', '\\\\d+(\\\\.\\\\d+)?')", True),
        ("REGEXP_LIKE('x12.5', '\\\\d+(\\\\.\\\\d+)?')", False),
        ("UPPER('a') || LOWER('B')", "Ab"),
        ("COALESCE(NULL, NULLIF('', ''), 'x')", "x"),
        ("IFF(1 = 1, 'y', 'n')", "y"),
        ("CASE WHEN 1 = 2 THEN 1 ELSE 2 END", 2),
        ("GREATEST(1, 2) + LEAST(1, 2)", 3),
        ("GREATEST(1, NULL)", None),
        ("EQUAL_NULL(NULL, NULL)", True),
        ("1 IS DISTINCT FROM NULL", True),
        ("TRY_CAST('1.5' AS NUMBER(38,6))", Decimal("1.5")),
        ("TRY_CAST('x' AS NUMBER(38,6))", None),
        ("TRY_TO_NUMBER('1.2345678E3', 38, 6)", Decimal("1234.5678")),
        ("TRY_TO_DECIMAL('1_000', 38, 0)", None),
        ("TO_NUMBER('12.345', 38, 2)", Decimal("12.35")),
        ("TRY_TO_DOUBLE('1e400x')", None),
        ("TRY_TO_DOUBLE('1e10')", 1e10),
        ("TRY_TO_BOOLEAN('Yes')", True),
        ("TRY_TO_BOOLEAN('2')", None),
        ("TO_BOOLEAN('off')", False),
        ("TRY_TO_DATE('2024-02-30')", None),
        ("TRY_TO_DATE('20240229', 'YYYYMMDD')", dt.date(2024, 2, 29)),
        ("TO_DATE('2024-02-29')", dt.date(2024, 2, 29)),
        ("TRY_TO_TIME('10:30:00.000Z')", None),
        ("TO_TIME('10:30:00.250')", dt.time(10, 30, 0, 250000)),
        ("TRY_TO_TIME('10:30:00.000Z', 'HH24:MI:SS.FF3\"Z\"')", dt.time(10, 30)),
        ("'2024-01-15T10:30:00.000Z'::TIMESTAMP_NTZ", dt.datetime(2024, 1, 15, 10, 30)),
        (
            "'2024-01-15T10:30:00.5+02:00'::TIMESTAMP_NTZ",
            dt.datetime(2024, 1, 15, 10, 30, 0, 500000),
        ),
        ("TRY_TO_TIMESTAMP_NTZ('2024-01-15T10:30:00.000+0000')", None),
        (
            (
                "TRY_TO_TIMESTAMP_NTZ('2024-01-15T10:30:00.123+0000', "
                "'YYYY-MM-DD\"T\"HH24:MI:SS.FF3TZHTZM')"
            ),
            dt.datetime(2024, 1, 15, 10, 30, 0, 123000),
        ),
        (
            (
                "TRY_TO_TIMESTAMP_NTZ('2024-01-15T10:30:00.123', "
                "'YYYY-MM-DD\"T\"HH24:MI:SS.FF3')"
            ),
            dt.datetime(2024, 1, 15, 10, 30, 0, 123000),
        ),
        ("TRY_TO_TIMESTAMP_NTZ('2024', 'YYYY-MM')", None),
        (
            (
                "CONVERT_TIMEZONE('UTC', '2024-01-15 05:30-05'::TIMESTAMP_TZ)"
                "::TIMESTAMP_NTZ"
            ),
            dt.datetime(2024, 1, 15, 10, 30),
        ),
        ("'1700000000'::TIMESTAMP_NTZ", dt.datetime(2023, 11, 14, 22, 13, 20)),
        ("'1.5'::NUMBER(38,6)", Decimal("1.500000")),
        ("'12345678901234567890'::NUMBER(38,0)", 12345678901234567890),
        ("1.5::FLOAT::VARCHAR", "1.5"),
        ("2::FLOAT::VARCHAR", "2"),
        ("1.50::NUMBER(38,2)::VARCHAR", "1.50"),
        ("TRUE::VARCHAR", "true"),
        (
            "'2024-01-15 10:30:00.1234'::TIMESTAMP_NTZ::VARCHAR",
            "2024-01-15 10:30:00.123",
        ),
        (
            (
                "TO_CHAR('2024-01-15 10:30:00.1234'::TIMESTAMP_NTZ, "
                "'YYYY-MM-DD\"T\"HH24:MI:SS.FF6')"
            ),
            "2024-01-15T10:30:00.123400",
        ),
        ("TO_CHAR(TO_BINARY('00FF', 'HEX'))", "00FF"),
        ("TO_BINARY('00ff', 'HEX')", b"\x00\xff"),
        ('PARSE_JSON(\'{"a": {"b": "x"}}\'):a.b::VARCHAR', "x"),
        ("'it''s' || '\\n'", "it's\n"),
    ],
)
def test_an_expression_has_snowflakes_value(db: Client, sql: str, value: object):
    [[found]] = db(f"SELECT {sql}")
    assert found == value
    assert isinstance(found, type(value) if not isinstance(value, bytes) else bytearray)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("COUNT_IF(X = 1)", 1),
        ("COUNT(DISTINCT X)", 2),
        ("MAX(X) - MIN(X)", 1),
        ("SUM(X)", 3),
        ("HASH_AGG(X) = HASH_AGG(X + 0)", True),
    ],
)
def test_an_aggregate_has_snowflakes_value(db: Client, sql: str, value: object):
    [[found]] = db(f"SELECT {sql} FROM (SELECT 1 AS X UNION ALL SELECT 2)")
    assert found == value


def test_a_column_is_found_by_its_case(db: Client):
    db('CREATE TABLE T ("Email" VARCHAR, ID VARCHAR)')
    assert db('SELECT "Email", id, "ID" FROM T') == []
    db.fails("SELECT EMAIL FROM T", says="invalid identifier", code=904)
    db.fails('SELECT "id" FROM T', says="invalid identifier", code=904)
    db.fails('SELECT * FROM "t"', says="does not exist", code=2003)
    assert db('SELECT ID AS "Id" FROM T ORDER BY "Id"') == []


def test_a_column_may_be_named_in_full(db: Client, database: str):
    db("CREATE TABLE T AS SELECT 1 AS A")
    table = f'"{database}"."PUBLIC"."T"'
    assert db.one(f'SELECT {table}."A" FROM {table} WHERE {table}."A" = 1') == 1


def test_now_may_be_said_without_parentheses(db: Client):
    day, same = db.one("SELECT CURRENT_DATE, CURRENT_TIMESTAMP = CURRENT_TIMESTAMP()")
    assert (type(day), same) == (dt.date, True)


def test_an_array_of_values_arrives_whole_or_not_at_all(db: Client):
    db("CREATE TABLE T (A NUMBER)")
    with pytest.raises(ProgrammingError, match="not recognized"):
        db.cursor.executemany("INSERT INTO T VALUES (?)", [("1",), ("x",)])
    assert db.one("SELECT COUNT(*) FROM T") == 0


def test_a_table_without_rows_has_a_hash_too(db: Client):
    assert db.one("SELECT HASH_AGG(*) FROM (SELECT 1 AS A) WHERE A = 2") == 0


def test_hash_tells_rows_apart(db: Client):
    sql = "SELECT COUNT(DISTINCT HASH(*)), MAX(HASH(*)) FROM (SELECT 1 A, 'x' B UNION "
    count, greatest = db(f"{sql} SELECT 2, 'x' UNION SELECT 1, NULL)")[0]
    assert count == 3
    assert -(2**63) <= greatest < 2**63


@pytest.mark.parametrize(
    ("sql", "says", "code"),
    [
        ("'x'::NUMBER(38,2)", "Numeric value 'x' is not recognized", 100038),
        ("''::FLOAT", "Numeric value", 100038),
        ("'maybe'::BOOLEAN", "Boolean value", 100037),
        ("'2024-13-01'::DATE", "Date '2024-13-01' is not recognized", 100040),
        ("'yesterday'::TIMESTAMP_NTZ", "Timestamp", 100035),
        ("'25:00:00'::TIME", "Time", 100108),
        ("TO_TIMESTAMP_NTZ('2024', 'YYYY-MM')", "Timestamp", 100035),
    ],
)
def test_a_cast_that_fails_is_an_error(db: Client, sql: str, says: str, code: int):
    db.fails(f"SELECT {sql}", says=says, code=code)
