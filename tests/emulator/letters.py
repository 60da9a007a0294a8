"""Letters: long texts and amounts, whose result pages come as a test spells them."""

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.emulator.comparing import table_rows
from tests.emulator.scene import Scene, credentials, stopped_clock

from lht import devorg
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.faults import Changed
from lht.devorg.http.schedule import Scheduled
from lht.devorg.http.wire import Answer
from lht.exceptions import SyncError
from lht.report.values import ObjectReport, SyncMode
from lht.salesforce.client import Client
from lht.sync.plan import Options

PAGE_ROWS = 40
LONGEST = 131_072  # characters, of a long text area
DECLARATION = """
object Letter__c a5L
  use custom
  Name string(80) name
  Text__c textarea(131072) long
  Amount__c currency(18,2)
  use audit
"""

Cells = list[list[str]]  # the header, and the records


class Letters(Scene):
    """An org with letters, and the warehouse they are synced into, always by Bulk."""

    def write(self, texts: Sequence[str], amounts: Sequence[float] = ()) -> None:
        """Create a letter with each text, and an amount, where there are some."""
        columns: dict[str, Any] = {
            "Name": [f"Letter {number}" for number in range(len(texts))],
            "Text__c": [text or None for text in texts],
        }
        if amounts:
            columns["Amount__c"] = pa.array(amounts, pa.float64())
        self.org.store.bulk_insert("Letter__c", pa.table(columns))

    def load(self, mode: str = "auto") -> ObjectReport:
        """Sync them some minutes later."""
        self.org.clock.advance(600)
        options = Options(mode=SyncMode(mode), force_bulk=True)
        return self.synced("Letter__c", options=options)

    def loaded(self) -> None:
        """Sync them, and fail unless the table has every cell of the org."""
        self.load()
        self.check("Letter__c")

    def refused(self) -> str:
        """Sync them all, which must fail and move nothing; return the error's code."""
        before = self._as_it_stands()
        with pytest.raises(SyncError) as caught:
            self.load("full")
        (receipt,) = caught.value.report.objects
        assert self._as_it_stands() == before
        assert receipt.error is not None
        assert receipt.error.state.startswith("nothing moved")
        return receipt.error.code

    def respell(
        self, change: Callable[[bytes], bytes], *, gzipped: bool = True, **when: Any
    ) -> Scheduled:
        """Let result pages say what a function makes of them, in plain or not."""

        def respelled(answer: Answer) -> Answer:
            return spelled(answer, change(plain(answer)), gzipped=gzipped)

        return self.change(respelled, **when)

    def change(self, change: Callable[[Answer], Answer], **when: Any) -> Scheduled:
        """Let result pages be what a function makes of them."""
        return self.org.faults.add(Changed(path="results", change=change, **when))

    def amounts(self) -> tuple[str, list[Decimal | float | None]]:
        """Return the type of the amounts, and their values in the table."""
        values = self.warehouse.execute("SELECT Amount__c FROM RAW.Letter__c")
        return str(values.description[0][1]), [value for (value,) in values.fetchall()]

    def _as_it_stands(self) -> tuple[Any, ...]:
        states = self.warehouse.execute("SELECT * FROM LHT.STATE ORDER BY seq")
        return states.fetchall(), table_rows(self.warehouse, "RAW.Letter__c")


@contextmanager
def an_org_of_letters(folder: Path) -> Iterator[Letters]:
    """Start an org whose pages hold forty letters each, and open a DuckDB file."""
    declaration = folder / "letters.txt"
    declaration.write_text(DECLARATION, encoding="utf-8")
    with (
        devorg.start(
            clock=stopped_clock(),
            metadata=load_metadata(declaration),
            bulk_page_rows=PAGE_ROWS,
        ) as org,
        Client(credentials(org)) as client,
        duckdb.connect(folder / "letters.duckdb") as warehouse,
    ):
        yield Letters(org, client, warehouse)


def wire(answer: Answer) -> bytes:
    """Return a page as devorg sends it: gzip."""
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def plain(answer: Answer) -> bytes:
    """Return the CSV of a page that devorg sends."""
    return gzip.decompress(wire(answer))


def spelled(answer: Answer, body: bytes, *, gzipped: bool = True) -> Answer:
    """Return a page with another CSV, gzipped or plain."""
    if gzipped:
        return replace(answer, body=gzip.compress(body, 1))
    headers = {k: v for k, v in answer.headers.items() if k != "Content-Encoding"}
    return replace(answer, body=body, headers=headers)


def read_cells(body: bytes) -> Cells:
    """Return what a page says."""
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def written(cells: Cells, line_end: str = "\n") -> bytes:
    """Return a page that says this, as Salesforce writes it but for the line ends."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_end).writerows(cells)
    return out.getvalue().encode()
