"""Every warehouse that the contract is held against, each empty for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lht.schema import TableRef
from lht.sync.state import Store
from lht.warehouse.base import Session, Warehouse
from lht.warehouse.duckdb import DuckDBWarehouse

REF = TableRef("RAW", "ACCOUNT")


@pytest.fixture(params=["memory", "file"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse: DuckDB in memory and in a file."""
    target = tmp_path / "crm.duckdb" if request.param == "file" else ":memory:"
    place = DuckDBWarehouse(target)
    yield place
    place.close()


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Session]:
    """A session to the warehouse, the target's schema and our own being there."""
    with warehouse.session() as opened:
        Store(opened).prepare()
        opened.ensure_schema(REF.schema)
        yield opened
