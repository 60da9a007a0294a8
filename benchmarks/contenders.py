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
from datetime import datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
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
    page_rows: tuple[int, ...] = ()  # of each of them
    wire_bytes: int = 0  # of all of them, compressed
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
    for page_rows, answer in result_pages(task):
        rows += page_rows
        for _ in pieces_of(answer):
            pass
    wall, cpu = watch.read()
    return Taken(wall_seconds=wall, cpu_seconds=cpu, peak_bytes=peak_bytes(), rows=rows)


def page(task: Task) -> Taken:
    """Fetch the compressed pages over one connection, one whole page at a time."""
    watch = Stopwatch()
    rows = 0
    for page_rows, answer in result_pages(task):
        rows += page_rows
        answer.read()
    wall, cpu = watch.read()
    return Taken(wall_seconds=wall, cpu_seconds=cpu, peak_bytes=peak_bytes(), rows=rows)


def fetch(task: Task) -> Taken:
    """Fetch the compressed pages as lht does, several at a time, and nothing else."""
    from lht.salesforce import bulk_query
    from lht.salesforce.auth import ClientCredentials
    from lht.salesforce.client import Client

    client = Client(ClientCredentials(**task.connection))
    job = bulk_query.read_job(client, task.job_id)
    watch = Stopwatch()
    pages = bulk_query.iter_result_pages(client, job, transform=lambda page: page)
    rows = sum(page.rows for page in pages)
    wall, cpu = watch.read()
    return Taken(wall_seconds=wall, cpu_seconds=cpu, peak_bytes=peak_bytes(), rows=rows)


def stage(task: Task) -> Taken:
    """Put the pages onto a stage as a load into Snowflake does, and copy them.

    All of it is ours, but for a connection in this process that reads each file and
    keeps nothing.
    """
    from benchmarks.stand_in import Sink

    sink = Sink(tuple(task.page_rows))
    taken = _staged(task, sink)
    if sum(sink.told.files.values()) != task.wire_bytes:
        raise RuntimeError("what came to the stage is not what Salesforce sent")
    return taken


def connected(task: Task, *, encrypted: bool = False) -> Taken:
    """Do the same with Snowflake's own connector, over HTTP to another process."""
    import snowflake.connector

    from benchmarks.stand_in import stand_in

    with (
        stand_in(tuple(task.page_rows), encrypted=encrypted) as options,
        snowflake.connector.connect(**options) as connection,
    ):
        return _staged(task, connection)


def _staged(task: Task, connection: Any) -> Taken:
    """Bring the pages into a staging table: login, describe and job come before."""
    from lht.salesforce import bulk_query, describe
    from lht.salesforce.auth import ClientCredentials
    from lht.salesforce.client import Client
    from lht.schema import TableRef
    from lht.sync.extract import by_bulk
    from lht.typemap import table_schema
    from lht.warehouse.snowflake_open import OpenedSnowflake
    from lht.warehouse.snowflake_stage import staged
    from lht.warehouse.snowflake_tables import House, SnowflakeTables

    client = Client(ClientCredentials(**task.connection))
    job = bulk_query.read_job(client, task.job_id)
    wanted = frozenset(name.lower() for name in task.fields)
    schema = table_schema(describe.read_sobject(client, task.sobject), wanted)
    opened = OpenedSnowflake(
        connection=connection,
        snowpark=None,
        in_procedure=False,
        database="DB",
        schema=None,
        display="a stand-in",
    )
    house, ref = House(opened=opened, database="DB"), TableRef("RAW", task.sobject)
    with SnowflakeTables(house) as session:
        session.execute("SELECT 1")  # imports and a first connection
        pages = by_bulk(client, job, datetime(2024, 1, 1), known=True)  # noqa: DTZ001
        watch = Stopwatch()
        with staged(session, house, schema, pages, run_id="R", ref=ref, stage=None) as (
            _,
            rows,
        ):
            pass
        wall, cpu = watch.read()
    return Taken(wall_seconds=wall, cpu_seconds=cpu, peak_bytes=peak_bytes(), rows=rows)


CONTENDERS: dict[str, Callable[[Task], Taken]] = {
    "lht": sync,
    "duckdb": read_files,
    "download": download,
}
STAGERS: dict[str, Callable[[Task], Taken]] = {
    "page": page,
    "fetch": fetch,
    "stage": stage,
    "connector": connected,
    "encrypted": partial(connected, encrypted=True),
}


def result_pages(task: Task) -> Iterator[tuple[int, HTTPResponse]]:
    """Fetch the job's pages in turn; yield the rows of each and its answer, unread.

    It must be read before the next page.
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
        yield int(answer.headers["Sforce-NumberOfRecords"]), answer
        locator = answer.headers["Sforce-Locator"]
    http.close()


def pieces_of(answer: HTTPResponse) -> Iterator[bytes]:
    """Yield an answer's compressed bytes piece by piece, as they arrive."""
    return iter(partial(answer.read, _PIECE_BYTES), b"")


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
    taken = (CONTENDERS | STAGERS)[sys.argv[1]](Task(**json.load(sys.stdin)))
    json.dump(asdict(taken), sys.stdout)
