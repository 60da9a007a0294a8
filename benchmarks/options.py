"""What a run of the benchmark is asked for."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.proxy import Profile

PHASES: Final = ("full", "stage", "incremental", "many", "network", "memory")
_CHANGES: Final = (100, 10)  # one row in so many
_MEMORY: Final = (1, 3, 10)  # times as many rows
_DOCS: Final = Path(__file__).parents[1] / "docs"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; sizes that are not said follow from those that are."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure a sync and its yardsticks side by side.",
    )
    _add_sizes(parser)
    parser.add_argument(
        "--only",
        type=_phases,
        default=set(PHASES),
        metavar="PHASE,...",
        help=f"of {', '.join(PHASES)}",
    )
    parser.add_argument("--folder", help="where to put pages and tables meanwhile")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--report",
        nargs="?",
        type=Path,
        const=_DOCS,
        metavar="FOLDER",
        help="write performance.md and its pictures, into docs if not said otherwise",
    )
    options = parser.parse_args(arguments)
    rows = options.rows or 1
    options.many_rows = options.many_rows or rows
    options.changes = options.changes or [max(1, rows // part) for part in _CHANGES]
    options.memory_rows = options.memory_rows or [rows * times for times in _MEMORY]
    options.profile = Profile(
        round_trip_seconds=options.round_trip / 1e3,
        bytes_per_second=options.connection_rate * 1e6,
    )
    return options


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    for flag, default, text in (
        ("--rows", 1_000_000, "rows of the wide object; 0 leaves it out"),
        ("--narrow-rows", 5_000_000, "rows of the narrow object; 0 leaves it out"),
        ("--many-rows", None, "rows of the largest of many; as --rows if not said"),
        ("--repeats", 3, "runs of each contender"),
    ):
        parser.add_argument(flag, type=int, default=default, metavar="N", help=text)
    for flag, text in (
        ("--changes", "changed rows; 1 and 10 in 100 of --rows if not said"),
        ("--memory-rows", "for memory; --rows, 3 and 10 times as many if not said"),
    ):
        parser.add_argument(flag, type=_numbers, metavar="N,...", help=text)
    for flag, default, text in (
        ("--round-trip", 400.0, "milliseconds, of the slow network"),
        ("--connection-rate", 10.0, "MB a second of each connection, of the same"),
    ):
        parser.add_argument(flag, type=float, default=default, metavar="X", help=text)


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _phases(text: str) -> set[str]:
    words = set(text.split(","))
    if unknown := words - set(PHASES):
        raise argparse.ArgumentTypeError(f"no phase is called {unknown.pop()}")
    return words
