"""Arrow to text: values spelled as Salesforce spells them in CSV."""

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc


def texts(table: pa.Table) -> pa.Table:
    """Return the table with every value as its text; null stays null.

    Booleans are ``true`` and ``false``, numbers may have an exponent, instants are
    ``2024-01-15T10:30:00.000Z`` (naive ones are taken as UTC).

    Raises:
        pyarrow.ArrowInvalid: A time is finer than milliseconds.
    """
    return pa.Table.from_arrays(
        [_text(array) for array in table.columns], names=table.schema.names
    )


def _text(array: pa.Array) -> pa.Array:
    for is_of_kind, text_of in _BY_KIND:
        if is_of_kind(array.type):
            return text_of(array)
    return pc.cast(array, pa.string())


def _instants(array: pa.Array) -> pa.Array:
    naive = pc.cast(array, pa.timestamp("ms"))  # UTC, if it has a zone
    return pc.strftime(naive, format="%Y-%m-%dT%H:%M:%SZ")


def _doubles(array: pa.Array) -> pa.Array:
    return pc.utf8_upper(pc.cast(array, pa.string()))


def _times(array: pa.Array) -> pa.Array:
    text = pc.cast(pc.cast(array, pa.time32("ms")), pa.string())
    return pc.binary_join_element_wise(text, "Z", "")


_BY_KIND: Final[
    tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...]
] = (
    (pa.types.is_timestamp, _instants),
    (pa.types.is_time, _times),
    (pa.types.is_floating, _doubles),
)
