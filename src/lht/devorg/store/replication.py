"""What changed and what went in a span of time, as ``updated/`` and ``deleted/`` say.

Source: REST API Developer Guide, "sObject Get Updated" and "sObject Get Deleted".
"""

from datetime import UTC, datetime, timedelta

from lht.devorg import errors
from lht.devorg.metadata import SObject
from lht.devorg.store.tables import DELETES, Tables

UPDATED_REACH = timedelta(days=30)
DELETED_REACH = timedelta(days=15)
MAX_IDS = 600_000


def updated_ids(
    tables: Tables, sobject: SObject, start: datetime, end: datetime, now: datetime
) -> list[str]:
    """Return the ids of live records created or changed from *start* to *end*."""
    first, last = _window(sobject, start, end, now, UPDATED_REACH)
    stamp = _stamp_field(sobject)
    sql = (
        f'SELECT "Id" FROM "{sobject.name}"'
        f' WHERE "{stamp}" BETWEEN ? AND ?'
        f" AND {tables.live(sobject.name)}"
        f' ORDER BY "{stamp}", "Id" LIMIT {MAX_IDS + 1}'
    )
    found = tables.db.execute(sql, [first, last]).fetchall()
    if len(found) > MAX_IDS:
        raise errors.too_many_ids()
    return [row[0] for row in found]


def deleted_ids(
    tables: Tables, sobject: SObject, start: datetime, end: datetime, now: datetime
) -> list[tuple[str, datetime]]:
    """Return id and time of every deletion from *start* to *end*."""
    first, last = _window(sobject, start, end, now, DELETED_REACH)
    if first >= last:
        text = "startDate must be at least one minute before endDate"
        raise errors.bad_replication_date(text)
    parts = [f'SELECT "Id", deleted_at FROM {DELETES} WHERE sobject = ?']
    if {"isdeleted", "systemmodstamp"} <= sobject.by_name.keys():
        parts.append(
            f'SELECT "Id", "SystemModstamp" FROM "{sobject.name}" WHERE "IsDeleted"'
        )
    sql = (
        f"SELECT * FROM ({' UNION ALL '.join(parts)})"
        " WHERE deleted_at BETWEEN ? AND ?"
        f' ORDER BY deleted_at, "Id" LIMIT {MAX_IDS + 1}'
    )
    found = tables.db.execute(sql, [sobject.name, first, last]).fetchall()
    if len(found) > MAX_IDS:
        raise errors.too_many_ids()
    return [(record_id, at.replace(tzinfo=UTC)) for record_id, at in found]


def earliest_deletion(tables: Tables, sobject: SObject, now: datetime) -> datetime:
    """Return from when on deletions are known: the oldest logged, at most 15 days."""
    sql = f"SELECT min(deleted_at) FROM {DELETES} WHERE sobject = ? AND deleted_at >= ?"
    reach = _naive(now - DELETED_REACH)
    row = tables.first(sql, [sobject.name, reach])
    found: datetime = row[0] if row and row[0] else reach
    return found.replace(tzinfo=UTC, microsecond=0)


def _window(
    sobject: SObject, start: datetime, end: datetime, now: datetime, reach: timedelta
) -> tuple[datetime, datetime]:
    """Check a span and return it as the columns hold time, cut to whole minutes."""
    if not sobject.replicateable:
        text = f"object type {sobject.name} is not replicateable"
        raise errors.OrgError(400, "INVALID_TYPE_FOR_OPERATION", text)
    if start >= end:
        raise errors.bad_replication_date("endDate must be after startDate")
    if start < now - reach:
        text = f"startDate cannot be more than {reach.days} days ago."
        raise errors.bad_replication_date(text)
    return _minute(start), _minute(end)


def _stamp_field(sobject: SObject) -> str:
    for name in ("SystemModstamp", "LastModifiedDate", "CreatedDate"):
        if name.lower() in sobject.by_name:
            return name
    raise errors.wrong_operation(sobject.name, "replicated")


def _minute(moment: datetime) -> datetime:
    return _naive(moment).replace(second=0, microsecond=0)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
