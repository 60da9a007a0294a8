"""A table that is rebuilt for wider columns loses nothing, whoever else is at work."""

import pytest
from tests.snowflake.scene import SnowflakeScene
from tests.snowflake.test_failures import (
    BULK,
    FULL,
    acting_after,
    as_it_stands,
    assert_next_is_right,
    failing,
)

from lht.report.values import SyncReport
from lht.sync import sync

COPIED = 'INSERT INTO .*"REBUILT'


def needs_a_rebuild(scene: SnowflakeScene) -> None:
    """Load accounts; then one of them gets a number that needs a wider column."""
    first, *_ = scene.accounts(3)
    scene.sync("Account", "Contact")
    scene.org.clock.advance(600)
    scene.org.update("Account", first, {"AnnualRevenue": 0.123456789})
    scene.org.clock.advance(600)


def test_what_others_write_meanwhile_stays(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy lacks their rows, so it is given up, and the run is told to come again.

    That it has as many rows as the table does not make it the table.
    """
    needs_a_rebuild(scene)
    theirs = "UPDATE RAW.ACCOUNT SET SITE = 'theirs'"
    with monkeypatch.context() as patch:
        copied = acting_after(patch, COPIED, lambda *_: scene.run_sql(theirs))
        receipt = failing(scene, BULK)
    assert copied
    assert (receipt.error.code, receipt.error.exit_code) == ("target_busy", 5)
    rows = scene.past.rows("RAW.ACCOUNT").values()
    assert [row["SITE"] for row in rows] == ["theirs"] * 3
    scene.sync("Account", options=FULL)
    scene.check("Account")


def test_a_copy_that_lacks_rows_is_given_up(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted before it takes the table's place; the table is as it was."""
    needs_a_rebuild(scene)
    before = as_it_stands(scene)
    with monkeypatch.context() as patch:
        lost = acting_after(patch, COPIED, lambda copy, run: run(f"TRUNCATE {copy}"))
        receipt = failing(scene, BULK)
    assert lost
    assert receipt.error.code == "schema_drift"
    assert as_it_stands(scene) == before
    assert_next_is_right(scene)


def test_what_a_living_run_works_with_stays(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run that begins meanwhile takes no copy away that is not yet in place."""
    needs_a_rebuild(scene)
    others: list[SyncReport] = []

    def begin(*_: object) -> None:
        with scene.other() as session:
            others.append(sync("Contact", salesforce=scene.client, warehouse=session))

    with monkeypatch.context() as patch:
        acting_after(patch, COPIED, begin)
        scene.sync("Account", options=BULK)
    assert [report.exit_code for report in others] == [0]
    scene.check("Account", "Contact")
