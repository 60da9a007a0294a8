"""The org's own record."""

import json

import pytest
import yaml
from tests.devorg.calling import BASE, calling


@pytest.fixture(scope="module")
def api():
    with calling() as api:
        yield api


def test_the_org_has_a_record_of_itself(api, recorded):
    """Its id is the org's, and its fields are those of a recorded one, in order."""
    path = recorded / "http/cumulusci/GET_sobjects_Organization.yaml"
    text = yaml.safe_load(path.read_text())["response"]["body"]["string"]
    shown = json.loads(text)
    told = api.get(f"/sobjects/Organization/{api.org.store.org_id}").json()
    assert told["Id"] == api.org.store.org_id
    assert list(told) == list(shown)
    kinds = [(name, type(value)) for name, value in told.items() if value is not None]
    assert kinds == [(name, type(shown[name])) for name, _ in kinds]


def test_the_org_is_one_record_that_may_be_changed(api):
    """And neither made nor deleted."""
    (record,) = api.records(
        "SELECT Name, IsSandbox, OrganizationType FROM Organization"
    )
    assert (record["Name"], record["IsSandbox"]) == ("devorg", False)
    path = f"{BASE}/sobjects/Organization/{api.org.store.org_id}"
    assert api.call("PATCH", path, json={"Phone": "1"}).status_code == 204
    assert api.call("DELETE", path).status_code == 400
    assert api.post("/sobjects/Organization", {"Name": "x"}).status_code == 400


def test_a_sandbox_says_so(tmp_path):
    """In the org's record, too; a file that is opened anew says what it is now."""
    for is_sandbox in (True, False):
        with calling(path=tmp_path / "org.duckdb", is_sandbox=is_sandbox) as api:
            (record,) = api.records("SELECT IsSandbox FROM Organization")
            assert record["IsSandbox"] is is_sandbox
