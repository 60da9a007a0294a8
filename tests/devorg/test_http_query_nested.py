"""Queries over HTTP whose records hold others, or stand for many."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.devorg.calling import BASE, Caller, calling

PAGE = 200
SIZES = [0, 1, 450, 3, 0, 120, 79, 1, 200, 199]
"""How many contacts each account has: more than a page holds, none, just as many."""


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling(page_size=PAGE) as caller:
        chance = random.Random(5)
        org = caller.org
        accounts = [org.insert("Account", {"Name": f"A{n}"}) for n in range(len(SIZES))]
        children = [
            a for a, size in zip(accounts, SIZES, strict=True) for _ in range(size)
        ]
        chance.shuffle(children)
        with org.store.transaction() as transaction:
            for number, account in enumerate(children):
                values = {"LastName": f"C{number:04}", "AccountId": account}
                transaction.insert("Contact", values)
        yield caller


def children(api: Caller) -> dict[str, list[str]]:
    """Return each account's contacts by last name, asked for without sub-queries."""
    found: dict[str, list[str]] = {f"A{number}": [] for number in range(len(SIZES))}
    soql = "SELECT LastName, Account.Name FROM Contact WHERE LastName LIKE 'C%'"
    for record in api.records(soql):
        found[record["Account"]["Name"]].append(record["LastName"])
    return {name: sorted(some) for name, some in found.items()}


def unfolded(api: Caller, part: Any) -> list[Any]:
    """Return all records of a sub-query's result, also those on further pages."""
    if part is None:
        return []
    return [record for page in api.pages(part) for record in page["records"]]


def refused(api: Caller, soql: str) -> tuple[int, str, str]:
    return api.error(api.get("/query", q=soql))


def test_a_list_of_children_is_a_result_of_its_own(api: Caller):
    """In its place among the fields; null where there are none."""
    soql = (
        "SELECT Name, (SELECT Contact.LastName, Account.Name FROM Account.Contacts c "
        "ORDER BY c.LastName), Id FROM Account WHERE Name IN ('A0', 'A3') ORDER BY Name"
    )
    nobody, three = api.query(soql)["records"]
    assert list(three) == ["attributes", "Name", "Contacts", "Id"]
    assert nobody["Contacts"] is None
    contacts = three["Contacts"]
    assert list(contacts) == ["totalSize", "done", "records"]
    assert (contacts["totalSize"], contacts["done"]) == (3, True)
    names = [record["LastName"] for record in contacts["records"]]
    assert names == children(api)["A3"]
    record = contacts["records"][0]
    assert record["attributes"]["type"] == "Contact"
    assert record["attributes"]["url"].startswith(f"{BASE}/sobjects/Contact/003")
    assert record["Account"]["Name"] == "A3"


@pytest.mark.parametrize("tail", ["", " ORDER BY LastName DESC"])
def test_no_child_is_lost_between_pages(api: Caller, tail: str):
    """Children fill pages, too; long lists have further pages of their own."""
    soql = f"SELECT Name, (SELECT LastName FROM Contacts{tail}) FROM Account"
    found = {}
    for page in api.pages(api.query(f"{soql} WHERE Name LIKE 'A%' ORDER BY Name")):
        lists = [record["Contacts"] for record in page["records"] if record["Contacts"]]
        inside = sum(len(part["records"]) for part in lists)
        assert inside + len(page["records"]) <= PAGE
        for record in page["records"]:
            names = [child["LastName"] for child in unfolded(api, record["Contacts"])]
            assert not tail or names == sorted(names, reverse=True)
            found[record["Name"]] = sorted(names)
    assert found == children(api)


def test_a_list_that_is_too_long_has_a_locator(api: Caller):
    """One record and 199 children fill a page of 200, as an org has it."""
    soql = "SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Name = 'A2'"
    page = api.query(soql)
    assert page["done"] is True
    part = page["records"][0]["Contacts"]
    assert list(part) == ["totalSize", "done", "nextRecordsUrl", "records"]
    assert (part["totalSize"], part["done"], len(part["records"])) == (450, False, 199)
    assert part["nextRecordsUrl"].startswith(f"{BASE}/query/01g")
    assert part["nextRecordsUrl"].endswith("-199")
    rest = api.get(part["nextRecordsUrl"]).json()
    assert (rest["totalSize"], len(rest["records"])) == (450, PAGE)
    ids = {record["Id"] for record in unfolded(api, part)}
    assert len(ids) == 450


def test_limit_and_offset_are_each_parents_own(api: Caller):
    known = children(api)
    soql = (
        "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName LIMIT 2) "
        "FROM Account WHERE Name LIKE 'A%'"
    )
    for record in api.records(soql):
        names = [child["LastName"] for child in unfolded(api, record["Contacts"])]
        assert names == known[record["Name"]][:2]
    inner = "SELECT LastName FROM Contacts ORDER BY LastName LIMIT 230 OFFSET 5"
    soql = f"SELECT ({inner}) FROM Account WHERE Name = 'A2' LIMIT 1"
    (record,) = api.records(soql)
    names = [child["LastName"] for child in unfolded(api, record["Contacts"])]
    assert record["Contacts"]["totalSize"] == 230
    assert names == known["A2"][5:235]


def test_children_have_conditions_children_and_a_bin(api: Caller):
    """Sub-queries filter, nest, and find the deleted for those who ask for all."""
    org = api.org
    account = org.insert("Account", {"Name": "Nest"})
    kept, gone = (
        org.insert("Contact", {"LastName": name, "AccountId": account})
        for name in ("Kept", "Gone")
    )
    case = org.insert("Case", {"Subject": "of a contact", "ContactId": kept})
    task = org.insert("Task", {"Subject": "of a case", "WhatId": case})
    org.delete(gone)
    soql = (
        "SELECT (SELECT LastName, (SELECT Id, (SELECT Id FROM Tasks) FROM Cases) "
        f"FROM Contacts WHERE LastName != 'x') FROM Account WHERE Id = '{account}'"
    )
    (record,) = api.records(soql)
    (contact,) = record["Contacts"]["records"]
    assert contact["LastName"] == "Kept"
    assert contact["Cases"]["records"][0]["Tasks"]["records"][0]["Id"] == task
    (record,) = api.records(soql, "queryAll")
    assert record["Contacts"]["totalSize"] == 2


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        (
            "SELECT (SELECT Id FROM Notes) FROM Account",
            "Didn't understand relationship 'Notes' in FROM part of query call.",
        ),
        ("SELECT (SELECT Id FROM A.B.Contacts) FROM Account", "'Contacts' in FROM"),
        (
            "SELECT (SELECT Id FROM Contacts), (SELECT Id FROM Contacts) FROM Account",
            "duplicate field selected: Contacts",
        ),
        ("SELECT (SELECT COUNT() FROM Contacts) FROM Account", "in a sub-query"),
        ("SELECT (SELECT MAX(Id) FROM Contacts) FROM Account", "in a sub-query"),
        ("SELECT (SELECT Id FROM Contacts OFFSET 1) FROM Account", "needs LIMIT 1"),
        ("SELECT (SELECT Id FROM Contacts FOR VIEW) FROM Account", "token: 'VIEW'"),
        (
            f"{'SELECT (' * 5}SELECT Id{' FROM ChildAccounts)' * 5} FROM Account",
            "only be nested 4 deep",
        ),
    ],
)
def test_sub_queries_that_make_no_sense(api: Caller, soql: str, message: str):
    status, code, text = refused(api, soql)
    assert status == 400
    assert code in {"INVALID_TYPE", "INVALID_FIELD", "MALFORMED_QUERY"}
    assert message in text


def test_lists_inside_lists_have_locators_of_their_own(api: Caller):
    """However deep a list is, none of its records is out of reach."""
    org = api.org
    account = org.insert("Account", {"Name": "Deep"})
    with org.store.transaction() as transaction:
        for number in range(250):
            values = {"LastName": f"D{number}", "AccountId": account}
            contact = transaction.insert("Contact", values)
            transaction.insert("Case", {"ContactId": contact, "Subject": "one"})
        for number in range(250):
            transaction.insert("Case", {"ContactId": contact, "Subject": f"S{number}"})
    soql = (
        "SELECT (SELECT LastName, (SELECT Id FROM Cases) FROM Contacts "
        f"ORDER BY LastName DESC) FROM Account WHERE Id = '{account}'"
    )
    (record,) = api.records(soql)
    cases = {
        contact["LastName"]: [case["Id"] for case in unfolded(api, contact["Cases"])]
        for contact in unfolded(api, record["Contacts"])
    }
    counts = {name: len(set(ids)) for name, ids in cases.items()}
    assert counts == {f"D{number}": 1 for number in range(249)} | {"D249": 251}


def test_sub_queries_nest_since_version_58(api: Caller):
    """Before, a sub-query had none of its own."""
    soql = "SELECT (SELECT (SELECT Id FROM Cases) FROM Contacts) FROM Account LIMIT 1"
    answers = {
        version: api.get(f"/services/data/v{version}/query", q=soql)
        for version in ("57.0", "58.0")
    }
    assert answers["58.0"].status_code == 200
    status, code, message = api.error(answers["57.0"])
    assert (status, code) == (400, "MALFORMED_QUERY")
    assert "only be nested 1 deep" in message


def test_typeof_shows_what_fits_the_type(api: Caller):
    """The branch of the type, else the ELSE, else nothing; null where nobody is."""
    org = api.org
    account = org.insert("Account", {"Name": "Whole", "Type": "Prospect"})
    case = org.insert("Case", {"Subject": "Some"})
    contact = org.insert("Contact", {"LastName": "Who", "AccountId": account})
    day = {"ActivityDate": "2030-03-06"}
    for subject, what, who in (
        ("1", account, contact),
        ("2", case, None),
        ("3", None, None),
    ):
        org.insert("Task", {"Subject": subject, "WhatId": what, "WhoId": who} | day)
    soql = (
        "SELECT Subject, TYPEOF What WHEN Account THEN Type, Owner.Name ELSE Name END, "
        "TYPEOF Who WHEN contact THEN Account.Name, LastName END FROM Task "
        "WHERE ActivityDate = 2030-03-06 ORDER BY Subject"
    )
    one, two, three = api.records(soql)
    assert list(one) == ["attributes", "Subject", "What", "Who"]
    assert one["What"].pop("Owner")["attributes"]["type"] == "User"
    assert one["What"] == {
        "attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/{account}"},
        "Type": "Prospect",
    }
    assert one["Who"]["Account"]["Name"] == "Whole"
    assert one["Who"]["LastName"] == "Who"
    assert two["What"]["attributes"]["url"] == f"{BASE}/sobjects/Case/{case}"
    assert list(two["What"]) == ["attributes", "Name"]
    assert three["What"] is two["Who"] is three["Who"] is None


def test_polymorphic_parents_are_asked_for_their_type(api: Caller):
    org = api.org
    account = org.insert("Account", {"Name": "Typed"})
    contact = org.insert("Contact", {"LastName": "Typed"})
    day = {"ActivityDate": "2031-01-01", "Subject": "x"}
    made = {
        what: org.insert("Task", {key: what} | day)
        for key, what in (("WhatId", account), ("WhoId", contact))
    }
    asked = "SELECT Id FROM Task WHERE ActivityDate = 2031-01-01 AND {}"
    for condition, expected in (
        ("What.Type = 'Account'", {made[account]}),
        ("What.Type != 'account'", {made[contact]}),
        ("What.Type = null", {made[contact]}),
        ("Who.Type IN ('Contact', 'Lead')", {made[contact]}),
        ("Owner.Type = 'User'", {*made.values()}),
        ("Owner.Type = 'Group'", set()),
    ):
        found = api.records(asked.format(condition))
        assert {record["Id"] for record in found} == expected, condition
    found = api.records("SELECT What.Type FROM Task WHERE What.Name = 'Typed'")
    assert [record["What"]["Type"] for record in found] == ["Account"]
    for soql in (
        "SELECT TYPEOF Account WHEN Account THEN Id END FROM Contact",
        "SELECT TYPEOF What WHEN User THEN Id END FROM Task",
        "SELECT What.Name, TYPEOF What WHEN Account THEN Id END FROM Task",
        "SELECT TYPEOF What WHEN Account THEN Id END, What.Name FROM Task",
    ):
        assert refused(api, soql)[0] == 400


def test_groups_look_as_an_org_shows_them(api: Caller, recorded: Path):
    """A type without a URL, then what was selected; totalSize counts the groups."""
    soql = (
        "SELECT Account.Name, COUNT(Id) FROM Contact WHERE LastName LIKE 'C%' "
        "GROUP BY Account.Name ORDER BY Account.Name"
    )
    page = api.query(soql)
    counts = {record["Name"]: record["expr0"] for record in page["records"]}
    assert counts == {f"A{n}": size for n, size in enumerate(SIZES) if size}
    file = (
        recorded
        / "http"
        / "restforce"
        / "sobject__query_aggregate_success_response.json"
    )
    known = json.loads(file.read_text())
    assert list(page) == list(known)
    assert page["totalSize"] == len(page["records"])
    assert page["records"][0]["attributes"] == known["records"][0]["attributes"]
    assert list(page["records"][0]) == ["attributes", "Name", "expr0"]


def test_more_groups_than_fit_are_refused(api: Caller):
    """There are no further pages of groups; LIMIT helps."""
    rows = "SELECT 'G' || i AS \"Name\" FROM range(2_001) AS t(i)"
    api.org.store.bulk_insert("Product2", rows)
    soql = "SELECT Name, COUNT(Id) n FROM Product2 WHERE Name LIKE 'G%' GROUP BY Name"
    status, code, message = refused(api, soql)
    assert (status, code) == (400, "EXCEEDED_ID_LIMIT")
    assert message.startswith("Aggregate query does not support queryMore(), use LIMIT")
    assert len(api.query(f"{soql} LIMIT 2000")["records"]) == 2000


def test_looking_at_records_leaves_a_mark(api: Caller):
    """FOR VIEW sets both dates, FOR REFERENCE one, neither when they were changed."""
    ids = [api.org.insert("Account", {"Name": f"Seen {n}"}) for n in range(2)]
    before = api.records("SELECT SystemModstamp FROM Account WHERE Name LIKE 'Seen%'")
    api.org.clock.advance(timedelta(hours=1))
    asked = "SELECT Id FROM Account WHERE Id = '{}' FOR {}"
    api.query(asked.format(ids[0], "VIEW"))
    api.query(asked.format(ids[1], "REFERENCE"))
    fields = "LastViewedDate, LastReferencedDate, SystemModstamp"
    soql = f"SELECT {fields} FROM Account WHERE Name LIKE 'Seen%' ORDER BY Name"
    seen, referenced = api.records(soql)
    assert seen["LastViewedDate"] == seen["LastReferencedDate"]
    assert seen["LastViewedDate"] > before[0]["SystemModstamp"]
    assert seen["SystemModstamp"] == before[0]["SystemModstamp"]
    assert referenced["LastViewedDate"] is None
    assert referenced["LastReferencedDate"] == seen["LastViewedDate"]
    recent = [item["Id"] for item in api.get("/recent").json()]
    assert ids[0] in recent
    assert ids[1] not in recent


def test_scopes(api: Caller):
    """``mine`` is the caller's; what an object has no scope for is refused."""
    mine = api.org.insert("Lead", {"LastName": "Mine", "Company": "x"})
    other = api.records("SELECT Id FROM User WHERE IsActive = true")[-1]["Id"]
    values = {"LastName": "Other", "Company": "x", "OwnerId": other}
    api.org.insert("Lead", values)
    assert other != api.org.store.user_id
    found = api.records("SELECT Id FROM Lead USING SCOPE mine WHERE Company = 'x'")
    assert [record["Id"] for record in found] == [mine]
    everything = api.query("SELECT COUNT() FROM Account USING SCOPE everything")
    assert everything == api.query("SELECT COUNT() FROM Account")
    status, code, message = refused(api, "SELECT Id FROM User USING SCOPE mine")
    assert (status, code) == (400, "INVALID_QUERY_SCOPE")
    assert message.endswith("Scope 'mine' is not supported for User")


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        (
            "SELECT COUNT() FROM Account",
            "Aggregate Relationships not supported in Bulk",
        ),
        ("SELECT MAX(Name) FROM Account", "Aggregate Relationships not supported in"),
        (
            "SELECT Name FROM Account GROUP BY Name",
            "Aggregate Relationships not supported in Bulk Query",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content",
        ),
        ("SELECT BillingAddress FROM Account", "Selecting compound data not supported"),
        ("SELECT Id FROM Account OFFSET 5", "OFFSET is not supported in Bulk Query"),
        (
            "SELECT TYPEOF What WHEN Account THEN Id END FROM Task",
            "TYPEOF is not supported in Bulk Query",
        ),
        (
            "SELECT FIELDS(ALL) FROM Account LIMIT 200",
            "FIELDS function is not supported with an unbounded set of fields",
        ),
    ],
)
def test_bulk_refuses_what_is_no_list_of_values(api: Caller, soql: str, message: str):
    body = {"operation": "query", "query": soql}
    status, code, text = api.error(api.post("/jobs/query", body))
    assert status == 400
    assert code in {"API_ERROR", "MALFORMED_QUERY"}
    assert message in text


def test_functions_of_fields_are_values_in_bulk_as_well(api: Caller):
    """Labels and formats have the column's name, or the alias that they are given."""
    api.org.insert(
        "Opportunity",
        {
            "Name": "Labelled",
            "StageName": "Prospecting",
            "CloseDate": "2030-01-02",
            "Amount": 1234.5,
        },
    )
    fields = "toLabel(StageName), FORMAT(CloseDate) day"
    soql = f"SELECT {fields} FROM Opportunity WHERE Name = 'Labelled'"
    (record,) = api.records(soql)
    assert (record["StageName"], record["day"]) == ("Prospecting", "1/2/2030")
    id_ = api.finished(soql)["id"]
    text = api.get(f"/jobs/query/{id_}/results").text
    assert text == '"StageName","day"\n"Prospecting","1/2/2030"\n'
