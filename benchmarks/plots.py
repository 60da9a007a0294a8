"""Three pictures of what was measured."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from benchmarks.figures import Figure, Section
from benchmarks.network import SLOWLY
from benchmarks.runs import Measured

# Colours that people tell apart whatever they see of colours.
# Source: M. Okabe, K. Ito, "Color Universal Design", 2008.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#7F7F7F"
_SHADES: Final = ("#9CC9E3", "#4A9CCB", "#00507D", "#002B43")  # from few to many rows
_DPI: Final = 90
_STYLE: Final = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
_WALL: Final = ("full", "incremental", "many")


def draw(folder: Path, sections: Sequence[Section]) -> dict[str, Path]:
    """Draw what there is something of; return the files, by what they show."""
    from matplotlib.figure import Figure as Canvas

    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[Any, Sequence[Section]], None]] = {
        "wall": _wall,
        "memory": _memory,
        "network": _network,
    }
    drawn = {}
    with mpl.rc_context(_STYLE):
        for name, paint in pictures.items():
            phases = _WALL if name == "wall" else (name,)
            some = [s for s in sections if s.phase in phases]
            if not some:
                continue
            canvas = Canvas(layout="constrained", dpi=_DPI)
            paint(canvas, some)
            drawn[name] = folder / f"performance-{name}.png"
            canvas.savefig(drawn[name], metadata={"Software": None})
    return drawn


def _wall(canvas: Any, sections: Sequence[Section]) -> None:
    """Draw ratios as bars, and what they are to be as a line on each."""
    figures = [f for s in sections for f in s.figures if _is_shown(f)]
    canvas.set_size_inches(8, 1.0 + 0.42 * len(figures))
    axes = canvas.subplots()
    places = range(len(figures))
    axes.barh(places, [f.value for f in figures], height=0.55, color=BLUE)
    for place, figure in enumerate(figures):
        text = f" {figure.value:.2f} x"
        axes.text(figure.value, place, text, va="center", color="black")
        if figure.goal.target is not None:
            axes.vlines(figure.goal.target, place - 0.4, place + 0.4, ORANGE, lw=3)
    axes.plot([], [], color=ORANGE, lw=3, label="at most")
    axes.axvline(1, color=GREY, lw=0.8, ls=":")
    axes.set_yticks(places, [f"{f.name}\n{f.beside}" for f in figures])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max(1.3, *(f.value for f in figures)))
    axes.set_xlabel("wall time, as a ratio to the yardstick (less is better)")
    axes.legend(loc="lower right", frameon=False)


def _is_shown(figure: Figure) -> bool:
    """Tell whether it is a ratio that is near one."""
    return figure.is_wall and "bare download" not in figure.beside


def _memory(canvas: Any, sections: Sequence[Section]) -> None:
    """Draw peaks by rows, and on the right memory over the runs of lht."""
    canvas.set_size_inches(8, 3.4)
    left, right = canvas.subplots(1, 2, width_ratios=(2, 3))
    runs = [run for section in sections for run in section.measured]
    for name, words, colour in (("lht", "lht", BLUE), ("duckdb", "COPY FROM", ORANGE)):
        some = [run for run in runs if run.contender == name]
        peaks = [run.peak_bytes / 1e6 for run in some]
        left.plot([r.rows / 1e6 for r in some], peaks, "o-", color=colour, label=words)
    left.set_xlabel("million rows")
    left.set_ylabel("peak memory, MB")
    left.set_ylim(bottom=0)
    left.legend(frameon=False)
    mine = [run for run in runs if run.contender == "lht" and run.samples]
    for run, colour in zip(mine, _SHADES, strict=False):
        _over_time(right, run, colour)
    right.set_xlabel("share of the run, %")
    right.set_ylabel("memory of lht, MB")
    right.set_ylim(bottom=0)
    right.legend(frameon=False)


def _over_time(axes: Any, run: Measured, colour: str) -> None:
    last = max(1, len(run.samples) - 1)
    shares = [100 * i / last for i in range(len(run.samples))]
    megabytes = [sample / 1e6 for sample in run.samples]
    axes.plot(shares, megabytes, color=colour, lw=1.2, label=f"{run.rows:,} rows")


def _network(canvas: Any, sections: Sequence[Section]) -> None:
    """Draw seconds: what connections can carry, a bare download, lht."""
    some = [s for s in sections if s.best_seconds]
    canvas.set_size_inches(8, 1.2 + 0.8 * len(some))
    axes = canvas.subplots()
    bars = (
        ("what the connections can carry", GREY, [s.best_seconds for s in some]),
        ("a bare download", ORANGE, [_seconds(s, "download") for s in some]),
        ("lht.sync", BLUE, [_seconds(s, "lht") for s in some]),
    )
    for offset, (words, colour, seconds) in zip((-1, 0, 1), bars, strict=True):
        places = [place + 0.26 * offset for place in range(len(some))]
        drawn = axes.barh(places, seconds, height=0.24, color=colour, label=words)
        axes.bar_label(drawn, fmt=" %.1f s")
    names = [s.figures[0].name.removesuffix(SLOWLY) for s in some]
    axes.set_yticks(range(len(some)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("seconds over the slow network (less is better)")
    canvas.legend(frameon=False, loc="outside upper center", ncols=len(bars))


def _seconds(section: Section, contender: str) -> float:
    found = (r.wall_seconds for r in section.measured if r.contender == contender)
    return next(found)
