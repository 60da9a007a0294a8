"""One object on its way: describe, plan, extract, load, commit, clean up."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lht.events import (
    ObjectCommitted,
    ObjectFailed,
    ObjectQueued,
    ObjectStarted,
)
from lht.exceptions import (
    BulkJobError,
    BulkRefusedError,
    DataError,
    LHTError,
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceError,
    SalesforceLimitError,
    SalesforceUnavailableError,
    StateError,
    StoppedError,
    WarehouseError,
    ours,
)
from lht.report.values import (
    ObjectPlan,
    ObjectReport,
    Status,
)
from lht.salesforce import bulk_query, describe, rest_query
from lht.salesforce.bulk_query import QueryJob
from lht.salesforce.composite import Answers, Held
from lht.salesforce.rest_query import RestPage
from lht.salesforce.soql import build_count
from lht.schema import SObjectSchema
from lht.sync import extract
from lht.sync.extract import Extraction
from lht.sync.facts import gather
from lht.sync.load import load
from lht.sync.plan import (
    Facts,
    Planned,
    decide_load,
    filters,
    plan_object,
    worth_counting,
    worth_estimating,
)
from lht.sync.state import Store
from lht.sync.telling import Context, Teller
from lht.warehouse.base import Session

REST_TRIES: Final = 3  # a query whose cursor died is started again
SMALL_ROWS: Final = 100_000  # of a result that may wait in memory
SMALL_BYTES: Final = 24 << 20  # of it
ROW_BYTES: Final = 256  # of a record as it comes, where nothing is known yet
SIGNPOST_KEEPS: Final = timedelta(minutes=1)  # an older one would read more again


class Line(Teller):
    """One sObject and its target table in one run. Used by one thread at a time."""

    def __init__(self, context: Context, name: str, table: str | None) -> None:
        super().__init__(context, name, table)
        self._described: SObjectSchema | LHTError | None = None
        self._held: Held | None = None

    # -- the steps ----------------------------------------------------------------

    def describe(self, answers: Answers | None) -> None:
        """Read what the sObject consists of; a failure is kept for the next step.

        Args:
            answers: What was asked about several objects at once, if it was answered.
        """
        self._held = Held(self._client, answers) if answers else None
        try:
            reader = self._held or self._client
            self._described = describe.read_sobject(reader, self.name)
            self.name = self._described.name
        except Exception as error:  # noqa: BLE001  no object stops another
            self._described = ours(error)

    def plan(self) -> ObjectPlan:
        """Say what ``sync`` would do, or why it could do nothing."""
        try:
            with self._context.warehouse.session() as session:
                return self._planned(session, self._count).shown
        except Exception as error:  # noqa: BLE001  no object stops another
            return self._unplannable(ours(error))

    def sync(self) -> ObjectReport:
        """Bring the object's rows into its table, or tell why it could not be."""
        try:
            return self._synced()
        except Exception as error:  # noqa: BLE001  no object stops another
            return self._failed(ours(error))

    def _synced(self) -> ObjectReport:
        """Lease, load, commit, and clean up."""
        context = self._context
        self._start_clock()
        target = str(self.ref)
        context.emit(
            ObjectStarted(run_id=context.run_id, sobject=self.name, target_table=target)
        )
        with (
            context.warehouse.session() as session,
            context.leases.held(session, target),
        ):
            receipt = self._loaded(session)
            with suppress(WarehouseError, StateError, StoppedError):  # it is committed
                self._clean_up(session, receipt)
        for note in receipt.notes:
            self._note(note, warning=receipt.removed > 0)
        context.emit(
            ObjectCommitted(
                run_id=context.run_id,
                sobject=self.name,
                read=receipt.read,
                inserted=receipt.inserted,
                updated=receipt.updated,
                unchanged=receipt.unchanged,
                deleted=receipt.deleted,
                seconds=receipt.seconds,
            )
        )
        return receipt

    def _failed(self, error: LHTError) -> ObjectReport:
        """Return, and remember, the receipt of an object that failed."""
        error.context.setdefault("step", self._step)
        receipt = self._receipt(
            Status.INTERRUPTED if isinstance(error, StoppedError) else Status.FAILED,
            error=self._told(error, self._left_behind(error)),
        )
        with suppress(WarehouseError), self._context.warehouse.session() as session:
            Store(session).add_receipt(self._context.run_id, receipt)
        self._context.emit(
            ObjectFailed(
                run_id=self._context.run_id,
                sobject=self.name,
                error_code=error.code,
                message=error.message,
                step=self._step,
            )
        )
        return receipt

    # -- what they consist of -----------------------------------------------------

    @property
    def schema(self) -> SObjectSchema:
        """The described sObject.

        Raises:
            LHTError: What describing it failed with.
        """
        if isinstance(self._described, SObjectSchema):
            return self._described
        raise self._described or LHTError(f"{self.name} was not described")

    @property
    def is_described(self) -> bool:
        """Whether describing it went well."""
        return isinstance(self._described, SObjectSchema)

    def _planned(
        self, session: Session, count: Callable[[Planned], int | None]
    ) -> Planned:
        """Plan with what is known; what is not, and matters, is counted."""
        self._step = "planning"
        options = self._context.options
        facts = self._gathered(session)
        load = decide_load(facts, options)
        if worth_estimating(load, options):
            facts = replace(facts, record_count=self._context.counts.of(self.name))
        planned = plan_object(facts, options, load, None)
        if not worth_counting(load, facts, options):
            return planned
        return plan_object(facts, options, load, count(planned))

    def _gathered(self, session: Session) -> Facts:
        context = self._context
        self._facts = gather(
            self._client,
            context.warehouse,
            session,
            options=context.options,
            schema=self.schema,
            ref=self.ref,
        )
        return self._facts

    def _count(self, planned: Planned) -> int | None:
        facts, options, load = planned.facts, planned.options, planned.load
        soql = build_count(facts.schema.name, **filters(facts, options, load))
        return rest_query.count(self._client, soql)

    def _loaded(self, session: Session) -> ObjectReport:
        """Plan, extract, load and commit.

        A query over REST whose cursor died, or from under which records were erased,
        is worthless so far: it is started again.
        """
        tries_left = REST_TRIES
        while True:
            tries_left -= 1
            signpost = self._signpost()
            planned, extraction = self._extraction(session, signpost)
            try:
                return self._committed(session, planned, extraction)
            except (SalesforceUnavailableError, RowCountMismatchError) as error:
                if extraction.job or not tries_left:
                    raise
                self._note(f"the query is started again: {error.message}")

    def _signpost(self) -> datetime:
        """Return a new signpost: the one that came with the describe, if it is that."""
        held, self._held = self._held, None
        if held and self._client.server_now() - held.server_now() <= SIGNPOST_KEEPS:
            return extract.read_signpost(held, self.schema)
        return extract.read_signpost(self._client, self.schema)

    def _extraction(
        self, session: Session, signpost: datetime
    ) -> tuple[Planned, Extraction]:
        """Plan, and let the data come; what was counted by is not read twice."""
        planned, first = self._begun(session)
        self._shown = planned.shown
        self._check_calls(planned.shown.estimated_calls - (first is not None))
        if planned.shown.via == "rest":
            return planned, extract.by_rest(self._client, planned, signpost, first)
        del first  # Bulk is for more than that
        try:
            return planned, self._finished_job(session, planned, signpost)
        except BulkRefusedError as error:
            planned = self._refused(session, planned, error)
            self._shown = planned.shown
        return planned, extract.by_rest(self._client, planned, signpost)

    def _begun(self, session: Session) -> tuple[Planned, RestPage | None]:
        """Plan; what there is to count by, the query over REST has begun with."""
        first: RestPage | None = None

        def ask(planned: Planned) -> int | None:
            nonlocal first
            first = rest_query.first_page(self._client, planned.soql)
            return first.total_size if first else None

        return self._planned(session, ask), first

    def _check_calls(self, forecast: int) -> None:
        """Raise before anything is read if it would take more calls than are left."""
        left = self._client.calls_left
        if left is not None and forecast > left:
            raise SalesforceLimitError(
                f"{self.name} needs about {forecast} API calls, {max(left, 0)} are"
                " left",
                hint="allow more (--max-calls), or run it again later: a part of the"
                " org's daily calls is always left for others",
            )

    def _refused(
        self, session: Session, planned: Planned, error: BulkRefusedError
    ) -> Planned:
        """Plan by REST what Bulk refuses; of a whole object, remember it."""
        reason = error.why or error.message
        facts = planned.facts
        if error.reason == "object":
            Store(session).add_refusal(facts.org_id, facts.schema.name, reason)
        facts = replace(facts, bulk_refusal=reason)
        rows = planned.shown.estimated_rows
        options = replace(planned.options, force_bulk=False)  # it was tried
        return plan_object(facts, options, planned.load, rows)

    def _finished_job(
        self, session: Session, planned: Planned, signpost: datetime
    ) -> Extraction:
        """Return what a complete job has for the plan.

        It may be the job of an earlier run that did not get to its commit.
        """
        self._step = "waiting for Salesforce"
        job, signpost, known = self._job(session, planned, signpost)
        try:
            with self._context.places.lent():
                job = bulk_query.wait_for_job(
                    self._client,
                    job,
                    deadline_seconds=extract.JOB_DEADLINE_SECONDS,
                    on_state=self._saw_job,
                    sleep=self._sleep,
                )
        except BulkJobError as error:
            if error.state in {"Failed", "Aborted"}:
                target, run_id = str(self.ref), self._context.run_id
                Store(session).end_job(target, job.id, run_id, "discarded")
            raise
        client = self._client
        return extract.by_bulk(client, job, signpost, known=known)

    def _job(
        self, session: Session, planned: Planned, signpost: datetime
    ) -> tuple[QueryJob, datetime, bool]:
        """Return the job to wait for, the signpost before it, and if it is ours.

        It is an earlier run's, the caller's, or a new one.
        """
        existing, resumed = planned.options.existing_job_id, planned.resumed
        if resumed and existing in {None, resumed.job_id}:
            job = extract.resume_job(self._client, resumed)
            if job is not None:
                return job, resumed.signpost, True
        if existing:
            return *extract.adopt_job(self._client, planned, existing), False
        job, remembered = extract.start_job(
            self._client, planned, self._context.run_id, signpost
        )
        Store(session).add_job(str(self.ref), remembered)
        return job, signpost, True

    def _committed(
        self, session: Session, planned: Planned, extraction: Extraction
    ) -> ObjectReport:
        self._step = "loading"
        extraction.on_rows = self._saw_rows
        with (
            self._unusable_job_discarded(session, extraction),
            self._slot(planned, extraction),
        ):
            return load(
                session,
                self._context.leases,
                planned,
                extraction,
                lambda: self._receipt(Status.RUNNING),
                run_id=self._context.run_id,
            )

    @contextmanager
    def _slot(self, planned: Planned, extraction: Extraction) -> Iterator[None]:
        """Wait until the warehouse can take one more load.

        Who waits has what is small fetched meanwhile, and lends its place, but not with
        a page in hand for which there is no room.
        """
        context = self._context
        with ExitStack() as waiting:
            if not context.slots.acquire(blocking=False):
                context.emit(
                    ObjectQueued(
                        run_id=context.run_id,
                        sobject=self.name,
                        max_parallel=context.parallel_loads,
                    )
                )
                if self._fetch_small(planned, extraction, waiting) or extraction.job:
                    waiting.enter_context(context.places.lent())
                context.slots.acquire()
            try:
                self._stop_if_asked()
                yield
            finally:
                context.slots.release()

    def _fetch_small(
        self, planned: Planned, extraction: Extraction, until: ExitStack
    ) -> bool:
        """Let a small result come, if there is room for it until the stack closes.

        Returns:
            Whether there was.
        """
        shelf = self._context.shelf
        rows = extraction.reported or planned.shown.estimated_rows
        if rows is None or rows > SMALL_ROWS:
            return False
        expected, size_bytes = min(rows * ROW_BYTES, SMALL_BYTES), 0
        if not shelf.take(expected):
            return False
        try:
            size_bytes = extraction.fetch(SMALL_BYTES)
        finally:
            shelf.give_back(expected - size_bytes)
        until.callback(shelf.give_back, size_bytes)
        return True

    @contextmanager
    def _unusable_job_discarded(
        self, session: Session, extraction: Extraction
    ) -> Iterator[None]:
        """Give up a job whose result is wrong or gone: the next run makes a new one."""
        try:
            yield
        except SalesforceLimitError:
            raise
        except (DataError, SalesforceAPIError):
            if job := extraction.job:
                target, run_id = str(self.ref), self._context.run_id
                Store(session).end_job(target, job.id, run_id, "discarded")
            raise

    def _clean_up(self, session: Session, receipt: ObjectReport) -> None:
        """Delete the jobs of ours that are no longer needed; a failure is only told."""
        store, target, run_id = Store(session), str(self.ref), self._context.run_id
        if self._context.options.keep_job:
            for job_id in receipt.job_ids:
                store.end_job(target, job_id, run_id, "kept")
        for job in store.ended_jobs(target):
            try:
                extract.drop_job(self._client, job.job_id, job.api_version)
                store.end_job(target, job.job_id, run_id, "deleted")
            except (SalesforceError, WarehouseError) as error:
                self._note(
                    f"job {job.job_id} is left for the next run: {error.message}"
                )
