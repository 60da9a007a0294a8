"""Hypothesis looks for a value that REST, Bulk and Python do not agree on."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from unittest import mock

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lht import decode
from lht.decode import decode_csv, decode_json, type_name
from lht.exceptions import RowCountMismatchError, UnencodableValueError
from lht.schema import Column, TableSchema
from lht.typemap import MAX_SCALE, scale_of

EARLIEST, LATEST = date(1700, 1, 1), date(4000, 12, 31)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WORDS = st.sampled_from(
    ["NA", "null", "nan", "None", "#N/A", "true", "007", "\r\n", '"', '""', "\n\n", " "]
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
MONEY = st.decimals(
    min_value=-(10**15), max_value=10**15, places=2, allow_nan=False
).map(float)


def java(number: float) -> str:
    """Spell a double as Salesforce does: scientific from 1E7 on and below 1E-3."""
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        text = format(Decimal(repr(number)), "f")
        return text if "." in text else text + ".0"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    shown = "".join(map(str, digits))
    power = len(shown) - 1 + int(exponent)
    return f"{'-' * sign}{shown[0]}.{shown[1:] or '0'}E{power}"


def iso(instant: datetime, zone: str) -> str:
    return instant.isoformat(timespec="milliseconds") + zone


def page(texts: Sequence[str]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["Id", "F"])
    writer.writerows(enumerate(texts))
    return out.getvalue().encode()


def answer(literals: Sequence[bytes]) -> bytes:
    """A query answer whose values are spelled as given (a number's text matters)."""
    records = (b'{"Id":"%d","F":%s}' % pair for pair in enumerate(literals))
    return b'{"records":[' + b",".join(records) + b"]}"


def schema(kind: str) -> TableSchema:
    return TableSchema(
        columns=(
            Column(name="Id", field_type="id", arrow_type="string"),
            Column(name="F", field_type="any", arrow_type=kind),
        )
    )


def decoded(kind: str, texts: Sequence[str], literals: Sequence[bytes]) -> pa.Array:
    """Decode both forms, which must give the very same batch; return the values."""
    bulk = decode_csv(page(texts), schema(kind), rows=len(texts))
    rest = decode_json(answer(literals), schema(kind))
    assert rest.equals(bulk)
    assert bulk.column(0).to_pylist() == [str(i) for i in range(len(texts))]
    return bulk.column(1)


def quoted(text: str | None) -> bytes:
    return msgspec.json.encode(text)


Spelling = Callable[[Any], str]
KINDS: dict[str, tuple[st.SearchStrategy[Any], Spelling, Spelling]] = {
    "date": (st.dates(EARLIEST, LATEST), date.isoformat, date.isoformat),
    "time": (
        st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
        lambda t: t.isoformat(timespec="milliseconds") + "Z",
        lambda t: t.isoformat(timespec="milliseconds") + "Z",
    ),
    "timestamp": (
        st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)).map(
            lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)
        ),
        lambda d: iso(d, "Z"),
        lambda d: iso(d, "+0000"),
    ),
}


@given(st.lists(st.none() | TEXT | WORDS, max_size=8))
@example(["a\r\nb", "nul\0", "\x1a", "\ufeffbom", "\u2028", "'", ",", "\\", "\\N"])
def test_any_text_arrives_as_it_is(values: list[str | None]) -> None:
    """No text is altered; null and empty are one thing, and NULL."""
    texts = [v or "" for v in values]
    array = decoded("string", texts, [quoted(v) for v in values])
    assert array.to_pylist() == [v or None for v in values]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_moment_arrives_as_it_is(kind: str, data: st.DataObject) -> None:
    """Dates, times and instants keep their day and their millisecond."""
    moments, in_csv, in_json = KINDS[kind]
    values = data.draw(st.lists(st.none() | moments, max_size=8))
    array = decoded(
        kind,
        [in_csv(v) if v is not None else "" for v in values],
        [quoted(in_json(v) if v is not None else None) for v in values],
    )
    assert array.to_pylist() == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_any_whole_number_arrives_as_it_is(values: list[int]) -> None:
    """An int keeps all its digits."""
    texts = [str(v) for v in values]
    array = decoded("int64", texts, [t.encode() for t in texts])
    assert array.to_pylist() == values


@given(st.lists(st.integers(-(2**31), 2**31 - 1).map(float)))
def test_a_whole_number_may_be_spelled_as_a_double(values: list[float]) -> None:
    """``60.0`` and ``6.0E7`` are ints too."""
    texts = [java(v) for v in values]
    array = decoded("int64", texts, [t.encode() for t in texts])
    assert array.to_pylist() == values


@given(st.lists(st.none() | st.booleans()))
def test_any_boolean_arrives_as_it_is(values: list[bool | None]) -> None:
    """Booleans are true, false or NULL."""
    texts = ["" if v is None else str(v).lower() for v in values]
    array = decoded("bool", texts, [(t or "null").encode() for t in texts])
    assert array.to_pylist() == values


@given(st.lists(FINITE))
def test_any_double_arrives_bit_by_bit(values: list[float]) -> None:
    """A formula's number is the very double that Salesforce computed."""
    texts = [java(v) for v in values]
    array = decoded("double", texts, [t.encode() for t in texts])
    assert [v.hex() for v in array.to_pylist()] == [v.hex() for v in values]


@given(st.lists(FINITE | MONEY, max_size=8), st.integers(0, MAX_SCALE))
@example([1e17, 0.01], 2)
@example([1e-300], 2)
@example([4.334492284391681e53], 0)
@example([0.30000000000000004, 123456.78], 2)
@example([1.0e18, 1e-20], 0)
def test_no_stored_number_is_ever_rounded(values: list[float], scale: int) -> None:
    """A number comes exactly as spelled, or, beyond decimals, as the nearest double."""
    texts = [java(v) for v in values]
    array = decoded(f"decimal(38,{scale})", texts, [t.encode() for t in texts])
    found = scale_of(type_name(array.type))
    if found is None:
        assert [v.hex() for v in array.to_pylist()] == [v.hex() for v in values]
        assert not fits(texts, scale)
    else:
        assert found >= scale
        assert array.to_pylist() == [Decimal(t) for t in texts]


def fits(texts: Sequence[str], scale: int) -> bool:
    """Tell, by Python's own decimals, whether one decimal(38, s) holds all of them."""
    numbers = [Decimal(t).normalize() for t in texts]
    needed = max([scale, *(-int(n.as_tuple().exponent) for n in numbers)])
    whole = max([0, *(n.adjusted() + 1 for n in numbers if n)])
    return needed <= MAX_SCALE and whole + needed <= 38


NEARLY = {
    "bool": ["true", "false", "True", "1"],
    "double": ["1.5", "-2", "1.0E5", "1.0E-90", "NaN", "1E400", ".5", "0x10"],
    "date": ["2020-02-29", "1700-01-01", "4000-12-31", "2020-1-1", "10000-01-01"],
    "timestamp": [
        "2020-01-01T00:00:00.000Z",
        "2020-01-01T23:59:60.000+0000",
        "1700-01-01 00:00:00.123456Z",
        "2020-01-01T00:00:00.000",
    ],
}


@pytest.mark.parametrize("kind", NEARLY)
@given(data=st.data())
def test_what_is_parsed_at_once_is_parsed_as_texts_are(
    kind: str, data: st.DataObject
) -> None:
    """Arrow's reader takes what its cast takes, as that, and nothing else."""
    text = data.draw(st.sampled_from(NEARLY[kind]))
    at, until = (data.draw(st.integers(0, len(text))) for _ in range(2))
    new = data.draw(st.text("0123456789eETZ:.+-af", max_size=2))
    texts = ["", text[:at] + new + text[until:]]

    def outcome() -> str:
        try:
            table = decode_csv(page(texts), schema(kind), rows=len(texts))
        except UnencodableValueError as error:
            return str(error)
        return f"{table.schema} {table.column(1)}"

    with mock.patch.object(decode, "_PARSED", {}):
        as_text = outcome()
    assert outcome() == as_text


@given(st.lists(TEXT | WORDS, min_size=1, max_size=4), st.data())
def test_no_cut_page_passes(values: list[str], data: st.DataObject) -> None:
    """Whatever byte a page is cut at, it is noticed."""
    body = page(values)
    length = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(RowCountMismatchError):
        decode_csv(body[:length], schema("string"), rows=len(values))


def test_the_spelling_is_salesforce_s() -> None:
    """The doubles above are spelled as the API does (seen in its answers)."""
    spelled = [java(v) for v in (100, 12345678, 0.0005, 16147805824397, 1e300, 0)]
    assert spelled == [
        *("100.0", "1.2345678E7", "5.0E-4", "1.6147805824397E13", "1.0E300", "0.0")
    ]
