"""Python values of a column to Arrow, none of them altered.

Values of one class become that class; values of several become their texts.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from lht.typemap import PRECISION

_EXACT: Final = 2**53  # whole numbers up to here are doubles as well
_INT64: Final = range(-(2**63), 2**63)
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001  naive, as all instants here
Made = tuple[pa.Array, str | None]


def array_of(values: Sequence[Any]) -> Made:
    """Return an array of the values, and what is to be told of it.

    Raises:
        TypeError: A value has no text.
        ValueError: A value is no JSON, or no valid Unicode.
    """
    plain = [_plain(value) for value in values]
    families = sorted({_family(value) for value in plain if value is not None})
    make = _MAKERS.get(tuple(families))
    made = None if make is None else make(plain)
    if made is not None:
        return made, None
    texts = pa.array([text_of(value) for value in plain], pa.large_string())
    several = len(families) > 1
    note = f"mixed values ({', '.join(families)}) as texts" if several else None
    return texts, note


def text_of(value: Any) -> str | None:
    """Return a value's text, None for None."""
    if value is None:
        return None
    for kind, spell in _TEXTS:
        if isinstance(value, kind):
            return spell(value)
    return str(value)


def json_of(value: Any) -> str:
    """Return a value as JSON; numbers keep their digits."""
    try:
        return _JSON.encode(value).decode()
    except (TypeError, msgspec.MsgspecError) as error:
        raise TypeError("no JSON") from error


def _plain(value: Any) -> Any:
    """Return what Python has for a value of pandas' or numpy's; None for none."""
    if value is None or isinstance(value, str | bool | int | dict):
        return value
    if isinstance(value, float | Decimal) and value != value:  # noqa: PLR0124  NaN
        return None
    if type(value).__module__.startswith(("numpy", "pandas")):
        return _of_numpy(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def _of_numpy(value: Any) -> Any:
    name = type(value).__name__
    if name in {"NAType", "NaTType"}:
        return None
    if name in {"datetime64", "timedelta64"}:
        import pandas as pd

        made = pd.Timestamp if name == "datetime64" else pd.Timedelta
        return _plain(made(value))
    return _plain(value.tolist()) if hasattr(value, "tolist") else value


def _family(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return "instant" if value.tzinfo else "datetime"
    if isinstance(value, dt.time) and value.tzinfo:
        return "zoned time"
    for kind, family in _FAMILIES.items():
        if isinstance(value, kind):
            return family
    raise TypeError(f"{type(value).__name__} has no text")


_FAMILIES: Final[dict[type, str]] = {
    str: "str",
    bool: "bool",
    int: "int",
    float: "float",
    Decimal: "Decimal",
    bytes: "bytes",
    dt.date: "date",
    dt.time: "time",
    dt.timedelta: "timedelta",
    dict: "json",
    list: "json",
    uuid.UUID: "UUID",
}


def _ints(values: Iterable[int | None]) -> pa.Array | None:
    values = list(values)
    if all(v is None or v in _INT64 for v in values):
        return pa.array(values, pa.int64())
    return _decimals([None if v is None else Decimal(v) for v in values])


def _floats(values: Iterable[float | None]) -> pa.Array | None:
    """Return doubles, None where a whole number among them is none."""
    values = list(values)
    if any(isinstance(v, int) and abs(v) > _EXACT for v in values):
        return None
    return pa.array([None if v is None else float(v) for v in values], pa.float64())


def _decimals(values: Iterable[Decimal | int | None]) -> pa.Array | None:
    """Return decimals of the scale that they need, None where no type holds them."""
    found = [None if v is None else Decimal(v) for v in values]
    given = [v for v in found if v is not None]
    if not all(v.is_finite() for v in given):
        return None
    scale = max((_decimals_of(v) for v in given), default=0)
    whole = max((v.adjusted() + 1 for v in given if v), default=0)
    digits = max(1, max(whole, 0) + scale)
    if digits > PRECISION or scale >= PRECISION:
        return None
    return pa.array(found, pa.decimal128(digits, scale))


def _decimals_of(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _moments(values: Iterable[dt.datetime | None]) -> pa.Array:
    values = list(values)
    fine = any(getattr(v, "nanosecond", 0) for v in values)
    counted = [None if v is None else _count(v, fine=fine) for v in values]
    return pa.array(counted, pa.timestamp("ns" if fine else "us"))


def _count(value: dt.datetime, *, fine: bool) -> int:
    """Return the microseconds, or nanoseconds, since 1970 in UTC."""
    if value.tzinfo is not None:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    nanosecond = getattr(value, "nanosecond", 0)
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime(warn=False)
    micros = (value - _EPOCH) // dt.timedelta(microseconds=1)
    return micros * 1000 + nanosecond if fine else micros


def _seconds(values: Iterable[dt.timedelta | None]) -> pa.Array | None:
    return _decimals([None if v is None else _seconds_of(v) for v in values])


def _seconds_of(value: dt.timedelta) -> Decimal:
    micros = value // dt.timedelta(microseconds=1)
    nanoseconds = getattr(value, "nanoseconds", 0)  # pandas has them, after the micros
    return Decimal(micros * 1000 + nanoseconds).scaleb(-9)


def _documents(values: Iterable[Any]) -> pa.Array:
    texts = [None if v is None else json_of(v) for v in values]
    return pa.ExtensionArray.from_storage(
        pa.json_(pa.large_string()), pa.array(texts, pa.large_string())
    )


def _typed(kind: pa.DataType) -> Callable[[Sequence[Any]], pa.Array]:
    return lambda values: pa.array(values, kind)


def _encode_other(value: Any) -> Any:
    """Turn what is inside a dict or list into what JSON has."""
    plain = _plain(value)
    if plain is value:
        raise TypeError(f"{type(value).__name__} is no JSON")
    return plain


_TEXTS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (str, str),
    (bool, lambda value: "true" if value else "false"),
    (Decimal, "{:f}".format),
    (bytes, bytes.hex),
    (dt.datetime, lambda value: value.isoformat(sep=" ")),
    ((dict, list), json_of),
)
_JSON: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=_encode_other)
_MAKERS: Final[dict[tuple[str, ...], Callable[[Any], pa.Array | None]]] = {
    (): _typed(pa.large_string()),
    ("str",): _typed(pa.large_string()),
    ("bool",): _typed(pa.bool_()),
    ("int",): _ints,
    ("float",): _floats,
    ("float", "int"): _floats,
    ("Decimal",): _decimals,
    ("Decimal", "int"): _decimals,
    ("bytes",): _typed(pa.large_binary()),
    ("date",): _typed(pa.date32()),
    ("datetime",): _moments,
    ("instant",): _moments,
    ("time",): _typed(pa.time64("us")),
    ("timedelta",): _seconds,
    ("json",): _documents,
}
