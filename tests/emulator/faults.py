"""Faults that orgs and networks have, and what a run must end with."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.emulator.scene import PAGE_ROWS

from lht.devorg.faults import (
    Changed,
    Corrupt,
    JobFailed,
    LostPage,
    Refused,
    RepeatedPage,
    RequestLimitExceeded,
    ServerTooBusy,
    WrongRows,
)
from lht.devorg.faults import Fault as Wrong
from lht.devorg.http.wire import Answer
from lht.sync.plan import Options

REST, BULK = Options(bulk_threshold=10**9), Options(force_bulk=True)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, on which way, and what the run must end with."""

    name: str
    wrong: Wrong
    options: Options
    code: str  # of the error
    exit_code: int
    same_job: bool = field(default=False)  # the next run goes on with the job


def page_from(row: int) -> str:
    """Return what the address of the result page has that begins with this row."""
    return f"locator={base64.b64encode(str(row).encode()).decode().rstrip('=')}"


def repeated_rows() -> RepeatedPage:
    """Let the second page hold the rows of the first."""
    return RepeatedPage(path="results", query=page_from(PAGE_ROWS))


def changed_json(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    """Change what the JSON of an answer says."""
    return lambda answer: replace(answer, body=change(json.loads(answer.content())))


def unreadable_value(secret: str) -> Changed:
    """Put a text where a number belongs."""

    def change(page: Any) -> Any:
        for record in page["records"]:
            record["AnnualRevenue"] = secret
        return page

    return Changed(path="query", query="AnnualRevenue", change=changed_json(change))


def faults() -> Iterator[Fault]:
    """Yield all faults that end a run."""
    mismatch = "row_count_mismatch"
    yield Fault("a page of another size", WrongRows(path="results"), BULK, mismatch, 1)
    yield Fault("a lost page", LostPage(path="result_pages"), BULK, mismatch, 1)
    yield Fault(
        "a page that is listed twice",
        RepeatedPage(path="result_pages"),
        BULK,
        mismatch,
        1,
    )
    yield Fault("rows that come twice", repeated_rows(), BULK, "duplicate_key", 1)
    yield Fault(
        "pages that stay corrupt",
        Corrupt(path="results", at_byte=1_500),
        BULK,
        "salesforce_unavailable",
        5,
        same_job=True,
    )
    yield Fault("a job that fails", JobFailed(), BULK, "bulk_job_failed", 1)
    yield Fault(
        "no bulk jobs left",
        Refused(
            path="create_job",
            status=400,
            code="LIMIT_EXCEEDED",
            message="Max bulk v2 query jobs (10000) per 24 hrs has been reached",
        ),
        BULK,
        "salesforce_limit",
        5,
    )
    yield Fault(
        "no calls left in the midst",
        RequestLimitExceeded(path="results"),
        BULK,
        "salesforce_limit",
        5,
        same_job=True,
    )
    yield Fault("another total", WrongRows(path="pages"), REST, mismatch, 1)
    yield Fault(
        "no calls left among the pages",
        RequestLimitExceeded(path="more"),
        REST,
        "salesforce_limit",
        5,
    )
    yield Fault(
        "an org that is down among the pages",
        ServerTooBusy(path="more"),
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
