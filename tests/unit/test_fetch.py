"""What is fetched before its turn: read in order, each page once, and let go."""

import gc
import weakref
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pytest

from lht.exceptions import RowCountMismatchError
from lht.salesforce.bulk_query import QueryJob
from lht.sync.extract import Extraction

ROWS = 3
JOB = QueryJob(
    id="750RD000000001",
    state="JobComplete",
    api_version="62.0",
    sobject="Account",
    created_at="2026-01-01T00:00:00.000+0000",
)


@dataclass(eq=False)
class Page:
    """A page as far as it is counted; there are five where not all are read."""

    index: int
    size_bytes: int = 10
    rows: int = ROWS

    def decoded(self):
        return pa.table({"page": [self.index] * ROWS})


def extraction(pages, job=None):
    """Return what reads *pages*, and the list of those that came."""
    came = []

    def source(read):
        for page in pages:
            came.append(page.index)
            yield read(page)

    found = Extraction(source=source, signpost=datetime(2026, 1, 1), job=job)
    found.reported = 5 * ROWS
    return found, came


@pytest.mark.parametrize(("most", "fetched"), [(1, 1), (15, 2), (50, 5), (99, 5)])
def test_no_more_comes_than_was_asked_for(most, fetched):
    """The rest comes as it is read; all of it is read once, in order."""
    found, came = extraction([Page(n) for n in range(5)])
    assert found.fetch(most) == 10 * fetched
    assert came == list(range(fetched))
    tables = list(found.through(Page.decoded))
    assert [t.column(0)[0].as_py() for t in tables] == came == list(range(5))
    assert (found.downloaded, found.size_bytes) == (5 * ROWS, 50)


@pytest.mark.parametrize(("most", "is_kept"), [(15, False), (50, True), (99, True)])
def test_the_result_of_a_job_comes_whole_or_later(most, is_kept):
    """Only whoever asks for its pages fetches a damaged one again: none comes alone."""
    found, came = extraction([Page(n) for n in range(5)], JOB)
    assert found.fetch(most) == (50 if is_kept else 0)
    assert len(list(found.through(Page.decoded))) == 5
    assert came == [*(() if is_kept else (0, 1)), *range(5)]


def test_pages_that_were_read_are_let_go():
    """None of them waits until the objects in circles are looked for."""
    pages = [Page(n) for n in range(3)]
    alive = [weakref.ref(page) for page in pages]
    found, _ = extraction(iter(pages))
    found.fetch(99)
    del pages
    gc.disable()
    try:
        list(found.through(Page.decoded))
        assert not [page for page in alive if page()]
    finally:
        gc.enable()


@pytest.mark.parametrize("is_job", [True, False])
def test_damaged_pages_are_fetched_again_where_they_can_be(is_job):
    """The result of a job can be had again; a query is begun anew by its caller."""
    found, came = extraction([Page(0), Page(1)], JOB if is_job else None)
    found.fetch(99)
    damaged = [1]

    def read(page):
        if page.index in damaged:
            damaged.clear()
            raise RowCountMismatchError("a result page is cut", hint="again")
        return page.decoded()

    if not is_job:
        with pytest.raises(RowCountMismatchError):
            list(found.through(read))
        return
    assert len(list(found.through(read))) == 2
    assert came == [0, 1, 0, 1]
    assert found.downloaded == 2 * ROWS
