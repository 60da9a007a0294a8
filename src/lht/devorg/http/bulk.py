"""Bulk API 2.0 query jobs.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Query".
"""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from lht.devorg import errors
from lht.devorg.errors import OrgError
from lht.devorg.http.jobs import DELIMITERS, LINE_ENDINGS, Job, JobRequest
from lht.devorg.http.service import Service
from lht.devorg.http.spool import Page, compress
from lht.devorg.http.wire import Answer, Call, Json, accepts_gzip
from lht.devorg.render import json_datetime
from lht.devorg.soql import Compiled, Query, compile_query, is_grouped, parse

PAGES_AT_ONCE = 5
JOBS_AT_ONCE = 1_000
RESULT_PAGES_SINCE = 58

_RUNNING = {"UploadComplete", "InProgress"}


def create_job(service: Service, call: Call) -> Answer:
    """Answer ``POST /jobs/query``."""
    body = call.json(Json)
    operation = _choice(body, "operation", ("query", "queryAll"), None)
    _choice(body, "contentType", ("CSV",), "CSV")
    delimiter = _choice(body, "columnDelimiter", DELIMITERS, "COMMA")
    line_ending = _choice(body, "lineEnding", LINE_ENDINGS, "LF")
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _api_error("Query is required for a query job")
    compiled = _compile(service, query, call.user_id, all_rows=operation == "queryAll")
    service.jobs.meter.count(lambda: _too_many_jobs(service.jobs.meter.limit))
    request = JobRequest(
        compiled=compiled,
        operation=operation,
        user_id=call.user_id,
        version=call.version,
        delimiter=delimiter,
        line_ending=line_ending,
    )
    job = service.jobs.make(request)
    created = _brief(job)  # before the job gets any further
    service.jobs.start(job)
    return Answer(body=created)


def _too_many_jobs(limit: int) -> OrgError:
    message = f"Max bulk v2 query jobs ({limit}) per 24 hrs has been reached"
    return OrgError(400, "LIMIT_EXCEEDED", message)


def _choice(body: Json, name: str, allowed: Any, default: str | None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        raise _api_error(f"Invalid value for {name}: {value}")
    return value


def _compile(service: Service, text: str, user_id: str, *, all_rows: bool) -> Compiled:
    """Compile a query that Bulk takes; what it does not, it refuses right here."""
    query = parse(text)
    metadata = service.store.metadata
    sobject = metadata.by_name.get(query.sobject.text.lower())
    if sobject is not None and not sobject.bulk:
        message = f"Entity '{sobject.name}' is not supported by the Bulk API."
        raise OrgError(400, "INVALIDENTITY", message)
    _refuse_shape(query)
    today = service.clock.now().date()
    compiled = compile_query(
        query,
        metadata,
        all_rows=all_rows,
        today=today,
        user_id=user_id,
    )
    if any(column.field.parts for column in compiled.columns):
        raise _api_error("Selecting compound data not supported in Bulk Query")
    return compiled


def _refuse_shape(query: Query) -> None:
    """Refuse what a query may be elsewhere.

    Source: Bulk API 2.0 and Bulk API Developer Guide, "Queries".
    """
    if any(query.children):
        raise _api_error(
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content "
            "type"
        )
    if query.is_count or is_grouped(query):
        raise _api_error("Aggregate Relationships not supported in Bulk Query")
    if query.offset is not None:
        raise _api_error("OFFSET is not supported in Bulk Query")
    if any(query.variants):
        raise _api_error("TYPEOF is not supported in Bulk Query")
    if any(call.function == "FIELDS" for call in query.calls):
        raise OrgError(
            400,
            "MALFORMED_QUERY",
            "The SOQL FIELDS function is not supported with an unbounded set of fields "
            "in this API.",
        )


def _api_error(message: str) -> OrgError:
    return OrgError(400, "API_ERROR", message)


def _brief(job: Job) -> Json:
    """Render a job as its creation answers."""
    return {
        "id": job.id,
        "operation": job.request.operation,
        "object": job.request.compiled.sobject.name,
        "createdById": job.request.user_id,
        "createdDate": _instant(job.created_at),
        "systemModstamp": _instant(job.modified_at),
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.request.version),
        "lineEnding": job.request.line_ending,
        "columnDelimiter": job.request.delimiter,
    }


def _listed(job: Job) -> Json:
    """Render a job as lists show it: with its type, before the line ending."""
    rendered = {}
    for key, value in _brief(job).items():
        if key == "lineEnding":
            rendered["jobType"] = "V2Query"
        rendered[key] = value
    return rendered


def _full(job: Job) -> Json:
    rendered = _listed(job)
    done = rendered["state"] == "JobComplete"
    rendered |= {
        "numberRecordsProcessed": job.rows if done else 0,
        "retries": 0,
        "totalProcessingTime": round(job.seconds * 1000),
        "isPkChunkingSupported": True,
    }
    if rendered["state"] == "Failed":
        rendered["errorMessage"] = job.error_message
    return rendered


def _instant(moment: datetime) -> str:
    whole = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return json_datetime(whole)


def read_job(service: Service, call: Call) -> Answer:
    """Answer ``GET /jobs/query/ID``."""
    return Answer(body=_full(service.jobs.find(call.segments["id"])))


def abort_job(service: Service, call: Call) -> Answer:
    """Answer ``PATCH /jobs/query/ID``."""
    job = service.jobs.find(call.segments["id"])
    if call.json(Json).get("state") != "Aborted":
        raise _api_error("A query job's state can only be changed to Aborted")
    if job.state not in _RUNNING:
        text = "Aborting already Completed Job not allowed"
        raise OrgError(400, "INVALIDJOBSTATE", text)
    job.aborted = True
    job.modified_at = service.clock.now()
    return Answer(body=_brief(job))


def delete_job(service: Service, call: Call) -> Answer:
    """Answer ``DELETE /jobs/query/ID``."""
    job = service.jobs.find(call.segments["id"])
    if job.state in _RUNNING:
        raise _api_error(
            "Error encountered when deleting the job because the job is not terminated"
        )
    service.jobs.delete(job)
    return Answer(204)


def list_jobs(service: Service, call: Call) -> Answer:
    """Answer ``GET /jobs/query``."""
    jobs = service.jobs.all()
    if call.params.get("jobType", "V2Query") != "V2Query":
        jobs = []
    if call.params.get("concurrencyMode", "parallel").lower() != "parallel":
        jobs = []
    start = read_locator(call.params.get("queryLocator"))
    end = start + JOBS_AT_ONCE
    done = end >= len(jobs)
    following = (
        None if done else f"{call.base}/jobs/query?queryLocator={make_locator(end)}"
    )
    return Answer(
        body={
            "done": done,
            "records": [_listed(job) for job in jobs[start:end]],
            "nextRecordsUrl": following,
        }
    )


def read_results(service: Service, call: Call) -> Answer:
    """Answer ``GET /jobs/query/ID/results``: one page, or as much of it as asked."""
    job = _finished(service, call)
    first = read_locator(call.params.get("locator"))
    page = next((p for p in job.pages if p.first <= first < max(p.end, 1)), None)
    if page is None:
        raise _bad_locator()
    rows = min(page.end - first, _max_records(call) or page.rows)
    end = first + rows
    headers = {
        "Content-Type": "text/csv; charset=UTF-8",
        "Sforce-NumberOfRecords": str(rows),
        "Sforce-Locator": make_locator(end) if end < job.rows else "null",
    }
    gzip = accepts_gzip(call.headers)
    if gzip:
        headers["Content-Encoding"] = "gzip"
    return Answer(200, _page_body(page, first, rows, gzip=gzip), headers)


def _page_body(page: Page, first: int, rows: int, *, gzip: bool) -> Iterator[bytes]:
    """Return the body in pieces: an org does not know its length beforehand, either."""
    if rows == page.rows:
        return page.compressed() if gzip else page.plain()
    part = page.part(first, rows)
    return iter([compress(part) if gzip else part])


def list_result_pages(service: Service, call: Call) -> Answer:
    """Answer ``GET /jobs/query/ID/resultPages``: five pages at a time."""
    if float(call.version) < RESULT_PAGES_SINCE:
        raise errors.not_found()
    job = _finished(service, call)
    start = read_locator(call.params.get("locator"))
    some = job.pages[start : start + PAGES_AT_ONCE]
    if not some:
        raise _bad_locator()
    url = f"{call.base}/jobs/query/{job.id}"
    pages = [
        {"resultUrl": f"{url}/results?locator={make_locator(p.first)}"} for p in some
    ]
    end = start + len(some)
    done = end >= len(job.pages)
    body: Json = {"resultPages": pages}
    if not done:
        body["nextRecordsUrl"] = f"{url}/resultpages?locator={make_locator(end)}"
    return Answer(body=body | {"done": done})


def _finished(service: Service, call: Call) -> Job:
    """Return a job whose result may be read through this API version.

    Raises:
        OrgError: NOT_FOUND, INVALIDJOBSTATE, or 409 for another version.
    """
    job = service.jobs.find(call.segments["id"])
    if job.request.version != call.version:
        message = (
            f"Use the API version that the job was created with: {job.request.version}"
        )
        raise OrgError(409, "API_ERROR", message)
    if job.state != "JobComplete":
        message = f"The job has no results: its state is {job.state}"
        raise OrgError(400, "INVALIDJOBSTATE", message)
    return job


def _max_records(call: Call) -> int | None:
    text = call.params.get("maxRecords")
    if text is None:
        return None
    if not re.fullmatch("0*[1-9][0-9]{0,17}", text):
        raise _api_error(f"Invalid value for maxRecords: {text}")
    return int(text)


def make_locator(position: int) -> str:
    """Return the locator of the page that begins with this record."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def read_locator(locator: str | None) -> int:
    """Read a locator; without one, the beginning."""
    if not locator:
        return 0
    with suppress(ValueError):  # which base64's own error is, too
        digits = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4))
        if digits.isdigit():
            return int(digits)
    raise _bad_locator()


def _bad_locator() -> OrgError:
    return _api_error("Invalid locator")


ROUTES = (
    ("POST", "/jobs/query", create_job),
    ("GET", "/jobs/query", list_jobs),
    ("GET", "/jobs/query/{id}", read_job),
    ("PATCH", "/jobs/query/{id}", abort_job),
    ("DELETE", "/jobs/query/{id}", delete_job),
    ("GET", "/jobs/query/{id}/results", read_results),
    ("GET", "/jobs/query/{id}/resultPages", list_result_pages),
)
