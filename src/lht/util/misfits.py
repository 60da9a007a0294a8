"""What does not fit, row by row; the words say why and hold no value."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Misfits = dict[int, str]  # row -> why
Fitted = tuple[pa.Array, Misfits]


class MisfitError(ValueError):
    """A value does not fit; the words say why."""


def marked(mask: pa.Array, why: str) -> Misfits:
    """Return the rows in which a mask is true, each with the same words."""
    return dict.fromkeys(pc.indices_nonzero(mask).to_pylist(), why)


def each(array: pa.Array, convert: Callable[[Any], Any], kind: pa.DataType) -> Fitted:
    """Convert value by value: slower, but it knows which do not fit."""
    values, misfits = [], Misfits()
    for row, value in enumerate(array.to_pylist()):
        made = None
        if value is not None:
            try:
                made = convert(value)
            except MisfitError as error:
                misfits[row] = str(error)
        values.append(made)
    return pa.array(values, kind), misfits
