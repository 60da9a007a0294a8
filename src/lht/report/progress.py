"""A run while it goes on: redrawn lines on a terminal, plain lines elsewhere.

Both listen to events and keep a :class:`Board`, which knows of each object what it is
doing, or what it waits for, and since when.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, Protocol

from lht.events import (
    Event,
    JobStateSeen,
    Listener,
    Noted,
    ObjectCommitted,
    ObjectEvent,
    ObjectFailed,
    ObjectQueued,
    ObjectStarted,
    Progress,
    SyncEnded,
    SyncStarted,
)
from lht.report.look import Look, Sign, Style, duration_words, number, plain
from lht.report.terminal import org_line

PROGRESS_SECONDS: Final = 5.0
HEARTBEAT_SECONDS: Final = 30.0
REDRAWS_PER_SECOND: Final = 10
_SPINNER: Final = "⣾⣽⣻⢿⡿⣟⣯⣷"
_SPINNER_ASCII: Final = "|/-\\"
_STEPS: Final = {"download": "downloading", "load": "loading"}


class Phase(Enum):
    """What an object is at."""

    QUEUED = "queued"
    STARTING = "starting"
    JOB = "job"
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class ObjectState:
    """One object on the board. Instants are of the board's clock."""

    sobject: str
    since: float
    phase: Phase = Phase.QUEUED
    last: ObjectEvent | None = None
    moving_since: float | None = None


@dataclass(slots=True)
class Board:
    """What is known of a run from its events so far."""

    clock: Callable[[], float] = time.monotonic
    objects: dict[str, ObjectState] = field(default_factory=dict)

    def apply(self, event: Event) -> ObjectState | None:
        """Take in one event; return the object it is about."""
        if isinstance(event, SyncStarted):
            for name in event.objects:
                self._state(name)
        if not isinstance(event, ObjectEvent) or isinstance(event, Noted):
            return None
        state = self._state(event.sobject)
        phase = _PHASES[type(event)]
        if phase is not state.phase:
            state.since = self.clock()
        if phase is Phase.MOVING and state.moving_since is None:
            state.moving_since = self.clock()
        state.phase, state.last = phase, event
        return state

    def committed(self) -> tuple[str, ...]:
        """Return the names of the objects that are done."""
        return tuple(n for n, s in self.objects.items() if s.phase is Phase.DONE)

    def _state(self, sobject: str) -> ObjectState:
        return self.objects.setdefault(sobject, ObjectState(sobject, self.clock()))

    def words(self, state: ObjectState) -> str:
        """Say what an object is doing, or waiting for."""
        match state.last:
            case ObjectQueued(max_parallel=n):
                return f"waiting for a free slot ({n} at once)"
            case JobStateSeen(job_id=job, state=job_state):
                return f"waiting for Salesforce: job {job} {job_state}"
            case Progress() as progress:
                return self._moving(state, progress)
            case ObjectCommitted(read=read):
                return f"{number(read)} rows"
            case ObjectFailed(message=message):
                return plain(message)
        return "asking Salesforce what there is" if state.last else "waiting"

    def _moving(self, state: ObjectState, progress: Progress) -> str:
        seconds = max(self.clock() - (state.moving_since or 0.0), 0.1)
        rows, expected = progress.rows, progress.expected_rows
        of = f" of {number(expected)}" if expected else ""
        parts = [f"{_STEPS.get(progress.step, progress.step)} {number(rows):>11}{of}"]
        if progress.step == "download" and progress.size_bytes:
            parts.append(f"{_megabytes(progress.size_bytes)} MB")
            parts.append(f"{_megabytes(progress.size_bytes / seconds)} MB/s")
        if expected and 0 < rows < expected:
            left = duration_words(round(seconds * (expected - rows) / rows))
            parts.append(f"about {left} left")
        return "  ".join(parts)


_PHASES: Final = {
    ObjectQueued: Phase.QUEUED,
    ObjectStarted: Phase.STARTING,
    JobStateSeen: Phase.JOB,
    Progress: Phase.MOVING,
    ObjectCommitted: Phase.DONE,
    ObjectFailed: Phase.FAILED,
}


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f}"


class Writes(Protocol):
    """A stream that takes text."""

    def write(self, text: str, /) -> Any:
        """Write *text*."""

    def flush(self) -> None:
        """Send what was written."""


# -- plain lines ---------------------------------------------------------------------


class Lines:
    """Write ``event key=value`` lines: no escapes, no more often than useful.

    A progress line for an object comes at most every five seconds; while anything is
    waited for, a line comes at least every thirty.
    """

    def __init__(
        self,
        stream: Writes,
        *,
        board: Board | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.board = board or Board()
        self._stream = stream
        self._now = now
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Take one event; write a line if it is due."""
        with self._lock:
            before = self._job_state(event)
            self.board.apply(event)
            if self._due(event, before):
                self._write(event)

    def tick(self) -> None:
        """Repeat what is waited for, where nothing was said for long."""
        with self._lock:
            for name, state in self.board.objects.items():
                working = state.phase not in {Phase.QUEUED, Phase.DONE, Phase.FAILED}
                if working and self._silence(name) >= HEARTBEAT_SECONDS:
                    waited = round(self.board.clock() - state.since)
                    facts = {"object": name, "at": state.phase.value}
                    self._line("object.waiting", facts | {"waited_s": waited})
                    self._written[name] = self.board.clock()

    def _due(self, event: Event, job_state_before: str | None) -> bool:
        if isinstance(event, Progress):
            finished = event.rows == event.expected_rows
            return finished or self._silence(event.sobject) >= PROGRESS_SECONDS
        if isinstance(event, JobStateSeen):
            changed = event.state != job_state_before
            return changed or self._silence(event.sobject) >= HEARTBEAT_SECONDS
        return True

    def _job_state(self, event: Event) -> str | None:
        if (
            not isinstance(event, JobStateSeen)
            or event.sobject not in self.board.objects
        ):
            return None
        last = self.board.objects[event.sobject].last
        return last.state if isinstance(last, JobStateSeen) else None

    def _silence(self, sobject: str) -> float:
        return self.board.clock() - self._written.get(sobject, float("-inf"))

    def _write(self, event: Event) -> None:
        name, facts = line_of(event)
        self._line(name, facts)
        if isinstance(event, ObjectEvent):
            self._written[event.sobject] = self.board.clock()

    def _line(self, name: str, facts: dict[str, Any]) -> None:
        told = " ".join(f"{k}={_word(v)}" for k, v in facts.items())
        self._stream.write(f"{self._now():%Y-%m-%dT%H:%M:%SZ} {name} {told}\n")
        self._stream.flush()


_NAMES: Final[dict[type[Event], str]] = {
    SyncStarted: "sync.start",
    ObjectQueued: "object.queued",
    ObjectStarted: "object.start",
    JobStateSeen: "job.state",
    Progress: "object.progress",
    Noted: "object.note",
    ObjectCommitted: "object.committed",
    ObjectFailed: "object.failed",
    SyncEnded: "sync.end",
}
_KEYS: Final = {
    "run_id": "run",
    "sobject": "object",
    "org_id": "org",
    "target_table": "table",
    "job_id": "job",
    "waited_seconds": "waited_s",
    "rows_processed": "rows",
    "expected_rows": "of",
    "size_bytes": "bytes",
    "exit_code": "exit",
    "error_code": "error",
}


def line_of(event: Event) -> tuple[str, dict[str, Any]]:
    """Return the name and the facts of an event's line."""
    facts = {_KEYS.get(f.name, f.name): getattr(event, f.name) for f in fields(event)}
    if isinstance(event, ObjectEvent):
        del facts["run"]
    if isinstance(event, SyncStarted):
        facts["objects"] = len(event.objects)
    return _NAMES[type(event)], {k: v for k, v in facts.items() if v is not None}


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(round(value, 1) if isinstance(value, float) else value)
    bare = (
        text and not any(c.isspace() or c in '"=' for c in text) and text.isprintable()
    )
    return text if bare else json.dumps(text, ensure_ascii=False)


@contextmanager
def plain_lines(stream: Writes) -> Iterator[Lines]:
    """Write lines to *stream*, with a heartbeat, until the block ends."""
    lines = Lines(stream)
    over = threading.Event()

    def beat() -> None:
        while not over.wait(PROGRESS_SECONDS):
            lines.tick()

    heart = threading.Thread(target=beat, name="lht-heartbeat", daemon=True)
    heart.start()
    try:
        yield lines
    finally:
        over.set()
        heart.join()


# -- a terminal ----------------------------------------------------------------------


class Drawing:
    """The lines of a running sync, as they stand at this moment."""

    def __init__(self, look: Look, board: Board | None = None) -> None:
        self.board = board or Board()
        self.look = look
        self._lock = threading.Lock()
        self._frame = 0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self.board.apply(event)

    def lines(self, height: int) -> list[str]:
        """Draw the run in at most *height* lines; what is done gives way first."""
        with self._lock:
            self._frame += 1
            states = list(self.board.objects.values())
            done = [s for s in states if s.phase is Phase.DONE]
            room = height - (len(states) - len(done)) - 1
            hidden = done[: len(done) - max(room, 0)] if len(done) > room else []
            width = max((len(s.sobject) for s in states), default=0)
            head = [f"{self.look.sign(Sign.DONE)} {len(hidden)} objects done"]
            lines = [self._line(s, width) for s in states if s not in hidden]
            return [*head[: len(hidden)], *lines][:height]

    def _line(self, state: ObjectState, width: int) -> str:
        last = state.last
        seconds = self.board.clock() - state.since
        if isinstance(last, ObjectCommitted):
            seconds = last.seconds
        took = "" if state.phase is Phase.QUEUED else duration_words(seconds)
        words = f"{self.board.words(state):<56}"
        sign = self._sign(state.phase)
        return f"{sign} {state.sobject:{width}}  {words} {took:>8}".rstrip()

    def _sign(self, phase: Phase) -> str:
        signs = {
            Phase.QUEUED: Sign.WAITING,
            Phase.DONE: Sign.DONE,
            Phase.FAILED: Sign.FAILED,
        }
        if phase in signs:
            return self.look.sign(signs[phase])
        spinner = _SPINNER if self.look.unicode else _SPINNER_ASCII
        return spinner[self._frame % len(spinner)]


def lasting_line(event: Event, look: Look) -> str | None:
    """Return what of an event stays on the screen when the drawing is gone."""
    match event:
        case SyncStarted(org_url=url, org_id=org, warehouse=warehouse, schema=schema):
            run = look.paint(f"run {event.run_id}", Style.FAINT)
            return f"{org_line(url, org)} -> {warehouse}, schema {schema}  {run}"
        case Noted(sobject=name, text=text, warning=warning):
            sign = look.sign(Sign.REBUILD if warning else Sign.UPDATE)
            return f"{sign} {name}  {plain(text)}"
    return None


@contextmanager
def live_drawing(look: Look) -> Iterator[Listener]:
    """Redraw the run on stderr until the block ends; then the lines are gone."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(
        stderr=True, highlight=False, markup=False, force_terminal=True,
        no_color=not look.color,
    )  # fmt: skip
    drawing = Drawing(look)

    def draw() -> Text:
        text = Text.from_ansi("\n".join(drawing.lines(console.height - 1)))
        text.no_wrap, text.overflow = True, "crop"
        return text

    def listen(event: Event) -> None:
        drawing(event)
        if line := lasting_line(event, look):
            console.print(Text.from_ansi(line), soft_wrap=True)

    with Live(
        get_renderable=draw, console=console, transient=True,
        refresh_per_second=REDRAWS_PER_SECOND,
    ):  # fmt: skip
        yield listen
