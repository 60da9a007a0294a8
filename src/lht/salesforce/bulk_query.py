"""Bulk API 2.0 query jobs: create, wait, fetch the pages, clean up.

Source: Bulk API 2.0 Developer Guide v66.0, "Query Jobs", read 2026-11-21.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar, overload
from urllib.parse import quote

from lht.exceptions import (
    BulkJobError,
    BulkRefusedError,
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceLimitError,
)
from lht.salesforce._bodies import Wire
from lht.salesforce._result_pages import (
    PageReader,
    ResultPage,
    listed_urls,
    one_after_the_other,
    side_by_side,
)
from lht.salesforce.client import Client, Response

T = TypeVar("T")

__all__ = [
    "QueryJob",
    "ResultPage",
    "abort_job",
    "create_job",
    "delete_ended_job",
    "delete_job",
    "iter_result_pages",
    "read_job",
    "wait_for_job",
]

_OPERATION = "queryAll"  # with the recycle bin
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 30.0
_WAIT_GROWTH = 1.5
_JITTER = 0.2  # part of a wait by which it is made longer or shorter

# What Salesforce's words at the creation of a job mean for us. Its codes alone do
# not tell (API_ERROR stands for several causes).
_OBJECT_WORDS = (
    "is not supported by the bulk api",
    "does not support query",
    "implementation restriction",
)
_FIELD_WORDS = (
    "compound data not supported",
    "aggregate relationships not supported",
    "cannot serialize value",
)
_QUOTA_WORDS = ("max bulk v2 query", "exceededquota")
_QUOTA_CODES = {"LIMIT_EXCEEDED", "EXCEEDEDQUOTA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryJob:
    """A query job as Salesforce last reported it."""

    id: str
    state: str  # Salesforce's own word
    api_version: str  # all requests about the job need the same one
    sobject: str
    created_at: str
    rows_processed: int = 0
    error_message: str | None = None

    @property
    def path(self) -> str:
        """The job's resource, in the job's own version."""
        return f"/services/data/v{self.api_version}/jobs/query/{self.id}"


def create_job(client: Client, soql: str) -> QueryJob:
    """Create a query job that reads the recycle bin and archived records too.

    It is not sent again after an error that leaves open whether a job exists.

    Raises:
        BulkRefusedError: Bulk does not do this object or field; REST may.
        SalesforceLimitError: A quota is used up; later it will work.
        SalesforceUnavailableError: There may or may not be a job now.
    """
    body = {
        "operation": _OPERATION,
        "query": soql,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    try:
        return _job(client.request("POST", "jobs/query", json=body))
    except SalesforceAPIError as exc:
        raise _refusal(exc) from exc


def read_job(
    client: Client, job_id: str, *, api_version: str | None = None
) -> QueryJob:
    """Return a job's present state.

    Args:
        client: Bound to the org that owns the job.
        job_id: 18-character id.
        api_version: The version the job was created with, if not the client's.
    """
    return _job(client.request("GET", _path(client, job_id, api_version)))


def wait_for_job(
    client: Client,
    job: QueryJob,
    *,
    deadline_seconds: float,
    on_state: Callable[[QueryJob, float], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,  # noqa: TID251  the poller's own
    monotonic: Callable[[], float] = time.monotonic,
) -> QueryJob:
    """Poll a job, with growing waits, until it is complete.

    Args:
        client: Bound to the org that owns the job.
        job: In any state.
        deadline_seconds: How long to wait at most.
        on_state: Told of the job and the seconds waited after every poll.
        sleep: Waits.
        monotonic: Tells the time.

    Returns:
        The job in state ``JobComplete``.

    Raises:
        BulkJobError: It failed, was aborted, or is not done in time. In the last
            case it goes on in the org, to be taken up by a later run.
    """
    started = monotonic()
    pause = _FIRST_WAIT_SECONDS
    while True:
        job = read_job(client, job.id, api_version=job.api_version)
        waited = monotonic() - started
        if on_state:
            on_state(job, waited)
        if job.state == "JobComplete":
            return job
        if job.state in {"Failed", "Aborted"}:
            raise _ended_badly(job)
        if waited >= deadline_seconds:
            raise _overdue(job, deadline_seconds)
        jittered = pause * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  no secret
        sleep(min(jittered, deadline_seconds - waited))
        pause = min(pause * _WAIT_GROWTH, _LONGEST_WAIT_SECONDS)


@overload
def iter_result_pages(
    client: Client,
    job: QueryJob,
    *,
    max_in_flight: int = 3,
    workers: int = 4,
) -> Iterator[ResultPage]: ...


@overload
def iter_result_pages(
    client: Client,
    job: QueryJob,
    *,
    transform: Callable[[ResultPage], T],
    max_in_flight: int = 3,
    workers: int = 4,
) -> Iterator[T]: ...


def iter_result_pages(
    client: Client,
    job: QueryJob,
    *,
    transform: Callable[[ResultPage], Any] = ResultPage.checked,
    max_in_flight: int = 3,
    workers: int = 4,
) -> Iterator[Any]:
    """Yield each result page of a complete job once, in any order.

    Pages are fetched and transformed by threads of its own, which end when the
    iteration ends, however it ends. A page that arrives cut or corrupt, or whose
    transformation raises ``RowCountMismatchError``, is fetched again, a few times.

    Args:
        client: Bound to the org that owns the job.
        job: In state ``JobComplete``.
        transform: Run on each page, by several threads at a time. A page is known
            to be undamaged once its ``body`` was read.
        max_in_flight: Pages transformed at the same time, the consumer's included;
            at least 2.
        workers: Connections that fetch pages. As many pages may wait as they came.

    Raises:
        BulkJobError: The job is not complete. Nothing was fetched.
        RowCountMismatchError: The pages do not add up to the job's own count.
    """
    if job.state != "JobComplete":
        raise BulkJobError(
            f"query job {job.id} is {job.state}: it has no result to fetch",
            job_id=job.id,
            state=job.state,
        )
    reader = PageReader(client, transform)
    urls = listed_urls(reader.client, job.path, job.api_version)
    with closing(
        one_after_the_other(reader, f"{job.path}/results")
        if urls is None
        else side_by_side(reader, urls, workers=workers, limit=max_in_flight - 1)
    ) as pages:
        seen = 0
        for page in pages:
            seen += page.rows
            if seen > job.rows_processed:
                break
            yield page.item
    if seen != job.rows_processed:
        raise RowCountMismatchError(
            f"query job {job.id} reported {job.rows_processed:,} rows, "
            f"its pages hold {seen:,}",
            hint="run it again",
            job_id=job.id,
        )


def delete_job(client: Client, job: QueryJob) -> None:
    """Delete a job that has ended, and its results. Gone already is fine."""
    try:
        client.request("DELETE", job.path, idempotent=True)
    except SalesforceAPIError as exc:
        if exc.status != HTTPStatus.NOT_FOUND:
            raise


def delete_ended_job(
    client: Client, job_id: str, *, api_version: str | None = None
) -> bool:
    """Delete a job unless it still runs; tell whether it is gone.

    The arguments are those of :func:`read_job`.
    """
    path = _path(client, job_id, api_version)
    try:
        client.request("DELETE", path, idempotent=True)
    except SalesforceAPIError as exc:
        if exc.status == HTTPStatus.BAD_REQUEST:
            return False
        if exc.status != HTTPStatus.NOT_FOUND:
            raise
    return True


def abort_job(client: Client, job: QueryJob) -> QueryJob:
    """Abort a job that has not ended; return its state, also if it had."""
    try:
        client.request("PATCH", job.path, json={"state": "Aborted"}, idempotent=True)
    except SalesforceAPIError as exc:
        if exc.error_code != "INVALIDJOBSTATE":
            raise
    return read_job(client, job.id, api_version=job.api_version)


def _path(client: Client, job_id: str, api_version: str | None) -> str:
    version = api_version or client.api_version
    return f"/services/data/v{version}/jobs/query/{quote(job_id, safe='')}"


class _Job(Wire, frozen=True):
    id: str
    state: str
    api_version: float
    object: str
    created_date: str
    number_records_processed: int = 0
    error_message: str | None = None


def _job(answer: Response) -> QueryJob:
    found = answer.decode(_Job)
    return QueryJob(
        id=found.id,
        state=found.state,
        api_version=f"{found.api_version:.1f}",
        sobject=found.object,
        created_at=found.created_date,
        rows_processed=found.number_records_processed,
        error_message=found.error_message,
    )


def _refusal(error: SalesforceAPIError) -> SalesforceAPIError:
    """Return what a refused job means: REST instead, later, or the error itself."""
    words = (error.why or "").lower()
    known: dict[str, Any] = {
        "status": error.status,
        "error_code": error.error_code,
        "why": error.why,
        "retry_after": error.retry_after,
    }
    if error.error_code in _QUOTA_CODES or any(w in words for w in _QUOTA_WORDS):
        return SalesforceLimitError(
            "the org's quota of bulk queries is used up",
            hint="it is counted over 24 hours: run it later",
            **known,
        )
    if error.error_code == "INVALIDENTITY" or any(w in words for w in _OBJECT_WORDS):
        return BulkRefusedError(
            "Bulk does not query this object", reason="object", **known
        )
    if any(w in words for w in _FIELD_WORDS):
        return BulkRefusedError(
            "Bulk does not return one of the fields", reason="field", **known
        )
    return error


def _ended_badly(job: QueryJob) -> BulkJobError:
    return BulkJobError(
        f"Salesforce ended query job {job.id} as {job.state}",
        job_id=job.id,
        state=job.state,
        rows_processed=job.rows_processed,
        why=job.error_message,
        hint="run it again, at a quieter hour if you can",
        sobject=job.sobject,
    )


def _overdue(job: QueryJob, deadline_seconds: float) -> BulkJobError:
    return BulkJobError(
        f"query job {job.id} is still {job.state} after {deadline_seconds:,.0f} s",
        job_id=job.id,
        state=job.state,
        rows_processed=job.rows_processed,
        hint="the job goes on in the org; a later run takes it up",
        sobject=job.sobject,
    )
