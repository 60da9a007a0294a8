"""Requests inside a request: what ``/composite`` and ``/composite/batch`` share."""

import re
from collections.abc import Callable, Mapping, Sized
from urllib.parse import parse_qsl, quote

import msgspec

from lht.devorg.errors import OrgError
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call

# Source: REST API Developer Guide, "Composite" and "Composite Batch".
MAX_SUBREQUESTS = 25

Dispatch = Callable[[Service, Call], Answer]
"""What finds the handler of a request and lets it answer."""

_VERSION = re.compile(r"/services/data/v(\d+\.\d+)/")
_NO_HEADERS: Mapping[str, str] = {}


def check_count(requests: Sized) -> None:
    """Refuse more sub-requests than one request may hold.

    Raises:
        OrgError: LIMIT_EXCEEDED.
    """
    if len(requests) > MAX_SUBREQUESTS:
        raise too_many(f"{MAX_SUBREQUESTS} subrequests")


def too_many(what: str) -> OrgError:
    """Refuse a request that holds more than it may."""
    return OrgError(400, "LIMIT_EXCEEDED", f"Limit of {what} exceeded")


def version_of(url: str) -> str | None:
    """Return the API version of a sub-request's URL."""
    found = _VERSION.match(url)
    return found[1] if found else None


def make_call(
    call: Call,
    method: str,
    url: str,
    body: object = None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Call:
    """Make a sub-request the request that it stands for, by the same caller.

    White space in its URL need not be encoded.
    """
    path, _, query = url.partition("?")
    own = {name.lower(): text for name, text in headers.items()}
    return Call(
        method=method,
        path=quote(path, safe="/%"),
        params=dict(parse_qsl(query, keep_blank_values=True)),
        headers={"content-type": "application/json", **own},
        body=b"" if body is None else msgspec.json.encode(body),
        origin=call.origin,
        session=call.session,
    )


def is_error(found: Answer) -> bool:
    """Whether a sub-request failed; several records for one key are a failure too."""
    return found.status >= 400 or found.status == 300
