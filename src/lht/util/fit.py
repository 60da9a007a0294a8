"""Values of a frame made those of the columns that they go into, exactly or not at all.

Nothing is rounded, cut or guessed at. What does not fit is told row by row.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from lht.spelling import spelled
from lht.util import moments, numbers
from lht.util.frames import FrameColumn
from lht.util.misfits import Fitted, MisfitError, Misfits, each, marked
from lht.util.objects import json_of
from lht.warehouse.base import Slot

_NULL: Final = "NULL, where the table takes none"


def fit(column: FrameColumn, slot: Slot) -> Fitted:
    """Return the column's values as the slot takes them, and the rows that do not fit.

    In the rows that do not fit, the array has any value.
    """
    convert = _CONVERSIONS.get((column.kind, slot.kind))
    if slot.kind == "other":
        array, misfits = spelled(column.array), Misfits()
    elif convert is None:
        words = f"a {column.kind} is no {slot.sql_type}"
        valid = pc.is_valid(column.array)
        array, misfits = _nothing(column), marked(valid, words)
    else:
        array, misfits = convert(column, slot)
    if slot.required and column.array.null_count:
        misfits = misfits | marked(pc.is_null(column.array), _NULL)
    return array, misfits


def _nothing(column: FrameColumn) -> pa.Array:
    return pa.nulls(len(column.array), pa.large_string())


def _to_string(column: FrameColumn, slot: Slot) -> Fitted:
    texts = spelled(column.array)
    if slot.length is None:
        return texts, {}
    long = pc.greater(pc.utf8_length(texts), slot.length)
    return texts, marked(long, f"longer than {slot.sql_type}")


def _to_binary(column: FrameColumn, slot: Slot) -> Fitted:
    if slot.length is None:
        return column.array, {}
    long = pc.greater(pc.binary_length(column.array), slot.length)
    return column.array, marked(long, f"longer than {slot.sql_type}")


def _to_json(column: FrameColumn, _slot: Slot) -> Fitted:
    """Return JSON: a text that is an object or array of it already, else a string."""
    if column.kind == "double":
        return each(column.array, _finite_json, pa.large_string())
    texts = spelled(column.array)
    if column.kind in {"json", "bool", "int", "decimal"}:
        return texts, {}
    return each(texts, _json_text, pa.large_string())


def _json_text(text: str) -> str:
    if text.lstrip()[:1] in {"{", "["}:
        try:
            msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError):
            return json_of(text)
        return text
    return json_of(text)


def _finite_json(value: float) -> str:
    if value in {float("inf"), float("-inf")}:
        raise MisfitError("JSON has no infinity")
    return json_of(value)


_Conversion = Callable[[FrameColumn, Slot], Fitted]
_TEXTS: Final = (
    *("string", "json", "bool", "int", "decimal", "double"),
    *("date", "time", "timestamp"),
)
_CONVERSIONS: Final[dict[tuple[str, str], _Conversion]] = {
    **{(kind, "string"): _to_string for kind in _TEXTS},
    **{(kind, "json"): _to_json for kind in _TEXTS},
    **numbers.CONVERSIONS,
    **moments.CONVERSIONS,
    ("binary", "binary"): _to_binary,
}
