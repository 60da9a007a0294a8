"""Where a command's words go: the answer to stdout, everything else to stderr."""

import csv
import io
import json
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, TextIO

from typer import Option

from lht.events import Listener, ignore
from lht.report.document import failure_document
from lht.report.look import Look, Sign, plain
from lht.report.terminal import render_error
from lht.report.values import ErrorReport, Status

INTERRUPTED: Final = 130
_MIN_SECRET: Final = 4


class Format(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Color(StrEnum):
    """When escape codes are written."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(kw_only=True)
class Console:
    """The options that every command has, and what they decide."""

    format: Annotated[
        Format,
        Option("--format", case_sensitive=False, help="How the answer is written."),
    ] = Format.TABLE
    json: Annotated[bool, Option("--json", help="Short for --format json.")] = False
    color: Annotated[
        Color | None,
        Option("--color", case_sensitive=False, help="[env: LHT_COLOR, NO_COLOR]"),
    ] = None
    no_progress: Annotated[
        bool, Option("--no-progress", help="Redraw nothing. [env: LHT_NO_PROGRESS]")
    ] = False
    quiet: Annotated[
        bool, Option("--quiet", help="Only errors and the final line.")
    ] = False
    verbose: Annotated[
        int,
        Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            help="Say where settings come from; -vv: log lines.",
        ),
    ] = 0
    debug: Annotated[
        bool, Option("--debug", help="Show tracebacks, without secrets.")
    ] = False
    secrets: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        """Say what retries wait for; other log lines are for -vv."""
        level = logging.INFO if self.verbose > 1 else logging.CRITICAL + 1
        logging.basicConfig(level=level, format="%(asctime)sZ %(name)s %(message)s")
        retries = logging.getLogger("stamina")
        retries.handlers, retries.propagate = [_Retries(self)], False
        retries.setLevel(logging.WARNING)

    @property
    def wants(self) -> Format:
        """The format asked for, by either spelling."""
        return Format.JSON if self.json else self.format

    @property
    def is_for_people(self) -> bool:
        """Whether the answer is text for people, not a document."""
        return self.wants is Format.TABLE

    def look(self, stream: TextIO) -> Look:
        """Return what the reader of *stream* can see."""
        width = shutil.get_terminal_size().columns if stream.isatty() else None
        return Look(width, color=self._colored(stream), unicode=_unicode(stream))

    def _colored(self, stream: TextIO) -> bool:
        chosen = self.color or os.environ.get("LHT_COLOR")
        if chosen in {Color.ALWAYS, Color.NEVER}:
            return chosen == Color.ALWAYS
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return stream.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def may_ask(self) -> bool:
        """Whether a human is there to answer."""
        here = sys.stdin.isatty() and sys.stderr.isatty()
        return here and not os.environ.get("CI")

    def ask_secret(self, question: str) -> str:
        """Ask the human for a secret, without echo."""
        import getpass

        return getpass.getpass(question, stream=sys.stderr)

    def answer(self, text: str) -> None:
        """Write to stdout. A reader who has left is no error."""
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def say(self, text: str) -> None:
        """Write to stderr, unless quiet."""
        if not self.quiet:
            self.cry(text)

    def cry(self, text: str) -> None:
        """Write to stderr, in any case."""
        sys.stderr.write(self._redacted(text) + "\n")
        sys.stderr.flush()

    def documents(self, document: Mapping[str, Any], rows: str = "") -> bool:
        """Write a JSON document, or its *rows* as CSV; tell whether that was asked."""
        if self.wants is Format.JSON:
            self.answer(json.dumps(document, ensure_ascii=False, indent=2))
        elif self.wants is Format.CSV:
            self.answer(as_csv((document["result"] or {}).get(rows, [])))
        return not self.is_for_people

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        """Show a run while it goes on, as the reader of stderr can take it."""
        from lht.report.progress import live_drawing, plain_lines

        if self.quiet or not self.is_for_people:
            yield ignore
        elif self.moves:
            with live_drawing(self.look(sys.stderr)) as listener:
                yield listener
        else:
            with plain_lines(sys.stderr) as lines:
                yield lines

    @property
    def moves(self) -> bool:
        """Whether lines on stderr may be redrawn."""
        still = self.no_progress or os.environ.get("LHT_NO_PROGRESS")
        return sys.stderr.isatty() and not still and not os.environ.get("CI")

    def fail(self, command: str, error: ErrorReport) -> int:
        """Tell of a command that has no result; return its exit code."""
        if self.wants is Format.JSON:
            status = (
                Status.INTERRUPTED if error.exit_code == INTERRUPTED else Status.FAILED
            )
            document = failure_document(command, error, status=status)
            self.answer(self._redacted(json.dumps(document, indent=2)))
            self.cry(f"error[{error.code}]: {error.message}")
        else:
            self.cry(render_error(error, self.look(sys.stderr)))
        return error.exit_code

    def trace(self, error: BaseException) -> None:
        """Show where an error comes from, if that was asked for."""
        if self.debug:
            self.cry("".join(traceback.format_exception(error)))

    def _redacted(self, text: str) -> str:
        for secret in self.secrets:
            if len(secret) >= _MIN_SECRET:
                text = text.replace(secret, "****")
        return text


class _Retries(logging.Handler):
    """Tells that something is tried again, and why, so that no wait is silent."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line for a retry that the policy has scheduled."""
        seconds = getattr(record, "stamina.wait_for", 0.0)
        cause = getattr(record, "stamina.caused_by", "")
        look = self._console.look(sys.stderr)
        sign = look.sign(Sign.REBUILD)
        self._console.say(f"{sign} trying again in {seconds} s: {plain(cause)}")


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV; what is neither text nor number is written as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_csv_value(v) for v in row.values()] for row in rows)
    return text.getvalue().removesuffix("\n")


def _csv_value(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return str(value).lower() if isinstance(value, bool) else value
    return json.dumps(value, ensure_ascii=False)


def _unicode(stream: TextIO) -> bool:
    try:
        "".join(Sign).encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
