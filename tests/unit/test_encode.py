"""Values to texts, as Salesforce spells them."""

import csv
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht import encode
from lht.decode import arrow_type, decode_csv
from lht.schema import Column, TableSchema

AT = datetime(2024, 1, 15, 10, 30, 0, 7000)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("NA", pa.string(), "NA"),
        ("", pa.string(), ""),
        (True, pa.bool_(), "true"),
        (False, pa.bool_(), "false"),
        (-(2**63), pa.int64(), "-9223372036854775808"),
        (Decimal("-0.10"), pa.decimal128(38, 2), "-0.10"),
        (Decimal(1), pa.decimal128(38, 20), "1.00000000000000000000"),
        (1.5, pa.float64(), "1.5"),
        (5e-324, pa.float64(), "5E-324"),
        (1e300, pa.float64(), "1E+300"),
        (date(4000, 12, 31), pa.date32(), "4000-12-31"),
        (date(1700, 1, 1), pa.date32(), "1700-01-01"),
        (time(23, 59, 59, 999000), pa.time64("us"), "23:59:59.999Z"),
        (time(0), pa.time32("ms"), "00:00:00.000Z"),
        (AT, pa.timestamp("us"), "2024-01-15T10:30:00.007Z"),
        (AT, pa.timestamp("ms"), "2024-01-15T10:30:00.007Z"),
        (
            datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
            pa.timestamp("us", "America/New_York"),
            "2024-01-15T10:30:00.000Z",
        ),
    ],
)
def test_each_type_has_one_spelling(value, kind, text):
    """The spelling is Salesforce's, whatever the warehouse would write."""
    batch = pa.RecordBatch.from_arrays([pa.array([value, None], kind)], names=["F"])
    assert encode.texts(batch).to_pydict() == {"F": [text, None]}


@pytest.mark.parametrize(
    "array",
    [
        pa.array([AT.replace(microsecond=7001)], pa.timestamp("us")),
        pa.array([time(1, 2, 3, 1)], pa.time64("us")),
    ],
)
def test_what_salesforce_cannot_tell_is_refused(array):
    """Rather an error than a microsecond lost."""
    with pytest.raises(pa.ArrowInvalid):
        encode.texts(pa.RecordBatch.from_arrays([array], names=["F"]))


MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
VALUES = {
    "string": st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
    ),
    "bool": st.booleans(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "decimal(38,20)": st.decimals(
        -(10**17), 10**17, places=20, allow_nan=False, allow_infinity=False
    ),
    "date": MOMENTS.map(datetime.date),
    "time": MOMENTS.map(datetime.time),
    "timestamp": MOMENTS,
}
SCHEMA = TableSchema(
    columns=tuple(Column(name=k, field_type="any", arrow_type=k) for k in VALUES)
)


@given(st.lists(st.fixed_dictionaries({k: st.none() | v for k, v in VALUES.items()})))
def test_what_is_written_is_read_as_it_was(rows):
    """Texts of values are read as the same values: nothing is lost on the way."""
    kinds = {name: arrow_type(name) for name in VALUES}
    batch = pa.RecordBatch.from_pylist(rows, pa.schema(list(kinds.items())))
    columns = [column.to_pylist() for column in encode.texts(batch).columns]
    lines = zip(*columns, strict=True)
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([list(VALUES), *([t or "" for t in line] for line in lines)])
    read = decode_csv(out.getvalue().encode(), SCHEMA, rows=len(rows))
    assert read.to_pylist() == batch.to_pylist()
