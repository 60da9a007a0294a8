"""Reading a planned object from Salesforce as Arrow batches, and counting it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from lht.exceptions import (
    ConfigError,
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceUnavailableError,
)
from lht.pages import Counted, Page
from lht.salesforce import bulk_query, replication, rest_query
from lht.salesforce._result_pages import submitted
from lht.salesforce.bulk_query import QueryJob
from lht.salesforce.client import Client, Reader
from lht.salesforce.rest_query import RestPage
from lht.schema import SObjectSchema
from lht.sync.plan import Planned
from lht.sync.values import Job

JOB_DEADLINE_SECONDS: Final = 24 * 3600.0
# How late a change may become visible after its stamp where Salesforce does not tell:
# longer than a transaction may take (Apex: 10 minutes of CPU time).
LATE_MARGIN: Final = timedelta(minutes=15)
_GONE: Final = 404
_RESUMABLE: Final = frozenset(("UploadComplete", "InProgress", "JobComplete"))

OnRows = Callable[[str, "Extraction"], None]  # with the step it is at
T = TypeVar("T", bound=Counted)
Source = Callable[[Callable[[Page], Any]], Iterator[Any]]  # pages through a function


@dataclass(slots=True, kw_only=True)
class Extraction:
    """The records of one object on their way, and what was counted of them.

    ``reported`` is Salesforce's own number, final once the pages are through.
    ``signpost`` was fixed before the extraction began.
    """

    source: Source
    signpost: datetime
    job: QueryJob | None = None
    known: bool = True  # whether it is certain that all of the plan is in it
    reported: int = 0
    downloaded: int = 0
    size_bytes: int = 0
    on_rows: OnRows = field(default=lambda *_: None, repr=False)

    def fetch(self, most_bytes: int) -> int:
        """Let pages come now, to be read later; return how large they are.

        Args:
            most_bytes: Where to stop. Of a query, the others come as they are read. Of
                a job, all come then: one that is damaged has to be fetched again.
        """
        source, job = self.source, self.job
        came = source(lambda page: page)
        pages: list[Page] = []
        size_bytes = rows = 0
        for page in came:
            pages.append(page)
            size_bytes += page.size_bytes
            rows += page.rows
            if size_bytes >= most_bytes and rows < self.reported:
                if job is not None:
                    return 0
                break

        def fetched(read: Callable[[Page], Any]) -> Iterator[Any]:
            found = []
            try:  # in a thread that ends: each one keeps memory that it once had
                with ThreadPoolExecutor(1, "lht-page-read") as thread:
                    while pages:
                        found.append(submitted(thread, read, pages.pop(0)).result())
            except (RowCountMismatchError, SalesforceUnavailableError):
                pages.clear()
                if job is None:
                    raise
                yield from source(read)  # damaged: all are fetched again
                return
            while found:
                yield found.pop(0)
            yield from map(read, came)

        self.source = fetched
        return size_bytes

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        """Yield what *read* makes of each page, counting rows and bytes."""

        def sized(page: Page) -> tuple[int, T]:
            return page.size_bytes, read(page)

        for size_bytes, found in self.source(sized):
            self.downloaded += found.num_rows
            self.size_bytes += size_bytes
            self.on_rows("download", self)
            yield found
        self.on_rows("load", self)


def read_signpost(client: Reader, schema: SObjectSchema) -> datetime:
    """Return the instant before which every change is visible now (naive UTC).

    Salesforce tells it of replicateable objects: the start of its longest running
    transaction. For others it is Salesforce's time less a margin.
    """
    now = client.server_now()
    covered = None
    if schema.replicateable:
        covered = replication.read_latest_date_covered(client, schema.name, now=now)
    safe = now - LATE_MARGIN if covered is None else min(covered, now)
    return safe.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def by_rest(
    client: Client,
    planned: Planned,
    signpost: datetime,
    first: RestPage | None = None,
) -> Extraction:
    """Query over REST; sent when the first batch is asked for, if not before.

    *first* is the query's first page, if it was sent to learn how many rows there are.
    """
    pages = rest_query.iter_pages(client, planned.soql, first=first)

    def source(read: Callable[[Page], Any]) -> Iterator[Any]:
        for page in pages:
            extraction.reported = page.total_size
            yield read(page)

    extraction = Extraction(source=source, signpost=signpost)
    return extraction


def by_bulk(
    client: Client, job: QueryJob, signpost: datetime, *, known: bool
) -> Extraction:
    """Read the result of a finished job."""

    def source(read: Callable[[Page], Any]) -> Iterator[Any]:
        return bulk_query.iter_result_pages(client, job, transform=read)

    return Extraction(
        source=source,
        signpost=signpost,
        job=job,
        known=known,
        reported=job.rows_processed,
    )


def start_job(
    client: Client, planned: Planned, run_id: str, signpost: datetime
) -> tuple[QueryJob, Job]:
    """Create the query job of a plan, and what is to be remembered of it."""
    job = bulk_query.create_job(client, planned.soql)
    return job, Job(
        job_id=job.id,
        run_id=run_id,
        org_id=planned.facts.org_id,
        identity=planned.identity,
        api_version=job.api_version,
        signpost=signpost,
    )


def adopt_job(
    client: Client, planned: Planned, job_id: str
) -> tuple[QueryJob, datetime]:
    """Return a job that the caller created, and a signpost safely before it.

    What it selects is checked page by page; which records, only the caller knows.

    Raises:
        ConfigError: It is a job of another sObject.
    """
    job = bulk_query.read_job(client, job_id)
    sobject = planned.facts.schema.name
    if job.sobject != sobject:
        raise ConfigError(f"job {job_id} reads {job.sobject}, not {sobject}")
    created = datetime.fromisoformat(job.created_at).astimezone(UTC)
    return job, (created - LATE_MARGIN).replace(tzinfo=None, microsecond=0)


def resume_job(client: Client, job: Job) -> QueryJob | None:
    """Return the job of an earlier run if its result can still be had."""
    try:
        found = bulk_query.read_job(client, job.job_id, api_version=job.api_version)
    except SalesforceAPIError as error:
        if error.status == _GONE:
            return None
        raise
    return found if found.state in _RESUMABLE else None


def drop_job(client: Client, job_id: str, api_version: str | None = None) -> None:
    """Delete a job of ours, aborted if it still runs. Gone already is fine."""
    if bulk_query.delete_ended_job(client, job_id, api_version=api_version):
        return
    try:
        found = bulk_query.read_job(client, job_id, api_version=api_version)
    except SalesforceAPIError as error:
        if error.status == _GONE:
            return
        raise
    if found.state in {"UploadComplete", "InProgress"}:
        found = bulk_query.abort_job(client, found)
    bulk_query.delete_job(client, found)
