"""What requests are made of at random: right values, odd ones, and what is between."""

import json
import os
from base64 import urlsafe_b64encode
from functools import reduce
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tests.devorg.calling import BASE

from lht.devorg.declare.declaration import load_metadata

STATEMENTS = Path(__file__).with_name("soql_statements.txt").read_text().splitlines()
METADATA = load_metadata()
OBJECTS = [sobject.name for sobject in METADATA.sobjects]
FIELDS = sorted({field.name for each in METADATA.sobjects for field in each.fields})
RELATIONS = sorted(
    {
        str(field.relationship_name)
        for each in METADATA.sobjects
        for field in each.fields
    }
    | {"Contacts", "Opportunities"}
)
IDS = [f"~{n}~" for n in ("account", "parent", "contact", "deleted", "user", "org")]
ODD = [
    *("", " ", "'", '"', "\\", "%", "%00", "%zz", "%2F", "%C3%28", "%ED%A0%80", ".."),
    *("null", "true", "-1", "0", "1", "9" * 30, "1e400", "NaN", "é", "\U0001f4a9", "x"),
    *("@{a.id}", "x" * 300, "x" * 5_000, "a,b,,c", "\x00", "\u2028²\u0663"),
    *("9" * 5_000, "http://[", "\u00e9:\u00e9", "@{a[" + "9" * 5_000 + "]}"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "{}", "[]", "\n"),
]  # fmt: skip
MOMENTS = [
    *("2030-03-01T00:00:00+00:00", "2030-03-06T12:34:56Z", "2030-03-01T00:00:00 00:00"),
    *("2030-03-06", "1600-01-01T00:00:00Z", "2030-02-30T00:00:00Z", "20300301T00"),
]  # fmt: skip

EXAMPLES = int(os.environ.get("LHT_FUZZ_EXAMPLES", "8"))
"""How many requests each route gets: few in passing, thousands to be thorough."""

Draw = st.DrawFn


def many(count: int) -> settings:
    """Draw so many examples."""
    return settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck)
    )


DEEP: Any = reduce(lambda inner, _: {"a": [inner]}, range(300), 1)

texts = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8"), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, -(2**63), 2**64, 1e308, "\ud800", DEEP, *IDS, *MOMENTS])
    | texts
)


@st.composite
def some(draw: Draw, *values: Any) -> Any:
    """Draw one of some values, or now and then something odd."""
    return draw(st.sampled_from(values) if draw(st.integers(0, 9)) else anything)


@st.composite
def record(draw: Draw, name: str = "") -> Any:
    """Draw values for a record of an object, with its attributes."""
    sobject = (
        METADATA.by_name.get(name.lower())
        or METADATA.by_name[draw(st.sampled_from(OBJECTS)).lower()]
    )
    names = [field.name for field in sobject.fields]
    own = draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
    if draw(st.integers(0, 3)):
        own += [n for n in ("Name", "LastName") if n in names]
    values = {name: draw(value_of(sobject.by_name[name.lower()])) for name in own}
    reference = draw(some("a", "b", "c"))
    return {"attributes": {"type": sobject.name, "referenceId": reference}} | values


def value_of(field: Any) -> st.SearchStrategy[Any]:
    """Draw a value for a field: right for its type, or not."""
    right: dict[str, tuple[Any, ...]] = {
        "reference": tuple(IDS),
        "id": tuple(IDS),
        "boolean": (True, False),
        "int": (0, 7, -3),
        "double": (0, 1.5, 1e17),
        "currency": (1.25, -1),
        "percent": (12.5, 100),
        "date": ("2030-01-31", "1999-12-31"),
        "datetime": tuple(MOMENTS),
        "time": ("10:00:00.000Z", "23:59:59.999Z"),
        "email": ("a@example.com",),
        "base64": ("eHl6", "eHl6=", "AA=="),
    }
    texts = ("x", "é x", "y" * field.length, "z" * (field.length + 1))
    return some(*right.get(field.type, texts))


anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = [
    *("/sobjects/Account", "/sobjects/Account/~account~", "/sobjects/User/~user~"),
    *("/query?q=SELECT Id FROM Account", "/composite/sobjects", "/limits", "/sobjects"),
    *("/sobjects/Account/describe", "/sobjects/Account/@{a.id}", "/jobs/query"),
    *("/sobjects/Everything__c/External_Key__c/x", "/composite/tree/Account"),
    *("/composite/sobjects/Account?ids=~account~&fields=Id", "/search?q=FIND {x*}"),
]  # fmt: skip
subrequests = st.fixed_dictionaries(
    {
        "method": some("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "get"),
        "url": some(*(BASE + path for path in PATHS)),
        "referenceId": some("a", "b", "c", "d"),
    },
    optional={
        "body": record() | anything,
        "richInput": record() | anything,
        "httpHeaders": some({}, {"If-Match": "*"}, {"If-Modified-Since": "x"}),
    },
)
SOSL = ("FIND {x*} RETURNING Account(Id, Name WHERE Name != 'y' LIMIT 2)", "FIND {ab}")
FAULTS = [
    {"kind": "cut", "afterBytes": 10},
    {"kind": "refused", "status": 503, "code": "X", "path": "query", "times": 1},
    {"kind": "slow", "seconds": 0, "pieceBytes": 1},
    {"kind": "wrong_rows", "by": 2},
    {"kind": "repeated_page", "probability": 0.5, "seed": 3},
]


def unsigned(claims: Any) -> str:
    """Return an assertion that nobody has signed."""
    parts = (json.dumps(part).encode("utf-8") for part in ({"alg": "RS256"}, claims))
    return ".".join(urlsafe_b64encode(p).decode().rstrip("=") for p in parts) + ".AA"


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "q": some(*STATEMENTS, *SOSL),
    "query": some(*STATEMENTS),
    "explain": some(*STATEMENTS),
    "ids": some("~account~,~contact~", ["~account~", "~deleted~"], "~account~"),
    "fields": some("Id,Name", ["Id", "Name"], *FIELDS),
    "start": some(*MOMENTS),
    "end": some(*MOMENTS),
    "locator": some("~locator~", "MA", "MQ", "!"),
    "operation": some("query", "queryAll", "insert"),
    "columnDelimiter": some("COMMA", "CARET", "TAB"),
    "lineEnding": some("LF", "CRLF"),
    "contentType": some("CSV", "JSON"),
    "state": some("Aborted", "UploadComplete"),
    "sobject": some(*OBJECTS),
    "type": some(*OBJECTS),
    "sObjects": some("Account,Contact", *OBJECTS),
    "allOrNone": some(True, False, "true"),
    "records": st.lists(record(), max_size=3) | anything,
    "values": record(),
    "compositeRequest": st.lists(subrequests, max_size=4) | anything,
    "batchRequests": st.lists(subrequests, max_size=4) | anything,
    "graphs": st.lists(
        st.fixed_dictionaries(
            {
                "graphId": some("1", "2"),
                "compositeRequest": st.lists(subrequests, max_size=3),
            }
        ),
        max_size=2,
    ),
    "_HttpMethod": some("PATCH", "DELETE", "GET", "PUT"),
    "access_token": some("~token~", "~refresh~"),
    "token": some("~token~", "~refresh~"),
    "refresh_token": some("~refresh~"),
    "client_id": some("~client~"),
    "client_secret": some("~secret~"),
    "grant_type": some(
        "client_credentials", "refresh_token", "password", "authorization_code",
        "device", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ),
    "assertion": st.dictionaries(
        st.sampled_from(("iss", "sub", "aud", "exp", "prn")), some("~client~", 10**400)
    ).map(unsigned),
    "response_type": some("code", "device_code", "token"),
    "redirect_uri": some("http://localhost:1717/x", "https://x.example/?a=b", "//["),
    "decision": some("allow", "deny"),
    "version": some("62.0", "latest"),
    "in": some("ALL", "NAME", "EMAIL"),
    "add": some(*FAULTS),
    "id": some(*IDS),
    "masterId": some("~account~"),
    "loserIds": some(["~parent~"], ["~deleted~"]),
    "rows": some(1, 200, None),
    "set": some(*MOMENTS, "3999-12-31T23:59:59+00:00", "1700-01-01T00:00:00+00:00"),
    "advance": some(1, 3600, -1e9, 1e300),
    "refreshToken": some(True),
    "certificate": some("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"),
}  # fmt: skip
HEADERS: dict[str, st.SearchStrategy[Any]] = {
    "Accept": some("application/xml", "application/json", "*/*;q=x, text/xml;q=0.5"),
    "Accept-Encoding": some("gzip", "gzip;q=0", "identity"),
    "Authorization": some("Bearer ~token~", "OAuth ~token~", "Basic OjpcDw==", ""),
    "If-Match": some("*", '"x"', 'W/"x", "y"', "x"),
    "If-None-Match": some("*", '"x"', "x"),
    "If-Modified-Since": some(
        "Wed, 06 Mar 2030 12:34:56 GMT", "Mon, 01 Jan 0001 00:00:00 +1400",
        "Fri, 31 Dec 9999 23:59:59 -1400", "0", "Tue, 1 Jan 99999 00:00:00 GMT",
    ),
    "If-Unmodified-Since": some(
        "Wed, 06 Mar 2030 12:34:56 GMT", "Mon, 01 Jan 0001 00:00:00 +1400", "x"
    ),
    "Sforce-Query-Options": some("batchSize=200", "batchSize=" + "9" * 99),
    "Sforce-Call-Options": some("client=x", "defaultNamespace=x"),
    "Sforce-Auto-Assign": some("FALSE", "TRUE"),
    "X-PrettyPrint": some("1", "true"),
    "X-Chatter-Entity-Encoding": some("false"),
    "Cookie": some("sid=~token~"),
    "Content-Encoding": some("gzip", "deflate", "x"),
    "Host": some("localhost", "login.salesforce.com", "[::1", "x:y", "x:99999", "é"),
    "Range": some("bytes=0-1", "bytes=x"),
    "Expect": some("100-continue"),
    "SOAPAction": some('""', "login"),
    "Origin": some("http://localhost", "null", "http://["),
    "Referer": some("http://localhost/", "http://[", "http://[::1"),
    "Transfer-Encoding": st.just("chunked"),
    "X-Forwarded-For": some("1.2.3.4"),
}  # fmt: skip
