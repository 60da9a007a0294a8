"""Bulk API 2.0 query jobs.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Query".
"""

import base64
import binascii
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from logging import getLogger
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import TYPE_CHECKING, Any

from lht.devorg import errors
from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.http.service import Meter, Service
from lht.devorg.http.spool import Page, compress, write_pages
from lht.devorg.http.wire import Answer, Call
from lht.devorg.ids import make_id
from lht.devorg.render import (
    JAVA_DOUBLE_MACROS,
    csv_header,
    csv_line,
    json_datetime,
)
from lht.devorg.soql import Compiled, Query, compile_query, parse

if TYPE_CHECKING:
    import pyarrow as pa

_log = getLogger("lht.devorg")

DELIMITERS = {
    "COMMA": ",",
    "TAB": "\t",
    "PIPE": "|",
    "SEMICOLON": ";",
    "CARET": "^",
    "BACKQUOTE": "`",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
RETENTION = timedelta(days=7)
PAGES_AT_ONCE = 5
JOBS_AT_ONCE = 1_000
RESULT_PAGES_SINCE = 58

_WORKERS = 2
_BATCH_ROWS = 8_192
_RUNNING = {"UploadComplete", "InProgress"}


@dataclass(kw_only=True)
class Job:
    """One query job."""

    id: str
    operation: str
    compiled: Compiled
    user_id: str
    version: str
    delimiter: str
    line_ending: str
    created_at: datetime
    modified_at: datetime
    folder: Path
    visible_from: float  # by the monotonic clock: when it may look finished
    outcome: str | None = None  # JobComplete, Failed or Aborted
    started: bool = False
    pages: list[Page] = field(default_factory=list)
    seconds: float = 0.0
    error_message: str | None = None

    @property
    def state(self) -> str:
        """The state as callers see it."""
        if self.outcome == "Aborted" or (
            self.outcome and monotonic() >= self.visible_from
        ):
            return self.outcome
        return "InProgress" if self.started else "UploadComplete"

    def finish(self, outcome: str) -> None:
        """Settle how the job ends; what was settled first stays."""
        self.outcome = self.outcome or outcome

    def fail(self, message: str) -> None:
        """End the job in failure."""
        self.error_message = message
        self.finish("Failed")

    @property
    def rows(self) -> int:
        """How many records the result has."""
        return self.pages[-1].end if self.pages else 0

    def lines_sql(self) -> str:
        """SQL for the result, each record a line of CSV."""
        line = csv_line(
            self.compiled.columns,
            delimiter=DELIMITERS[self.delimiter],
            line_ending=LINE_ENDINGS[self.line_ending],
        )
        return self.compiled.select(line)

    def header(self) -> bytes:
        """Return the line of column names that every page starts with."""
        return csv_header(
            self.compiled.columns,
            delimiter=DELIMITERS[self.delimiter],
            line_ending=LINE_ENDINGS[self.line_ending],
        ).encode()


class Jobs:
    """All query jobs of an org, and the threads that run them."""

    def __init__(self, clock: Clock, folder: Path, daily_limit: int) -> None:
        """Keep results in *folder*."""
        self.meter = Meter(clock, daily_limit)
        self._clock = clock
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._created = 0
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="devorg-bulk")

    def new_id(self) -> str:
        """Return the id for the next job."""
        with self._lock:
            self._created += 1
            return make_id("750", self._created)

    def folder_for(self, id_: str) -> Path:
        """Return where a job's pages go."""
        return self._folder / id_

    def start(self, service: Service, job: Job) -> None:
        """Take a job in and let it run."""
        with self._lock:
            self._jobs[job.id] = job
        self._workers.submit(_run, service, job)

    def find(self, id_: str) -> Job:
        """Return a job by its id of 15 or 18 characters.

        Raises:
            OrgError: NOT_FOUND, also for jobs past their retention.
        """
        with self._lock:
            found = next(
                (j for j in self._jobs.values() if j.id[:15] == id_[:15]), None
            )
        if found is None:
            raise errors.not_found()
        if self._clock.now() - found.created_at > RETENTION:
            self.delete(found)
            raise errors.not_found()
        return found

    def all(self) -> list[Job]:
        """Return all jobs, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def delete(self, job: Job) -> None:
        """Forget a job and its result."""
        with self._lock:
            self._jobs.pop(job.id, None)
        rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop the workers; running jobs end early."""
        for job in self.all():
            job.finish("Aborted")
        self._workers.shutdown(wait=True)


def _run(service: Service, job: Job) -> None:
    """Render a job's pages: its life in a worker thread."""
    if job.outcome:
        return
    job.started = True
    began = monotonic()
    try:
        _refuse_base64(job)
        _render(service, job)
        job.finish("JobComplete")
    except OrgError as error:
        job.fail(error.message)
    except Exception:  # noqa: BLE001 -- a worker's last line: the job fails, logged
        if job.outcome is None:  # an aborted job may find its folder gone
            _log.exception("bulk query failed job=%s", job.id)
        job.fail("InternalServerError : see the log")
    job.seconds = monotonic() - began
    job.modified_at = service.clock.now()


def _refuse_base64(job: Job) -> None:
    for column in job.compiled.columns:
        if column.field.type == "base64":
            name = ".".join(column.path)
            message = f"FeatureNotEnabled : Cannot serialize value for '{name}' in CSV"
            raise OrgError(400, "API_ERROR", f"{message} format")


def _render(service: Service, job: Job) -> None:
    job.folder.mkdir()
    with closing(service.store.cursor()) as db:
        db.execute(JAVA_DOUBLE_MACROS)
        pages = write_pages(
            _lines(db, job),
            job.folder,
            header=job.header(),
            page_rows=service.settings.bulk_page_rows,
            is_wanted=lambda: job.outcome is None,
        )
        job.pages.extend(pages)


def _lines(db: Any, job: Job) -> Iterator["pa.StringArray"]:
    """Stream the lines; a relation does not hold its whole result, a cursor would."""
    relation = db.sql(job.lines_sql(), params=job.compiled.params)
    for batch in relation.to_arrow_reader(_BATCH_ROWS):
        yield batch.column(0)


def create_job(service: Service, call: Call) -> Answer:
    """Answer ``POST /jobs/query``."""
    body = call.json_object()
    operation = _choice(body, "operation", ("query", "queryAll"), None)
    _choice(body, "contentType", ("CSV",), "CSV")
    delimiter = _choice(body, "columnDelimiter", DELIMITERS, "COMMA")
    line_ending = _choice(body, "lineEnding", LINE_ENDINGS, "LF")
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _api_error("Query is required for a query job")
    compiled = _compile(service, query, all_rows=operation == "queryAll")
    limit = service.jobs.meter.limit
    service.jobs.meter.count(
        lambda: OrgError(
            400,
            "LIMIT_EXCEEDED",
            f"Max bulk v2 query jobs ({limit}) per 24 hrs has been reached",
        )
    )
    id_, now = service.jobs.new_id(), service.clock.now()
    job = Job(
        id=id_,
        operation=operation,
        compiled=compiled,
        user_id=call.user_id,
        version=call.version,
        delimiter=delimiter,
        line_ending=line_ending,
        created_at=now,
        modified_at=now,
        folder=service.jobs.folder_for(id_),
        visible_from=monotonic() + service.settings.job_delay,
    )
    created = _brief(job)
    service.jobs.start(service, job)
    return Answer(body=created)


def _choice(body: dict[str, Any], name: str, allowed: Any, default: str | None) -> str:
    value = body.get(name, default)
    if value not in allowed:
        raise _api_error(f"Invalid value for {name}: {value}")
    return str(value)


def _compile(service: Service, text: str, *, all_rows: bool) -> Compiled:
    """Compile a query that Bulk takes; what it does not, it refuses right here."""
    query = parse(text)
    metadata = service.store.metadata
    sobject = metadata.by_name.get(query.sobject.text.lower())
    if sobject is not None and not sobject.bulk:
        message = f"Entity '{sobject.name}' is not supported by the Bulk API."
        raise OrgError(400, "INVALIDENTITY", message)
    _refuse_shape(query)
    today = service.clock.now().date()
    compiled = compile_query(query, metadata, all_rows=all_rows, today=today)
    if any(column.field.parts for column in compiled.columns):
        raise _api_error("Selecting compound data not supported in Bulk Query")
    return compiled


def _refuse_shape(query: Query) -> None:
    if any(query.children):
        raise _api_error(
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content "
            "type"
        )
    if query.group_by or any(query.calls):
        raise _api_error("Aggregate Relationships not supported in Bulk Query")
    if query.offset is not None:
        raise _api_error("OFFSET is not supported in Bulk Query")


def _api_error(message: str) -> OrgError:
    return OrgError(400, "API_ERROR", message)


def _brief(job: Job) -> dict[str, Any]:
    """Render a job as its creation answers."""
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.compiled.sobject.name,
        "createdById": job.user_id,
        "createdDate": _instant(job.created_at),
        "systemModstamp": _instant(job.modified_at),
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version),
        "lineEnding": job.line_ending,
        "columnDelimiter": job.delimiter,
    }


def _listed(job: Job) -> dict[str, Any]:
    """Render a job as lists show it: with its type, before the line ending."""
    rendered = {}
    for key, value in _brief(job).items():
        if key == "lineEnding":
            rendered["jobType"] = "V2Query"
        rendered[key] = value
    return rendered


def _full(job: Job) -> dict[str, Any]:
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
    if call.json_object().get("state") != "Aborted":
        raise _api_error("A query job's state can only be changed to Aborted")
    if job.state not in _RUNNING:
        text = "Aborting already Completed Job not allowed"
        raise OrgError(400, "INVALIDJOBSTATE", text)
    job.finish("Aborted")
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
    start = _position(call.params.get("queryLocator"))
    end = start + JOBS_AT_ONCE
    done = end >= len(jobs)
    following = None if done else f"{call.base}/jobs/query?queryLocator={_locator(end)}"
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
    first = _position(call.params.get("locator"))
    page = next((p for p in job.pages if p.first <= first < max(p.end, 1)), None)
    if page is None:
        raise _bad_locator()
    rows = min(page.end - first, _max_records(call) or page.rows)
    end = first + rows
    headers = {
        "Content-Type": "text/csv; charset=UTF-8",
        "Sforce-NumberOfRecords": str(rows),
        "Sforce-Locator": _locator(end) if end < job.rows else "null",
    }
    gzip = "gzip" in call.headers.get("accept-encoding", "")
    if gzip:
        headers["Content-Encoding"] = "gzip"
    return Answer(200, _page_body(page, first, rows, gzip=gzip), headers)


def _page_body(page: Page, first: int, rows: int, *, gzip: bool) -> bytes:
    if rows == page.rows:
        return page.compressed() if gzip else page.plain()
    part = page.part(first, rows)
    return compress(part) if gzip else part


def list_result_pages(service: Service, call: Call) -> Answer:
    """Answer ``GET /jobs/query/ID/resultPages``: five pages at a time."""
    if float(call.version) < RESULT_PAGES_SINCE:
        raise errors.not_found()
    job = _finished(service, call)
    start = _position(call.params.get("locator"))
    some = job.pages[start : start + PAGES_AT_ONCE]
    if not some:
        raise _bad_locator()
    url = f"{call.base}/jobs/query/{job.id}"
    pages = [{"resultUrl": f"{url}/results?locator={_locator(p.first)}"} for p in some]
    end = start + len(some)
    done = end >= len(job.pages)
    body: dict[str, Any] = {"resultPages": pages}
    if not done:
        body["nextRecordsUrl"] = f"{url}/resultpages?locator={_locator(end)}"
    return Answer(body=body | {"done": done})


def _finished(service: Service, call: Call) -> Job:
    """Return a job whose result may be read through this API version.

    Raises:
        OrgError: NOT_FOUND, INVALIDJOBSTATE, or 409 for another version.
    """
    job = service.jobs.find(call.segments["id"])
    if job.version != call.version:
        message = f"Use the API version that the job was created with: {job.version}"
        raise OrgError(409, "API_ERROR", message)
    if job.state != "JobComplete":
        message = f"The job has no results: its state is {job.state}"
        raise OrgError(400, "INVALIDJOBSTATE", message)
    return job


def _max_records(call: Call) -> int | None:
    text = call.params.get("maxRecords")
    if text is None:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise _api_error(f"Invalid value for maxRecords: {text}")
    return int(text)


def _locator(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _position(locator: str | None) -> int:
    """Read a locator; without one, the beginning."""
    if not locator:
        return 0
    try:
        padded = locator + "=" * (-len(locator) % 4)
        return int(base64.urlsafe_b64decode(padded).decode("ascii"))
    except (binascii.Error, ValueError):
        raise _bad_locator() from None


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
