"""The session is the user's: after a run it is as it was, however the run has ended."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from snowflake.snowpark import Session
from tests.emulator.test_sync import ROUTES
from tests.snowflake.scene import SnowflakeScene

from lht.exceptions import ConfigError, SyncError
from lht.report.values import SyncMode
from lht.sync.plan import Options
from lht.warehouse import snowflake_open
from lht.warehouse.duckdb import DuckDBWarehouse
from lht.warehouse.snowflake_tables import QUERY_TAG

BULK = Options(force_bulk=True)
LOOKED_AT = "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA(), CURRENT_ORGANIZATION_NAME()"
ODD = "50% \\ 'quoted' \"twice\" ?\r\n:1 \\n"


def settled_in(scene: SnowflakeScene) -> None:
    """Let the user have a schema and a query tag of their own, and some accounts."""
    scene.run_sql("CREATE SCHEMA MINE")
    scene.warehouse.use_schema("MINE")
    scene.warehouse.query_tag = "the user's"
    scene.accounts(120)


@ROUTES
def test_a_session_is_left_as_it_was(scene: SnowflakeScene, options: Options) -> None:
    """Database, schema, parameters and transaction stay; each statement has our tag."""
    settled_in(scene)
    before = scene.guest()
    for mode in (SyncMode.FULL, SyncMode.INCREMENTAL):
        scene.statements.clear()
        scene.sync("Account", options=replace(options, mode=mode))
        tags = {s.query_tag for s in scene.statements if LOOKED_AT not in s.text}
        assert tags == {QUERY_TAG}
        assert scene.guest() == before
    assert before["CURRENT_SCHEMA()"] == "MINE"
    assert before["QUERY_TAG"] == "the user's"
    scene.check("Account")


@ROUTES
def test_a_session_is_left_as_it_was_by_a_failure(
    scene: SnowflakeScene, options: Options
) -> None:
    """A run that fails amid its transaction gives the session back, too."""
    settled_in(scene)
    scene.sync("Contact")
    before = scene.guest()
    scene.server.fail('INSERT INTO .*"STATE"')
    with pytest.raises(SyncError):
        scene.sync("Account", options=options)
    assert scene.guest() == before
    assert scene.leftovers() == []


def test_a_transaction_of_the_users_is_not_touched(scene: SnowflakeScene) -> None:
    """A run is refused amid a transaction, which stays open with what it wrote."""
    scene.accounts(1)
    session = scene.warehouse
    session.sql("CREATE TABLE PUBLIC.MINE (N NUMBER)").collect()
    session.sql("BEGIN").collect()
    session.sql("INSERT INTO PUBLIC.MINE VALUES (1)").collect()
    before = scene.guest()
    with pytest.raises(ConfigError, match="transaction open") as caught:
        scene.sync("Account")
    assert caught.value.hint
    assert scene.guest() == before
    assert before["CURRENT_TRANSACTION()"]
    session.sql("ROLLBACK").collect()
    assert scene.scalar("SELECT count(*) FROM PUBLIC.MINE") == 0


@ROUTES
def test_without_autocommit_all_is_committed(
    scene: SnowflakeScene, options: Options
) -> None:
    """Where nothing is committed by itself, a run commits its own, and only that."""
    scene.accounts(120)
    with scene.other(autocommit=False) as session:
        before = _context(session)
        for mode in (SyncMode.FULL, SyncMode.INCREMENTAL):
            given = replace(options, mode=mode)
            scene.sync("Account", warehouse=session, options=given)
        assert _context(session) == before
        scene.check("Account")
        scene.server.fail("MERGE")
        scene.accounts(3, "later")
        with pytest.raises(SyncError):
            scene.sync("Account", warehouse=session, options=options)
        assert _context(session) == before
    assert scene.scalar("SELECT count(*) FROM RAW.ACCOUNT") == 120
    assert scene.scalar("SELECT count(*) FROM LHT.RECEIPTS") == 3


def _context(session: Session) -> dict[str, Any]:
    (row,) = session.sql("SELECT CURRENT_TRANSACTION(), CURRENT_SCHEMA()").collect()
    return dict(row.as_dict())


def test_with_the_owners_rights_nothing_is_temporary(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a procedure transient objects serve, and are dropped; nothing is set."""
    scene.accounts(120)
    scene.sync("Contact")  # the schemas are there: their owner has made them
    monkeypatch.setattr(snowflake_open, "in_procedure", lambda: True)
    monkeypatch.setattr(scene.server, "owners_rights", True)
    scene.statements.clear()
    scene.sync("Account", options=BULK)
    scene.org.clock.advance(600)
    scene.accounts(3, "later")
    scene.sync("Account", options=BULK)
    told = [s.text for s in scene.statements]
    assert sum(t.startswith("CREATE TRANSIENT TABLE") for t in told) == 2
    assert sum(t.startswith("CREATE STAGE") for t in told) == 2
    scene.server.fail("MERGE")
    with pytest.raises(SyncError):
        scene.sync("Account", options=BULK)
    scene.check("Account")
    monkeypatch.undo()
    assert scene.guest()["CURRENT_SCHEMA()"] == "PUBLIC"


def test_a_refusal_in_a_procedure_is_told(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that nothing may be temporary leads to what has to be dropped."""
    scene.accounts(3)
    monkeypatch.setattr(snowflake_open, "in_procedure", lambda: True)
    scene.server.fail("^CREATE TEMPORARY", error="Insufficient privileges", code=3001)
    scene.statements.clear()
    with pytest.raises(SyncError, match="003001"):
        scene.sync("Account", options=BULK)
    told = [s.text for s in scene.statements]
    assert not [t for t in told if t.startswith(("CREATE TRANSIENT", "CREATE STAGE"))]
    assert scene.leftovers() == []


@ROUTES
def test_a_connection_that_formats_values_itself(
    scene: SnowflakeScene, options: Options
) -> None:
    """A connection with pyformat placeholders brings the same rows, odd texts too."""
    scene.accounts(3, ODD)
    connection = scene.server.connection(scene.database, paramstyle="pyformat")
    for _ in range(2):
        scene.sync("Account", warehouse=connection, options=options)
        scene.check("Account")
        scene.org.clock.advance(600)
        scene.accounts(2, f"new {ODD}")
    where = "Name LIKE '50%' OR Name LIKE 'new 50%'"  # bound, as all of the state
    scene.sync("Account", warehouse=connection, where=where)
    connection.close()
    scene.check("Account")


def test_duckdb_has_no_part_in_it(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A sync into Snowflake opens no DuckDB and leaves no file."""

    def opened(*_: Any, **__: Any) -> None:
        pytest.fail("DuckDB was opened")

    monkeypatch.setattr(DuckDBWarehouse, "__init__", opened)
    monkeypatch.chdir(tmp_path)
    scene.accounts(120)
    scene.sync("Account", options=BULK)
    scene.check("Account")
    assert list(tmp_path.iterdir()) == []


def test_a_stage_of_the_users_keeps_their_files(scene: SnowflakeScene) -> None:
    """On a stage that the user names, only what we have put there is removed."""
    scene.run_sql("CREATE STAGE PUBLIC.THEIRS")
    scene.warehouse.sql(
        "COPY INTO @PUBLIC.THEIRS/crm/mine.csv FROM (SELECT 1 AS N)"
        " FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE) SINGLE = TRUE"
    ).collect()
    scene.accounts(250)
    scene.sync("Account", options=Options(force_bulk=True, stage="theirs/crm"))
    scene.check("Account")
    assert any("THEIRS" in s.text for s in scene.statements if "PUT" in s.text)
    (listed,) = scene.warehouse.sql("LIST @PUBLIC.THEIRS").collect()
    assert listed["name"] == "theirs/crm/mine.csv"
