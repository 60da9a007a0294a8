"""Answers in XML, where a client asks for them."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import httpx2
import pytest
from tests.devorg.calling import BASE, Caller, calling

from lht.devorg.xml import parse_xml

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
XML = {"Accept": "application/xml"}


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


def root(found: httpx2.Response) -> ET.Element:
    assert found.headers["content-type"] == "application/xml;charset=UTF-8"
    assert found.content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    return parse_xml(found.content)


def asked(api: Caller, path: str, **options: str) -> ET.Element:
    return root(api.call("GET", path, headers=XML, params=options or None))


def told(element: ET.Element) -> list[tuple[str, str | None]]:
    return [(child.tag, child.text) for child in element]


def test_errors_are_told_in_xml(api: Caller):
    """Also those of sessions, and with the fields that are wrong."""
    unknown = asked(api, "/nothing")
    (error,) = unknown
    assert (unknown.tag, error.tag) == ("Errors", "Error")
    assert told(error) == [
        ("errorCode", "NOT_FOUND"),
        ("message", "The requested resource does not exist"),
    ]
    nobody = api.call("GET", "/limits", headers=XML | {"Authorization": "Bearer x"})
    assert nobody.status_code == 401
    assert told(root(nobody)[0])[0] == ("errorCode", "INVALID_SESSION_ID")
    wrong = api.call("POST", "/sobjects/Account", json={}, headers=XML)
    assert told(root(wrong)[0])[1] == ("fields", "Name")


def test_a_record_tells_its_type_and_address(api: Caller):
    """Fields in their order; nulls and parents too; numbers as in JSON."""
    values = {"Name": 'R&D <"x">', "AnnualRevenue": 12345678}
    id_ = api.org.insert("Account", values)
    url = f"{BASE}/sobjects/Account/{id_}"
    fields = "Name,AnnualRevenue,Phone,IsDeleted,Owner.Name"
    record = asked(api, f"/sobjects/Account/{id_}", fields=fields)
    assert record.tag == "Account"
    assert dict(record.attrib) == {"type": "Account", "url": url}
    name, revenue, phone, deleted, owner, own_id = record
    assert (name.text, revenue.text) == (values["Name"], "1.2345678E7")
    assert (phone.tag, phone.attrib[NIL]) == ("Phone", "true")
    assert (deleted.text, own_id.text) == ("false", id_)
    assert (owner.tag, owner.attrib["type"]) == ("Owner", "User")


def test_a_query_has_its_records_as_elements(api: Caller):
    account = api.org.insert("Account", {"Name": "Queried"})
    for name in ("a", "b"):
        api.org.insert("Contact", {"LastName": name, "AccountId": account})
    result = asked(
        api,
        "/query",
        q=f"SELECT Id, LastName FROM Contact WHERE AccountId = '{account}'",
    )
    assert result.tag == "QueryResult"
    assert [child.tag for child in result] == [
        "done",
        "records",
        "records",
        "totalSize",
    ]
    assert result[1].attrib["type"] == "Contact"
    assert [child.tag for child in result[1]] == ["Id", "LastName"]


def test_a_creation_has_a_result(api: Caller):
    made = api.call("POST", "/sobjects/Account", json={"Name": "x"}, headers=XML)
    result = root(made)
    assert (made.status_code, result.tag) == (201, "Result")
    assert [child.tag for child in result] == ["id", "success"]
    path = f"/sobjects/Account/{result[0].text}"
    changed = api.call("PATCH", path, json={"Name": "y"}, headers=XML)
    assert (changed.status_code, changed.content) == (204, b"")


@pytest.mark.parametrize(
    ("path", "tag", "member"),
    [
        ("/services/data", "Versions", "Version"),
        ("", "urls", "composite"),
        ("/limits", "LimitsSnapshot", "ActiveScratchOrgs"),
        ("/sobjects", "DescribeGlobal", "encoding"),
        ("/sobjects/Account/describe", "DescribeSObject", "activateable"),
    ],
)
def test_other_bodies_have_their_names(api: Caller, path: str, tag: str, member: str):
    found = asked(api, path or BASE)
    assert found.tag == tag
    assert member in [child.tag for child in found]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/html", "json"),
        ("application/json, application/xml", "json"),
        ("application/json;q=0.5, application/xml", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "xml"),
        ("application/xml;q=0.1, */*", "json"),
        ("application/xml;q=nonsense", "json"),
    ],
)
def test_the_preferred_format_is_sent(api: Caller, accept: str, kind: str):
    found = api.call("GET", "/limits", headers={"Accept": accept})
    assert f"application/{kind}" in found.headers["content-type"]


def test_what_xml_cannot_hold_is_left_out(api: Caller):
    id_ = api.org.insert("Account", {"Name": "a\x08b\tc"})
    record = asked(api, f"/sobjects/Account/{id_}", fields="Name")
    assert record[0].text == "ab\tc"


def test_jobs_and_files_keep_their_format(api: Caller):
    account = api.org.insert("Account", {"Name": "x"})
    values = {"Name": "a", "ParentId": account, "Body": b"\x00\x01"}
    id_ = api.org.insert("Attachment", values)
    path = f"/sobjects/Attachment/{id_}/Body"
    assert api.call("GET", path, headers=XML).content == b"\x00\x01"
    jobs = api.call("GET", "/jobs/query", headers=XML)
    assert "json" in jobs.headers["content-type"]
