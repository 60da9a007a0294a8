"""What real orgs answered, in notes of our own: the recordings need not be there.

Each note is of exchanges that ``test_recorded`` sends again, where it can.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tests.devorg.calling import Caller, calling
from tests.recorded.exchange import Json, read_json
from tests.recorded.shapes import (
    HTTP_DATE,
    ID,
    MILLISECONDS,
    MOMENT,
    TAG,
    TOKEN,
    URL,
    misfits,
    record_path,
)

Ask = Callable[[Caller], httpx2.Response]

_OLD = "/services/data/v37.0"
_SAVED = {"id": ID, "success": True, "errors": []}
_JOB = {
    "id": ID,
    "operation": "query",
    "object": "Account",
    "createdById": ID,
    "createdDate": MOMENT,
    "systemModstamp": MOMENT,
    "concurrencyMode": "Parallel",
    "contentType": "CSV",
    "apiVersion": float,
    "lineEnding": "LF",
    "columnDelimiter": "COMMA",
}
_LOGIN = {
    "access_token": TOKEN,
    "signature": str,
    "scope": str,
    "instance_url": URL,
    "id": URL,
    "token_type": "Bearer",
    "issued_at": MILLISECONDS,
}
_NONE = re.compile(r"")


@dataclass(frozen=True, kw_only=True)
class Note:
    """What was asked, and the shape of what was answered.

    A header whose shape is None is not there.
    """

    ask: Ask
    status: int = 200
    shape: Any = None
    headers: Mapping[str, Any] = field(default_factory=dict)


def refused(code: str, message: str, *fields: str, told: bool = True) -> list[Json]:
    """Return the body of a refusal, with the fields it names if it names any."""
    entry = {"errorCode": code, "message": message}
    return [entry | ({"fields": list(fields)} if fields or not told else {})]


def failed(code: str, message: str, *fields: str) -> Json:
    """Return the result of a record that was refused among others."""
    error = {"statusCode": code, "message": message, "fields": list(fields)}
    return {"success": False, "errors": [error]}


def record(sobject: str, **values: Any) -> Json:
    """Return the shape of a record."""
    url = record_path(sobject)
    return {"attributes": {"type": sobject, "url": url}, **values}


def rows(*shapes: Any) -> Json:
    """Return the shape of a query's whole answer."""
    return {"totalSize": len(shapes), "done": True, "records": list(shapes)}


def login(**form: str) -> Ask:
    """Ask for a token by password; *form* changes what is right."""

    def ask(api: Caller) -> httpx2.Response:
        logins = api.org.logins
        right = {
            "grant_type": "password",
            "username": "ada@devorg.example",
            "password": logins.password + logins.security_token,
            "refresh_token": api.org.refresh_token(),
        }
        return api.ask_token(**right | form)

    return ask


def get(path: str, **params: str) -> Ask:
    return lambda api: api.get(path, **params)


def query(soql: str) -> Ask:
    return get("/query", q=soql)


def send(method: str, path: str, body: Json = None) -> Ask:
    return lambda api: api.call(method, path, json=body)


def authorised(header: str) -> Ask:
    headers = {"Authorization": header}
    return lambda api: api.call("GET", "/limits", headers=headers)


def of_account(method: str, body: Json = None, *, deleted: bool = False) -> Ask:
    """Ask something of an account that is made for it."""

    def ask(api: Caller) -> httpx2.Response:
        id_ = api.org.insert("Account", {"Name": "Note"})
        if deleted:
            api.org.delete(id_)
        return api.call(method, f"/sobjects/Account/{id_}", json=body)

    return ask


def upsert(known: int, version: str = "62.0") -> Ask:
    """Upsert a contact by an address that some contacts have."""

    def ask(api: Caller) -> httpx2.Response:
        address = f"note-{known}-{version}@example.com"
        for _ in range(known):
            api.org.insert("Contact", {"LastName": "Note", "Email": address})
        path = f"/services/data/v{version}/sobjects/Contact/Email/{address}"
        return api.call("PATCH", path, json={"LastName": "Noted"})

    return ask


def together(*parts: Json) -> Ask:
    """Ask several things at once."""
    return send(
        "POST",
        "/composite",
        {
            "compositeRequest": [
                {"referenceId": f"part{number}", "method": "GET", **part}
                for number, part in enumerate(parts)
            ]
        },
    )


def many(method: str, *records: Json, path: str = "", all_or_none: bool = False) -> Ask:
    """Send contacts in one request."""
    listed = [{"attributes": {"type": "Contact"}, **record} for record in records]
    body = {"allOrNone": all_or_none, "records": listed}
    return send(method, f"/composite/sobjects{path}", body)


def job(path: str = "") -> Ask:
    """Ask for a query job, or for something of a finished one."""
    soql = "SELECT Id, Name FROM Account WHERE Name = 'Parent'"
    if not path:
        return send("POST", "/jobs/query", {"operation": "query", "query": soql})
    return lambda api: api.get(path.format(api.finished(soql)["id"]))


def window(name: str) -> Ask:
    """Ask what was changed or deleted within the last hour."""

    def ask(api: Caller) -> httpx2.Response:
        api.org.delete(api.org.insert("Lead", {"LastName": "Note", "Company": "N"}))
        end = api.org.clock.now() + timedelta(minutes=1)
        start = end - timedelta(hours=1)
        form = "%Y-%m-%dT%H:%M:%SZ"
        times = {"start": start.strftime(form), "end": end.strftime(form)}
        return api.get(f"/sobjects/Lead/{name}", **times)

    return ask


def soap_login(password: str) -> Ask:
    """Log in by SOAP."""
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<login xmlns="urn:partner.soap.sforce.com"><username>ada@devorg.example'
        f"</username><password>{password}</password></login></e:Body></e:Envelope>"
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": "login"}
    path = "/services/Soap/u/62.0"
    return lambda api: api.call("POST", path, content=body, headers=headers)


_ACCOUNT = {"Id": ID, "Name": "Parent", "CreatedDate": MOMENT, "Industry": None}
_PART = {"httpStatusCode": 200, "httpHeaders": {}}
_MEASURED = {"jobType": "V2Query", "numberRecordsProcessed": 1, "retries": int}

NOTES: Mapping[str, Note] = {
    "versions": Note(
        ask=get("/services/data"),
        shape=[{"label": str, "url": str, "version": re.compile(r"\d\d\.0")}],
        headers={"sforce-limit-info": None},
    ),
    "a bad session": Note(
        ask=authorised("Bearer 00Dx0000000BV7z!x"),
        status=401,
        shape=refused("INVALID_SESSION_ID", "Session expired or invalid"),
        headers={"www-authenticate": "Token", "sforce-limit-info": None},
    ),
    "no session": Note(
        ask=authorised("Bearer"),
        status=401,
        shape=refused("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
        headers={"www-authenticate": None},
    ),
    "login": Note(ask=login(), shape=_LOGIN),
    "login by refresh token": Note(ask=login(grant_type="refresh_token"), shape=_LOGIN),
    "login with a wrong password": Note(
        ask=login(password="wrong"),
        status=400,
        shape={"error": "invalid_grant", "error_description": "authentication failure"},
    ),
    "login of an unknown application": Note(
        ask=login(client_id="wrong"),
        status=400,
        shape={
            "error": "invalid_client_id",
            "error_description": "client identifier invalid",
        },
    ),
    "login with a wrong secret": Note(
        ask=login(client_secret="wrong"),
        status=400,
        shape={
            "error": "invalid_client",
            "error_description": "invalid client credentials",
        },
    ),
    "login by an old refresh token": Note(
        ask=login(grant_type="refresh_token", refresh_token="old"),
        status=400,
        shape={
            "error": "invalid_grant",
            "error_description": "expired access/refresh token",
        },
    ),
    "login by SOAP with a wrong password": Note(
        ask=soap_login("wrong"),
        status=500,
        shape=re.compile(r"(?s).*<faultcode>(sf:)?INVALID_LOGIN</faultcode>.*"),
        headers={"content-type": re.compile(r"text/xml;\s?charset=\S+")},
    ),
    "create": Note(
        ask=send("POST", "/sobjects/Account", {"Name": "Note"}),
        status=201,
        shape=_SAVED,
        headers={"location": record_path("Account")},
    ),
    "create with an unknown field": Note(
        ask=send("POST", "/sobjects/Account", {"Nonsense": "1"}),
        status=400,
        shape=refused(
            "INVALID_FIELD", "No such column 'Nonsense' on sobject of type Account"
        ),
    ),
    "read some fields": Note(
        ask=lambda api: api.get(
            of_account("GET")(api).json()["attributes"]["url"], fields="Name"
        ),
        shape=record("Account", Name="Note", Id=ID),
    ),
    "read by what is no id": Note(
        ask=get("/sobjects/Account/23foo"),
        status=404,
        shape=refused(
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: 23foo",
        ),
    ),
    "update": Note(ask=of_account("PATCH", {"Name": "New"}), status=204, shape=_NONE),
    "delete": Note(ask=of_account("DELETE"), status=204, shape=_NONE),
    "delete what is deleted": Note(
        ask=of_account("DELETE", deleted=True),
        status=404,
        shape=refused("ENTITY_IS_DELETED", "entity is deleted", told=False),
    ),
    "upsert what is new": Note(
        ask=upsert(0), status=201, shape=_SAVED | {"created": True}
    ),
    "upsert what is new, before v46": Note(
        ask=upsert(0, "45.0"), status=201, shape=_SAVED
    ),
    "upsert what is there": Note(ask=upsert(1), shape=_SAVED | {"created": False}),
    "upsert what is there, before v46": Note(
        ask=upsert(1, "45.0"), status=204, shape=_NONE
    ),
    "upsert what is there twice": Note(
        ask=upsert(2), status=300, shape=[record_path("Contact")]
    ),
    "upsert by what is no key": Note(
        ask=send("PATCH", "/sobjects/Contact/Namez/1", {}),
        status=404,
        shape=refused(
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: Namez",
        ),
    ),
    "query": Note(
        ask=query(
            "SELECT Id, Name, CreatedDate, Industry FROM Account WHERE Name = 'Parent'"
        ),
        shape=rows(record("Account", **_ACCOUNT)),
        headers={
            "content-type": "application/json;charset=UTF-8",
            "sforce-limit-info": re.compile(r"api-usage=\d+/\d+"),
        },
    ),
    "query of parents": Note(
        ask=query("SELECT Account.Name FROM Contact WHERE LastName = 'Child'"),
        shape=rows(record("Contact", Account=record("Account", Name="Parent"))),
    ),
    "query of no parent": Note(
        ask=query("SELECT Account.Name FROM Contact WHERE LastName = 'Orphan'"),
        shape=rows(record("Contact", Account=None)),
    ),
    "query of children": Note(
        ask=query(
            "SELECT (SELECT LastName FROM Contacts), (SELECT Name FROM Opportunities)"
            " FROM Account WHERE Name = 'Parent'"
        ),
        shape=rows(
            record(
                "Account",
                Contacts=rows(record("Contact", LastName="Child")),
                Opportunities=None,
            )
        ),
    ),
    "query of nothing": Note(
        ask=query("SELECT Id FROM Account WHERE Name = 'Nobody'"), shape=rows()
    ),
    "count": Note(
        ask=query("SELECT COUNT() FROM Account WHERE Name = 'Parent'"),
        shape=rows() | {"totalSize": 1},
    ),
    "groups": Note(
        ask=query(
            "SELECT Name, COUNT(Id), SUM(AnnualRevenue) FROM Account"
            " WHERE Name = 'Parent' GROUP BY Name"
        ),
        shape=rows(
            {
                "attributes": {"type": "AggregateResult"},
                "Name": "Parent",
                "expr0": 1,
                "expr1": float,
            }
        ),
    ),
    "query of an unknown object": Note(
        ask=query("SELECT Id,Name,BillingCity,IsDeleted FROM Accout "),
        status=400,
        shape=refused(
            "INVALID_TYPE",
            "\nName,BillingCity,IsDeleted FROM Accout\n"
            "                                ^\nERROR at Row:1:Column:43\n"
            "sObject type 'Accout' is not supported. If you are attempting to use a"
            " custom object, be sure to append the '__c' after the entity name. Please"
            " reference your WSDL or the describe call for the appropriate names.",
        ),
    ),
    "an id with a wrong checksum": Note(
        ask=query("SELECT Id FROM Everything__c WHERE Id = 'a001a000001E1vFAKE'"),
        shape=rows(),
    ),
    "record counts": Note(
        ask=get("/limits/recordCount", sObjects="Account,Campaign"),
        shape={"sObjects": [{"count": int, "name": "Account"}]},
    ),
    "several at once": Note(
        ask=together(
            {"url": f"{_OLD}/query?q=SELECT Name FROM Account LIMIT 1"},
            {"url": f"{_OLD}/query?q=SELECT Id FROM Campaign"},
        ),
        shape={
            "compositeResponse": [
                {"body": dict, "referenceId": re.compile(r"part\d"), **_PART}
            ]
        },
    ),
    "what has not changed": Note(
        ask=together(
            {
                "url": f"{_OLD}/sobjects",
                "httpHeaders": {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
            }
        ),
        shape={
            "compositeResponse": [
                {
                    "body": None,
                    "referenceId": "part0",
                    "httpStatusCode": 304,
                    "httpHeaders": {"ETag": TAG, "Last-Modified": HTTP_DATE},
                }
            ]
        },
    ),
    "create many": Note(
        ask=many("POST", {"LastName": "One"}, {"LastName": "Two"}), shape=[_SAVED]
    ),
    "create none": Note(
        ask=many("POST"),
        status=400,
        shape=refused("REQUIRED_FIELD_MISSING", "At least 1 record is required"),
    ),
    "update many without ids": Note(
        ask=many("PATCH", {"LastName": "One"}, {"LastName": "Two"}),
        shape=[failed("MISSING_ARGUMENT", "Id not specified in an update call")],
    ),
    "upsert many without ids": Note(
        ask=many("PATCH", {"LastName": "One", "Id": None}, path="/Contact/Id"),
        shape=[_SAVED | {"created": True}],
    ),
    "create a query job": Note(ask=job(), shape=_JOB | {"state": "UploadComplete"}),
    "a finished query job": Note(
        ask=job("/jobs/query/{}"),
        shape=_JOB
        | _MEASURED
        | {
            "state": "JobComplete",
            "totalProcessingTime": int,
            "isPkChunkingSupported": bool,
        },
    ),
    "a query job's results": Note(
        ask=job("/jobs/query/{}/results"),
        shape=re.compile(rf'"Id","Name"\n"{ID.pattern}","Parent"\n'),
        headers={"sforce-locator": "null", "sforce-numberofrecords": "1"},
    ),
    "deleted": Note(
        ask=window("deleted"),
        shape={
            "deletedRecords": [{"id": ID, "deletedDate": MOMENT}],
            "earliestDateAvailable": MOMENT,
            "latestDateCovered": MOMENT,
        },
    ),
    "updated": Note(
        ask=window("updated"), shape={"ids": [], "latestDateCovered": MOMENT}
    ),
    "search, before v37": Note(
        ask=get("/services/data/v36.0/search", q="FIND {Child} RETURNING Contact"),
        shape=[
            {
                "attributes": {
                    "type": "Contact",
                    "url": record_path("Contact", "36.0"),
                },
                "Id": ID,
            }
        ],
    ),
    "search": Note(
        ask=get("/search", q="FIND {Child} RETURNING Contact(Id, LastName)"),
        shape={"searchRecords": [record("Contact", Id=ID, LastName="Child")]},
    ),
    "search for nothing": Note(
        ask=get("/search", q="FIND"),
        status=400,
        shape=refused(
            "MALFORMED_SEARCH",
            "No search term found. The search term must be enclosed in braces.",
        ),
    ),
}


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling() as caller:
        parent = {"Name": "Parent", "AnnualRevenue": 50000}
        id_ = caller.org.insert("Account", parent)
        for values in ({"LastName": "Child", "AccountId": id_}, {"LastName": "Orphan"}):
            caller.org.insert("Contact", values)
        yield caller


@pytest.mark.parametrize("name", NOTES)
def test_the_org_answers_as_noted(api: Caller, name: str):
    """Status, keys, types and forms are those of real orgs, and so are the words."""
    note = NOTES[name]
    found = note.ask(api)
    assert found.status_code == note.status, found.text
    text = found.text
    body = read_json(text) if text[:1] in {"{", "["} else text
    assert list(misfits(body, note.shape)) == []
    for header, shape in note.headers.items():
        assert list(misfits(found.headers.get(header), shape, header)) == []


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({"a": 1, "b": 2}, {"a": int}),
        ({"a": 1}, {"a": int, "b": int}),
        (1, float),
        (True, int),
        (1, True),
        ("x", ID),
        ([], [int]),
        ([1, "x"], [int]),
        ([1], []),
        (None, str),
    ],
)
def test_a_note_tells_what_does_not_fit(value: Json, shape: Any):
    """Keys, types and forms that are others are told."""
    assert list(misfits(value, shape))
