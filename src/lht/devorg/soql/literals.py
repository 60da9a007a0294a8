"""What a SOQL literal means: values and ranges of time."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from lht.devorg.errors import OrgError
from lht.devorg.soql.nodes import Literal, LiteralKind
from lht.devorg.soql.texts import malformed

# Source: SOQL and SOSL Reference v65, "SOQL Limits" and "Date Formats".
MAX_CHARACTERS = 4_000
FIRST_YEAR, LAST_YEAR = 1700, 4000

_PLAIN_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
}
D = TypeVar("D", bound=date)

_ESCAPE = re.compile(r"\\([uU][0-9a-fA-F]{4}|.)", re.DOTALL)


def text_value(literal: Literal) -> str:
    """Read a string literal: quotes off, escapes resolved."""
    return _joined(_ESCAPE.sub(lambda found: _escaped(found[1]), literal.text[1:-1]))


def like_pattern(literal: Literal) -> str:
    """Read a LIKE pattern, for SQL's LIKE with a backslash as escape character."""

    def resolve(found: re.Match[str]) -> str:
        if found[1] in {"%", "_"}:
            return "\\" + found[1]
        return _escaped(found[1]).replace("\\", "\\\\")

    return _joined(_ESCAPE.sub(resolve, literal.text[1:-1]))


def _joined(text: str) -> str:
    """Make one character of the two halves that an escape can name."""
    if len(text) > MAX_CHARACTERS:
        raise malformed(
            f"String literals can not be longer than {MAX_CHARACTERS} characters"
        )
    try:
        return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be")
    except UnicodeDecodeError as exc:
        half = exc.object[exc.start : exc.start + 2].hex()
        raise _illegal_escape(f"u{half}") from None


def _illegal_escape(code: str) -> OrgError:
    return malformed(f"Invalid string literal: illegal escape '\\{code}'")


def _escaped(code: str) -> str:
    if len(code) > 1:
        return chr(int(code[1:], 16))
    try:
        return _PLAIN_ESCAPES[code.lower()]
    except KeyError:
        raise _illegal_escape(code) from None


def number_value(literal: Literal) -> float | int:
    """Read a number literal."""
    value = float(literal.text)
    is_whole = literal.text.lstrip("+-").isdecimal() and abs(value) < 2**63
    return int(literal.text) if is_whole else value


def date_value(literal: Literal) -> date:
    """Read a date literal."""
    try:
        return _in_range(date.fromisoformat(literal.text))
    except ValueError:
        raise malformed(f"Invalid date: {literal.text}") from None


def datetime_value(literal: Literal) -> datetime:
    """Read a datetime literal as naive UTC."""
    try:
        instant = datetime.fromisoformat(literal.text.upper())
        return _in_range(instant.astimezone(UTC).replace(tzinfo=None))
    except (ValueError, OverflowError):
        raise malformed(f"Invalid datetime: {literal.text}") from None


def _in_range(day: D) -> D:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"the year {day.year} is out of range")
    return day


def time_value(literal: Literal) -> time:
    """Read a time literal."""
    try:
        return time.fromisoformat(literal.text.upper().removesuffix("Z"))
    except ValueError:
        raise malformed(f"Invalid time: {literal.text}") from None


@dataclass(frozen=True)
class Range:
    """Days from *start* up to but not including *end*."""

    start: date
    end: date


def named_range(literal: Literal, today: date) -> Range | None:
    """Read ``TODAY``, ``LAST_N_DAYS:3`` and their like; None for other words."""
    if literal.kind is not LiteralKind.WORD:
        return None
    name, _, count = literal.text.upper().partition(":")
    name = name.replace("FISCAL_", "")  # the fiscal year is the calendar's
    if count:
        counted = _COUNTED.fullmatch(name)
        return counted and _counted_range(counted, _days_at_most(count), today)
    if name in _DAYS:
        return _days(today, *_DAYS[name])
    plain = _PLAIN.fullmatch(name)
    return plain and _units(
        plain[2], today, {"LAST": -1, "THIS": 0, "NEXT": 1}[plain[1]]
    )


_UNITS = "WEEK|MONTH|QUARTER|YEAR"
_PLAIN = re.compile(f"(LAST|THIS|NEXT)_({_UNITS})")
_COUNTED = re.compile(f"(LAST|NEXT)_N_(DAY|{_UNITS})S|N_(DAY|{_UNITS})S_(AGO)")
_DAYS = {
    "YESTERDAY": (-1, 0),
    "TODAY": (0, 1),
    "TOMORROW": (1, 2),
    "LAST_90_DAYS": (-90, 1),
    "NEXT_90_DAYS": (1, 91),
}


def _days_at_most(digits: str) -> int:
    """Read a number of units; beyond all time, one is as good as another."""
    return int(digits.lstrip("0")[:9] or 0)


def _counted_range(found: re.Match[str], count: int, today: date) -> Range:
    """Read a range with a number; the ones of days reach up to or begin after today."""
    direction, unit = found[1] or found[4], found[2] or found[3]
    if unit == "DAY":
        first, end = {
            "LAST": (-count, 1),
            "NEXT": (1, count + 1),
            "AGO": (-count, 1 - count),
        }[direction]
        return _days(today, first, end)
    first, last = {
        "LAST": (-count, -1),
        "NEXT": (1, count),
        "AGO": (-count, -count),
    }[direction]
    return _units(unit, today, first, last)


def _days(today: date, first: int, end: int) -> Range:
    return Range(_shifted(today, first), _shifted(today, end))


def _shifted(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def _units(unit: str, today: date, first: int, last: int | None = None) -> Range:
    """Take whole units, counted from the one that today is in."""
    begin = _BEGINNINGS[unit]
    return Range(
        begin(today, first), begin(today, (first if last is None else last) + 1)
    )


def _week(day: date, weeks: int) -> date:
    sunday = day - timedelta(days=day.isoweekday() % 7)
    return _shifted(sunday, 7 * weeks)


def _month(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(min(max(years, 1), 9999), month + 1, 1)


def _quarter(day: date, quarters: int) -> date:
    return _month(day, 3 * quarters - (day.month - 1) % 3)


def _year(day: date, years: int) -> date:
    return _month(day, 12 * years - (day.month - 1))


_BEGINNINGS: dict[str, Callable[[date, int], date]] = {
    "WEEK": _week,
    "MONTH": _month,
    "QUARTER": _quarter,
    "YEAR": _year,
}
