"""Pages of a result: their header is read, the rest stays as it came."""

import csv
import gzip
import io
import random
import zlib

import pytest

from lht.exceptions import SalesforceUnavailableError
from lht.pages import header_of
from lht.salesforce._result_pages import ResultPage
from lht.schema import Column, TableSchema

LONG = tuple(f"Field{i:03}_of_a_wide_object__c" for i in range(800))


def zipped(header: str, rows: str = '\n"1","2"\n') -> bytes:
    return gzip.compress((header + rows).encode())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Id,Name", ("Id", "Name")),
        ('"Id","Name"', ("Id", "Name")),
        ('"Id","Owner.Name","a ""b"", c"', ("Id", "Owner.Name", 'a "b", c')),
        ("\N{ZERO WIDTH NO-BREAK SPACE}Id,Name", ("Id", "Name")),
        ("Größe__c", ("Größe__c",)),
        (",".join(LONG), LONG),
        ("Id", ("Id",)),
        ("", ()),
    ],
)
@pytest.mark.parametrize("rows", ['\n"1","2"\n', '\r\n"1","2"\r\n', "\n", ""])
def test_a_header_is_read_in_every_form(text, names, rows):
    """Quoted or not, with a byte order mark, of any length, before any line end."""
    assert header_of(zipped(text, rows)) == names


def test_only_the_start_of_a_page_is_inflated(seed):
    """What comes behind the header is not even looked at."""
    rows = random.Random(seed).randbytes(200_000).hex()
    wire = zipped("Id,Name\n", rows)
    assert header_of(wire[:5_000] + b"damaged") == ("Id", "Name")


@pytest.mark.parametrize(
    "wire",
    [
        b"Id,Name\n1,2\n",
        b"<html>not today</html>",
        gzip.compress(b"\xff\xfe\xff,Name\n"),
        gzip.compress(b"a" * (csv.field_size_limit() + 1) + b"\n"),
        b"\x1f\x8b\x08\x00" + b"\xff" * 400,
    ],
    ids=["plain", "a web page", "no UTF-8", "too long", "no gzip behind its head"],
)
def test_a_damaged_page_is_to_be_fetched_again(wire):
    """It is an error of the way, not of the record's values."""
    with pytest.raises(SalesforceUnavailableError, match="corrupt") as caught:
        header_of(wire)
    assert caught.value.transient


def test_a_page_goes_on_as_it_came():
    """Its bytes are those that Salesforce sent, the very same object."""
    wire = zipped("Id,Name")
    file = ResultPage(index=3, rows=1, pieces=(wire,), gzipped=True).csv_file()
    assert file.wire is wire
    assert file.header == ("Id", "Name")


def test_a_page_that_came_plain_is_compressed():
    """A stage takes files of one kind."""
    plain = b'"Id","Name"\n"1","2"\n'
    file = ResultPage(index=0, rows=1, pieces=(plain,), gzipped=False).csv_file()
    assert gzip.decompress(file.wire) == plain
    assert file.header == ("Id", "Name")
    again = ResultPage(index=0, rows=1, pieces=(plain,), gzipped=False).csv_file()
    assert again == file


def test_a_page_s_texts_are_what_the_file_says():
    """Nothing is made of them: no number, no date."""
    out = io.StringIO()
    csv.writer(out).writerows([("Id", "Amount"), ("1", "1.50E3"), ("2", "")])
    schema = TableSchema(
        columns=(
            Column(name="Id", field_type="id", arrow_type="string"),
            Column(name="Amount", field_type="double", arrow_type="decimal(38,2)"),
        )
    )
    wire = gzip.compress(out.getvalue().encode())
    page = ResultPage(index=0, rows=2, pieces=(wire,), gzipped=True)
    assert page.texts(schema).to_pydict() == {
        "Id": ["1", "2"],
        "Amount": ["1.50E3", None],
    }


def test_a_page_that_came_corrupt_is_to_be_fetched_again_whatever_else_is_wrong():
    """What the first records are is only believed once the checksum is right."""
    good = b'"Id","Name"\n' + b'"1","2"\n' * 300_000
    wire = gzip.compress(b'"\xc9d' + good[3:], 1)
    wire = wire[:-8] + zlib.crc32(good).to_bytes(4, "little") + wire[-4:]
    schema = TableSchema(
        columns=tuple(
            Column(name=n, field_type="any", arrow_type="string")
            for n in ("Id", "Name")
        )
    )
    pieces = [wire[at : at + 4096] for at in range(0, len(wire), 4096)]
    page = ResultPage(index=0, rows=300_000, pieces=pieces, gzipped=True)
    with pytest.raises(SalesforceUnavailableError, match="corrupt"):
        page.decoded(schema)
