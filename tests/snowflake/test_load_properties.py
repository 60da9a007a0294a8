"""Any sequence of loads into Snowflake ends in the table that a dictionary ends in."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from tests.properties.test_load_properties import (
    REF,
    SCHEMA,
    START,
    Rows,
    Step,
    expected,
    load,
    number,
    one_page,
    steps,
)
from tests.snowflake.fake import Server

from lht.sync.state import Store
from lht.warehouse.base import Session
from lht.warehouse.snowflake import SnowflakeWarehouse
from lht.warehouse.snowflake_open import opened_snowflake


def read(session: Session) -> dict[str, tuple[Any, datetime, str]]:
    table = session.name(REF)
    names = '"ID", "AMOUNT"::VARCHAR, "SYSTEMMODSTAMP", NOTE'
    return {
        key: tuple(rest) for key, *rest in session.query(f"SELECT {names} FROM {table}")
    }


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
        live_through(session, sequence)
    snowflake_server.drop_database(database)


def live_through(session: Session, sequence: list[Step]) -> None:
    Store(session).prepare()
    session.ensure_schema(REF.schema)
    session.create_table(REF, SCHEMA)
    table = session.name(REF)
    session.execute(f"ALTER TABLE {table} ADD COLUMN NOTE VARCHAR DEFAULT 'new'")
    model: Rows = {}
    notes: dict[str, str] = {}
    for step in sequence:
        model, counts = expected(model, step)
        assert load(session, step) == counts
        notes = {key: notes.get(key, "new") for key in model}
        found = read(session)
        assert {k: note for k, (_, _, note) in found.items()} == notes
        for key, (amount, at) in model.items():
            value, stamp, _ = found[key]
            assert stamp == START + timedelta(seconds=at)
            assert same(value, amount)
        session.execute(f"UPDATE {table} SET NOTE = ID")
        notes = {key: key for key in model}


def same(value: str | None, amount: str) -> bool:
    """Tell whether a number as the table tells it is the one that was spelled."""
    if value is None or not amount:
        return value is None and not amount
    return number(value) == number(amount) or float(value) == float(amount)
