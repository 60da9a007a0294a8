"""Frames in pages: sizes that follow what is measured, nothing lost on the way."""

import csv
import gzip
import io
import threading

import pyarrow as pa
import pytest

from lht.pages import CsvFile
from lht.warehouse.snowflake_pages import (
    _PAGE_BYTES,
    BOUND_VALUES,
    FramePages,
    Pace,
    staging_schema,
)
from lht.warehouse.snowflake_types import slot_of

TEXT = (slot_of("A", "VARCHAR"),)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 4.0, 20.0, 600.0])
def test_pages_become_as_large_as_the_way_is_fast(seconds):
    """A way that takes a time for a million rows ends at pages of four seconds."""
    pace = Pace(row_bytes=100.0)
    for _ in range(20):
        pace.saw(pace.rows, pace.rows * seconds / 1_000_000)
    ideal = 4.0 * 1_000_000 / seconds
    assert pace.rows == pytest.approx(min(ideal, _PAGE_BYTES / 100), rel=0.01)


def test_one_page_tells_little():
    """A hiccup does not make pages tiny, nor a small page large."""
    pace = Pace(row_bytes=100.0)
    before = pace.rows
    pace.saw(before, 3600.0)
    assert pace.rows == before // 4
    pace.saw(10, 0.0)
    assert pace.rows == before // 4


@pytest.mark.parametrize("row_bytes", [0.0, 1e9])
def test_pages_have_rows_and_room(row_bytes):
    """Also of a frame whose rows are empty, or huge."""
    assert 1_000 <= Pace(row_bytes=row_bytes).rows <= _PAGE_BYTES


def test_all_rows_go_through_in_files(monkeypatch):
    """Each once, with its number; several pages at a time, none kept."""
    monkeypatch.setattr("lht.warehouse.snowflake_pages._FIRST_BYTES", 10_000)
    monkeypatch.setattr("lht.warehouse.snowflake_pages._PAGE_BYTES", 40_000)
    count = BOUND_VALUES
    texts = [
        None if at % 3 == 0 else "" if at % 3 == 1 else f"r{at}" for at in range(count)
    ]
    pages = FramePages(pa.table({"C0": pa.array(texts, pa.large_string())}), TEXT)
    seen: dict[str, str] = {}
    threads, together = set(), threading.Barrier(2, timeout=20)

    def read(page):
        if page.index < 2:
            together.wait()  # neither goes on before the other has begun
        threads.add(threading.get_ident())
        file = page.csv_file()
        assert isinstance(file, CsvFile)
        lines = list(csv.reader(io.StringIO(gzip.decompress(file.wire).decode())))
        assert tuple(lines[0]) == file.header == staging_schema(TEXT).names
        seen.update(dict(lines[1:]))
        return page.decoded(staging_schema(TEXT))

    assert sum(page.num_rows for page in pages.through(read)) == count
    assert pages.pages > 2
    assert len(threads) > 1
    assert seen == {
        str(at): "" if text is None else f"={text}" for at, text in enumerate(texts)
    }


def test_few_rows_are_no_file():
    """They are bound to a statement."""
    pages = FramePages(pa.table({"C0": ["a", None]}), TEXT)
    (batch,) = pages.through(
        lambda page: page.csv_file() or page.texts(staging_schema(TEXT))
    )
    assert batch.to_pydict() == {"N": ["0", "1"], "C0": ["=a", None]}


def test_a_page_that_fails_ends_it():
    """The error is the page's own."""
    table = pa.table({"C0": ["a"] * BOUND_VALUES})

    def read(_page):
        raise OSError("no way")

    with pytest.raises(OSError, match="no way"):
        list(FramePages(table, TEXT).through(read))
