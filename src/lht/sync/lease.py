"""A lease per target table keeps a second run out while the first one works."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from lht.exceptions import TargetBusyError, WarehouseError
from lht.schema import TableRef
from lht.sync.state import SCHEMA, utc_now
from lht.warehouse import sql
from lht.warehouse.base import Session, Warehouse

HEARTBEAT_SECONDS: Final = 30.0
_log = logging.getLogger("lht.sync")
_START: Final = uuid.uuid4().hex[:8]
_LEASES: Final = TableRef(SCHEMA, "LEASES")
_COLUMNS: Final = ("TARGET_TABLE", "RUN_ID", "OWNER", "HEARTBEAT_AT", "EXPIRES_AT")


class Leases:
    """The leases of one run, kept alive by a thread while the block lasts.

    A lease is live until it expires; where only one process can have the warehouse
    open, the lease of another process is dead at once.
    """

    def __init__(self, warehouse: Warehouse, run_id: str) -> None:
        self._warehouse = warehouse
        self._run_id = run_id
        self._over = threading.Event()

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Move the expiry of all our leases on, until the block ends."""
        beat = threading.Thread(target=self._beat, name="lht-lease", daemon=True)
        beat.start()
        try:
            yield
        finally:
            self._over.set()
            beat.join()

    @contextmanager
    def held(self, session: Session, target: str) -> Iterator[None]:
        """Hold the lease of a target table during the block.

        Raises:
            TargetBusyError: Another run holds it. Nothing has moved.
        """
        self._take(session, target)
        try:
            yield
        finally:
            with suppress(WarehouseError):  # it expires by itself
                self._withdraw(session, target)

    def check(self, target: str) -> None:
        """Raise unless the lease is still ours, as others see it now.

        Call it in the load's transaction when all its rows are written: until the
        commit no other load can write the table, so one that takes over from here on
        began to read later, and commits later.
        """
        with self._warehouse.session() as session:
            other = self._holder(session, target, besides=self._run_id)
            ours = session.query(
                f"SELECT run_id FROM {session.name(_LEASES)}"
                " WHERE target_table = ? AND run_id = ?",  # who takes over deletes it
                (_key(target), self._run_id),
            )
        if other or not ours:
            raise TargetBusyError(
                f"the lease of {target} was lost while loading",
                hint="another run took over; look at it with: lht runs",
                target_table=target,
            )

    def _take(self, session: Session, target: str) -> None:
        """Write our claim, and withdraw it if there is another one.

        Where keys are enforced, the second claim cannot be written. Where they are not,
        of two claims made at the same time at least one is seen by the other's run.
        """
        try:
            with session.transaction():
                if holder := self._holder(session, target):
                    raise _busy(target, *holder)
                self._claim(session, target)
        except TargetBusyError:
            raise
        except WarehouseError as error:
            holder = self._holder(session, target)
            if holder is None:
                raise
            raise _busy(target, *holder) from error  # both wrote, it was first
        if self._warehouse.capabilities.enforced_keys:
            return
        if holder := self._holder(session, target, besides=self._run_id):
            self._withdraw(session, target)
            raise _busy(target, *holder)

    def _claim(self, session: Session, target: str) -> None:
        """Replace the dead leases of a target by our own."""
        leases, now = session.name(_LEASES), utc_now()
        alone = self._warehouse.capabilities.single_process  # then all others are dead
        dead = "" if alone else " AND expires_at <= ?"
        session.execute(
            f"DELETE FROM {leases} WHERE target_table = ?{dead}",
            (_key(target),) if alone else (_key(target), now),
        )
        session.execute(
            sql.insert(leases, _COLUMNS),
            (_key(target), self._run_id, this_process(), now, self._expiry(now)),
        )

    def _withdraw(self, session: Session, target: str) -> None:
        session.execute(
            f"DELETE FROM {session.name(_LEASES)}"
            " WHERE target_table = ? AND run_id = ?",
            (_key(target), self._run_id),
        )

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._warehouse.capabilities.lease_seconds)

    def _holder(
        self, session: Session, target: str, besides: str | None = None
    ) -> tuple[str, str] | None:
        """Return run and owner of a live lease of the target's."""
        return next(
            (
                (lease.run_id, lease.owner)
                for lease in live_leases(session, self._warehouse)
                if lease.target == _key(target) and lease.run_id != besides
            ),
            None,
        )

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            now = utc_now()
            with _heard(), self._warehouse.session() as session:
                session.execute(
                    f"UPDATE {session.name(_LEASES)}"
                    " SET heartbeat_at = ?, expires_at = ? WHERE run_id = ?",
                    (now, self._expiry(now), self._run_id),
                )


@contextmanager
def _heard() -> Iterator[None]:
    """Let the next heartbeat come, whatever this one failed with."""
    try:
        yield
    except Exception:  # noqa: BLE001  a driver's own, for the connection is closing
        _log.warning("a heartbeat failed", exc_info=True)


class Lease(NamedTuple):
    """Who loads a target table."""

    target: str  # in upper case
    run_id: str
    owner: str


def live_leases(session: Session, warehouse: Warehouse) -> list[Lease]:
    """Return the leases that are neither expired nor of a process that is gone."""
    if not session.has_table(_LEASES):
        return []
    rows = session.query(
        f"SELECT target_table, run_id, owner FROM {session.name(_LEASES)}"
        " WHERE expires_at > ?",
        (utc_now(),),
    )
    alone = warehouse.capabilities.single_process
    us = this_process()
    leases = [Lease(*map(str, row)) for row in rows]
    return [lease for lease in leases if lease.owner == us or not alone]


def this_process() -> str:
    """Return what tells this process from all others, from its parent too."""
    return f"{socket.gethostname()}:{os.getpid()}:{_START}"


def _key(target: str) -> str:
    """Return what names a target in any case, as the warehouse finds its table."""
    return target.upper()


def _busy(target: str, run_id: str, owner: str) -> TargetBusyError:
    return TargetBusyError(
        f"{target} is being loaded by run {run_id} of {owner.rpartition(':')[0]}",
        hint="wait until it has ended, then run it again",
        target_table=target,
        holder=run_id,
    )
