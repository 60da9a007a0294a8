"""Arrow tables that arrive as the pages of a load do."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from lht import encode
from lht.pages import Counted, Page
from lht.schema import TableSchema

T = TypeVar("T", bound=Counted)


@dataclass(frozen=True, slots=True)
class TablePage:
    """A page whose values are there already; it came as no file."""

    table: pa.Table
    index: int = 0

    @property
    def rows(self) -> int:
        return self.table.num_rows

    @property
    def size_bytes(self) -> int:
        return self.table.nbytes

    def decoded(self, schema: TableSchema) -> pa.Table:
        return self.table.select(list(schema.names))

    def texts(self, schema: TableSchema) -> pa.Table:
        return encode.texts(self.decoded(schema))

    def csv_file(self) -> None:
        return None


class Batches:
    """Pages of values that a test has made."""

    def __init__(self, batches: Iterable[pa.RecordBatch | pa.Table]) -> None:
        self._batches = batches

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        for index, batch in enumerate(self._batches):
            table = batch
            if isinstance(batch, pa.RecordBatch):
                table = pa.Table.from_batches([batch])
            yield read(TablePage(table, index))
