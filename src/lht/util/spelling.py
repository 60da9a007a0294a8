"""Values of a frame as texts, one for each value, none of them altered."""

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from lht.util.frames import FrameColumn


def spelled(column: FrameColumn) -> pa.Array:
    """Return the texts of a column's values, null for none."""
    return _SPELLED.get(column.kind, _cast)(column.array)


def _cast(array: pa.Array) -> pa.Array:
    return pc.cast(array, pa.large_string())


def _decimals(array: pa.Array) -> pa.Array:
    """Write numbers by their digits, which Arrow does not do with small ones."""
    texts = _cast(array)
    if not pc.any(pc.match_substring(texts, "E")).as_py():
        return texts
    plain = [None if v is None else f"{v:f}" for v in array.to_pylist()]
    return pa.array(plain, pa.large_string())


def _bytes(array: pa.Array) -> pa.Array:
    """Write bytes as hexadecimal digits."""
    found = [None if v is None else v.hex() for v in array.to_pylist()]
    return pa.array(found, pa.large_string())


_SPELLED: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {
    "decimal": _decimals,
    "binary": _bytes,
}
