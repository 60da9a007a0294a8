"""Arrow batches that arrive as the pages of a load do."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pyarrow as pa

from lht.pages import BatchPage, Counted, Page

T = TypeVar("T", bound=Counted)


class Batches:
    """Pages of values that a test has made."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        for index, batch in enumerate(self._batches):
            yield read(BatchPage(batch, index))
