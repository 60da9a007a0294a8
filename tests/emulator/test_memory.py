"""Memory is flat: however many pages there are, only a few are on their way."""

import threading
from dataclasses import dataclass

import pyarrow as pa
import pytest
from tests.emulator.faults import BULK, REST
from tests.emulator.scene import PAGE_ROWS, Scene

from lht.events import Event, Progress
from lht.sync import sync
from lht.sync.plan import Options

PAGES = 25
AHEAD_AT_MOST = 8  # pages asked for and not yet seen by the load, most as they came
NAP_SECONDS = 0.3  # long enough for all pages to come, if nothing kept them back
TEXT = "x" * 2_000


@dataclass
class Dozer:
    """A listener that naps over the second page, and looks what came meanwhile."""

    scene: Scene
    rows: int = 0
    pages_asked: int = 0
    most_bytes: int = 0  # that Arrow held

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Progress):
            return
        self.rows = event.rows
        if event.rows == 2 * PAGE_ROWS:
            threading.Event().wait(NAP_SECONDS)
            self.pages_asked = sum(map(is_page, self.scene.org.requests))
        self.most_bytes = max(self.most_bytes, pa.total_allocated_bytes())


def is_page(request: tuple[str, str, int]) -> bool:
    _, path, _ = request
    return path.endswith(("/results", "/queryAll")) or "/query/01g" in path


@pytest.mark.parametrize("options", [REST, BULK], ids=["rest", "bulk"])
def test_few_pages_are_on_their_way(scene: Scene, options: Options) -> None:
    """While the load is slow no pages pile up, and batches are freed behind it."""
    with scene.org.transaction() as transaction:
        for number in range(PAGES * PAGE_ROWS):
            record = {"Name": f"Account {number}", "Description": TEXT}
            transaction.insert("Account", record)
    dozer = Dozer(scene)
    before = pa.total_allocated_bytes()
    sync(
        "Account",
        salesforce=scene.client,
        warehouse=scene.warehouse,
        listener=dozer,
        options=options,
    )
    assert dozer.rows == PAGES * PAGE_ROWS
    assert 2 <= dozer.pages_asked <= 2 + AHEAD_AT_MOST
    assert dozer.most_bytes - before < PAGES * PAGE_ROWS * len(TEXT) / 2
    assert pa.total_allocated_bytes() - before < PAGE_ROWS * len(TEXT)
