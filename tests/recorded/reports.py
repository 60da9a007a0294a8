"""What was asked, where public reports quote a refusal; see ``requests`` beside it."""

import json
from collections.abc import Mapping

from tests.recorded.requests import QUERY_JOB, Asked, ask, soql, token

_NAMES = "','".join(["Acme"] * 20_000)
_LONG = f"SELECT Id FROM Account WHERE Name IN ('{_NAMES}')"
_LINE = '{"Invoice__r":{"Invoice_External_Id__c":"0116"}}'

REPORTS: Mapping[int, Asked] = {
    0: soql("v50.0", "Select Id, Status, Location, Body from ApexLog", 400),
    1: soql("v31.0", "q=SELECT Id FROM Account", 400),
    2: soql("v50.0", "SELECT Id FROM Call__c WHERE Start_Date_vod__c = '2018'", 400),
    3: soql("v56.0", "SELECT FIELDS(ALL) FROM Account LIMIT 2000", 400),
    4: ask(
        "POST",
        "v56.0/jobs/query",
        400,
        body=QUERY_JOB % ("query", "FIELDS(ALL)", "Account"),
    ),
    5: ask(
        "POST",
        "v50.0/jobs/query",
        400,
        body=json.dumps({"operation": "query", "query": _LONG}),
    ),
    6: soql("v50.0", _LONG[:20_000], 414),
    8: ask(
        "POST",
        "v50.0/jobs/query",
        400,
        body=QUERY_JOB % ("query", "Id", "CaseStatus"),
        texts={"01I0e000000FMSK.Tag": "CaseStatus"},
    ),
    9: ask(
        "POST",
        "v50.0/jobs/query",
        400,
        body=QUERY_JOB % ("query", "Address", "Lead"),
    ),
    13: ask(
        "PATCH",
        "v50.0/jobs/query/<job>",
        400,
        body='{"state":"Aborted"}',
        before="job finished",
    ),
    18: ask("GET", "v50.0/query/01gD0000002HU6KIAW-2000", 400),
    20: ask("POST", "v50.0/sobjects/Line__c", 400, body=_LINE),
    22: token("grant_type=magic", 400),
}
"""The request of each refusal that a public report quotes, as far as there is one."""

CODES: Mapping[int, str] = {
    0: "INVALID_FIELD",
    2: "INVALID_FIELD",
    3: "MALFORMED_QUERY",
    4: "MALFORMED_QUERY",
    9: "API_ERROR",
    18: "INVALID_QUERY_LOCATOR",
}
"""The code of a refusal of which nothing but the words are quoted."""
