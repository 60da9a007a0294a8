"""Requests at random: nearly right ones, for the most part, to any of the routes.

What a route may be asked is read off devorg's own code: its path, and the words in the
module of its handler. So a new route is fired at without being listed here.
"""

import ast
import gzip
import importlib
import inspect
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tests.devorg.calling import BASE
from tests.devorg.fuzz_good import ENVELOPE, FORM_TYPE, GOOD, JSON_TYPE, XML_TYPE, Good
from tests.devorg.fuzz_wire import Request

from lht.devorg.declaration import load_metadata
from lht.devorg.http.app import Route

STATEMENTS = Path(__file__).with_name("soql_statements.txt").read_text().splitlines()
WORD = re.compile(r"[A-Za-z_][\w.:-]{0,60}")
GROUP = re.compile(r"\(\?P<(\w+)>\[\^/\]\+\)")
METADATA = load_metadata()
OBJECTS = [sobject.name for sobject in METADATA.sobjects]
FIELDS = sorted({field.name for each in METADATA.sobjects for field in each.fields})
RELATIONS = sorted(
    {
        str(field.relationship_name)
        for each in METADATA.sobjects
        for field in each.fields
    }
    | {"Contacts", "Opportunities"}
)
IDS = [f"~{n}~" for n in ("account", "parent", "contact", "deleted", "user", "org")]
ODD = [
    *("", " ", "'", '"', "\\", "%", "%00", "%zz", "%2F", "%C3%28", "%ED%A0%80", ".."),
    *("null", "true", "-1", "0", "1", "9" * 30, "1e400", "NaN", "é", "\U0001f4a9", "x"),
    *("@{a.id}", "x" * 300, "x" * 5_000, "a,b,,c", "\x00", "\u2028²\u0663"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "{}", "[]", "\n"),
]  # fmt: skip
MOMENTS = [
    *("2030-03-01T00:00:00+00:00", "2030-03-06T12:34:56Z", "2030-03-01T00:00:00 00:00"),
    *("2030-03-06", "1600-01-01T00:00:00Z", "2030-02-30T00:00:00Z", "20300301T00"),
]  # fmt: skip
PARTS_TYPE = "multipart/form-data; boundary=b"
KINDS = ("", "x", "application/json;charset=x", "a/b/c;;=", PARTS_TYPE, "text/csv")
METHODS = ("HEAD", "PUT", "DELETE", "POST", "PATCH", "GET", "OPTIONS", "X", "get")
SEGMENTS = ("version", "number", "sobject", "id", "field", "value", "locator", "verb")

EXAMPLES = int(os.environ.get("LHT_FUZZ_EXAMPLES", "8"))
"""How many requests each route gets: few in passing, thousands to be thorough."""

Draw = st.DrawFn


def many(count: int) -> settings:
    """Draw so many examples."""
    return settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck)
    )


texts = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8"), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, -(2**63), 2**64, 1e308, "\ud800", *IDS, *MOMENTS])
    | texts
)


@st.composite
def some(draw: Draw, *values: Any) -> Any:
    """Draw one of some values, or now and then something odd."""
    return draw(st.sampled_from(values) if draw(st.integers(0, 9)) else anything)


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


@st.composite
def record(draw: Draw, name: str = "") -> Any:
    """Draw values for a record of an object, with its attributes."""
    sobject = (
        METADATA.by_name.get(name.lower())
        or METADATA.by_name[draw(st.sampled_from(OBJECTS)).lower()]
    )
    names = [field.name for field in sobject.fields]
    own = draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
    if draw(st.integers(0, 3)):
        own += [n for n in ("Name", "LastName") if n in names]
    values = {name: draw(value_of(sobject.by_name[name.lower()])) for name in own}
    reference = draw(some("a", "b", "c"))
    return {"attributes": {"type": sobject.name, "referenceId": reference}} | values


def value_of(field: Any) -> st.SearchStrategy[Any]:
    """Draw a value for a field: right for its type, or not."""
    right: dict[str, tuple[Any, ...]] = {
        "reference": tuple(IDS),
        "id": tuple(IDS),
        "boolean": (True, False),
        "int": (0, 7, -3),
        "double": (0, 1.5, 1e17),
        "currency": (1.25, -1),
        "percent": (12.5, 100),
        "date": ("2030-01-31", "1999-12-31"),
        "datetime": tuple(MOMENTS),
        "time": ("10:00:00.000Z", "23:59:59.999Z"),
        "email": ("a@example.com",),
        "base64": ("eHl6", "eHl6=", "AA=="),
    }
    texts = ("x", "é x", "y" * field.length, "z" * (field.length + 1))
    return some(*right.get(field.type, texts))


anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = [
    *("/sobjects/Account", "/sobjects/Account/~account~", "/sobjects/User/~user~"),
    *("/query?q=SELECT Id FROM Account", "/composite/sobjects", "/limits", "/sobjects"),
    *("/sobjects/Account/describe", "/sobjects/Account/@{a.id}", "/jobs/query"),
    *("/sobjects/Everything__c/External_Key__c/x", "/composite/tree/Account"),
    *("/composite/sobjects/Account?ids=~account~&fields=Id", "/search?q=FIND {x*}"),
]  # fmt: skip
subrequests = st.fixed_dictionaries(
    {
        "method": some("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "get"),
        "url": some(*(BASE + path for path in PATHS)),
        "referenceId": some("a", "b", "c", "d"),
    },
    optional={
        "body": record() | anything,
        "richInput": record() | anything,
        "httpHeaders": some({}, {"If-Match": "*"}, {"If-Modified-Since": "x"}),
    },
)
SOSL = ("FIND {x*} RETURNING Account(Id, Name WHERE Name != 'y' LIMIT 2)", "FIND {ab}")
FAULTS = [
    {"kind": "cut", "afterBytes": 10},
    {"kind": "refused", "status": 503, "code": "X", "path": "query", "times": 1},
    {"kind": "slow", "seconds": 0, "pieceBytes": 1},
    {"kind": "wrong_rows", "by": 2},
    {"kind": "repeated_page", "probability": 0.5, "seed": 3},
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "q": some(*STATEMENTS, *SOSL),
    "query": some(*STATEMENTS),
    "explain": some(*STATEMENTS),
    "ids": some("~account~,~contact~", ["~account~", "~deleted~"], "~account~"),
    "fields": some("Id,Name", ["Id", "Name"], *FIELDS),
    "start": some(*MOMENTS),
    "end": some(*MOMENTS),
    "locator": some("~locator~", "MA", "MQ", "!"),
    "operation": some("query", "queryAll", "insert"),
    "columnDelimiter": some("COMMA", "CARET", "TAB"),
    "lineEnding": some("LF", "CRLF"),
    "contentType": some("CSV", "JSON"),
    "state": some("Aborted", "UploadComplete"),
    "sobject": some(*OBJECTS),
    "type": some(*OBJECTS),
    "sObjects": some("Account,Contact", *OBJECTS),
    "allOrNone": some(True, False, "true"),
    "records": st.lists(record(), max_size=3) | anything,
    "values": record(),
    "compositeRequest": st.lists(subrequests, max_size=4) | anything,
    "batchRequests": st.lists(subrequests, max_size=4) | anything,
    "graphs": st.lists(
        st.fixed_dictionaries(
            {
                "graphId": some("1", "2"),
                "compositeRequest": st.lists(subrequests, max_size=3),
            }
        ),
        max_size=2,
    ),
    "_HttpMethod": some("PATCH", "DELETE", "GET", "PUT"),
    "access_token": some("~token~", "~refresh~"),
    "token": some("~token~", "~refresh~"),
    "refresh_token": some("~refresh~"),
    "client_id": some("~client~"),
    "client_secret": some("~secret~"),
    "grant_type": some(
        "client_credentials", "refresh_token", "password", "authorization_code",
        "device", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ),
    "response_type": some("code", "device_code", "token"),
    "redirect_uri": some("http://localhost:1717/x", "https://x.example/?a=b", "//["),
    "decision": some("allow", "deny"),
    "version": some("62.0", "latest"),
    "in": some("ALL", "NAME", "EMAIL"),
    "add": some(*FAULTS),
    "id": some(*IDS),
    "masterId": some("~account~"),
    "loserIds": some(["~parent~"], ["~deleted~"]),
    "rows": some(1, 200, None),
    "set": some(*MOMENTS, "3999-12-31T23:59:59+00:00", "1700-01-01T00:00:00+00:00"),
    "advance": some(1, 3600, -1e9, 1e300),
    "refreshToken": some(True),
    "certificate": some("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"),
}  # fmt: skip
HEADERS: dict[str, st.SearchStrategy[Any]] = {
    "Accept": some("application/xml", "application/json", "*/*;q=x, text/xml;q=0.5"),
    "Accept-Encoding": some("gzip", "gzip;q=0", "identity"),
    "Authorization": some("Bearer ~token~", "OAuth ~token~", "Basic OjpcDw==", ""),
    "If-Match": some("*", '"x"', 'W/"x", "y"', "x"),
    "If-None-Match": some("*", '"x"', "x"),
    "If-Modified-Since": some(
        "Wed, 06 Mar 2030 12:34:56 GMT", "Mon, 01 Jan 0001 00:00:00 +1400",
        "Fri, 31 Dec 9999 23:59:59 -1400", "0", "Tue, 1 Jan 99999 00:00:00 GMT",
    ),
    "If-Unmodified-Since": some(
        "Wed, 06 Mar 2030 12:34:56 GMT", "Mon, 01 Jan 0001 00:00:00 +1400", "x"
    ),
    "Sforce-Query-Options": some("batchSize=200", "batchSize=" + "9" * 99),
    "Sforce-Call-Options": some("client=x", "defaultNamespace=x"),
    "Sforce-Auto-Assign": some("FALSE", "TRUE"),
    "X-PrettyPrint": some("1", "true"),
    "X-Chatter-Entity-Encoding": some("false"),
    "Cookie": some("sid=~token~"),
    "Content-Encoding": some("gzip", "deflate", "x"),
    "Host": some("localhost", "login.salesforce.com", "[::1", "x:y", "x:99999", "é"),
    "Range": some("bytes=0-1", "bytes=x"),
    "Expect": some("100-continue"),
    "SOAPAction": some('""', "login"),
    "Origin": some("http://localhost", "null", "http://["),
    "Referer": some("http://localhost/", "http://[", "http://[::1"),
    "Transfer-Encoding": st.just("chunked"),
    "X-Forwarded-For": some("1.2.3.4"),
}  # fmt: skip


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
        draft.params[name] = draw(VALUES.get(name, anything) | texts)
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
