"""Faults that orgs and networks have, as changes of answers on the wire."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.emulator.wire import Exchange

from lht.sync.plan import Options

Tamper = Callable[[Exchange], None]

REST, BULK = Options(bulk_threshold=10**9), Options(force_bulk=True)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, on which way, and what the run must end with."""

    name: str
    tamper: Callable[[], Tamper]  # makes one for each use
    options: Options
    code: str  # of the error
    exit_code: int
    same_job: bool = field(default=False)  # the next run goes on with the job


def is_records(exchange: Exchange) -> bool:
    return "/queryAll?" in exchange.path or "/query/01g" in exchange.path


def is_result(exchange: Exchange) -> bool:
    return exchange.method == "GET" and "/results" in exchange.path


def wrong_count() -> Tamper:
    """Say of each page that it has one record more than it has."""

    def tamper(exchange: Exchange) -> None:
        if is_result(exchange):
            rows = int(exchange.headers["sforce-numberofrecords"])
            exchange.headers["sforce-numberofrecords"] = str(rows + 1)

    return tamper


def corrupt(times: float = float("inf")) -> Callable[[], Tamper]:
    """Damage one byte in the middle of result pages, some times or always."""

    def make() -> Tamper:
        numbers = count()

        def tamper(exchange: Exchange) -> None:
            if is_result(exchange) and next(numbers) < times:
                body = bytearray(exchange.body)
                body[len(body) // 2] ^= 0xFF
                exchange.body = bytes(body)

        return tamper

    return make


def lost_page() -> Tamper:
    """Leave the first page out of the list of pages."""
    return _changed_listing(lambda pages: pages[1:])


def repeated_page() -> Tamper:
    """List the first page in the place of the second, too."""
    return _changed_listing(lambda pages: [pages[0], pages[0], *pages[2:]])


def repeated_rows() -> Tamper:
    """Let the second page hold the rows of the first."""

    def alike(page: dict[str, str]) -> dict[str, str]:
        return {"resultUrl": page["resultUrl"] + "&again=1"}

    return _changed_listing(lambda pages: [pages[0], alike(pages[0]), *pages[2:]])


def _changed_listing(change: Callable[[list[Any]], list[Any]]) -> Tamper:
    def tamper(exchange: Exchange) -> None:
        if exchange.path.endswith("/resultPages"):
            listing = json.loads(exchange.body)
            listing["resultPages"] = change(listing["resultPages"])
            exchange.body = json.dumps(listing).encode()

    return tamper


def failed_job() -> Tamper:
    """Let Salesforce fail the job."""

    def tamper(exchange: Exchange) -> None:
        if exchange.method == "GET" and re.search(
            r"/jobs/query/\w{18}$", exchange.path
        ):
            job = json.loads(exchange.body)
            reason = "QUERY_TIMEOUT: Your query request was running for too long."
            job |= {"state": "Failed", "errorMessage": reason}
            exchange.body = json.dumps(job).encode()

    return tamper


def refusal(part: str, status: int, code: str, message: str) -> Callable[[], Tamper]:
    """Refuse requests whose path has *part* in it."""

    def tamper(exchange: Exchange) -> None:
        if part in exchange.path:
            exchange.status = status
            exchange.headers = {"content-type": "application/json;charset=UTF-8"}
            body = [{"message": message, "errorCode": code}]
            exchange.body = json.dumps(body).encode()

    return lambda: tamper


def wrong_total() -> Tamper:
    """Say of a query that it found one record more than it sends."""

    def tamper(exchange: Exchange) -> None:
        if is_records(exchange):
            page = _take_page(exchange)
            page["totalSize"] += 1
            exchange.body = json.dumps(page).encode()

    return tamper


def _take_page(exchange: Exchange) -> Any:
    """Return the body of an answer, which is plain from here on."""
    packed = exchange.headers.pop("content-encoding", None) == "gzip"
    return json.loads(gzip.decompress(exchange.body) if packed else exchange.body)


def unreadable_value(secret: str) -> Callable[[], Tamper]:
    """Put a text where a number belongs."""

    def tamper(exchange: Exchange) -> None:
        if is_records(exchange):
            page = _take_page(exchange)
            for record in page["records"]:
                record["AnnualRevenue"] = secret
            exchange.body = json.dumps(page).encode()

    return lambda: tamper


def faults() -> Iterator[Fault]:
    """Yield all faults that end a run."""
    mismatch = "row_count_mismatch"
    yield Fault("a page of another size", wrong_count, BULK, mismatch, 1)
    yield Fault("a lost page", lost_page, BULK, mismatch, 1)
    yield Fault("a page that is listed twice", repeated_page, BULK, mismatch, 1)
    yield Fault("rows that come twice", repeated_rows, BULK, "duplicate_key", 1)
    yield Fault(
        "pages that stay corrupt", corrupt(), BULK, "salesforce_unavailable", 5, True
    )
    yield Fault("a job that fails", failed_job, BULK, "bulk_job_failed", 1)
    yield Fault(
        "no bulk jobs left",
        refusal("/jobs/query", 400, "LIMIT_EXCEEDED", "Max bulk v2 query jobs"),
        BULK,
        "salesforce_limit",
        5,
    )
    yield Fault(
        "no calls left in the midst",
        refusal("/results", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit"),
        BULK,
        "salesforce_limit",
        5,
        True,
    )
    yield Fault("another total", wrong_total, REST, mismatch, 1)
    yield Fault(
        "no calls left among the pages",
        refusal("/query/01g", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit"),
        REST,
        "salesforce_limit",
        5,
    )
    yield Fault(
        "an org that is down among the pages",
        refusal("/query/01g", 503, "SERVER_UNAVAILABLE", "The server is busy"),
        REST,
        "salesforce_unavailable",
        5,
    )
    yield Fault(
        "text where a number belongs",
        unreadable_value("not a number"),
        REST,
        "unencodable_value",
        1,
    )
