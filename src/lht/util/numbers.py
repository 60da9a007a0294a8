"""Numbers made those of a column: none is rounded, each keeps its digits."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Context, Decimal, InvalidOperation
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from lht.typemap import PRECISION
from lht.util.frames import FrameColumn
from lht.util.misfits import Fitted, MisfitError, Misfits, each, marked
from lht.warehouse.base import Slot

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}
_EXACTLY: Final = Context(prec=400)
_DIGITS_ARE_ALL: Final = 2**53  # whole doubles up to here spell their exact value
_INT64: Final = range(-(2**63), 2**63)


def _same(column: FrameColumn, _slot: Slot) -> Fitted:
    """Return the values as they are."""
    return column.array, {}


def _int_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    array = column.array
    return array, _out_of_range(array, slot, pa.int64())


def _out_of_range(array: pa.Array, slot: Slot, kind: pa.DataType) -> Misfits:
    """Mark numbers that have more whole digits than the slot."""
    found = Misfits()
    for bound, beyond in (
        (slot.most + 1, pc.greater_equal),
        (slot.least - 1, pc.less_equal),
    ):
        held = bound in _INT64 if kind == pa.int64() else _holds(kind, bound)
        if held:
            limit = pa.scalar(bound if kind == pa.int64() else Decimal(bound), kind)
            found |= marked(beyond(array, limit), f"out of range of {slot.sql_type}")
    return found


def _holds(kind: pa.DataType, whole: int) -> bool:
    return bool(len(str(abs(whole))) + kind.scale <= kind.precision)


def _decimal_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    array, kind = column.array, column.array.type
    if (
        slot.scale != kind.scale
        and slot.scale + kind.precision - kind.scale <= PRECISION
    ):
        wanted = pa.decimal128(PRECISION, slot.scale)
        try:
            array, kind = pc.cast(array, wanted), wanted
        except pa.ArrowInvalid:
            return by_digits(column, slot)
    if kind.scale != slot.scale:
        return by_digits(column, slot)
    return array, _out_of_range(array, slot, kind)


def _double_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    found = column.array
    if (
        found.null_count < len(found)
        and pc.max(pc.abs(found)).as_py() > _DIGITS_ARE_ALL
    ):
        return by_digits(column, slot)
    try:
        whole = replace(column, kind="int", array=pc.cast(found, pa.int64()))
    except pa.ArrowInvalid:
        return by_digits(column, slot)
    return _int_to_decimal(whole, slot)


def _bool_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    return _int_to_decimal(
        replace(column, array=pc.cast(column.array, pa.int64())), slot
    )


def by_digits(column: FrameColumn, slot: Slot) -> Fitted:
    """Make decimals one by one, each by the digits that spell it."""

    def convert(value: float | str | Decimal) -> Decimal:
        return _exact(_number(value), slot)

    return each(column.array, convert, pa.decimal128(PRECISION, slot.scale))


def _number(value: float | str | Decimal) -> Decimal:
    """Return a number by its digits: of a double, the fewest that mean it."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise MisfitError("a text that is no number")
    return Decimal(repr(value) if isinstance(value, float) else value)


def _exact(number: Decimal, slot: Slot) -> Decimal:
    if not number.is_finite():
        raise MisfitError("no finite number")
    if not slot.least - 1 < number < slot.most + 1:
        raise MisfitError(f"out of range of {slot.sql_type}")
    try:
        exact = number.quantize(Decimal(1).scaleb(-slot.scale), context=_EXACTLY)
    except InvalidOperation:
        exact = None
    if exact != number:
        raise MisfitError(f"more digits behind the point than {slot.sql_type}")
    return exact


def _int_to_double(column: FrameColumn, slot: Slot) -> Fitted:
    try:
        return pc.cast(column.array, pa.float64()), {}
    except pa.ArrowInvalid:  # beyond 2^53, where some are doubles and some are not
        return _digits_to_double(column, slot)


def _digits_to_double(column: FrameColumn, slot: Slot) -> Fitted:
    def convert(value: str | Decimal | int) -> float:
        number = _number(Decimal(value) if isinstance(value, int) else value)
        found = float(number)
        if number not in {Decimal(repr(found)), Decimal(found)}:
            raise MisfitError(f"more digits than {slot.sql_type}")
        return found

    return each(column.array, convert, pa.float64())


def _to_single(column: FrameColumn, slot: Slot) -> Fitted:
    doubles, misfits = CONVERSIONS[column.kind, "double"](column, slot)
    text = pa.string()
    singles = pc.cast(pc.cast(doubles, pa.float32()), text)
    equal = pc.equal(
        pc.cast(pc.cast(singles, pa.float64()), text), pc.cast(doubles, text)
    )
    words = f"more digits than {slot.sql_type}"
    return doubles, misfits | marked(pc.invert(equal), words)


def _bool_to_double(column: FrameColumn, _slot: Slot) -> Fitted:
    return pc.cast(pc.cast(column.array, pa.int64()), pa.float64()), {}


def _to_bool(column: FrameColumn, _slot: Slot) -> Fitted:
    def convert(value: float | str | Decimal) -> bool:
        if isinstance(value, str):
            found = _TRUTHS.get(value.lower())
        else:
            found = bool(value) if value in {0, 1} else None
        if found is None:
            raise MisfitError("neither true nor false")
        return found

    return each(column.array, convert, pa.bool_())


CONVERSIONS: Final[dict[tuple[str, str], Callable[[FrameColumn, Slot], Fitted]]] = {
    ("int", "decimal"): _int_to_decimal,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("double", "decimal"): _double_to_decimal,
    ("string", "decimal"): by_digits,
    ("bool", "decimal"): _bool_to_decimal,
    ("double", "double"): _same,
    ("int", "double"): _int_to_double,
    ("decimal", "double"): _digits_to_double,
    ("string", "double"): _digits_to_double,
    ("bool", "double"): _bool_to_double,
    **{
        (kind, "single"): _to_single
        for kind in ("double", "int", "decimal", "string", "bool")
    },
    ("bool", "bool"): _same,
    **{(kind, "bool"): _to_bool for kind in ("string", "int", "decimal", "double")},
}
