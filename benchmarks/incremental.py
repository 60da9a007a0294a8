"""Changes into a table that is there, beside the best upsert written by hand."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

from benchmarks.course import Course, Prepared
from benchmarks.figures import NONE, UPSERT, Goal, Section, wall
from benchmarks.full import described
from benchmarks.upserts import UPSERTS


def incremental(
    course: Course, sizes: Iterable[int], repeats: int
) -> Iterator[tuple[Section, Prepared]]:
    """Measure some numbers of changes; yield each with the job that brings them.

    There is a target for the fewest changes, of which most syncs are.
    """
    goals = chain([UPSERT], repeat(NONE))
    for rows, goal in zip(sorted(sizes), goals, strict=False):
        prepared = course.changed(rows)
        yield _measured(course, prepared, repeats, goal), prepared


def _measured(course: Course, prepared: Prepared, repeats: int, goal: Goal) -> Section:
    found = course.contest(prepared, ("lht", *UPSERTS), repeats)
    best = min(found[name].wall_seconds for name in UPSERTS)
    name = changes(course, prepared)
    return Section(
        phase="incremental",
        title=described(name, course, prepared),
        figures=(wall(name, found["lht"], "upsert by hand", best, goal),),
        measured=tuple(found.values()),
    )


def changes(course: Course, prepared: Prepared) -> str:
    """Say how many rows change, of how many."""
    rows, whole = prepared.task.rows, course.filled.task.rows
    return f"{rows:,} changes into {whole:,} rows, {course.subject.title}"
