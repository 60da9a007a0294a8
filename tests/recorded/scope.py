"""What kind of exchange each is, and which are not the local org's business."""

import re
from collections.abc import Mapping

from tests.recorded.exchange import Exchange

_BULK_1 = "Bulk API 1.0"
_INGEST = "Bulk API 2.0 ingest"
_TOOLING = "Tooling API"
_PAGES = "Connect, Chatter, list views, approvals: what pages are made of"
_APEX = "a resource of somebody's own, in Apex"

_ELSEWHERE = (
    (r"/services/async/.*", _BULK_1),
    (r"/services/apexrest/.*", _APEX),
    (r".*/jobs/ingest.*", _INGEST),
    (r".*/tooling/.*", _TOOLING),
    (r".*/(chatter|connect|process)/.*", _PAGES),
    (r".*/listviews/.*", _PAGES),
)
_OUT: Mapping[str, str] = {
    "ManualEditTestDescribeOrg.test_minimal_schema.yaml#1": "answer cut by hand",
    "ManualEdit_TestCountSObjects.test_count_sobjects__network_errors.yaml#0": (
        "answer made by hand: a failure of the network"
    ),
    "ManualEdit_test_describe_to_sql.yaml#0": "request made by hand: it is not JSON",
    "ManualEdit_test_describe_to_sql.yaml#1": "request made by hand: it is not JSON",
    "api_version_response_500.json#0": "answer made by hand: a failure of the network",
    "logout_response_500.json#0": "answer made by hand: a failure of the network",
    "login_response_401.json#0": (
        "answer made by hand: logins are refused otherwise, and this is of a session"
    ),
    "success-with-errors.json#0": (
        "answer made by hand: what fails has no id, and no status of success"
    ),
}
_NO_EXCHANGE = "no answer of an org: what was sent, a template, or a console's notes"
_NO_REQUEST = "refusals of other APIs, and such as no request alone brings about"

_KINDS = (
    ("login", "POST", r"/services/oauth2/token"),
    ("revoke", "POST", r"/services/oauth2/revoke"),
    ("userinfo", "GET", r"/services/oauth2/userinfo"),
    ("identity", "GET", r"/id/\w+/\w+"),
    ("soap login", "POST", r"/services/Soap/.*"),
    ("versions", "GET", r"/services/data"),
    ("resources", "GET", r"V"),
    ("limits", "GET", r"V/limits"),
    ("counts", "GET", r"V/limits/recordCount"),
    ("query", "GET", r"V/query(All)?"),
    ("query page", "GET", r"V/query/[^/]+"),
    ("search", "GET", r"V/search"),
    ("recent", "GET", r"V/recent"),
    ("global", "GET", r"V/sobjects"),
    ("brief", "GET", r"V/sobjects/\w+"),
    ("describe", "GET", r"V/sobjects/\w+/describe"),
    ("updated", "GET", r"V/sobjects/\w+/updated"),
    ("deleted", "GET", r"V/sobjects/\w+/deleted"),
    ("create", "POST", r"V/sobjects/\w+"),
    ("read", "GET", r"V/sobjects/\w+/\w+"),
    ("update", "PATCH", r"V/sobjects/\w+/\w+"),
    ("delete", "DELETE", r"V/sobjects/\w+/\w+"),
    ("blob", "GET", r"V/sobjects/\w+/\w+/Body"),
    ("upsert", "PATCH", r"V/sobjects/\w+/\w+/[^/]+"),
    ("composite", "POST", r"V/composite"),
    ("creates", "POST", r"V/composite/sobjects"),
    ("updates", "PATCH", r"V/composite/sobjects"),
    ("upserts", "PATCH", r"V/composite/sobjects/\w+/\w+"),
    ("job create", "POST", r"V/jobs/query"),
    ("job", "GET", r"V/jobs/query/[^/]+"),
    ("job end", "PATCH", r"V/jobs/query/[^/]+"),
    ("job results", "GET", r"V/jobs/query/[^/]+/results"),
)


def kind_of(exchange: Exchange) -> str:
    """Name what an exchange does."""
    path = exchange.path.rstrip("/")
    for kind, method, pattern in _KINDS:
        whole = pattern.replace("V", r"/services/data/v\d+\.\d", 1)
        if method == exchange.method and re.fullmatch(whole, path):
            return kind
    raise LookupError(f"{exchange.name}: {exchange.method} {path} is of no kind")


def out_of_scope(exchange: Exchange) -> str | None:
    """Say why an exchange is not replayed; None where it is."""
    if not exchange.method:
        return _NO_REQUEST if exchange.recording == "errors" else _NO_EXCHANGE
    name = f"{exchange.file.rpartition('/')[2]}#{exchange.position}"
    if name in _OUT:
        return _OUT[name]
    return next(
        (why for path, why in _ELSEWHERE if re.fullmatch(path, exchange.path)), None
    )
