"""Full syncs, beside DuckDB's reading of the same pages and their bare download."""

from dataclasses import replace

from benchmarks.course import Course, Prepared
from benchmarks.figures import CPU, NONE, WALL, Figure, Section, org_cpu, wall

CONTENDERS = ("lht", "duckdb", "download")


def full(course: Course, repeats: int) -> Section:
    """Measure it."""
    prepared = replace(course.filled, base=None)
    found = course.contest(prepared, CONTENDERS, repeats)
    title = course.subject.title
    name, lht = f"full sync, {title}", found["lht"]
    copied, bare = (found[other].wall_seconds for other in ("duckdb", "download"))
    return Section(
        phase="full",
        title=described(name, course, prepared),
        figures=(
            wall(name, lht, "DuckDB's COPY FROM", copied, WALL.get(title, NONE)),
            wall(name, lht, "a bare download", bare),
            Figure(
                name=name,
                beside="CPU of a row",
                value=lht.cpu_seconds / lht.rows * 1e6,
                unit="us",
                goal=CPU.get(title, NONE),
            ),
            org_cpu(name, lht),
        ),
        measured=tuple(found.values()),
    )


def described(name: str, course: Course, prepared: Prepared) -> str:
    """Say what is moved."""
    pages, subject = prepared.pages, course.subject
    return (
        f"{name}: {prepared.task.rows:,} rows of {subject.sobject},"
        f" {subject.columns} columns; pages: {len(pages.paths)},"
        f" {pages.plain_bytes / 1e6:,.1f} MB plain, {pages.wire_bytes / 1e6:,.1f} MB"
        " compressed"
    )
