"""What all handlers share: the store, the sessions, the meters and the spool."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from lht.devorg.clock import Clock
from lht.devorg.http.jobs import Jobs
from lht.devorg.http.locators import Cursors
from lht.devorg.http.log import RequestLog
from lht.devorg.http.login.logins import LoginSettings
from lht.devorg.http.login.sessions import Sessions
from lht.devorg.http.meter import Meter
from lht.devorg.http.schedule import Schedule
from lht.devorg.recent import RecentItems
from lht.devorg.store.store import Store, Transaction
from lht.devorg.store.writer import Writer

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Settings(LoginSettings):
    """How this org behaves where orgs differ; also in :class:`LoginSettings`.

    Attributes:
        page_size: Records on a page of a REST query, at most.
        bulk_page_rows: Records on a page of a Bulk query's result, at most.
        api_usage_limit: Requests within 24 hours.
        bulk_query_jobs: Bulk query jobs within 24 hours.
        job_delay: Seconds that a finished Bulk job still looks unfinished.
        visible_delay: Seconds between a write over HTTP and its commit.
        locator_prefix: Of query locators: ``01g``, or ``0r8`` as in newer orgs.
        locator_seconds: How long a locator lives after its last use, by the clock: 15
            minutes, or 2 days (172,800) as later guides say.
    """

    page_size: int = 2_000
    bulk_page_rows: int = 50_000
    api_usage_limit: int = 100_000
    bulk_query_jobs: int = 10_000
    job_delay: float = 0.0
    visible_delay: float = 0.0
    locator_prefix: str = "01g"
    locator_seconds: float = 900


@dataclass
class Service:
    """One org's running state."""

    store: Store
    settings: Settings
    sessions: Sessions
    cursors: Cursors
    jobs: Jobs
    api_usage: Meter
    metadata_changed_at: datetime
    requests: RequestLog = field(default_factory=RequestLog)
    faults: Schedule = field(default_factory=Schedule)
    recent: RecentItems = field(init=False)
    transactions: dict[str, Transaction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recent = RecentItems(self.clock)

    @property
    def clock(self) -> Clock:
        """The org's clock."""
        return self.store.clock

    def write(self, action: Callable[[Writer], T]) -> T:
        """Write for a client: now, or with a commit that comes late.

        A late commit is what a long transaction does: the stamps are taken now.
        """
        if self.settings.visible_delay:
            return self.write_together(action)
        return action(self.store)

    def write_together(self, action: Callable[[Writer], T]) -> T:
        """Write in one transaction: all that *action* does, or nothing.

        Whatever it reads and writes on this thread is in it, however it comes there.
        """
        if self.store.is_joined:  # whose transaction ends with all or nothing itself
            return action(self.store)
        transaction = self.store.transaction()
        try:
            with transaction.joined():
                result = action(self.store)
        except BaseException:  # Ctrl-C, too, must not leave its records locked
            transaction.rollback()
            raise
        if self.settings.visible_delay:
            timer = threading.Timer(self.settings.visible_delay, transaction.commit)
            timer.daemon = True
            timer.start()
        else:
            transaction.commit()
        return result
