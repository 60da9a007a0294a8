"""Salesforce's error answers, translated once into our error tree.

Source: REST API Developer Guide, "Status Codes and Error Responses", API v62.0;
bodies observed in public threads for the edge's own answers (406, 420, 429, HTML).
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2
import msgspec

from lht.exceptions import (
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.salesforce._wire import Answer, never_sent

_EDGE_BUSY = {406, 420, 429}  # the edge refused, the org has not seen the request
_REFUSED_UNRUN = {403, 420, 429}
_OVERLOADED = {
    "SERVER_UNAVAILABLE",
    "TXN_SECURITY_METERING_ERROR",
    "UNABLE_TO_LOCK_ROW",
}
_REDIRECTS = {301, 302, 303, 307, 308}
_NOT_FOUND = HTTPStatus.NOT_FOUND
_MAX_TEXT = 500  # characters of foreign text in an error

_HINTS = {
    "INVALID_SESSION_ID": "log in again, or give credentials that lht can renew",
    "API_DISABLED_FOR_ORG": "enable the API for the org and for the run-as user",
    "REQUEST_LIMIT_EXCEEDED": "the API calls of 24 hours are used up; run it later",
    "INVALID_FIELD": "the field does not exist, or the run-as user may not see it",
    "INVALID_TYPE": "the object does not exist, or the run-as user may not see it",
    "QUERY_TIMEOUT": "narrow the filter, or let the Bulk API do it",
    "MALFORMED_QUERY": "check the filter: it is passed to Salesforce as it is",
}

_LATER = "Salesforce is busy or down: run it again later (status.salesforce.com)"


class _Item(msgspec.Struct, frozen=True):
    """One error, in any of the shapes Salesforce has for it."""

    message: str | None = None
    errorCode: str | None = None  # noqa: N815  the wire's own name
    error: str | None = None
    error_description: str | None = None


def to_error(answer: Answer, what: str) -> SalesforceError:
    """Return the error of our tree for an answer that is not a success.

    Args:
        answer: With its body whole.
        what: The request in words without secrets, e.g. ``GET limits``.
    """
    code, text = read_error(answer)
    kind = _classify(answer, code, text)
    named = f"{answer.status} {code}" if code else f"HTTP {answer.status}"
    return kind(
        f"Salesforce {_verb(kind)} {what} ({named})",
        status=answer.status,
        error_code=code or None,
        why=text or None,
        hint=_hint(answer, code) or (_LATER if kind.transient else None),
        retry_after=retry_after(answer),
    )


def read_error(answer: Answer) -> tuple[str, str]:
    """Return Salesforce's error code and words; empty where there are none."""
    try:
        items = msgspec.json.decode(answer.body(), type=list[_Item] | _Item)
    except (msgspec.DecodeError, SalesforceUnavailableError):
        return "", _page_title(answer)
    first = items if isinstance(items, _Item) else next(iter(items), _Item())
    words = first.message or first.error_description or ""
    return first.errorCode or first.error or "", without_query(words)


def without_query(text: str) -> str:
    """Return an error text without the part of the query that it repeats.

    Salesforce prints the query around the mistake, literals included.
    """
    position = text.find("ERROR at Row:")
    shown = text[position:] if position > 0 else text
    return " ".join(shown.split())[:_MAX_TEXT]


def retry_after(answer: Answer) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks to wait."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    until = http_date(value)
    if until is None:
        return None
    now = http_date(answer.headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def http_date(value: str) -> datetime | None:
    """Return the aware UTC instant of an HTTP date, None if it is not one."""
    try:
        parsed = parsedate_to_datetime(value)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed a moment later."""
    return isinstance(error, SalesforceError) and error.transient


def not_run(error: Exception) -> bool:
    """Whether the failed request certainly had no effect, so may be sent again."""
    return getattr(error, "status", None) in _REFUSED_UNRUN or never_sent(error)


def _classify(answer: Answer, code: str, text: str) -> type[SalesforceError]:
    status = answer.status
    if code == "REQUEST_LIMIT_EXCEEDED":
        concurrent = text.startswith("Concurrent")
        return SalesforceUnavailableError if concurrent else SalesforceLimitError
    if status == HTTPStatus.UNAUTHORIZED:
        return SalesforceAuthError
    if httpx2.codes.is_server_error(status) or status in _EDGE_BUSY:
        return SalesforceUnavailableError
    if answer.is_html and (httpx2.codes.is_success(status) or status == _NOT_FOUND):
        return SalesforceUnavailableError  # a maintenance page
    return SalesforceUnavailableError if code in _OVERLOADED else SalesforceAPIError


def _verb(kind: type[SalesforceError]) -> str:
    return "could not answer" if kind.transient else "refused"


def _hint(answer: Answer, code: str) -> str | None:
    if answer.status in _REDIRECTS:
        return "use the org's own My Domain URL: lht follows no redirects"
    return _HINTS.get(code)


def _page_title(answer: Answer) -> str:
    """Return the title of a web page, the only part of it worth showing."""
    if not answer.is_html and not answer.wire.lstrip().startswith(b"<"):
        return ""
    page = answer.wire[:4096].decode("utf-8", "replace")
    found = re.search(r"<(title|h1)[^>]*>([^<]*)", page, re.IGNORECASE)
    return without_query(found.group(2)) if found else ""
