"""Ways to move the rows of one finished query job, each measured in its own process.

``python -m benchmarks.contenders NAME`` reads a task as JSON from stdin and writes what
it took to stdout.
"""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.stagers import STAGERS
from benchmarks.task import Stopwatch, Taken, Task, checksum, columns, scalar
from benchmarks.upserts import UPSERTS
from benchmarks.wire import Wire, pieces_of, result_urls, rows_of


def sync(task: Task) -> Taken:
    """Sync with lht, the job being complete before the clock starts."""
    from lht.events import Event, JobStateSeen

    watch = Stopwatch()

    def listen(event: Event) -> None:
        if isinstance(event, JobStateSeen) and event.state == "JobComplete":
            watch.start()

    report = _synced(task, force_bulk=True, listener=listen)
    (found,) = report.objects
    return replace(
        watch.taken(found.read),
        checksum=checksum(task.database, task.table),
        columns=columns(task.database, task.table),
        job_id=found.job_ids[0],
    )


def run(task: Task) -> Taken:
    """Sync all objects with lht in one run, from its first call to its end."""
    import duckdb  # noqa: F401  not a part of what is measured
    import pyarrow as pa  # noqa: F401  nor is this

    import lht.sync  # noqa: F401  nor this

    watch = Stopwatch()
    report = _synced(task)
    return watch.taken(sum(found.read for found in report.objects))


def _synced(task: Task, *, force_bulk: bool = False, **listening: Any) -> Any:
    import lht
    from lht.config import SalesforceConnection
    from lht.sync.plan import Options

    return lht.sync(
        task.sobjects,
        salesforce=SalesforceConnection(**task.connection),
        warehouse=task.database,
        options=Options(
            fields=task.fields and tuple(task.fields),
            existing_job_id=task.job_id or None,
            keep_job=True,
            force_bulk=force_bulk,
        ),
        **listening,
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
        taken = watch.taken(0)
    return replace(
        taken,
        rows=scalar(task.database, "SELECT count(*) FROM copied"),
        checksum=checksum(task.database, "copied"),
        columns=task.columns,
    )


def download(task: Task) -> Taken:
    """Fetch the compressed pages over some connections and throw them away."""
    watch = Stopwatch()
    urls = iter(list(result_urls(task)))

    def some(_: int) -> int:
        wire, rows = Wire(task), 0
        while url := next(urls, None):
            answer = wire.get(url)
            rows += rows_of(answer)
            for _piece in pieces_of(answer):
                pass
        wire.close()
        return rows

    with ThreadPoolExecutor(task.connections) as pool:
        return watch.taken(sum(pool.map(some, range(task.connections))))


CONTENDERS: dict[str, Callable[[Task], Taken]] = {
    "lht": sync,
    "run": run,
    "duckdb": read_files,
    "download": download,
    **UPSERTS,
    **STAGERS,
}


if __name__ == "__main__":
    taken = CONTENDERS[sys.argv[1]](Task(**json.load(sys.stdin)))
    json.dump(asdict(taken), sys.stdout)
