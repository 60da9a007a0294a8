"""The forward line, readable top to bottom.

connect -> describe -> plan -> extract -> decode -> load -> commit -> report
"""

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from lht.connect import opened_client, opened_warehouse
from lht.events import Listener, ignore
from lht.exceptions import ConfigError, SyncError, SyncInterrupted
from lht.report.values import Status, SyncMode, SyncPlan, SyncReport
from lht.sync.history import read_history
from lht.sync.plan import Options
from lht.sync.run import Run
from lht.sync.state import SCHEMA

DEFAULT_SCHEMA = "RAW"


def sync(
    objects: str | Iterable[str],
    *,
    salesforce: Any = None,
    warehouse: Any = None,
    schema: str | None = None,
    table: str | None = None,
    mode: str | SyncMode = SyncMode.AUTO,
    where: str | None = None,
    fields: Iterable[str] | None = None,
    max_parallel: int = 4,
    max_calls: int | None = None,
    dry_run: bool = False,
    listener: Listener = ignore,
    options: Options | None = None,
) -> SyncReport:
    """Bring sObjects into tables of a warehouse.

    Each object's rows, watermark and receipt are committed together, or nothing of the
    object is. One object failing does not stop the others.

    Args:
        objects: API names of sObjects, in any case.
        salesforce: The org: a ``Client``, a ``SalesforceConnection``, an
            ``access_info`` dict; None for what is configured.
        warehouse: A Snowpark session, a connection to Snowflake or DuckDB, a path or
            URL; None for what is configured.
        schema: Of the target tables; by default that of the URL, or ``RAW``.
        table: Name of the target table, for a single object; by default the object's.
        mode: ``auto``, ``full`` or ``incremental``.
        where: SOQL condition that records must meet.
        fields: API names to read, also as one text with commas; by default all. Id
            and stamps always come along.
        max_parallel: Objects worked on at the same time.
        max_calls: API calls that the run may make; whatever it is, a twentieth of the
            org's daily calls is left for others.
        dry_run: Plan only; the report's objects are ``planned``.
        listener: Told of everything that happens, from several threads in turn.
        options: Thresholds and such, instead of *mode*, *where* and *fields*.

    Returns:
        The receipts of all objects.

    Raises:
        SyncError: Objects failed; its ``report`` has all receipts.
        LHTError: Nothing was started.
    """
    options = _checked(options or _options(mode, where, fields))
    with (
        opened_client(salesforce) as client,
        opened_warehouse(warehouse, create=not dry_run) as place,
    ):
        run = Run(
            client,
            place,
            schema=schema or place.schema or DEFAULT_SCHEMA,
            options=options,
            listener=listener,
            max_parallel=max_parallel,
            max_calls=max_calls,
        )
        targets = _targets(objects, schema, table)
        report = run.planned(targets) if dry_run else run.synced(targets)
    if report.status is Status.INTERRUPTED:
        raise SyncInterrupted(report)
    failed = [o.error for o in report.objects if o.error]
    if failed:
        first = failed[0]
        raise SyncError(first.message, report=report, why=first.why, hint=first.hint)
    return report


def plan_sync(
    objects: str | Iterable[str],
    *,
    salesforce: Any = None,
    warehouse: Any = None,
    schema: str | None = None,
    table: str | None = None,
    mode: str | SyncMode = SyncMode.AUTO,
    where: str | None = None,
    fields: Iterable[str] | None = None,
    max_parallel: int = 4,
) -> SyncPlan:
    """Say what ``sync`` with the same arguments would do. Nothing is moved.

    An object that cannot be planned has its ``error`` set.
    """
    with (
        opened_client(salesforce) as client,
        opened_warehouse(warehouse, create=False) as place,
    ):
        run = Run(
            client,
            place,
            schema=schema or place.schema or DEFAULT_SCHEMA,
            options=_checked(_options(mode, where, fields)),
            listener=ignore,
            max_parallel=max_parallel,
        )
        return run.plan(_targets(objects, schema, table))


def runs(warehouse: Any = None) -> list[SyncReport]:
    """Return the runs that a warehouse remembers, newest first."""
    with opened_warehouse(warehouse, create=False) as place:
        return read_history(place)


def _options(
    mode: str | SyncMode, where: str | None, fields: Iterable[str] | None
) -> Options:
    if isinstance(fields, str):
        fields = fields.split(",")
    try:
        return Options(
            mode=SyncMode(mode),
            where=where,
            fields=None if fields is None else tuple(f.strip() for f in fields),
        )
    except ValueError as error:
        known = ", ".join(SyncMode)
        raise ConfigError(f"mode={mode!r} is none of {known}") from error


def _checked(options: Options) -> Options:
    _check_text("a filter is a text", options.where or "", *(options.fields or ()))
    return options


def _targets(
    objects: str | Iterable[str], schema: str | None, table: str | None
) -> dict[str, str | None]:
    """Return the objects, each once, with the table name that was asked for."""
    if not isinstance(objects, str | Iterable):
        raise ConfigError(f"names are expected, not {type(objects).__name__}")
    names = [objects] if isinstance(objects, str) else list(objects)
    _check_text("a name is expected", *names, schema or "", table or "")
    if (schema or "").upper() == SCHEMA:
        raise ConfigError(f"the schema {SCHEMA} is lht's own", hint="name another")
    unique = list({name.lower(): name for name in reversed(names)}.values())[::-1]
    if not unique:
        raise ConfigError("no object is named", hint="for example: lht sync Account")
    if table is not None and len(unique) > 1:
        raise ConfigError("--table goes with a single object")
    return dict.fromkeys(unique, table)


def _check_text(expected: str, *given: object) -> None:
    for what in given:
        if not isinstance(what, str):
            raise ConfigError(f"{expected}, not {type(what).__name__}")
        try:
            what.encode()
        except UnicodeEncodeError as error:  # a shell's bytes that are no UTF-8
            raise ConfigError(f"{expected}, and {what!a} is none") from error


class _CallableModule(ModuleType):
    """Lets ``lht.sync(...)`` be the function while ``lht.sync.plan`` is a module."""

    def __call__(self, *args: Any, **kwargs: Any) -> SyncReport:
        return sync(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
