"""Tables that lht 4 did not make are gone on from, and what users added stays."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.emulator.scene import NOW
from tests.snowflake.scene import SnowflakeScene

from lht.exceptions import SyncError
from lht.report.values import SyncMode
from lht.sync import plan_sync
from lht.sync.plan import ADOPTION_LOOKBACK, Options

HOUR = timedelta(hours=1)
STAMP = NOW.replace(tzinfo=None)
BULK = Options(force_bulk=True)
# As write_pandas made them: texts without a length, integers with a NULL as FLOAT.
OF_VERSION_3 = (
    "ID VARCHAR, ISDELETED BOOLEAN, NAME VARCHAR, SITE VARCHAR, ANNUALREVENUE FLOAT,"
    " NUMBEROFEMPLOYEES FLOAT, CREATEDDATE TIMESTAMP_NTZ, LASTMODIFIEDDATE"
    " TIMESTAMP_NTZ, SYSTEMMODSTAMP TIMESTAMP_NTZ"
)
BY_HAND = (
    '"id" VARCHAR(18) NOT NULL, "isdeleted" BOOLEAN, "name" VARCHAR(255), "site"'
    ' VARCHAR(20), "annualrevenue" NUMBER(18,2), "numberofemployees" NUMBER(8,0),'
    ' "createddate" TIMESTAMP_TZ, "lastmodifieddate" TIMESTAMP_LTZ,'
    ' "systemmodstamp" TIMESTAMP_TZ'
)


def adopt(scene: SnowflakeScene, columns: str) -> tuple[str, str]:
    """Let there be a table of others with two accounts, of which one changes later."""
    old, changed = scene.accounts(2)
    scene.org.update("Account", old, {"AnnualRevenue": 10.5, "NumberOfEmployees": 7})
    scene.run_sql("CREATE SCHEMA RAW", f"CREATE TABLE RAW.ACCOUNT ({columns})")
    moment = f"'{STAMP:%Y-%m-%d %H:%M:%S}'"
    for number, id_ in enumerate((old, changed)):
        scene.run_sql(
            f"INSERT INTO RAW.ACCOUNT SELECT '{id_}', FALSE, 'Account {number}', NULL,"
            f" 10.5, 7, {moment}, {moment}, {moment}"
        )
    scene.statements.clear()
    scene.org.clock.advance(3 * HOUR)
    scene.org.update("Account", changed, {"Name": "renamed", "AnnualRevenue": 0.125})
    scene.org.insert("Account", {"Name": "new", "Site": "x" * 80})
    scene.org.clock.advance(HOUR)
    return old, changed


@pytest.mark.parametrize("columns", [OF_VERSION_3, BY_HAND], ids=["3.x", "by hand"])
def test_a_table_of_others_is_continued(scene: SnowflakeScene, columns: str) -> None:
    """It is read on from its last change, less a lookback; the plan shows misfits."""
    old, changed = adopt(scene, columns)
    (plan,) = plan_sync(
        "Account", salesforce=scene.client, warehouse=scene.warehouse
    ).objects
    assert plan.mode is SyncMode.INCREMENTAL
    assert plan.since == STAMP - ADOPTION_LOOKBACK
    assert any("--full" in note for note in plan.notes)
    assert any("new field Industry" in note for note in plan.notes)
    misfit = "NumberOfEmployees changes from"
    assert any(misfit in note for note in plan.notes)
    assert not scene.past.has_table("STATE")
    receipt = scene.synced("Account", options=BULK)
    assert (receipt.mode, receipt.since) == (plan.mode, plan.since)
    rows = scene.past.rows("RAW.ACCOUNT")
    assert len(rows) == 3
    assert rows[changed]["NAME"] == "renamed"
    assert rows[changed]["ANNUALREVENUE"] == Decimal("0.125")
    assert (rows[old]["ANNUALREVENUE"], rows[old]["NUMBEROFEMPLOYEES"]) == (10.5, 7)
    assert {type(r["SYSTEMMODSTAMP"]) for r in rows.values()} == {datetime}
    assert {r["LASTMODIFIEDDATE"].tzinfo for r in rows.values()} == {None}
    assert rows[old]["LASTMODIFIEDDATE"] == STAMP
    scene.sync("Account", mode="full")
    scene.check("Account")


def test_what_users_added_survives(scene: SnowflakeScene) -> None:
    """Columns, values, defaults, comments and views outlive full loads and rebuilds."""
    first, second = scene.accounts(2)
    scene.sync("Account")
    scene.run_sql(
        "ALTER TABLE RAW.ACCOUNT ADD COLUMN SCORE NUMBER(5,1) DEFAULT 1.5",
        'ALTER TABLE RAW.ACCOUNT ADD COLUMN "note" VARCHAR(20)',
        f"UPDATE RAW.ACCOUNT SET SCORE = 9.5, \"note\" = 'mine' WHERE ID = '{first}'",
        "COMMENT ON COLUMN RAW.ACCOUNT.SCORE IS 'by the sales team'",
        "COMMENT ON TABLE RAW.ACCOUNT IS 'accounts of the CRM'",
        "CREATE VIEW RAW.SCORES AS SELECT ID, SCORE FROM RAW.ACCOUNT",
        "GRANT SELECT ON TABLE RAW.ACCOUNT TO ROLE PUBLIC",
    )
    steps: tuple[dict[str, Any], ...] = ({"Site": "x"}, {"AnnualRevenue": 1e-9})
    for changed in steps:
        scene.org.clock.advance(HOUR)
        scene.org.update("Account", second, changed)
        scene.org.clock.advance(HOUR)
        scene.sync("Account", options=Options(mode=SyncMode.FULL, force_bulk=True))
        scene.check("Account")
        rows = scene.past.rows("RAW.ACCOUNT")
        assert (rows[first]["SCORE"], rows[first]["NOTE"]) == (Decimal("9.5"), "mine")
        assert (rows[second]["SCORE"], rows[second]["NOTE"]) == (Decimal("1.5"), None)
    new = scene.org.insert("Account", {"Name": "new"})
    scene.sync("Account")
    assert scene.past.rows("RAW.ACCOUNT")[new]["SCORE"] == Decimal("1.5")
    assert told_of_table(scene) == ("accounts of the CRM", "by the sales team")
    assert len(scene.warehouse.sql("SELECT * FROM RAW.SCORES").collect()) == 3
    copies = [s.text for s in scene.statements if " LIKE " in s.text]
    assert copies
    assert all(text.endswith("COPY GRANTS") for text in copies)


def told_of_table(scene: SnowflakeScene) -> tuple[str, str]:
    """Return the comments on the table and on the column of theirs."""
    (table,) = scene.warehouse.sql(
        f'SELECT COMMENT FROM "{scene.database}".INFORMATION_SCHEMA.TABLES'
        " WHERE TABLE_SCHEMA = 'RAW' AND TABLE_NAME = 'ACCOUNT'"
    ).collect()
    (column,) = scene.warehouse.sql(
        f'SELECT COMMENT FROM "{scene.database}".INFORMATION_SCHEMA.COLUMNS'
        " WHERE TABLE_SCHEMA = 'RAW' AND COLUMN_NAME = 'SCORE'"
        " AND TABLE_NAME = 'ACCOUNT'"
    ).collect()
    return table["COMMENT"], column["COMMENT"]


def test_rows_that_cannot_be_told_apart_are_refused(scene: SnowflakeScene) -> None:
    """A table of others with two rows of one Id is told of, and nothing moves."""
    old, _ = adopt(scene, OF_VERSION_3)
    scene.run_sql(f"INSERT INTO RAW.ACCOUNT (ID) VALUES ('{old}')")
    with pytest.raises(SyncError) as caught:
        scene.sync("Account")
    (receipt,) = caught.value.report.objects
    assert receipt.error.code == "duplicate_key"
    assert scene.scalar("SELECT count(*) FROM RAW.ACCOUNT") == 3
    assert scene.leftovers() == []


def test_a_view_is_no_target(scene: SnowflakeScene) -> None:
    """Rows are not loaded into a view."""
    scene.accounts(1)
    scene.run_sql("CREATE SCHEMA RAW", "CREATE VIEW RAW.ACCOUNT AS SELECT 1 AS ID")
    with pytest.raises(SyncError) as caught:
        scene.sync("Account")
    assert caught.value.report.objects[0].error.exit_code == 2
