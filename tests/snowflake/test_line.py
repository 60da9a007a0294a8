"""The whole line into Snowflake: what it promises of a warehouse holds there as well.

The tests that are imported are those of ``tests.emulator``, with another ``scene``.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tests.emulator.scene import PAGE_ROWS, credentials
from tests.emulator.test_stateful import live_through
from tests.emulator.test_sync import (
    BULK,
    MINUTE,
    test_a_full_load_removes_what_is_gone,
    test_a_record_erased_while_pages_are_read,
    test_an_empty_object_becomes_an_empty_table,
    test_an_object_without_any_stamp_is_always_loaded_whole,
    test_first_load,
    test_incremental_load,
    test_late_commits_arrive,
    test_late_commits_of_what_cannot_be_replicated_arrive,
    test_nothing_new_is_nothing_read,
    test_other_fields_mean_a_full_load,
    test_our_jobs_are_deleted_and_only_ours,
    test_ties_at_the_watermark_arrive,
    test_what_bulk_refuses_comes_by_rest_and_that_is_remembered,
    test_where_is_part_of_the_table,
    with_field,
)
from tests.snowflake.scene import SnowflakeScene, narrow_metadata

from lht import devorg
from lht.devorg.metadata import Field, Metadata
from lht.report.values import Status, SyncMode
from lht.salesforce.client import Client
from lht.sync import plan_sync, runs

__all__ = [
    "test_a_full_load_removes_what_is_gone",
    "test_a_record_erased_while_pages_are_read",
    "test_an_empty_object_becomes_an_empty_table",
    "test_an_object_without_any_stamp_is_always_loaded_whole",
    "test_first_load",
    "test_incremental_load",
    "test_late_commits_arrive",
    "test_late_commits_of_what_cannot_be_replicated_arrive",
    "test_nothing_new_is_nothing_read",
    "test_other_fields_mean_a_full_load",
    "test_our_jobs_are_deleted_and_only_ours",
    "test_ties_at_the_watermark_arrive",
    "test_what_bulk_refuses_comes_by_rest_and_that_is_remembered",
    "test_where_is_part_of_the_table",
]

ROUNDS = 4


def test_nothing_is_lost(
    scene: SnowflakeScene, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table and org agree after any changes, late commits and syncs."""
    monkeypatch.setattr("tests.emulator.test_stateful.ROUNDS", ROUNDS)
    live_through(scene, seed)


def test_deletes_undeletes_and_merges(scene: SnowflakeScene) -> None:
    """The recycle bin is in the table, with the mark that Salesforce gives it."""
    first, second, third = scene.accounts(3)
    scene.sync("Account")
    scene.org.clock.advance(MINUTE)
    scene.org.delete(first)
    scene.org.merge("Account", second, [third])
    receipt = scene.synced("Account", options=BULK)
    scene.check("Account")
    assert receipt.deleted == 2
    rows = scene.past.rows("RAW.ACCOUNT")
    assert [rows[i]["ISDELETED"] for i in (first, second, third)] == [True, False, True]
    scene.org.clock.advance(MINUTE)
    scene.org.undelete(first)
    scene.sync("Account")
    scene.check("Account")


@contextmanager
def scene_of(scene: SnowflakeScene, metadata: Metadata) -> Iterator[SnowflakeScene]:
    """Let the same org have other fields, for the block."""
    pages = {"page_size": PAGE_ROWS, "bulk_page_rows": PAGE_ROWS}
    with (
        devorg.start(clock=scene.org.clock, metadata=metadata, **pages) as org,
        Client(credentials(org)) as client,
    ):
        yield replace(scene, org=org, client=client)


def test_a_new_field_becomes_a_column(
    scene: SnowflakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that the org got meanwhile gets a column, which the run tells of."""
    monkeypatch.setattr(secrets, "randbelow", lambda _: 7)  # the same org, again
    before = narrow_metadata()
    field = Field(name="Mood__c", type="string", label="Mood", length=80, custom=True)
    with scene_of(scene, before) as then:
        then.accounts(2)
        then.sync("Account")
    with scene_of(scene, with_field(before, "Account", field)) as now:
        first, *_ = now.accounts(3)
        now.org.clock.advance(MINUTE)
        now.org.update("Account", first, {"Mood__c": "bright"})
        receipt = now.synced("Account")
        now.check("Account")
    assert receipt.mode is SyncMode.INCREMENTAL
    assert any("Mood__c" in note for note in receipt.notes)
    assert scene.scalar(
        "SELECT new_type FROM LHT.SCHEMA_CHANGES WHERE column_name = 'Mood__c'"
    )


def test_a_plan_moves_nothing(scene: SnowflakeScene) -> None:
    """A plan and a dry run make no schema, no table, no stage and no job."""
    scene.accounts(3)
    plan = plan_sync("Account", salesforce=scene.client, warehouse=scene.warehouse)
    report = scene.sync("Account", dry_run=True, options=BULK)
    assert plan.objects[0].error is None
    assert report.status is Status.PLANNED
    assert report.objects[0].sync_method == "bulk_api_full"
    assert {s.text.split()[0] for s in scene.statements} <= {"SELECT"}
    assert scene.job_posts() == 0


def test_what_was_run_is_remembered(scene: SnowflakeScene) -> None:
    """The warehouse tells of its runs, the last one first."""
    scene.accounts(2)
    reports = [scene.sync("Account") for _ in range(2)]
    found = runs(scene.warehouse)
    assert [r.run_id for r in found] == [r.run_id for r in reversed(reports)]
    assert found[1].objects[0].inserted == 2
