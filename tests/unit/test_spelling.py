"""Texts of Arrow values are read back as the values they were."""

from decimal import Decimal

import pyarrow as pa
import pytest

from lht.spelling import spelled

SMALL = pa.array([Decimal("1E-9"), None, Decimal(-2)], pa.decimal128(38, 9))


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (SMALL, ["0.000000001", None, "-2.000000000"]),
        (pa.array([Decimal("1.50")], pa.decimal128(9, 2)), ["1.50"]),
        (pa.array([b"\x00\xff", b"", None], pa.large_binary()), ["00ff", "", None]),
        (pa.array(["E", "", None], pa.large_string()), ["E", "", None]),
        (pa.array([1e-9, None]), ["1e-9", None]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([], pa.decimal128(38, 9)), []),
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_value_is_spelled_with_all_its_digits(array, texts, kind):
    """No decimal gets an exponent, no byte is lost, no empty text becomes none."""
    found = spelled(array, kind)
    assert found.type == kind
    assert found.to_pylist() == texts
    assert spelled(array).to_pylist() == texts
