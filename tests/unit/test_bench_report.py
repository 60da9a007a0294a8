"""How the benchmarks tell what they have found."""

import pytest
from benchmarks import page
from benchmarks.figures import Figure, Goal, Section, wall
from benchmarks.plots import draw
from benchmarks.report import render
from benchmarks.runs import Measured, typical

GOAL = Goal(target=1.3, reach=1.0)


def run(contender: str, *, rows: int = 1_000, seconds: float = 1.0, mb: int = 100):
    return Measured(
        contender=contender,
        rows=rows,
        wall_seconds=seconds,
        cpu_seconds=seconds / 2,
        org_cpu_seconds=0.1,
        peak_bytes=mb * 10**6,
        samples=(mb * 10**6 // 2, mb * 10**6),
    )


def section(phase: str, *measured: Measured) -> Section:
    one = wall("full sync, wide", measured[0], "COPY FROM", 2.0, GOAL)
    return Section(
        phase=phase,
        title=f"{phase}: some rows",
        figures=(one,),
        measured=measured,
        best_seconds=2.0,
    )


@pytest.mark.parametrize(
    ("value", "goal", "verdict"),
    [
        (1.31, GOAL, "not met"),
        (1.3, GOAL, "met"),
        (1.01, GOAL, "met"),
        (1.0, GOAL, "met, and its reach"),
        (1.2, Goal(target=1.2), "met"),
        (9.9, Goal(), ""),
    ],
)
def test_a_figure_says_whether_it_is_what_it_is_to_be(value, goal, verdict):
    """At most the target; the reach is told where there is one."""
    assert Figure(name="", beside="", value=value, goal=goal).verdict == verdict


def test_medians_and_the_greatest_memory_are_told():
    """One slow run does not count, one that needs more memory does."""
    runs = [run("lht", seconds=s, mb=mb) for s, mb in ((1, 5), (9, 7), (2, 6))]
    found = typical(runs)
    assert (found.wall_seconds, found.cpu_seconds) == (2, 1)
    assert (found.peak_bytes, found.samples) == (7_000_000, runs[1].samples)


def test_figures_stand_beside_their_targets():
    """Value, target, reach, verdict and what it is from are on one line."""
    text = render({"machine": "one"}, [section("full", run("lht"))], 3)
    line = next(x for x in text.splitlines() if x.startswith("full sync, wide"))
    words = ["full sync, wide", "wall / COPY FROM", "0.50 x", "1.30 x", "1.00 x"]
    told = [word.strip() for word in line.split("  ") if word]
    assert told == [*words, "met, and its reach", "1.00 s / 2.00 s"]


def test_pictures_show_what_there_is(tmp_path):
    """Small pictures, and none of phases that did not run."""
    sizes = [run(n, rows=r, mb=9) for r in (1_000, 3_000) for n in ("lht", "duckdb")]
    sections = [section("full", run("lht")), section("memory", *sizes)]
    network = section("network", run("lht"), run("download"))

    assert list(draw(tmp_path, sections)) == ["wall", "memory"]
    pictures = draw(tmp_path, [*sections, network])
    assert list(pictures) == ["wall", "memory", "network"]
    assert all(0 < path.stat().st_size < 60_000 for path in pictures.values())


def test_a_page_without_the_measured_part_is_not_overwritten(tmp_path):
    """What somebody wrote is never lost."""
    (tmp_path / page.NAME).write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the lines"):
        page.read(tmp_path)
    assert (tmp_path / page.NAME).read_text(encoding="utf-8") == "# Mine\n"


def test_a_page_that_is_not_there_is_begun(tmp_path):
    """It has a heading and what was measured, and can be written again."""
    for machine in ("one", "another"):
        page.write(tmp_path, {"machine": machine}, [section("full", run("lht"))], 1)
    text = (tmp_path / page.NAME).read_text(encoding="utf-8")
    assert text.startswith("# Performance\n")
    assert "- machine: another\n" in text
    assert "- machine: one\n" not in text
