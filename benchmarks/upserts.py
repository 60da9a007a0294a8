"""The best that can be written by hand to bring a table up to date.

Each reads the pages of a job from local disk, plain, with types that are known, into a
temporary table; then the table is brought up to date in one transaction, and the
database is closed. No network, no inflating, no checks, no receipt.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.task import Stopwatch, Taken, Task, checksum

DELETE_INSERT = """\
DELETE FROM {table} t USING changed c WHERE t."Id" = c."Id";
INSERT INTO {table} BY NAME FROM changed;
"""
MERGE = """\
MERGE INTO {table} t USING changed c ON t."Id" = c."Id"
WHEN MATCHED THEN UPDATE SET {sets}
WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values});
"""


def upsert(task: Task, *, statements: str) -> Taken:
    """Bring the table up to date with *statements*."""
    import duckdb

    names = [f'"{name}"' for name in task.columns]
    connection = duckdb.connect(task.database)
    connection.execute("SET TimeZone = 'UTC'")
    watch = Stopwatch()
    connection.begin()
    connection.execute(f"CREATE TEMP TABLE changed AS FROM {_reading(task)}")
    connection.execute(
        statements.format(
            table=task.table,
            sets=", ".join(f"{name} = c.{name}" for name in names if name != '"Id"'),
            names=", ".join(names),
            values=", ".join(f"c.{name}" for name in names),
        )
    )
    connection.commit()
    connection.close()
    taken = watch.taken(task.rows)
    return replace(
        taken, checksum=checksum(task.database, task.table), columns=task.columns
    )


def _reading(task: Task) -> str:
    """Write the function that reads the pages."""
    pages = ", ".join(f"'{page}'" for page in task.pages)
    kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in task.columns.items())
    return (
        f"read_csv([{pages}], columns = {{{kinds}}}, header = true,"
        " auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '')"
    )


UPSERTS: dict[str, Callable[[Task], Taken]] = {
    "delete and insert": partial(upsert, statements=DELETE_INSERT),
    "merge": partial(upsert, statements=MERGE),
}
