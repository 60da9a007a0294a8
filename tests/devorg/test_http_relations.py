"""Records by relationship, used last, by key, with files, in hierarchies and many."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tests.devorg.calling import BASE, Caller, calling

from lht.devorg.errors import OrgError


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


def make(api: Caller, sobject: str = "Account", /, **values: Any) -> str:
    return api.org.insert(sobject, values)


def test_parents_are_reached_by_name(api: Caller):
    """Up to five of them; the record read is the parent, under its own address."""
    top = make(api, Name="Top")
    account = make(api, Name="Middle", ParentId=top)
    contact = make(api, "Contact", LastName="Low", AccountId=account)
    path = f"/sobjects/Contact/{contact}"
    found = api.get(f"{path}/Account", fields="Name").json()
    assert found == {
        "attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/{account}"},
        "Name": "Middle",
        "Id": account,
    }
    assert (
        api.get(f"{path}/account/parent/Owner").json()["attributes"]["type"] == "User"
    )
    assert api.get(f"{path}/Account/Parent").json()["Name"] == "Top"
    missing = (404, "NOT_FOUND", "The requested resource does not exist")
    assert api.error(api.get(f"{path}/Account/Parent/Parent")) == missing
    assert api.get(f"{path}/ReportsTo").status_code == 404
    assert api.get(f"{path}/Nobody").status_code == 404
    deep = "/Account" + "/Parent" * 5
    assert api.get(path + deep).status_code == 404
    assert api.get(f"{path}/Account", fields="Nope").status_code == 400


def test_children_are_a_query_result(api: Caller):
    """Also where there are none."""
    account = make(api, Name="Parent")
    path = f"/sobjects/Account/{account}/Contacts"
    assert api.get(path).json() == {"totalSize": 0, "done": True, "records": []}
    ids = {make(api, "Contact", LastName=name, AccountId=account) for name in "ab"}
    found = api.get(path, fields="LastName,Id").json()
    assert found["totalSize"] == 2
    assert {record["Id"] for record in found["records"]} == ids
    assert list(found["records"][0]) == ["attributes", "LastName", "Id"]
    assert "Email" in api.get(path).json()["records"][0]
    nobody = api.get("/sobjects/Account/001000000000001AAA/Contacts")
    assert nobody.status_code == 404
    odd = api.get(path, fields="Id FROM User --")
    assert api.error(odd)[:2] == (400, "INVALID_FIELD")


def test_parents_are_changed_and_deleted_by_name(api: Caller):
    account = make(api, Name="Before")
    contact = make(api, "Contact", LastName="x", AccountId=account)
    path = f"/sobjects/Contact/{contact}/Account"
    assert api.call("PATCH", path, json={"Name": "After"}).status_code == 204
    assert api.org.store.get("Account", account)["Name"] == "After"
    other = make(api, "Contact", LastName="y")
    nobody = f"/sobjects/Contact/{other}/Account"
    assert api.call("DELETE", nobody).status_code == 404
    assert api.call("DELETE", path).status_code == 204
    assert api.get(f"/sobjects/Account/{account}").status_code == 404


def test_recent_items_are_those_used_last():
    """Made, read, changed and found ones, by whoever asks; deleted ones are gone."""
    with calling() as api:
        assert api.get("/recent").json() == []
        made = [
            api.post("/sobjects/Account", {"Name": name}).json()["id"] for name in "abc"
        ]
        case = api.post("/sobjects/Case", {"Subject": "x"}).json()["id"]
        api.get(f"/sobjects/Account/{made[0]}")
        api.call("PATCH", f"/sobjects/Account/{made[1]}", json={"Phone": "1"})
        api.call("DELETE", f"/sobjects/Account/{made[2]}")
        recent = api.get("/recent").json()
        assert [item["Id"] for item in recent] == [made[1], made[0], case]
        assert list(recent[0]) == ["attributes", "Id", "Name"]
        assert list(recent[2]) == ["attributes", "Id", "CaseNumber"]
        assert api.get("/recent", limit=1).json() == recent[:1]
        assert api.get("/recent", limit="x").status_code == 400
        brief = api.get("/sobjects/Account").json()
        assert brief["recentItems"] == recent[:2]


def test_recent_items_are_an_object_to_query():
    """As it is at the moment of the query, with what the records call alike."""
    with calling() as api:
        soql = "SELECT Id, Name, Type, LastName, LastViewedDate FROM RecentlyViewed"
        assert api.records(soql) == []
        account = api.post("/sobjects/Account", {"Name": "Acme"}).json()["id"]
        api.org.clock.advance(timedelta(minutes=1))
        person = {"LastName": "Doe", "FirstName": "Jo"}
        contact = api.post("/sobjects/Contact", person).json()["id"]
        order = " ORDER BY LastViewedDate DESC"
        first, second = api.records(soql + order)
        assert (first["Id"], first["Name"]) == (contact, "Jo Doe")
        assert (first["Type"], first["LastName"]) == ("Contact", "Doe")
        assert first["LastViewedDate"] == "2030-03-06T12:35:56.000+0000"
        assert (second["Id"], second["LastName"]) == (account, None)
        only = f"{soql} WHERE Type IN ('Account')"
        assert [record["Id"] for record in api.records(only)] == [account]
        api.call("DELETE", f"/sobjects/Contact/{contact}")
        assert [record["Id"] for record in api.records(soql)] == [account]
        viewed = "SELECT Id FROM User LIMIT 1 FOR VIEW"
        (user,) = api.records(viewed)
        assert api.records(soql + order)[0]["Id"] in {user["Id"], account}
        assert len(api.records(soql)) == 2


def test_an_upsert_can_be_an_update_only(api: Caller):
    path = "/sobjects/Everything__c/External_Key__c/only"
    only = {"updateOnly": "true"}
    found = api.call("PATCH", path, json={"Name": "x"}, params=only)
    assert api.error(found)[:2] == (404, "NOT_FOUND")
    made = api.call("PATCH", path, json={"Name": "x"})
    url = f"{BASE}/sobjects/Everything__c/{made.json()['id']}"
    assert (made.status_code, made.headers["location"]) == (201, url)
    found = api.call("PATCH", path, json={"Name": "y"}, params=only)
    assert (found.status_code, found.json()["created"]) == (200, False)


def test_old_versions_say_nothing_of_an_update(api: Caller):
    """204 up to v45; and a creation does not say that it was none."""
    old = "/services/data/v45.0/sobjects/Everything__c/External_Key__c/old"
    made = api.call("PATCH", old, json={"Name": "x"})
    assert (made.status_code, set(made.json())) == (201, {"id", "success", "errors"})
    found = api.call("PATCH", old, json={"Name": "y"})
    assert (found.status_code, found.content) == (204, b"")


def test_a_parent_is_named_by_its_key_or_by_null(api: Caller):
    """In a record's body; a key that nobody has is told with its field."""
    parent = make(api, "Everything__c", Name="p", External_Key__c="key-1")
    found = api.post(
        "/sobjects/Everything__c",
        {"Name": "c", "Parent__r": {"External_Key__c": "key-1"}},
    )
    assert found.status_code == 201, found.text
    row = api.org.store.get("Everything__c", found.json()["id"])
    assert row["Parent__c"] == parent
    path = f"/sobjects/Everything__c/{row['Id']}"
    assert api.call("PATCH", path, json={"Parent__r": None}).status_code == 204
    assert api.org.store.get("Everything__c", row["Id"])["Parent__c"] is None
    wrong = {"Parent__r": {"External_Key__c": "nobody"}}
    text = (
        "Foreign key external ID: nobody not found for field External_Key__c in entity"
        " Everything__c"
    )
    found = api.call("PATCH", path, json=wrong)
    assert api.error(found) == (400, "INVALID_FIELD", text)


@pytest.mark.parametrize(
    "parent",
    [
        {"attributes": [], "External_Key__c": "x"},
        {"attributes": {"type": "Account"}, "External_Key__c": "x"},
        {"attributes": {"type": 3}, "External_Key__c": "x"},
        {"External_Key__c": "x", "Id": "y"},
        {},
        ["x"],
        "x",
    ],
)
def test_a_parent_is_named_by_one_key_of_its_own_kind(api: Caller, parent: Any):
    body = {"Name": "x", "Parent__r": parent}
    found = api.post("/sobjects/Everything__c", body)
    assert api.error(found)[:2] == (400, "INVALID_FIELD")


def test_nobody_is_above_himself(api: Caller):
    """In the hierarchies of standard objects: not at once, nor over others."""
    top = make(api, Name="Top")
    middle = make(api, Name="Middle", ParentId=top)
    low = make(api, Name="Low", ParentId=middle)
    for parent in (top, middle, low):
        found = api.call("PATCH", f"/sobjects/Account/{top}", json={"ParentId": parent})
        (error,) = found.json()
        assert (found.status_code, error["errorCode"]) == (400, "CIRCULAR_DEPENDENCY")
        assert error["fields"] == ["ParentId"]
    found = api.call("PATCH", f"/sobjects/Account/{low}", json={"ParentId": top})
    assert found.status_code == 204


def test_a_merge_closes_no_circle(api: Caller):
    """A master below a child of the loser's would come to be above itself."""
    loser = make(api, Name="Loser")
    between = make(api, Name="Between", ParentId=loser)
    master = make(api, Name="Master", ParentId=between)
    with pytest.raises(OrgError, match="CIRCULAR_DEPENDENCY"):
        api.org.merge("Account", master, [loser])
    assert api.org.store.get("Account", between)["ParentId"] == loser
    child = make(api, Name="Child", ParentId=loser)
    api.org.merge("Account", child, [loser])
    assert api.org.store.get("Account", child)["ParentId"] is None


def row(kind: str, /, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind}, **values}


def test_a_collection_is_upserted_by_id_too(api: Caller):
    """As recorded orgs do it: without an Id a record is created."""
    known = make(api, "Contact", LastName="Old", Email="old@example.com")
    body = {
        "records": [
            row("Contact", Id=known, LastName="New"),
            row("Contact", Id=None, LastName="Fresh"),
        ]
    }
    found = api.call("PATCH", "/composite/sobjects/Contact/Id", json=body).json()
    assert [result["created"] for result in found] == [False, True]
    by_mail = {"records": [row("Contact", Email="OLD@example.com", LastName="By mail")]}
    path = "/composite/sobjects/Contact/Email"
    (result,) = api.call("PATCH", path, json=by_mail).json()
    assert (result["id"], result["created"]) == (known, False)
    (result,) = api.call("PATCH", path, json={"records": [row("Lead")]}).json()
    assert result["errors"][0]["statusCode"] == "INVALID_TYPE"


def test_a_collection_has_ten_chunks_at_most(api: Caller):
    """As many turns of types as that, however many records."""
    pair = [row("Account", Name="x"), row("Contact", LastName="x")]
    found = api.post("/composite/sobjects", {"records": pair * 5})
    assert all(result["success"] for result in found.json())
    found = api.post("/composite/sobjects", {"records": [*pair * 5, pair[0]]})
    assert api.error(found)[:2] == (400, "LIMIT_EXCEEDED")


def test_a_change_of_another_kind_of_record_is_told_by_its_id(api: Caller):
    account = make(api, Name="x")
    (result,) = api.call(
        "PATCH",
        "/composite/sobjects",
        json={"records": [row("Contact", id=account, LastName="x")]},
    ).json()
    (error,) = result["errors"]
    assert error == {
        "statusCode": "MALFORMED_ID",
        "message": f"Contact ID: id value of incorrect type: {account}",
        "fields": ["Id"],
    }


def test_two_thousand_records_are_retrieved_at_once(api: Caller):
    ids = [make(api, Name="x")] * 2_001
    path = "/composite/sobjects/Account"
    found = api.post(path, {"ids": ids[1:], "fields": ["Id"]})
    assert len(found.json()) == 2_000
    assert api.post(path, {"ids": ids, "fields": ["Id"]}).status_code == 400


def upload(api: Caller, method: str, path: str, *parts: Any) -> httpx2.Response:
    """Send parts of (name, file's name, content, type)."""
    return api.call(method, path, files=[(part[0], part[1:]) for part in parts])


def test_files_come_as_parts(api: Caller):
    """The record in one part of JSON, any bytes in another one."""
    account = make(api, Name="With file")
    content = bytes(range(256)) + b"\r\n--boundary\r\n"
    entity = {"Name": "a.bin", "ParentId": account}
    made = upload(
        api,
        "POST",
        "/sobjects/Attachment/",
        ("entity_attachment", "", json.dumps(entity), "application/json"),
        ("Body", "a.bin", content, "application/octet-stream"),
    )
    assert made.status_code == 201, made.text
    path = f"/sobjects/Attachment/{made.json()['id']}"
    assert api.get(f"{path}/Body").content == content
    changed = upload(
        api,
        "PATCH",
        path,
        ("entity", "", json.dumps({"Name": "b"}), "application/json"),
        ("Body", "b", b"new", "text/plain"),
    )
    assert changed.status_code == 204
    assert api.get(f"{path}/Body").content == b"new"
    assert api.get(path, fields="Name").json()["Name"] == "b"


@pytest.mark.parametrize(
    ("head", "content", "code"),
    [
        ("X-Name: none", "x", "INVALID_MULTIPART_REQUEST"),
        ("Content-Type: application/json", "{", "JSON_PARSER_ERROR"),
        ("Content-Type: application/json", "[1]", "JSON_PARSER_ERROR"),
        (
            "Content-Type: multipart/mixed; boundary=y",
            "--y\r\n\r\nx\r\n--y--",
            "INVALID_MULTIPART_REQUEST",
        ),
    ],
)
def test_parts_that_cannot_be_read(api: Caller, head: str, content: str, code: str):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    part = f"--x\r\n{head}\r\n\r\n{content}\r\n--x--\r\n"
    for body, expected in ((part, code), ("", "INVALID_MULTIPART_REQUEST")):
        found = api.call("POST", "/sobjects/Attachment", content=body, headers=kind)
        assert api.error(found)[:2] == (400, expected)


def test_a_method_may_be_a_parameter(api: Caller):
    """For clients that cannot send all of them; only with POST."""
    path = f"/sobjects/Account/{make(api, Name='Old')}"
    patch = {"_HttpMethod": "PATCH"}
    found = api.call("POST", path, params=patch, json={"Name": "New"})
    assert (found.status_code, found.content) == (204, b"")
    assert api.get(path, **patch).json()["Name"] == "New"
