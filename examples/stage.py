"""Let the result files of a large object pass through a stage of your own.

Without it, lht makes a temporary stage for each load, which needs no setting up.
"""

import sys

from snowflake.snowpark import Session

from lht.salesforce.intelligent_sync import sync_sobject_intelligent

with Session.builder.create() as session:
    session.sql("CREATE SCHEMA IF NOT EXISTS RAW").collect()
    session.sql(
        "CREATE STAGE IF NOT EXISTS RAW.SALESFORCE_STAGE"
        " ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
    ).collect()
    result = sync_sobject_intelligent(
        session=session,
        access_info=None,
        sobject="Account",
        schema="RAW",
        table="ACCOUNT",
        use_stage=True,
        stage_name="@RAW.SALESFORCE_STAGE",
    )
    left = session.sql("LIST @RAW.SALESFORCE_STAGE").collect()

if not result["success"]:
    sys.exit(str(result["error"]))

print(f"{result['actual_records']:,} records by {result['sync_method']}")
print(f"{len(left)} files are left on the stage")
