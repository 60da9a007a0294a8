"""What was measured, as text: figures, their ratios, and what they stand on."""

import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.course import Measured, Result

WORDS = {
    "lht": "lht.sync, from the org into a file",
    "duckdb": "DuckDB, same pages from local disk",
    "download": "bare download, thrown away",
}
STAGED = {
    "page": "bare download, a page at a time",
    "download": "the same, thrown away as it comes",
    "fetch": "lht, pages fetched",
    "stage": "lht, pages put onto a stage",
    "connector": "the same, with Snowflake's connector",
    "encrypted": "the same, encrypted by the connector",
}
INCLUDED = """\
Clock of lht: from the sight of the completed job until the database is closed: listing
and downloading the pages, inflating, decoding, choosing types, loading, counting, keys,
watermark, receipt, commit, checkpoint. Before it: imports, login, describe, plan.
Clock of DuckDB: COPY FROM of the same pages, already on local disk and
plain, into a table whose types are known, commit, checkpoint. No network, no inflating,
no checks. Both tables were compared and hold the same values.
Clock of the download: the compressed pages over one connection; nothing is done
to them.
Onto a stage: a bare download is Python's own http.client, one connection, each page
whole in memory and then dropped. lht does all that a load into Snowflake does with its
pages: fetching them in two threads, looking at headers, PUT, COPY. Snowflake is a
stand-in: first within the process, reading each file and keeping nothing; then over
HTTP in a process of its own, behind Snowflake's connector, which hashes each file; at
last with the files encrypted by the connector, as for a stage that was not made with
SNOWFLAKE_SSE.
CPU is that of the contender's own process; the org's is told apart. The network is
loopback: no delay, no limit. Medians of runs in turn; memory is the peak of all runs.\
"""

_PACKAGES = ("lht", "duckdb", "pyarrow", "httpx2", "isal", "msgspec")


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()}",
        "system": f"{platform.system()} {platform.release()}",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *map(_version, _PACKAGES)]
        ),
        "commit": _commit(),
    }


def render(facts: dict[str, str], results: Sequence[Result], repeats: int) -> str:
    """Return everything as a text to read."""
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    lines.append(f"repeats: {repeats}, in turn")
    for result in results:
        lines += ["", *_result(result)]
    return "\n".join([*lines, "", INCLUDED])


def _result(result: Result) -> Iterator[str]:
    subject = result.subject
    yield (
        f"{subject.title}: {result.rows:,} rows of {subject.sobject},"
        f" {subject.columns} columns, {result.pages} pages,"
        f" {result.plain_bytes / 1e6:,.0f} MB plain, {result.wire_bytes / 1e6:,.0f} MB"
        " compressed"
    )
    yield (
        f"  {'':36}{'wall s':>8}{'x DuckDB':>10}{'CPU us/row':>12}{'x DuckDB':>10}"
        f"{'peak MB':>9}{'x DuckDB':>10}{'org CPU s':>11}"
    )
    yardstick = next(m for m in result.contenders if m.contender == "duckdb")
    for measured in result.contenders:
        if measured.contender in WORDS:
            yield "  " + _line(measured, yardstick)
    yield from _staged_lines(result)
    if result.memory:
        yield "  peak memory in MB, by rows"
        yield from _memory_lines(result)


def _line(measured: Measured, yardstick: Measured) -> str:
    wall = measured.wall_seconds / yardstick.wall_seconds
    cpu = measured.cpu_seconds / yardstick.cpu_seconds
    peak = measured.peak_bytes / yardstick.peak_bytes
    return (
        f"{WORDS[measured.contender]:36}{measured.wall_seconds:8.2f}{wall:10.2f}"
        f"{measured.cpu_seconds / measured.rows * 1e6:12.2f}{cpu:10.2f}"
        f"{measured.peak_bytes / 1e6:9,.0f}{peak:10.2f}"
        f"{measured.org_cpu_seconds:11.2f}"
    )


def _staged_lines(result: Result) -> Iterator[str]:
    by_name = {measured.contender: measured for measured in result.contenders}
    if "stage" not in by_name:
        return
    title = "pages onto a stage"
    yield f"  {title:36}{'wall s':>8}{'CPU ms/page':>13}{'x download':>12}"
    bare = by_name["page"].cpu_seconds
    for name, words in STAGED.items():
        wall, cpu = by_name[name].wall_seconds, by_name[name].cpu_seconds
        each = cpu / result.pages * 1e3
        yield f"  {words:36}{wall:8.2f}{each:13.2f}{cpu / bare:12.2f}"


def _memory_lines(result: Result) -> Iterator[str]:
    of = [*result.memory, *result.contenders]
    sizes = sorted({measured.rows for measured in of})
    yield f"  {'':36}" + "".join(f"{size:>12,}" for size in sizes)
    for contender in dict.fromkeys(measured.contender for measured in result.memory):
        peaks = {m.rows: m.peak_bytes / 1e6 for m in of if m.contender == contender}
        yield f"  {WORDS[contender]:36}" + "".join(f"{peaks[s]:12,.0f}" for s in sizes)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [s.partition(":")[2].strip() for s in lines if s.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> str:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{total / 2**30:.0f} GiB"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
