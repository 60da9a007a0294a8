"""Hypothesis looks for a page whose values depend on the pieces that it comes in."""

import csv
import gzip
import io
import itertools
import random
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from tests.pieces import pieces_of, small_pieces

from lht.decode import Opener, decode_csv
from lht.exceptions import RowCountMismatchError
from lht.salesforce._wire import Joined, opened
from lht.schema import Column, TableSchema
from lht.typemap import MAX_SCALE, PRECISION

LARGE_BYTES = 1 << 20  # more than is parsed at a time
Record = tuple[str, str, str]  # Id, text, amount

SCHEMA = TableSchema(
    columns=(
        Column(name="Id", field_type="id", arrow_type="string"),
        Column(name="Text", field_type="textarea", arrow_type="string"),
        Column(name="Amount", field_type="currency", arrow_type="decimal(38,2)"),
    )
)
SHARP = (
    *("\r\n", "\n", "\r", '"', '""', ",", '","', '"\n"', '"\r\n"', '\n"', '"\n'),
    *("é", "👩", "abc", " "),
)
TEXT = st.lists(st.sampled_from(SHARP), max_size=12).map("".join)
FITTING = ["", "0.25", "-7.5", "1.2345678E7", "1.0E17"]
ODD = ["0.125", "5.0E-4", "1.23456789E7", "9.9E35"]
DOUBLE = ["4.334492284391681E53", "-4.5E-90", "3.4E38", "-4.504188239319361E-90"]
AMOUNT = st.sampled_from(FITTING * 4 + ODD + DOUBLE)
PLACES = st.lists(st.integers(0, 2_000), max_size=20)
SIZE = st.integers(1, 150)
LINE_END = st.sampled_from(["\n", "\r\n"])
CRITICAL = [
    ("0", "", ""),
    ("1", 'é\r\n"\r\n",",\n', "0.25"),
    ("2", '"\n"3","x"\r\n"', "1.0E17"),
    ("3", '""', ""),
    ("4", "\r\n\n\r", "0.125"),
    ("5", '\n"', "9.9E35"),
]

pages = st.lists(st.tuples(TEXT, AMOUNT), max_size=12).map(
    lambda found: [(str(n), text, amount) for n, (text, amount) in enumerate(found)]
)


def body_of(records: Iterable[Record], line_end: str = "\n") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_end)
    writer.writerow(SCHEMA.names)
    writer.writerows(records)
    return out.getvalue().encode()


def read_by_python(body: bytes) -> list[Record]:
    """Read a page with another reader, which knows of no pieces."""
    header, *records = csv.reader(io.StringIO(body.decode(), newline=""))
    assert header == list(SCHEMA.names)
    return [(id_, text, amount) for id_, text, amount in records]


def assert_read(page: bytes | Opener, records: Sequence[Record]) -> None:
    """Fail unless a page is read as it was written, the numbers in one exact type."""
    table = decode_csv(page, SCHEMA, rows=len(records))
    ids, texts, amounts = (column.to_pylist() for column in table.columns)
    assert ids == [id_ for id_, _, _ in records]
    assert texts == [text or None for _, text, _ in records]
    as_written = [amount for _, _, amount in records]
    if table.schema.field("Amount").type == "double":
        assert amounts == [float(a) if a else None for a in as_written]
        assert not fits(as_written)
    else:
        assert amounts == [Decimal(a) if a else None for a in as_written]


def fits(amounts: Iterable[str]) -> bool:
    """Tell whether decimals hold all of these: one of their scales does."""
    numbers = [Decimal(amount) for amount in amounts if amount]
    needed = max([2, *(-int(n.normalize().as_tuple().exponent) for n in numbers)])
    whole = max([0, *(n.adjusted() + 1 for n in numbers)])
    return needed <= MAX_SCALE and whole + needed <= PRECISION


def in_pieces(pieces: Iterable[bytes]) -> Opener:
    """Return what opens a page that comes in these pieces."""
    came = list(pieces)
    return lambda: Joined(came)


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut a page at some places; some pieces may be empty."""
    ends = sorted(place % (len(body) + 1) for place in places)
    return [body[a:b] for a, b in itertools.pairwise((0, *ends, len(body)))]


@given(pages, LINE_END, PLACES, SIZE)
@example([("0", "", "0.25"), ("1", "\r\n", "0.125"), ("2", '"', "1E-90")], "\n", [], 1)
def test_a_page_is_the_same_in_any_pieces(
    records: list[Record], line_end: str, places: list[int], size: int
) -> None:
    """Texts, nulls and numbers do not depend on what is read at a time."""
    body = body_of(records, line_end)
    assert read_by_python(body) == records
    assert_read(in_pieces(cut(body, places)), records)
    with small_pieces(size):
        assert_read(body, records)
        assert_read(in_pieces(cut(body, places)), records)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_pieces_may_be_of_any_size(line_end: str) -> None:
    """Be they of one byte, of the whole page, or between: its values are those."""
    body = body_of(CRITICAL, line_end)
    for size in range(1, len(body) + 2):
        with small_pieces(size):
            assert_read(body, CRITICAL)
            assert_read(in_pieces(pieces_of(body, len(body) // 2)), CRITICAL)
    for place in range(len(body) + 1):
        assert_read(in_pieces(cut(body, [place])), CRITICAL)


@given(pages.filter(bool), LINE_END, PLACES, SIZE, st.data())
def test_a_cut_page_is_refused_in_any_pieces(
    records: list[Record],
    line_end: str,
    places: list[int],
    size: int,
    data: st.DataObject,
) -> None:
    """Wherever a page is cut, also between records or pieces, it is noticed."""
    body = body_of(records, line_end)
    length = data.draw(st.integers(0, len(body) - 1))
    with small_pieces(size), pytest.raises(RowCountMismatchError):
        decode_csv(in_pieces(cut(body[:length], places)), SCHEMA, rows=len(records))


@given(pages, SIZE, PLACES)
@example([("0", "x" * 600, "")], 1, [])
@example([("0", "x" * 600, "")], 300, [])
def test_gzip_is_the_same_in_any_pieces(
    records: list[Record], size: int, places: list[int]
) -> None:
    """What is inflated does not depend on how it came, or on how much at a time."""
    body = body_of(records)
    parts = (gzip.compress(body[:99]), gzip.compress(body[99:]))
    for wire in (gzip.compress(body), b"".join(parts)):
        with small_pieces(size):
            assert opened(cut(wire, places)).readall() == body


@settings(max_examples=2, phases=[Phase.generate])
@given(st.integers(min_value=0), LINE_END)
def test_a_page_of_several_real_pieces(seed: int, line_end: str) -> None:
    """Large pages of long texts, some of them longer than a piece, are read whole."""
    chance = random.Random(seed)
    lengths = [chance.randint(0, chance.choice([9, 30_000])) for _ in range(60)]
    lengths += [LARGE_BYTES + chance.randint(0, 99), 1_000_000]
    chance.shuffle(lengths)
    fitting = chance.choice([FITTING, FITTING * 20 + ODD, FITTING * 20 + DOUBLE])
    records = [
        (str(n), "".join(chance.choices(SHARP, k=length)), chance.choice(fitting))
        for n, length in enumerate(lengths)
    ]
    body = body_of(records, line_end)
    assert len(body) > 3 * LARGE_BYTES
    assert_read(body, records)
    pieces = pieces_of(body, chance.randint(100_000, 2_000_000))
    assert_read(in_pieces(pieces), records)
