"""Searches, explained queries, and what people see: tabs, themes, list views."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.devorg.calling import BASE, Caller, calling


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling(rows={"Account": 20}) as caller:
        for name, phone in (("Zyx & O'Hara", "555-0100"), ("Zyxwv Ltd", "555-0199")):
            caller.org.insert("Account", {"Name": name, "Phone": phone})
        values = {"LastName": "Zyx", "FirstName": "Adaqx", "Email": "adaqx@zyxwv.test"}
        caller.org.insert("Contact", values)
        yield caller


def found(api: Caller, sosl: str) -> list[Any]:
    answer = api.get("/search", q=sosl)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["searchRecords"]
    records: list[Any] = body["searchRecords"]
    return records


def kinds(records: list[Any]) -> list[str]:
    return sorted(record["attributes"]["type"] for record in records)


@pytest.mark.parametrize(
    ("sosl", "expected"),
    [
        ("FIND {zyx}", ["Account", "Account", "Contact"]),
        ("find {zyx} in name fields returning Contact", ["Contact"]),
        ("FIND {zyx} RETURNING Account, Contact(Id, Email)",
         ["Account", "Account", "Contact"]),
        ("FIND {zyx} RETURNING Account(Name WHERE Phone = '555-0199')", ["Account"]),
        ("FIND {zyx} RETURNING Account(Name ORDER BY Name DESC LIMIT 1)", ["Account"]),
        ("FIND {zyx} RETURNING Account, Contact LIMIT 1", ["Account"]),
        ("FIND {adaqx zyx} IN ALL FIELDS RETURNING Contact", ["Contact"]),
        ("FIND {adaqx nobody} RETURNING Contact", []),
        ("FIND {zyxwv} IN EMAIL FIELDS", ["Contact"]),
        ("FIND {0199} IN PHONE FIELDS", ["Account"]),
        ("FIND {O\\'Hara} RETURNING Account", ["Account"]),
        ('FIND {"zyx & o"} RETURNING Account', ["Account"]),
        ("FIND {z?xw*} RETURNING Account", ["Account"]),
        ("FIND {50%} RETURNING Account", []),
    ],
)  # fmt: skip
def test_records_are_found_by_words(api: Caller, sosl: str, expected: list[str]):
    assert kinds(found(api, sosl)) == expected


def test_a_found_record_has_the_fields_that_were_asked_for(api: Caller):
    (record,) = found(api, "FIND {adaqx} RETURNING Contact(FirstName, Email)")
    assert list(record) == ["attributes", "FirstName", "Email"]
    url = f"{BASE}/sobjects/Contact/"
    assert record["attributes"]["url"].startswith(url)
    (record,) = found(api, "FIND {adaqx} RETURNING Contact")
    assert list(record) == ["attributes", "Id"]


def test_old_versions_answer_with_the_list_alone(api: Caller):
    old = "/services/data/v36.0/search"
    assert kinds(api.get(old, q="FIND {adaqx}").json()) == ["Contact"]


@pytest.mark.parametrize(
    ("sosl", "code"),
    [
        ("FIND zyx", "MALFORMED_SEARCH"),
        ("FIND {z}", "MALFORMED_SEARCH"),
        ("FIND {zyx} RETURNING Nope", "INVALID_TYPE"),
        ("FIND {zyx} RETURNING Account(Nope)", "INVALID_FIELD"),
        ("FIND {zyx} RETURNING Account(Id WHERE)", "MALFORMED_SEARCH"),
        ("FIND {zyx} RETURNING Account(Id WHERE x)", "MALFORMED_QUERY"),
    ],
)
def test_searches_that_are_refused(api: Caller, sosl: str, code: str):
    assert api.error(api.get("/search", q=sosl))[:2] == (400, code)


def test_a_search_needs_no_sosl(api: Caller):
    """Words and parameters, in the address or in a body."""
    path = "/parameterizedSearch"
    assert len(api.get(path, q="zyx").json()["searchRecords"]) == 3
    (record,) = api.get(
        path,
        **{"q": "zyx", "sobject": "Account", "Account.fields": "id,name",
           "Account.where": "Phone = '555-0100'", "Account.limit": "5"},
    ).json()["searchRecords"]  # fmt: skip
    assert record["Name"] == "Zyx & O'Hara"
    body = {
        "q": "zyx",
        "fields": ["Id"],
        "sobjects": [{"name": "Account", "limit": 1}, {"name": "Contact"}],
        "in": "NAME",
        "overallLimit": 10,
    }
    assert kinds(api.post(path, body).json()["searchRecords"]) == ["Account", "Contact"]
    assert api.get(path, q="zyx", overallLimit="x").status_code == 400
    assert api.get(path).status_code == 400


def test_a_query_is_explained_and_not_run(api: Caller):
    """The best plan first; where no index helps there is only the scan."""
    soql = "SELECT Id FROM Account WHERE Name LIKE 'Zyx%'"
    body = api.get("/query/", explain=soql).json()
    index, scan = body["plans"]
    assert (index["leadingOperationType"], index["fields"]) == ("Index", ["Name"])
    assert scan == {
        "cardinality": 2,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [
            {
                "description": "Not considering filter for optimization because"
                " unindexed",
                "fields": ["IsDeleted"],
                "tableEnumOrId": "Account",
            }
        ],
        "relativeCost": 0.65,
        "sobjectCardinality": 22,
        "sobjectType": "Account",
    }
    soql = "SELECT Name, Id FROM Account WHERE Phone = '555-0100'"
    (plan,) = api.get("/query", explain=soql).json()["plans"]
    assert (plan["leadingOperationType"], plan["cardinality"]) == ("TableScan", 1)
    wrong = api.get("/query", explain="SELECT")
    assert api.error(wrong)[:2] == (400, "MALFORMED_QUERY")
    grouped = "SELECT Name, COUNT(Id) FROM Account GROUP BY Name"
    assert api.get("/query", explain=grouped).status_code == 200


def test_tabs_and_theme_show_the_same_objects(api: Caller):
    tabs = api.get("/tabs").json()
    items = api.get("/theme").json()["themeItems"]
    assert [tab["sobjectName"] for tab in tabs] == [item["name"] for item in items]
    assert "Account" in {tab["sobjectName"] for tab in tabs}
    assert tabs[0]["iconUrl"].startswith(api.org.url)


def test_nobody_has_made_views_or_actions(api: Caller):
    """The addresses that a describe gives for them answer; of nothing they do not."""
    urls = api.get("/sobjects/Account/describe").json()["urls"]
    assert api.get(urls["listviews"]).json() == {
        "done": True,
        "listviews": [],
        "nextRecordsUrl": None,
        "size": 0,
        "sobjectType": "Account",
    }
    assert api.get(urls["quickActions"]).json() == []
    assert api.get(urls["approvalLayouts"]).json() == {"approvalLayouts": []}
    assert api.get("/quickActions").json() == []
    for name in ("listviews", "quickActions", "describe/approvalLayouts"):
        assert api.get(f"/sobjects/Nope/{name}").status_code == 404
