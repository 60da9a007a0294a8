"""Any sequence of loads ends in the table that a dictionary ends in."""

from contextlib import closing
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.properties.loads import (
    REF,
    Step,
    live_through,
    number,
    one_page,
    prepare,
    steps,
)

from lht.warehouse.duckdb import DuckDBWarehouse


@settings(max_examples=40)
@given(st.lists(steps, max_size=5), st.booleans())
@example(
    [
        one_page({"a": ("1.0E20", 0)}, full=True),
        one_page({"a": ("1.0E-19", 0)}, full=True),  # the deleted row has no room
    ],
    False,
)
def test_loads_are_what_a_dictionary_does(sequence: list[Step], indexed: bool) -> None:
    """Rows, counts, users' columns and the exactness of numbers, after every load."""
    with closing(DuckDBWarehouse(":memory:")) as place, place.session() as session:
        prepare(session)
        if indexed:
            session.execute(f"CREATE UNIQUE INDEX by_id ON {session.name(REF)} (Id)")
        live_through(session, sequence, "Amount", exact)


def exact(value: Any, spelled: str) -> bool:
    return value == (float(spelled) if isinstance(value, float) else number(spelled))
