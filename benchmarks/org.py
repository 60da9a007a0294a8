"""A local Salesforce org in a process of its own, and what it costs."""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from duckdb import DuckDBPyConnection

from benchmarks.aside import Aside
from lht import devorg
from lht.devorg import Org

_SESSION_SECONDS: Final = 86_400
_MEMORY: Final = "6GB"  # of the org's database, where it is kept in a file
_FIRST_CHANGE: Final = "TIMESTAMP '2026-01-01'"  # what is generated is older
_NEW: Final = 10  # of so many changes one is a new record
_CHANGED: Final = {  # by object: what another value is
    "Account": {
        "Description": "'Changed: ' || left(coalesce(Description, Name), 80)",
        "NumberOfEmployees": "coalesce(NumberOfEmployees, 0) % 1000000 + 1",
    },
    "Reading__c": {"Value__c": "round(coalesce(Value__c, 0) % 1000 + 1, 2)"},
}


class OrgProcess(Aside):
    """An org that runs while the block does.

    Attributes:
        connection: Its ``url``, ``client_id`` and ``client_secret``.
    """

    def __init__(self, rows: Mapping[str, int], file: Path | None = None) -> None:
        """Start an org with generated records; in memory, if not in a *file*."""
        super().__init__("benchmarks.org", {"rows": rows, "file": file and str(file)})
        self.connection: dict[str, str] = self.told

    def cpu_seconds(self) -> float:
        """Return the CPU time that the org has used so far, in all its threads."""
        return float(self.ask("cpu"))

    def change(self, sobject: str, rows: int) -> int:
        """Let so many records differ from those generated; return how many do.

        A tenth of them are new. Of two changes the larger contains the smaller.
        """
        return int(self.ask("change", sobject, rows))


def change(org: Org, sobject: str, rows: int) -> int:
    """Change records as a user would who had all afternoon; see ``OrgProcess``."""
    _renew(org, sobject, rows // _NEW)
    values = ", ".join(f"{name} = {sql}" for name, sql in _CHANGED[sobject].items())
    with org.store.lock, org.store.cursor() as db:
        db.execute(
            f'UPDATE "{sobject}" SET {values}, {_stamped(org, sobject)} WHERE Id IN'
            f' (SELECT Id FROM "{sobject}" WHERE CreatedDate < {_FIRST_CHANGE}'
            f" ORDER BY hash(Id), Id LIMIT {rows - rows // _NEW})"
        )
        return _number(
            db, f'count(*) FROM "{sobject}" WHERE SystemModstamp >= {_FIRST_CHANGE}'
        )


def _renew(org: Org, sobject: str, rows: int) -> None:
    """Let there be so many records that were created today."""
    with org.store.cursor() as db:
        last = _number(db, f'max(rowid) FROM "{sobject}"')
        there = _number(
            db, f'count(*) FROM "{sobject}" WHERE CreatedDate >= {_FIRST_CHANGE}'
        )
    if there >= rows:
        return
    org.generate({sobject: rows - there}, seed=rows)
    with org.store.lock, org.store.cursor() as db:
        db.execute(
            f'UPDATE "{sobject}" SET CreatedDate = {_now(org)},'
            f" {_stamped(org, sobject)} WHERE rowid > {last}"
        )


def _number(db: DuckDBPyConnection, selected: str) -> int:
    row = db.execute(f"SELECT {selected}").fetchone()
    return int(row[0]) if row else 0


def _now(org: Org) -> str:
    return f"TIMESTAMP '{org.clock.now().replace(tzinfo=None, microsecond=0)}'"


def _stamped(org: Org, sobject: str) -> str:
    """Write the assignments of the stamps that an object has."""
    known = org.store.metadata.by_name[sobject.lower()].by_name
    stamps = ("LastModifiedDate", "SystemModstamp")
    return ", ".join(f"{s} = {_now(org)}" for s in stamps if s.lower() in known)


def main() -> None:
    """Serve as the first line of stdin asks, until stdin ends; answer the others."""
    task = json.loads(sys.stdin.readline())
    with devorg.start(path=task["file"], session_seconds=_SESSION_SECONDS) as org:
        if task["file"]:
            with org.store.cursor() as db:
                db.execute(f"SET memory_limit = '{_MEMORY}'")
        org.generate(task["rows"])
        keys = ("url", "client_id", "client_secret")
        _tell({key: getattr(org, key) for key in keys})
        for line in sys.stdin:
            what, *words = json.loads(line)
            _tell(time.process_time() if what == "cpu" else change(org, *words))


def _tell(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
