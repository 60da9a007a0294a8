"""Prints what becomes of recordings: ``python -m tests.recorded DATA [NAME]``."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.recorded.known import KNOWN
from tests.recorded.readers import read_recording
from tests.recorded.replay import Outcome, Unexplained, replay
from tests.recorded.scenes import SCENES


def report(name: str, outcome: Outcome) -> Iterator[str]:
    """Yield what there is to tell of a recording, differences grouped by place."""
    yield f"{name}: {outcome}"
    for why, count in outcome.out.items():
        yield f"    {count} out of scope: {why}"
    groups: dict[tuple[str, str, str], list[Unexplained]] = defaultdict(list)
    for each in outcome.unknown:
        groups[each.kind, each.difference.at, each.difference.what].append(each)
    for found in groups.values():
        yield f"  ! {len(found)} times, such as {found[0]}"
    for known in KNOWN:
        if known.recording == name and known not in outcome.met:
            yield f"  ? not there any more: {known}"


def main(data: Path, names: list[str]) -> None:
    """Replay recordings and print what becomes of them."""
    for name in names or SCENES:
        with TemporaryDirectory() as folder:
            exchanges = read_recording(data, name)
            outcome = replay(name, exchanges, data, Path(folder))
        for line in report(name, outcome):
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
