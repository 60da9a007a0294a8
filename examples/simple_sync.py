"""Bring one object into one table: everything the first time, then what changed."""

import sys

from snowflake.snowpark import Session

from lht.salesforce.intelligent_sync import sync_sobject_intelligent

with Session.builder.create() as session:  # Snowflake's default connection
    result = sync_sobject_intelligent(
        session=session,
        access_info=None,  # the org that LHT_SALESFORCE_* or lht.toml name
        sobject="Account",
        schema="RAW",
        table="ACCOUNT",
    )

if not result["success"]:
    sys.exit(f"{result['target_table']} is as it was: {result['error']}")

print(
    f"{result['target_table']}: {result['actual_records']:,} records by"
    f" {result['sync_method']} in {result['sync_duration_seconds']:.1f} s,"
    f" the newest of {result['last_modified_date']} UTC"
)
