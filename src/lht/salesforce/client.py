"""The one request path to an org: session, retries, errors, accounting."""

import copy
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import Annotated, Any, Protocol, Self, TypeVar

import httpx2
import msgspec

from lht.exceptions import (
    ConfigError,
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceLimitError,
    SalesforceUnavailableError,
    StoppedError,
)
from lht.retry import retrying
from lht.salesforce import _errors, _wire
from lht.salesforce._bodies import read_json
from lht.salesforce._wire import Answer
from lht.salesforce.auth import Auth, Token

T = TypeVar("T")

NEWEST_API_VERSION = "62.0"  # the newest that lht has been tested against
# Salesforce ends a REST query after 120 s; its answer must still find us listening.
_TIMEOUT_SECONDS = 150.0
_MAX_CONNECTIONS = 20
_VERSION = r"^[0-9]{1,3}\.[0-9]$"
_STEP_SECONDS = 0.1  # of a wait, after which it may end
_REPEATABLE_METHODS = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Usage:
    """API calls: ours, and the org's as last reported."""

    calls: int
    org_used: int | None = None
    org_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer with its plain body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Return the answer with its body inflated and checked."""
        return cls(answer.status, answer.headers, answer.body())

    def json(self) -> Any:
        """Decode the body, whatever JSON it is; see :meth:`decode`."""
        return read_json(self.content, object)

    def decode(self, shape: type[T]) -> T:
        """Decode the body as JSON of a known shape.

        Raises:
            SalesforceUnavailableError: It is not that.
        """
        return read_json(self.content, shape)


class Reader(Protocol):
    """What can be asked for one thing after the other, and for the time."""

    def server_now(self) -> datetime:
        """Return Salesforce's own time, aware UTC, never ahead of it."""

    def request(self, method: str, path: str) -> Response:
        """Send a request without a body and return its answer."""


class _Organization(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="Id")


class _Organizations(msgspec.Struct, frozen=True):
    records: tuple[_Organization]


class _Version(msgspec.Struct, frozen=True):
    version: Annotated[str, msgspec.Meta(pattern=_VERSION)]


class Client:
    """A session with one org. Safe to share between threads.

    Nothing is sent before the first request. The access token goes to the org's own
    origin and nowhere else.

    Args:
        auth: Where access tokens come from.
        api_version: The newest version to use; an older org's newest goes before.
        timeout: Seconds to wait for the next bytes of an answer.
        max_connections: Open connections at the same time.
    """

    def __init__(
        self,
        auth: Auth,
        *,
        api_version: str = NEWEST_API_VERSION,
        timeout: float = _TIMEOUT_SECONDS,
        max_connections: int = _MAX_CONNECTIONS,
    ) -> None:
        if not re.search(_VERSION, api_version):
            raise ConfigError(f"{api_version!r} is no API version", hint="e.g. 62.0")
        self._session = _Session(auth, api_version, timeout, max_connections)
        self._counters: tuple[_Counter, ...] = (_Counter(),)
        self._stops: tuple[Event, ...] = ()

    def __repr__(self) -> str:
        return f"Client({self._session.auth!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, also those of scoped clients."""
        self._session.http.close()

    def scoped(
        self,
        *,
        max_calls: int | None = None,
        kept_for_others: float = 0.0,
        stop: Event | None = None,
    ) -> "Client":
        """Return a client of the same session that counts its calls from zero.

        Its calls count for this client too.

        Args:
            max_calls: How many calls it may send; the next one is refused unsent.
            kept_for_others: The part of the org's 24-hour limit that it leaves alone.
            stop: Once it is set, requests and their waits end with ``StoppedError``,
                those under way too.
        """
        child = copy.copy(self)
        child._counters = (  # noqa: SLF001  our own
            _Counter(max_calls, kept_for_others),
            *self._counters,
        )
        if stop is not None:
            child._stops = (stop, *self._stops)  # noqa: SLF001
        return child

    @property
    def calls_left(self) -> int | None:
        """How many calls this client may still send, None without any limit."""
        left = [c.left(self._session.org_usage) for c in self._counters]
        return min((n for n in left if n is not None), default=None)

    @property
    def usage(self) -> Usage:
        """Calls sent through this client, and the org's 24-hour count and limit."""
        return Usage(self._counters[0].value, *self._session.org_usage)

    @property
    def instance_url(self) -> str:
        """The org's origin."""
        return self._session.auth.token().instance_url

    @property
    def org_id(self) -> str:
        """The org's 18-character id."""
        known = self._session.auth.token().org_id or self._session.org_id
        if not known:
            query = {"q": "SELECT Id FROM Organization"}
            found = self.request("GET", "query", params=query).decode(_Organizations)
            known = self._session.org_id = found.records[0].id
        return known

    @property
    def api_version(self) -> str:
        """The version in use, e.g. ``62.0``; asked for once."""
        with self._session.version_lock:
            if not self._session.version:
                self._session.version = self._negotiate_version()
            return self._session.version

    def server_now(self) -> datetime:
        """Return Salesforce's own time, aware UTC, never ahead of it.

        It is the last ``Date`` header plus the time gone by since it came.
        """
        if self._session.clock is None:
            _ = self.api_version  # its first use asks the org
        if self._session.clock is None:
            raise SalesforceUnavailableError("Salesforce does not tell the time")
        date, seen_at = self._session.clock
        return date + timedelta(seconds=time.monotonic() - seen_at)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
    ) -> Response:
        """Send a request and return its answer.

        Args:
            method: The HTTP verb.
            path: Relative to ``/services/data/vXX.0/``, or absolute on the origin.
            params: The query string, decoded.
            json: The body, to be encoded as JSON.
            idempotent: Whether repeating it does no harm; by default GET and HEAD.

        Raises:
            SalesforceError: The subclass says what can be done about it.
        """
        return self.exchange(
            method,
            path,
            read=Response.of,
            params=params,
            json=json,
            idempotent=idempotent,
        )

    def exchange(
        self,
        method: str,
        path: str,
        *,
        read: Callable[[Answer], T],
        params: Mapping[str, str] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
        passing: Callable[[Exception], bool] = _errors.is_transient,
    ) -> T:
        """Send a request and return what ``read`` makes of its raw answer.

        The arguments are those of :meth:`request`. After an error that ``passing``
        accepts, ``read``'s own included, an idempotent request is sent again: this is
        how a damaged body is fetched anew.
        """
        if idempotent is None:
            idempotent = method in _REPEATABLE_METHODS
        url = self._resource(path)
        content, headers = None, {}
        if json is not None:
            content = msgspec.json.encode(json)
            headers = {"Content-Type": "application/json"}

        def send_as(token: Token) -> T:
            request = self._session.http.build_request(
                method,
                _on_origin(token, url),
                params=params,
                content=content,
                headers=headers | {"Authorization": f"Bearer {token.access_token}"},
            )
            answer = self._send(request)
            if not answer.is_success:
                raise _errors.to_error(answer, f"{method} {_shown(path)}")
            return read(answer)

        def may_repeat(error: Exception) -> bool:
            return (idempotent or _errors.not_run(error)) and passing(error)

        token = self._session.auth.token()
        try:
            return retrying(lambda: send_as(token), when=may_repeat, pause=self._pause)
        except SalesforceAuthError:  # refused unrun, so any verb may be sent again
            renewed = self._session.auth.renew(token)
        return retrying(lambda: send_as(renewed), when=may_repeat, pause=self._pause)

    def _send(self, request: httpx2.Request) -> Answer:
        self._stop_if_asked()
        left = self.calls_left
        if left is not None and left <= 0:
            raise SalesforceLimitError(
                "the API calls that this run may make are used up",
                hint="allow more (--max-calls), or run it again later: a part of the"
                " org's daily calls is always left for others",
            )
        for counter in self._counters:
            counter.add()
        answer = _wire.send(
            self._session.http, request, on_bytes=lambda _: self._stop_if_asked()
        )
        self._session.observe(answer)
        return answer

    def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until a stop is asked for."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._stop_if_asked()
            time.sleep(min(left, _STEP_SECONDS))  # noqa: TID251  several events to see

    def _stop_if_asked(self) -> None:
        if any(stop.is_set() for stop in self._stops):
            raise StoppedError("stopped before Salesforce had answered")

    def _resource(self, path: str) -> str:
        """Return an absolute path or URL for a path of this API version."""
        if path.startswith("services/"):
            return "/" + path  # as some job answers write it
        if path.startswith("/") or "://" in path:
            return path
        return f"/services/data/v{self.api_version}/{path}"

    def _negotiate_version(self) -> str:
        """Return the newest version that both sides know. Costs no API call."""
        session = self._session
        url = _on_origin(session.auth.token(), "/services/data")

        def attempt() -> Response:
            answer = _wire.send(session.http, session.http.build_request("GET", url))
            session.observe(answer)
            if not answer.is_success:
                raise _errors.to_error(answer, "GET /services/data")
            return Response.of(answer)

        answer = retrying(attempt, when=_errors.is_transient, pause=self._pause)
        known = [v.version for v in answer.decode(list[_Version])]
        newest = max(known, key=float, default=session.wanted_version)
        return min(newest, session.wanted_version, key=float)


class _Counter:
    """The calls of one scope, counted by threads, and how many it may make."""

    def __init__(
        self, max_calls: int | None = None, kept_for_others: float = 0.0
    ) -> None:
        self.value = 0
        self._max_calls = max_calls
        self._kept = kept_for_others
        self._lock = Lock()

    def add(self) -> None:
        with self._lock:
            self.value += 1

    def left(self, org_usage: tuple[int | None, int | None]) -> int | None:
        """Return how many calls may still be made, None without any limit."""
        own = None if self._max_calls is None else self._max_calls - self.value
        used, limit = org_usage
        if not self._kept or used is None or limit is None:
            return own
        shared = int(limit * (1 - self._kept)) - used
        return shared if own is None else min(own, shared)


class _Session:
    """What all clients of one session share."""

    def __init__(
        self, auth: Auth, wanted_version: str, timeout: float, max_connections: int
    ) -> None:
        self.auth = auth
        self.wanted_version = wanted_version
        self.version = ""
        self.version_lock = Lock()
        self.http = _wire.open_http(
            timeout_seconds=timeout, max_connections=max_connections
        )
        self.org_id = ""
        self.org_usage: tuple[int | None, int | None] = (None, None)
        self.clock: tuple[datetime, float] | None = None

    def observe(self, answer: Answer) -> None:
        """Note what the headers tell of the org's time and usage.

        Single assignments of whole tuples: no reader sees half of one.
        """
        date = _errors.http_date(answer.headers.get("date", ""))
        if date:
            self.clock = (date, time.monotonic())
        self.org_usage = _parse_limit_info(answer.headers) or self.org_usage


def _parse_limit_info(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return used and limit of ``api-usage=18/5000; per-app-api-usage=...``."""
    for part in headers.get("sforce-limit-info", "").split(";"):
        name, _, value = part.strip().partition("=")
        used, _, limit = value.partition("/")
        if name == "api-usage" and used.isdecimal() and limit.isdecimal():
            return int(used), int(limit)
    return None


def _on_origin(token: Token, target: str) -> httpx2.URL:
    """Return the URL of a path on the token's origin; refuse every other origin."""
    origin = httpx2.URL(token.instance_url)
    try:
        url = origin.join(target)
    except httpx2.InvalidURL as exc:
        raise SalesforceAPIError(
            "that is no address within the org", why=str(exc)
        ) from exc
    if (url.scheme, url.host, url.port) != (origin.scheme, origin.host, origin.port):
        raise SalesforceAPIError(
            f"refused to send the access token to {url.host}",
            hint=f"it belongs to {origin.host}",
        )
    return url


def _shown(path: str) -> str:
    """Return a path fit for a message: no query string, no version prefix."""
    return path.partition("?")[0].rpartition("/services/data/")[2]
