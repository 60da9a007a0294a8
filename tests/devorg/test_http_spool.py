"""Pages on disk: whatever the batches, every line is on exactly one page, once."""

import gzip
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.devorg.http import spool
from lht.devorg.http.spool import write_pages

HEADER = b'"Id"\n'
LINES = st.lists(st.text(max_size=12).map(lambda text: f'"{text}"\n'), max_size=60)


def batches(lines: list[str], size: int) -> list[pa.StringArray]:
    """Cut lines into batches, as slices that do not begin where their buffer does."""
    whole = pa.array(["before", *lines], pa.string())
    return [whole.slice(at, size) for at in range(1, len(whole), size)]


@given(LINES, st.integers(1, 20), st.integers(1, 20), st.data())
def test_pages_together_are_all_lines(
    lines: list[str], batch_rows: int, page_rows: int, data: st.DataObject
):
    with TemporaryDirectory() as folder:
        pages = list(
            write_pages(
                batches(lines, batch_rows),
                Path(folder),
                header=HEADER,
                page_rows=page_rows,
                is_wanted=lambda: True,
            )
        )
        assert [page.rows for page in pages[:-1]] == [page_rows] * (len(pages) - 1)
        assert pages[-1].end == len(lines)
        for page in pages:
            own = "".join(lines[page.first : page.end]).encode()
            assert b"".join(page.plain()) == HEADER + own
            assert gzip.decompress(b"".join(page.compressed())) == HEADER + own
        page = data.draw(st.sampled_from(pages))
        first = data.draw(st.integers(page.first, page.end))
        rows = data.draw(st.integers(0, page.end - first))
        part = "".join(lines[first : first + rows]).encode()
        assert page.part(first, rows) == HEADER + part


def test_a_page_ends_early_where_records_are_huge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(spool, "MAX_PAGE_BYTES", 100)
    lines = ["x" * 60 + "\n"] * 5
    pages = list(
        write_pages(
            batches(lines, 1),
            tmp_path,
            header=HEADER,
            page_rows=50,
            is_wanted=lambda: True,
        )
    )
    assert [page.rows for page in pages] == [2, 2, 1]


def test_pages_nobody_wants_are_not_written(tmp_path: Path):
    """An aborted job stops in the middle of its batches."""
    wanted = iter([True, True, False, False, False, False])
    pages = list(
        write_pages(
            batches(["x\n"] * 6, 1),
            tmp_path,
            header=HEADER,
            page_rows=1,
            is_wanted=lambda: next(wanted),
        )
    )
    assert pages[-1].end == 2


def test_machines_without_isal_write_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(spool, "_deflate", zlib)
    (page,) = write_pages(
        batches(["a\n", "b\n"], 2),
        tmp_path,
        header=HEADER,
        page_rows=5,
        is_wanted=lambda: True,
    )
    assert b"".join(page.plain()) == HEADER + b"a\nb\n"
    assert gzip.decompress(b"".join(page.compressed())) == HEADER + b"a\nb\n"
