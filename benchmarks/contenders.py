"""Ways to move the rows of one finished query job, each measured in its own process.

``python -m benchmarks.contenders NAME`` reads a task as JSON from stdin and writes what
it took to stdout.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Task:
    """The rows to move, and where everything is."""

    sobject: str
    fields: tuple[str, ...]
    job_id: str
    job_path: str
    connection: dict[str, str]  # url, client_id, client_secret
    token: str
    database: str  # the file to fill
    pages: tuple[str, ...] = ()  # plain files, for who reads those
    columns: dict[str, str] = field(default_factory=dict)  # with SQL types, likewise
    checksum: str = ""  # what a filled table must have, once it is known


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one contender took, from the completed job to the closed database."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    rows: int
    checksum: str = ""
    columns: dict[str, str] = field(default_factory=dict)


class Stopwatch:
    """Wall and CPU time of this process, all its threads together."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Return the wall and CPU seconds since the start."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def sync(task: Task) -> Taken:
    """Sync with lht, the job being complete before the clock starts."""
    import lht
    from lht.config import SalesforceConnection
    from lht.events import Event, JobStateSeen
    from lht.sync.plan import Options

    watch = Stopwatch()

    def listen(event: Event) -> None:
        if isinstance(event, JobStateSeen) and event.state == "JobComplete":
            watch.start()

    report = lht.sync(
        task.sobject,
        salesforce=SalesforceConnection(
            url=task.connection["url"],
            client_id=task.connection["client_id"],
            client_secret=task.connection["client_secret"],
        ),
        warehouse=task.database,
        options=Options(
            fields=tuple(task.fields), existing_job_id=task.job_id, keep_job=True
        ),
        listener=listen,
    )
    wall, cpu = watch.read()
    peak = peak_bytes()
    table = f"raw.{task.sobject}"
    return Taken(
        wall_seconds=wall,
        cpu_seconds=cpu,
        peak_bytes=peak,
        rows=report.objects[0].read,
        checksum=checksum(task.database, table),
        columns=columns(task.database, table),
    )


def read_files(task: Task) -> Taken:
    """Let DuckDB read the plain pages from local disk into a table of the same types.

    It is spared the network, the inflating, the deciding about types, the checks, the
    receipt and the watermark.
    """
    import duckdb

    body = ", ".join(f'"{name}" {kind}' for name, kind in task.columns.items())
    connection = duckdb.connect(task.database)
    connection.execute(f"CREATE TABLE copied ({body})")
    with TemporaryDirectory() as folder:
        for page in task.pages:  # COPY takes a pattern, not a list
            Path(folder, Path(page).name).symlink_to(page)
        watch = Stopwatch()
        connection.execute(
            f"COPY copied FROM '{folder}/*.csv' (FORMAT csv, HEADER, DELIM ',',"
            " AUTO_DETECT false, QUOTE '\"', ESCAPE '\"', NULLSTR '')"
        )
        connection.close()
        wall, cpu = watch.read()
        peak = peak_bytes()
    return Taken(
        wall_seconds=wall,
        cpu_seconds=cpu,
        peak_bytes=peak,
        rows=_scalar(task.database, "SELECT count(*) FROM copied"),
        checksum=checksum(task.database, "copied"),
        columns=task.columns,
    )


def download(task: Task) -> Taken:
    """Fetch the compressed pages over one connection and throw them away."""
    watch = Stopwatch()
    rows = 0
    for page_rows, pieces in result_pages(task):
        rows += page_rows
        for _ in pieces:
            pass
    wall, cpu = watch.read()
    return Taken(wall_seconds=wall, cpu_seconds=cpu, peak_bytes=peak_bytes(), rows=rows)


CONTENDERS: dict[str, Callable[[Task], Taken]] = {
    "lht": sync,
    "duckdb": read_files,
    "download": download,
}


def result_pages(task: Task) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Fetch the job's pages in turn; yield the rows and the compressed bytes of each.

    The bytes come piece by piece, as they arrive.
    """
    http = HTTPConnection(urlsplit(task.connection["url"]).netloc)
    headers = {"Authorization": f"Bearer {task.token}", "Accept-Encoding": "gzip"}
    locator = ""
    while locator != "null":
        at = f"?locator={quote(locator)}" if locator else ""
        http.request("GET", f"{task.job_path}/results{at}", headers=headers)
        answer = http.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"a page was answered with {answer.status}")
        pieces = iter(partial(answer.read, _PIECE_BYTES), b"")
        yield int(answer.headers["Sforce-NumberOfRecords"]), pieces
        locator = answer.headers["Sforce-Locator"]
    http.close()


def peak_bytes() -> int:
    """Return the most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():  # not what getrusage says: that is the parent's, if greater
        lines = status.read_text().splitlines()
        return 1024 * next(int(s.split()[1]) for s in lines if s.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def columns(database: str, table: str) -> dict[str, str]:
    """Return a table's columns and their SQL types."""
    import duckdb

    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {name: kind for name, kind, *_ in rows}


def checksum(database: str, table: str) -> str:
    """Return what tables of the same rows share, whatever the order of the rows."""
    names = ", ".join(f'"{name}"' for name in columns(database, table))
    return str(_scalar(database, f"SELECT sum(hash({names})) FROM {table}"))


def _scalar(database: str, statement: str) -> int:
    import duckdb

    with duckdb.connect(database, read_only=True) as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    taken = CONTENDERS[sys.argv[1]](Task(**json.load(sys.stdin)))
    json.dump(asdict(taken), sys.stdout)
