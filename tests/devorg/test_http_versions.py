"""What differs between versions of the API, and between orgs: locators, limits."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.devorg.calling import Caller, calling


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


@pytest.fixture
def own() -> Iterator[Caller]:
    with calling(rows={"Account": 500}, page_size=200) as caller:
        yield caller


@pytest.mark.parametrize(
    ("version", "path", "status"),
    [
        ("30.0", "/limits", 404),
        ("31.0", "/limits", 200),
        ("31.0", "/query?q=SELECT+Id+FROM+User", 200),
        ("39.0", "/limits/recordCount?sObjects=User", 404),
        ("40.0", "/limits/recordCount?sObjects=User", 200),
        ("37.0", "/composite", 404),
        ("38.0", "/composite", 200),
        ("49.0", "/jobs/query", 404),
        ("50.0", "/jobs/query", 200),
        ("67.0", "/sobjects", 200),
        ("68.0", "/sobjects", 404),
    ],
)
def test_a_version_has_its_resources(api: Caller, version: str, path: str, status: int):
    found = api.get(f"/services/data/v{version}{path}")
    assert found.status_code == status


def test_a_version_lists_the_resources_it_has(api: Caller):
    """Each listed resource is there; the identity of the caller is among them."""
    base = "/services/data/v42.0"
    resources = api.get(base).json()
    assert resources["composite"] == f"{base}/composite"
    assert "jobs" not in resources
    assert resources["identity"].startswith(api.org.url)
    everything = api.get("/services/data/v62.0").json()
    for name in everything.keys() - {"jobs", "identity"}:
        assert api.get(everything[name]).status_code in {200, 400}, name


@pytest.mark.parametrize(
    ("version", "lacks", "has"),
    [
        ("31.0", "actionOverrides", "compactLayoutable"),
        ("36.0", "mruEnabled", "actionOverrides"),
        ("47.0", "isInterface", "hasSubtypes"),
        ("49.0", "associateEntityType", "deepCloneable"),
        ("50.0", "", "associateEntityType"),
    ],
)
def test_a_describe_has_the_keys_of_its_version(
    api: Caller, version: str, lacks: str, has: str
):
    """Keys that came later are not there, in fields, children and in brief neither."""
    base = f"/services/data/v{version}/sobjects"
    described = api.get(f"{base}/Account/describe").json()
    brief = next(o for o in api.get(base).json()["sobjects"] if o["name"] == "Account")
    assert lacks not in described
    assert lacks not in brief
    assert has in described
    is_late = float(version) >= 41
    assert all(("mask" in field) == is_late for field in described["fields"])
    child, kind = described["childRelationships"][0], described["recordTypeInfos"][0]
    assert ("junctionReferenceTo" in child) == ("master" in kind) == is_late


def test_limits_have_their_whole_shape(api: Caller):
    """Renamed ones by version; one with a limit inside."""
    limits = api.get("/limits").json()
    assert list(limits) == sorted(limits)
    assert limits["PermissionSets"]["CreateCustom"].keys() == {"Max", "Remaining"}
    assert "DailyBulkApiBatches" in limits
    old = api.get("/services/data/v48.0/limits").json()
    assert "DailyBulkApiRequests" in old
    assert "DailyBulkApiBatches" not in old


def locator(api: Caller) -> str:
    return str(api.query("SELECT Id FROM Account")["nextRecordsUrl"])


def test_locators_of_newer_orgs():
    """Begin otherwise and live for two days, where the org is set so."""
    two_days = timedelta(days=2)
    with calling(
        rows={"Account": 500},
        page_size=200,
        session_seconds=1e9,
        locator_prefix="0r8",
        locator_seconds=two_days.total_seconds(),
    ) as api:
        url = locator(api)
        assert "/query/0r8" in url
        api.org.clock.advance(two_days)
        assert api.get(url).status_code == 200
        api.org.clock.advance(two_days + timedelta(seconds=1))
        assert api.error(api.get(url))[1] == "INVALID_QUERY_LOCATOR"


def test_the_oldest_cursor_goes_however_lately_it_was_used(own: Caller):
    """Ten are open; what counts is when they were opened."""
    urls = [locator(own) for _ in range(10)]
    assert [own.get(url).status_code for url in urls] == [200] * 10
    own.get(urls[0])
    urls.append(locator(own))
    assert [own.get(url).status_code for url in urls] == [400] + [200] * 10
