"""Numbers are parsed at their column's scale where they fit, and only there."""

from decimal import Decimal

import pytest

from lht.decode import decode_csv
from lht.schema import Column, TableSchema


def decoded(scale: int, *texts: str):
    column = Column(name="N", field_type="double", arrow_type=f"decimal(38,{scale})")
    body = "\n".join(["N", *texts, ""]).encode()
    return decode_csv(body, TableSchema(columns=(column,)), rows=len(texts)).column(0)


@pytest.mark.parametrize("scale", [0, 2, 15, 20])
def test_the_longest_numbers_that_fit_are_exact(scale):
    """18 whole digits and all decimals of the column are kept, in any spelling."""
    texts = [
        *("9" * 18, "-" + "9" * 18, "0", "1.0E7"),
        *(f"-9.{'9' * (power + scale)}E{power}" for power in (7, 8, 16, 17)),
    ]
    if scale:
        texts.append("-" + "9" * 18 + "." + "9" * scale)
    column = decoded(scale, *texts)

    assert column.type.scale == scale
    assert column.to_pylist() == [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("odd", "wanted"),
    [
        ("0.125", "decimal128(38, 3)"),
        ("1.23456789E7", "decimal128(38, 2)"),
        ("1.234567891E7", "decimal128(38, 2)"),
        ("1.2345678912E7", "decimal128(38, 3)"),
        ("1.0E20", "decimal128(38, 2)"),
        ("1.0E36", "double"),
        ("4.334492284391681E53", "double"),
        ("1.0E-300", "double"),
    ],
)
def test_one_odd_number_decides_for_all(odd, wanted):
    """A number that needs more room is found among thousands that do not."""
    usual = [f"{n}.25" for n in range(2_000)]
    column = decoded(2, *usual, odd)

    assert str(column.type) == wanted
    assert [float(value) for value in column.to_pylist()] == [
        float(text) for text in (*usual, odd)
    ]
