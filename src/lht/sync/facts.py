"""What is known of one sObject and its target, gathered before anything is decided."""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from lht.exceptions import ConfigError, StateError
from lht.report.values import SyncMode
from lht.salesforce.client import Client
from lht.schema import SObjectSchema, TableInfo, TableRef
from lht.sync.plan import CURSOR_FIELDS, Facts, Options
from lht.sync.state import Store
from lht.sync.values import Job, State
from lht.typemap import selectable, table_schema
from lht.warehouse.base import Session, Warehouse

# What a chosen list of fields always comes with: key, deletion, change.
_ALWAYS = frozenset(n.lower() for n in ("Id", "IsDeleted", *CURSOR_FIELDS))


def gather(
    client: Client,
    warehouse: Warehouse,
    session: Session,
    *,
    options: Options,
    schema: SObjectSchema,
    ref: TableRef,
) -> Facts:
    """Read what the plan needs to know. Nothing is changed.

    Raises:
        ConfigError: The object cannot be queried, or a wanted field does not exist.
        MissingKeyError: The target table has no ``Id``.
    """
    columns = table_schema(schema, _wanted(schema, options))
    key = columns.by_name.get(options.key.lower())
    if key is None:
        raise ConfigError(
            f"{schema.name} has no field {options.key} to match records by",
            hint="match by Id",
        )
    if not schema.queryable or "id" not in columns.by_name:
        raise ConfigError(
            f"{schema.name} cannot be queried", hint="see what can: lht objects"
        )
    table = session.read_table(ref)
    store = Store(session)
    facts = Facts(
        org_id=client.org_id,
        schema=schema,
        columns=columns,
        ref=ref,
        key=key.name,
        stages=warehouse.capabilities.stages,
        now=client.server_now().replace(tzinfo=None),
        table=table,
        misfits=tuple(session.misfits(table, columns)) if table else (),
        **_remembered(store, ref, options),
        bulk_refusal=store.read_refusals(client.org_id).get(schema.name),
    )
    return _with_maxima(facts, session)


class Remembered(TypedDict):
    """What earlier runs left of a target."""

    state: State | None
    open_jobs: tuple[Job, ...]


def _remembered(store: Store, ref: TableRef, options: Options) -> Remembered:
    """Read state and jobs; a full load does without what is unreadable."""
    try:
        return Remembered(
            state=store.read_state(str(ref)),
            open_jobs=tuple(store.open_jobs(str(ref))),
        )
    except StateError as error:
        if options.mode is SyncMode.FULL and not error.newer:
            return Remembered(state=None, open_jobs=())
        raise


def _wanted(schema: SObjectSchema, options: Options) -> frozenset[str] | None:
    if options.fields is None:
        return None
    wanted = {name.lower() for name in options.fields}
    if unknown := [n for n in options.fields if n.lower() not in schema.by_name]:
        raise ConfigError(
            f"{schema.name} has no field {', '.join(unknown)}",
            hint=f"the fields of {schema.name} are those of its describe",
        )
    whole = [schema.by_name[name] for name in sorted(wanted)]
    if unread := [field.name for field in whole if not selectable(field)]:
        raise ConfigError(
            f"no column can hold {', '.join(unread)}: a compound, or a file",
            hint="of a compound, name the parts",
        )
    return frozenset(wanted | _ALWAYS | {options.key.lower()})


def _with_maxima(facts: Facts, session: Session) -> Facts:
    """Add how far the table's own rows reach."""
    table = facts.table
    if table is None:
        return facts
    return replace(
        facts,
        high_water=_max(session, table, facts.cursor_field),
        last_modified_at=_max(session, table, "LastModifiedDate"),
    )


def _max(session: Session, table: TableInfo, column: str | None) -> datetime | None:
    have = table.column(column) if column else None
    return session.latest(table.ref, have) if have else None
