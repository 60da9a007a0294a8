"""Arrow tables for one INSERT at a time, and the columns they need."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from lht.decode import arrow_schema, fit, type_name
from lht.schema import TableSchema
from lht.typemap import PRECISION, scale_of, wider


class Feed:
    """Batches for one INSERT at a time: each of one Arrow schema.

    When a batch needs a wider number column, the stream ends before it, so that the
    column can be widened; the next ``advance`` goes on with that batch.
    """

    def __init__(self, schema: TableSchema, batches: Iterable[pa.Table]) -> None:
        self.schema = schema
        self.error: BaseException | None = None
        self._batches = iter(batches)
        self._next: pa.Table | None = None
        self._started = False

    def advance(self) -> bool:
        """Take the next batch and the types it needs; False at the end."""
        if not self._started:
            self._started = True
            self._next = next(self._batches, None)
        if self._next is not None:
            self.schema = self.schema.widened(self._needs(self._next))
        return self._next is not None

    def reader(self) -> pa.RecordBatchReader:
        """Return the batches up to the next widening as an Arrow stream."""
        return pa.RecordBatchReader.from_batches(arrow_schema(self.schema), self._run())

    def _run(self) -> Iterator[pa.RecordBatch]:
        try:
            while self._next is not None and not self._needs(self._next):
                yield from self._fitted(self._next).to_batches()
                self._next = next(self._batches, None)
        except BaseException as error:  # noqa: BLE001  DuckDB would swallow its class
            self.error, self._next = error, None

    def _needs(self, batch: pa.Table) -> Mapping[str, str]:
        """Return the wider types of the columns that cannot take the batch."""
        return {
            column.name: needed
            for column, array in zip(self.schema.columns, batch.columns, strict=True)
            for needed in [_needed(column.arrow_type, array)]
            if needed != column.arrow_type
        }

    def _fitted(self, batch: pa.Table) -> pa.Table:
        wanted = arrow_schema(self.schema)
        return pa.Table.from_arrays(
            [fit(a, f.type) for a, f in zip(batch.columns, wanted, strict=True)],
            schema=wanted,
        )


def _needed(current: str, array: pa.Array) -> str:
    """Return the type that holds both the column so far and the array."""
    arriving = type_name(array.type)
    if arriving == current:
        return current
    both = wider(current, arriving)
    if both == "double":
        return both
    try:
        fit(array, pa.decimal128(PRECISION, scale_of(both)))
    except pa.ArrowInvalid:
        return "double"
    return both


class InOrder:
    """Looks at keys that pass by: where they come in order, each is known to be unique.

    Salesforce returns a large result ordered by Id, its pages in any order. To find
    repeated keys otherwise takes memory for all of them.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._spans: list[tuple[str, str]] = []  # first and last key of each table
        self._rising = True

    def watched(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the tables as they are."""
        for table in tables:
            keys = table.column(self._key)
            if table.num_rows and self._rising:
                self._rising = pa.types.is_string(keys.type) and _is_rising(keys)
                self._spans.append((keys[0].as_py(), keys[-1].as_py()))
            yield table

    @property
    def unique(self) -> bool:
        """Whether no key came twice, as far as their order tells."""
        return self._rising and all(
            last < first for (_, last), (first, _) in pairwise(sorted(self._spans))
        )


def _is_rising(keys: pa.ChunkedArray) -> bool:
    if keys.null_count:
        return False
    texts = keys.combine_chunks()
    return bool(pc.all(pc.less(texts[:-1], texts[1:]), min_count=0).as_py())
