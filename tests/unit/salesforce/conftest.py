"""An org that says what a test tells it to say, over a real socket."""

import gzip
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.answering import Answer, Answering, Request

from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client

ORG_ID = "00D5g000000AbCdEAK"
DATE = "Sat, 21 Nov 2026 08:00:00 GMT"
API = "/services/data/v62.0/"


@dataclass
class Reply:
    """What the org answers once.

    ``cut`` breaks the connection after some bytes, ``drip`` sends one byte at a time
    until it is set.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    gzipped: bool = False
    cut: int | None = None
    drip: threading.Event | None = None
    before: Callable[[], object] = lambda: None

    @property
    def wire(self) -> bytes:
        plain = self.body if isinstance(self.body, bytes) else encode(self.body)
        return gzip.compress(plain, mtime=0) if self.gzipped else plain

    def pieces(self) -> Iterator[bytes]:
        wire, sent = self.wire, 0
        while self.drip and sent < len(wire) and not self.drip.wait(0.005):
            yield wire[sent : sent + 1]
            sent += 1
        yield wire[sent : self.cut]

    @property
    def all_headers(self) -> dict[str, str]:
        kind = "text/csv" if isinstance(self.body, bytes) else "application/json"
        usage = {"Sforce-Limit-Info": "api-usage=18/5000"}
        coding = {"Content-Encoding": "gzip"} if self.gzipped else {}
        return {"Content-Type": kind, "Date": DATE, **usage, **coding, **self.headers}


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class ScriptedOrg:
    """Issues tokens, refuses dead ones, and otherwise follows the script."""

    Reply = Reply
    api = API
    org_id = ORG_ID

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.versions = ["50.0", "58.0", "62.0", "66.0"]
        self.tokens_issued = 0
        self.token_replies: list[Reply] = []
        self._script: dict[tuple[str, str], list[Reply]] = defaultdict(list)
        self._live: set[str] = set()
        self._lock = threading.Lock()
        self._server = Answering(self._answer)
        self.url = self._server.url
        self.close = self._server.close

    def on(self, method: str, path: str, *replies: Any, **one: Any) -> None:
        """Answer in this order, the last again and again; bare values are bodies."""
        full = path if path.startswith("/") else API + path
        made = [r if isinstance(r, Reply) else Reply(r, **one) for r in replies]
        self._script[method, full] = made or [Reply(**one)]

    def expire_sessions(self) -> None:
        self._live.clear()

    def credentials(self) -> ClientCredentials:
        return ClientCredentials(self.url, "the-id", "the-secret")

    def calls(self, path: str | None = None) -> list[Seen]:
        """Requests to the API proper, or to one resource of it."""
        full = path if path is None or path.startswith("/") else API + path
        free = {"/services/oauth2/token", "/services/data"}
        return [
            r
            for r in self.requests
            if r.path not in free and (full is None or r.path == full)
        ]

    def _answer(self, request: Request) -> Answer:
        url = urlsplit(request.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        reply = self._reply(
            Seen(request.method, url.path, query, request.headers, request.body)
        )
        length = len(reply.wire)
        return Answer(reply.status, reply.all_headers, reply.pieces(), length)

    def _reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.requests.append(seen)
            if seen.path == "/services/oauth2/token":
                return self._issue_token()
            if seen.path == "/services/data":
                listed = Reply([{"version": v} for v in self.versions])
                return next(iter(self._script[seen.method, seen.path]), listed)
            if (
                seen.headers.get("authorization", "")[len("Bearer ") :]
                not in self._live
            ):
                return Reply(error("INVALID_SESSION_ID", "Session expired"), 401)
            script = self._script[seen.method, seen.path]
            if not script:
                return Reply(error("NOT_FOUND", "no such resource"), 404)
            reply = script.pop(0) if len(script) > 1 else script[0]
        reply.before()
        return reply

    def _issue_token(self) -> Reply:
        if self.token_replies:
            return self.token_replies.pop(0)
        self.tokens_issued += 1
        token = f"{ORG_ID[:15]}!TOKEN{self.tokens_issued}"
        self._live.add(token)
        return Reply({"access_token": token, "instance_url": self.url})


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def error(code: str, message: str) -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


@pytest.fixture
def org() -> Iterator[ScriptedOrg]:
    org = ScriptedOrg()
    yield org
    org.close()


@pytest.fixture
def client(org: ScriptedOrg) -> Iterator[Client]:
    with Client(org.credentials(), timeout=5) as client:
        yield client
