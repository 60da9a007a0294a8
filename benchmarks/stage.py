"""Pages onto a stage, as a load into Snowflake puts them there."""

from benchmarks.course import Course
from benchmarks.figures import Figure, Section
from benchmarks.full import described
from benchmarks.stagers import STAGERS


def stage(course: Course, repeats: int) -> Section:
    """Measure it."""
    prepared = course.filled
    found = course.contest(prepared, STAGERS, repeats)
    mine, bare = found["stage"], found["page"]
    pages = len(prepared.pages.paths)
    return Section(
        phase="stage",
        title=described("pages onto a stage", course, prepared),
        figures=(
            Figure(
                name="pages onto a stage",
                beside="CPU / CPU of a bare download",
                value=mine.cpu_seconds / bare.cpu_seconds,
                told=f"{mine.cpu_seconds / pages * 1e3:.1f} ms /"
                f" {bare.cpu_seconds / pages * 1e3:.1f} ms a page",
            ),
        ),
        measured=tuple(found.values()),
    )
