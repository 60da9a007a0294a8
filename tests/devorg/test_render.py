"""Values on the wire: the same in Python's JSON and in SQL's CSV."""

import csv
import io
import json
import math
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.devorg.metadata import Field
from lht.devorg.render import (
    JAVA_DOUBLE_MACROS,
    csv_header,
    csv_line,
    java_double,
    json_value,
)
from lht.devorg.soql import Column


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(JAVA_DOUBLE_MACROS)
        yield connection


DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (23.0, "23.0"),
        (-0.5, "-0.5"),
        (0.001, "0.001"),
        (0.0005, "5.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (9.9213206e7, "9.9213206E7"),
        (115056052.0, "1.15056052E8"),
        (16147805824397.0, "1.6147805824397E13"),
        (999999999999999999.0, "1.0E18"),
        (-1e300, "-1.0E300"),
        (1.5e-300, "1.5E-300"),
    ],
)
def test_doubles_look_as_java_prints_them(value: float, text: str):
    assert java_double(value) == text


@given(st.lists(DOUBLES, min_size=1, max_size=200))
def test_sql_prints_doubles_as_python_does(
    db: duckdb.DuckDBPyConnection, values: list[float]
):
    """One rule, twice written: they agree, and the text is the same number."""
    sql = "SELECT java_double(v) FROM (SELECT unnest($v::DOUBLE[]) AS v)"
    found = [row[0] for row in db.execute(sql, {"v": values}).fetchall()]
    assert found == [java_double(value) for value in values]
    assert [float(text) for text in found] == values


@given(st.lists(st.floats(1e-5, 1e9), min_size=1, max_size=200))
def test_sql_and_python_agree_around_the_borders(
    db: duckdb.DuckDBPyConnection, values: list[float]
):
    """Also where plain notation turns into scientific, and a step to either side."""
    near = [math.nextafter(edge, to) for edge in (1e-3, 1e7) for to in (0, 1e9)]
    some = [round(value, 3) for value in values] + near + [1e-4, 1e-3, 1e7]
    sql = "SELECT java_double(v) FROM (SELECT unnest($v::DOUBLE[]) AS v)"
    found = [row[0] for row in db.execute(sql, {"v": some}).fetchall()]
    assert found == [java_double(value) for value in some]


TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "int": "BIGINT",
    "currency": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
}
VALUES = {
    "string": 'He said "no",\r\nthen\tleft 🙂',
    "boolean": True,
    "int": -12345678901,
    "currency": 12345678.9,
    "date": date(1700, 1, 2),
    "datetime": datetime(4000, 12, 31, 23, 59, 58, 7000),
    "time": time(10, 15, 0, 500_000),
}
CSV_TEXTS = {
    "string": VALUES["string"],
    "boolean": "true",
    "int": "-12345678901",
    "currency": "1.23456789E7",
    "date": "1700-01-02",
    "datetime": "4000-12-31T23:59:58.007Z",
    "time": "10:15:00.500Z",
}
JSON_TEXTS = {
    "string": json.dumps(VALUES["string"], ensure_ascii=False),
    "boolean": "true",
    "int": "-12345678901",
    "currency": "1.23456789E7",
    "date": '"1700-01-02"',
    "datetime": '"4000-12-31T23:59:58.007+0000"',
    "time": '"10:15:00.500Z"',
}


def column(kind: str, path: tuple[str, ...] = ("F",)) -> Column:
    return Column(
        path, Field(name="F", type=kind, label="F"), f"${kind}::{TYPES[kind]}"
    )


def line(db: duckdb.DuckDBPyConnection, values: dict[str, object], **dialect) -> str:
    sql = csv_line([column(kind) for kind in values], **dialect)
    return db.execute(f"SELECT {sql}", values).fetchone()[0]


@pytest.mark.parametrize("delimiter", [",", "\t", "|", "^", "`"])
@pytest.mark.parametrize("line_ending", ["\n", "\r\n"])
def test_a_csv_line_is_what_a_csv_reader_reads(
    db: duckdb.DuckDBPyConnection, delimiter: str, line_ending: str
):
    """Every value is quoted, line breaks inside stay as they are."""
    text = line(db, VALUES, delimiter=delimiter, line_ending=line_ending)
    assert text.endswith(f'"{line_ending}')
    (row,) = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    assert row == list(CSV_TEXTS.values())
    assert text.count(f'"{delimiter}"') == len(VALUES) - 1


def test_null_is_the_empty_text_in_csv(db: duckdb.DuckDBPyConnection):
    text = line(db, dict.fromkeys(VALUES), delimiter=",", line_ending="\n")
    assert text == ",".join(['""'] * len(VALUES)) + "\n"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_survives_csv(db: duckdb.DuckDBPyConnection, value: str):
    text = line(db, {"string": value}, delimiter=",", line_ending="\n")
    assert text == '"' + value.replace('"', '""') + '"\n'


def test_a_header_names_paths():
    columns = [column("int", ("Id",)), column("string", ("Owner", "Name"))]
    header = csv_header(columns, delimiter=";", line_ending="\r\n")
    assert header == '"Id";"Owner.Name"\r\n'


@pytest.mark.parametrize("kind", TYPES)
def test_json_values(kind: str):
    found = json_value(column(kind).field, VALUES[kind])
    assert msgspec.json.encode(found).decode() == JSON_TEXTS[kind]
    assert json_value(column(kind).field, None) is None


def test_numbers_look_as_recorded_ones(recorded: Path):
    """Doubles of a real org's CSV come out of the rule as they went in."""
    path = recorded / "bulk2" / "observed_in_public_threads.jsonl"
    rows = [json.loads(text) for text in path.read_text().splitlines()]
    numbers = [
        cell
        for row in rows
        if isinstance(row["body"], str)
        for record in csv.reader(io.StringIO(row["body"]))
        for cell in record
        if "E" in cell and cell.replace("E", "").replace(".", "").isdecimal()
    ]
    assert numbers
    assert [java_double(float(text)) for text in numbers] == numbers
