"""Choose from how many records on the Bulk API and a stage are used."""

import sys

from snowflake.snowpark import Session

from lht.salesforce.intelligent_sync import IntelligentSync

with Session.builder.create() as session:
    system = IntelligentSync(session, None)
    system.BULK_API_THRESHOLD = 5_000  # fewer come by REST; the default is 1,000
    system.STAGE_THRESHOLD = 25_000  # from here on bulk_api_stage_*; else 50,000
    results = [
        system.sync_sobject(sobject, "RAW", sobject.upper())
        for sobject in ("Account", "Contact")
    ]

for result in results:
    told = result["sync_method"] if result["success"] else result["error"]
    print(f"{result['sobject']}: about {result['estimated_records']:,}, {told}")

sys.exit(not all(result["success"] for result in results))
