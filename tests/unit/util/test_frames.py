"""What a frame's columns are read as, and which frames cannot be."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lht.exceptions import ConfigError, DataError
from lht.spelling import spelled
from lht.util.frames import Frame, read_frame

TINY = Decimal("1E-30")
NONES = [None] * 3
MIDNIGHT = "00:00:00.000000"
DAY = dt.date(2024, 1, 1)
BIG = Decimal("12345678901234567890.123456789")


def read(*values: Any, dtype: Any = object) -> Any:
    (column,) = read_frame(pd.DataFrame({"A": pd.Series(values, dtype=dtype)})).columns
    return column


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1, 2], "int", ["1", "2"]),
        ([np.int8(1), None], "int", ["1", None]),
        ([2**100], "decimal", [str(2**100)]),
        ([10**38], "string", [str(10**38)]),
        ([1, 0.5], "double", ["1", "0.5"]),
        ([2**53 + 1, 0.5], "string", ["9007199254740993", "0.5"]),
        ([Decimal("1E+3"), 1], "decimal", ["1000", "1"]),
        ([Decimal("1E-9"), Decimal(1)], "decimal", ["0.000000001", "1.000000000"]),
        ([BIG], "decimal", [str(BIG)]),
        ([Decimal("1E-30"), Decimal("1E+9")], "string", [f"{TINY:f}", f"1{'0' * 9}"]),
        ([Decimal("Infinity")], "string", ["Infinity"]),
        ([Decimal("NaN"), np.float64("nan"), np.datetime64("NaT")], "string", NONES),
        ([True, np.bool_(0)], "bool", ["true", "false"]),
        ([True, 1], "string", ["true", "1"]),
        ([b"\x01", bytearray(b"\x02"), memoryview(b"")], "binary", ["01", "02", ""]),
        ([pd.Timestamp(1), None], "timestamp", ["1970-01-01 00:00:00.000000001", None]),
        ([np.datetime64("2024-01-15", "ns")], "timestamp", [f"2024-01-15 {MIDNIGHT}"]),
        (
            [dt.datetime(2024, 1, 1), DAY],
            "string",
            ["2024-01-01 00:00:00", "2024-01-01"],
        ),
        ([pd.Timedelta(-1, "ns")], "decimal", ["-0.000000001"]),
        ([dt.timedelta(days=-1, microseconds=1)], "decimal", ["-86399.999999"]),
        ([[1], (2,), np.array([3.5])], "json", ["[1]", "[2]", "[3.5]"]),
        ([{"a": [DAY], "c": math.nan}], "json", ['{"a":["2024-01-01"],"c":null}']),
        ([{"a": 1}, "text"], "string", ['{"a":1}', "text"]),
    ],
)
def test_objects_are_looked_at_one_by_one(values, kind, texts):
    """One class is its kind; several are texts; no digit is lost."""
    column = read(*values)
    assert column.kind == kind
    assert [_plain(t) for t in spelled(column.array).to_pylist()] == [
        _plain(t) for t in texts
    ]


def _plain(text: str | None) -> str | None:
    """Return a number without zeros at its end, for scale says nothing."""
    try:
        return f"{Decimal(text or ''):f}".rstrip("0")
    except ArithmeticError:
        return text


def test_mixed_values_are_noted():
    """The user is told what was made of them."""
    assert read(1, "a").note == "mixed values (int, str) as texts"
    assert read(1, 2).note is None


@pytest.mark.parametrize(
    ("array", "kind", "arrow"),
    [
        (pa.array([1], pa.uint8()), "int", pa.int64()),
        (pa.array([1.5], pa.float32()), "double", pa.float64()),
        (pa.array(["a"]).dictionary_encode(), "string", pa.large_string()),
        (pa.array([{"a": 1}]), "json", pa.large_string()),
        (pa.array([1], pa.timestamp("ns", "UTC")), "timestamp", pa.timestamp("ns")),
        (pa.array([1000], pa.timestamp("ns")), "timestamp", pa.timestamp("us")),
        (pa.array([1], pa.duration("ms")), "decimal", pa.decimal128(38, 9)),
        (pa.array([b"ab"], pa.binary(2)), "binary", pa.large_binary()),
        (pa.array([None]), "string", pa.large_string()),
    ],
)
def test_types_of_arrow_have_their_kinds(array, kind, arrow):
    """Each is kept as one type of Arrow's."""
    (column,) = read_frame(pa.table({"A": array})).columns
    assert (column.kind, column.array.type) == (kind, arrow)


@pytest.mark.parametrize("dtype", ["period[M]", "category", "Sparse[float64]"])
def test_rarer_dtypes_keep_their_values(dtype):
    """As values that a table can hold."""
    values = ["2024-01", None] if dtype == "period[M]" else [1.5, None]
    column = read(*values, dtype=dtype)
    assert spelled(column.array).to_pylist() == [str(values[0]), None]


def frame(*columns: Any, row: Any = 1) -> pd.DataFrame:
    return pd.DataFrame([[row] * len(columns)], columns=list(columns))


@pytest.mark.parametrize(
    ("df", "words"),
    [
        (frame("Id", "ID"), "same name: id"),
        (frame("a", " "), "column 2 of the frame has no usable name"),
        (frame("a", None), "column 2"),
        (frame(("a", "b")), "column 1"),
        (frame("a" * 256), "column 1"),
        (pd.DataFrame(), "no columns"),
        (frame("A", row=1j), r"A \(complex128\)"),
        (frame("A", row=object()), r"A \(object\)"),
        (frame("A", row={1j: 1}), r"A \(object\)"),
        (pd.DataFrame({"A": pd.Series(["\ud800"], dtype=object)}), "no valid Unicode"),
    ],
)
def test_a_frame_that_cannot_be_written_is_told_of(df, words):
    """Naming the column, and no value."""
    with pytest.raises(DataError, match=words) as caught:
        read_frame(df)
    assert caught.value.hint or words == "no columns"


class Turns:
    """What can become an Arrow table, as frames of other libraries can."""

    def to_arrow(self) -> pa.Table:
        return pa.table({"A": [1]})


def test_what_turns_itself_into_arrow_is_a_frame():
    """And a number for a name is a name; a list is no frame."""
    assert read_frame(Turns()).by_name["a"].kind == "int"
    assert isinstance(read_frame(pd.DataFrame([[1]])), Frame)
    assert "0" in read_frame(pd.DataFrame([[1]])).by_name
    with pytest.raises(ConfigError, match="list is no frame"):
        read_frame([1])
