"""Requests that an org answers as asked: what nearly right ones are made from."""

import json
from typing import Any
from urllib.parse import urlencode

from tests.devorg.calling import BASE

JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"
XML_TYPE = "text/xml"

Good = tuple[str, str, dict[str, str], str, bytes]
"""Method, path, parameters, content type and body."""

ACCOUNT = {"attributes": {"type": "Account"}}
CLIENT = {"client_id": "~client~", "client_secret": "~secret~"}
AUTHORIZE = {
    "response_type": "code",
    "client_id": "~client~",
    "state": "s",
    "scope": "api",
    "redirect_uri": "http://localhost:1717/x",
    "code_challenge": "x" * 43,
}
ROOT = {
    "attributes": {"type": "Account", "referenceId": "a"},
    "Name": "x",
    "Contacts": {
        "records": [
            {
                "attributes": {"type": "Contact", "referenceId": "b"},
                "LastName": "y",
            }
        ]
    },
}


def _sub(method: str, path: str, name: str, body: Any = None) -> dict[str, Any]:
    told = {"method": method, "url": BASE + path, "referenceId": name}
    return told if body is None else told | {"body": body}


SUBREQUESTS = [
    _sub("POST", "/sobjects/Account", "a", {"Name": "x", "ParentId": "~parent~"}),
    _sub("GET", "/sobjects/Account/@{a.id}?fields=Name", "b"),
    _sub("PATCH", "/sobjects/Account/@{a.id}", "c", {"Name": "@{b.Name}"}),
    _sub("POST", "/sobjects/Contact", "d", {"LastName": "y", "AccountId": "@{a.id}"}),
    _sub("DELETE", "/sobjects/Contact/@{d.id}", "e"),
]
QUERIES = [
    _sub("GET", "/query?q=SELECT Id, (SELECT Id FROM Contacts) FROM Account", "q"),
    _sub("GET", "/sobjects/Account/@{q.records[0].Id}", "r"),
]
SEARCH = {
    "q": "account*",
    "in": "NAME",
    "fields": ["Id", "Name"],
    "sobjects": [{"name": "Account", "where": "Name != 'y'", "limit": 3}],
    "overallLimit": 5,
    "defaultLimit": 2,
}
JOB = {
    "operation": "query",
    "query": "SELECT Id, Name, Owner.Name FROM Account WHERE Name LIKE '%x'",
    "columnDelimiter": "TAB",
    "lineEnding": "CRLF",
    "contentType": "CSV",
}
WINDOW = {"start": "2030-03-01T00:00:00+00:00", "end": "2030-03-06T12:00:00+00:00"}
FAULT = {"kind": "cut", "path": "/nowhere", "afterBytes": 10, "times": 2, "skip": 1}
SOQL = "SELECT Id, Name, (SELECT Id FROM Contacts) FROM Account ORDER BY Id LIMIT 9"
GROUPS = "SELECT Name n, COUNT(Id) c FROM Account GROUP BY ROLLUP(Name) LIMIT 9"

# Below the version.
REST: tuple[tuple[str, str, dict[str, str], Any], ...] = (
    ("GET", "", {}, None),
    ("GET", "/limits", {}, None),
    ("GET", "/limits/recordCount", {"sObjects": "Account,Contact"}, None),
    ("GET", "/query", {"q": SOQL}, None),
    ("GET", "/query", {"q": GROUPS}, None),
    ("GET", "/query", {"explain": SOQL}, None),
    ("GET", "/queryAll", {"q": SOQL}, None),
    ("GET", "/query/~locator~", {}, None),
    ("GET", "/queryAll/~locator~", {}, None),
    ("GET", "/search", {"q": "FIND {acc*} IN NAME FIELDS RETURNING Account(Id)"}, None),
    ("GET", "/parameterizedSearch", {"q": "acc*", "sobject": "Account"}, None),
    ("POST", "/parameterizedSearch", {}, SEARCH),
    ("POST", "/jobs/query", {}, JOB),
    ("GET", "/jobs/query", {"jobType": "V2Query", "queryLocator": "MA"}, None),
    ("GET", "/jobs/query/~job~", {}, None),
    ("DELETE", "/jobs/query/~job~", {}, None),
    ("GET", "/jobs/query/~job~/results", {"maxRecords": "2", "locator": "MQ"}, None),
    ("GET", "/jobs/query/~job~/resultPages", {}, None),
    ("POST", "/composite/sobjects", {}, {"records": [{**ACCOUNT, "Name": "x"}]}),
    (
        "PATCH",
        "/composite/sobjects",
        {},
        {"allOrNone": True, "records": [{**ACCOUNT, "Id": "~account~", "Name": "y"}]},
    ),
    ("DELETE", "/composite/sobjects", {"ids": "~account~", "allOrNone": "true"}, None),
    ("GET", "/composite/sobjects/Account", {"ids": "~account~", "fields": "Id"}, None),
    (
        "POST",
        "/composite/sobjects/Account",
        {},
        {"ids": ["~account~", "~parent~"], "fields": ["Id", "Parent.Name"]},
    ),
    (
        "PATCH",
        "/composite/sobjects/Everything__c/External_Key__c",
        {},
        {
            "records": [
                {"attributes": {"type": "Everything__c"}, "External_Key__c": "k"}
            ]
        },
    ),
    ("GET", "/composite", {}, None),
    ("POST", "/composite", {}, {"compositeRequest": SUBREQUESTS, "allOrNone": True}),
    ("POST", "/composite", {}, {"compositeRequest": QUERIES}),
    (
        "POST",
        "/composite/graph",
        {},
        {"graphs": [{"graphId": "1", "compositeRequest": SUBREQUESTS}]},
    ),
    ("POST", "/composite/batch", {}, {"batchRequests": QUERIES[:1]}),
    (
        "POST",
        "/composite/batch",
        {},
        {
            "haltOnError": True,
            "batchRequests": [
                {"method": "GET", "url": "v62.0/limits"},
                {
                    "method": "PATCH",
                    "url": "v62.0/sobjects/Account/~account~",
                    "richInput": {"Name": "y"},
                },
            ],
        },
    ),
    ("POST", "/composite/tree/Account", {}, {"records": [ROOT]}),
    ("GET", "/recent", {"limit": "3"}, None),
    ("GET", "/sobjects/Account/updated", WINDOW, None),
    ("GET", "/sobjects/Account/deleted", WINDOW, None),
    ("POST", "/sobjects/Account", {}, {"Name": "x", "AnnualRevenue": 5}),
    (
        "POST",
        "/sobjects/Everything__c",
        {},
        {
            "Name": "x",
            "External_Key__c": "k2",
            "Account__r": {"attributes": {"type": "Account"}, "Id": "~account~"},
            "File__c": "eHl6",
            "Day__c": "2030-01-31",
            "Moment__c": "2030-01-31T10:00:00.000+0000",
            "Clock__c": "10:00:00.000Z",
            "Number__c": 1.5,
            "Multi__c": None,
        },
    ),
    ("GET", "/sobjects/Account/~account~", {"fields": "Name,ParentId"}, None),
    ("PATCH", "/sobjects/Account/~account~", {}, {"Name": "z", "ParentId": None}),
    ("DELETE", "/sobjects/Account/~parent~", {}, None),
    (
        "PATCH",
        "/sobjects/Everything__c/External_Key__c/k3",
        {"updateOnly": "false"},
        {"Name": "z"},
    ),
    ("GET", "/sobjects/Account/Id/~account~", {}, None),
    ("GET", "/sobjects/Contact/~contact~/Account", {"fields": "Name"}, None),
    ("DELETE", "/sobjects/Contact/~contact~/Account", {}, None),
    ("GET", "/sobjects/Account/~account~/Contacts", {}, None),
    ("GET", "/sobjects/Account/~account~/Owner/CreatedBy", {}, None),
    ("GET", "/sobjects/Account/~account~/Owner/CreatedBy/CreatedBy", {}, None),
)
FORMS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("POST", "/services/oauth2/token", {"grant_type": "client_credentials", **CLIENT}),
    (
        "POST",
        "/services/oauth2/token",
        {"grant_type": "refresh_token", "refresh_token": "~refresh~", **CLIENT},
    ),
    ("POST", "/services/oauth2/token", {"response_type": "device_code", **CLIENT}),
    (
        "POST",
        "/services/oauth2/token",
        {
            "grant_type": "password",
            "username": "~username~",
            "password": "~password~",
            **CLIENT,
        },
    ),
    ("POST", "/services/oauth2/authorize", {**AUTHORIZE, "decision": "allow"}),
    ("POST", "/services/oauth2/introspect", {"token": "~token~", **CLIENT}),
    ("POST", "/services/oauth2/revoke", {"token": "~refresh~"}),
    ("POST", "/services/oauth2/userinfo", {"access_token": "~token~"}),
    ("POST", "/devorg/faults", {"kind": "cut", "path": "/nowhere", "afterBytes": "9"}),
    ("POST", "/devorg/clock", {"advance": "60", "freeze": "1"}),
    ("POST", "/devorg/requests", {"clear": "1"}),
)
PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("/services/oauth2/authorize", AUTHORIZE),
    ("/services/oauth2/userinfo", {}),
    ("/id/~org~/~user~", {"version": "latest"}),
    ("/devorg/objects/Account", {"first": "1", "order": "latest"}),
    ("/devorg/objects/Account/~account~", {}),
    ("/devorg/soql", {"q": SOQL}),
    ("/devorg/requests", {}),
    ("/devorg/faults", {"kind": "cut"}),
)
ADMIN: tuple[tuple[str, Any], ...] = (
    ("insert", {"sobject": "Account", "values": {"Name": "x"}, "keepAudit": True}),
    ("update", {"sobject": "Account", "id": "~account~", "values": {"Name": "y"}}),
    ("delete", {"id": "~account~"}),
    ("undelete", {"id": "~deleted~"}),
    ("hard_delete", {"id": "~contact~"}),
    ("empty_recycle_bin", {}),
    (
        "merge",
        {"sobject": "Account", "masterId": "~account~", "loserIds": ["~parent~"]},
    ),
    ("clock", {"freeze": True, "advance": 60, "set": "2030-03-06T12:34:56+00:00"}),
    ("begin", {}),
    ("requests", {"clear": True}),
    ("expire_sessions", {}),
    ("logins", {"refreshToken": True}),
    ("short_pages", {"rows": 2}),
    ("faults", {"add": FAULT}),
    ("faults", {"clear": True, "add": {"kind": "refused", "status": 503, "times": 0}}),
)
ENVELOPE = (
    '<?xml version="1.0"?><e:Envelope'
    ' xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:n="urn:{api}.soap.sforce.com"><e:Header><n:SessionHeader>'
    "<n:sessionId>~token~</n:sessionId></n:SessionHeader></e:Header>"
    "<e:Body><n:{name}>{inside}</n:{name}></e:Body></e:Envelope>"
)
LOGIN = "<n:username>~username~</n:username><n:password>~password~</n:password>"
SOAP = (("login", LOGIN), ("getUserInfo", ""), ("getServerTimestamp", ""))


def _good() -> list[Good]:
    found: list[Good] = []
    for method, path, params, body in REST:
        text = b"" if body is None else json.dumps(body).encode()
        found.append((method, BASE + path, params, JSON_TYPE, text))
    for verb, body in ADMIN:
        path, text = f"/devorg/admin/{verb}", json.dumps(body).encode()
        found.append(("POST", path, {}, JSON_TYPE, text))
    for method, path, form in FORMS:
        found.append((method, path, {}, FORM_TYPE, urlencode(form, safe="~").encode()))
    found += [("GET", path, params, "", b"") for path, params in PAGES]
    for letter, api in (("u", "partner"), ("c", "enterprise")):
        for rest in ("60.0", "60.0/~org~", "60.0/~org~/x"):
            for name, inside in SOAP:
                text = ENVELOPE.format(api=api, name=name, inside=inside).encode()
                path = f"/services/Soap/{letter}/{rest}"
                found.append(("POST", path, {}, XML_TYPE, text))
    return found


GOOD = _good()
