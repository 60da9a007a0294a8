"""What others see of a table while it is loaded: the old one or the new one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pytest
from tests.emulator.scene import Scene

from lht.report.values import SyncMode
from lht.sync.plan import Options

ROWS = 2_000
Sight = tuple[int, int]  # rows and checksum

LOOK = "SELECT count(*), sum(hash(t)) FROM RAW.Account t"


def look(cursor: duckdb.DuckDBPyConnection) -> Sight:
    rows, checksum = cursor.execute(LOOK).fetchone() or (0, 0)
    return rows, checksum


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection) -> Iterator[list[Sight]]:
    """Look at the table again and again during the block."""
    seen: list[Sight] = []
    over = threading.Event()

    def watch(cursor: duckdb.DuckDBPyConnection) -> None:
        while not over.is_set():
            seen.append(look(cursor))

    thread = threading.Thread(target=watch, args=(connection.cursor(),))
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("mode", [SyncMode.FULL, SyncMode.INCREMENTAL])
@pytest.mark.parametrize("force_bulk", [False, True], ids=["rest", "bulk"])
def test_a_reader_sees_old_or_new(
    scene: Scene, mode: SyncMode, *, force_bulk: bool
) -> None:
    """Polled all through a load, the table is what it was or what it becomes."""
    scene.org.generate({"Account": ROWS})
    scene.sync("Account")
    scene.org.clock.advance(600)
    some = "SELECT Id FROM RAW.Account ORDER BY Id LIMIT 500"
    changed = [id_ for (id_,) in scene.warehouse.execute(some).fetchall()]
    with scene.org.transaction() as transaction:
        for id_ in changed[10:]:
            transaction.update("Account", id_, {"Site": "changed"})
        for id_ in changed[:10]:
            transaction.delete(id_)
    before = look(scene.warehouse)
    with watched(scene.warehouse) as seen:
        receipt = scene.synced(
            "Account", options=Options(mode=mode, force_bulk=force_bulk)
        )
    after = look(scene.warehouse)
    scene.check("Account")
    assert receipt.mode is mode
    assert before != after
    assert set(seen) <= {before, after}
    assert seen.count(before) > 10, "the reader hardly looked"
