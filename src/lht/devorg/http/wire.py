"""What comes in and what goes out: requests and answers as plain values."""

import base64
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from lht.devorg.errors import OrgError

T = TypeVar("T")
Json = dict[str, Any]

JSON_TYPE = "application/json;charset=UTF-8"

_MOST_DIGITS = 18


@dataclass(frozen=True, kw_only=True)
class Session:
    """One login; ``token`` is what requests carry."""

    token: str
    user_id: str
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, as the handlers see it.

    ``segments`` are the parts of the path that the route names. ``version`` is the
    path's API version such as ``62.0``. Header names are lower-case.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = ""
    from_loopback: bool = False
    segments: Mapping[str, str] = field(default_factory=dict)
    session: Session | None = None

    @property
    def version(self) -> str:
        """The API version in the path."""
        return self.segments["version"]

    @property
    def base(self) -> str:
        """The path of the API version's resources."""
        return f"/services/data/v{self.version}"

    @property
    def user_id(self) -> str:
        """Who is asking."""
        if self.session is None:
            raise bad_session()
        return self.session.user_id

    def required(self, name: str) -> str:
        """Return a query parameter that the resource cannot do without.

        Raises:
            OrgError: It is missing.
        """
        try:
            return self.params[name]
        except KeyError:
            message = f"Required parameter missing: {name}"
            raise OrgError(400, "MISSING_ARGUMENT", message) from None

    def json(self, shape: type[T]) -> T:
        """Return the body's JSON, which must have the given shape.

        Raises:
            OrgError: UNSUPPORTED_MEDIA_TYPE or JSON_PARSER_ERROR.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = f"Content type is not supported: '{kind}'"
            raise OrgError(415, "UNSUPPORTED_MEDIA_TYPE", message)
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise OrgError(400, "JSON_PARSER_ERROR", str(exc)) from exc


@dataclass(frozen=True)
class Answer:
    """One answer: status, body and headers.

    ``body`` is anything that becomes JSON, raw bytes, an iterator of bytes that are
    sent piece by piece (chunked), or None for no body at all. ``on_wire`` is what
    becomes of the body's bytes on their way.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    on_wire: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]] | None = None

    def content(self) -> bytes:
        """Return the body's bytes."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else _encoder.encode(self.body)

    def with_headers(self, headers: Mapping[str, str]) -> "Answer":
        """Return the answer with further headers; its own win."""
        return replace(self, headers={**headers, **self.headers})


_encoder = msgspec.json.Encoder()


def error_answer(error: OrgError, *, code_first: bool = False) -> Answer:
    """Render an error as REST does, or as Bulk does, which tells the code first."""
    entries = error.body()
    if code_first:
        entries = [{"errorCode": entry["errorCode"], **entry} for entry in entries]
    return Answer(error.status, entries)


def bad_session() -> OrgError:
    """Refuse a request whose token is missing, wrong or no longer good."""
    return OrgError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def bad_header() -> OrgError:
    """Refuse an Authorization header without a token, or of another scheme."""
    return OrgError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")


def inflate(body: bytes) -> bytes:
    """Unpack a body sent with ``Content-Encoding: gzip``."""
    try:
        return zlib.decompress(body, wbits=31)
    except zlib.error as exc:
        message = "The request body is not valid gzip"
        raise OrgError(400, "JSON_PARSER_ERROR", message) from exc


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a request takes a gzip body; header names are lower-case."""
    return "gzip" in headers.get("accept-encoding", "").lower()


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the token that a request carries; header names are lower-case."""
    return headers.get("authorization", "").partition(" ")[2].strip()


def boolean(text: str) -> bool:
    """Read a boolean query parameter."""
    return text.lower() == "true"


def read_digits(digits: str) -> int:
    """Read digits, any number of them: what is too long is just very many."""
    digits = digits.lstrip("0")
    return int(digits or 0) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Read a Basic Authorization header."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except ValueError:  # of the base64, or of the text in it
        return None
    name, _, secret = text.partition(":")
    return name, secret
