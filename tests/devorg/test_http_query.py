"""REST queries over HTTP: records, pages, cursors, composite."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.devorg.calling import BASE, Caller, calling

ROWS = 2_345
LONG_TEXTS = "Long__c, Rich__c"


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling(rows={"Account": ROWS, "Contact": 40, "Everything__c": 450}) as caller:
        yield caller


@pytest.fixture
def own() -> Iterator[Caller]:
    with calling(rows={"Account": 500}, page_size=200) as caller:
        yield caller


def test_a_record_looks_as_salesforce_shows_it(api: Caller, recorded: Path):
    """Attributes first, then fields as selected; parents are records of their own."""
    fields = "name, Account.Owner.Name, Id, Account.Name"
    page = api.query(f"SELECT {fields} FROM Contact WHERE AccountId != null")
    assert list(page) == ["totalSize", "done", "records"]
    record = page["records"][0]
    assert list(record) == ["attributes", "Name", "Account", "Id"]
    assert record["attributes"] == {
        "type": "Contact",
        "url": f"{BASE}/sobjects/Contact/{record['Id']}",
    }
    parent = record["Account"]
    assert list(parent) == ["attributes", "Owner", "Name"]
    assert parent["Owner"]["attributes"]["type"] == "User"
    path = recorded / "http" / "amp-labs" / "read-opportunity-with-account.json"
    known = json.loads(path.read_text())["records"][0]
    assert next(iter(known)) == "attributes"
    assert list(known["attributes"]) == list(record["attributes"])


def test_no_parent_is_null(api: Caller):
    id_ = api.org.insert("Contact", {"LastName": "Alone"})
    (record,) = api.records(f"SELECT Account.Name FROM Contact WHERE Id = '{id_}'")
    assert record["Account"] is None


def test_polymorphic_parents_and_compounds(api: Caller):
    user = api.records("SELECT Id, Name FROM User LIMIT 1")[0]
    id_ = api.org.insert(
        "Case", {"Subject": "x", "OwnerId": user["Id"], "SuppliedName": "y"}
    )
    (case,) = api.records(f"SELECT Owner.Name FROM Case WHERE Id = '{id_}'")
    assert case["Owner"]["Name"] == user["Name"]
    assert case["Owner"]["attributes"] == {
        "type": "Name",
        "url": f"{BASE}/sobjects/User/{user['Id']}",
    }
    place = {"BillingCity": "Brno", "BillingLatitude": 49.19, "BillingLongitude": 1e-4}
    id_ = api.org.insert("Account", {"Name": "Somewhere"} | place)
    found = api.get(
        "/query", q=f"SELECT BillingAddress FROM Account WHERE Id = '{id_}'"
    )
    address = found.json()["records"][0]["BillingAddress"]
    assert list(address) == [
        "city",
        "country",
        "geocodeAccuracy",
        "latitude",
        "longitude",
        "postalCode",
        "state",
        "street",
    ]
    assert (address["city"], address["latitude"], address["state"]) == (
        "Brno",
        49.19,
        None,
    )
    assert '"longitude":1.0E-4' in found.text


def test_numbers_are_written_as_java_writes_them(api: Caller):
    values = {"Name": "Rich", "AnnualRevenue": 12345678, "NumberOfEmployees": 7}
    id_ = api.org.insert("Account", values)
    soql = f"SELECT AnnualRevenue, NumberOfEmployees FROM Account WHERE Id = '{id_}'"
    text = api.get("/query", q=soql).text
    assert '"AnnualRevenue":1.2345678E7' in text
    assert '"NumberOfEmployees":7}' in text


def test_pages_hold_two_thousand_and_all_arrive(api: Caller):
    pages = list(api.pages(api.query("SELECT Id FROM Account WHERE Id != null")))
    sizes = [len(page["records"]) for page in pages]
    assert sizes[0] == 2000
    assert {page["totalSize"] for page in pages} == {sum(sizes)}
    assert "nextRecordsUrl" not in pages[-1]
    ids = {record["Id"] for page in pages for record in page["records"]}
    assert len(ids) == sum(sizes) >= ROWS


@pytest.mark.parametrize(
    ("asked", "given"), [("200", 200), ("500", 500), ("10", 200), ("9999", 2000)]
)
def test_page_sizes_can_be_asked_for(api: Caller, asked: str, given: int):
    headers = {"Sforce-Query-Options": f"batchSize={asked}"}
    page = api.query("SELECT Id FROM Account", **headers)
    assert len(page["records"]) == given
    assert page["done"] is False


def test_wide_records_come_on_short_pages(api: Caller):
    """Several long texts: 200 a page; a file: one a page. Not done all the same."""
    page = api.query(f"SELECT Id, {LONG_TEXTS} FROM Everything__c")
    assert (len(page["records"]), page["totalSize"], page["done"]) == (200, 450, False)
    page = api.query("SELECT Id, File__c FROM Everything__c LIMIT 3")
    assert [len(p["records"]) for p in api.pages(page)] == [1, 1, 1]


def test_short_pages_are_not_the_end(own: Caller):
    own.org.short_pages(7)
    page = own.query("SELECT Id FROM Account LIMIT 20")
    assert [len(p["records"]) for p in own.pages(page)] == [7, 7, 6]
    own.org.short_pages(None)
    assert own.query("SELECT Id FROM Account LIMIT 20")["done"] is True


def test_count_and_nothing(api: Caller):
    page = api.query("SELECT COUNT() FROM Contact WHERE LastName = 'nobody at all'")
    assert page == {"totalSize": 0, "done": True, "records": []}
    page = api.query("SELECT COUNT() FROM Everything__c")
    assert page == {"totalSize": 450, "done": True, "records": []}
    assert api.query("SELECT Id FROM Lead") == {
        "totalSize": 0,
        "done": True,
        "records": [],
    }


def test_query_all_sees_the_recycle_bin(own: Caller):
    id_ = own.records("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    own.org.delete(id_)
    soql = f"SELECT Id, IsDeleted FROM Account WHERE Id = '{id_}'"
    assert own.records(soql) == []
    (record,) = own.records(soql, "queryAll")
    assert record["IsDeleted"] is True
    pages = own.pages(own.query("SELECT Id FROM Account", "queryAll"))
    assert sum(len(page["records"]) for page in pages) == 500


def test_a_cursor_fixes_the_records_not_their_values(own: Caller):
    """Later pages show a record as it is then, and records that came later never."""
    soql = "SELECT Id, Name FROM Account WHERE Name != 'Changed' ORDER BY Id"
    first = own.query(soql)
    last = own.records("SELECT Id FROM Account ORDER BY Id DESC LIMIT 1")[0]["Id"]
    own.org.update("Account", last, {"Name": "Changed"})
    own.org.insert("Account", {"Name": "Late"})
    records = [r for page in own.pages(first) for r in page["records"]]
    assert len(records) == first["totalSize"] == 500
    assert records[-1] == records[-1] | {"Id": last, "Name": "Changed"}


def test_a_page_can_be_read_again_and_jumped_to(own: Caller):
    first = own.query("SELECT Id FROM Account ORDER BY Id")
    url = first["nextRecordsUrl"]
    assert url.endswith("-200")
    again = [own.get(url).json()["records"] for _ in range(2)]
    assert again[0] == again[1]
    jumped = own.get(url.removesuffix("-200") + "-490").json()
    assert (len(jumped["records"]), jumped["done"]) == (10, True)


def test_locators_that_lead_nowhere(own: Caller):
    url = own.query("SELECT Id FROM Account")["nextRecordsUrl"]
    gone = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    for wrong in (url.removesuffix("200") + "500", f"{BASE}/query/nonsense"):
        assert own.error(own.get(wrong)) == gone
    own.org.clock.advance(timedelta(minutes=14))
    assert own.get(url).status_code == 200
    own.org.clock.advance(timedelta(minutes=16))
    assert own.error(own.get(url)) == gone


def test_the_eleventh_cursor_ends_the_first(own: Caller):
    urls = [own.query("SELECT Id FROM Account")["nextRecordsUrl"] for _ in range(11)]
    assert [own.get(url).status_code for url in urls] == [400] + [200] * 10


def test_a_cursor_dies_with_its_session(own: Caller):
    """A new login does not help: the query has to be started again."""
    url = own.query("SELECT Id FROM Account")["nextRecordsUrl"]
    own.org.expire_sessions()
    own.login()
    assert own.error(own.get(url))[:2] == (401, "INVALID_SESSION_ID")
    assert own.query("SELECT Id FROM Account")["done"] is False


def test_mistakes_are_400_with_the_text(api: Caller):
    found = api.get("/query", q="SELECT Id FROM XYZZY")
    status, code, message = api.error(found)
    assert (status, code) == (400, "INVALID_TYPE")
    assert message.startswith(
        "\nSELECT Id FROM XYZZY\n               ^\nERROR at Row:1:"
    )
    assert list(found.json()[0]) == ["message", "errorCode"]


def test_long_queries_travel_in_composite(api: Caller):
    """A query far too long for a URL is answered, and its pages can be read."""
    names = ", ".join(f"'{n:0>60}'" for n in range(1000))
    soql = f"SELECT Id FROM Account WHERE Name NOT IN ({names}) ORDER BY Id"
    url = f"{BASE}/queryAll?q={soql.replace(' ', '+')}"
    assert len(url) > 16_384
    request = {"method": "GET", "url": url, "referenceId": "long"}
    wrong = {"method": "GET", "url": f"{BASE}/query?q=nonsense", "referenceId": "no"}
    body = {"allOrNone": False, "compositeRequest": [request, wrong]}
    found = api.post("/composite", body)
    assert found.status_code == 200
    long, no = found.json()["compositeResponse"]
    assert list(long) == ["body", "httpHeaders", "httpStatusCode", "referenceId"]
    assert (long["httpStatusCode"], long["referenceId"]) == (200, "long")
    assert (no["httpStatusCode"], no["body"][0]["errorCode"]) == (
        400,
        "MALFORMED_QUERY",
    )
    records = [r for page in api.pages(long["body"]) for r in page["records"]]
    assert len(records) == long["body"]["totalSize"] >= ROWS


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"compositeRequest": [1]},
        {"compositeRequest": [{"method": "POST", "url": f"{BASE}/sobjects/Account"}]},
        {"compositeRequest": [{"method": "GET", "url": f"{BASE}/limits"}] * 26},
    ],
)
def test_composite_refuses_what_it_cannot(api: Caller, body: dict[str, object]):
    assert api.post("/composite", body).status_code == 400


def test_readers_and_writers_at_once(own: Caller):
    """Every result is whole: its records are as many as its total, none twice."""

    def read(_: int) -> bool:
        page = own.query("SELECT Id FROM Account WHERE Name != null")
        ids = [record["Id"] for page in own.pages(page) for record in page["records"]]
        return len(ids) == len(set(ids)) == page["totalSize"] >= 500

    def write(number: int) -> bool:
        made = own.post("/sobjects/Account", {"Name": f"Account {number}"})
        return made.status_code == 201

    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(read, number) for number in range(10)]
        writes = [pool.submit(write, number) for number in range(30)]
        assert all(done.result() for done in [*reads, *writes])
    assert own.query("SELECT COUNT() FROM Account")["totalSize"] == 530


def test_a_cursor_dropped_while_it_is_read_is_a_bad_locator(own: Caller):
    """Its file may go between the look-up and the reading; that is no 500."""
    url = own.query("SELECT Id FROM Account")["nextRecordsUrl"]
    (cursor,) = own.org._service.cursors._open.values()
    cursor.path.unlink()
    assert own.error(own.get(url))[:2] == (400, "INVALID_QUERY_LOCATOR")


def test_conditions_nested_beyond_reason_are_refused(api: Caller):
    """Whichever way a query comes, its depth has an end; what is below it works."""
    soql = "SELECT Id FROM Account WHERE {}Name = 'x'"
    deep, fair = soql.format("NOT " * 1_000), soql.format("NOT " * 90)
    refused = (400, "QUERY_TOO_COMPLICATED")
    assert api.error(api.get("/query", q=deep))[:2] == refused
    job = {"operation": "query", "query": deep}
    assert api.error(api.post("/jobs/query", job))[:2] == refused
    url = f"{BASE}/query?{urlencode({'q': deep})}"
    request = {"method": "GET", "url": url, "referenceId": "r"}
    found = api.post("/composite", {"compositeRequest": [request]}).json()
    (answer,) = found["compositeResponse"]
    assert answer["body"][0]["errorCode"] == refused[1]
    assert api.get("/query", q=fair).status_code == 200
