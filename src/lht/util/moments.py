"""Days and moments made those of a column: years and digits of a second are kept."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from lht.util.frames import UNITS, FrameColumn
from lht.util.misfits import Fitted, MisfitError, Misfits, each, marked
from lht.warehouse.base import Slot

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_MOMENT: Final = re.compile(
    rf"{_DAY.pattern}[T ]{_CLOCK.pattern}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
)
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001  naive, as all instants here
_INT64: Final = range(-(2**63), 2**63)
_DAY_SECONDS: Final = 24 * 60 * 60


def _to_moment(column: FrameColumn, slot: Slot) -> Fitted:
    """Check timestamps: their years, and the digits of their seconds."""
    array = column.array
    counted, digits = pc.cast(array, pa.int64()), UNITS[array.type.unit]
    misfits = _too_fine(counted, digits, slot)
    for year, beyond in ((slot.least, pc.less), (slot.most + 1, pc.greater_equal)):
        limit = _seconds_of(year) * 10**digits
        if limit in _INT64:
            words = f"a year that {slot.sql_type} does not have"
            misfits |= marked(beyond(counted, limit), words)
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
    return marked(pc.not_equal(rounded, counted), f"finer than {slot.sql_type}")


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
    misfits = marked(pc.not_equal(midnight, column.array), "a time of day in it")
    days = pc.cast(midnight, pa.date32(), safe=False)
    return days, _day_misfits(days, slot) | misfits


def _to_day(column: FrameColumn, slot: Slot) -> Fitted:
    return column.array, _day_misfits(column.array, slot)


def _day_misfits(days: pa.Array, slot: Slot) -> Misfits:
    counted, misfits = pc.cast(days, pa.int32()), Misfits()
    for year, beyond in ((1, pc.less), (10_000, pc.greater_equal)):
        limit = pa.scalar(_seconds_of(year) // _DAY_SECONDS, pa.int32())
        words = f"a year that {slot.sql_type} does not have"
        misfits |= marked(beyond(counted, limit), words)
    return misfits


def _text_to_day(column: FrameColumn, _slot: Slot) -> Fitted:
    def convert(text: str) -> Any:
        return _parsed(dt.date.fromisoformat, _DAY, text, "no date: 2024-01-15")

    return each(column.array, convert, pa.date32())


def _text_to_time(column: FrameColumn, slot: Slot) -> Fitted:
    def convert(text: str) -> Any:
        return _parsed(dt.time.fromisoformat, _CLOCK, text, "no time: 10:30:00")

    array, misfits = each(column.array, convert, pa.time64("us"))
    fine, too_fine = _to_time(replace(column, kind="time", array=array), slot)
    return fine, too_fine | misfits


def _text_to_moment(column: FrameColumn, slot: Slot) -> Fitted:
    def convert(text: str) -> Any:
        words = "no timestamp: 2024-01-15 10:30:00"
        pattern = _DAY if _DAY.fullmatch(text) else _MOMENT
        return _parsed(_micros_of, pattern, text, words)

    array, misfits = each(column.array, convert, pa.timestamp("us"))
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


_Conversion = Callable[[FrameColumn, Slot], Fitted]
_INSTANTS: Final[dict[str, _Conversion]] = {
    "timestamp": _to_moment,
    "date": _day_to_moment,
    "string": _text_to_moment,
}
CONVERSIONS: Final[dict[tuple[str, str], _Conversion]] = {
    ("date", "date"): _to_day,
    ("timestamp", "date"): _moment_to_day,
    ("string", "date"): _text_to_day,
    ("time", "time"): _to_time,
    ("string", "time"): _text_to_time,
    **{(kind, "timestamp"): convert for kind, convert in _INSTANTS.items()},
    **{(kind, "zoned"): convert for kind, convert in _INSTANTS.items()},
}
