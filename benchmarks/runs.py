"""Contenders' runs, each in a process of its own, and what they took."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.org import OrgProcess
from benchmarks.task import Taken, Task

SAMPLE_SECONDS: Final = 0.05  # between two looks at a contender's memory
_MOST_SAMPLES: Final = 400  # that are kept of a run

Sample = tuple[float, int]  # when, and the resident bytes


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a contender took to move some rows: medians, but the greatest memory."""

    contender: str
    rows: int
    wall_seconds: float
    cpu_seconds: float
    org_cpu_seconds: float
    peak_bytes: int
    samples: tuple[int, ...] = ()  # resident bytes, while its clock ran


def measure(
    contender: str, task: Task, org: OrgProcess, *, label: str | None = None
) -> tuple[Measured, Taken]:
    """Let a contender move the rows, in a process of its own."""
    before = org.cpu_seconds()
    taken, samples = _run(contender, task)
    measured = Measured(
        contender=label or contender,
        rows=taken.rows,
        wall_seconds=taken.wall_seconds,
        cpu_seconds=taken.cpu_seconds,
        org_cpu_seconds=org.cpu_seconds() - before,
        peak_bytes=taken.peak_bytes,
        samples=_thinned(_during(samples, taken)),
    )
    say(f"  {measured.contender}, {taken.rows:,} rows: {taken.wall_seconds:.2f} s")
    return measured, taken


def say(text: str) -> None:
    """Tell who waits how far it has come."""
    print(text, file=sys.stderr, flush=True)


def _run(contender: str, task: Task) -> tuple[Taken, list[Sample]]:
    samples: list[Sample] = []
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.contenders", contender],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, ended, samples))
        watcher.start()
        out, _ = process.communicate(json.dumps(asdict(task)))
        ended.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{contender} has failed; see above")
    return Taken(**json.loads(out)), samples


def _watch(pid: int, ended: threading.Event, samples: list[Sample]) -> None:
    """Look at a process's memory from time to time (Linux only)."""
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    statm = Path(f"/proc/{pid}/statm")
    while not ended.wait(SAMPLE_SECONDS):
        with suppress(OSError, IndexError):
            resident = int(statm.read_text().split()[1]) * page_bytes
            samples.append((time.monotonic(), resident))


def _during(samples: list[Sample], taken: Taken) -> list[int]:
    """Leave out what was seen before and after the clock ran."""
    return [size for at, size in samples if taken.began_at <= at <= taken.ended_at]


def _thinned(samples: list[int]) -> tuple[int, ...]:
    """Keep the greatest of each few, so that no peak is lost."""
    step = -(-len(samples) // _MOST_SAMPLES) or 1
    return tuple(max(samples[i : i + step]) for i in range(0, len(samples), step))


def typical(runs: list[Measured]) -> Measured:
    """Return the medians of some runs, and the greatest memory."""
    greatest = max(runs, key=lambda run: run.peak_bytes)
    return replace(
        greatest,
        wall_seconds=median(run.wall_seconds for run in runs),
        cpu_seconds=median(run.cpu_seconds for run in runs),
        org_cpu_seconds=median(run.org_cpu_seconds for run in runs),
    )


def all_typical(runs: Mapping[str, list[Measured]]) -> dict[str, Measured]:
    """Return the same of each contender."""
    return {name: typical(done) for name, done in runs.items()}


def in_turn(names: Iterable[str], repeats: int) -> list[str]:
    """Return who runs when: each after the others, again and again."""
    return list(names) * repeats


def checked(task: Task, taken: Taken) -> Task:
    """Hold what a contender moved against what the others did; keep it for later.

    Raises:
        RuntimeError: It is not the same.
    """
    if taken.rows != task.rows:
        raise RuntimeError(
            f"{taken.rows:,} rows were moved where there are {task.rows:,}"
        )
    if not taken.columns:
        return task
    if task.checksum not in {"", taken.checksum}:
        raise RuntimeError("the tables that were filled do not hold the same values")
    return replace(task, columns=taken.columns, checksum=taken.checksum)
