"""The values that a plan and a run consist of. Renderers read them; nothing else.

All instants are naive UTC with millisecond precision at most, like the tables.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from lht.exceptions import LHTError


class SyncMode(StrEnum):
    """How much of a sObject is read."""

    AUTO = "auto"
    FULL = "full"
    INCREMENTAL = "incremental"


class Change(StrEnum):
    """What a plan will do to a target table (the sign in front of its line)."""

    CREATE = "create"  # +
    UPDATE = "update"  # ~
    REBUILD = "rebuild"  # !
    NOTHING = "nothing"  # =


class Status(StrEnum):
    """The end of a run or of one object in it."""

    PLANNED = "planned"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    DIED = "died"  # a run without an end and without a live lease


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """One error as people and JSON readers see it (no secrets, no row values)."""

    code: str
    message: str
    exit_code: int = 1
    why: str | None = None
    state: str | None = None  # what is left behind
    hint: str | None = None
    sobject: str | None = None
    transient: bool = False
    retry_after_seconds: float | None = None
    context: dict[str, str | int | float | bool]

    @classmethod
    def of(cls, error: LHTError, *, state: str | None = None) -> Self:
        """Say what *error* says; *state* tells what is left behind."""
        facts = {
            k: v if isinstance(v, str | int | float | bool) else str(v)
            for k, v in error.context.items()
        }
        return cls(
            code=error.code,
            message=error.message,
            exit_code=error.exit_code,
            why=error.why,
            state=state,
            hint=error.hint,
            sobject=error.context.get("sobject"),
            transient=error.transient,
            retry_after_seconds=error.retry_after,
            context=facts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlan:
    """What a sync will do for one sObject."""

    sobject: str
    target_table: str  # schema.table
    mode: SyncMode
    change: Change
    via: str  # rest, bulk or stage
    sync_method: str  # of the documented matrix, e.g. bulk_api_full
    estimated_rows: int | None
    estimated_calls: int  # of its own; of a bulk job, how often it is polled is a guess
    since: datetime | None  # the watermark an incremental starts from
    why: str
    notes: tuple[str, ...] = ()  # schema changes and warnings, in words
    soql: str = ""
    error: ErrorReport | None = None  # the object cannot be planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run reads and writes."""

    org_id: str
    org_url: str
    warehouse_kind: str  # duckdb, snowflake
    warehouse: str  # display form, e.g. duckdb:///crm.duckdb
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a sync of several sObjects will do. ``print(plan)`` shows it."""

    place: Place
    objects: tuple[ObjectPlan, ...]
    shared_calls: int = 0  # of what is asked for all objects at once
    api_calls_left: int | None
    api_calls_max: int | None

    @property
    def estimated_calls(self) -> int:
        """How many API calls the sync will make, about."""
        return self.shared_calls + sum(o.estimated_calls for o in self.objects)

    @property
    def has_work(self) -> bool:
        """Whether a sync would move or rebuild anything."""
        return any(o.change is not Change.NOTHING for o in self.objects)

    def __repr__(self) -> str:
        return f"<SyncPlan of {', '.join(o.sobject for o in self.objects)}>"

    def __str__(self) -> str:
        from lht.report.terminal import PLAIN, render_plan

        return render_plan(self, PLAIN)

    def _repr_html_(self) -> str:
        from lht.report.html import render_plan

        return render_plan(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document ``lht.plan/1``."""
        from lht.report.document import plan_document

        return plan_document(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReport:
    """The receipt of one sObject: reported = downloaded = staged = loaded.

    ``read`` is the number that Salesforce itself reported for the query or job;
    ``inserted + updated + unchanged == staged == downloaded == read`` in a success.
    ``deleted`` is the part of what was read that lies in the recycle bin, ``removed``
    the rows a full load did not find in Salesforce any more.
    """

    sobject: str
    target_table: str
    status: Status
    mode: SyncMode | None = None
    sync_method: str | None = None
    via: str | None = None
    estimated_rows: int | None = None
    read: int = 0
    downloaded: int = 0
    staged: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    removed: int = 0
    since: datetime | None = None
    complete_up_to: datetime | None = None  # the new watermark
    last_modified_at: datetime | None = None  # MAX(LASTMODIFIEDDATE) of the table
    started_at: datetime | None = None
    seconds: float = 0.0
    api_calls: int = 0  # of its own; what is asked for all objects counts for the run
    size_bytes: int = 0
    job_ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: ErrorReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """The end of a run. ``print(report)`` shows the final table."""

    run_id: str
    status: Status
    exit_code: int
    place: Place | None  # None in history of runs that died before connecting
    started_at: datetime
    seconds: float
    api_calls: int
    objects: tuple[ObjectReport, ...]

    def __repr__(self) -> str:
        names = ", ".join(o.sobject for o in self.objects)
        return f"<SyncReport {self.run_id} {self.status}: {names}>"

    def __str__(self) -> str:
        from lht.report.terminal import PLAIN, render_report

        return render_report(self, PLAIN)

    def _repr_html_(self) -> str:
        from lht.report.html import render_report

        return render_report(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document ``lht.sync/1``."""
        from lht.report.document import report_document

        return report_document(self)
