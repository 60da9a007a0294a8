"""A plan and three ends of a run, and files that hold how they look."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from lht.report.values import (
    Change,
    ErrorReport,
    ObjectPlan,
    ObjectReport,
    Place,
    Status,
    SyncMode,
    SyncPlan,
    SyncReport,
)

GOLDEN = Path(__file__).parent / "golden"
PLACE = Place(
    org_id="00D5g000000XXXXEAA",
    org_url="https://acme.my.salesforce.com",
    warehouse_kind="duckdb",
    warehouse="duckdb:///crm.duckdb",
    schema="RAW",
)


def planned(sobject: str, mode: str, change: str, **rest) -> ObjectPlan:
    facts = {
        "target_table": f"RAW.{sobject.upper()}",
        "via": "bulk",
        "sync_method": f"bulk_api_{mode}",
        "since": None,
    }
    return ObjectPlan(
        sobject=sobject, mode=SyncMode(mode), change=Change(change), **facts | rest
    )


def receipt(sobject: str, inserted: int, updated: int, **rest) -> ObjectReport:
    read = inserted + updated
    facts = {
        "target_table": f"RAW.{sobject.upper()}",
        "status": Status.SUCCEEDED,
        "mode": SyncMode.FULL,
        "via": "bulk",
        "sync_method": "bulk_api_full",
        "read": read,
        "downloaded": read,
        "staged": read,
        "inserted": inserted,
        "updated": updated,
        "complete_up_to": datetime(2026, 11, 21, 1, 56, 30),
        "seconds": 12.4,
        "api_calls": 6,
    }
    return ObjectReport(sobject=sobject, **facts | rest)


def ended(status: Status, exit_code: int, *objects: ObjectReport) -> SyncReport:
    return SyncReport(
        run_id="01JD3W8K",
        status=status,
        exit_code=exit_code,
        place=PLACE,
        started_at=datetime(2026, 11, 21, 1, 56, 17, 204000),
        seconds=13.0,
        api_calls=sum(o.api_calls for o in objects),
        objects=objects,
    )


@pytest.fixture
def plan() -> SyncPlan:
    """One object for each thing that a plan can do to a table."""
    return SyncPlan(
        place=PLACE,
        objects=(
            planned(
                "Account",
                "full",
                "create",
                estimated_rows=48210,
                estimated_calls=6,
                why="no table yet",
            ),
            planned(
                "Contact",
                "incremental",
                "update",
                estimated_rows=1420,
                estimated_calls=5,
                since=datetime(2026, 11, 20, 9, 14, 3),
                why="since 2026-11-20 09:14:03Z",
                notes=("new field Score__c, filled by a full load",),
            ),
            planned(
                "Task",
                "full",
                "rebuild",
                estimated_rows=None,
                estimated_calls=29,
                why="--where differs from last time",
                notes=("the table stays readable while it is rebuilt",),
            ),
            planned(
                "Case",
                "incremental",
                "nothing",
                via="rest",
                estimated_rows=0,
                estimated_calls=2,
                since=datetime(2026, 11, 20, 9, 14, 5),
                why="nothing changed since 2026-11-20 09:14:05Z",
            ),
        ),
        shared_calls=2,
        api_calls_left=98940,
        api_calls_max=100000,
    )


@pytest.fixture
def report() -> SyncReport:
    """A run in which all went well."""
    return ended(
        Status.SUCCEEDED,
        0,
        receipt("Account", 48210, 0, deleted=12),
        receipt(
            "Contact",
            204,
            1216,
            mode=SyncMode.INCREMENTAL,
            since=datetime(2026, 11, 20, 9, 14, 3),
            seconds=163.2,
            notes=("new field Score__c, filled by a full load",),
        ),
        receipt("Case", 0, 0, mode=SyncMode.INCREMENTAL, via="rest", seconds=0.4),
    )


@pytest.fixture
def partial() -> SyncReport:
    """A run in which two objects failed of one cause and one never began."""

    def failed(sobject: str) -> ObjectReport:
        error = ErrorReport(
            code="bulk_job_failed",
            message="Salesforce ended the query job as Failed",
            why="InvalidBatch: Failed to process query:\nQUERY_TIMEOUT \x1b[31m",
            state="nothing moved",
            hint="run it again, at a quieter hour if you can",
            sobject=sobject,
            context={"job_id": f"7505g0000002{sobject}", "step": "downloading"},
        )
        return receipt(sobject, 0, 0, status=Status.FAILED, error=error)

    return ended(
        Status.PARTIAL,
        1,
        receipt("Account", 48210, 0, deleted=12),
        failed("Contact"),
        failed("Task"),
        receipt("Case", 0, 0, status=Status.PLANNED, seconds=0.0),
    )


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its file; LHT_TEST_GOLDEN=write writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("LHT_TEST_GOLDEN") == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert text + "\n" == path.read_text(encoding="utf-8")

    return compare
