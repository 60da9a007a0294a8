"""A DuckDB connection of a user's, and a session of ours to it."""

from collections.abc import Iterator

import duckdb
import pytest

from lht.sync.state import Store
from lht.warehouse.duckdb import DuckDBSession, DuckDBWarehouse


@pytest.fixture
def user() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that a user has, in a time zone of the user's."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'; CREATE SCHEMA RAW")
        yield connection


@pytest.fixture
def session(user: duckdb.DuckDBPyConnection) -> Iterator[DuckDBSession]:
    """A session of ours to the user's database."""
    with DuckDBWarehouse(user).session() as opened:
        Store(opened).prepare()
        yield opened
