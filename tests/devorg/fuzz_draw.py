"""Requests at random: nearly right ones, for the most part, to any of the routes.

What a route may be asked is read off devorg's own code: its path, and the words in the
module of its handler. So a new route is fired at without being listed here.
"""

import ast
import gzip
import importlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape

from hypothesis import strategies as st
from tests.devorg.fuzz_good import ENVELOPE, FORM_TYPE, GOOD, JSON_TYPE, XML_TYPE, Good
from tests.devorg.fuzz_values import (
    FIELDS,
    HEADERS,
    IDS,
    OBJECTS,
    RELATIONS,
    VALUES,
    Draw,
    anything,
    record,
    some,
    texts,
)
from tests.devorg.fuzz_wire import Request

from lht.devorg.http.app import Route

WORD = re.compile(r"[A-Za-z_][\w.:-]{0,60}")
GROUP = re.compile(r"\(\?P<(\w+)>\[\^/\]\+\)")
PARTS_TYPE = "multipart/form-data; boundary=b"
KINDS = ("", "x", "application/json;charset=x", "a/b/c;;=", PARTS_TYPE, "text/csv")
METHODS = ("HEAD", "PUT", "DELETE", "POST", "PATCH", "GET", "OPTIONS", "X", "get")
SEGMENTS = ("version", "number", "sobject", "id", "field", "value", "locator", "verb")


@cache
def words_of(module: str) -> tuple[str, ...]:
    """Return the names in a module: of parameters, of members, of structs' fields."""
    source = inspect.getsource(importlib.import_module(module))
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if WORD.fullmatch(node.value) else set()
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return tuple(sorted(found))


def module_of(route: Route) -> str:
    handler: Any = route.handler
    return str(getattr(handler, "func", handler).__module__)


def pick(draw: Draw, names: tuple[str, ...]) -> dict[str, Any]:
    """Draw a few members with what they mostly hold."""
    known = [name for name in names if name in VALUES]
    pool = known if known and draw(st.integers(0, 4)) else names
    chosen = draw(st.lists(st.sampled_from(pool), max_size=6, unique=True))
    return {name: draw(VALUES.get(name, anything)) for name in chosen}


def segment(draw: Draw, name: str, module: str) -> str:
    """Draw what a path has in one place."""
    pools: dict[str, tuple[str, ...]] = {
        "version": (*["62.0"] * 20, "20.0", "67.0", "37.0", "62", "6².0", "nan"),
        "number": (*["62.0", "60.0"] * 5, "67.0", "62", "nan", "-inf"),
        "sobject": (*["Account", "Contact", "Everything__c"] * 9, *OBJECTS),
        "id": (*["~account~", "~contact~", "~job~"] * 6, *IDS),
        "field": (*["Id", "External_Key__c", "~account~"] * 30, *FIELDS),
        "value": (*["~account~", "x", "1"] * 9, *RELATIONS),
        "locator": ("~locator~",),
        "org": ("~org~",),
        "user": ("~user~",),
    }
    others = words_of(module), RELATIONS, OBJECTS
    pool = pools.get(name) or draw(st.sampled_from(others))
    text = draw(st.sampled_from(pool))
    match draw(st.integers(0, 31)):
        case 0:
            return text  # as it is
        case 1 | 2:
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(texts) + text[at + 1 :]
        case 3:
            text = draw(st.sampled_from((text.lower(), text.upper(), text[:15])))
    return quote(text.encode("utf-8", "surrogatepass"), safe="~")


def spoilt(draw: Draw, value: Any) -> Any:
    """Change one place of some JSON."""
    match value:
        case dict() if value and draw(st.integers(0, 4)):
            name = draw(st.sampled_from(sorted(value)))
            return {**value, name: spoilt(draw, value[name])}
        case list() if value and draw(st.integers(0, 4)):
            at = draw(st.integers(0, len(value) - 1))
            return [*value[:at], spoilt(draw, value[at]), *value[at + 1 :]]
        case _:
            return draw(anything)


def broken(draw: Draw, text: bytes) -> bytes:
    """Break the text of a body, or write it in another charset."""
    at = draw(st.integers(0, len(text)))
    how: tuple[Callable[[], bytes], ...] = (
        lambda: text[:at],
        lambda: text[:at] + draw(st.binary(min_size=1, max_size=4)) + text[at + 1 :],
        lambda: text + text,
        lambda: b"\xef\xbb\xbf" + text,
        lambda: text.decode("utf-8", "replace").encode("utf-16"),
        lambda: b"[" * 20_000,
        lambda: b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        lambda: b'{"records":' + b"[" * 900 + b"]" * 900 + b"}",
        lambda: b"",
        lambda: draw(st.binary(max_size=40)),
    )
    return draw(st.sampled_from(how))()


def json_body(draw: Draw, names: tuple[str, ...], sobject: str) -> bytes:
    body: Any = draw(record(sobject))
    if draw(st.booleans()):
        body = pick(draw, names)
    if not draw(st.integers(0, 2)):
        body = spoilt(draw, body)
    return json.dumps(body).encode("utf-8", "surrogatepass")


def form_body(draw: Draw, names: tuple[str, ...], _: str) -> bytes:
    return form_text(pick(draw, names)).encode()


def soap_body(draw: Draw, names: tuple[str, ...], _: str) -> bytes:
    api = draw(st.sampled_from(("partner", "enterprise")))
    name = draw(st.sampled_from(("logout", *names)))
    return as_bytes(ENVELOPE.format(api=api, name=name, inside=draw(texts)))


def parts_body(draw: Draw, names: tuple[str, ...], sobject: str) -> bytes:
    name = draw(some("File__c", "Body"))
    return (
        b'--b\r\nContent-Disposition: form-data; name="e"\r\nContent-Type: '
        b"application/json\r\n\r\n" + json_body(draw, names, sobject) + b"\r\n--b\r\n"
        b'Content-Disposition: form-data; name="%b"; filename="f"\r\n\r\n'
        % str(name).encode("utf-8", "replace")
        + draw(st.binary(max_size=20))
        + b"\r\n--b--\r\n"
    )


def body_of(draw: Draw, route: Route, sobject: str) -> tuple[str, bytes]:
    """Draw a body with its type; most are of the kind that the route expects."""
    module, path = module_of(route), route.pattern.pattern
    kinds = [(JSON_TYPE, json_body)] * 8
    if "/oauth2/" in path or "/setup/" in path:
        kinds += [(FORM_TYPE, form_body)] * 40
    if "/Soap/" in path:
        kinds += [(XML_TYPE, soap_body)] * 40
    kinds += [(PARTS_TYPE, parts_body), (FORM_TYPE, form_body), (XML_TYPE, soap_body)]
    kind, make = draw(st.sampled_from(kinds))
    body = make(draw, words_of(module), sobject)
    return kind, body


def headers_of(draw: Draw) -> dict[str, str]:
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=2, unique=True))
    drawn = {name: draw(HEADERS[name]) for name in names}
    if names and not draw(st.integers(0, 9)):
        drawn[names[0]] = swollen(str(drawn[names[0]]))
    return {name: re.sub(r"[\r\n\x00]", "", str(text)) for name, text in drawn.items()}


@dataclass
class Draft:
    """A request in its parts."""

    method: str
    path: str
    params: dict[str, Any]
    kind: str
    body: bytes


@cache
def goods(route: Route) -> list[Good]:
    """Return the good requests to a route."""
    paths = [(good, good[1]) for good in GOOD if good[0] == route.method]
    return [good for good, path in paths if route.pattern.fullmatch(path)]


def swollen(text: str) -> str:
    """Make the last number in a text very large."""
    return re.sub(r"\d+(?=\D*$)", "9" * 5_000, text)


def nearly_good(draw: Draw, route: Route) -> Draft:
    """Draw a good request with a few things changed."""
    method, path, params, kind, body = draw(st.sampled_from(goods(route)))
    module = module_of(route)
    draft = Draft(method, path, dict(params), kind, body)
    if not draw(st.integers(0, 3)):
        parts = path.split("/")
        at = draw(st.integers(1, len(parts) - 1))
        parts[at] = segment(draw, draw(st.sampled_from(SEGMENTS)), module)
        draft.path = "/".join(parts)
    if params and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(params)))
        draft.params[name] = draw(
            st.just(swollen(params[name])) | VALUES.get(name, anything) | texts
        )
    if kind == JSON_TYPE and body:
        value = json.loads(body)
        for _ in range(draw(st.integers(0, 2))):
            value = spoilt(draw, value)
        draft.body = json.dumps(value).encode("utf-8", "surrogatepass")
    elif kind == FORM_TYPE:
        form = dict(parse_qsl(body.decode()))
        for _ in range(draw(st.integers(0, 2))):
            form[draw(st.sampled_from(sorted(form)))] = draw(texts)
        draft.body = form_text(form).encode()
    elif kind == XML_TYPE:
        inside = escape(draw(texts)) if draw(st.booleans()) else draw(texts)
        word = draw(st.sampled_from(["~token~", "login", "<", ">", '"', "n:", "\0"]))
        if draw(st.booleans()):
            draft.body = body.replace(word.encode(), as_bytes(inside), 1)
    return draft


def anyhow(draw: Draw, route: Route) -> Draft:
    """Draw a request that knows of a route only what its code says."""
    module = module_of(route)
    segments: dict[str, str] = {}

    def fill(found: re.Match[str]) -> str:
        segments[found[1]] = segment(draw, found[1], module)
        return segments[found[1]]

    path = GROUP.sub(fill, route.pattern.pattern)
    draft = Draft(route.method, path, {}, "", b"")
    if draw(st.integers(0, 2)):
        draft.params = pick(draw, words_of(module))
    if route.method in {"POST", "PATCH"} or not draw(st.integers(0, 9)):
        draft.kind, draft.body = body_of(draw, route, segments.get("sobject", ""))
    return draft


@st.composite
def requests(draw: Draw, route: Route) -> Request:
    """Draw a request to a route."""
    is_near = goods(route) and draw(st.integers(0, 3))
    draft = nearly_good(draw, route) if is_near else anyhow(draw, route)
    if not draw(st.integers(0, 19)):
        draft.params |= pick(draw, tuple(VALUES))
    if not draw(st.integers(0, 11)):
        draft.body = broken(draw, draft.body)
    if not draw(st.integers(0, 19)):
        draft.kind = draw(st.sampled_from(KINDS))
    if not draw(st.integers(0, 15)):
        draft.method = draw(st.sampled_from(METHODS))
    return sent(draft, headers_of(draw))


def sent(draft: Draft, headers: dict[str, str]) -> Request:
    """Make a request of its parts."""
    body = draft.body
    if headers.get("Content-Encoding") == "gzip" and len(body) % 3:
        body = gzip.compress(body, mtime=0)
    query = form_text(draft.params)
    target = f"{draft.path}?{query}" if query else draft.path
    usual = {
        "Authorization": "Bearer ~token~",
        "Origin": "http://localhost",
        "SOAPAction": '""',
    }
    if "Referer" in headers:
        del usual["Origin"]
    kind = {"Content-Type": draft.kind} if draft.kind else {}
    pairs = (usual | kind | headers).items()
    return Request(
        as_bytes(draft.method),
        as_bytes(target),
        tuple((as_bytes(name), as_bytes(text)) for name, text in pairs),
        body,
    )


def form_text(form: Mapping[str, Any]) -> str:
    return urlencode(form, safe="~", encoding="utf-8", errors="surrogatepass")


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
