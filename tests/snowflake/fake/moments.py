"""Text and moments, read and written by Snowflake's formats rather than DuckDB's.

Source: docs.snowflake.com/en/sql-reference/date-time-input-output, read November 2026.
"""

import datetime as dt
import functools
import re
from collections.abc import Callable

from tests.snowflake.fake.wire import EPOCH

_DATE = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_SECOND = r"(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,9}))?"
_CLOCK = rf"(?P<hour>\d{{1,2}})(?::(?P<minute>\d{{1,2}})(?::{_SECOND})?)?"
_OFFSET = r"(?P<zone>Z|[+-]\d{2}(?::\d{2})?)"
_AUTO = (
    re.compile(_DATE),
    re.compile(f"{_DATE}T{_CLOCK}{_OFFSET}?"),
    re.compile(f"{_DATE} {_CLOCK}(?: ?{_OFFSET}| [+-]\\d{{4}})?"),
    re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"),
)
_AUTO_TIME = re.compile(_CLOCK)
_DIGITS = re.compile(r"-?\d+")
_MAGNITUDES = (  # up to here a number of digits means this many per second
    (31_536_000_000, 1),
    (31_536_000_000_000, 10**3),
    (31_536_000_000_000_000, 10**6),
)
_PARTS = {
    "YYYY": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "HH24": r"(?P<hour>\d{1,2})",
    "MI": r"(?P<minute>\d{1,2})",
    "SS": r"(?P<second>\d{1,2})",
    "TZH": r"(?P<zone>Z|[+-]\d{2}",
    "TZM": r":?\d{2})",
}
_WRITTEN = {
    "YYYY": lambda m: f"{m.year:04d}",
    "MM": lambda m: f"{m.month:02d}",
    "DD": lambda m: f"{m.day:02d}",
    "HH24": lambda m: f"{m.hour:02d}",
    "MI": lambda m: f"{m.minute:02d}",
    "SS": lambda m: f"{m.second:02d}",
}
_TOKEN = re.compile(r'YYYY|HH24|TZH|TZM|MM|DD|MI|SS|FF\d?|"[^"]*"|[A-Za-z]+|[^A-Za-z"]')


class UnreadableError(ValueError):
    """The text is no moment by the format; the words start with Snowflake's code."""


def read_timestamp(text: str) -> dt.datetime:
    """Read a TIMESTAMP_NTZ from text by the formats of AUTO; an offset is dropped."""
    text = text.strip()
    if _DIGITS.fullmatch(text):
        return _counted(int(text))
    for pattern in _AUTO:
        if match := pattern.fullmatch(text):
            return _moment(match, "Timestamp", text)
    raise _unreadable("Timestamp", text)


def read_date(text: str) -> dt.date:
    """Read a DATE from text by the formats of AUTO."""
    return _renamed(read_timestamp, "Date", text).date()


def read_time(text: str) -> dt.time:
    """Read a TIME from text by the formats of AUTO, which have no offset."""
    text = text.strip()
    if _DIGITS.fullmatch(text):
        return _counted(int(text)).time()
    if match := _AUTO_TIME.fullmatch(text):
        return _moment(match, "Time", text).time()
    raise _unreadable("Time", text)


def read_timestamp_as(text: str, form: str) -> dt.datetime:
    """Read a TIMESTAMP_NTZ from text by a format of Snowflake's."""
    return _by_format(text, form, "Timestamp")


def read_date_as(text: str, form: str) -> dt.date:
    return _by_format(text, form, "Date").date()


def read_time_as(text: str, form: str) -> dt.time:
    return _by_format(text, form, "Time").time()


def written(moment: dt.datetime, form: str) -> str:
    """Write a moment by a format of Snowflake's."""
    return "".join(_written(part, moment) for part in _TOKEN.findall(form))


def _written(part: str, moment: dt.datetime) -> str:
    if part.startswith("FF"):
        digits = int(part[2:] or 9)
        return f"{moment.microsecond:06d}000"[:digits]
    if part.startswith('"'):
        return part[1:-1]
    if part in _WRITTEN:
        return _WRITTEN[part](moment)
    if part.isalpha() and part != "T":
        msg = f"009999|the fake has a gap: {part} in a format"
        raise UnreadableError(msg)
    return part


def _by_format(text: str, form: str, what: str) -> dt.datetime:
    if form.upper() == "AUTO":
        return _renamed(read_timestamp, what, text)
    if match := _pattern(form).fullmatch(text.strip()):
        return _moment(match, what, text)
    raise _unreadable(what, text)


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join(map(_part, _TOKEN.findall(form))))


def _part(part: str) -> str:
    if part.startswith("FF"):
        return rf"(?P<fraction>\d{{1,{part[2:] or 9}}})"
    if part.startswith('"'):
        return re.escape(part[1:-1])
    if part.isalpha() and part not in _PARTS and part != "T":
        msg = f"009999|the fake has a gap: {part} in a format"
        raise UnreadableError(msg)
    return _PARTS.get(part, re.escape(part))


def _moment(match: re.Match[str], what: str, text: str) -> dt.datetime:
    found = {name: value for name, value in match.groupdict().items() if value}
    fraction = found.pop("fraction", "0").ljust(9, "0")[:6]
    found.pop("zone", None)
    numbers = {name: int(value) for name, value in found.items()}
    start = {"year": 1970, "month": 1, "day": 1}
    try:
        return dt.datetime(**(start | numbers), microsecond=int(fraction))
    except ValueError as error:
        raise _unreadable(what, text) from error


def _counted(number: int) -> dt.datetime:
    """Read digits as a count since 1970, of what their magnitude says."""
    for limit, per_second in _MAGNITUDES:
        if abs(number) < limit:
            return EPOCH + dt.timedelta(microseconds=number * 10**6 // per_second)
    return EPOCH + dt.timedelta(microseconds=number // 1000)


def _renamed(read: Callable[[str], dt.datetime], what: str, text: str) -> dt.datetime:
    try:
        return read(text)
    except UnreadableError as error:
        raise _unreadable(what, text) from error


def _unreadable(what: str, text: str) -> UnreadableError:
    code = {"Timestamp": "100035", "Date": "100040", "Time": "100108"}[what]
    return UnreadableError(f"{code}|{what} '{text}' is not recognized")
