"""A real Snowflake account, spoken to as the fake one is.

It is there only where ``LHT_TEST_SNOWFLAKE_CONNECTION`` names a connection of
Snowflake's ``connections.toml``. Each test gets a database of its own, dropped after
it: schemas of one name are kept apart, and nothing else in the account is touched. The
connection's role needs CREATE DATABASE, and its warehouse is woken.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.conftest import beyond_loopback

if TYPE_CHECKING:
    from snowflake.snowpark import Session

VARIABLE = "LHT_TEST_SNOWFLAKE_CONNECTION"
CONNECTION = os.environ.get(VARIABLE)
LIVE = pytest.param(
    "live", marks=[pytest.mark.live, pytest.mark.filterwarnings("default")]
)
PREFIX = "LHT_TEST_"
_REFUSED = 3001  # "Insufficient privileges"


class Account:
    """What the connection of that name leads to."""

    def __init__(self, connection: str) -> None:
        self.connection_name = connection
        self._session = self._opened()

    def database(self) -> str:
        """Make an empty database with its schema PUBLIC, and say its name."""
        from snowflake.connector.errors import ProgrammingError

        name = f"{PREFIX}{uuid.uuid4().hex[:12].upper()}"
        try:
            self._run(f'CREATE DATABASE "{name}"')
        except ProgrammingError as error:
            if error.errno != _REFUSED:
                raise
            role = self._session.get_current_role()
            pytest.fail(
                f"each live test needs a database of its own: GRANT CREATE DATABASE"
                f" ON ACCOUNT TO ROLE {role}",
                pytrace=False,
            )
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database that a test was given."""
        self._run(f'DROP DATABASE IF EXISTS "{name}"')

    def session(self, database: str, schema: str = "PUBLIC") -> "Session":
        """Open a Snowpark session in that database."""
        return self._opened(database=database, schema=schema)

    def close(self) -> None:
        """Close the session that made the databases."""
        self._session.close()

    def _opened(self, **place: str) -> "Session":
        from snowflake.snowpark import Session

        named = {"connection_name": self.connection_name, **place}
        return Session.builder.configs(named).create()

    def _run(self, statement: str) -> None:
        with self._session.connection.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def opened_account() -> Iterator[Account]:
    """Open the account for the block; only there the network can be reached."""
    assert CONNECTION is not None, "live tests are skipped without it"
    with beyond_loopback():
        account = Account(CONNECTION)
        try:
            yield account
        finally:
            account.close()
