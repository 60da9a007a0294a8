"""Files to load into an org, and what of them is in it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lht.devorg.store.store import Store

Write = Callable[[str, str], Path]


def fetch(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.cursor().execute(sql).fetchall()


def by_id(store: Store, name: str) -> dict[str, dict[str, Any]]:
    cursor = store.cursor().execute(f'SELECT * FROM "{name}" ORDER BY "Id"')
    columns = [column[0] for column in cursor.description]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return {row["Id"]: row for row in rows}


def tree(*records: dict[str, Any]) -> str:
    return json.dumps({"records": list(records)})


def record(kind: str, reference: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **values}
