"""What others see of a Snowflake table while it is loaded: the old or the new one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.snowflake.scene import SnowflakeScene

from lht.report.values import ObjectReport, SyncMode
from lht.salesforce import describe
from lht.salesforce.describe import read_sobject
from lht.sync.plan import Options

ROWS, CHANGED = 220, 60
HOUR = 3600
BULK = Options(force_bulk=True)
LOOK = 'SELECT * FROM RAW."ACCOUNT" ORDER BY ID'
Sight = tuple[tuple[Any, ...], ...]
Look = Callable[[], Sight]


@contextmanager
def reader(scene: SnowflakeScene) -> Iterator[Look]:
    """Give what looks at the table in another session: at the columns of now."""
    with (
        closing(scene.server.connection(scene.database)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute(LOOK)
        known = [column[0] for column in cursor.description]

        def look() -> Sight:
            cursor.execute(LOOK)
            names = [column[0] for column in cursor.description]
            places = [names.index(name) for name in known]
            return tuple(tuple(row[at] for at in places) for row in cursor.fetchall())

        yield look


@contextmanager
def watched(look: Look) -> Iterator[list[Sight]]:
    """Look at the table again and again during the block."""
    seen: list[Sight] = []
    over = threading.Event()
    failures: list[BaseException] = []

    def watch() -> None:
        try:
            while not over.is_set():
                seen.append(look())
        except BaseException as error:  # noqa: BLE001  raised where it is seen
            failures.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
    for failure in failures:
        raise AssertionError("a reader was disturbed") from failure


def change_much(scene: SnowflakeScene, **values: Any) -> None:
    """Change some accounts, delete some and add some."""
    ids = list(scene.past.rows("RAW.ACCOUNT"))[:CHANGED]
    scene.org.clock.advance(HOUR)
    with scene.org.transaction() as transaction:
        for id_ in ids[10:]:
            transaction.update("Account", id_, {"Site": "changed", **values})
        for id_ in ids[:10]:
            transaction.delete(id_)
    scene.accounts(30, "new")
    scene.org.clock.advance(HOUR)


def load_under_eyes(scene: SnowflakeScene, options: Options) -> ObjectReport:
    """Load while somebody looks; fail unless they saw the old or the new rows."""
    with reader(scene) as look:
        before = look()
        with watched(look) as seen:
            receipt = scene.synced("Account", options=options)
        after = look()
    scene.check("Account")
    assert before != after
    assert set(seen) <= {before, after}
    assert seen.count(before) > 5, "the reader hardly looked"
    return receipt


@pytest.mark.parametrize("mode", [SyncMode.FULL, SyncMode.INCREMENTAL])
def test_a_reader_sees_old_or_new(scene: SnowflakeScene, mode: SyncMode) -> None:
    """Looked at all through a load, the table is what it was or what it becomes."""
    scene.accounts(ROWS)
    scene.sync("Account")
    change_much(scene)
    receipt = load_under_eyes(scene, replace(BULK, mode=mode))
    assert receipt.mode is mode


@pytest.mark.parametrize("mode", [SyncMode.FULL, SyncMode.INCREMENTAL])
def test_a_reader_does_not_see_a_rebuild(scene: SnowflakeScene, mode: SyncMode) -> None:
    """While a column is widened in a copy, the table never lacks it, or a row."""
    scene.accounts(ROWS)
    scene.sync("Account")
    change_much(scene, AnnualRevenue=0.123456789)
    receipt = load_under_eyes(scene, replace(BULK, mode=mode))
    assert any("AnnualRevenue widened" in note for note in receipt.notes)
    assert any("SWAP WITH" in s.text for s in scene.statements)


def test_a_reader_does_not_see_a_new_field(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a column is added, all others stay readable."""

    def without_industry(client: Any, name: str) -> Any:
        found = read_sobject(client, name)
        fields = tuple(f for f in found.fields if f.name != "Industry")
        return replace(found, fields=fields)

    scene.accounts(ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(describe, "read_sobject", without_industry)
        scene.sync("Account")
    change_much(scene, Industry="Energy")
    receipt = load_under_eyes(scene, BULK)
    assert any("new field Industry" in note for note in receipt.notes)
