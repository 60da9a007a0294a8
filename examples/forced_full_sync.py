"""Read everything once more: after a change of rights, or to fill a new field.

Readers see the old rows until the new ones are all there. Columns of your own keep
their values.
"""

import sys

from snowflake.snowpark import Session

from lht.salesforce.intelligent_sync import sync_sobject_intelligent

with Session.builder.create() as session:
    result = sync_sobject_intelligent(
        session, None, "Account", "RAW", "ACCOUNT", force_full_sync=True
    )

if not result["success"]:
    sys.exit(f"the old rows are still there: {result['error']}")

print(f"{result['actual_records']:,} records by {result['sync_method']}")
