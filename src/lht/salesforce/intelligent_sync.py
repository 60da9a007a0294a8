"""The documented way to sync one sObject: old signatures over ``lht.sync``."""

from datetime import datetime
from typing import Any

from lht.exceptions import LHTError, SyncError
from lht.report.values import ObjectReport, SyncMode
from lht.sync import sync
from lht.sync.plan import Options
from lht.sync.state import utc_now


class IntelligentSync:
    """Syncs sObjects one by one; never raises, tells of failures in the result.

    Args:
        session: The warehouse: a Snowpark ``Session``, a DuckDB connection, or anything
            else that ``lht.sync`` opens.
        access_info: ``{"access_token": ..., "instance_url": ...}``, or an lht client.
    """

    BULK_API_THRESHOLD = 1_000  # rows from which the Bulk API is used
    STAGE_THRESHOLD = 50_000  # rows from which a stage is used, where there is one

    def __init__(self, session: Any, access_info: Any) -> None:
        self.session = session
        self.access_info = access_info

    def sync_sobject(
        self,
        sobject: str,
        schema: str,
        table: str,
        match_field: str = "ID",
        use_stage: bool = False,
        stage_name: str | None = None,
        force_full_sync: bool = False,
        force_bulk_api: bool = False,
        existing_job_id: str | None = None,
        delete_job: bool = True,
        where_clause: str | None = None,
    ) -> dict[str, Any]:
        """Bring one sObject into a table; see the documented result.

        ``use_stage`` and ``stage_name`` say whose stage is used where the warehouse has
        stages; they do not change the method.
        """
        options = Options(
            mode=SyncMode.FULL if force_full_sync else SyncMode.AUTO,
            where=where_clause,
            key=match_field or "ID",
            force_bulk=force_bulk_api,
            existing_job_id=existing_job_id,
            keep_job=not delete_job,
            bulk_threshold=self.BULK_API_THRESHOLD,
            stage_threshold=self.STAGE_THRESHOLD,
            stage=(stage_name or None) if use_stage else None,
        )
        result = _result(sobject, f"{schema}.{table}")
        try:
            report = sync(
                sobject,
                salesforce=self.access_info,
                warehouse=self.session,
                schema=schema,
                table=table,
                options=options,
            )
        except SyncError as error:
            return result | _receipt(error.report.objects[0]) | _failure(error)
        except LHTError as error:
            return result | _failure(error)
        return result | _receipt(report.objects[0])


def sync_sobject_intelligent(
    session: Any,
    access_info: Any,
    sobject: str,
    schema: str,
    table: str,
    match_field: str = "ID",
    use_stage: bool = False,
    stage_name: str | None = None,
    force_full_sync: bool = False,
    force_bulk_api: bool = False,
    existing_job_id: str | None = None,
    delete_job: bool = True,
    where_clause: str | None = None,
) -> dict[str, Any]:
    """Bring one sObject into a table; see ``IntelligentSync.sync_sobject``."""
    return IntelligentSync(session, access_info).sync_sobject(
        sobject,
        schema,
        table,
        match_field,
        use_stage,
        stage_name,
        force_full_sync,
        force_bulk_api,
        existing_job_id,
        delete_job,
        where_clause,
    )


def failed(sobject: str, target: str, error: LHTError) -> dict[str, Any]:
    """Return the documented result of a sync that could not begin."""
    return _result(sobject, target) | _failure(error)


def _result(sobject: str, target: str) -> dict[str, Any]:
    return {
        "sobject": sobject,
        "target_table": target,
        "sync_method": None,
        "estimated_records": 0,
        "actual_records": 0,
        "sync_duration_seconds": 0.0,
        "last_modified_date": None,
        "sync_timestamp": _timestamp(utc_now()),
        "success": True,
        "error": None,
    }


def _receipt(receipt: ObjectReport) -> dict[str, Any]:
    return {
        "target_table": receipt.target_table,
        "sync_method": receipt.sync_method,
        "estimated_records": receipt.estimated_rows or 0,
        "actual_records": receipt.read,
        "sync_duration_seconds": receipt.seconds,
        "last_modified_date": _timestamp(receipt.last_modified_at),
    }


def _failure(error: LHTError) -> dict[str, Any]:
    return {"success": False, "error": error.message, "records_processed": 0}


def _timestamp(instant: datetime | None) -> Any:
    """Return a ``pandas.Timestamp`` where pandas is installed, else the datetime."""
    if instant is None:
        return None
    try:
        import pandas as pd
    except ImportError:
        return instant
    return pd.Timestamp(instant)
