"""What a sync will do: pure decisions. Facts and options in, a frozen plan out.

The line asks in steps, because a count is only worth its API call where it could
change the method: ``decide_load`` (full or incremental, and why), ``worth_estimating``,
``worth_counting``, then ``plan_object``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from lht.exceptions import ConfigError
from lht.report.values import Change, ObjectPlan, SyncMode
from lht.salesforce.soql import build_query
from lht.schema import (
    SchemaChange,
    SObjectSchema,
    TableInfo,
    TableRef,
    TableSchema,
)
from lht.sync.values import Job, State, job_identity

CURSOR_FIELDS: Final = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
ADOPTION_LOOKBACK: Final = timedelta(hours=1)
RESUME_WITHIN: Final = timedelta(hours=24)  # an older job's result is not fresh enough
REST_PAGE_ROWS: Final = 2000
# Rows that a recordCount may be wrong by, as a factor: it is cached and approximate.
COUNT_DOUBT: Final = 2
_ADOPTED: Final = "what was missed before stays missing: run it once with --full"
_POLLS: Final = 3  # a guess: how long Salesforce will need, nobody knows
_CALLS_OF_A_JOB: Final = 3 + _POLLS  # to create and delete it, to list its pages
_ROWS_OF_A_RESULT_PAGE: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for."""

    mode: SyncMode = SyncMode.AUTO
    where: str | None = None
    fields: tuple[str, ...] | None = None  # None: all
    key: str = "Id"  # the column that rows are matched by, in any case
    force_bulk: bool = False
    existing_job_id: str | None = None  # a query job whose result is to be read
    keep_job: bool = False  # do not delete the job after the commit
    bulk_threshold: int = 1_000  # rows from which Bulk is used
    stage_threshold: int = 50_000  # rows from which a stage is used, where there is one
    stage: str | None = None  # the caller's own stage, instead of a temporary one

    def __post_init__(self) -> None:
        """Take a mode's text for the mode."""
        object.__setattr__(self, "mode", SyncMode(self.mode))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one sObject and its target before anything is decided."""

    org_id: str
    schema: SObjectSchema
    columns: TableSchema
    ref: TableRef
    stages: bool  # whether the warehouse has stages
    now: datetime  # Salesforce's time, naive UTC
    key: str = "Id"  # the column that rows are matched by
    table: TableInfo | None = None
    misfits: tuple[SchemaChange, ...] = ()
    high_water: datetime | None = None  # MAX(cursor field) of the table
    last_modified_at: datetime | None = None  # MAX(LASTMODIFIEDDATE) of the table
    state: State | None = None
    open_jobs: tuple[Job, ...] = ()
    bulk_refusal: str | None = None
    record_count: int | None = None  # Salesforce's approximate count of all records

    @property
    def cursor_field(self) -> str | None:
        """The field that orders changes, None where there is none."""
        return next(
            (
                self.columns.by_name[name.lower()].name
                for name in CURSOR_FIELDS
                if name.lower() in self.columns.by_name
                and self.schema.by_name[name.lower()].filterable
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is read, from where on, and why."""

    mode: SyncMode  # FULL or INCREMENTAL
    why: str
    since: datetime | None = None
    adopting: bool = False  # a table we did not make
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A decided object: what the line executes, and ``shown``, what people see."""

    facts: Facts
    options: Options
    load: Load
    soql: str
    resumed: Job | None
    shown: ObjectPlan = field(repr=False)

    @property
    def identity(self) -> str:
        """What a job must have read to be usable for this plan."""
        return job_identity(self.facts.org_id, self.soql)


class Filters(TypedDict):
    """The restricting arguments of ``lht.salesforce.soql``."""

    where: str | None
    cursor_field: str | None
    since: datetime | None


def decide_load(facts: Facts, options: Options) -> Load:
    """Decide between a full and an incremental load.

    Raises:
        ConfigError: An incremental load was demanded and cannot be done, or the table
            belongs to another org or sObject.
    """
    if options.mode is SyncMode.FULL:
        return Load(mode=SyncMode.FULL, why="asked for with --full")
    _check_owner(facts)
    if facts.state is None and facts.table is not None and facts.table.rows:
        return _adopting(facts, options)
    why_full = next(_why_full(facts, options), None)
    if why_full is None:
        return _incremental(facts)
    if options.mode is SyncMode.INCREMENTAL:
        raise ConfigError(
            f"{facts.ref} cannot be loaded incrementally: {why_full}",
            hint="run it once with --full",
        )
    return Load(mode=SyncMode.FULL, why=why_full)


def worth_estimating(load: Load, options: Options) -> bool:
    """Tell whether the count of all records says something of what is read."""
    whole = load.mode is SyncMode.FULL and options.where is None
    return whole or options.force_bulk or options.existing_job_id is not None


def worth_counting(load: Load, facts: Facts, options: Options) -> bool:
    """Tell whether counting could change the method, or is all that can be known."""
    if options.force_bulk or options.existing_job_id:
        return False
    known = facts.record_count
    if known is None:
        return True
    if _refused(facts, options):
        return False
    if known * COUNT_DOUBT < options.bulk_threshold:
        return False  # fewer rows than Bulk is used for, with or without a filter
    filtered = load.mode is SyncMode.INCREMENTAL or options.where is not None
    return filtered or known < options.bulk_threshold * COUNT_DOUBT


def plan_object(
    facts: Facts, options: Options, load: Load, counted: int | None
) -> Planned:
    """Choose the method and describe the work.

    Args:
        facts: What is known.
        options: What was asked for.
        load: The outcome of ``decide_load``.
        counted: Rows that the query will find, as Salesforce counted them; None where
            that was not asked or took too long.
    """
    soql = build_query(
        facts.schema.name, facts.columns.names, **filters(facts, options, load)
    )
    identity = job_identity(facts.org_id, soql)
    resumed = next(
        (
            job
            for job in facts.open_jobs
            if job.identity == identity and facts.now - job.signpost < RESUME_WITHIN
        ),
        None,
    )
    unclear = worth_counting(load, facts, options)
    rows = counted if unclear or counted is not None else facts.record_count
    via, method = _method(facts, options, load, rows, resumed)
    return Planned(
        facts=facts,
        options=options,
        load=load,
        soql=soql,
        resumed=resumed,
        shown=ObjectPlan(
            sobject=facts.schema.name,
            target_table=str(facts.ref),
            mode=load.mode,
            change=_change(facts, load, rows),
            via=via,
            sync_method=method,
            estimated_rows=rows,
            estimated_calls=_calls(via, rows, asked=unclear),
            since=load.since,
            why=f"resumes job {resumed.job_id}" if resumed else load.why,
            notes=(*load.notes, *_notes(facts, options, load, via, rows)),
            soql=soql,
        ),
    )


def filters(facts: Facts, options: Options, load: Load) -> Filters:
    """Return what the query and its count are restricted to."""
    return Filters(
        where=options.where,
        cursor_field=facts.cursor_field if load.since else None,
        since=load.since and load.since.replace(tzinfo=UTC),
    )


def _check_owner(facts: Facts) -> None:
    state = facts.state
    if state is None or facts.table is None:
        return
    for what, stored, now in (
        ("org", state.org_id, facts.org_id),
        ("object", state.sobject, facts.schema.name),
    ):
        if stored != now:
            raise ConfigError(
                f"{facts.ref} holds records of the {what} {stored}, not {now}",
                hint="name another --schema or --table; --full would replace them all",
                table=str(facts.ref),
            )


def _why_full(facts: Facts, options: Options) -> Iterator[str]:
    """Yield the reasons why only a full load will do, the first one first."""
    state, table = facts.state, facts.table
    if table is None:
        yield "no table yet"
        return
    if facts.cursor_field is None:
        yield f"{facts.schema.name} has no field that tells when a record changed"
    if state is None or (table.rows == 0 and state.rows > 0):
        yield "the table is empty"
        return
    if state.watermark is None or state.cursor_field != facts.cursor_field:
        yield "the last load left no watermark to go on from"
    if state.where != options.where:
        yield "--where differs from last time"
    if _names(state.fields) != _names(options.fields):
        yield "--fields differs from last time"
    if returned := _returned(facts, state):
        yield f"{', '.join(returned)} could not be read last time"
    if _older(facts.high_water, state.high_water):
        yield "the table is older than the last run left it"


def _returned(facts: Facts, state: State) -> list[str]:
    """Return the fields whose columns the last load left as they were."""
    table = facts.table
    read = {name.lower() for name in state.columns}
    return [
        name
        for name in facts.columns.names
        if name.lower() not in read and table is not None and table.column(name)
    ]


def _adopting(facts: Facts, options: Options) -> Load:
    """Go on from where a table that lht did not make reaches.

    Raises:
        ConfigError: That cannot be told. Rows of others are not replaced unasked.
    """
    reasons = (
        (options.where is not None, "--where needs a table that was loaded with it"),
        (facts.cursor_field is None, "nothing tells when a record changed"),
        (facts.last_modified_at is None, "it has no LastModifiedDate to go on from"),
    )
    if why := next((why for applies, why in reasons if applies), None):
        raise ConfigError(
            f"{facts.ref} holds rows that lht did not load: {why}",
            hint="name another --table; --full would replace the rows",
            table=str(facts.ref),
        )
    reached = min(facts.last_modified_at or facts.now, facts.now)  # local time, maybe
    return Load(
        mode=SyncMode.INCREMENTAL,
        why="adopts a table that lht did not make",
        since=reached - ADOPTION_LOOKBACK,
        adopting=True,
        notes=(_ADOPTED,),
    )


def _older(now: datetime | None, then: datetime | None) -> bool:
    return then is not None and (now is None or now < then)


def _names(fields: Iterable[str] | None) -> set[str] | None:
    return None if fields is None else {f.lower() for f in fields}


def _incremental(facts: Facts) -> Load:
    since = facts.state.watermark if facts.state else None
    return Load(mode=SyncMode.INCREMENTAL, why=f"since {since}Z", since=since)


def _method(
    facts: Facts, options: Options, load: Load, rows: int | None, resumed: Job | None
) -> tuple[str, str]:
    """Return the API and the method's documented name."""
    suffix = "full" if load.mode is SyncMode.FULL else "incremental"
    many = rows is None or rows >= options.bulk_threshold
    wanted = options.force_bulk or options.existing_job_id or resumed
    if _refused(facts, options) or not (many or wanted):
        return "rest", f"regular_api_{suffix}"
    staged = facts.stages and (rows or 0) >= options.stage_threshold
    if staged:
        return "stage", f"bulk_api_stage_{suffix}"
    return "bulk", f"bulk_api_{suffix}"


def _refused(facts: Facts, options: Options) -> bool:
    """Tell whether what Bulk refused before decides: not against an explicit wish."""
    wished = options.force_bulk or options.existing_job_id
    return facts.bulk_refusal is not None and not wished


def _calls(via: str, rows: int | None, *, asked: bool) -> int:
    """Return what a sync calls for the object; *asked* is by a query over REST."""
    if via == "rest":
        return max(1, -(-(rows or 0) // REST_PAGE_ROWS))
    pages = max(1, -(-(rows or 0) // _ROWS_OF_A_RESULT_PAGE))
    return int(asked) + _CALLS_OF_A_JOB + pages


def _change(facts: Facts, load: Load, rows: int | None) -> Change:
    if facts.table is None:
        return Change.CREATE
    if load.mode is SyncMode.FULL:
        return Change.REBUILD
    if rows == 0 and not facts.misfits:
        return Change.NOTHING
    return Change.UPDATE


def _notes(
    facts: Facts, options: Options, load: Load, via: str, rows: int | None
) -> list[str]:
    notes = []
    if facts.table is not None:
        notes += [_misfit_note(m, load) for m in facts.misfits]
    if facts.state and (left := _left_alone(facts, facts.state)):
        notes.append(f"not read any more, the old values stay: {', '.join(left)}")
    if options.where is not None:
        notes.append("a record that leaves the --where keeps its last row")
    if via == "rest" and facts.bulk_refusal:
        notes.append(f"by REST, because Bulk refuses it: {facts.bulk_refusal}")
    if via == "bulk" and not facts.stages and (rows or 0) >= options.stage_threshold:
        notes.append("by Bulk without a stage: this warehouse has none")
    return notes


def _left_alone(facts: Facts, state: State) -> list[str]:
    """Return the columns that the last load filled and this one does not."""
    return [n for n in state.columns if n.lower() not in facts.columns.by_name]


def _misfit_note(change: SchemaChange, load: Load) -> str:
    if change.old_type is None:
        later = "" if load.mode is SyncMode.FULL else ", filled by a full load"
        return f"new field {change.column} -> {change.new_type}{later}"
    return f"column {change.column} changes from {change.old_type} to {change.new_type}"
