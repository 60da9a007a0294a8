"""What users' code calls: documented paths, signatures and results stay as they are.

A snapshot here changes only together with a major version.
"""

import importlib
import inspect
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from lht.exceptions import BulkJobError, ConfigError, LHTError, SyncError
from lht.report.values import (
    ErrorReport,
    ObjectReport,
    Place,
    Status,
    SyncMode,
    SyncReport,
)
from lht.salesforce import intelligent_sync
from lht.salesforce.intelligent_sync import IntelligentSync, sync_sobject_intelligent
from lht.salesforce.query_bapi20 import get_bulk_results, get_bulk_results_with_stage
from lht.util import data_writer
from lht.util.stage import put_csv_content_to_stage, put_dataframe_to_stage

SYNC_ARGUMENTS = (
    "sobject, schema, table, match_field='ID', use_stage=False, stage_name=None,"
    " force_full_sync=False"
)
LATER_ARGUMENTS = (
    "force_bulk_api=False, existing_job_id=None, delete_job=True, where_clause=None"
)
FIELDS_ARGUMENTS = "df_fields=None, snowflake_fields=None, force_full_sync=False"
SIGNATURES = {
    "lht.util.data_writer:write_dataframe_to_table": (
        "(session, df, schema, table, overwrite=False, auto_create=True,"
        " temp_table=None, validate_types=True, use_logical_type=True,"
        f" on_error='CONTINUE', {FIELDS_ARGUMENTS})"
    ),
    "lht.util.data_writer:write_batch_to_temp_table": (
        "(session, df, schema, temp_table, df_fields, validate_types=True,"
        " force_full_sync=False, main_table=None, snowflake_fields=None)"
    ),
    "lht.util.data_writer:write_batch_to_main_table": (
        "(session, df, schema, table, is_first_batch=False, validate_types=True,"
        f" use_logical_type=True, {FIELDS_ARGUMENTS})"
    ),
    "lht.util.stage:put_dataframe_to_stage": (
        "(session, stage_name, df, filename=None, schema=None)"
    ),
    "lht.util.stage:put_csv_content_to_stage": (
        "(session, stage_name, csv_content, filename=None, schema=None)"
    ),
    "lht.salesforce.query_bapi20:get_bulk_results": (
        "(session, access_info, job_id, sobject, schema, table,"
        " snowflake_fields=None, use_stage=False, stage_name=None, database=None,"
        " force_full_sync=False, match_field='ID')"
    ),
    "lht.salesforce.query_bapi20:get_bulk_results_with_stage": (
        "(session, access_info, job_id, sobject, schema, table, stage_name=None,"
        " use_stage=False)"
    ),
    "lht.salesforce.intelligent_sync:sync_sobject_intelligent": (
        f"(session, access_info, {SYNC_ARGUMENTS}, {LATER_ARGUMENTS})"
    ),
    "lht.salesforce.intelligent_sync:IntelligentSync": "(session, access_info)",
    "lht.salesforce.intelligent_sync:IntelligentSync.sync_sobject": (
        f"(self, {SYNC_ARGUMENTS}, {LATER_ARGUMENTS})"
    ),
}
RESULT_KEYS = [
    *("sobject", "target_table", "sync_method", "estimated_records"),
    *("actual_records", "sync_duration_seconds", "last_modified_date"),
    *("sync_timestamp", "success", "error"),
]
AT = datetime(2024, 1, 15, 10, 30)
ACCESS = {"access_token": "token", "instance_url": "https://acme.my.salesforce.com"}


@pytest.mark.parametrize("path", SIGNATURES)
def test_a_documented_signature_stays(path):
    """Names, order and defaults are those that users' code relies on."""
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    signature = inspect.signature(found)
    bare = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in signature.parameters.values()
    ]
    shown = signature.replace(parameters=bare, return_annotation=signature.empty)
    assert str(shown) == SIGNATURES[path]


WRITERS = (
    "write_dataframe_to_table",
    "write_batch_to_temp_table",
    "write_batch_to_main_table",
)


@pytest.mark.parametrize("package", ["lht.util", "lht.salesforce"])
@pytest.mark.parametrize("name", WRITERS)
def test_writers_are_found_in_both_packages(package, name):
    """They are the very same; what is no name of theirs is none."""
    found = importlib.import_module(package)
    assert getattr(found, name) is getattr(data_writer, name)
    assert name in found.__all__
    with pytest.raises(AttributeError, match="write_anything"):
        _ = found.write_anything


def test_the_documented_thresholds_are_plain_attributes():
    """Users set them on an instance; they are those of the decision matrix."""
    assert IntelligentSync.BULK_API_THRESHOLD == 1_000
    assert IntelligentSync.STAGE_THRESHOLD == 50_000


RECEIPT = ObjectReport(
    sobject="Account",
    target_table="RAW.ACCOUNTS",
    status=Status.SUCCEEDED,
    mode=SyncMode.INCREMENTAL,
    sync_method="bulk_api_incremental",
    via="bulk",
    estimated_rows=1_500,
    read=1_487,
    last_modified_at=AT,
    seconds=45.23,
)


def report(receipt: ObjectReport) -> SyncReport:
    return SyncReport(
        run_id="run",
        status=receipt.status,
        exit_code=0,
        place=Place(
            org_id="00D",
            org_url="https://acme.my.salesforce.com",
            warehouse_kind="duckdb",
            warehouse="duckdb:///:memory:",
            schema="RAW",
        ),
        started_at=AT,
        seconds=45.23,
        api_calls=9,
        objects=(receipt,),
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the function asks of ``lht.sync``, which answers with a receipt."""
    seen: dict[str, Any] = {"answer": report(RECEIPT)}

    def answering(sobject: str, **arguments: Any) -> SyncReport:
        seen.update(arguments, sobject=sobject)
        if isinstance(seen["answer"], LHTError):
            raise seen["answer"]
        return seen["answer"]

    monkeypatch.setattr(intelligent_sync, "sync", answering)
    return seen


@pytest.fixture
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_the_result_is_the_documented_one(asked, session):
    """Keys, order and kinds of values are as documented."""
    result = sync_sobject_intelligent(session, ACCESS, "Account", "RAW", "ACCOUNTS")
    assert list(result) == RESULT_KEYS
    stamp = result.pop("sync_timestamp")
    assert result == {
        "sobject": "Account",
        "target_table": "RAW.ACCOUNTS",
        "sync_method": "bulk_api_incremental",
        "estimated_records": 1_500,
        "actual_records": 1_487,
        "sync_duration_seconds": 45.23,
        "last_modified_date": AT,
        "success": True,
        "error": None,
    }
    assert isinstance(stamp, datetime)
    assert stamp.tzinfo is None
    assert asked["warehouse"] is session
    assert asked["salesforce"] is ACCESS


def test_arguments_mean_what_they_meant(asked, session):
    """Each documented argument reaches the sync it was written for."""
    system = IntelligentSync(session, ACCESS)
    system.BULK_API_THRESHOLD = 5_000
    system.STAGE_THRESHOLD = 25_000
    system.sync_sobject(
        "Contact",
        "WAREHOUSE",
        "CONTACTS",
        match_field="Email",
        use_stage=True,
        stage_name="@SALESFORCE_STAGE",
        force_full_sync=True,
        force_bulk_api=True,
        existing_job_id="750",
        delete_job=False,
        where_clause="Email != null",
    )
    assert asked["sobject"] == "Contact"
    assert (asked["schema"], asked["table"]) == ("WAREHOUSE", "CONTACTS")
    options = asked["options"]
    assert options.mode is SyncMode.FULL
    assert (options.key, options.where) == ("Email", "Email != null")
    assert (options.force_bulk, options.existing_job_id) == (True, "750")
    assert options.keep_job
    assert options.stage == "@SALESFORCE_STAGE"
    assert (options.bulk_threshold, options.stage_threshold) == (5_000, 25_000)


def test_positions_mean_what_they_meant(asked, session):
    """The documented positional call."""
    sync_sobject_intelligent(
        session, ACCESS, "Account", "RAW", "ACCOUNT", "ID", False, None, True
    )
    assert asked["options"].mode is SyncMode.FULL
    sync_sobject_intelligent(session, ACCESS, "Account", "RAW", "ACCOUNT")
    assert asked["options"].mode is SyncMode.AUTO


FAILURE = BulkJobError(
    "Bulk API job failed with state: Failed", job_id="750", state="Failed"
)


@pytest.mark.parametrize("inside", [True, False])
def test_a_failure_is_returned_and_not_raised(asked, session, inside):
    """The documented failure: its message, no records, and the keys of a result."""
    error: LHTError = FAILURE
    if inside:
        failed = ObjectReport(
            sobject="Account",
            target_table="RAW.ACCOUNTS",
            status=Status.FAILED,
            error=ErrorReport.of(FAILURE),
        )
        error = SyncError(FAILURE.message, report=report(failed))
    asked["answer"] = error
    result = sync_sobject_intelligent(session, ACCESS, "Account", "RAW", "ACCOUNTS")
    assert set(result) == {*RESULT_KEYS, "records_processed"}
    assert (result["success"], result["records_processed"]) == (False, 0)
    assert result["error"] == "Bulk API job failed with state: Failed"
    assert (result["actual_records"], result["sobject"]) == (0, "Account")


@pytest.mark.parametrize(
    ("place", "access"),
    [
        ("a connection", {}),
        ("a connection", {"access_token": "token"}),
        ("a connection", "a token"),
        (7, ACCESS),
    ],
)
def test_wrong_arguments_are_returned_as_a_failure_too(session, place, access):
    """Also what cannot even be opened is told in the result."""
    place = session if place == "a connection" else place
    result = sync_sobject_intelligent(place, access, "Account", "RAW", "ACCOUNTS")
    assert (result["success"], result["records_processed"]) == (False, 0)
    assert result["error"]
    assert "token" not in result["error"].replace("access_token", "")


# -- results of query jobs -------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "stage"),
    [
        ({}, None),
        ({"use_stage": True, "stage_name": "@S"}, "@S"),
        ({"snowflake_fields": True, "stage_name": "@S"}, "@S"),
        ({"snowflake_fields": {"Id": "VARCHAR"}, "stage_name": "@S"}, None),
    ],
)
def test_a_query_job_is_brought_into_a_table(asked, session, arguments, stage):
    """By the sync of its sObject; the job stays where it is."""
    result = get_bulk_results(
        session, ACCESS, "750", "Account", "RAW", "ACCOUNTS", **arguments
    )
    options = asked["options"]
    assert (asked["sobject"], asked["warehouse"]) == ("Account", session)
    assert (options.existing_job_id, options.keep_job) == ("750", True)
    assert (options.stage, options.mode) == (stage, SyncMode.AUTO)
    assert list(result) == RESULT_KEYS


def test_positions_of_old_calls_mean_what_they_meant(asked, session):
    """A bool after the table says whether a stage is used."""
    place = (session, ACCESS, "750", "Account", "RAW", "ACCOUNTS")
    get_bulk_results(*place, True, False, "@S")
    assert asked["options"].stage == "@S"
    get_bulk_results_with_stage(*place, "@S", True)
    assert asked["options"].stage == "@S"
    get_bulk_results_with_stage(*place, "@S")
    assert asked["options"].stage is None
    get_bulk_results(*place, None, False, None, None, True, "Email")
    assert (asked["options"].mode, asked["options"].key) == (SyncMode.FULL, "Email")


def test_a_database_that_cannot_be_is_returned_as_a_failure(asked, session):
    """DuckDB has no other to go to."""
    result = get_bulk_results(
        session, ACCESS, "750", "Account", "RAW", "ACCOUNTS", database="OTHER"
    )
    assert set(result) == {*RESULT_KEYS, "records_processed"}
    assert not result["success"]
    assert "sobject" not in asked


# -- stages ----------------------------------------------------------------------------


def test_duckdb_has_no_stages(session):
    """Which is said, and not hidden in a file somewhere."""
    with pytest.raises(ConfigError, match="no stages"):
        put_csv_content_to_stage(session, "@S", "a\n1\n")
    with pytest.raises(ConfigError, match="no stages"):
        put_dataframe_to_stage(session, "@S", pa.table({"A": [1]}))
