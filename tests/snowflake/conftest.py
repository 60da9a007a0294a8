"""A fake Snowflake for every test of this folder, and an empty database for each."""

from collections.abc import Iterator

import pytest
from snowflake.snowpark import Session

from tests.snowflake.fake import Server, running


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[Server]:
    """The server, started by the first test that asks for it."""
    with running() as server:
        yield server


@pytest.fixture
def database(snowflake_server: Server) -> Iterator[str]:
    """The name of an empty database, with its schema PUBLIC."""
    name = snowflake_server.database()
    snowflake_server.statements.clear()
    yield name
    snowflake_server.drop_database(name)


@pytest.fixture
def snowpark(snowflake_server: Server, database: str) -> Iterator[Session]:
    """A real Snowpark session in that database."""
    session = snowflake_server.session(database)
    yield session
    session.close()
