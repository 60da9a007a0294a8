"""Conditions in headers: answers only where something changed, writes where nothing."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest
from tests.devorg.calling import NOW, Caller, calling


@pytest.fixture
def api() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


@pytest.fixture
def path(api: Caller) -> str:
    id_ = api.org.insert("Account", {"Name": "Acme"})
    return f"/sobjects/Account/{id_}"


def date(**since: float) -> str:
    return format_datetime(NOW + timedelta(**since), usegmt=True)


@pytest.mark.parametrize("what", ["/sobjects", "/sobjects/Account/describe", "record"])
def test_what_the_caller_has_is_not_sent_again(api: Caller, path: str, what: str):
    """By date and by tag; a compressed answer's tag is the same."""
    url = path if what == "record" else what
    first = api.get(url)
    validators = {
        "If-Modified-Since": first.headers["last-modified"],
        "If-None-Match": first.headers["etag"],
    }
    zipped = first.headers["etag"].removesuffix('"') + '-gzip"'
    cases = [*validators.items(), ("If-None-Match", f'"other", {zipped}')]
    for name, value in cases:
        again = api.call("GET", url, headers={name: value})
        assert (again.status_code, again.content) == (304, b""), name
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["last-modified"] == first.headers["last-modified"]
    for stale in ({"If-None-Match": '"x"'}, {"If-Modified-Since": date(days=-1)}):
        assert api.call("GET", url, headers=stale).status_code == 200
    both = {"If-None-Match": '"x"', "If-Modified-Since": date(days=1)}
    assert api.call("GET", url, headers=both).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_what_others_changed_is_refused(api: Caller, path: str, method: str):
    """412, and the record stays as it is."""
    tag = api.get(path).headers["etag"]
    fresh = ({"If-Match": tag}, {"If-Match": "*"}, {"If-Unmodified-Since": date()})
    body = {"Phone": "1"} if method == "PATCH" else None
    for headers in fresh[1:]:
        found = api.call(method, path, headers=headers, json=body)
        assert found.status_code < 300
    api.org.clock.advance(timedelta(minutes=1))
    api.org.update(*path.split("/")[2:], {"Name": "Changed"})
    for headers in ({"If-Match": tag}, {"If-Unmodified-Since": date(seconds=1)}):
        found = api.call(method, path, headers=headers, json=body and {"Name": "Lost"})
        assert api.error(found)[:2] == (412, "PRECONDITION_FAILED")
    assert api.get(path, fields="Name").json()["Name"] == "Changed"


def test_a_tag_follows_the_content(api: Caller, path: str):
    first = api.get(path).headers["etag"]
    assert api.get(path, fields="Id").headers["etag"] == first
    api.call("PATCH", path, json={"Name": "Other"})
    assert api.get(path).headers["etag"] != first


def test_only_accounts_have_tags(api: Caller):
    id_ = api.org.insert("Contact", {"LastName": "x"})
    found = api.get(f"/sobjects/Contact/{id_}")
    assert "etag" not in found.headers
    assert found.headers["last-modified"] == date()


@pytest.mark.parametrize(
    "headers", [{"If-Match": "x"}, {"If-None-Match": '"a" "b"'},
                {"If-Unmodified-Since": "yesterday"}]
)  # fmt: skip
def test_a_change_under_an_unreadable_condition(
    api: Caller, path: str, headers: dict[str, str]
):
    """Is refused; a reader's does not count."""
    found = api.call("PATCH", path, json={"Name": "x"}, headers=headers)
    assert found.status_code == 400
    assert api.get(path).json()["Name"] == "Acme"
    readable = {"If-Modified-Since": "yesterday"}
    assert api.call("GET", path, headers=readable).status_code == 200


def test_a_deletion_has_no_conditions(api: Caller, path: str):
    assert api.call("DELETE", path, headers={"If-Match": '"x"'}).status_code == 204
