"""FOR VIEW and FOR REFERENCE: queries that count as looking at what they find."""

from collections.abc import Sequence
from datetime import UTC

from lht.devorg.http.service import Service
from lht.devorg.http.wire import Call
from lht.devorg.soql import Compiled


def mark_viewed(
    service: Service, call: Call, compiled: Compiled, ids: Sequence[str]
) -> None:
    """Set the dates that a query sets on the records it has found.

    Nothing else about the records changes, not even when they were changed last.
    """
    sobject = compiled.sobject
    fields = [name for name in compiled.viewed if name.lower() in sobject.by_name]
    if not compiled.viewed or not ids:
        return
    now = service.clock.now().astimezone(UTC).replace(tzinfo=None, microsecond=0)
    if fields:
        changes = ", ".join(f'"{name}" = $now' for name in fields)
        sql = (
            f'UPDATE "{sobject.name}" SET {changes} WHERE "Id" IN (SELECT unnest($ids))'
        )
        with service.store.lock:
            service.store.tables.db.execute(sql, {"now": now, "ids": list(ids)})
    if "LastViewedDate" in compiled.viewed:
        for id_ in reversed(ids):
            service.recent.use(call.user_id, sobject.name, id_)
