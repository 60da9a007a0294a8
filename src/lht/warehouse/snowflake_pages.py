"""Rows of a frame as pages of texts, for ``lht.warehouse.snowflake_stage``.

A text is written with a ``=`` before it, so that an empty one is never taken for NULL,
whatever a file format does with quotes. Each row has its number, so that none is an
empty line.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from lht.pages import Counted, CsvFile, Page, packed
from lht.schema import Column, TableSchema
from lht.spelling import spelled
from lht.warehouse.base import Slot

BOUND_VALUES: Final = 20_000  # up to here rows go with the statement, not to a stage
MARK: Final = "="
_WORKERS: Final = 4
_PAGE_SECONDS: Final = 4.0  # short enough to be tried again, long enough to be worth it
_PAGE_BYTES: Final = 64 * 2**20  # of texts at most, for pages are in memory
_FIRST_BYTES: Final = 8 * 2**20
_LEAST_ROWS: Final = 1_000
_GROWTH: Final = 4.0  # one page tells little
T = TypeVar("T", bound=Counted)


@dataclass(slots=True)
class Pace:
    """How many rows the next page has, from what the last ones took."""

    row_bytes: float
    rows: int = 0

    def __post_init__(self) -> None:
        self.rows = self._bounded(_FIRST_BYTES / max(1.0, self.row_bytes))

    def saw(self, rows: int, seconds: float) -> None:
        """Learn from a page of the size that is in use; smaller ones tell less."""
        if rows < self.rows:
            return
        ideal = rows * _PAGE_SECONDS / max(seconds, 1e-6)
        least, most = self.rows / _GROWTH, self.rows * _GROWTH
        self.rows = self._bounded(min(max(ideal, least), most))

    def _bounded(self, rows: float) -> int:
        most = _PAGE_BYTES / max(1.0, self.row_bytes)
        return max(_LEAST_ROWS, int(min(rows, most)))


def staging_schema(slots: Sequence[Slot]) -> TableSchema:
    """Return the columns of a staging table: a row's number, then one for each slot."""
    names = ["N", *(f"C{at}" for at in range(len(slots)))]
    return TableSchema(
        columns=tuple(
            Column(name=name, field_type="text", arrow_type="string") for name in names
        )
    )


def texts_of(rows: pa.Table, slots: Sequence[Slot], first: int) -> pa.Table:
    """Return rows as the texts that ``lht.warehouse.snowflake_write`` reads."""
    numbers = pa.array(range(first, first + rows.num_rows), pa.int64())
    arrays = [pc.cast(numbers, pa.string())]
    for chunks, slot in zip(rows.columns, slots, strict=True):
        array = chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)
        text = _text(array)
        marked = slot.kind in MARKED
        arrays.append(pc.binary_join_element_wise(MARK, text, "") if marked else text)
    return pa.Table.from_arrays(arrays, names=list(staging_schema(slots).names))


MARKED: Final = frozenset({"string", "binary", "other"})


def _text(array: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(array.type) or pa.types.is_time(array.type):
        return _moments(array)
    return spelled(array, pa.string())


def _moments(array: pa.Array) -> pa.Array:
    """Write nine digits of a second, for the format that reads them asks for nine."""
    if array.type.unit == "ns":
        return pc.cast(array, pa.string())
    instant = pa.types.is_timestamp(array.type)
    micros = pc.cast(array, pa.timestamp("us") if instant else pa.time64("us"))
    return pc.binary_join_element_wise(pc.cast(micros, pa.string()), "000", "")


@dataclass(slots=True)
class FramePage:
    """Some rows of a frame."""

    index: int
    slice: pa.Table
    slots: Sequence[Slot]
    first: int  # the number of its first row
    as_file: bool
    size_bytes: int = 0  # of the file, when it was made

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.slice.num_rows)

    def decoded(self, schema: TableSchema) -> pa.Table:
        """Return the texts, for they are what is staged."""
        return self.texts(schema)

    def texts(self, schema: TableSchema) -> pa.Table:  # noqa: ARG002  its own
        """Return the rows as texts."""
        return texts_of(self.slice, self.slots, self.first)

    def csv_file(self) -> CsvFile | None:
        """Return the rows as a gzipped CSV; None if they are few enough to be bound."""
        if not self.as_file:
            return None
        file = packed(texts_of(self.slice, self.slots, self.first))
        self.size_bytes = len(file.wire)
        return file


@dataclass(slots=True)
class FramePages:
    """A frame in pages, the size of which follows how fast they are taken."""

    table: pa.Table
    slots: Sequence[Slot]
    pages: int = 0
    size_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        """Yield what *read* makes of each page, several at a time; see ``Pages``."""
        pace = Pace(self.table.nbytes / max(1, self.table.num_rows))
        cut = self._cut(pace)
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="lht-write") as pool:
            running: set[Future[T]] = set()
            try:
                while True:
                    while len(running) < _WORKERS and (page := next(cut, None)):
                        running.add(pool.submit(self._read, read, page, pace))
                    if not running:
                        return
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            finally:
                for future in running:
                    future.cancel()

    def _cut(self, pace: Pace) -> Iterator[FramePage]:
        start, total = 0, self.table.num_rows
        as_file = total * (self.table.num_columns + 1) > BOUND_VALUES
        while start < total:
            part = self.table.slice(start, pace.rows if as_file else total)
            yield FramePage(self.pages, part, self.slots, start, as_file)
            self.pages += 1
            start += part.num_rows

    def _read(self, read: Callable[[Page], T], page: FramePage, pace: Pace) -> T:
        started = time.perf_counter()
        found = read(page)
        with self._lock:
            pace.saw(page.rows, time.perf_counter() - started)
            self.size_bytes += page.size_bytes or page.slice.nbytes
        return found
