"""What stands for the reader's own Snowflake account."""

from collections.abc import Iterator

import pytest
import tomlkit
from tests.snowflake.fake import Server, running

CONNECTION, DATABASE = "lht", "LHT_DB"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A fake account with an empty LHT_DB, as Snowflake's connections name it."""
    with running() as server:
        server.attach(DATABASE)
        options = server.connect_options(database=DATABASE)
        connections = tomlkit.dumps({CONNECTION: options})
        monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", connections)
        monkeypatch.setenv("SNOWFLAKE_DEFAULT_CONNECTION_NAME", CONNECTION)
        yield server
