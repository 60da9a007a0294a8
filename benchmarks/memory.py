"""Memory by the number of rows: it is to be the same for ten times as many."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.course import Course, Prepared
from benchmarks.figures import FLAT, PEAK, Figure, Section
from benchmarks.runs import Measured, typical

YARDSTICK: Final = "duckdb"


def memory(course: Course, sizes: Iterable[int], repeats: int) -> Section:
    """Measure each number of rows, the yardstick once; the org has the greatest."""
    found: list[Measured] = []
    for rows in sorted(sizes):
        prepared = course.first(rows)
        for name, times in (("lht", repeats), (YARDSTICK, 1)):
            runs: list[Measured] = []
            for _ in range(times):
                measured, task = course.once(name, prepared)
                prepared = replace(prepared, task=task)
                runs.append(measured)
            found.append(typical(runs))
        _removed(prepared)
    return Section(
        phase="memory",
        title=f"memory, {course.subject.title}: {course.subject.sobject},"
        f" {course.subject.columns} columns",
        figures=tuple(_figures([run for run in found if run.contender == "lht"])),
        measured=tuple(found),
    )


def _removed(prepared: Prepared) -> None:
    """Make room for the next ones."""
    for folder in {Path(page).parent for page in prepared.task.pages}:
        shutil.rmtree(folder)


def _figures(runs: list[Measured]) -> Iterator[Figure]:
    for run in runs:
        yield Figure(
            name=f"full sync, wide, {run.rows:,} rows",
            beside="peak memory",
            value=run.peak_bytes / 1e6,
            unit="MB",
            goal=PEAK,
        )
    few, lots = runs[0], runs[-1]
    if few is lots:
        return
    yield Figure(
        name=f"full sync, wide, {lots.rows:,} rows",
        beside=f"peak memory / that of {few.rows:,} rows",
        value=lots.peak_bytes / few.peak_bytes,
        told=f"{lots.peak_bytes / 1e6:,.0f} MB / {few.peak_bytes / 1e6:,.0f} MB",
        goal=FLAT,
    )
