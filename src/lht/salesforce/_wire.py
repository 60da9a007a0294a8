"""One HTTP exchange: bytes out, bytes in, nothing interpreted but the transport."""

import functools
import logging
import os
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from lht import __version__
from lht.exceptions import ConfigError, SalesforceUnavailableError
from lht.salesforce._org_url import is_loopback


def _gzip_codec() -> tuple[Callable[..., Any], type[Exception]]:
    """Return what makes a decompressor, and its own error for a corrupt body."""
    try:
        from isal import isal_zlib
    except ImportError:  # platforms without isal wheels
        return zlib.decompressobj, zlib.error
    return isal_zlib.decompressobj, isal_zlib.error  # type: ignore[return-value]  # stub


_decompressor, _CodecError = _gzip_codec()
_GZIP = 31  # the window bits that stand for gzip
_DAMAGED = "something on the way damages answers: try again, or another network"
_PIECE_BYTES = 1 << 20  # at most, of a plain body
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
        return b"".join(Inflated(self.pieces) if self.gzipped else self.pieces)


@dataclass(frozen=True, slots=True)
class Inflated:
    """What a whole gzip body holds, piece by piece; inflated anew for each iteration.

    The pieces are good once the last one is there: the checksum comes at the end.

    Raises:
        SalesforceUnavailableError: It is cut short or corrupt; ask for it again.
    """

    wire: Sequence[bytes]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces."""
        if not any(self.wire):
            raise SalesforceUnavailableError(
                "an answer arrived empty that should not be", hint=_DAMAGED
            )
        try:
            yield from _inflated(self.wire)
        except (EOFError, _CodecError) as exc:
            raise SalesforceUnavailableError(
                "an answer arrived cut short or corrupt",
                why=str(exc),
                hint=_DAMAGED,
            ) from exc


def _inflated(wire: Sequence[bytes]) -> Iterator[bytes]:
    inflater = _decompressor(_GZIP)
    for came in wire:
        left, piece = came, b""
        while left or len(piece) == _PIECE_BYTES:
            if inflater.eof:  # a body may have several parts
                if not left:
                    break
                inflater = _decompressor(_GZIP)
            piece = inflater.decompress(left, _PIECE_BYTES)
            left = inflater.unconsumed_tail or inflater.unused_data
            yield piece
    if not inflater.eof:
        raise EOFError("it ends before its end marker")


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
