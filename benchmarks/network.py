"""The same over a slow network, beside what its connections can carry."""

from collections import defaultdict
from dataclasses import replace
from typing import Final

from benchmarks.course import Course, Prepared
from benchmarks.figures import Goal, Section, wall
from benchmarks.full import described
from benchmarks.proxy import Network, Profile
from benchmarks.runs import Measured, all_typical

SLOWLY: Final = ", slow network"


def worded(profile: Profile) -> str:
    """Say what a network is like."""
    milliseconds = profile.round_trip_seconds * 1e3
    megabytes = profile.bytes_per_second / 1e6
    return f"{milliseconds:g} ms, {megabytes:g} MB/s per connection"


def network(
    course: Course,
    prepared: Prepared,
    profile: Profile,
    repeats: int,
    *,
    name: str,
    goal: Goal,
) -> Section:
    """Measure a job's rows over a slow network, and a bare download of its pages.

    The download has as many connections as lht has used to bring pages.
    """
    runs: dict[str, list[Measured]] = defaultdict(list)
    used = 1
    with Network(course.org.connection, profile) as slow:
        for _ in range(repeats):
            task = replace(prepared.task, connection=slow.connection)
            slow.connections()
            runs["lht"].append(course.once("lht", prepared, task)[0])
            used = max(used, slow.connections())
            task = replace(task, connections=used)
            runs["download"].append(course.once("download", prepared, task)[0])
    found = all_typical(runs)
    pages = len(prepared.task.pages)
    best = profile.best_seconds(prepared.task.wire_bytes, pages, used)
    lines = f"{used} connection{'s' if used > 1 else ''}"
    lht, bare = found["lht"], found["download"].wall_seconds
    return Section(
        phase="network",
        title=described(f"{name}, over {worded(profile)}", course, prepared),
        figures=(
            wall(f"{name}{SLOWLY}", lht, f"what {lines} can carry", best, goal),
            wall(f"{name}{SLOWLY}", lht, f"a bare download over {lines}", bare),
        ),
        measured=tuple(found.values()),
        best_seconds=best,
    )
