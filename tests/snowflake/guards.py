"""Guards of what is promised of Snowflake, by name, and how to take each away."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from tests.emulator.guards import Patch, _no_block, _nothing, _put

from lht.sync.lease import Leases
from lht.warehouse import (
    snowflake,
    snowflake_errors,
    snowflake_stage,
    snowflake_tables,
    snowflake_values,
    sql,
)
from lht.warehouse.snowflake import SnowflakeSession
from lht.warehouse.snowflake_stage import Place, Stage
from lht.warehouse.snowflake_statements import Write
from lht.warehouse.snowflake_tables import House, SnowflakeTables


def _set(owner: Any, name: str, instead: Any) -> Patch:
    """Put something where the name of a builtin is looked up."""
    return lambda: mock.patch.object(owner, name, instead, create=True)


def _copied_unseen(session: Any, place: Any, table: str, files: Any) -> None:
    if place is not None and files:
        session.execute(
            f"COPY INTO {table} ({sql.columns(files[0].header)}) FROM {place.url}"
            f" {snowflake_stage.FILE_FORMAT}"
        )


def _as_if_unique(*args: Any) -> Any:
    found = _READ_SURVEY(*args)
    return replace(found, keyed=found.rows, keys=found.rows)


def _as_if_uploaded(*args: Any) -> str:
    _PUT(*args)
    return "UPLOADED"


def _anywhere(stage: str, folder: str) -> Place:
    return Place(stage, folder.rpartition("/")[0])


def _just_created(session: SnowflakeTables, schema: str) -> None:
    name = sql.name(session._house.database, schema.upper())
    session.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")


def _removing_none(write: Write) -> str:
    return f"{_REMOVE(write)} AND FALSE"


def _whoever_lives(session: SnowflakeTables, schema: str, _: Any) -> None:
    _DROP_LEFTOVERS(session, schema, lambda: ())


class _NoLock:
    """Keeps nobody out."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_READ_SURVEY, _PUT = snowflake.read_survey, Stage._put
_REMOVE, _DROP_LEFTOVERS = Write.remove, SnowflakeTables.drop_leftovers

GUARDS: Mapping[str, Patch] = {
    "file by file the rows are compared": _put(
        snowflake_stage, "_copy", _copied_unseen
    ),
    "a file that is not taken is noticed": _put(Stage, "_put", _as_if_uploaded),
    "what is gone goes with a full load": _put(Write, "remove", _removing_none),
    "a copy that is not the table is given up": _put(
        SnowflakeSession, "_unchanged", _no_block
    ),
    "texts are looked at before they are cast": _put(
        snowflake_values, "_misread", lambda *_: "FALSE"
    ),
    "keys are counted before rows are merged": _put(
        snowflake, "read_survey", _as_if_unique
    ),
    "a page's columns are those that were asked": _set(
        snowflake_stage, "sorted", lambda _: []
    ),
    "a load has a folder of its own": _put(snowflake_stage, "Place", _anywhere),
    "rows and watermark are one transaction": _put(
        SnowflakeTables, "transaction", _no_block
    ),
    "a lost commit is not called a failure": _put(
        SnowflakeTables, "_commit", lambda session: session._run("COMMIT")
    ),
    "a lease is looked at before the commit": _put(Leases, "check", _nothing),
    "one transaction at a time on a connection": _put(
        snowflake_tables, "_lock_of", lambda _: _NoLock()
    ),
    "leftovers are dropped": _put(SnowflakeTables, "drop_leftovers", _nothing),
    "what living runs work with stays": _put(
        SnowflakeTables, "drop_leftovers", _whoever_lives
    ),
    "the current schema is put back": _put(
        SnowflakeTables, "ensure_schema", _just_created
    ),
    "our statements bear our tag": _put(snowflake_tables, "QUERY_TAG", "another"),
    "without autocommit it is committed": _put(
        House, "autocommit", property(lambda _: True)
    ),
    "refusals of values are not passed on": _put(
        snowflake_errors, "_quotes_values", lambda _: False
    ),
}


@contextmanager
def without(name: str) -> Iterator[None]:
    """Take a guard away for the block."""
    with GUARDS[name]():
        yield
