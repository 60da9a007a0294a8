"""An org's store on a clock that stands still, for each test its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.devorg.loading import Write

from lht.devorg.clock import Clock
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Metadata
from lht.devorg.store.store import Store


@pytest.fixture(scope="session")
def metadata() -> Metadata:
    return load_metadata()


@pytest.fixture
def clock() -> Clock:
    clock = Clock(datetime(2030, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC))
    clock.freeze()
    return clock


@pytest.fixture
def store(metadata: Metadata, clock: Clock) -> Iterator[Store]:
    store = Store(metadata, clock)
    yield store
    store.close()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of that name and text."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write_file
