"""What was measured, as text: figures, their ratios, and what they stand on."""

from collections.abc import Iterator, Sequence

from benchmarks.figures import Figure, Section
from benchmarks.runs import Measured

WORDS = {
    "lht": "lht.sync, from the org into a file",
    "duckdb": "DuckDB's COPY FROM of the plain pages",
    "download": "bare download, thrown away",
    "delete and insert": "DELETE and INSERT by hand",
    "merge": "MERGE by hand",
    "page": "bare download, a page at a time",
    "fetch": "lht, pages fetched",
    "stage": "lht, pages put onto a stage",
    "connector": "the same, with Snowflake's connector",
    "encrypted": "the same, encrypted by the connector",
}
HEADS = ("", "", "found", "target", "reach", "", "from")
RIGHT = (2, 3, 4)  # of those: what are numbers
COLUMNS = ("rows", "wall s", "CPU us/row", "peak MB", "org CPU s")
INCLUDED = """\
Clock of lht: from the sight of the completed job until the database is closed: listing
and downloading the pages, inflating, decoding, choosing types, loading, counting, keys,
watermark, receipt, commit, checkpoint. Before it: imports, login, describe, plan.

Clock of DuckDB: COPY FROM of the same pages, already on local disk and plain, into a
table whose types are known, commit, checkpoint. No network, no inflating, no checks.
Both tables were compared and hold the same values.

Clock of the download: the list of the pages, and the compressed pages; nothing is done
to them. It has one connection, on the slow network as many as lht has used.

Upserts by hand: the same pages on local disk, plain, read with known types into a
temporary table; then the statements; one transaction; the database is closed. Before
each run the table is put back as it was, and afterwards all tables hold the same
values. The faster of the two is compared with.

Many objects: from the call of lht.sync to its end, with jobs of its own, all fields,
into a new file, four objects at a time.

Onto a stage: a bare download is Python's own http.client, one connection, each page
whole in memory and then dropped. lht does all that a load into Snowflake does with its
pages: fetching them side by side, looking at headers, PUT, COPY. Snowflake is a
stand-in: first within the process, reading each file and keeping nothing; then over
HTTP in a process of its own, behind Snowflake's connector, which hashes each file; at
last with the files encrypted by the connector, as for a stage that was not made with
SNOWFLAKE_SSE.

The slow network is a process between the two, through which each byte takes half of
the round trip, and each connection carries so much a second in either direction; there
is no cost of opening one. What connections can carry: a round trip for the list of the
pages, then the compressed pages over as many of them as brought pages at the same time,
each page asked for, which is a round trip, as soon as the one before it has come.

CPU is that of the contender's own process; the org's is told apart. Else the network
is loopback: no delay, no limit. Medians of runs in turn; memory is the greatest of all
runs (COPY FROM by rows: of one).\
"""


def render(facts: dict[str, str], sections: Sequence[Section], repeats: int) -> str:
    """Return everything as a text to read."""
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    lines += [f"repeats: {repeats}, in turn", "", *_figures(sections)]
    for section in sections:
        lines += ["", *_section(section)]
    return "\n".join([*lines, "", INCLUDED])


def cells(figure: Figure) -> tuple[str, ...]:
    """Return a figure as texts, in the order of ``HEADS``."""
    goal = figure.goal
    return (
        figure.name,
        figure.beside,
        shown(figure.value, figure.unit),
        "" if goal.target is None else shown(goal.target, figure.unit),
        "" if goal.reach is None else shown(goal.reach, figure.unit),
        figure.verdict,
        figure.told,
    )


def shown(value: float, unit: str) -> str:
    """Return a value as it is printed."""
    digits = {"x": 2, "us": 1}.get(unit, 0)
    return f"{value:,.{digits}f} {unit}"


def numbers(run: Measured) -> tuple[str, ...]:
    """Return what one contender took as texts, in the order of ``COLUMNS``."""
    return (
        f"{run.rows:,}",
        f"{run.wall_seconds:.2f}",
        f"{run.cpu_seconds / run.rows * 1e6:,.2f}",
        f"{run.peak_bytes / 1e6:,.0f}",
        f"{run.org_cpu_seconds:.2f}",
    )


def worded(run: Measured) -> str:
    """Return who it was."""
    return WORDS.get(run.contender, run.contender)


def _figures(sections: Sequence[Section]) -> Iterator[str]:
    rows = [cells(figure) for section in sections for figure in section.figures]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    for row in (HEADS, *rows):
        line = "  ".join(
            f"{text:>{width}}" if number in RIGHT else f"{text:{width}}"
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield line.rstrip()


def _section(section: Section) -> Iterator[str]:
    yield section.title
    yield f"  {'':38}" + "".join(f"{head:>12}" for head in COLUMNS)
    for run in section.measured:
        yield f"  {worded(run):38}" + "".join(f"{text:>12}" for text in numbers(run))
