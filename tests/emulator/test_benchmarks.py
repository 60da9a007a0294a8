"""``make bench``, at a size that takes seconds."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.contenders import Taken, Task
from benchmarks.course import checked

ROOT = Path(__file__).parents[2]
ROWS = 40
CONTENDERS = {"lht", "duckdb", "download"}
STAGERS = {"page", "fetch", "stage", "connector", "encrypted"}


def bench(*flags: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "--repeats", "1", *flags]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_objects_are_measured_against_both_yardsticks():
    """Every contender moves all rows, and says what it took of time and memory."""
    found = json.loads(
        bench("--rows", str(ROWS), "--narrow-rows", str(2 * ROWS), "--json")
    )

    assert [r["rows"] for r in found["results"]] == [ROWS, 2 * ROWS]
    assert [r["subject"]["columns"] for r in found["results"]] == [45, 8]
    for result in found["results"]:
        contenders = {m.pop("contender"): m for m in result["contenders"]}
        assert set(contenders) - STAGERS == CONTENDERS
        assert (set(contenders) >= STAGERS) is (result["subject"]["columns"] == 45)
        for measured in contenders.values():
            assert measured["rows"] == result["rows"]
            assert all(value > 0 for value in measured.values()), measured
        assert result["plain_bytes"] > result["wire_bytes"]


def test_ratios_machine_and_terms_are_printed():
    """A reader sees ratios, on what machine, and what the clocks leave out."""
    text = bench("--rows", str(ROWS), "--narrow-rows", "0")
    lines = text.splitlines()

    yardstick = next(line for line in lines if line.startswith("  DuckDB, same pages"))
    assert yardstick.split().count("1.00") == 3
    assert "x DuckDB" in text
    assert "lht, pages put onto a stage" in text
    assert "cores" in text
    assert "duckdb " in text
    assert "Before it: imports, login, describe, plan." in text


@pytest.mark.parametrize("wrong", [{"rows": 9}, {"checksum": "other"}])
def test_a_contender_that_moved_something_else_is_found(wrong):
    """Figures of tables that are not the same are not compared."""
    task = Task(
        sobject="Account",
        fields=("Id",),
        job_id="",
        job_path="",
        connection={},
        token="",
        database="",
    )
    taken = Taken(
        wall_seconds=1,
        cpu_seconds=1,
        peak_bytes=1,
        rows=10,
        checksum="one",
        columns={"Id": "VARCHAR"},
    )
    task = checked(task, taken, 10)
    assert checked(task, taken, 10) == task
    with pytest.raises(RuntimeError):
        checked(task, replace(taken, **wrong), 10)
