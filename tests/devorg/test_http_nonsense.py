"""Whatever comes in, the org's answer is an answer: never a mistake of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.devorg.calling import BASE, Caller, calling

KINDS = ("Account", "Contact", "Nope", "", "account")
NAMES = ("Name", "LastName", "ParentId", "Parent", "Contacts", "Id", "AccountId",
         "Account", "Owner", "NumberOfEmployees", "AnnualRevenue", "x")  # fmt: skip
REFERENCES = ("@{a.id}", "@{b.records[0].Id}", "@{a[0]}", "@{a.attributes.type}", "@{}")
METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "get", "")
PATHS = (
    "/sobjects/Account", "/sobjects/Account/@{a.id}",
    "/sobjects/Contact/@{a.id}/Account",
    "/sobjects/Everything__c/External_Key__c/@{a.Name}", "/sobjects/Account/describe",
    "/query?q=SELECT Id FROM Account LIMIT 1", "/query?q=@{a.Name}", "/query?explain=x",
    "/query/zzz", "/composite/sobjects", "/composite/sobjects/Account?ids=x&fields=Id",
    "/composite/sobjects/Contact/Email", "/sobjects/%00", "/sobjects//", "?", "/limits",
    "/search?q=FIND {x*} RETURNING Account(Id WHERE Name LIKE '%')", "/recent?limit=-1",
)  # fmt: skip

members = st.sampled_from((*NAMES, "attributes", "records", "type"))
sosl_texts = st.text(
    st.sampled_from("FIND {}RETUGAcoutN()WHLM'=\\*\"% 3,"), max_size=40
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from((*REFERENCES, *KINDS)),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from((*NAMES, "attributes", "records", "type")), inner
        )
    ),
    max_leaves=6,
)
attributes = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(KINDS) | values, "referenceId": values}
)
records = st.dictionaries(st.sampled_from(NAMES), values, max_size=4).flatmap(
    lambda record: attributes.map(lambda told: record | {"attributes": told})
)
rows = st.fixed_dictionaries(
    {"records": st.lists(records, max_size=3)}, optional={"allOrNone": st.booleans()}
)
urls = st.sampled_from(PATHS).map(BASE.__add__) | st.text(max_size=5)
subrequests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(METHODS),
        "url": urls,
        "referenceId": st.sampled_from(("a", "b", "c")),
    },
    optional={
        "body": values | records | rows,
        "richInput": values | records | rows,
        "httpHeaders": st.sampled_from(({}, {"If-Match": "x"}, {"If-None-Match": "*"})),
    },
)
several = st.lists(subrequests, max_size=4)


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling(rows={"Account": 3}) as caller:
        yield caller


def is_answered(api: Caller, method: str, path: str, body: Any) -> None:
    found = api.call(method, path, json=body)
    assert found.status_code < 500, found.text
    assert "UNKNOWN_EXCEPTION" not in found.text


@settings(max_examples=30, deadline=None)
@given(requests=several, whole=st.booleans())
def test_a_composite_of_anything(api: Caller, requests: Any, whole: bool):
    body = {"compositeRequest": requests, "allOrNone": whole}
    is_answered(api, "POST", "/composite", body)
    graphs = {"graphs": [{"graphId": "1", "compositeRequest": requests}]}
    is_answered(api, "POST", "/composite/graph", graphs)
    is_answered(api, "POST", "/composite/batch", {"batchRequests": requests})


@settings(max_examples=30, deadline=None)
@given(body=rows | values, path=st.sampled_from(("", "/Account/Id", "/Contact/Email")))
def test_records_of_anything(api: Caller, body: Any, path: str):
    is_answered(api, "POST", "/composite/tree/Account", body)
    is_answered(api, "POST", "/composite/sobjects", body)
    is_answered(api, "PATCH", f"/composite/sobjects{path}", body)
    is_answered(api, "POST", "/sobjects/Contact", body)


@settings(max_examples=30, deadline=None)
@given(
    text=st.text(st.sampled_from("FIND {}RETURNGAcoutN()WHELM'=\\*\"% 3,"), max_size=40)
)
def test_searches_of_anything(api: Caller, text: str):
    for sosl in (text, f"FIND {{ab}} RETURNING {text}"):
        found = api.get("/search", q=sosl)
        assert found.status_code < 500, found.text
    assert api.get("/parameterizedSearch", q=text).status_code < 500
