"""What a test of the whole line acts with: an org, a client of it, a warehouse."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
from tests.emulator.comparing import assert_books_are_in_order, assert_table_is_org

from lht.devorg import Org
from lht.devorg.clock import Clock
from lht.events import Event
from lht.report.values import ObjectReport, SyncReport
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client
from lht.sync import sync

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
PAGE_ROWS = 100  # small pages: everything that is big has several


def stopped_clock() -> Clock:
    """Return a clock that stands still at ``NOW``."""
    clock = Clock()
    clock.freeze()
    clock.set(NOW)
    return clock


def credentials(org: Org) -> ClientCredentials:
    """Return what opens the org."""
    return ClientCredentials(org.url, org.client_id, org.client_secret)


@dataclass
class Scene:
    """An org whose clock stands still, a client of it, and a warehouse."""

    org: Org
    client: Client
    warehouse: duckdb.DuckDBPyConnection
    events: list[Event] = field(default_factory=list)

    def sync(self, *objects: str, **options: Any) -> SyncReport:
        """Sync into the warehouse, everything else as given."""
        given: dict[str, Any] = {"salesforce": self.client, "warehouse": self.warehouse}
        return sync(objects, listener=self.events.append, **(given | options))

    def synced(self, sobject: str, **options: Any) -> ObjectReport:
        """Sync one object and return its receipt."""
        return self.sync(sobject, **options).objects[0]

    def check(self, *objects: str) -> None:
        """Fail unless tables and org agree, and the books with themselves."""
        for sobject in objects:
            assert_table_is_org(self.warehouse, self.org, sobject)
        assert_books_are_in_order(self.warehouse)

    def accounts(self, count: int, prefix: str = "Account") -> list[str]:
        """Create accounts; return their ids."""
        with self.org.transaction() as transaction:
            return [
                transaction.insert("Account", {"Name": f"{prefix} {number}"})
                for number in range(count)
            ]

    def job_posts(self) -> int:
        """Return how many bulk jobs the org was asked for."""
        return sum(
            r.method == "POST" and r.path.endswith("/jobs/query")
            for r in self.org.requests
        )

    def scalar(self, query: str) -> Any:
        """Return the only value of a query to the warehouse."""
        row = self.warehouse.cursor().execute(query).fetchone()
        return row and row[0]
