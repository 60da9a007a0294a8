"""A file may have any name: that of a schema too, as the default warehouse's has."""

from pathlib import Path

import duckdb
import pytest
from tests.emulator.comparing import assert_books_are_in_order, assert_table_is_org
from tests.emulator.scene import Scene

from lht.report.values import SyncMode
from lht.sync import plan_sync, runs, sync

FILES = ("lht.duckdb", "raw.duckdb", "RAW.x.duckdb", "account.duckdb", 'a "b.duckdb')
MODES = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.FULL)


@pytest.mark.parametrize("kind", ["path", "connection"])
@pytest.mark.parametrize("file", FILES)
def test_a_file_may_be_named_like_a_schema(scene, tmp_path, file, kind):
    """Every run finds its tables, its state and its history in such a file."""
    scene.accounts(3)
    path = tmp_path / file
    with duckdb.connect(path if kind == "connection" else ":memory:") as own:
        given = {
            "salesforce": scene.client,
            "warehouse": own if kind == "connection" else path,
        }
        for mode in MODES:
            assert plan_sync("Account", **given).objects[0].error is None
            assert sync("Account", **given, mode=mode).objects[0].mode is mode
        assert len(runs(given["warehouse"])) == len(MODES)
    check(scene, path)


@pytest.mark.parametrize("mode", MODES[:2])
def test_indexes_in_a_file_named_like_a_schema_are_made_again(scene, tmp_path, mode):
    """The statement of an index names a schema, which is then a database's name too."""
    key = scene.accounts(2)[0]
    path = tmp_path / "raw.duckdb"
    given = {"salesforce": scene.client, "warehouse": path}
    sync("Account", **given)
    with duckdb.connect(path) as connection:
        connection.execute("USE raw.RAW")
        connection.execute('CREATE INDEX "i ON x(" ON Account (Name)')
        connection.execute("CREATE UNIQUE INDEX j ON Account (Id)")
    scene.org.update("Account", key, {"AnnualRevenue": 1.255})
    sync("Account", **given, mode=mode)
    with duckdb.connect(path) as connection:
        indexes = connection.execute("SELECT index_name FROM duckdb_indexes()")
        assert {("i ON x(",), ("j",)} <= set(indexes.fetchall())
    check(scene, path)


def check(scene: Scene, path: Path) -> None:
    """Fail unless table and org agree, and the books with themselves."""
    with duckdb.connect(path.rename(path.parent / "seen.duckdb")) as connection:
        assert_table_is_org(connection, scene.org, "Account")
        assert_books_are_in_order(connection)
