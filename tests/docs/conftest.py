"""What stands for the reader's own Snowflake account."""

from collections.abc import Iterator

import pytest
import tomlkit
from tests.snowflake.conftest import snowflake_server
from tests.snowflake.fake import Server

__all__ = ["snowflake_server"]

CONNECTION, DATABASE = "lht", "LHT_DB"


@pytest.fixture
def account(
    snowflake_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A fake account with an empty LHT_DB, as Snowflake's connections name it."""
    snowflake_server.attach(DATABASE)
    options = snowflake_server.connect_options(database=DATABASE)
    connections = tomlkit.dumps({CONNECTION: options})
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", connections)
    monkeypatch.setenv("SNOWFLAKE_DEFAULT_CONNECTION_NAME", CONNECTION)
    yield snowflake_server
    snowflake_server.drop_database(DATABASE)
