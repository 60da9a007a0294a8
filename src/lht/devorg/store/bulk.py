"""Inserting millions: one INSERT .. SELECT, what is missing filled in by SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from lht.devorg import ids
from lht.devorg.metadata import Field, Metadata, Rollup, SObject
from lht.devorg.store import rollups
from lht.devorg.store.links import rollups_of
from lht.devorg.store.records import split_format
from lht.devorg.store.tables import Tables

_SOURCE = "org_source"
_ROW = "org_row"


def insert_rows(
    tables: Tables, sobject: SObject, source: Any, *, user_id: str, now: datetime
) -> int:
    """Insert the rows of a SELECT or an Arrow table; return how many."""
    with _as_select(tables, source) as select:
        described = tables.db.execute(f"DESCRIBE {select}").fetchall()
        given = {row[0] for row in described}
        numbered = f"SELECT *, row_number() OVER () - 1 AS {_ROW} FROM ({select})"
        fills = _fills(tables, sobject, given, user_id, now)
        added = "".join(f', {value} AS "{name}"' for name, value in fills)
        filled = f"SELECT * EXCLUDE {_ROW}{added} FROM ({numbered})"
        count = tables.insert_select(sobject.name, filled)
    _advance_counters(tables, sobject, given, count)
    return count


def _advance_counters(
    tables: Tables, sobject: SObject, given: set[str], count: int
) -> None:
    """Take the numbers that the new rows have, and skip the ids that were given."""
    for field in sobject.fields:
        counter = _counter(sobject, field)
        if counter and field.name not in given:
            tables.take_number(counter, count)
    if "Id" in given and sobject.key_prefix:
        own = ids.make_id(sobject.key_prefix, 0)[:10]
        sql = f'SELECT max("Id") FROM "{sobject.name}" WHERE starts_with("Id", ?)'
        row = tables.first(sql, [own])
        if row and row[0]:
            tables.skip_id(sobject.name, row[0])


@contextmanager
def _as_select(tables: Tables, source: Any) -> Iterator[str]:
    """Yield a SELECT for the source, registered as long as it is needed."""
    if isinstance(source, str):
        yield source
        return
    tables.db.register(_SOURCE, source)
    try:
        yield f"SELECT * FROM {_SOURCE}"
    finally:
        tables.db.unregister(_SOURCE)


def _fills(
    tables: Tables, sobject: SObject, given: set[str], user_id: str, now: datetime
) -> Iterator[tuple[str, str]]:
    """Yield the columns the source lacks, each with the SQL that fills it."""
    created = '"CreatedDate"' if "CreatedDate" in given else f"TIMESTAMP '{now}'"
    changed = '"LastModifiedDate"' if "LastModifiedDate" in given else created
    audit = {
        "CreatedDate": created,
        "LastModifiedDate": changed,
        "SystemModstamp": changed,
        "CreatedById": f"'{user_id}'",
        "LastModifiedById": f"'{user_id}'",
        "OwnerId": f"'{user_id}'",
    }
    for field in sobject.fields:
        if not field.stored or field.name in given:
            continue
        counter = _counter(sobject, field)
        if counter:
            first = tables.take_number(counter, 0)
            yield field.name, _numbered(sobject, field, f"({first} + {_ROW})")
        elif field.name in audit:
            yield field.name, audit[field.name]
        elif field.type == "boolean":
            yield field.name, "true" if field.default_value else "false"
        elif field.rollup and field.rollup.function in rollups.ZERO_WHEN_EMPTY:
            yield field.name, "0"


def _counter(sobject: SObject, field: Field) -> str | None:
    """Name the counter that a field's values come from."""
    if field.name == "Id":
        return f"id {sobject.name}"
    return f"auto {sobject.name}.{field.name}" if field.auto_number else None


def _numbered(sobject: SObject, field: Field, number: str) -> str:
    if not field.auto_number:
        return ids.sql_id(sobject.key_prefix or "000", number)
    before, width, after = split_format(field.auto_number)
    return f"'{before}' || printf('%0{width}d', {number} + 1) || '{after}'"


def refresh_sums(tables: Tables, metadata: Metadata, child: SObject) -> None:
    """Bring all roll-ups over *child* up to date. No stamp moves."""
    for parent in metadata.sobjects:
        for field, rollup in rollups_of(parent):
            if rollup.child == child.name:
                live = tables.live(child.name)
                tables.db.execute(_refresh(parent, field, rollup, live))


def _refresh(parent: SObject, field: Field, rollup: Rollup, live: str) -> str:
    operand = f'"{rollup.child_field}"' if rollup.child_field else "*"
    return (
        f'UPDATE "{parent.name}" SET "{field.name}" = total.value FROM'
        f' (SELECT "{rollup.child_reference}" AS parent,'
        f" {rollup.function}({operand}) AS value"
        f' FROM "{rollup.child}" WHERE {live} GROUP BY 1) AS total'
        f' WHERE "Id" = total.parent AND total.value IS NOT NULL'
    )
