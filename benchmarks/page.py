"""The part of ``docs/performance.md`` that is measured, and the pictures in it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.figures import Section
from benchmarks.plots import draw
from benchmarks.report import COLUMNS, HEADS, INCLUDED, RIGHT, cells, numbers, worded

BEGIN: Final = "<!-- measured: `make bench` writes from here on -->"
END: Final = "<!-- measured: to here -->"
NAME: Final = "performance.md"
_NEW: Final = f"# Performance\n\n{BEGIN}\n{END}\n"
_ALT: Final = {
    "wall": "wall times as ratios to their yardsticks",
    "memory": "peak memory by rows, and memory over a run",
    "network": "seconds over a slow network",
}


def read(folder: Path) -> tuple[str, str]:
    """Return what stands before and after the measured part; a new page has little.

    Raises:
        ValueError: The page has no such part.
    """
    page = folder / NAME
    text = page.read_text(encoding="utf-8") if page.exists() else _NEW
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{NAME} lacks the lines {BEGIN} and {END}")
    return before, after


def write(
    folder: Path, facts: dict[str, str], sections: Sequence[Section], repeats: int
) -> None:
    """Renew the measured part of the page in a folder; what is around it stays."""
    before, after = read(folder)
    pictures = draw(folder / "images", sections)
    measured = "\n".join(_measured(pictures, facts, sections, repeats))
    text = f"{before}{BEGIN}\n\n{measured}\n{END}{after}"
    (folder / NAME).write_text(text, encoding="utf-8")


def _measured(
    pictures: dict[str, Path],
    facts: dict[str, str],
    sections: Sequence[Section],
    repeats: int,
) -> Iterator[str]:
    figures = [cells(figure) for section in sections for figure in section.figures]
    yield from _table(HEADS, figures, right=RIGHT)
    for name, path in pictures.items():
        yield f"![{_ALT[name]}](images/{path.name})\n"
    yield "### What each took\n"
    for section in sections:
        yield f"**{section.title}**\n"
        rows = [(worded(run), *numbers(run)) for run in section.measured]
        yield from _table(("", *COLUMNS), rows, right=range(1, len(COLUMNS) + 1))
    yield "### What the clocks include\n"
    yield f"{INCLUDED}\n"
    yield "### On what it was measured\n"
    yield from (f"- {name}: {fact}" for name, fact in facts.items())
    yield f"- repeats: {repeats}, in turn\n"


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]
) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield (
        "|" + "|".join("--:" if i in right else "---" for i in range(len(heads))) + "|"
    )
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
