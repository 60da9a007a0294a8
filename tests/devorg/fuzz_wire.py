"""An org under fire: what is sent byte for byte, and what each answer must be."""

import gzip
import http.client
import json
import logging
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from tests.devorg.calling import Caller, calling

# Source: REST API Developer Guide, "Status Codes and Error Responses".
STATUSES = frozenset(
    (
        200,
        201,
        204,
        300,
        302,
        303,
        304,
        400,
        401,
        403,
        404,
        405,
        406,
        409,
        410,
        412,
        414,
    )
) | {415, 428, 431}
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
CODE = re.compile(r"[A-Z][A-Za-z_]+")
NAME = re.compile(rb"~(\w+)~")
BAD_HTTP = b"Invalid HTTP request received."
WRONG = AssertionError, AttributeError, KeyError, TypeError, ValueError
NO_BODY = {204, 302, 303, 304}


@dataclass(frozen=True)
class Request:
    """One request; ``~name~`` in it stands for what the org has of that name."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition(b"?")[0].decode("latin-1")

    def header(self, name: bytes) -> bytes:
        return dict(self.headers).get(name, b"")

    def filled(self, names: Mapping[str, str]) -> "Request":
        """Return the request with the org's names in it."""

        def fill(text: bytes) -> bytes:
            return NAME.sub(lambda m: names.get(m[1].decode(), "").encode(), text)

        headers = tuple((fill(name), fill(text)) for name, text in self.headers)
        return Request(self.method, fill(self.target), headers, fill(self.body))

    def raw(self) -> bytes:
        """Return what goes over the wire."""
        lines = [b"%s %s HTTP/1.1" % (self.method, self.target)]
        headers = {b"Host": b"localhost", **dict(self.headers)}
        lines += [b"%s: %s" % pair for pair in headers.items()]
        body = self.body
        if b"Transfer-Encoding" in headers:
            body = (
                b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            )
        else:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join([*lines, b"", body])


@dataclass(frozen=True)
class Reply:
    """What came back, unpacked."""

    status: int
    kind: str
    headers: Any
    body: bytes


class Wire:
    """A connection that sends any bytes, and opens anew when it was closed."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._address = (place.hostname or "", place.port or 0)
        self._socket: socket.socket | None = None

    def ask(self, raw: bytes, method: str) -> Reply:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=60)
        self._socket.sendall(raw)
        with closing(http.client.HTTPResponse(self._socket, method=method)) as found:
            found.begin()
            body = found.read()
            if found.will_close:
                self.close()
        if found.headers.get("Content-Encoding") == "gzip" and body:
            body = gzip.decompress(body)
        kind = found.headers.get("Content-Type", "").partition(";")[0]
        return Reply(found.status, kind, found.headers, body)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Complaints(logging.Handler):
    """All that the server logs of its own mistakes."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.told.append(logging.Formatter().format(record))


@dataclass
class World:
    """An org, who attacks it, and who sees after it."""

    api: Caller
    wire: Wire
    complaints: Complaints
    names: dict[str, str] = field(default_factory=dict)

    def renew(self) -> None:
        """Bring the org to its senses, and records into it that requests can name."""
        api = self.api
        api.org.faults.clear()
        api.org.short_pages(None)
        self.see_that_it_lives()
        self.names = {
            "token": api.token(),
            "client": api.org.client_id,
            "secret": api.org.client_secret,
            "refresh": api.org.refresh_token(),
            "username": "ada@devorg.example",
            "password": api.org.logins.password + api.org.logins.security_token,
            "org": api.org.store.org_id,
            "user": api.org.store.user_id,
            "job": api.finished("SELECT Id, Name FROM Account")["id"],
        }
        for name in ("account", "parent", "deleted"):
            self.names[name] = api.org.insert("Account", {"Name": f"{name} x"})
        contact = {"LastName": "x", "AccountId": self.names["account"]}
        self.names["contact"] = api.org.insert("Contact", contact)
        api.org.delete(self.names["deleted"])
        api.org.short_pages(1)
        more = api.query("SELECT Id FROM Account ORDER BY Id")["nextRecordsUrl"]
        api.org.short_pages(None)
        self.names["locator"] = more.rpartition("/")[2]

    def send(self, request: Request) -> Reply:
        """Send a request as it is."""
        raw = request.filled(self.names).raw()
        try:
            return self.wire.ask(raw, request.method.decode("latin-1"))
        except (OSError, http.client.HTTPException) as exc:
            self.wire.close()
            raise AssertionError(f"no answer: {exc!r}") from exc

    def try_out(self, request: Request) -> Reply:
        """Send a request; the answer must be one, and the org as well as before."""
        try:
            reply = self.send(request)
            check(request, reply)
            self.api.org.faults.clear()
            self.see_that_it_lives()
            assert not self.complaints.told, "\n".join(self.complaints.told)
        except AssertionError as error:
            error.add_note(f"sent: {request!r}\nnames: {self.names}")
            raise
        finally:
            self.complaints.told.clear()
        return reply

    def see_that_it_lives(self) -> None:
        """Ask an ordinary question, logged in anew if need be."""
        soql = "SELECT Id, Username FROM User LIMIT 1"
        found = self.api.get("/query", q=soql)
        if found.status_code == 401:
            self.api.login()
            found = self.api.get("/query", q=soql)
        assert found.status_code == 200, found.text
        assert found.json()["totalSize"] == 1


def check(request: Request, reply: Reply) -> None:
    """See that an answer is one that Salesforce could give."""
    told = (reply.status, reply.kind, reply.body[:2_000])
    is_soap = request.path.lower().startswith("/services/soap")
    assert reply.status in STATUSES or (reply.status == 500 and is_soap), told
    if request.method == b"HEAD" or reply.status in NO_BODY:
        assert not reply.body, told
        return
    try:
        match reply.kind:
            case "application/json":
                _check_json(request, reply)
            case "application/xml":
                _check_xml(reply)
            case "text/xml":
                _check_soap(reply)
            case "text/html":
                assert _may_be_html(request, reply)
            case "text/plain":
                assert (reply.status, reply.body) == (400, BAD_HTTP)
            case _:
                assert reply.status == 200
    except (*WRONG, ET.ParseError) as exc:
        raise AssertionError(f"{exc!r} in {told}") from exc


def _check_json(request: Request, reply: Reply) -> None:
    body = json.loads(reply.body, parse_constant=_no_number)
    _check_inside(body)
    if reply.status < 400:
        return
    if "/oauth2/" in request.path.lower() and reply.status not in {404, 405}:
        assert body.keys() == {"error", "error_description"}
        assert all(isinstance(text, str) for text in body.values())
    elif isinstance(body, dict):
        assert body["hasErrors"] is True
        assert all(_is_row_error(e) for r in body["results"] for e in r["errors"])
    else:
        assert body
        assert all(map(_is_error, body))


def _check_inside(body: Any) -> None:
    """See that the answers of sub-requests are answers, too."""
    if isinstance(body, list):
        for each in body:
            _check_inside(each)
    elif isinstance(body, dict):
        for name, each in body.items():
            if name in {"httpStatusCode", "statusCode"} and isinstance(each, int):
                assert each in STATUSES
            _check_inside(each)


def _is_error(entry: Any) -> bool:
    texts = isinstance(entry["message"], str) and CODE.fullmatch(entry["errorCode"])
    fields = entry.get("fields", [])
    return bool(texts and all(isinstance(name, str) for name in fields))


def _is_row_error(entry: Any) -> bool:
    return _is_error({**entry, "errorCode": entry["statusCode"]})


def _check_xml(reply: Reply) -> None:
    root = ET.fromstring(reply.body)  # noqa: S314 -- the org's own
    if reply.status >= 400 and root.tag != "SObjectTreeResponse":
        assert root.tag == "Errors"
        assert all(CODE.fullmatch(error.findtext("errorCode") or "") for error in root)


def _check_soap(reply: Reply) -> None:
    root = ET.fromstring(reply.body)  # noqa: S314 -- the org's own
    fault = root.find(f"{SOAP}Body/{SOAP}Fault")
    assert (fault is None) == (reply.status == 200)
    if fault is not None:
        assert fault.findtext("faultcode")
        assert fault.findtext("faultstring")


def _may_be_html(request: Request, reply: Reply) -> bool:
    """Whether it is a page for people, one word, or of what reads the head."""
    path = request.path.lower()
    pages = ("/services/oauth2/", "/setup/", "/id/", "/devorg")
    return reply.body.startswith(b"<h1>Bad Message") or path.startswith(pages)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


@contextmanager
def fired_at(**options: Any) -> Iterator[World]:
    """Run an org that may be fired at."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        with calling(rows={"Account": 3, "Everything__c": 3}, **options) as api:
            wire = Wire(api.org.url)
            with closing(wire):
                yield World(api, wire, complaints)
    finally:
        logging.getLogger().removeHandler(complaints)
