"""Several reads as one API call: ``POST /composite``.

``/composite/batch`` looks alike, but there each of the reads counts as a call.

Source: REST API Developer Guide, "Send Multiple Requests Using Composite" and
"Composite Batch", API v62.0, read 2026-11-21.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, TypeVar

import httpx2
import msgspec

from lht.exceptions import (
    SalesforceAuthError,
    SalesforceLimitError,
    SalesforceUnavailableError,
)
from lht.salesforce import _errors
from lht.salesforce._bodies import read_json
from lht.salesforce._wire import Answer
from lht.salesforce.client import Client, Response

T = TypeVar("T")

MAX_READS: Final = 25  # in one call; Source: as above
_PASSING = (SalesforceAuthError, SalesforceLimitError, SalesforceUnavailableError)


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back for several paths; what is worth asking again is not in it."""

    asked_at: datetime  # Salesforce's time just before, aware UTC
    by_path: dict[str, Answer]


class Held:
    """Reads as a client does, and takes answers that have come already, each once.

    What is not among them is asked for, so that nothing depends on their coming.
    """

    def __init__(self, client: Client, answers: Answers) -> None:
        self._client = client
        self._answers = answers

    def server_now(self) -> datetime:
        """Return the time for which the answers were asked, aware UTC."""
        return self._answers.asked_at

    def request(self, method: str, path: str) -> Response:
        """Return the answer that is held for a path, else that of the org.

        Raises:
            SalesforceError: As the same request to the org would.
        """
        answer = self._answers.by_path.pop(path.lower(), None)
        if answer is None:
            return self._client.request(method, path)
        if not answer.is_success:
            raise _errors.to_error(answer, f"{method} {path.partition('?')[0]}")
        return Response.of(answer)


def read_all(client: Client, paths: Sequence[str], *, now: datetime) -> Answers:
    """Ask for several paths with one call.

    Args:
        client: Bound to the org.
        paths: Relative to the version, each once, up to ``MAX_READS``.
        now: The org's time, see :meth:`Client.server_now`.

    Raises:
        SalesforceError: None of them was answered; one by one they may be.
    """
    base = f"/services/data/v{client.api_version}/"
    names = {f"read{at}": path for at, path in enumerate(paths)}
    urls = {name: base + path for name, path in names.items()}
    found = exchange(client, urls, read=dict)
    usable = {n: found[n] for n in names if n in found and _is_final(found[n])}
    return Answers(now, {names[n].lower(): answer for n, answer in usable.items()})


def exchange(
    client: Client,
    urls: Mapping[str, str],
    *,
    read: Callable[[Mapping[str, Answer]], T],
) -> T:
    """Send GET requests as one call and return what ``read`` makes of the answers.

    After a transient error, ``read``'s own included, they are sent again.

    Args:
        client: Bound to the org.
        urls: By names of letters and digits; absolute on the org's origin.
        read: Gets the answers by name, errors among them.
    """

    def read_parts(answer: Answer) -> T:
        return read({p.name: _answer(p) for p in read_json(answer.body(), _Parts).all})

    return client.exchange(
        "POST",
        "composite",
        json={
            "compositeRequest": [
                {"method": "GET", "url": url, "referenceId": name}
                for name, url in urls.items()
            ]
        },
        read=read_parts,
        idempotent=True,  # it only reads
    )


class _Part(msgspec.Struct, frozen=True):
    body: msgspec.Raw
    status: int = msgspec.field(name="httpStatusCode")
    name: str = msgspec.field(name="referenceId")


class _Parts(msgspec.Struct, frozen=True):
    all: tuple[_Part, ...] = msgspec.field(name="compositeResponse")


def _answer(part: _Part) -> Answer:
    return Answer(part.status, httpx2.Headers(), (bytes(part.body),))


def _is_final(answer: Answer) -> bool:
    """Whether asking again would bring the same."""
    if answer.status == HTTPStatus.OK:
        return answer.wire.lstrip().startswith(b"{")
    return not isinstance(_errors.to_error(answer, ""), _PASSING)
