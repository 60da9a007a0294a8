"""Shapes of answers: keys, types and forms, with values only where they are fixed.

A shape is a value (equal), a type (``int`` has no fraction, ``float`` has one), a
pattern (the whole text), a list of one shape (for each entry; the empty list for none)
or a dictionary (these keys and no others).
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.recorded.exchange import Number

ID = re.compile(r"[0-9A-Za-z]{15}[0-5A-Z]{3}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000")
MILLISECONDS = re.compile(r"\d{13}")
TOKEN = re.compile(r"00D\w{12}!\S+")
URL = re.compile(r"https?://\S+")
TAG = re.compile(r'"-?[0-9a-f]{6,8}(-+gzip)?"')
HTTP_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")


def record_path(sobject: str, version: str = "62.0") -> re.Pattern[str]:
    """Return the form of a record's path."""
    base = re.escape(f"/services/data/v{version}/sobjects/{sobject}/")
    return re.compile(base + ID.pattern)


def misfits(value: Any, shape: Any, at: str = "") -> Iterator[str]:
    """Yield where a value is not of a shape."""
    match shape:
        case re.Pattern():
            if not (isinstance(value, str) and shape.fullmatch(value)):
                yield f"{at}: {value!r} is not like {shape.pattern}"
        case type():
            wanted = Number if shape is float else shape
            if type(value) is not wanted:
                yield f"{at}: {value!r} is no {shape.__name__}"
        case dict():
            yield from _misfits_of_object(value, shape, at)
        case [entry]:
            if not isinstance(value, list) or not value:
                yield f"{at}: {value!r} is no list with entries"
                return
            for number, one in enumerate(value):
                yield from misfits(one, entry, f"{at}[{number}]")
        case _:
            if value != shape or type(value) is not type(shape):
                yield f"{at}: {value!r} is not {shape!r}"


def _misfits_of_object(value: Any, shape: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict) or value.keys() != shape.keys():
        shown = sorted(value) if isinstance(value, dict) else value
        yield f"{at}: {shown!r}, not {sorted(shape)!r}"
        return
    for key, entry in shape.items():
        yield from misfits(value[key], entry, f"{at}.{key}")
