"""Pages that are files, and what a load leaves in Snowflake."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pytest
from tests.contract.accounts import REF, batch, row
from tests.contract.live import LIVE

from lht import encode
from lht.pages import Counted, CsvFile, Page, header_of
from lht.schema import TableRef, TableSchema
from lht.warehouse.snowflake import SnowflakeSession

SNOWFLAKE = pytest.mark.parametrize(
    "connect",
    [pytest.param("snowflake", marks=pytest.mark.snowflake), LIVE],
    indirect=True,
)
T = TypeVar("T", bound=Counted)
ONE = batch(row("1"))


def rows_of(
    session: SnowflakeSession, columns: str = "*", ref: TableRef = REF
) -> list[tuple[Any, ...]]:
    found = session.query(f"SELECT {columns} FROM {session.name(ref)}")
    return sorted(found, key=repr)


@dataclass(frozen=True)
class FilePage:
    """A page that came as a gzipped CSV file."""

    wire: bytes
    rows: int
    index: int = 0

    @property
    def size_bytes(self) -> int:
        return len(self.wire)

    def decoded(self, schema: TableSchema) -> pa.RecordBatch:
        raise AssertionError(f"a stage takes the file, not {schema}")

    texts = decoded

    def csv_file(self) -> CsvFile:
        return CsvFile(header=header_of(self.wire), wire=self.wire)


class Files:
    """The pages of a load, each a file."""

    def __init__(self, *pages: FilePage) -> None:
        self._pages = pages

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        for page in self._pages:
            yield read(page)


def file_of(
    index: int,
    batch: pa.RecordBatch,
    *,
    line_end: str = "\n",
    told: int | None = None,
    header: list[str] | None = None,
) -> FilePage:
    """Write a page as Salesforce does: every value in quotes, none as nothing."""
    texts = encode.texts(batch)
    rows = zip(*(column.to_pylist() for column in texts.columns), strict=True)
    lines = [",".join(map(in_quotes, r)) for r in (header or texts.schema.names, *rows)]
    wire = gzip.compress("".join(line + line_end for line in lines).encode())
    return FilePage(wire, batch.num_rows if told is None else told, index)


def in_quotes(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def catalog(session: SnowflakeSession, view: str) -> str:
    return session.name(TableRef("INFORMATION_SCHEMA", view))


def leftovers(session: SnowflakeSession) -> list[str]:
    """Names of tables and stages that are there for a load only."""
    return [
        name
        for kind in ("TABLE", "STAGE")
        for (name,) in session.query(
            f"SELECT {kind}_NAME FROM {catalog(session, f'{kind}S')}"
        )
        if "__LHT_" in name
    ]
