"""Values of a frame made those of the columns that they go into, exactly or not at all.

Nothing is rounded, cut or guessed at. What does not fit is told row by row, with words
that hold no value.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from lht.util.frames import UNITS, FrameColumn
from lht.util.objects import MOST_DIGITS, json_of
from lht.util.spelling import spelled
from lht.warehouse.base import Slot

Misfits = dict[int, str]  # row -> why
Fitted = tuple[pa.Array, Misfits]

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_MOMENT: Final = re.compile(
    rf"{_DAY.pattern}[T ]{_CLOCK.pattern}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
)
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}
_EXACTLY: Final = Context(prec=400)
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001  naive, as all instants here
_DIGITS_ARE_ALL: Final = 2**53  # whole doubles up to here spell their exact value
_INT64: Final = range(-(2**63), 2**63)
_DAY_SECONDS: Final = 24 * 60 * 60
_NULL: Final = "NULL, where the table takes none"


class MisfitError(ValueError):
    """A value does not fit; the words say why."""


def fit(column: FrameColumn, slot: Slot) -> Fitted:
    """Return the column's values as the slot takes them, and the rows that do not fit.

    In the rows that do not fit, the array has any value.
    """
    convert = _CONVERSIONS.get((column.kind, slot.kind))
    if slot.kind == "other":
        array, misfits = spelled(column), Misfits()
    elif convert is None:
        words = f"a {column.kind} is no {slot.sql_type}"
        valid = pc.is_valid(column.array)
        array, misfits = _nothing(column), _marked(valid, words)
    else:
        array, misfits = convert(column, slot)
    if slot.required and column.array.null_count:
        misfits = misfits | _marked(pc.is_null(column.array), _NULL)
    return array, misfits


def _nothing(column: FrameColumn) -> pa.Array:
    return pa.nulls(len(column.array), pa.large_string())


def _marked(mask: pa.Array, why: str) -> Misfits:
    return dict.fromkeys(pc.indices_nonzero(mask).to_pylist(), why)


def _each(array: pa.Array, convert: Callable[[Any], Any], kind: pa.DataType) -> Fitted:
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


# -- texts -----------------------------------------------------------------------------


def _to_string(column: FrameColumn, slot: Slot) -> Fitted:
    texts = spelled(column)
    if slot.length is None:
        return texts, {}
    long = pc.greater(pc.utf8_length(texts), slot.length)
    return texts, _marked(long, f"longer than {slot.sql_type}")


def _to_binary(column: FrameColumn, slot: Slot) -> Fitted:
    if slot.length is None:
        return column.array, {}
    long = pc.greater(pc.binary_length(column.array), slot.length)
    return column.array, _marked(long, f"longer than {slot.sql_type}")


def _to_json(column: FrameColumn, _slot: Slot) -> Fitted:
    """Return JSON: a text that is an object or array of it already, else a string."""
    if column.kind == "double":
        return _each(column.array, _finite_json, pa.large_string())
    texts = spelled(column)
    if column.kind in {"json", "bool", "int", "decimal"}:
        return texts, {}
    return _each(texts, _json_text, pa.large_string())


def _json_text(text: str) -> str:
    import msgspec

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


# -- numbers ---------------------------------------------------------------------------


def _int_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    array = column.array
    return array, _out_of_range(array, slot, pa.int64())


def _out_of_range(array: pa.Array, slot: Slot, kind: pa.DataType) -> Misfits:
    """Mark numbers that have more whole digits than the slot."""
    marked = Misfits()
    for bound, beyond in (
        (slot.most + 1, pc.greater_equal),
        (slot.least - 1, pc.less_equal),
    ):
        held = bound in _INT64 if kind == pa.int64() else _holds(kind, bound)
        if held:
            limit = pa.scalar(bound if kind == pa.int64() else Decimal(bound), kind)
            marked |= _marked(beyond(array, limit), f"out of range of {slot.sql_type}")
    return marked


def _holds(kind: pa.DataType, whole: int) -> bool:
    return bool(len(str(abs(whole))) + kind.scale <= kind.precision)


def _decimal_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    array, kind = column.array, column.array.type
    if (
        slot.scale != kind.scale
        and slot.scale + kind.precision - kind.scale <= MOST_DIGITS
    ):
        wanted = pa.decimal128(MOST_DIGITS, slot.scale)
        try:
            array, kind = pc.cast(array, wanted), wanted
        except pa.ArrowInvalid:
            return _by_digits(column, slot)
    if kind.scale != slot.scale:
        return _by_digits(column, slot)
    return array, _out_of_range(array, slot, kind)


def _double_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    found = column.array
    if (
        found.null_count < len(found)
        and pc.max(pc.abs(found)).as_py() > _DIGITS_ARE_ALL
    ):
        return _by_digits(column, slot)
    try:
        whole = replace(column, kind="int", array=pc.cast(found, pa.int64()))
    except pa.ArrowInvalid:
        return _by_digits(column, slot)
    return _int_to_decimal(whole, slot)


def _bool_to_decimal(column: FrameColumn, slot: Slot) -> Fitted:
    return _int_to_decimal(
        replace(column, array=pc.cast(column.array, pa.int64())), slot
    )


def _by_digits(column: FrameColumn, slot: Slot) -> Fitted:
    def convert(value: float | str | Decimal) -> Decimal:
        return _exact(_number(value), slot)

    return _each(column.array, convert, pa.decimal128(MOST_DIGITS, slot.scale))


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

    return _each(column.array, convert, pa.float64())


def _to_single(column: FrameColumn, slot: Slot) -> Fitted:
    doubles, misfits = _CONVERSIONS[column.kind, "double"](column, slot)
    text = pa.string()
    singles = pc.cast(pc.cast(doubles, pa.float32()), text)
    same = pc.equal(
        pc.cast(pc.cast(singles, pa.float64()), text), pc.cast(doubles, text)
    )
    words = f"more digits than {slot.sql_type}"
    return doubles, misfits | _marked(pc.invert(same), words)


def _same(column: FrameColumn, _slot: Slot) -> Fitted:
    return column.array, {}


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

    return _each(column.array, convert, pa.bool_())


# -- days and moments ------------------------------------------------------------------


def _to_moment(column: FrameColumn, slot: Slot) -> Fitted:
    """Check timestamps: their years, and the digits of their seconds."""
    array = column.array
    counted, digits = pc.cast(array, pa.int64()), UNITS[array.type.unit]
    misfits = _too_fine(counted, digits, slot)
    for year, beyond in ((slot.least, pc.less), (slot.most + 1, pc.greater_equal)):
        limit = _seconds_of(year) * 10**digits
        if limit in _INT64:
            words = f"a year that {slot.sql_type} does not have"
            misfits |= _marked(beyond(counted, limit), words)
    return array, misfits


def _seconds_of(year: int) -> int:
    """Return when a year begins; 10000 is one that Python does not have."""
    days = (
        dt.date(min(year, dt.MAXYEAR), 1, 1).toordinal()
        - dt.date(1970, 1, 1).toordinal()
    )
    return (days + 365 * (year > dt.MAXYEAR)) * _DAY_SECONDS


def _too_fine(counted: pa.Array, digits: int, slot: Slot) -> Misfits:
    if digits <= slot.scale:
        return {}
    step = 10 ** (digits - slot.scale)
    rounded = pc.multiply(pc.divide(counted, step), step)
    return _marked(pc.not_equal(rounded, counted), f"finer than {slot.sql_type}")


def _to_time(column: FrameColumn, slot: Slot) -> Fitted:
    digits = UNITS[column.array.type.unit]
    wide = pa.int64() if pa.types.is_time64(column.array.type) else pa.int32()
    counted = pc.cast(pc.cast(column.array, wide), pa.int64())
    misfits = _too_fine(counted, digits, slot)
    return column.array, misfits


def _day_to_moment(column: FrameColumn, slot: Slot) -> Fitted:
    midnight = pc.cast(column.array, pa.timestamp("s"))
    return _to_moment(replace(column, kind="timestamp", array=midnight), slot)


def _moment_to_day(column: FrameColumn, slot: Slot) -> Fitted:
    midnight = pc.floor_temporal(column.array, unit="day")
    misfits = _marked(pc.not_equal(midnight, column.array), "a time of day in it")
    days = pc.cast(midnight, pa.date32(), safe=False)
    return days, _day_misfits(days, slot) | misfits


def _to_day(column: FrameColumn, slot: Slot) -> Fitted:
    return column.array, _day_misfits(column.array, slot)


def _day_misfits(days: pa.Array, slot: Slot) -> Misfits:
    counted, misfits = pc.cast(days, pa.int32()), Misfits()
    for year, beyond in ((1, pc.less), (10_000, pc.greater_equal)):
        limit = pa.scalar(_seconds_of(year) // _DAY_SECONDS, pa.int32())
        words = f"a year that {slot.sql_type} does not have"
        misfits |= _marked(beyond(counted, limit), words)
    return misfits


def _text_to_day(column: FrameColumn, _slot: Slot) -> Fitted:
    def convert(text: str) -> Any:
        return _parsed(dt.date.fromisoformat, _DAY, text, "no date: 2024-01-15")

    return _each(column.array, convert, pa.date32())


def _text_to_time(column: FrameColumn, slot: Slot) -> Fitted:
    def convert(text: str) -> Any:
        return _parsed(dt.time.fromisoformat, _CLOCK, text, "no time: 10:30:00")

    array, misfits = _each(column.array, convert, pa.time64("us"))
    fine, too_fine = _to_time(replace(column, kind="time", array=array), slot)
    return fine, too_fine | misfits


def _text_to_moment(column: FrameColumn, slot: Slot) -> Fitted:
    def convert(text: str) -> Any:
        words = "no timestamp: 2024-01-15 10:30:00"
        pattern = _DAY if _DAY.fullmatch(text) else _MOMENT
        return _parsed(_micros_of, pattern, text, words)

    array, misfits = _each(column.array, convert, pa.timestamp("us"))
    made, others = _to_moment(replace(column, kind="timestamp", array=array), slot)
    return made, others | misfits


def _micros_of(text: str) -> int:
    """Return the microseconds since 1970, in UTC if the text has an offset."""
    moment = dt.datetime.fromisoformat(text)
    naive = moment.replace(tzinfo=None) - (moment.utcoffset() or dt.timedelta())
    return (naive - _EPOCH) // dt.timedelta(microseconds=1)


def _parsed(
    read: Callable[[str], Any], pattern: re.Pattern[str], text: str, words: str
) -> Any:
    try:
        if pattern.fullmatch(text):
            return read(text)
    except (ValueError, OverflowError):
        pass
    raise MisfitError(f"a text that is {words}")


_CONVERSIONS: Final[dict[tuple[str, str], Callable[[FrameColumn, Slot], Fitted]]] = {
    **{
        (kind, "string"): _to_string
        for kind in (
            *("string", "json", "bool", "int", "decimal", "double"),
            *("date", "time", "timestamp"),
        )
    },
    **{
        (kind, "json"): _to_json
        for kind in (
            *("string", "json", "bool", "int", "decimal", "double"),
            *("date", "time", "timestamp"),
        )
    },
    ("binary", "binary"): _to_binary,
    ("int", "decimal"): _int_to_decimal,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("double", "decimal"): _double_to_decimal,
    ("string", "decimal"): _by_digits,
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
    ("date", "date"): _to_day,
    ("timestamp", "date"): _moment_to_day,
    ("string", "date"): _text_to_day,
    ("time", "time"): _to_time,
    ("string", "time"): _text_to_time,
    **{
        (kind, to): convert
        for to in ("timestamp", "zoned")
        for kind, convert in (
            ("timestamp", _to_moment),
            ("date", _day_to_moment),
            ("string", _text_to_moment),
        )
    },
}
