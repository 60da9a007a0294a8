"""Two connections to one empty database of the fake Snowflake."""

from collections.abc import Iterator

import pytest
from tests.snowflake.fake import Server
from tests.snowflake.likeness.client import Client


@pytest.fixture
def db(snowflake_server: Server, database: str) -> Iterator[Client]:
    """A connection whose current database is empty, with schema PUBLIC."""
    with snowflake_server.connection(database) as connection:
        yield Client(connection)


@pytest.fixture
def other(snowflake_server: Server, database: str) -> Iterator[Client]:
    """A second session on the same database."""
    with snowflake_server.connection(database) as connection:
        yield Client(connection)
