"""A fake Snowflake for every test of this folder, and an empty database for each."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.snowpark import Session
from tests.emulator.conftest import client, jobs_are_polled_at_once
from tests.emulator.scene import PAGE_ROWS, stopped_clock
from tests.snowflake.fake import Server, running
from tests.snowflake.scene import SnowflakeScene, narrow_metadata

from lht import devorg
from lht.devorg import Org
from lht.salesforce.client import Client

__all__ = ["client", "jobs_are_polled_at_once"]


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
    snowflake_server.recover()
    snowflake_server.drop_database(name)


@pytest.fixture
def snowpark(snowflake_server: Server, database: str) -> Iterator[Session]:
    """A real Snowpark session in that database."""
    session = snowflake_server.session(database)
    yield session
    session.close()


@pytest.fixture
def org(request: pytest.FixtureRequest) -> Iterator[Org]:
    """An org; a test parametrises it (indirectly) with settings of its own."""
    settings: dict[str, Any] = {"page_size": PAGE_ROWS, "bulk_page_rows": PAGE_ROWS}
    settings |= {"metadata": narrow_metadata()} | getattr(request, "param", {})
    with devorg.start(clock=stopped_clock(), **settings) as org:
        yield org


@pytest.fixture
def scene(
    org: Org, client: Client, snowflake_server: Server, snowpark: Session, database: str
) -> SnowflakeScene:
    """An org, a client of it, and that session."""
    return SnowflakeScene(
        org, client, warehouse=snowpark, server=snowflake_server, database=database
    )


@pytest.fixture
def impatient(scene: SnowflakeScene) -> Iterator[Session]:
    """A session that gives a lost answer up soon."""
    at_once = {"backoff_policy": lambda: itertools.repeat(0.0), "network_timeout": 1}
    with scene.other(**at_once) as session:
        yield session
