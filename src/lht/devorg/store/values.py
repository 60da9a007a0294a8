"""What a field accepts: values from JSON or Python, made into what a column holds."""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from lht.devorg import errors, ids
from lht.devorg.errors import OrgError
from lht.devorg.metadata import Field

_Coercion = Callable[[Field, Any], Any]

_COLUMNS = {
    "boolean": "BOOLEAN",
    "int": "BIGINT",
    "long": "BIGINT",
    "double": "DOUBLE",
    "currency": "DOUBLE",
    "percent": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
    "base64": "BLOB",
}
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+")
_TIME = re.compile(r"(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?Z?")
_DATETIME = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")
_FIRST_YEAR, _LAST_YEAR = 1700, 4000
_INT, _LONG = 2**31, 2**63


def column_type(field: Field) -> str:
    """Return the DuckDB type of a field's column."""
    return _COLUMNS.get(field.type, "VARCHAR")


def coerce(field: Field, value: Any) -> Any:
    """Return *value* as the field's column holds it; empty text is None.

    Raises:
        OrgError: The value is not of the field's type. Whether it is *allowed* is for
            :func:`find_faults` to say.
    """
    if field.type == "boolean":
        return _to_boolean(field, value)
    if value is None or value == "":
        return None
    to_column: _Coercion = _COERCIONS.get(field.type, _to_text)
    return to_column(field, value)


def find_faults(field: Field, value: Any) -> list[OrgError]:
    """List what is wrong with a coerced value, as far as the value alone tells."""
    if isinstance(value, str):
        return _text_faults(field, value)
    if isinstance(value, date):
        inside = _FIRST_YEAR <= value.year <= _LAST_YEAR
        return [] if inside else [errors.bad_date(field, value.isoformat())]
    if field.digits and abs(value) >= 10**field.digits:
        return [errors.out_of_range(field, str(value))]
    return []


def _text_faults(field: Field, text: str) -> list[OrgError]:
    faults = []
    if len(text) > field.length:
        faults.append(errors.too_long(field, text))
    if field.restricted_picklist:
        known = {entry.value for entry in field.picklist if entry.active}
        chosen = text.split(";") if field.type == "multipicklist" else [text]
        bad = [one for one in chosen if one not in known]
        faults += [errors.bad_picklist_value(field, one) for one in bad]
    if field.type == "email" and not _EMAIL.fullmatch(text):
        faults.append(errors.bad_email(field, text))
    return faults


def _unreadable(kind: str, value: Any) -> OrgError:
    """Refuse a value as the JSON parser does, in its words for what it met."""
    match value:
        case bool():
            return errors.unreadable(kind, f"VALUE_{value}".upper(), str(value).lower())
        case int():
            return errors.unreadable(kind, "VALUE_NUMBER_INT", str(value))
        case float():
            return errors.unreadable(kind, "VALUE_NUMBER_FLOAT", str(value))
        case dict():
            return errors.unreadable(kind, "START_OBJECT", "{")
        case list() | tuple():
            return errors.unreadable(kind, "START_ARRAY", "[")
    return errors.unreadable(kind, "VALUE_STRING", str(value))


def _to_text(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        raise _unreadable("string", value)
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise errors.wrong_type(field, ascii(value)) from exc
    return value


def _to_boolean(field: Field, value: Any) -> bool:
    if value is None:
        raise errors.wrong_type(field, "null")
    word = value.lower() if isinstance(value, str) else value
    if word in ("true", "false", "1", "0", 1, 0):
        return word in ("true", "1", 1)
    raise _unreadable("boolean", value)


def _to_int(field: Field, value: Any) -> int:
    if isinstance(value, bool):
        raise _unreadable(field.type, value)
    try:
        number = float(value) if isinstance(value, str) else value
        whole = int(number)
    except (ValueError, TypeError, OverflowError) as exc:
        raise _unreadable(field.type, value) from exc
    limit = _LONG if field.type == "long" else _INT
    if whole != number or not -limit <= whole < limit:
        raise _unreadable(field.type, value)
    return whole


def _to_double(_: Field, value: Any) -> float:
    if isinstance(value, bool):
        raise _unreadable("double", value)
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError) as exc:
        raise _unreadable("double", value) from exc
    if not math.isfinite(number):
        raise _unreadable("double", value)
    return number


def _to_datetime(_: Field, value: Any) -> datetime:
    moment = _read_datetime(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise _unreadable("datetime", value)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _read_datetime(text: str) -> datetime | None:
    """Read the forms Salesforce reads; None for anything else."""
    if not _DATETIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(_OFFSET.sub(r"\1:\2", text))
    except ValueError:
        return None


def _to_date(field: Field, value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return _to_datetime(field, value).date()
    except OrgError:
        raise _unreadable("date", value) from None


def _to_time(_: Field, value: Any) -> time:
    if isinstance(value, time):
        return value
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise _unreadable("time", value)
    text, fraction = match.groups(default="0")
    try:
        return time.fromisoformat(text).replace(microsecond=int(fraction.ljust(6, "0")))
    except ValueError as exc:
        raise _unreadable("time", value) from exc


def _to_bytes(_: Field, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as exc:
        raise _unreadable("base64Binary", value) from exc


def _to_reference(field: Field, value: Any) -> str:
    """Return the id in its long form; what is no id is refused as such."""
    found = ids.check(value) if isinstance(value, str) else None
    if found is None:
        raise errors.malformed_id(field, str(value))
    return found


_COERCIONS: Mapping[str, _Coercion] = {
    "int": _to_int,
    "long": _to_int,
    "double": _to_double,
    "currency": _to_double,
    "percent": _to_double,
    "date": _to_date,
    "datetime": _to_datetime,
    "time": _to_time,
    "base64": _to_bytes,
    "reference": _to_reference,
    "id": _to_reference,
}
