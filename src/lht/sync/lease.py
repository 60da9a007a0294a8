"""A lease per target table keeps a second run out while the first one works."""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final

from lht.exceptions import TargetBusyError, WarehouseError
from lht.schema import TableRef
from lht.sync.state import SCHEMA, utc_now
from lht.warehouse.base import Session, Warehouse

LEASE_TIME: Final = timedelta(minutes=2)
HEARTBEAT_SECONDS: Final = 30.0
_START: Final = uuid.uuid4().hex[:8]
_LEASES: Final = TableRef(SCHEMA, "LEASES")


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
                session.execute(
                    f"DELETE FROM {session.name(_LEASES)}"
                    " WHERE target_table = ? AND run_id = ?",
                    (_key(target), self._run_id),
                )

    def check(self, target: str) -> None:
        """Raise unless the lease is still ours, as others see it now."""
        with self._warehouse.session() as session:
            holder = self._holder(session, target)
        if holder is None or holder[0] != self._run_id:
            raise TargetBusyError(
                f"the lease of {target} was lost while loading",
                hint="another run took over; look at it with: lht runs",
                target_table=target,
            )

    def _take(self, session: Session, target: str) -> None:
        try:
            with session.transaction():
                holder = self._holder(session, target)
                if holder is not None:
                    raise _busy(target, *holder)
                session.execute(
                    f"DELETE FROM {session.name(_LEASES)} WHERE target_table = ?",
                    (_key(target),),
                )
                now = utc_now()
                session.execute(
                    f"INSERT INTO {session.name(_LEASES)} VALUES (?, ?, ?, ?, ?)",
                    (_key(target), self._run_id, this_process(), now, now + LEASE_TIME),
                )
        except TargetBusyError:
            raise
        except WarehouseError as error:
            holder = self._holder(session, target)
            if holder is None:
                raise
            raise _busy(target, *holder) from error  # both wrote, it was first

    def _holder(self, session: Session, target: str) -> tuple[str, str] | None:
        return live_leases(session, self._warehouse).get(_key(target))

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            now = utc_now()
            with suppress(WarehouseError), self._warehouse.session() as session:
                session.execute(
                    f"UPDATE {session.name(_LEASES)}"
                    " SET heartbeat_at = ?, expires_at = ? WHERE run_id = ?",
                    (now, now + LEASE_TIME, self._run_id),
                )


def live_leases(session: Session, warehouse: Warehouse) -> dict[str, tuple[str, str]]:
    """Return run and owner of every live lease, by target table in upper case."""
    if session.read_table(_LEASES) is None:
        return {}
    rows = session.query(
        f"SELECT target_table, run_id, owner FROM {session.name(_LEASES)}"
        " WHERE expires_at > ?",
        (utc_now(),),
    )
    alone = warehouse.capabilities.single_process
    us = this_process()
    return {t: (run, owner) for t, run, owner in rows if owner == us or not alone}


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
