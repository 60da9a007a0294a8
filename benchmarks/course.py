"""One object in an org: its jobs, their pages, and the table they fill."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final

import lht
from benchmarks.org import OrgProcess
from benchmarks.runs import Measured, all_typical, checked, in_turn, measure
from benchmarks.task import Task
from benchmarks.wire import Pages, write_pages
from lht.config import SalesforceConnection
from lht.salesforce import bulk_query, describe
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client
from lht.salesforce.soql import build_query
from lht.typemap import table_schema

_JOB_DEADLINE_SECONDS: Final = 3_600.0


@dataclass(frozen=True)
class Subject:
    """What is moved: the first columns of an object."""

    title: str
    sobject: str
    columns: int


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A job that has ended: what contenders are given, and what its pages are."""

    task: Task
    pages: Pages
    base: Path | None = None  # the database as it is before; None: there is none


class Course:
    """Prepares what the contenders need, and lets them run."""

    def __init__(self, org: OrgProcess, subject: Subject, folder: Path) -> None:
        """Work in a *folder* that is there."""
        self.org = org
        self.subject = subject
        self._folder = folder
        self._numbers = count()
        auth = ClientCredentials(**org.connection)
        self._token = auth.token().access_token
        self._client = Client(auth)
        described = describe.read_sobject(self._client, subject.sobject)
        self._fields = table_schema(described, None).names[: subject.columns]

    @cached_property
    def filled(self) -> Prepared:
        """The whole object: a sync's own job, and the database that it has filled."""
        database = self._folder / "base.duckdb"
        task = replace(self._task(), database=str(database))
        _, taken = measure("lht", task, self.org, label="lht, filling a table")
        found = self.prepared(taken.job_id)
        known = replace(found.task, columns=taken.columns, checksum=taken.checksum)
        return replace(found, task=known, base=database)

    def changed(self, rows: int) -> Prepared:
        """Let records change; return the job of a sync that is to bring them."""
        before = self.filled
        self.org.change(self.subject.sobject, rows)
        plan = lht.plan(
            self.subject.sobject,
            salesforce=SalesforceConnection(**self.org.connection),
            warehouse=str(before.base),
            fields=self._fields,
        )
        (found,) = plan.objects
        prepared = self.prepared(self.job(found.soql))
        if found.since is None or prepared.task.rows != rows:
            raise RuntimeError(f"{prepared.task.rows:,} of {rows:,} changes are read")
        task = replace(prepared.task, columns=before.task.columns)
        return replace(prepared, task=task, base=before.base)

    def first(self, rows: int) -> Prepared:
        """Return a job of so many records."""
        soql = build_query(self.subject.sobject, self._fields)
        return self.prepared(self.job(f"{soql} LIMIT {rows}"))

    def job(self, soql: str) -> str:
        """Let the org finish the job of a query; return its id."""
        return bulk_query.wait_for_job(
            self._client,
            bulk_query.create_job(self._client, soql),
            deadline_seconds=_JOB_DEADLINE_SECONDS,
        ).id

    def prepared(self, job_id: str) -> Prepared:
        """Put the pages of a job that has ended onto local disk."""
        path = bulk_query.read_job(self._client, job_id).path
        task = replace(self._task(), job_id=job_id, job_path=path)
        pages = write_pages(task, self._folder / f"pages-{next(self._numbers)}")
        return Prepared(
            task=replace(
                task,
                pages=pages.paths,
                page_rows=pages.rows,
                wire_bytes=pages.wire_bytes,
            ),
            pages=pages,
        )

    def _task(self) -> Task:
        return Task(
            connection=self.org.connection,
            database=str(self._folder / "filled.duckdb"),
            sobjects=(self.subject.sobject,),
            fields=self._fields,
            token=self._token,
        )

    def contest(
        self, prepared: Prepared, names: Iterable[str], repeats: int
    ) -> dict[str, Measured]:
        """Let contenders move the same rows in turn; return what is typical.

        Raises:
            RuntimeError: Their tables are not the same.
        """
        runs: dict[str, list[Measured]] = defaultdict(list)
        task = prepared.task
        for name in in_turn(names, repeats):
            done, task = self.once(name, prepared, task)
            runs[name].append(done)
        return all_typical(runs)

    def once(
        self, name: str, prepared: Prepared, task: Task | None = None
    ) -> tuple[Measured, Task]:
        """Let a contender move the rows, into a database as it was before."""
        task = task or prepared.task
        database = Path(task.database)
        if prepared.base:
            shutil.copyfile(prepared.base, database)
            os.sync()  # or it is written while the contender runs
        try:
            measured, taken = measure(name, task, self.org)
            return measured, checked(task, taken)
        finally:
            database.unlink(missing_ok=True)
            database.with_suffix(".duckdb.wal").unlink(missing_ok=True)
