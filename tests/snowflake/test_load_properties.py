"""Any sequence of loads into Snowflake ends in the table that a dictionary ends in."""

from contextlib import closing

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from tests.properties.loads import Step, live_through, number, one_page, prepare, steps
from tests.snowflake.fake import Server

from lht.warehouse.snowflake import SnowflakeWarehouse
from lht.warehouse.snowflake_open import opened_snowflake


@settings(max_examples=5, phases=[Phase.explicit, Phase.generate])
@given(st.lists(steps, max_size=3))
@example(
    [
        one_page({"a": ("1.0E20", 0)}, full=True),
        one_page({"a": ("1.0E-19", 0)}, full=True),
        one_page({"b": ("0.12345", 0)}, full=False),
    ]
)
@example(
    [
        one_page({"a": ("1.0E-19", 0)}, full=False),
        one_page({"b": ("1.0E20", 0)}, full=False),  # the column has no room for it
    ]
)
def test_loads_are_what_a_dictionary_does(
    snowflake_server: Server, sequence: list[Step]
) -> None:
    """Rows, counts, users' columns and the exactness of numbers, after every load."""
    database = snowflake_server.database()
    with (
        closing(snowflake_server.connection(database)) as connection,
        opened_snowflake(connection) as opened,
        SnowflakeWarehouse(opened).session() as session,
    ):
        prepare(session)
        live_through(session, sequence, "Amount::VARCHAR", exact)
    snowflake_server.drop_database(database)


def exact(value: str | None, spelled: str) -> bool:
    if value is None or not spelled:
        return value is None and not spelled
    return number(value) == number(spelled) or float(value) == float(spelled)
