"""Answers only where something changed, writes only where nothing did.

Source: REST API Developer Guide, "Conditional Request Headers". Describes take dates
and tags, records take dates, records of Account take tags too.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from lht.devorg.errors import OrgError
from lht.devorg.http.wire import Answer, Call, Json, error_answer
from lht.devorg.metadata import SObject
from lht.devorg.store.tables import Row

_TAGGED = frozenset({"Account"})
"""Whose records have tags."""

_HEADERS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_TAGS = re.compile(r'\s*(?:\*|(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*)\s*')
_TAG = re.compile(r'"([^"]*?)(?:-gzip)?"')


def asks(call: Call) -> bool:
    """Whether a request has a condition."""
    return any(name in call.headers for name in _HEADERS)


def answer_metadata(
    call: Call, changed: datetime, render: Callable[[], Json]
) -> Answer:
    """Answer with a describe, or 304 where the caller has it already."""
    changed = changed.replace(microsecond=0)  # finer than headers can tell
    tag = hashlib.blake2s(changed.isoformat().encode(), digest_size=4).hexdigest()
    headers = _validators(changed, tag)
    refusal = _refuse(call, changed, tag)
    return refusal.with_headers(headers) if refusal else Answer(200, render(), headers)


def answer_record(
    call: Call, sobject: SObject, row: Row, read: Callable[[], Json]
) -> Answer:
    """Answer with a record, or 304 where the caller has it already."""
    changed, tag = _changed_at(row), _tag(sobject, row)
    headers = _validators(changed, tag)
    refusal = _refuse(call, changed, tag)
    return refusal.with_headers(headers) if refusal else Answer(200, read(), headers)


def check_write(call: Call, sobject: SObject, row: Row) -> None:
    """Refuse a change under a condition that does not hold.

    Raises:
        OrgError: 412, or 400 where a condition cannot be read.
    """
    for name in ("if-match", "if-none-match"):
        if name in call.headers and not _TAGS.fullmatch(call.headers[name]):
            raise _unreadable(name)
    since = "if-unmodified-since"
    if since in call.headers and _read_date(call.headers, since) is None:
        raise _unreadable(since)
    if _is_stale(call, _changed_at(row), _tag(sobject, row)):
        raise _failed()


def _refuse(call: Call, changed: datetime | None, tag: str | None) -> Answer | None:
    """Return what a reader gets instead of an answer, if so."""
    if _is_stale(call, changed, tag):
        return error_answer(_failed())
    if tag and "if-none-match" in call.headers:  # which counts more than a date
        same = _matches(call.headers["if-none-match"], tag)
    else:
        since = _read_date(call.headers, "if-modified-since")
        same = bool(since and changed and changed <= since)
    return Answer(304) if same else None


def _is_stale(call: Call, changed: datetime | None, tag: str | None) -> bool:
    """Whether what the caller knows is not what there is."""
    if tag and "if-match" in call.headers:
        return not _matches(call.headers["if-match"], tag)
    since = _read_date(call.headers, "if-unmodified-since")
    return bool(since and changed and changed > since)


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in _TAG.findall(header)


def _read_date(headers: Mapping[str, str], name: str) -> datetime | None:
    """Read a header's date; one that is none does not count."""
    try:
        moment = parsedate_to_datetime(headers[name])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _changed_at(row: Row) -> datetime | None:
    moment = row.get("LastModifiedDate") or row.get("SystemModstamp")
    return moment.replace(tzinfo=UTC) if moment else None


def _tag(sobject: SObject, row: Row) -> str | None:
    """Return the tag of a record's content, where its object has tags."""
    if sobject.name not in _TAGGED:
        return None
    text = repr(sorted(row.items())).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.blake2s(text, digest_size=20).digest()).decode()


def _validators(changed: datetime | None, tag: str | None) -> dict[str, str]:
    headers = {
        "ETag": tag and f'"{tag}"',
        "Last-Modified": changed and format_datetime(changed, usegmt=True),
    }
    return {name: text for name, text in headers.items() if text}


def _failed() -> OrgError:
    text = "The precondition of the request is not met"
    return OrgError(412, "PRECONDITION_FAILED", text)


def _unreadable(name: str) -> OrgError:
    return OrgError(400, "INVALID_HEADER", f"Invalid value of the header {name}")
