"""Plans, reports, histories and errors as text for people."""

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from lht.exceptions import CommitStateUnknownError
from lht.report.look import (
    Column,
    Look,
    Sign,
    Style,
    duration,
    duration_words,
    number,
    plain,
    render_table,
)
from lht.report.values import (
    Change,
    ErrorReport,
    ObjectPlan,
    ObjectReport,
    Place,
    Status,
    SyncPlan,
    SyncReport,
)

PLAIN: Final = Look()
_CHANGE_SIGNS: Final = {c: Sign[c.name] for c in Change}
_CHANGE_WORDS: Final = {
    Change.CREATE: "to create",
    Change.UPDATE: "to update",
    Change.REBUILD: "to rebuild",
    Change.NOTHING: "unchanged",
}


# -- plan ----------------------------------------------------------------------------


def render_plan(plan: SyncPlan, look: Look, *, command: str | None = None) -> str:
    """Return what a sync will do; *command* is the line that does it."""
    parts = [
        place_line(plan.place),
        "\n".join(_plan_table(plan.objects, look)),
        "\n".join(_notes(plan.objects, look)),
        "\n\n".join(render_error(o.error, look) for o in plan.objects if o.error),
        "\n".join(_plan_ending(plan, look, command)),
    ]
    return "\n\n".join(filter(None, parts))


def place_line(place: Place) -> str:
    """Name where a run reads and where it writes."""
    org = org_line(place.org_url, place.org_id)
    return f"{org} -> {place.warehouse}, schema {place.schema}"


def org_line(url: str, org_id: str) -> str:
    """Name an org."""
    return f"{url.partition('://')[2] or url} ({org_id})"


def _plan_table(objects: Sequence[ObjectPlan], look: Look) -> list[str]:
    columns = [
        Column("object", [o.sobject for o in objects]),
        Column("load", ["" if o.error else o.mode for o in objects]),
        Column("via", [o.via for o in objects]),
        Column("rows about", [number(o.estimated_rows) for o in objects], right=True),
        Column("calls", [number(o.estimated_calls) for o in objects], right=True),
        Column("why", [_why(o) for o in objects]),
    ]
    return render_table([_plan_sign(o) for o in objects], columns, look)


def _why(plan: ObjectPlan) -> str:
    return "see below" if plan.error else plain(plan.why)


def _plan_sign(plan: ObjectPlan) -> Sign:
    return Sign.FAILED if plan.error else _CHANGE_SIGNS[plan.change]


def _notes(objects: Sequence[ObjectPlan], look: Look) -> Iterator[str]:
    width = max((len(o.sobject) for o in objects), default=0)
    for o in objects:
        for note in o.notes:
            yield f"{look.sign(_plan_sign(o))} {o.sobject:{width}}  {plain(note)}"


def _plan_ending(plan: SyncPlan, look: Look, command: str | None) -> Iterator[str]:
    yield plan_summary(plan)
    yield f"{plan_calls(plan)} Nothing was moved."
    if command and plan.has_work:
        yield f"Run it: {look.paint(command, Style.COMMAND)}"


def plan_calls(plan: SyncPlan) -> str:
    """Return one sentence: how many API calls the sync will take, of how many."""
    calls, shared, left = plan.estimated_calls, plan.shared_calls, plan.api_calls_left
    for_all = f" ({number(shared)} for all objects)" if shared else ""
    of = "" if left is None else f" of {number(left)} left today"
    return f"{number(calls)} API {_plural(calls, 'call')}{for_all}{of}."


def plan_summary(plan: SyncPlan) -> str:
    """Return one sentence: what there is to do, or that there is nothing."""
    sound = [o for o in plan.objects if not o.error]
    if len(sound) < len(plan.objects):
        return (
            f"{len(plan.objects) - len(sound)} of {len(plan.objects)} cannot be done."
        )
    known = [o.since for o in sound if o.since]
    if not plan.has_work and known:
        count = f"{len(sound)} {_plural(len(sound), 'table')}"
        verb = "is" if len(sound) == 1 else "are"
        return f"Nothing to do: {count} {verb} complete up to {stamp(min(known))}."
    counts = [
        f"{sum(o.change is change for o in sound)} {words}"
        for change, words in _CHANGE_WORDS.items()
    ]
    return f"Plan: {', '.join(counts)}."


# -- report --------------------------------------------------------------------------


def render_report(report: SyncReport, look: Look) -> str:
    """Return the whole end of a run: table, causes of failure, last words."""
    parts = [
        render_receipts(report, look),
        render_failures(report, look),
        render_ending(report, look),
    ]
    return "\n\n".join(filter(None, parts))


def render_receipts(report: SyncReport, look: Look) -> str:
    """Return the final table, one line for each object of the run."""
    objects = report.objects
    if not objects:
        return ""
    counted = ("read", "inserted", "updated", "unchanged", "deleted")
    columns = [
        Column("object", [o.sobject for o in objects]),
        Column("load", [o.mode or "" for o in objects]),
        *(
            Column(c, [number(getattr(o, c)) for o in objects], right=True)
            for c in counted
        ),
        Column(
            "seconds", [duration(o.seconds) for o in objects], right=True, optional=True
        ),
        Column("via", [o.via or "" for o in objects], optional=True),
        Column(
            "calls", [number(o.api_calls) for o in objects], right=True, optional=True
        ),
        Column(
            "complete up to",
            [stamp(o.complete_up_to) for o in objects],
            optional=True,
            style=Style.FAINT,
        ),
    ]
    return "\n".join(render_table([_sign(o) for o in objects], columns, look))


def _sign(report: ObjectReport) -> Sign:
    if report.status is Status.SUCCEEDED:
        return Sign.DONE
    return Sign.FAILED if report.error else Sign.WAITING


def render_failures(report: SyncReport, look: Look) -> str:
    """Return one block for each cause, headed by the objects that share it."""
    causes: dict[tuple[str | None, ...], list[tuple[ObjectReport, ErrorReport]]] = {}
    for o in report.objects:
        if o.error:
            causes.setdefault(_cause(o.error), []).append((o, o.error))
    blocks = []
    for failed in causes.values():
        heads = "\n".join(_failure_line(o, error, look) for o, error in failed)
        see = _see(report, [error for _, error in failed])
        blocks.append(f"{heads}\n\n{render_error(failed[0][1], look, see=see)}")
    return "\n\n".join(blocks)


def _cause(error: ErrorReport) -> tuple[str | None, ...]:
    return (error.code, error.message, error.why, error.hint)


def _failure_line(report: ObjectReport, error: ErrorReport, look: Look) -> str:
    what = "stopped" if report.status is Status.INTERRUPTED else "failed"
    when = f" while {error.context['step']}" if "step" in error.context else ""
    unknown = error.code == CommitStateUnknownError.code
    left = "may have changed" if unknown else "is as it was"
    head = f"{look.sign(Sign.FAILED)} {report.sobject}  {what}{when}"
    return f"{head}; {report.target_table} {left}"


def _see(report: SyncReport, errors: Iterable[ErrorReport]) -> list[str]:
    jobs = {str(e.context["job_id"]) for e in errors if "job_id" in e.context}
    place = report.place
    pages = [job_page(place.org_url, job) for job in sorted(jobs)] if place else []
    return [f"lht runs {report.run_id}", *pages]


def job_page(org_url: str, job_id: str) -> str:
    """Return the page in Salesforce's Setup that shows a bulk job."""
    page = "lightning/setup/AsyncApiJobStatus/page"
    return f"{org_url}/{page}?address=%2F{job_id}"


def render_ending(report: SyncReport, look: Look) -> str:
    """Return the last words of a run: the sentence with the four counts, or why not."""
    if report.status is not Status.SUCCEEDED:
        return _unfinished(report)
    calls = f"{number(report.api_calls)} API {_plural(report.api_calls, 'call')}"
    lines = [four_counts(report), f"Run {report.run_id}, {calls}."]
    if report.place and report.objects:
        try_it = look_inside(report.place, report.objects[0].target_table)
        lines[1] += f" Look: {look.paint(try_it, Style.COMMAND)}" if try_it else ""
    return "\n".join(lines)


def _unfinished(report: SyncReport) -> str:
    total = len(report.objects)
    objects = f"{total} {_plural(total, 'object')}"
    if report.status is Status.PLANNED:
        return f"{objects} planned. Nothing was moved."
    done = sum(o.status is Status.SUCCEEDED for o in report.objects)
    failed = sum(o.error is not None for o in report.objects)
    how = _ENDED.get(report.status, f"{failed} failed")
    return f"{done} of {objects} complete, {how} (exit {report.exit_code})."


_ENDED: Final = {
    Status.INTERRUPTED: "then interrupted",
    Status.DIED: "then the run died",
    Status.RUNNING: "still running",
}


def four_counts(report: SyncReport) -> str:
    """Return the sentence that stands in every success: four counts that agree."""
    total = len(report.objects)
    counts = {
        "reported": sum(o.read for o in report.objects),
        "downloaded": sum(o.downloaded for o in report.objects),
        "staged": sum(o.staged for o in report.objects),
        "loaded": sum(o.inserted + o.updated + o.unchanged for o in report.objects),
    }
    head = f"{total} {_plural(total, 'object')} complete in"
    if len(set(counts.values())) == 1:
        agreed = f"{number(counts['reported'])} {' = '.join(counts)}"
    else:
        told = ", ".join(f"{number(n)} {word}" for word, n in counts.items())
        agreed = f"the counts do not agree, {told}"
    return f"{head} {duration_words(report.seconds)}: {agreed}."


def look_inside(place: Place, table: str) -> str | None:
    """Return what shows rows of *table*: a command, or a query; None if neither is."""
    if place.warehouse_kind == "snowflake":
        database = unquote(place.warehouse.rpartition("/")[2])
        return f"SELECT * FROM {database}.{table.upper()} LIMIT 5"  # noqa: S608  shown
    scheme, slashes, path = place.warehouse.partition(":///")
    if scheme != "duckdb" or not slashes or path in {"", ":memory:"}:
        return None
    return duckdb_command(path, f"FROM {table.lower()} LIMIT 5")


def duckdb_command(path: str, sql: str) -> str:
    """Return a command that runs *sql* on a file: DuckDB's own, else Python's."""
    if shutil.which("duckdb"):
        return f'duckdb {shlex.quote(path)} "{sql}"'
    call = f"import duckdb; duckdb.connect({path!r}).sql({sql!r}).show()"
    return f'{own_word("python")} -c "{call}"'


def own_word(program: str) -> str:
    """Return the shortest word that starts a program of this Python's folder."""
    own, here = Path(sys.executable).with_name(program), Path.cwd()
    if shutil.which(program) == str(own):
        return program
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


# -- history -------------------------------------------------------------------------


def render_runs(runs: Sequence[SyncReport], look: Look) -> str:
    """Return the history, one line a run, in the order given."""
    if not runs:
        return "No runs yet."
    columns = [
        Column("run", [r.run_id for r in runs]),
        Column("started (UTC)", [f"{r.started_at:%Y-%m-%d %H:%M:%S}" for r in runs]),
        Column("took", [duration(r.seconds) for r in runs], right=True),
        Column("objects", [number(len(r.objects)) for r in runs], right=True),
        Column("result", [_result(r) for r in runs]),
        Column(
            "read", [number(sum(o.read for o in r.objects)) for r in runs], right=True
        ),
    ]
    signs = [_RUN_SIGNS.get(r.status, Sign.FAILED) for r in runs]
    return "\n".join(render_table(signs, columns, look))


_RUN_SIGNS: Final = {
    Status.SUCCEEDED: Sign.DONE,
    Status.RUNNING: Sign.WAITING,
    Status.PLANNED: Sign.NOTHING,
}


def _result(report: SyncReport) -> str:
    if report.status is Status.SUCCEEDED:
        return "ok"
    if report.status is not Status.PARTIAL:
        return report.status
    done = sum(o.status is Status.SUCCEEDED for o in report.objects)
    failed = sum(o.error is not None for o in report.objects)
    counts = {"ok": done, "failed": failed}
    counts["not done"] = len(report.objects) - done - failed
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n)


# -- objects -------------------------------------------------------------------------


def render_objects(objects: Sequence[Mapping[str, Any]], look: Look) -> str:
    """Return the objects of an org, one a line."""
    if not objects:
        return "No such objects."
    columns = [
        Column("object", [o["name"] for o in objects]),
        Column("records about", [number(o["records"]) for o in objects], right=True),
        Column("label", [plain(o["label"]) for o in objects]),
    ]
    signs = [Sign.NONE] * len(objects)
    return "\n".join(render_table(signs, columns, look))


# -- errors --------------------------------------------------------------------------


def render_error(error: ErrorReport, look: Look, *, see: Sequence[str] = ()) -> str:
    """Return the block of five labels; the unused ones are left out."""
    head = look.paint(f"error[{error.code}]", Style.BAD)
    labels = {
        "why": error.why,
        "state": error.state,
        "hint": error.hint,
        "look": "\n".join(see),
    }
    lines = [f"{head}: {plain(error.message)}"]
    for label, text in labels.items():
        if text:
            lines.append(
                f"  {label + ':':7}" + plain(text).replace("\n", "\n" + " " * 9)
            )
    return "\n".join(lines)


# -- words ---------------------------------------------------------------------------


def stamp(instant: datetime | None) -> str:
    """Return 2026-11-21 01:56:30.000Z."""
    return (
        f"{instant:%Y-%m-%d %H:%M:%S}.{instant.microsecond // 1000:03}Z"
        if instant
        else ""
    )


def command_line(words: Iterable[str]) -> str:
    """Return words as a line that a shell reads as the same words."""
    return shlex.join(words)


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
