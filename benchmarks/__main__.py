"""Measure a sync and its yardsticks side by side, and print what was found."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.course import Course, Result, Subject
from benchmarks.org import OrgProcess
from benchmarks.report import machine, render

WIDE = Subject("wide", "Account", columns=45, staged=True)
NARROW = Subject("narrow", "Reading__c", columns=8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark as the arguments ask."""
    options = _options(arguments)
    facts = machine()
    results = [
        _measure(subject, rows, options)
        for subject, rows in ((WIDE, options.rows), (NARROW, options.narrow_rows))
        if rows
    ]
    if options.json:
        found = {"machine": facts, "repeats": options.repeats}
        print(json.dumps(found | {"results": [asdict(r) for r in results]}, indent=2))
    else:
        print(render(facts, results, options.repeats))


def _measure(subject: Subject, rows: int, options: argparse.Namespace) -> Result:
    print(f"{rows:,} rows of {subject.sobject}", file=sys.stderr, flush=True)
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        OrgProcess({subject.sobject: rows}) as org,
    ):
        return Course(org, subject, Path(folder)).run(options.repeats)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    for flag, default, text in (
        ("--rows", 1_000_000, "rows of the wide object; 0 leaves it out"),
        ("--narrow-rows", 5_000_000, "rows of the narrow object; 0 leaves it out"),
        ("--repeats", 3, "runs of each contender"),
    ):
        parser.add_argument(flag, type=int, default=default, metavar="N", help=text)
    parser.add_argument("--folder", help="where to put pages and tables meanwhile")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
