"""Nothing that comes over the wire makes the org answer with a mistake of its own.

``LHT_FUZZ_EXAMPLES`` is how many requests each route gets.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from tests.devorg.fuzz_draw import Draft, requests, sent
from tests.devorg.fuzz_good import GOOD, Good
from tests.devorg.fuzz_values import EXAMPLES, many
from tests.devorg.fuzz_wire import Request, World, fired_at

from lht.devorg.http.app import ROUTES

NAMES = [f"{route.method} {route.pattern.pattern}" for route in ROUTES]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with fired_at(api_usage_limit=10**9, bulk_query_jobs=10**9) as world:
        yield world


@pytest.mark.parametrize("good", GOOD, ids=[f"{good[0]} {good[1]}" for good in GOOD])
def test_what_is_changed_at_random_is_right_before(world: World, good: Good):
    world.renew()
    reply = world.try_out(sent(Draft(*good), {}))
    assert reply.status < 400, reply


@pytest.mark.parametrize("at", range(len(ROUTES)), ids=NAMES)
def test_every_route_answers_whatever_it_is_asked(world: World, at: int):
    """A status that Salesforce knows, an error in its form, and the org lives on."""
    world.renew()

    @many(EXAMPLES)
    @given(request=requests(ROUTES[at]))
    def fire(request: Request) -> None:
        world.try_out(request)

    fire()
