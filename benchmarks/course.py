"""One object's job and its pages, and the contenders' runs over them."""

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.contenders import (
    CONTENDERS,
    STAGERS,
    Taken,
    Task,
    pieces_of,
    result_pages,
)
from benchmarks.org import OrgProcess
from lht.salesforce import bulk_query, describe
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client
from lht.salesforce.soql import build_query
from lht.typemap import table_schema

_JOB_DEADLINE_SECONDS: Final = 3_600.0
_GZIP: Final = 31  # zlib's code for a gzip header and trailer
_PARTS: Final = (4, 2)  # memory is also measured with a quarter and a half of the pages
_FILLERS: Final = ("lht", "duckdb")  # contenders that fill a table


@dataclass(frozen=True)
class Subject:
    """What is moved: the first columns of an object."""

    title: str
    sobject: str
    columns: int
    staged: bool = False  # whether its pages are also put onto a stage


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a contender took to move some rows: medians, but the greatest memory."""

    contender: str
    rows: int
    wall_seconds: float
    cpu_seconds: float
    org_cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """All that was measured of one object."""

    subject: Subject
    rows: int
    pages: int
    plain_bytes: int
    wire_bytes: int
    contenders: tuple[Measured, ...]  # with all rows
    memory: tuple[Measured, ...]  # with fewer


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A job's pages on local disk, plain."""

    paths: tuple[str, ...]
    rows: tuple[int, ...]
    plain_bytes: int
    wire_bytes: int


class Course:
    """Prepares what the contenders need, lets them run, and measures."""

    def __init__(self, org: OrgProcess, subject: Subject, folder: Path) -> None:
        self._org = org
        self._subject = subject
        self._folder = folder
        self._database = folder / "filled.duckdb"
        auth = ClientCredentials(**org.connection)
        self._token = auth.token().access_token
        self._client = Client(auth)
        described = describe.read_sobject(self._client, subject.sobject)
        self._fields = table_schema(described, None).names[: subject.columns]

    def run(self, repeats: int) -> Result:
        """Measure everything.

        Raises:
            RuntimeError: The contenders' tables are not the same.
        """
        soql = build_query(self._subject.sobject, self._fields)
        task = self._task(soql)
        pages = self._write_pages(task)
        task = replace(
            task,
            pages=pages.paths,
            page_rows=pages.rows,
            wire_bytes=pages.wire_bytes,
        )
        names = [*CONTENDERS, *(STAGERS if self._subject.staged else ())]
        runs: dict[str, list[Measured]] = {name: [] for name in names}
        for _ in range(repeats):
            for name, done in runs.items():
                measured, taken = self._measure(name, task)
                task = checked(task, taken, sum(pages.rows))
                done.append(measured)
        return Result(
            subject=self._subject,
            rows=sum(pages.rows),
            pages=len(pages.paths),
            plain_bytes=pages.plain_bytes,
            wire_bytes=pages.wire_bytes,
            contenders=tuple(_typical(done) for done in runs.values()),
            memory=tuple(self._with_fewer(task, pages, soql)),
        )

    def _task(self, soql: str) -> Task:
        """Let the org finish the job of a query."""
        job = bulk_query.wait_for_job(
            self._client,
            bulk_query.create_job(self._client, soql),
            deadline_seconds=_JOB_DEADLINE_SECONDS,
        )
        return Task(
            sobject=self._subject.sobject,
            fields=self._fields,
            job_id=job.id,
            job_path=job.path,
            connection=self._org.connection,
            token=self._token,
            database=str(self._database),
        )

    def _write_pages(self, task: Task) -> Pages:
        """Put the job's pages onto local disk, plain."""
        paths: list[Path] = []
        rows, wire_bytes = [], 0
        for page_rows, answer in result_pages(task):
            path = self._folder / f"{len(paths):05}.csv"
            with path.open("wb") as file:
                inflater = zlib.decompressobj(_GZIP)
                for piece in pieces_of(answer):
                    wire_bytes += len(piece)
                    file.write(inflater.decompress(piece))
                file.write(inflater.flush())
            paths.append(path)
            rows.append(page_rows)
        return Pages(
            paths=tuple(map(str, paths)),
            rows=tuple(rows),
            plain_bytes=sum(path.stat().st_size for path in paths),
            wire_bytes=wire_bytes,
        )

    def _measure(self, contender: str, task: Task) -> tuple[Measured, Taken]:
        """Let a contender move the rows, in a process of its own."""
        before = self._org.cpu_seconds()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.contenders", contender],
            input=json.dumps(asdict(task)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        taken = Taken(**json.loads(done.stdout))
        measured = Measured(
            contender=contender,
            rows=taken.rows,
            wall_seconds=taken.wall_seconds,
            cpu_seconds=taken.cpu_seconds,
            org_cpu_seconds=self._org.cpu_seconds() - before,
            peak_bytes=taken.peak_bytes,
        )
        print(
            f"  {contender}, {taken.rows:,} rows: {taken.wall_seconds:.1f} s",
            file=sys.stderr,
            flush=True,
        )
        self._database.unlink(missing_ok=True)
        return measured, taken

    def _with_fewer(self, task: Task, pages: Pages, soql: str) -> Iterator[Measured]:
        """Measure with some of the pages, for the memory."""
        for part in _PARTS:
            count = len(pages.paths) // part
            if count == 0:
                continue
            fewer = self._task(f"{soql} LIMIT {sum(pages.rows[:count])}")
            fewer = replace(fewer, pages=pages.paths[:count], columns=task.columns)
            for contender in _FILLERS:
                yield self._measure(contender, fewer)[0]


def checked(task: Task, taken: Taken, rows: int) -> Task:
    """Hold what a contender filled against what the others did; keep it for later.

    Raises:
        RuntimeError: It is not the same.
    """
    if taken.rows != rows:
        raise RuntimeError(f"{taken.rows:,} rows were moved where there are {rows:,}")
    if not taken.columns:
        return task
    if task.checksum not in {"", taken.checksum}:
        raise RuntimeError("the tables that were filled do not hold the same values")
    return replace(task, columns=taken.columns, checksum=taken.checksum)


def _typical(runs: list[Measured]) -> Measured:
    return replace(
        runs[0],
        wall_seconds=median(run.wall_seconds for run in runs),
        cpu_seconds=median(run.cpu_seconds for run in runs),
        org_cpu_seconds=median(run.org_cpu_seconds for run in runs),
        peak_bytes=max(run.peak_bytes for run in runs),
    )
