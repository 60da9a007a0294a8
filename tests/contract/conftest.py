"""Every warehouse that the contract is held against, each empty for each test.

Snowflake is a fake one under a real Snowpark session (see ``tests.snowflake.fake``):
what is green there is no proof for a real account. That is what ``live`` is for.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Union

import pytest
from tests.contract.live import CONNECTION, LIVE, VARIABLE, opened_account

from lht.schema import TableRef
from lht.sync.state import Store
from lht.typemap import DUCKDB, SNOWFLAKE, sql_type
from lht.warehouse.base import Session, Warehouse
from lht.warehouse.duckdb import DuckDBWarehouse

if TYPE_CHECKING:
    from tests.contract.live import Account
    from tests.snowflake.fake import Server

REF = TableRef("RAW", "ACCOUNT")
NATIVE = {"duckdb": DUCKDB, "snowflake": SNOWFLAKE}
Open = Callable[[], Warehouse]
Snowflake = Union["Server", "Account"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a real account where none is named."""
    if item.get_closest_marker("live") and not CONNECTION:
        pytest.skip(f"{VARIABLE} names no connection to a Snowflake account")


@pytest.fixture(scope="session")
def snowflake_server() -> "Iterator[Server]":
    """A fake Snowflake, started by the first test that asks for it."""
    from tests.snowflake.fake import running

    with running() as server:
        yield server


@pytest.fixture(
    params=[
        "memory",
        "file",
        pytest.param("snowflake", marks=pytest.mark.snowflake),
        LIVE,
    ]
)
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same warehouse, each time as another program would."""
    with ExitStack() as stack:
        if request.param == "snowflake":
            server = request.getfixturevalue("snowflake_server")
            yield stack.enter_context(opening(server))
            return
        if request.param == "live":
            account = stack.enter_context(opened_account())
            yield stack.enter_context(opening(account))
            return
        target = tmp_path / "crm.duckdb" if request.param == "file" else ":memory:"
        place = DuckDBWarehouse(target)
        stack.callback(place.close)
        yield lambda: place


@contextmanager
def opening(snowflake: Snowflake) -> Iterator[Open]:
    """Give the block a new database there, and what opens sessions to it."""
    from lht.warehouse.snowflake import SnowflakeWarehouse
    from lht.warehouse.snowflake_open import opened_snowflake

    with ExitStack() as stack:
        database = snowflake.database()
        stack.callback(snowflake.drop_database, database)

        def opened() -> Warehouse:
            session = snowflake.session(database)
            stack.callback(session.close)
            return SnowflakeWarehouse(stack.enter_context(opened_snowflake(session)))

        yield opened


@pytest.fixture
def warehouse(connect: Open) -> Warehouse:
    """An empty warehouse: DuckDB in memory, in a file, and Snowflake."""
    return connect()


@pytest.fixture
def native(warehouse: Warehouse) -> Callable[[str], str]:
    """Names a type as the warehouse does."""
    names = NATIVE[warehouse.capabilities.kind]
    return lambda arrow_type: sql_type(arrow_type, names)


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Session]:
    """A session to the warehouse, the target's schema and our own being there."""
    with warehouse.session() as opened:
        Store(opened).prepare()
        opened.ensure_schema(REF.schema)
        yield opened


@pytest.fixture
def reader(connect: Open) -> Iterator[Session]:
    """A session of somebody else to the same warehouse."""
    with connect().session() as opened:
        yield opened
