"""XML where a client asks for it: ``Accept: application/xml``.

Records keep their fields' order and tell type and address as attributes; all other
bodies have their members in alphabetical order, as an org writes them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec

from lht.devorg.http.wire import Answer, Call
from lht.devorg.xml import legal_text

XML_TYPE = "application/xml;charset=UTF-8"

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_NIL = "http://www.w3.org/2001/XMLSchema-instance"
_XML = frozenset({"application/xml", "text/xml"})
_JSON = frozenset({"application/json", "application/*", "*/*"})
_JSON_ONLY = ("/jobs/", "/composite/graph")

# Numbers as they are written: an org's are Java's.
_decoder = msgspec.json.Decoder(Any, float_hook=str)


def as_asked(found: Answer, call: Call) -> Answer:
    """Return an answer in the format that the caller prefers."""
    if found.body is None or isinstance(found.body, (bytes, Iterator)):
        return found
    if not call.path.startswith("/services/data") or not wants_xml(call.headers):
        return found
    if any(part in call.path for part in _JSON_ONLY):
        return found
    body = _decoder.decode(found.content())
    text = _HEAD + "".join(_document(body, call.path.rstrip("/")))
    headers = {**found.headers, "Content-Type": XML_TYPE}
    return replace(found, body=text.encode(), headers=headers)


def wants_xml(headers: Mapping[str, str]) -> bool:
    """Whether a request prefers XML; header names are lower-case."""
    best, answer = 0.0, False
    for part in headers.get("accept", "").lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = _weight(parameters)
        if kind in _XML | _JSON and weight > best:
            best, answer = weight, kind in _XML
    return answer


def _weight(parameters: list[str]) -> float:
    texts = [text[2:] for text in parameters if text.startswith("q=")]
    try:
        return float(texts[0]) if texts else 1.0
    except ValueError:
        return 0.0


def _document(body: Any, path: str) -> Iterator[str]:
    if isinstance(body, list):
        name, item = _list_names(body, path)
        yield from _list(name, item, body)
    elif "attributes" in body:
        kind = str(body["attributes"]["type"])
        yield from _element(kind, body, root=True)
    else:
        yield from _element(_root(body, path), body, root=True)


def _list_names(body: list[Any], path: str) -> tuple[str, str]:
    """Name a list and its items."""
    if body and isinstance(body[0], dict) and "errorCode" in body[0]:
        return "Errors", "Error"
    if path == "/services/data":
        return "Versions", "Version"
    return "List", "Item"


_ROOTS: Mapping[str, Callable[[Mapping[str, Any], str], bool]] = {
    "QueryResult": lambda body, _: "totalSize" in body,
    "SObjectTreeResponse": lambda _, path: "/composite/tree/" in path,
    "LimitsSnapshot": lambda _, path: path.endswith("/limits"),
    "DescribeGlobal": lambda _, path: path.endswith("/sobjects"),
    "DescribeSObject": lambda _, path: path.endswith("/describe"),
    "Result": lambda body, _: "success" in body,
    "urls": lambda _, path: path.count("/") == 3,
}


def _root(body: Mapping[str, Any], path: str) -> str:
    """Name the root element of a body that is no record."""
    return next((name for name, fits in _ROOTS.items() if fits(body, path)), "Response")


def _list(name: str, item: str, values: list[Any]) -> Iterator[str]:
    yield f'<{name} xmlns:xsi="{_NIL}">'
    for value in values:
        yield from _element(item, value)
    yield f"</{name}>"


def _element(name: str, value: Any, *, root: bool = False) -> Iterator[str]:
    """Write a value; a list becomes one element for each of its items."""
    if isinstance(value, list):
        for item in value:
            yield from _element(name, item)
        return
    if value is None:
        yield f'<{name} xsi:nil="true"/>'
        return
    yield f"<{name}{_attributes(value)}{f' xmlns:xsi={_NIL!r}' if root else ''}>"
    if isinstance(value, dict):
        for key in value if "attributes" in value else sorted(value):
            if key != "attributes":
                yield from _element(_name(key), value[key])
    else:
        yield escape(_legal(value))
    yield f"</{name}>"


def _attributes(value: Any) -> str:
    """Write what a record tells of itself."""
    given = value.get("attributes") if isinstance(value, dict) else None
    members = given.items() if isinstance(given, dict) else ()
    return "".join(f" {key}={quoteattr(_legal(text))}" for key, text in members)


def _name(key: str) -> str:
    """Return a member's name as XML allows it; applications' names have spaces."""
    return re.sub(r"[^\w.-]", "_", key, flags=re.ASCII)


def _legal(value: Any) -> str:
    """Return a value's text, without the characters that XML cannot hold."""
    return legal_text(str(value).lower() if isinstance(value, bool) else str(value))
