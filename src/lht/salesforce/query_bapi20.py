# ruff: noqa: FBT001, FBT002, PLR0917  the signatures are documented
"""The documented way to bring the result of a Bulk API 2.0 query job into a table.

Both functions are a sync of the job's sObject that takes its rows from the job.
"""

from typing import Any

from lht.connect import in_database
from lht.exceptions import LHTError
from lht.salesforce.intelligent_sync import IntelligentSync, failed


def get_bulk_results(
    session: Any,
    access_info: Any,
    job_id: str,
    sobject: str,
    schema: str,
    table: str,
    snowflake_fields: Any = None,
    use_stage: bool = False,
    stage_name: str | None = None,
    database: str | None = None,
    force_full_sync: bool = False,
    match_field: str = "ID",
) -> dict[str, Any]:
    """Bring the result of a query job into a table; the job stays in the org.

    A job that still runs is waited for. Nothing is raised.

    Args:
        session: The warehouse; see ``IntelligentSync``.
        access_info: The org.
        job_id: Of the job. It must have selected the fields that the sync reads.
        sobject: What it has queried.
        schema: Of the table.
        table: Its name.
        snowflake_fields: Not needed: types come from the sObject. A bool here is
            *use_stage*, as it once was.
        use_stage: Whether *stage_name* is used, where the warehouse has stages.
        stage_name: A stage of yours.
        database: Of the table, where Snowflake is; the session's by default.
        force_full_sync: Whether the result replaces all rows.
        match_field: The column that rows are matched by.

    Returns:
        The documented result of ``sync_sobject_intelligent``.
    """
    if isinstance(snowflake_fields, bool):
        use_stage = snowflake_fields
    try:
        with in_database(session, database) as place:
            return IntelligentSync(place, access_info).sync_sobject(
                sobject,
                schema,
                table,
                match_field,
                use_stage=use_stage,
                stage_name=stage_name,
                force_full_sync=force_full_sync,
                existing_job_id=job_id,
                delete_job=False,
            )
    except LHTError as error:
        return failed(sobject, f"{schema}.{table}", error)


def get_bulk_results_with_stage(
    session: Any,
    access_info: Any,
    job_id: str,
    sobject: str,
    schema: str,
    table: str,
    stage_name: str | None = None,
    use_stage: bool = False,
) -> dict[str, Any]:
    """Bring the result of a query job into a table; see ``get_bulk_results``."""
    return get_bulk_results(
        session,
        access_info,
        job_id,
        sobject,
        schema,
        table,
        use_stage=use_stage,
        stage_name=stage_name,
    )
