"""Sync several objects in one run. One that fails does not stop the others."""

import sys

from snowflake.snowpark import Session

import lht
from lht.exceptions import SyncError

OBJECTS = ["Account", "Contact"]

with Session.builder.create() as session:
    try:
        report = lht.sync(OBJECTS, warehouse=session, schema="RAW")
    except SyncError as error:
        report = error.report

for o in report.objects:
    if o.error:
        print(f"{o.sobject}: {o.error.message} ({o.error.hint})")
    else:
        print(
            f"{o.sobject}: {o.inserted:,} new, {o.updated:,} changed,"
            f" complete up to {o.complete_up_to} UTC"
        )

sys.exit(report.exit_code)
