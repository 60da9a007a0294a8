"""``make bench``, at a size that takes seconds."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.many import LARGEST, sizes
from benchmarks.runs import checked
from benchmarks.task import Taken, Task

ROOT = Path(__file__).parents[2]
ROWS = 40
TAKEN = ("wall_seconds", "cpu_seconds", "org_cpu_seconds", "peak_bytes")
QUICK = ("--repeats", "1", "--round-trip", "10", "--connection-rate", "100")
STAGERS = {"page", "fetch", "stage", "connector", "encrypted"}
CONTENDERS = {  # by phase
    "full": {"lht", "duckdb", "download"},
    "stage": STAGERS,
    "incremental": {"lht", "delete and insert", "merge"},
    "many": {"all of them", f"{LARGEST} alone"},
    "memory": {"lht", "duckdb"},
}


def bench(*flags: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *QUICK, *flags]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_phase_moves_all_rows():
    """Each contender of each phase moves what it is to move, and says what it took."""
    rows = ("--rows", str(ROWS), "--narrow-rows", "0", "--changes", "20")
    only = ("--only", "full,stage,incremental,many,memory")
    others = ("--many-rows", "2", "--memory-rows", "10")
    found = json.loads(bench(*rows, *only, *others, "--json"))

    every = sizes(2)
    assert [_moved(section) for section in found["sections"]] == [
        ("full", {ROWS}),
        ("stage", {ROWS}),
        ("incremental", {20}),
        ("many", {sum(every.values()), every[LARGEST]}),
        ("memory", {10}),
    ]


def _moved(section: dict[str, Any]) -> tuple[str, set[int]]:
    """Return what a phase has moved; all that it says is there."""
    phase, measured = section["phase"], section["measured"]
    assert {run["contender"] for run in measured} == CONTENDERS[phase]
    for run in measured:
        assert all(run[what] > 0 for what in TAKEN)
    assert all(figure["value"] > 0 for figure in section["figures"])
    return phase, {run["rows"] for run in measured}


def test_what_was_found_is_printed_and_written_down(tmp_path):
    """A reader sees ratios, what they are to be, the machine, and what clocks omit."""
    page = tmp_path / "performance.md"
    page.write_text(
        "# Fast\n\nTried.\n\n<!-- measured: `make bench` writes from here on -->\nold\n"
        "<!-- measured: to here -->\n\nAlso tried.\n",
        encoding="utf-8",
    )
    sizes_of = ("--rows", "0", "--narrow-rows", str(ROWS))
    text = bench(*sizes_of, "--only", "network", "--report", str(tmp_path))
    written = page.read_text(encoding="utf-8")

    assert written.startswith("# Fast\n\nTried.\n\n<!-- measured")
    assert written.endswith("<!-- measured: to here -->\n\nAlso tried.\n")
    assert "\nold\n" not in written
    for told in (text, written):
        assert "wall / what 1 connection can carry" in told
        assert "1.20 x" in told
        assert "8 columns; pages: 1," in told
        assert "cores" in told
        assert "duckdb " in told
        assert "Before it: imports, login, describe, plan." in told
        assert "not met" in told or " met" in told
    picture = tmp_path / "images/performance-network.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"(images/{picture.name})" in written


@pytest.mark.parametrize("wrong", [{"rows": 9}, {"checksum": "other"}])
def test_a_contender_that_moved_something_else_is_found(wrong):
    """Figures of tables that are not the same are not compared."""
    task = Task(sobjects=("Account",), connection={}, database="", page_rows=(4, 6))
    taken = Taken(
        wall_seconds=1,
        cpu_seconds=1,
        peak_bytes=1,
        rows=10,
        checksum="one",
        columns={"Id": "VARCHAR"},
    )
    task = checked(task, taken)
    assert checked(task, taken) == task
    with pytest.raises(RuntimeError):
        checked(task, replace(taken, **wrong))
