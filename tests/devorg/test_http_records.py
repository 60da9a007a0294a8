"""Single records, collections, describes, replication and the admin API over HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.devorg.calling import BASE, NOW, Caller, calling

from lht.devorg.clock import Clock
from lht.devorg.ids import make_id


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


@pytest.fixture
def api(shared: Caller) -> Caller:
    shared.org.clock.set(NOW)
    shared.login()
    return shared


def make(api: Caller, sobject: str = "Account", **values: Any) -> str:
    found = api.post(f"/sobjects/{sobject}", values)
    assert found.status_code == 201, found.text
    body = found.json()
    assert list(body) == ["id", "success", "errors"]
    return str(body["id"])


def test_a_record_lives_and_dies(api: Caller):
    """Created, read, changed, deleted, gone: each with Salesforce's status and text."""
    id_ = make(api, Name="Acme", AnnualRevenue=1.5)
    path = f"/sobjects/Account/{id_}"
    body = api.get(path, fields="Name,AnnualRevenue,Owner.Name").json()
    assert (body["Name"], body["AnnualRevenue"]) == ("Acme", 1.5)
    assert body["attributes"]["url"] == BASE + path
    assert api.get(path[:-3]).json()["BillingAddress"] is None

    changed = api.call("PATCH", path, json={"Name": "Acme Ltd", "Phone": ""})
    assert (changed.status_code, changed.content) == (204, b"")
    assert "content-type" not in changed.headers
    assert api.get(path).json()["Name"] == "Acme Ltd"

    assert api.call("DELETE", path).status_code == 204
    gone = (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert api.error(api.get(path)) == gone
    assert api.error(api.call("DELETE", path)) == gone
    assert api.error(api.call("PATCH", path, json={"Name": "x"})) == gone


def test_records_that_never_were(api: Caller):
    never = f"/sobjects/Account/{make_id('001', 999_999)}"
    assert api.error(api.get(never))[:2] == (404, "NOT_FOUND")
    assert api.error(api.call("DELETE", never))[1] == "INVALID_CROSS_REFERENCE_KEY"
    assert api.error(api.get("/sobjects/Account/23foo")) == (
        404,
        "NOT_FOUND",
        "Provided external ID field does not exist or is not accessible: 23foo",
    )


def test_mistakes_name_their_fields(api: Caller):
    found = api.post("/sobjects/Account", {})
    assert found.status_code == 400
    assert found.json() == [
        {
            "message": "Required fields are missing: [Name]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["Name"],
        }
    ]
    found = api.post("/sobjects/Account", {"Name": "x", "foo": 1})
    assert api.error(found) == (
        400,
        "INVALID_FIELD",
        "No such column 'foo' on sobject of type Account",
    )
    assert api.error(api.get("/sobjects/Account/x", fields="y"))[0] == 404


def test_upsert_by_external_id(api: Caller):
    path = "/sobjects/Everything__c/External_Key__c/K%2F1%20ü"
    created = api.call("PATCH", path, json={"Name": "first"})
    assert created.status_code == 201
    body = created.json()
    assert body == {"id": body["id"], "success": True, "errors": [], "created": True}
    updated = api.call("PATCH", path, json={"Name": "second"})
    assert (updated.status_code, updated.json()["created"]) == (200, False)
    record = api.get(path).json()
    assert (record["Name"], record["External_Key__c"]) == ("second", "K/1 ü")
    assert api.call("DELETE", path).status_code == 204
    assert api.error(api.get(path))[:2] == (404, "NOT_FOUND")
    wrong = api.call("PATCH", "/sobjects/Everything__c/Text__c/x", json={})
    assert api.error(wrong)[:2] == (404, "NOT_FOUND")


def test_an_ambiguous_key_lists_the_records(api: Caller):
    """300, with the URL of every record that has the key."""
    ids = [
        make(api, "Everything__c", Name=name, External_Number__c=77)
        for name in ("one", "two")
    ]
    path = "/sobjects/Everything__c/External_Number__c/77"
    for found in (api.get(path), api.call("PATCH", path, json={"Name": "x"})):
        assert found.status_code == 300
        urls = [f"{BASE}/sobjects/Everything__c/{id_}" for id_ in ids]
        assert sorted(found.json()) == sorted(urls)


def test_files_are_read_from_their_own_url(api: Caller):
    account = make(api, Name="With file")
    values = {"Name": "a.bin", "ParentId": account, "Body": "AAECAw=="}
    id_ = make(api, "Attachment", **values)
    url = api.get(f"/sobjects/Attachment/{id_}", fields="Body").json()["Body"]
    assert url == f"{BASE}/sobjects/Attachment/{id_}/Body"
    assert api.get(url).content == b"\x00\x01\x02\x03"


def test_describes_are_the_orgs(api: Caller):
    everything = api.get("/sobjects").json()
    assert everything["maxBatchSize"] == 200
    names = [entry["name"] for entry in everything["sobjects"]]
    assert {"Account", "Everything__c", "CaseStatus"} <= set(names)
    described = api.get("/sobjects/account/describe/").json()
    assert described["name"] == "Account"
    assert described["urls"]["uiNewRecord"].startswith(api.org.url)
    brief = api.get("/sobjects/Account").json()
    assert brief["objectDescribe"]["keyPrefix"] == "001"
    assert api.get("/sobjects/Campaign").json()["recentItems"] == []


@pytest.mark.parametrize("path", ["/sobjects", "/sobjects/Account/describe"])
def test_an_unchanged_describe_is_304(api: Caller, path: str):
    first = api.get(path)
    assert len(first.headers["etag"]) == 10
    since = {"If-Modified-Since": first.headers["last-modified"]}
    again = api.call("GET", path, headers=since)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    since = {"If-Modified-Since": "Wed, 06 Mar 2019 12:34:56 GMT"}
    assert api.call("GET", path, headers=since).status_code == 200


def window(minutes: float = 10) -> dict[str, str]:
    start = NOW - timedelta(minutes=minutes)
    return {"start": start.isoformat(), "end": NOW.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_what_changed_and_what_went():
    """Seconds are cut off the window; what is not yet visible is not covered."""
    with calling() as api:
        kept, gone = (make(api, Name=name) for name in ("kept", "gone"))
        api.call("DELETE", f"/sobjects/Account/{gone}")
        api.org.clock.advance(timedelta(minutes=3))
        end = (NOW + timedelta(minutes=2, seconds=50)).isoformat()
        span = {"start": (NOW - timedelta(minutes=5)).isoformat(), "end": end}
        updated = api.get("/sobjects/Account/updated/", **span).json()
        assert updated == {
            "ids": [kept],
            "latestDateCovered": "2030-03-06T12:37:00.000+0000",
        }
        deleted = api.get("/sobjects/Account/deleted", **span).json()
        assert list(deleted) == [
            "deletedRecords",
            "earliestDateAvailable",
            "latestDateCovered",
        ]
        assert deleted["deletedRecords"] == [
            {"id": gone, "deletedDate": "2030-03-06T12:34:56.000+0000"}
        ]
        with api.org.transaction() as slow:
            slow.insert("Account", {"Name": "late"})
            api.org.clock.advance(timedelta(minutes=7))
            span["end"] = api.org.clock.now().isoformat()
            found = api.get("/sobjects/Account/updated", **span).json()
            assert found["latestDateCovered"] == "2030-03-06T12:37:56.000+0000"
        assert len(api.get("/sobjects/Account/updated", **span).json()["ids"]) == 2


@pytest.mark.parametrize(
    ("sobject", "span", "code"),
    [
        ("Account", {"start": "x", "end": "y"}, "INVALID_REPLICATION_DATE"),
        ("Account", window(60 * 24 * 31), "INVALID_REPLICATION_DATE"),
        ("Account", {"start": NOW.isoformat()}, "MISSING_ARGUMENT"),
        ("AccountShare", window(), "INVALID_TYPE_FOR_OPERATION"),
    ],
)
def test_windows_that_are_refused(
    api: Caller, sobject: str, span: dict[str, str], code: str
):
    found = api.get(f"/sobjects/{sobject}/updated", **span)
    assert api.error(found)[:2] == (400, code)


def contact(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact"}, **values}


def collection(api: Caller, method: str, *records: Any, path: str = "", **more: Any):
    body = {"records": list(records), **more}
    found = api.call(method, f"/composite/sobjects{path}", json=body)
    assert found.status_code == 200, found.text
    return found.json()


def test_a_collection_answers_in_order(api: Caller):
    """What failed says why and has no id; the others are done all the same."""
    results = collection(
        api, "POST", contact(LastName="A"), contact(), contact(LastName="C")
    )
    assert [result["success"] for result in results] == [True, False, True]
    assert list(results[0]) == ["id", "success", "errors"]
    assert results[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [LastName]",
                "fields": ["LastName"],
            }
        ],
    }
    first, third = results[0]["id"], results[2]["id"]
    changed = collection(
        api, "PATCH", contact(id=first, LastName="AA"), contact(LastName="no id")
    )
    assert [result["success"] for result in changed] == [True, False]
    assert changed[1]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"

    path = "/composite/sobjects/Contact"
    got = api.get(path, ids=f"{third},003000000000001,{first}", fields="LastName")
    assert [r and r["LastName"] for r in got.json()] == ["C", None, "AA"]
    again = api.post(path, {"ids": [third, first], "fields": ["LastName"]})
    assert [r["LastName"] for r in again.json()] == ["C", "AA"]

    deleted = api.call("DELETE", f"/composite/sobjects?ids={first},nonsense,{third}")
    assert [result["success"] for result in deleted.json()] == [True, False, True]
    assert api.get(path, ids=first, fields="Id").json() == [None]


def test_all_or_none(api: Caller):
    """One failure undoes the others; the answer is 200 and says which was to blame."""
    results = collection(
        api, "POST", contact(LastName="Undone"), contact(), allOrNone=True
    )
    codes = [result["errors"][0]["statusCode"] for result in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert api.records("SELECT Id FROM Contact WHERE LastName = 'Undone'") == []
    results = collection(
        api, "POST", contact(LastName="Done"), contact(LastName="Done"), allOrNone=True
    )
    assert [result["success"] for result in results] == [True, True]
    assert len(api.records("SELECT Id FROM Contact WHERE LastName = 'Done'")) == 2


def test_upserting_a_collection(api: Caller):
    def row(**values: Any) -> dict[str, Any]:
        return {"attributes": {"type": "Everything__c"}, **values}

    path = "/Everything__c/External_Key__c"
    rows = [row(External_Key__c=key, Name=key) for key in ("a", "b", "a")]
    results = collection(api, "PATCH", *rows, row(Name="no key"), path=path)
    assert [result.get("created") for result in results] == [True, True, False, None]
    wrong = "/composite/sobjects/Everything__c/Text__c"
    assert api.call("PATCH", wrong, json={"records": []}).status_code == 404


def test_collections_have_two_hundred_records_at_most(api: Caller):
    records = [contact(LastName=str(n)) for n in range(201)]
    found = api.post("/composite/sobjects", {"records": records})
    assert found.status_code == 400
    assert api.post("/composite/sobjects", {"records": [1]}).status_code == 400
    untyped = collection(api, "POST", {"LastName": "x"})
    assert untyped[0]["errors"][0]["statusCode"] == "INVALID_TYPE"


def test_shapes_are_the_recorded_ones(api: Caller, recorded: Path):
    """Bodies have the keys that Salesforce's had, in the same order."""
    folder = recorded / "http" / "amp-labs"

    def known(name: str) -> Any:
        return json.loads((folder / f"{name}.json").read_text())

    results = collection(api, "POST", contact(LastName="x"), contact())
    assert list(results[0]) == list(known("batch__create__contacts__success")[0])
    failed = known("batch__create__contacts__partial-but-allOrNone")
    (wrong,) = [result for result in failed if result["errors"]][:1]
    assert set(results[1]["errors"][0]) == set(wrong["errors"][0])
    created = api.post("/sobjects/Contact", {"LastName": "x"}).json()
    assert set(created) <= set(known("create-ok"))
    unknown = api.post("/sobjects/Contact", {"LastName": "x", "foo": 1}).json()
    assert set(unknown[0]) == set(known("unknown-field")[0])


def admin(api: Caller, verb: str, **body: Any) -> Any:
    found = api.post(f"/devorg/admin/{verb}", body)
    assert found.status_code == 200, found.text
    return found.json()


def test_other_processes_can_bend_the_org():
    """Clock, records, transactions, sessions, pages and the log, over HTTP."""
    with calling(rows={"Account": 12}, clock=Clock(NOW)) as api:
        admin(api, "clock", freeze=True, set="2031-01-01T00:00:00+00:00")
        assert admin(api, "clock", advance=60)["now"] == "2031-01-01T00:01:00+00:00"
        api.login()

        values = {"Name": "Old", "CreatedDate": "2020-01-01T00:00:00.000+0000"}
        made = admin(api, "insert", sobject="Account", values=values, keepAudit=True)
        (record,) = api.records(
            "SELECT Id, CreatedDate FROM Account WHERE Name = 'Old'"
        )
        assert record["Id"] == made["id"]
        assert record["CreatedDate"] == values["CreatedDate"]
        admin(api, "update", sobject="Account", id=made["id"], values={"Name": "New"})
        loser = admin(api, "insert", sobject="Account", values={"Name": "Loser"})["id"]
        admin(api, "merge", sobject="Account", masterId=made["id"], loserIds=[loser])
        soql = f"SELECT MasterRecordId FROM Account WHERE Id = '{loser}'"
        (merged,) = api.records(soql, "queryAll")
        assert merged["MasterRecordId"] == made["id"]

        admin(api, "delete", id=made["id"])
        assert api.records("SELECT Id FROM Account WHERE Name = 'New'") == []
        admin(api, "undelete", id=made["id"])
        assert len(api.records("SELECT Id FROM Account WHERE Name = 'New'")) == 1
        admin(api, "hard_delete", id=made["id"])
        admin(api, "empty_recycle_bin")
        assert api.query("SELECT COUNT() FROM Account", "queryAll")["totalSize"] == 12

        transaction = admin(api, "begin")
        late = {"sobject": "Account", "values": {"Name": "Late"}}
        admin(api, "insert", **late, **transaction)
        assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 12
        admin(api, "commit", **transaction)
        assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 13
        transaction = admin(api, "begin")
        admin(api, "insert", **late, **transaction)
        admin(api, "rollback", **transaction)
        assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 13

        admin(api, "short_pages", rows=5)
        assert len(api.query("SELECT Id FROM Account")["records"]) == 5
        log = admin(api, "requests", clear=True)["requests"]
        assert {"method": "POST", "status": 200}.items() <= log[0].items()
        assert len(admin(api, "requests")["requests"]) == 1
        admin(api, "expire_sessions")
        assert api.get("/limits").status_code == 401


def test_the_admin_api_refuses_nonsense_and_strangers(api: Caller):
    assert api.post("/devorg/admin/nonsense", {}).status_code == 404
    assert api.post("/devorg/admin/delete", {}).status_code == 400
    assert api.post("/devorg/admin/commit", {"transaction": "x"}).status_code == 404
    stranger = {"Host": "devorg.example.com"}
    found = api.call("POST", "/devorg/admin/clock", json={}, headers=stranger)
    assert found.status_code == 403


def test_writes_can_become_visible_late():
    """Stamped when written, seen when committed, and not covered until then."""
    with calling(visible_delay=0.2) as api:
        id_ = make(api, Name="Late")
        api.org.clock.advance(timedelta(minutes=5))
        span = {"start": NOW.isoformat(), "end": api.org.clock.now().isoformat()}
        updated = api.get("/sobjects/Account/updated", **span).json()
        assert updated["ids"] == []
        assert updated["latestDateCovered"] == "2030-03-06T12:34:56.000+0000"
        while not api.records("SELECT Id FROM Account"):
            api.pause()
        row = api.org.store.get("Account", id_)
        assert row["SystemModstamp"].replace(tzinfo=UTC) == NOW
        assert api.get("/sobjects/Account/updated", **span).json()["ids"] == [id_]


def test_a_record_is_deleted_only_under_its_own_name(api: Caller):
    """Another object's path does not reach it, as it is with changes."""
    account = make(api, Name="Stays")
    strange = f"/sobjects/Contact/{account}"
    refused = (404, "INVALID_CROSS_REFERENCE_KEY")
    assert api.error(api.call("DELETE", strange))[:2] == refused
    assert api.error(api.call("PATCH", strange, json={}))[:2] == refused
    assert api.get(f"/sobjects/Account/{account}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"set": "9999-12-31T23:59:59-14:00"},
        {"set": "1600-01-01T00:00:00Z"},
        {"set": 7},
        {"advance": 1e300},
        {"advance": -1e12},
        {"adjust": 60},
    ],
)
def test_the_clock_takes_only_what_it_can_show(api: Caller, body: Any):
    """A time it cannot show, or a key it does not know, changes nothing."""
    found = api.post("/devorg/admin/clock", body)
    assert api.error(found)[:2] == (400, "INVALID_ARGUMENT")
    assert api.org.clock.now() == NOW


@pytest.mark.parametrize("what", ["updated", "deleted"])
@pytest.mark.parametrize(
    "start", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-01"]
)
def test_a_window_may_not_begin_beyond_time(api: Caller, what: str, start: str):
    end = NOW.isoformat()
    found = api.get(f"/sobjects/Account/{what}", start=start, end=end)
    assert api.error(found)[:2] == (400, "INVALID_REPLICATION_DATE")


def test_rows_of_a_collection_are_refused_each_for_its_own_reason(api: Caller):
    """Ids that are none and objects that are not fail their row; no rows, the call."""

    def reasons(found: Any) -> list[tuple[str, str]]:
        assert found.status_code == 200, found.text
        errors = [row["errors"][0] for row in found.json()]
        return [(error["statusCode"], error["message"]) for error in errors]

    path = "/composite/sobjects"
    malformed = ("MALFORMED_ID", "malformed id zz")
    assert reasons(api.call("DELETE", path, params={"ids": "zz"})) == [malformed]
    row = {"attributes": {"type": "Account"}, "Id": "zz", "Name": "x"}
    wrong_type = ("MALFORMED_ID", "Account ID: id value of incorrect type: zz")
    assert reasons(api.call("PATCH", path, json={"records": [row]})) == [wrong_type]
    row = {"attributes": {"type": "Nope"}, "Name": "x"}
    assert reasons(api.post(path, {"records": [row]}))[0][0] == "INVALID_TYPE"
    for method in ("POST", "PATCH"):
        found = api.call(method, path, json={"records": []})
        assert api.error(found) == (
            400,
            "REQUIRED_FIELD_MISSING",
            "At least 1 record is required",
        )


def test_a_change_does_not_name_the_id_twice(api: Caller):
    id_ = make(api, Name="One")
    found = api.call("PATCH", f"/sobjects/Account/{id_}", json={"id": id_})
    assert api.error(found) == (
        400,
        "INVALID_FIELD",
        "The Id field should not be specified in the sobject data.",
    )


def test_a_parent_without_a_key_is_missed_on_the_child(api: Caller):
    """The text names the object that was written, not the parent's."""
    found = api.post("/sobjects/Contact", {"LastName": "x", "Account": {}})
    message = "No such column 'Account' on sobject of type Contact"
    assert api.error(found) == (400, "INVALID_FIELD", message)


def test_fields_are_asked_for_by_name_only(api: Caller):
    """What a query might select besides fields is no field of a record."""
    id_ = make(api, Name="One")
    message = "No such column 'COUNT()' on sobject of type Account"
    for found in (
        api.get(f"/sobjects/Account/{id_}", fields="COUNT()"),
        api.get("/composite/sobjects/Account", ids=id_, fields="COUNT()"),
    ):
        assert api.error(found) == (400, "INVALID_FIELD", message)
