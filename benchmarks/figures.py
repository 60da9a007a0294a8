"""What is found, as figures: each with what it is to be, and what it may reach."""

from dataclasses import dataclass

from benchmarks.runs import Measured


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure is to be at most, and what may be reached."""

    target: float | None = None
    reach: float | None = None


NONE = Goal()
WALL = {"wide": Goal(target=1.0, reach=0.85), "narrow": Goal(target=1.3, reach=1.0)}
CPU = {"wide": Goal(target=13.0, reach=10.0)}
PEAK = Goal(target=800.0, reach=600.0)
FLAT = Goal(target=1.05)
UPSERT = Goal(target=2.0)
TWENTY = Goal(target=1.3)
SLOW = Goal(target=1.2)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number that matters, the smaller the better."""

    name: str  # of what is measured
    beside: str  # what of it, or the yardstick of a ratio of wall times
    value: float
    unit: str = "x"
    told: str = ""  # what it is made from
    goal: Goal = NONE

    @property
    def is_wall(self) -> bool:
        """Whether it is a ratio of wall times."""
        return self.beside.startswith("wall / ")

    @property
    def verdict(self) -> str:
        """Say in a word or two whether it is what it is to be."""
        target, reach = self.goal.target, self.goal.reach
        if target is None:
            return ""
        if self.value > target:
            return "not met"
        return "met" if reach is None or self.value > reach else "met, and its reach"


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one phase has found of one subject."""

    phase: str
    title: str
    figures: tuple[Figure, ...]
    measured: tuple[Measured, ...]
    best_seconds: float | None = None  # what a network's connections can carry it in


def wall(
    name: str, run: Measured, yardstick: str, seconds: float, goal: Goal = NONE
) -> Figure:
    """Compare the wall time of a run with what its yardstick took."""
    return Figure(
        name=name,
        beside=f"wall / {yardstick}",
        value=run.wall_seconds / seconds,
        told=f"{run.wall_seconds:.2f} s / {seconds:.2f} s",
        goal=goal,
    )


def org_cpu(name: str, run: Measured) -> Figure:
    """Compare the CPU time of the org with that of a run."""
    return Figure(
        name=name,
        beside="CPU of the org / CPU of lht",
        value=run.org_cpu_seconds / run.cpu_seconds,
        told=f"{run.org_cpu_seconds:.2f} s / {run.cpu_seconds:.2f} s",
    )
