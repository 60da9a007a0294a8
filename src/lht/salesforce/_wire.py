"""One HTTP exchange: bytes out, bytes in, nothing interpreted but the transport."""

import functools
import gzip
import io
import logging
import os
import ssl
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from lht import __version__
from lht.exceptions import ConfigError, SalesforceUnavailableError
from lht.salesforce._org_url import is_loopback


def _gzip_codec() -> tuple[type[gzip.GzipFile], type[Exception]]:
    """Return what reads gzip, and its own error for a corrupt body."""
    try:
        from isal import igzip, isal_zlib
    except ImportError:  # platforms without isal wheels
        return gzip.GzipFile, zlib.error
    return igzip.IGzipFile, isal_zlib.error  # type: ignore[return-value]  # stub


_GzipFile, _CodecError = _gzip_codec()
_DAMAGED = "something on the way damages answers: try again, or another network"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer, its body as it came over the wire.

    A large body stays in the pieces that it came in: in one piece, glibc would keep
    room for the next such in each thread.
    """

    status: int
    headers: httpx2.Headers
    pieces: Sequence[bytes]

    @property
    def is_success(self) -> bool:
        """Whether the API did what was asked (a web page is never that)."""
        return httpx2.codes.is_success(self.status) and not self.is_html

    @property
    def wire(self) -> bytes:
        """The body in one piece."""
        return b"".join(self.pieces)

    @property
    def gzipped(self) -> bool:
        """Whether ``wire`` is gzip and not yet the plain body."""
        return self.headers.get("content-encoding", "").lower() == "gzip"

    @property
    def is_html(self) -> bool:
        """Whether a web page came instead of what the API sends."""
        return "html" in self.headers.get("content-type", "")

    def body(self) -> bytes:
        """Return the plain body, checked against the gzip trailer."""
        return opened(self.pieces).readall() if self.gzipped else self.wire


def opened(wire: Sequence[bytes]) -> io.RawIOBase:
    """Return what a gzip body holds, as a file.

    What is read of it is good once its end is reached: the checksum comes there.

    Args:
        wire: The body, in pieces.

    Raises:
        SalesforceUnavailableError: While it is opened or read: it is cut short or
            corrupt; ask for it again.
    """
    if not any(wire):
        raise SalesforceUnavailableError(
            "an answer arrived empty that should not be", hint=_DAMAGED
        )
    return _Inflated(wire)


class _Inflated(io.RawIOBase):
    def __init__(self, wire: Iterable[bytes]) -> None:
        self._file = _GzipFile(fileobj=Joined(wire), mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        try:
            return self._file.readinto(room)
        except (EOFError, OSError, _CodecError) as exc:
            raise SalesforceUnavailableError(
                "an answer arrived cut short or corrupt",
                why=str(exc),
                hint=_DAMAGED,
            ) from exc


class Joined(io.RawIOBase):
    """Pieces as one file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Read *pieces*, which stay as they are."""
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, room: Any) -> int:
        """Fill *room* as far as the pieces go; return how far, 0 at the end."""
        view, size = memoryview(room), 0
        while size < len(view):
            if not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._left = memoryview(piece)
            part = self._left[: len(view) - size]
            view[size : size + len(part)] = part
            self._left = self._left[len(part) :]
            size += len(part)
        return size


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return what all connections verify hosts with; costly to make."""
    try:
        return httpx2.create_ssl_context()
    except OSError as exc:
        raise _unusable(_TLS_VARIABLES, exc) from exc


def open_http(*, timeout_seconds: float, max_connections: int) -> httpx2.Client:
    """Return a connection pool that follows no redirects and proxies no loopback.

    Raises:
        ConfigError: A variable of the environment names a certificate or a proxy
            that cannot be used.
    """
    verify = _tls()
    try:
        return httpx2.Client(
            verify=verify,
            timeout=httpx2.Timeout(timeout_seconds, connect=min(10.0, timeout_seconds)),
            limits=httpx2.Limits(max_connections=max_connections),
            follow_redirects=False,
            headers={"Accept-Encoding": "gzip", "User-Agent": f"lht/{__version__}"},
            mounts={f"all://{host}": None for host in _LOOPBACK},
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as exc:
        raise _unusable(_PROXY_VARIABLES, exc) from exc


def _unusable(variables: Iterable[str], cause: Exception) -> ConfigError:
    """Return the error for settings of the environment; they may hold secrets."""
    names = [n for v in variables for n in (v, v.lower()) if os.environ.get(n)]
    return ConfigError(
        f"the environment cannot be used: {' or '.join(names)}",
        why=type(cause).__name__,
        hint="correct it or unset it; SOCKS proxies are not supported",
    )


def send(
    http: httpx2.Client,
    request: httpx2.Request,
    *,
    on_bytes: Callable[[int], None] | None = None,
) -> Answer:
    """Send a request and read its whole answer.

    Args:
        http: From :func:`open_http`.
        request: Complete with its headers.
        on_bytes: Told of the size of each piece as it arrives.

    Raises:
        SalesforceUnavailableError: No whole answer came.
    """
    pieces: list[bytes] = []
    try:
        response = http.send(request, stream=True)
        try:
            for piece in response.iter_raw():
                pieces.append(piece)
                if on_bytes:
                    on_bytes(len(piece))
        finally:
            response.close()
    except httpx2.TransportError as exc:
        here = is_loopback(request.url.host)
        raise SalesforceUnavailableError(
            f"no whole answer from {request.url.netloc.decode()}",
            why=str(exc) or type(exc).__name__,
            hint="is the local org running? It is started by: lht devorg serve"
            if here
            else "check the network, the proxy settings and the org's address",
        ) from exc
    return Answer(response.status_code, response.headers, pieces)


def never_sent(error: BaseException) -> bool:
    """Whether a transport error struck before anything was sent."""
    return isinstance(error.__cause__, _NOT_SENT)


def is_nobody_here(error: BaseException) -> bool:
    """Whether nothing listens at an address of this machine."""
    cause = error.__cause__
    if not isinstance(cause, httpx2.ConnectError):
        return False
    return is_loopback(cause.request.url.host)


class _WithoutQuery(logging.Filter):
    """httpx2 logs whole URLs; ours hold the users' filter values."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_query, record.args))
        return True


def _without_query(value: Any) -> Any:
    return value.copy_with(query=None) if isinstance(value, httpx2.URL) else value


logging.getLogger("httpx2").addFilter(_WithoutQuery())
