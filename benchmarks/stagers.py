"""Ways to put the pages of a job onto a stage, and what they are measured by."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from benchmarks.task import Stopwatch, Taken, Task
from benchmarks.wire import result_pages


def page(task: Task) -> Taken:
    """Fetch the compressed pages over one connection, one whole page at a time."""
    watch = Stopwatch()
    rows = 0
    for page_rows, answer in result_pages(task):
        rows += page_rows
        answer.read()
    return watch.taken(rows)


def fetch(task: Task) -> Taken:
    """Fetch the compressed pages as lht does, several at a time, and nothing else."""
    from lht.salesforce import bulk_query
    from lht.salesforce.auth import ClientCredentials
    from lht.salesforce.client import Client

    client = Client(ClientCredentials(**task.connection))
    job = bulk_query.read_job(client, task.job_id)
    watch = Stopwatch()
    pages = bulk_query.iter_result_pages(client, job, transform=lambda page: page)
    return watch.taken(sum(page.rows for page in pages))


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
    wanted = frozenset(name.lower() for name in task.fields or ())
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
        return watch.taken(rows)


STAGERS: dict[str, Callable[[Task], Taken]] = {
    "page": page,
    "fetch": fetch,
    "stage": stage,
    "connector": connected,
    "encrypted": partial(connected, encrypted=True),
}
