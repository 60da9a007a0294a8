"""Plans and reports as HTML for notebooks.

One table with inline styles; no script, nothing fetched, all text escaped. A notebook
keeps what it shows, so a long table ends in a count before it gets heavy.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import accumulate
from typing import Final

from lht.report.look import Look, duration, number
from lht.report.terminal import (
    four_counts,
    place_line,
    plan_calls,
    plan_summary,
    render_ending,
    render_error,
    stamp,
)
from lht.report.values import (
    Change,
    ErrorReport,
    ObjectPlan,
    ObjectReport,
    Status,
    SyncPlan,
    SyncReport,
)

MAX_TABLE_BYTES: Final = 14_000
MAX_ERRORS: Final = 5
_TABLE: Final = "border-collapse:collapse;color:currentColor"
_SIGNS: Final = {Status.SUCCEEDED: "✓", Status.FAILED: "✗"}
_CHANGES: Final = {
    Change.CREATE: "+",
    Change.UPDATE: "~",
    Change.REBUILD: "!",
    Change.NOTHING: "=",
}
_REPORT_TITLES: Final = (
    *("", "object", "load"),
    *("read", "inserted", "updated", "unchanged", "deleted"),
    *("seconds", "complete up to"),
)
_PLAN_TITLES: Final = ("", "object", "load", "via", "rows about", "calls", "why")
_NUMBERS: Final = frozenset(
    {"read", "inserted", "updated", "unchanged", "deleted"}
    | {"seconds", "rows about", "calls"}
)


def render_report(report: SyncReport) -> str:
    """Return the final table, with the sentence of the four counts as its caption."""
    succeeded = report.status is Status.SUCCEEDED
    ending = four_counts(report) if succeeded else render_ending(report, Look())
    rows = [_receipt(o) for o in report.objects]
    errors = _errors(o.error for o in report.objects)
    return _table(_REPORT_TITLES, rows, ending) + errors


def render_plan(plan: SyncPlan) -> str:
    """Return what a sync will do as one table."""
    caption = f"{place_line(plan.place)}. {plan_summary(plan)} {plan_calls(plan)}"
    rows = [_planned(o) for o in plan.objects]
    return _table(_PLAN_TITLES, rows, caption) + _errors(o.error for o in plan.objects)


def _receipt(o: ObjectReport) -> list[str]:
    counts = (o.read, o.inserted, o.updated, o.unchanged, o.deleted)
    return [
        f"{_SIGNS.get(o.status, '-')} {o.status}",
        o.sobject,
        o.mode or "",
        *map(number, counts),
        duration(o.seconds),
        stamp(o.complete_up_to),
    ]


def _planned(o: ObjectPlan) -> list[str]:
    return [
        f"{_CHANGES[o.change]} {o.change}" if o.error is None else "✗ failed",
        o.sobject,
        o.mode,
        o.via,
        number(o.estimated_rows),
        number(o.estimated_calls),
        o.why,
    ]


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    head = "".join(_cell("th", t, t) for t in titles)
    lines = [_row(titles, row) for row in rows]
    sizes = accumulate(len(line.encode()) for line in lines)
    shown = sum(size <= MAX_TABLE_BYTES for size in sizes)
    more = f"<p>and {len(rows) - shown:,} more objects</p>" if shown < len(rows) else ""
    words = f'<caption style="text-align:left">{escape(caption)}</caption>'
    return (
        f'<table style="{_TABLE}">{words}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines[:shown])}</tbody></table>{more}"
    )


def _row(titles: Sequence[str], row: Sequence[str]) -> str:
    cells = (_cell("td", t, v) for t, v in zip(titles, row, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(tag: str, title: str, text: str) -> str:
    side = "right" if title in _NUMBERS else "left"
    style = f"text-align:{side};padding:2px 8px"
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'


def _errors(errors: Iterable[ErrorReport | None]) -> str:
    causes = list({str(e): e for e in errors if e}.values())[:MAX_ERRORS]
    return "".join(
        f"<details open><summary>{escape(e.code)}</summary>"
        f'<pre style="white-space:pre-wrap">{escape(render_error(e, Look()))}</pre>'
        "</details>"
        for e in causes
    )
