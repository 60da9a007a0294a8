"""Any frame that is written and read back gives its values."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lht.util.data_writer import check, write

NONE = st.sampled_from([None, math.nan, pd.NA, pd.NaT])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INSTANTS = st.datetimes()
ZONES = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)
LATER, EARLIER = dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "bool": st.booleans(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "large": st.integers(-(10**38) + 1, 10**38 - 1),
    "float": st.floats(allow_nan=False),
    "decimal": st.decimals(-(10**18), 10**18, allow_nan=False, places=6),
    "date": st.dates(),
    "time": st.times(),
    "instant": INSTANTS,
    "zoned": st.datetimes(LATER, EARLIER, timezones=ZONES),
    "bytes": st.binary(max_size=8),
    "duration": st.timedeltas(),
}
COLUMNS = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.lists(KINDS[kind] | NONE, min_size=1, max_size=5)
)


def plain(value: Any) -> Any:
    """Return what a table must hold for a value."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124
        return None
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, dt.timedelta):
        micros = value // dt.timedelta(microseconds=1)
        return Decimal(micros).scaleb(-6)
    return value


@given(columns=st.lists(COLUMNS, min_size=1, max_size=3), again=st.booleans())
@settings(max_examples=60)
def test_a_frame_that_is_read_back_gives_its_values(columns, again):
    """Written once or twice, with what is none for each kind in between."""
    count = min(map(len, columns))
    series = {
        f"C{at}": pd.Series(c[:count], dtype=object) for at, c in enumerate(columns)
    }
    df = pd.DataFrame({"N": range(count), **series})
    with duckdb.connect() as connection:
        for _ in range(1 + again):
            assert write(connection, df, "S", "T", overwrite=True).rows == count
        found = connection.execute("SELECT * FROM S.T ORDER BY N").fetchall()
    expected = zip(
        range(count), *([plain(v) for v in s] for s in series.values()), strict=True
    )
    assert found == list(expected)


MIXED = st.lists(st.one_of(*KINDS.values(), NONE), min_size=1, max_size=4)
TYPES = (
    "NUMBER(9,2)",
    "NUMBER(38,0)",
    "FLOAT",
    "BOOLEAN",
    "DATE",
    "TIME",
    "TIMESTAMP_NTZ",
)


@given(values=MIXED, kind=st.sampled_from(TYPES))
@settings(max_examples=100)
def test_every_row_is_in_the_table_or_kept_aside(values, kind):
    """Into a column of any type: none is lost, and a check tells the same before."""
    df = pd.DataFrame({"N": range(len(values)), "V": pd.Series(values, dtype=object)})
    none = pd.DataFrame({"N": [-1], "V": pd.Series([None], dtype=object)})
    with duckdb.connect() as connection:
        write(connection, none, "S", "T", types={"V": kind})
        told = check(connection, df, "S", "T")
        both = pd.concat([df, none], ignore_index=True)
        report = write(connection, both, "S", "T")
        written = connection.execute("SELECT N FROM S.T WHERE N >= 0").fetchall()
        kept = []
        if report.rejected:
            kept = connection.execute("SELECT ROW_NUMBER FROM S.T_REJECTED").fetchall()
    assert sorted(written + kept) == [(at,) for at in range(len(values))]
    assert report.rejected == told.rejected == len(kept)
