"""Measure a sync and its yardsticks side by side, and print what was found."""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from benchmarks.course import Course, Prepared, Subject
from benchmarks.figures import NONE, SLOW, Goal, Section
from benchmarks.full import full
from benchmarks.incremental import changes, incremental
from benchmarks.machine import machine
from benchmarks.many import many, sizes
from benchmarks.memory import memory
from benchmarks.network import SLOWLY, network
from benchmarks.options import parsed
from benchmarks.org import OrgProcess
from benchmarks.proxy import Network
from benchmarks.report import render
from benchmarks.runs import say
from benchmarks.stage import stage

WIDE: Final = Subject("wide", "Account", columns=45)
NARROW: Final = Subject("narrow", "Reading__c", columns=8)
_OF_SUBJECTS: Final = {"full", "stage", "incremental", "network"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark as the arguments ask."""
    options = parsed(arguments)
    if options.report:
        from benchmarks import page

        page.read(options.report)  # or it would be found out at the end
    facts, sections = machine(), []
    try:
        for section in _sections(options):
            sections.append(section)  # noqa: PERF402  kept, should a later one fail
    finally:
        if options.json:
            found = {"machine": facts, "repeats": options.repeats}
            found["sections"] = [_plain(section) for section in sections]
            print(json.dumps(found, indent=2))
        else:
            print(render(facts, sections, options.repeats))
    if options.report:
        page.write(options.report, facts, sections, options.repeats)


def _plain(section: Section) -> dict[str, object]:
    verdicts = [{"verdict": figure.verdict} for figure in section.figures]
    plain = asdict(section)
    plain["figures"] = [
        figure | verdict
        for figure, verdict in zip(plain["figures"], verdicts, strict=True)
    ]
    return plain


def _sections(options: argparse.Namespace) -> Iterator[Section]:
    """Measure one phase after the other."""
    only = options.only
    for subject, rows in ((WIDE, options.rows), (NARROW, options.narrow_rows)):
        if rows and only & _OF_SUBJECTS:
            yield from _of_subject(subject, rows, options)
    if "many" in only:
        yield from _many(options)
    if "memory" in only:
        yield _memory(options)


def _of_subject(
    subject: Subject, rows: int, options: argparse.Namespace
) -> Iterator[Section]:
    say(f"{rows:,} rows of {subject.sobject}")
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        OrgProcess({subject.sobject: rows}) as org,
    ):
        course = Course(org, subject, Path(folder))
        if "full" in options.only:
            yield full(course, options.repeats)
        if "stage" in options.only and subject is WIDE:
            yield stage(course, options.repeats)
        if "network" in options.only:
            name, whole = f"full sync, {subject.title}", course.filled
            yield _slowly(course, replace(whole, base=None), name, options, SLOW)
        if "incremental" in options.only:
            yield from _changes(course, options)


def _changes(course: Course, options: argparse.Namespace) -> Iterator[Section]:
    found = incremental(course, options.changes, options.repeats)
    for number, (section, prepared) in enumerate(found):
        yield section
        if "network" in options.only and not number:
            yield _slowly(course, prepared, changes(course, prepared), options, NONE)


def _slowly(
    course: Course,
    prepared: Prepared,
    name: str,
    options: argparse.Namespace,
    goal: Goal,
) -> Section:
    say(f"{name}, over a slow network")
    profile, repeats = options.profile, options.repeats
    return network(course, prepared, profile, repeats, name=name, goal=goal)


def _many(options: argparse.Namespace) -> Iterator[Section]:
    rows = sizes(options.many_rows)
    say(f"{len(rows)} objects, {options.many_rows:,} rows of the largest")
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        OrgProcess(rows) as org,
    ):
        place = Path(folder)
        yield many(org, org.connection, place, options.repeats)
        if "network" in options.only:
            say("the same, over a slow network")
            with Network(org.connection, options.profile) as slow:
                yield many(org, slow.connection, place, 1, over=SLOWLY)


def _memory(options: argparse.Namespace) -> Section:
    most = max(options.memory_rows)
    say(f"memory, up to {most:,} rows")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = Path(folder, "org.duckdb")
        with OrgProcess({WIDE.sobject: most}, file) as org:
            course = Course(org, WIDE, Path(folder))
            return memory(course, options.memory_rows, options.repeats)


if __name__ == "__main__":
    main()
