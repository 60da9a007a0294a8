"""Whether two answers are alike: status, codes, keys, types, forms, known values."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from tests.recorded.exchange import Number

from lht.devorg.xml import parse_xml

Json = Any

_FORMS = (
    ("id of 18", r"[0-9a-zA-Z]{15}[0-9A-Z]{3}"),
    ("id of 15", r"[0-9a-zA-Z]{3}[0-9a-zA-Z]{2}0[0-9a-zA-Z]{9}"),
    ("datetime", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000"),
    ("datetime with Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    ("date", r"\d{4}-\d\d-\d\d"),
    ("time", r"\d\d:\d\d:\d\d(\.\d+)?Z?"),
    ("HTTP date", r"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d GMT"),
    ("tag", r'"-?[0-9a-f]{6,8}(-+gzip)?"'),
    ("path", r"/.*"),
    ("URL", r"https?://.*"),
    ("token", r"00D\w{12}!.*"),
    ("milliseconds", r"\d{13}"),
    ("usage", r"api-usage=\d+/\d+"),
    ("media type", r"[a-z]+/[a-z+-]+(;charset=[\w-]+)?"),
)
_TYPES = (
    (bool, "boolean"),
    (Number, "number"),
    (int, "whole number"),
    (dict, "object"),
    (list, "list"),
)
_MASKED = re.compile(r"\$\{\w+\}|.*REDACTED.*|.*<\w+>.*|sig=")
"""What a recording's keepers have put in the place of secrets and names."""

_SPACES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "soap",
    "urn:enterprise.soap.sforce.com": "c",
    "urn:fault.enterprise.soap.sforce.com": "fault",
}
_KEYS: tuple[Callable[[Mapping[str, Any]], Any], ...] = (
    lambda row: row["attributes"]["url"],
    lambda row: (row["childSObject"], row["field"]),
    lambda row: row["name"] if isinstance(row, dict) else str(row),
    lambda row: row["value"],
    lambda row: row["version"],
    lambda row: row["referenceId"],
    lambda row: (
        tuple(str(v) for k, v in row.items() if not k.startswith("expr"))
        if row["attributes"]["type"] == "AggregateResult"
        else row[""]
    ),
)
"""What tells the entries of a list apart, whatever their order."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two answers are not alike.

    ``at`` is where: keys with dots between them, ``*`` for any entry of a list.
    """

    at: str
    what: str
    recorded: str = ""
    ours: str = ""

    def __str__(self) -> str:
        return f"{self.at}: {self.what}: {self.recorded[:90]!r} / {self.ours[:90]!r}"


@dataclass(frozen=True)
class Look:
    """How close two answers are looked at.

    Attributes:
        values: Whether values are compared, beside keys, types and forms.
        order: Whether keys must be in the same order.
    """

    values: bool = False
    order: bool = False


def differences(
    recorded: Json, ours: Json, look: Look, at: str = ""
) -> Iterator[Difference]:
    """Yield what is not alike in two values."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        yield from _of_objects(recorded, ours, look, at)
    elif isinstance(recorded, list) and isinstance(ours, list):
        yield from _of_lists(recorded, ours, look, at)
    elif isinstance(recorded, str) and _MASKED.fullmatch(recorded):
        if not isinstance(ours, str):
            yield Difference(at, "type", _shown(recorded), _shown(ours))
    elif _type(recorded) != _type(ours):
        yield Difference(at, "type", _shown(recorded), _shown(ours))
    elif _form(recorded) != _form(ours):
        yield Difference(at, "form", _shown(recorded), _shown(ours))
    elif look.values and _plain(recorded) != _plain(ours):
        same = isinstance(recorded, Number) and float(recorded) == float(ours)
        what = "form" if same else "value"
        yield Difference(at, what, _shown(recorded), _shown(ours))


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _of_objects(
    recorded: Mapping[str, Json], ours: Mapping[str, Json], look: Look, at: str
) -> Iterator[Difference]:
    both = recorded.keys() & ours.keys()
    if look.order and [k for k in recorded if k in both] != [
        k for k in ours if k in both
    ]:
        yield Difference(at, "order", ", ".join(recorded), ", ".join(ours))
    for key, value in recorded.items():
        place = _below(at, key)
        if key not in ours:
            yield Difference(place, "missing", _shown(value))
            continue
        yield from differences(value, ours[key], look, place)
    for key, value in ours.items():
        if key not in recorded:
            yield Difference(_below(at, key), "more", "", _shown(value))


def _of_lists(
    recorded: Sequence[Json], ours: Sequence[Json], look: Look, at: str
) -> Iterator[Difference]:
    place = _below(at, "*")
    left, right = _keyed(recorded, ours)
    for key, value in left.items():
        if key in right:
            yield from differences(value, right[key], look, place)
        else:
            yield Difference(place, "missing", _shown(value))
    for key, value in right.items():
        if key not in left:
            yield Difference(place, "more", "", _shown(value))


def _keyed(
    recorded: Sequence[Json], ours: Sequence[Json]
) -> tuple[dict[Any, Json], dict[Any, Json]]:
    """Pair entries by what tells them apart on both sides, else by position."""
    for key in _KEYS:
        try:
            left = {key(row): row for row in recorded}
            right = {key(row): row for row in ours}
        except (KeyError, TypeError):
            continue
        whole = len(left) == len(recorded) and len(right) == len(ours)
        if whole and left.keys() & right.keys():
            return left, right
    return dict(enumerate(recorded)), dict(enumerate(ours))


def _type(value: Json) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "text")


def _form(value: Json) -> str:
    if isinstance(value, Number):
        return "scientific" if "E" in value.upper() else "decimal"
    if not isinstance(value, str):
        return ""
    return next((form for form, known in _FORMS if re.fullmatch(known, value)), "text")


def _plain(value: Json) -> Json:
    """Take out of a value what every org has of its own."""
    if isinstance(value, str) and not isinstance(value, Number):
        return re.sub(r"^https?://[^/]+", "https://host", value)
    return value


def _shown(value: Json) -> str:
    return str(value)


def xml_values(text: str) -> Json:
    """Turn XML into nested objects; names keep their namespaces."""
    root = parse_xml(text.strip().encode())
    return {_tag(root): _xml_value(root)}


def _tag(element: Element) -> str:
    """Name an element, its namespace by a short word."""
    space, _, name = element.tag.rpartition("}")
    return f"{_SPACES.get(space[1:], space)}:{name}"


def _xml_value(element: Element) -> Json:
    if any(name.endswith("}nil") for name in element.attrib):
        return None
    children = {_tag(child): _xml_value(child) for child in element}
    return children or (element.text or "").strip()
