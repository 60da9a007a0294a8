"""What happens during a run, as frozen values, and the hook that receives them.

A listener is any callable that takes one event. Nothing here knows who listens.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStarted(Event):
    """A run begins."""

    objects: tuple[str, ...]
    org_id: str
    org_url: str
    warehouse: str  # display form, no secrets
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent(Event):
    """Base of events that concern one object."""

    sobject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectQueued(ObjectEvent):
    """The object waits for a free slot."""

    max_parallel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStarted(ObjectEvent):
    """Work on the object begins."""

    target_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStateSeen(ObjectEvent):
    """A poll saw the bulk job in a state (Salesforce's own word)."""

    job_id: str
    state: str
    waited_seconds: float
    rows_processed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(ObjectEvent):
    """Rows have come in."""

    step: str  # "download", then "load"
    rows: int
    expected_rows: int | None
    size_bytes: int  # on the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(ObjectEvent):
    """Something the user should know: schema change, restart, fallback, retry."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCommitted(ObjectEvent):
    """Data, watermark and receipt are committed."""

    read: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFailed(ObjectEvent):
    """The object failed; its table is as it was."""

    error_code: str
    message: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncEnded(Event):
    """The run is over."""

    status: str
    exit_code: int
    seconds: float


Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""
