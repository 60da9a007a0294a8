"""A value fits a column exactly, or is said not to."""

from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.util import numbers
from lht.util.fit import fit
from lht.util.frames import read_frame
from lht.util.misfits import Fitted
from lht.warehouse import duckdb_write
from lht.warehouse.base import Slot
from lht.warehouse.snowflake_types import slot_of

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).filter(
        lambda d: abs(d) < 10**30
    ),
    st.floats(allow_nan=False, width=32).map(float),
    st.integers(-999, 999).map(lambda n: n / 100),
)
Y1, Y10000 = -62_135_596_800, 253_402_300_800  # when the years 1 and 10000 begin
SLOTS = [
    slot_of("A", "NUMBER(5,2)"),
    slot_of("A", "NUMBER(38,0)"),
    slot_of("A", "NUMBER(38,9)"),
    duckdb_write.slot_of("A", "BIGINT"),
    duckdb_write.slot_of("A", "UTINYINT"),
]


def held(value: object, slot: Slot) -> bool:
    """Tell, by Python's own numbers, whether a column can hold a value."""
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return False
    number = Decimal(repr(value) if isinstance(value, float) else str(value))
    whole = (Fraction(number) * 10**slot.scale).denominator == 1
    return whole and slot.least - 1 < number < slot.most + 1


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.sql_type)
@given(values=st.lists(NUMBERS, min_size=1, max_size=4))
def test_a_number_fits_if_the_column_can_hold_it(slot, values):
    """As ints, doubles, decimals or texts: and then it is the same number."""
    (column,) = read_frame(pd.DataFrame({"A": pd.Series(values, dtype=object)})).columns
    array, misfits = fit(column, slot)
    assert set(misfits) == {at for at, v in enumerate(values) if not held(v, slot)}
    for at, (value, found) in enumerate(zip(values, array.to_pylist(), strict=True)):
        if at not in misfits:
            assert found == Decimal(str(value))


@given(values=st.lists(st.decimals(places=2, min_value=-99, max_value=99), min_size=1))
def test_the_fast_way_is_the_slow_way(values):
    """What Arrow converts at once is what is converted value by value."""
    (column,) = read_frame(pd.DataFrame({"A": values})).columns
    for slot in SLOTS[:3]:
        fast, slow = fit(column, slot), numbers.by_digits(column, slot)
        assert (
            fast[0].filter(_rest(fast)).to_pylist() == slow[0].drop_null().to_pylist()
        )
        assert set(fast[1]) == set(slow[1])


def _rest(fitted: Fitted) -> pa.Array:
    return pa.array([at not in fitted[1] for at in range(len(fitted[0]))])


@pytest.mark.parametrize(
    ("array", "kind", "rows"),
    [
        (pa.array([1, 1000], pa.timestamp("ns")), "TIMESTAMP_NTZ(6)", [0]),
        (pa.array([-1, -1000], pa.timestamp("us")), "TIMESTAMP_NTZ(3)", [0]),
        (pa.array([-(2**62), 2**62, 0], pa.timestamp("s")), "TIMESTAMP_NTZ", [0, 1]),
        (pa.array([Y10000 - 1, Y10000], pa.timestamp("s")), "TIMESTAMP_LTZ", [1]),
        (pa.array([Y1, Y1 - 1], pa.timestamp("s")), "TIMESTAMP_TZ", [1]),
        (pa.array([0, 1], pa.timestamp("s")), "DATE", [1]),
        (pa.array([2932896, 2932897], pa.int32()).cast(pa.date32()), "DATE", [1]),
        (pa.array([1, 1000], pa.time64("us")), "TIME(3)", [0]),
        (pa.array([b"abc", b"abcd"]), "BINARY(3)", [1]),
        (pa.array(["abc", "äöü", "😀😀😀", "abcd"]), "VARCHAR(3)", [3]),
        (pa.array([1.5, float("inf")]), "VARIANT", [1]),
        (pa.array([True, None]), "DATE", [0]),
        (pa.array([b"a"]), "VARIANT", [0]),
        (pa.array([b"a"]), "VARCHAR", [0]),
    ],
)
def test_what_a_type_cannot_hold_does_not_fit(array, kind, rows):
    """Nothing is cut: years, digits of a second, length in characters or bytes."""
    (column,) = read_frame(pa.table({"A": array})).columns
    _, misfits = fit(column, slot_of("A", kind))
    assert sorted(misfits) == rows
    assert all(misfits.values())


@pytest.mark.parametrize(
    ("value", "document"),
    [
        ('{"a":1}', '{"a":1}'),
        (" [1]", " [1]"),
        ("[1", '"[1"'),
        ("1", '"1"'),
        ("", '""'),
        ("null", '"null"'),
        (1, "1"),
        (1.5, "1.5"),
        (True, "true"),
        ({"a": [1]}, '{"a":[1]}'),
        (Decimal("1.50"), "1.50"),
        (pd.Timestamp(0), '"1970-01-01 00:00:00.000000"'),
    ],
)
def test_a_variant_takes_documents_and_plain_values(value, document):
    """A text that is an object or a list is that; any other is a string."""
    column = read_frame(pd.DataFrame({"A": [value]})).columns[0]
    array, misfits = fit(column, slot_of("A", "VARIANT"))
    assert (array.to_pylist(), misfits) == ([document], {})


@pytest.mark.parametrize(
    ("value", "single"), [(0.1, 0.1), (1.5, 1.5), (0.123456789012, None), (1e300, None)]
)
def test_a_float_of_four_bytes_takes_what_it_spells_alike(value, single):
    """And no other."""
    column = read_frame(pd.DataFrame({"A": [value]})).columns[0]
    array, misfits = fit(column, duckdb_write.slot_of("A", "FLOAT"))
    assert (array[0].as_py() if not misfits else None) == single
