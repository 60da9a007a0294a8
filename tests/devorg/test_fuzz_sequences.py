"""One thing after the other, at random: records, jobs, faults and what they do."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.devorg.calling import BASE
from tests.devorg.fuzz_draw import Draft, requests, sent, spoilt
from tests.devorg.fuzz_good import GOOD, JSON_TYPE
from tests.devorg.fuzz_values import EXAMPLES, anything, many, record, some
from tests.devorg.fuzz_wire import Reply, Request, Wire, World, check, fired_at
from tests.devorg.test_soql_fuzz import STATEMENTS, broken

from lht.devorg.faults import ENDPOINTS, KINDS
from lht.devorg.http.app import ROUTES

THING = "/sobjects/Everything__c"
WRITES = ("create", "patch", "delete", "undelete", "hard_delete", "read", "upsert")
CHANGES = [
    route
    for route in ROUTES
    if route.method in {"POST", "PATCH", "DELETE"} and "data/v" in route.pattern.pattern
]
JOB_STEPS = ("read", "abort", "results", "pages", "delete", "list")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with fired_at(api_usage_limit=10**9, bulk_query_jobs=10**9) as world:
        world.renew()
        yield world


def ask(world: World, method: str, path: str, body: Any = None) -> Reply:
    """Send a request with a body of JSON, and see that the answer is one."""
    url = path if path.startswith("/devorg") else BASE + path
    kind, text = ("", b"") if body is None else (JSON_TYPE, json.dumps(body).encode())
    return world.try_out(sent(Draft(method, url, {}, kind, text), {}))


class Life:
    """What becomes of one record."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.names["it"] = ""
        self.state = "none"

    def step(self, name: str, values: Any) -> None:
        """Do one thing; whether it works depends on where the record is."""
        world, was = self.world, self.state
        match name:
            case "create":
                reply = ask(world, "POST", THING, values)
                if reply.status == 201:
                    world.names["it"] = json.loads(reply.body)["id"]
                    self.state = "alive"
            case "patch":
                reply = ask(world, "PATCH", f"{THING}/~it~", values)
                assert was == "alive" or reply.status >= 400
            case "upsert":
                reply = ask(world, "PATCH", f"{THING}/External_Key__c/k", values)
                assert reply.status in {200, 201, 400}
            case "read":
                reply = ask(world, "GET", f"{THING}/~it~")
                assert reply.status == (200 if was == "alive" else reply.status)
            case "delete":
                reply = ask(world, "DELETE", f"{THING}/~it~")
                self.move(reply, {"alive": "bin"})
            case "undelete":
                reply = ask(world, "POST", "/devorg/admin/undelete", {"id": "~it~"})
                self.move(reply, {"bin": "alive"})
            case _:
                reply = ask(world, "POST", "/devorg/admin/hard_delete", {"id": "~it~"})
                self.move(reply, {"bin": "gone", "alive": "gone"})

    def move(self, reply: Reply, ways: dict[str, str]) -> None:
        """Note where the record is now, which only one of these ways leads to."""
        assert (reply.status < 400) == (self.state in ways), (self.state, reply.body)
        self.state = ways.get(self.state, self.state)

    def check(self) -> None:
        """See that all that reads finds the record where it is."""
        soql = f"SELECT Id FROM Everything__c WHERE Id = '{self.world.names['it']}'"
        if self.world.names["it"]:
            alive, there = (
                self.world.api.query(soql, resource)["totalSize"]
                for resource in ("query", "queryAll")
            )
            assert alive == (self.state == "alive")
            assert there == (self.state in {"alive", "bin"})


@many(EXAMPLES)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(WRITES), record("Everything__c")), max_size=8
    )
)
def test_a_record_is_where_its_requests_have_put_it(world: World, steps: Any):
    life = Life(world)
    life.step("create", {"Name": "x"})
    for name, values in steps:
        life.step(name, values)
        life.check()


@many(EXAMPLES)
@given(
    soql=st.sampled_from(STATEMENTS) | broken(),
    steps=st.lists(st.sampled_from(JOB_STEPS), min_size=1, max_size=6),
    delimiter=some("COMMA", "TAB", "PIPE"),
)
def test_a_job_of_any_query_ends_and_tells_how(
    world: World, soql: str, steps: Any, delimiter: Any
):
    body = {"operation": "query", "query": soql, "columnDelimiter": delimiter}
    made = ask(world, "POST", "/jobs/query", body)
    assert made.status in {200, 400}
    if made.status == 400:
        return
    world.names["it"] = json.loads(made.body)["id"]
    for step in steps:
        match step:
            case "read":
                assert ask(world, "GET", "/jobs/query/~it~").status in {200, 404}
            case "abort":
                ask(world, "PATCH", "/jobs/query/~it~", {"state": "Aborted"})
            case "results":
                ask(world, "GET", "/jobs/query/~it~/results?maxRecords=2")
            case "pages":
                ask(world, "GET", "/jobs/query/~it~/resultPages")
            case "delete":
                ask(world, "DELETE", "/jobs/query/~it~")
            case _:
                assert ask(world, "GET", "/jobs/query").status == 200
    see_that_it_ends(world)


def see_that_it_ends(world: World) -> None:
    for _ in range(2_000):
        found = ask(world, "GET", "/jobs/query/~it~")
        told = json.loads(found.body)
        if found.status == 404 or told["state"] in {"JobComplete", "Aborted"}:
            return
        assert told["state"] != "Failed" or told["errorMessage"]
        assert "InternalServerError" not in told.get("errorMessage", "")
        if told["state"] == "Failed":
            return
        world.api.pause()
    raise AssertionError(told)


@st.composite
def faults(draw: st.DrawFn) -> Any:
    """Draw what is nearly a fault, as JSON."""
    kind = draw(st.sampled_from(KINDS))
    told: dict[str, Any] = {"kind": str(kind.__struct_config__.tag)}
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        told[name] = draw(
            some("", "/**", *ENDPOINTS)
            if name == "path"
            else some(0, 1, 2, 200, 204, 304, 503, "x", "", "GET")
        )
    told.pop("seconds", None)  # nobody waits for chance
    return told if draw(st.integers(0, 4)) else spoilt(draw, told)


@many(EXAMPLES)
@given(fault=faults() | anything, several=st.lists(st.sampled_from(GOOD), max_size=3))
def test_faults_do_what_they_say_and_no_more(world: World, fault: Any, several: Any):
    """An answer, or none: never a mistake of the server's own, never a hang."""
    found = world.send(
        sent(
            Draft(
                "POST",
                "/devorg/admin/faults",
                {},
                JSON_TYPE,
                json.dumps({"add": fault}).encode(),
            ),
            {},
        )
    )
    assert found.status in {200, 400}, found
    for good in several:
        try:
            world.wire.ask(sent(Draft(*good), {}).filled(world.names).raw(), good[0])
        except (OSError, http.client.HTTPException, EOFError):
            world.wire.close()
    world.api.org.faults.clear()
    world.see_that_it_lives()
    told, world.complaints.told[:] = list(world.complaints.told), []
    assert not told, (fault, *told)


@many(EXAMPLES)
@given(data=st.data())
def test_any_requests_after_each_other(world: World, data: st.DataObject):
    for _ in range(data.draw(st.integers(1, 6))):
        route = data.draw(st.sampled_from(ROUTES))
        world.try_out(data.draw(requests(route)))
    world.renew()


@many(EXAMPLES)
@given(
    several=st.lists(st.sampled_from(CHANGES).flatmap(requests), min_size=2, max_size=8)
)
def test_several_callers_at_once(world: World, several: list[Request]):
    """They may be in each other's way; the org is not in its own."""

    def call(_: int) -> None:
        with closing(Wire(world.api.org.url)) as wire:
            for request in several:
                raw = request.filled(world.names).raw()
                check(request, wire.ask(raw, request.method.decode()))

    with ThreadPoolExecutor(4) as callers:
        list(callers.map(call, range(4)))
    told, world.complaints.told[:] = list(world.complaints.told), []
    assert not told, told
    world.renew()
