"""Query jobs of the Bulk API, and the threads that run them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from logging import getLogger
from pathlib import Path
from shutil import rmtree
from time import monotonic

from lht.devorg import errors
from lht.devorg.errors import OrgError
from lht.devorg.http.meter import Meter
from lht.devorg.http.spool import Page, stream_texts, write_pages
from lht.devorg.ids import make_id
from lht.devorg.render import JAVA_DOUBLE_MACROS, csv_header, csv_line
from lht.devorg.soql import Compiled
from lht.devorg.store.store import Store

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

# Source: Bulk API 2.0 and Bulk API Developer Guide, "Limits".
RETENTION = timedelta(days=7)

_WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What a caller wants of a job."""

    compiled: Compiled
    operation: str
    user_id: str
    version: str
    delimiter: str
    line_ending: str

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


@dataclass(kw_only=True)
class Job:
    """One query job."""

    id: str
    request: JobRequest
    created_at: datetime
    modified_at: datetime
    folder: Path
    visible_from: float  # by the monotonic clock: when it may look finished
    aborted: bool = False
    doomed: str | None = None  # the state in which it stays, whatever its worker says
    started: bool = False
    outcome: str | None = None  # JobComplete or Failed, for its worker to say
    pages: list[Page] = field(default_factory=list)
    seconds: float = 0.0
    failure: str | None = None
    doom_message: str | None = None

    @property
    def state(self) -> str:
        """The state as callers see it."""
        if self.aborted:
            return "Aborted"
        if self.doomed:
            return self.doomed
        if self.outcome and monotonic() >= self.visible_from:
            return self.outcome
        return "InProgress" if self.started else "UploadComplete"

    @property
    def is_wanted(self) -> bool:
        """Whether its result will ever be asked for."""
        return not self.aborted and self.doomed is None

    def doom(self, state: str, message: str | None = None) -> None:
        """Let it be in this state from now on; a stuck one may still be aborted."""
        self.doom_message = message
        self.doomed = state

    @property
    def error_message(self) -> str | None:
        """Why it failed."""
        return self.doom_message or self.failure

    @property
    def rows(self) -> int:
        """How many records the result has."""
        return self.pages[-1].end if self.pages else 0


class Jobs:
    """All query jobs of an org, and the threads that run them."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        daily_limit: int,
        delay: float,
        page_rows: int,
    ) -> None:
        """Keep results in *folder*; no job looks finished within *delay* seconds."""
        self.meter = Meter(store.clock, daily_limit)
        self._store = store
        self._delay = delay
        self._page_rows = page_rows
        self._clock = store.clock
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._created = 0
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="devorg-bulk")

    def make(self, request: JobRequest) -> Job:
        """Make a job; it does not run yet."""
        with self._lock:
            self._created += 1
            id_ = make_id("750", self._created)
        now = self._clock.now()
        return Job(
            id=id_,
            request=request,
            created_at=now,
            modified_at=now,
            folder=self._folder / id_,
            visible_from=monotonic() + self._delay,
        )

    def start(self, job: Job) -> None:
        """Take a job in and let it run."""
        with self._lock:
            self._jobs[job.id] = job
        self._workers.submit(self._run, job)

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
            job.aborted = job.aborted or job.outcome is None
        self._workers.shutdown(wait=True)

    def _run(self, job: Job) -> None:
        """Render a job's pages: its life in a worker thread."""
        if not job.is_wanted:
            return
        job.started = True
        began = monotonic()
        job.failure = self._attempt(job)
        job.seconds = monotonic() - began
        job.modified_at = self._clock.now()
        job.outcome = "Failed" if job.failure else "JobComplete"  # last: it shows

    def _attempt(self, job: Job) -> str | None:
        """Render a job's pages; return what went wrong."""
        try:
            _refuse_base64(job)
            self._render(job)
        except OrgError as error:
            return error.message
        except Exception:  # noqa: BLE001 -- a worker's last line: the job fails, logged
            if job.is_wanted:  # another one may find its folder gone
                _log.exception("bulk query failed job=%s", job.id)
            return "InternalServerError : see the log"
        return None

    def _render(self, job: Job) -> None:
        job.folder.mkdir()
        with closing(self._store.cursor()) as db:
            db.execute(JAVA_DOUBLE_MACROS)
            pages = write_pages(
                stream_texts(db, job.request.lines_sql(), job.request.compiled.params),
                job.folder,
                header=job.request.header(),
                page_rows=self._page_rows,
                is_wanted=lambda: job.is_wanted,
            )
            job.pages.extend(pages)


def _refuse_base64(job: Job) -> None:
    for column in job.request.compiled.columns:
        if column.field.type == "base64":
            name = ".".join(column.path)
            message = f"FeatureNotEnabled : Cannot serialize value for '{name}' in CSV"
            raise OrgError(400, "API_ERROR", f"{message} format")
