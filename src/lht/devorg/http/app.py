"""From HTTP to handlers and back: one table of routes, and what holds for all."""

import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from functools import partial
from ipaddress import ip_address
from urllib.parse import unquote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp

from lht.devorg.errors import (
    AmbiguousKeyError,
    OrgError,
    not_found,
    request_limit_exceeded,
)
from lht.devorg.http import (
    admin,
    appearance,
    batch,
    bulk,
    collections,
    columns,
    composite,
    limits,
    metadata,
    query,
    recent,
    replication,
    search,
    sobjects,
    tree,
    xml_answers,
)
from lht.devorg.http.faults import strike
from lht.devorg.http.line import NoReply, Streamed
from lht.devorg.http.log import Entry
from lht.devorg.http.login import consent, identity, oauth, soap
from lht.devorg.http.service import Service
from lht.devorg.http.spool import compress
from lht.devorg.http.wire import (
    JSON_TYPE,
    Answer,
    Call,
    Session,
    accepts_gzip,
    bearer_token,
    error_answer,
    inflate,
)
from lht.devorg.page.routes import ROUTES as PAGE_ROUTES

_log = logging.getLogger("lht.devorg")

Handler = Callable[[Service, Call], Answer]

# Source: REST API Developer Guide, "Status Codes and Error Responses".
MAX_URI_BYTES = 16_384

_BODILESS = frozenset({204, 304})
"""Statuses whose answers end with their heads, as HTTP has it."""

_WORTH_GZIP = 1_024
_VERSIONED = "/services/data/v{version}"


@dataclass(frozen=True)
class Route:
    """One method of one resource."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler


def dispatch(service: Service, call: Call) -> Answer:
    """Find the handler of a request and let it answer; the session is known.

    Errors come back as answers too.
    """
    try:
        route, segments = _find(call)
        return route.handler(service, replace(call, segments=segments))
    except AmbiguousKeyError as error:
        base = call.path.split("/sobjects/")[0]
        sobject = service.store.metadata.by_prefix[error.ids[0][:3]].name
        return Answer(300, [f"{base}/sobjects/{sobject}/{id_}" for id_ in error.ids])
    except OrgError as error:
        return error_answer(error, code_first="/jobs/" in call.path)
    except RecursionError:
        text = "The request is nested too deep"
        return error_answer(OrgError(400, "JSON_PARSER_ERROR", text))
    except Exception:  # noqa: BLE001 -- the last line: an org answers 500, logged
        _log.exception("unexpected error method=%s path=%s", call.method, call.path)
        return error_answer(_unexpected())


def _compile(path: str) -> re.Pattern[str]:
    """Turn ``/sobjects/{sobject}`` into a pattern; a segment has no slash."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), re.IGNORECASE)


def _routes() -> Iterator[Route]:
    for prefix, table in (
        ("", oauth.ROUTES),
        ("", consent.ROUTES),
        ("", identity.ROUTES),
        ("", soap.ROUTES),
        ("", limits.OPEN_ROUTES),
        ("", admin.ROUTES),
        ("", PAGE_ROUTES),
        (_VERSIONED, limits.ROUTES),
        (_VERSIONED, columns.ROUTES),
        (_VERSIONED, query.ROUTES),
        (_VERSIONED, search.ROUTES),
        (_VERSIONED, appearance.ROUTES),
        (_VERSIONED, bulk.ROUTES),
        (_VERSIONED, collections.ROUTES),
        (_VERSIONED, composite.routes(dispatch)),
        (_VERSIONED, batch.routes(dispatch)),
        (_VERSIONED, tree.ROUTES),
        (_VERSIONED, recent.ROUTES),
        (_VERSIONED, metadata.ROUTES),
        (_VERSIONED, replication.ROUTES),
        (_VERSIONED, sobjects.ROUTES),
    ):
        for method, path, handler in table:
            yield Route(method, _compile(prefix + path), handler)


ROUTES = tuple(_routes())


def _find(call: Call) -> tuple[Route, Mapping[str, str]]:
    path = call.path.rstrip("/")
    allowed = []
    wanted = "GET" if call.method == "HEAD" else call.method
    for route in ROUTES:
        found = route.pattern.fullmatch(path)
        if found and route.method == wanted:
            segments = {key: unquote(text) for key, text in found.groupdict().items()}
            if not limits.serves(segments.get("version"), path):
                raise not_found()
            return route, segments
        if found:
            allowed.append(route.method)
    if allowed:
        raise _method_not_allowed(call.method, allowed)
    raise not_found()


def _method_not_allowed(method: str, allowed: list[str]) -> OrgError:
    names = ",".join((["HEAD"] if "GET" in allowed else []) + allowed)
    text = f"HTTP Method '{method}' not allowed. Allowed are {names}"
    return OrgError(405, "METHOD_NOT_ALLOWED", text)


def _unexpected() -> OrgError:
    number = secrets.randbelow(10**9)
    return OrgError(
        500,
        "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact "
        f"support: {number}-{number % 99_991} ({-number})",
    )


def answer(service: Service, call: Call) -> Answer:
    """Answer one HTTP request: authorise, meter, dispatch."""
    if not call.path.startswith("/services/data/v"):
        return dispatch(service, call)
    try:
        session = service.sessions.use(call.headers.get("authorization", ""))
    except OrgError as error:
        return _unknown_caller(error)
    try:
        service.api_usage.count(request_limit_exceeded)
        found = dispatch(service, _for(call, session))
    except OrgError as error:
        found = error_answer(error)
    usage = service.api_usage
    return found.with_headers(
        {"Sforce-Limit-Info": f"api-usage={usage.used}/{usage.limit}"}
    )


def _unknown_caller(error: OrgError) -> Answer:
    """Refuse who has no session: not counted, and asked for a token, if a bad one."""
    found = error_answer(error)
    if error.code != "INVALID_SESSION_ID":
        return found
    return found.with_headers({"WWW-Authenticate": "Token"})


def _for(call: Call, session: Session) -> Call:
    """Attach the session, and unpack the body now that somebody wants to read it."""
    if call.headers.get("content-encoding", "").lower() == "gzip":
        call = replace(call, body=inflate(call.body))
    if call.method == "POST" and "_HttpMethod" in call.params:
        call = replace(call, method=call.params["_HttpMethod"].upper())
    return replace(call, session=session)


def make_app(service: Service) -> ASGIApp:
    """Make the ASGI application of an org."""

    async def endpoint(request: Request) -> Response:
        entry = _entry(service, request)
        if refusal := _refuse_head(request):
            return _finish(service, request, refusal, entry)
        try:
            call = await _read(request)
        except ClientDisconnect:  # in the midst of the body
            return NoReply()
        return await run_in_threadpool(
            lambda: _finish(service, request, _met(service, call, entry), entry)
        )

    return request_response(endpoint)  # whatever the method and the path


def _entry(service: Service, request: Request) -> Entry:
    """Begin to note a request; addresses of other places than these hold secrets."""
    path = request.url.path
    query = request.url.query if path.startswith("/services/data/") else ""
    return Entry(request.method, path, query, service.clock.now())


def _met(service: Service, call: Call, entry: Entry) -> Answer:
    """Answer a request, with whatever goes wrong on the way."""
    token = bearer_token(call.headers)
    login = service.sessions.login(token)
    entry.asked_by(token, login.session.user_id if login else None)
    met = None
    if not f"{call.path}/".startswith("/devorg/"):  # so that what is wrong can be ended
        query = "&".join(f"{name}={text}" for name, text in call.params.items())
        met = service.faults.meet(call.method, call.path, query)
    if met is None:
        found = answer(service, call)
    else:
        entry.fault = str(met)
        found = strike(met.fault, service, call, partial(answer, service))
    return xml_answers.as_asked(found, call)


def _refuse_head(request: Request) -> Answer | None:
    """Return what a request gets that is too long, or for nobody."""
    # What cannot be read as a host, starlette replaces by the server's own.
    host = request.headers.get("host")
    if host is not None and (request.url.hostname or " ") not in host.lower():
        return _bad_message(400, "Bad Host")
    uri = len(request.scope["raw_path"]) + len(request.scope["query_string"]) + 1
    if uri > MAX_URI_BYTES:
        return _bad_message(414, "URI Too Long")
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
    if uri + headers > MAX_URI_BYTES:
        return _bad_message(431, "Request Header Fields Too Large")
    return None


def _bad_message(status: int, reason: str) -> Answer:
    html = f"<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>".encode()
    return Answer(status, html, {"Content-Type": "text/html;charset=iso-8859-1"})


async def _read(request: Request) -> Call:
    host = request.client.host if request.client else ""
    return Call(
        method=request.method,
        path="/" + request.scope["raw_path"].decode("ascii", "replace").lstrip("/"),
        params=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
        origin=f"{request.url.scheme}://{request.url.netloc}",
        from_loopback=_is_loopback(host) and _is_loopback(request.url.hostname or ""),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _finish(
    service: Service, request: Request, found: Answer, entry: Entry
) -> Response:
    """Pack an answer for the wire, and note that it is given."""
    entry.status = found.status
    service.requests.add(entry)
    if not found.status:
        entry.end()
        return NoReply()
    if found.status in _BODILESS:
        found = replace(found, body=None)
    headers = {
        "Date": format_datetime(service.clock.now(), usegmt=True),
        "Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": secrets.token_hex(16),
        "Content-Type": JSON_TYPE,
        **found.headers,
    }
    if isinstance(found.body, Iterator):
        return _streamed(found.body, found, headers, entry)
    content = _packed(request, found, headers)
    if found.on_wire and content:
        if "Transfer-Encoding" not in headers:
            headers["Content-Length"] = str(len(content))
        return _streamed(iter([content]), found, headers, entry)
    entry.bytes = len(content)
    entry.end()
    return Response(content, found.status, headers)


def _packed(request: Request, found: Answer, headers: dict[str, str]) -> bytes:
    """Return a whole body as it is sent, and let the headers tell how that is."""
    content = found.content()
    if found.body is None:
        del headers["Content-Type"]
    elif headers["Content-Type"] == JSON_TYPE:
        if request.headers.get("x-prettyprint") == "1":
            content = msgspec.json.format(content)
        if len(content) > _WORTH_GZIP and accepts_gzip(request.headers):
            headers["Content-Encoding"] = "gzip"
            content = compress(content)
    return content


def _streamed(
    body: Iterator[bytes], found: Answer, headers: Mapping[str, str], entry: Entry
) -> Response:
    pieces = _pieces(body)
    if found.on_wire:
        pieces = found.on_wire(pieces)
    return Streamed(pieces, found.status, headers, entry)


async def _pieces(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read where the server writes: a thread for each piece costs more than a piece."""
    for piece in body:
        yield piece
