"""The whole line on one machine: an org, a client, a warehouse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.emulator.killing import (
    Victim,
    dying_process,
    victim_of_a_full_load,
    victim_of_an_incremental_load,
)
from tests.emulator.letters import Letters, an_org_of_letters
from tests.emulator.scene import PAGE_ROWS, Scene, credentials, stopped_clock
from tests.pieces import PIECE_BYTES, small_pieces

from lht import devorg
from lht.devorg import Org
from lht.salesforce import bulk_query
from lht.salesforce.client import Client


@pytest.fixture(autouse=True)
def jobs_are_polled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for jobs as in earnest, but not as long."""
    monkeypatch.setattr(bulk_query, "_FIRST_WAIT_SECONDS", 0.005)


@pytest.fixture
def org(request: pytest.FixtureRequest) -> Iterator[Org]:
    """An org; a test parametrises it (indirectly) with settings of its own."""
    settings: dict[str, Any] = {"page_size": PAGE_ROWS, "bulk_page_rows": PAGE_ROWS}
    settings |= getattr(request, "param", {})
    with devorg.start(clock=stopped_clock(), **settings) as org:
        yield org


@pytest.fixture
def client(org: Org) -> Iterator[Client]:
    with Client(credentials(org)) as client:
        yield client


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def scene(org: Org, client: Client, warehouse: duckdb.DuckDBPyConnection) -> Scene:
    return Scene(org, client, warehouse)


@pytest.fixture
def piece_bytes() -> Iterator[int]:
    """Let pages be read in pieces of so many bytes: those larger have several."""
    with small_pieces():
        yield PIECE_BYTES


@pytest.fixture
def letters(tmp_path: Path) -> Iterator[Letters]:
    """An org of long texts, whose result pages can be spelled otherwise."""
    with an_org_of_letters(tmp_path) as letters:
        yield letters


@pytest.fixture
def victim(org: Org, tmp_path: Path) -> Iterator[Victim]:
    """A run of a full load that can be killed."""
    with dying_process() as process:
        yield victim_of_a_full_load(org, process, tmp_path)


@pytest.fixture
def later_victim(victim: Victim, client: Client) -> Victim:
    """A run of an incremental load that can be killed."""
    return victim_of_an_incremental_load(victim, client)
