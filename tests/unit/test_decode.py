"""REST JSON and Bulk CSV become the same batches, and a cut page never passes."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from lht.decode import arrow_type, decode_csv, decode_json, fit, type_name
from lht.exceptions import (
    DataError,
    RowCountMismatchError,
    SalesforceUnavailableError,
    UnencodableValueError,
)
from lht.schema import Column, TableSchema


def schema_of(**types: str) -> TableSchema:
    return TableSchema(
        columns=tuple(
            Column(name=name, field_type="any", arrow_type=kind)
            for name, kind in types.items()
        )
    )


def page(rows: list[list[str]], *header: str) -> bytes:
    """A bulk result page as Salesforce writes it: all quoted, LF at the end."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([list(header), *rows])
    return out.getvalue().encode()


def answer(*records: dict[str, object]) -> bytes:
    return json.dumps({"records": [{"attributes": {}, **r} for r in records]}).encode()


def one(kind: str, text: str) -> tuple[object, str]:
    """Decode one value from a page; return it with the type it came in."""
    body = page([["1", text]], "Id", "F")
    batch = decode_csv(body, schema_of(Id="string", F=kind), rows=1)
    return batch.column(1)[0].as_py(), type_name(batch.column(1).type)


@pytest.mark.parametrize(
    ("kind", "in_csv", "in_json", "value"),
    [
        ("string", "NA", "NA", "NA"),
        ("string", "null", "null", "null"),
        ("string", "nan", "nan", "nan"),
        ("string", "#N/A", "#N/A", "#N/A"),
        ("string", "00420", "00420", "00420"),
        ("string", "  both sides ", "  both sides ", "  both sides "),
        ("string", "a\r\nb\nc\rd", "a\r\nb\nc\rd", "a\r\nb\nc\rd"),
        ("string", 'say "hi", ok', 'say "hi", ok', 'say "hi", ok'),
        ("string", "👩‍🚀 Zoë", "👩‍🚀 Zoë", "👩‍🚀 Zoë"),
        ("string", "nul\0here", "nul\0here", "nul\0here"),
        ("string", "", "", None),
        ("string", "", None, None),
        ("bool", "true", True, True),
        ("bool", "false", False, False),
        ("bool", "", None, None),
        ("int64", "60", 60, 60),
        ("int64", "60.0", 60.0, 60),
        ("int64", "1.2E7", 1.2e7, 12_000_000),
        ("int64", "-5", -5, -5),
        ("int64", "9007199254740993", 9007199254740993, 9007199254740993),
        ("date", "1700-01-01", "1700-01-01", date(1700, 1, 1)),
        ("date", "4000-12-31", "4000-12-31", date(4000, 12, 31)),
        ("time", "10:30:00.000Z", "10:30:00.000Z", time(10, 30)),
        ("time", "23:59:59.999Z", "23:59:59.999Z", time(23, 59, 59, 999000)),
        (
            "timestamp",
            "2024-01-15T10:30:00.007Z",
            "2024-01-15T10:30:00.007+0000",
            datetime(2024, 1, 15, 10, 30, 0, 7000),
        ),
        (
            "timestamp",
            "1700-01-01T00:00:00.000Z",
            "1700-01-01T00:00:00.000+0000",
            datetime(1700, 1, 1),
        ),
        ("double", "0.30000000000000004", 0.30000000000000004, 0.1 + 0.2),
        ("double", "1.0E300", 1e300, 1e300),
        ("double", "1.0E-300", 1e-300, 1e-300),
        ("decimal(38,2)", "100.0", 100.0, Decimal(100)),
        ("decimal(38,2)", "1.2345678E7", 1.2345678e7, Decimal(12345678)),
        ("decimal(38,2)", "", None, None),
    ],
)
def test_a_value_is_the_same_through_rest_and_bulk(kind, in_csv, in_json, value):
    """No value is altered, and REST and Bulk agree on it, its type included."""
    schema = schema_of(Id="string", F=kind)
    bulk = decode_csv(page([["1", in_csv]], "Id", "F"), schema, rows=1)
    rest = decode_json(answer({"Id": "1", "F": in_json}), schema)
    assert bulk.column(1)[0].as_py() == value
    assert rest.equals(bulk)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1.5", "decimal(38,2)", Decimal("1.5")),
        ("1.005", "decimal(38,3)", Decimal("1.005")),
        ("5.0E-4", "decimal(38,4)", Decimal("0.0005")),
        ("1.0E17", "decimal(38,2)", Decimal(10**17)),
        ("9.9E35", "decimal(38,2)", Decimal("9.9E35")),
        ("1.0E36", "double", 1e36),
        ("0.30000000000000004", "decimal(38,17)", Decimal("0.30000000000000004")),
        ("0.00012345678901234567", "decimal(38,20)", Decimal("0.00012345678901234567")),
        ("1.0E-21", "double", 1e-21),
        ("1.0E300", "double", 1e300),
        ("1.0E-300", "double", 1e-300),
        ("-4.504188239319361E-90", "double", -4.504188239319361e-90),
        ("1.0E-76", "double", 1e-76),
        ("1.5E-20", "double", 1.5e-20),
    ],
)
def test_a_number_that_needs_more_widens_its_column(text, kind, value):
    """A number gets the scale it needs, or a double; it is never rounded, never 0."""
    assert one("decimal(38,2)", text) == (value, kind)
    batch = decode_json(
        f'{{"records":[{{"Id":"1","F":{text}}}]}}'.encode(),
        schema_of(Id="string", F="decimal(38,2)"),
    )
    assert (batch.column(1)[0].as_py(), type_name(batch.column(1).type)) == (
        value,
        kind,
    )


def test_one_wide_number_leaves_the_others_exact():
    """The widest number of a page decides for all of them."""
    body = page([["1", "1.25"], ["2", "0.12345"], ["3", ""]], "Id", "F")
    batch = decode_csv(body, schema_of(Id="string", F="decimal(38,2)"), rows=3)
    assert batch.column(1).to_pylist() == [Decimal("1.25"), Decimal("0.12345"), None]
    assert type_name(batch.column(1).type) == "decimal(38,5)"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("decimal(38,2)", "hello"),
        ("decimal(38,2)", "12,5"),
        ("decimal(38,2)", "abc"),
        ("double", "1,5"),
        ("int64", "3.5"),
        ("int64", "1E30"),
        ("bool", "yes"),
        ("date", "2024-01-15T10:30:00.000Z"),
        ("date", "15.01.2024"),
        ("time", "half past ten"),
        ("timestamp", "2024-01-15T10:30:00.000"),
        ("timestamp", "2024-01-15T10:30:00.000001Z"),
    ],
)
def test_a_text_of_another_kind_is_refused_without_being_told(kind, text):
    """A value that the column cannot hold is an error that names only the field."""
    with pytest.raises(UnencodableValueError, match="field F") as caught:
        one(kind, text)
    assert text not in str(caught.value)
    assert text not in str(caught.value.__notes__)


@contextmanager
def permanent(match: str) -> Iterator[None]:
    """The error within is one that fetching the page again cannot mend."""
    with pytest.raises(DataError, match=match) as caught:
        yield
    assert not isinstance(caught.value, RowCountMismatchError)


def test_columns_are_taken_by_name():
    """The header may have another order and case; the batch has the schema's."""
    body = page([["Acme", "1"]], "NAME", "id")
    batch = decode_csv(body, schema_of(Id="string", Name="string"), rows=1)
    assert batch.schema.names == ["Id", "Name"]
    assert batch.to_pylist() == [{"Id": "1", "Name": "Acme"}]


@pytest.mark.parametrize("header", [["Id"], ["Id", "Other"], ["Id", "Name", "More"]])
def test_other_columns_than_were_asked_are_refused(header):
    """A page with a column less, more or other is not loaded."""
    body = page([["1"] * len(header)], *header)
    with permanent("other columns"):
        decode_csv(body, schema_of(Id="string", Name="string"), rows=1)


def test_a_record_without_its_field_is_refused():
    """A field that was selected and did not come is not taken for null."""
    with permanent("Name"):
        decode_json(answer({"Id": "1"}), schema_of(Id="string", Name="string"))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"records":[5]}', b'{"records":[{"Id":"\\ud800"}]}']
)
def test_what_is_no_page_of_a_query_is_an_outage(body):
    """JSON of another shape, or no JSON, is never half understood."""
    with pytest.raises(SalesforceUnavailableError):
        decode_json(body, schema_of(Id="string"))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_another_number_of_rows_than_reported_is_refused(rows):
    """What Salesforce reports of a page is what must have arrived."""
    body = page([["1"], ["2"]], "Id")
    with pytest.raises(RowCountMismatchError, match=f"2 rows.* {rows}"):
        decode_csv(body, schema_of(Id="string"), rows=rows)


def test_a_page_without_rows_is_an_empty_batch():
    """A header line alone is what a job without rows answers."""
    schema = schema_of(Id="string", N="decimal(38,2)", T="time")
    batch = decode_csv(page([], "Id", "N", "T"), schema, rows=0)
    assert batch.num_rows == 0
    assert decode_json(b'{"records":[]}', schema).equals(batch)


def test_an_empty_body_is_a_page_without_rows():
    """No rows may come without a header; rows that are reported must come."""
    schema = schema_of(Id="string", N="decimal(38,2)", T="time")
    batch = decode_csv(b"", schema, rows=0)
    assert batch.equals(decode_csv(page([], "Id", "N", "T"), schema, rows=0))
    with pytest.raises(RowCountMismatchError):
        decode_csv(b"", schema, rows=1)


def test_a_page_cut_at_any_byte_is_refused():
    """A page that misses so much as its last byte is never loaded."""
    rows = [["1", "a"], ["2", 'two "quoted"\nlines, and ""'], ["3", 'end\n""']]
    body = page(rows, "Id", "Name")
    schema = schema_of(Id="string", Name="string")
    assert decode_csv(body, schema, rows=3).num_rows == 3
    for length in range(len(body)):
        with pytest.raises(RowCountMismatchError):
            decode_csv(body[:length], schema, rows=3)


@pytest.mark.parametrize("offset", range(-2, 3))
def test_a_line_break_survives_wherever_a_block_would_end(offset):
    """CR LF inside a value stays, also where a reader's block of 1 MB ends in it."""
    filler = (1 << 20) + offset - len(b'"Id","Text"\n"0","\r')
    text = "x" * filler + "\r\n" + "y"
    body = page([["0", text], ["1", "z"]], "Id", "Text")
    assert body.index(b"\r\n") == (1 << 20) + offset - 1
    batch = decode_csv(body, schema_of(Id="string", Text="string"), rows=2)
    assert batch.column(1).to_pylist() == [text, "z"]


def test_a_field_may_be_larger_than_a_reader_s_block():
    """A long text area is read whole."""
    text = "long, \r\n" * 400_000
    body = page([["1", text]], "Id", "Text")
    batch = decode_csv(body, schema_of(Id="string", Text="string"), rows=1)
    assert batch.column(1)[0].as_py() == text


def test_bytes_that_are_no_text_are_refused():
    """A page that is not UTF-8 is not guessed at."""
    with permanent("not the CSV"):
        decode_csv(b'"Id"\n"\xff\xfe"\n', schema_of(Id="string"), rows=1)


@pytest.mark.parametrize("value", [Decimal("0.1"), Decimal("123456789012345678.01")])
def test_a_decimal_becomes_the_nearest_double(value):
    """Widening to double gives the double that the text itself would have given."""
    array = pa.array([value, None], pa.decimal128(38, 20))
    assert fit(array, pa.float64()).to_pylist() == [float(value), None]


def test_type_names_go_both_ways():
    """Every type name has one Arrow type, and back."""
    names = ["string", "bool", "int64", "double", "date", "time", "timestamp"]
    for name in [*names, "decimal(38,0)", "decimal(38,20)"]:
        assert type_name(arrow_type(name)) == name
