"""Pages of records on their way, in the form in which they arrive.

A warehouse takes from a page what suits it: its values as an Arrow table, its values
as texts, or the file that it came as.
"""

import csv
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import pyarrow as pa
import pyarrow.csv as pcsv

from lht.exceptions import SalesforceUnavailableError
from lht.schema import TableSchema

_GZIP: Final = 31  # the window bits that stand for gzip
_FAST: Final = 1  # the least compression
_PIECE_BYTES: Final = 1024  # looked at, until the header's end


class Counted(Protocol):
    """What is known of it is how many records it holds."""

    @property
    def num_rows(self) -> int:
        """The number of records."""


T = TypeVar("T", bound=Counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """A CSV file with a header, gzipped."""

    header: tuple[str, ...]
    wire: bytes


def header_of(wire: bytes) -> tuple[str, ...]:
    """Return the column names of a gzipped CSV; no more than its start is inflated.

    Raises:
        SalesforceUnavailableError: It is damaged.
    """
    inflater, start = zlib.decompressobj(wbits=_GZIP), b""
    try:
        for at in range(0, len(wire), _PIECE_BYTES):
            start += inflater.decompress(wire[at : at + _PIECE_BYTES])
            if b"\n" in start:
                break
        line = start.partition(b"\n")[0].decode("utf-8-sig")
        return tuple(next(csv.reader([line]), ()))
    except (zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise SalesforceUnavailableError(
            "a result page arrived corrupt",
            why=str(error),
            hint="something on the way damages answers: try again, or another network",
        ) from error


def packed(texts: pa.Table) -> CsvFile:
    """Return texts as a file; null is an empty field."""
    buffer = io.BytesIO()
    pcsv.write_csv(texts, buffer, pcsv.WriteOptions(quoting_style="needed"))
    packer = zlib.compressobj(_FAST, wbits=_GZIP)
    wire = packer.compress(buffer.getbuffer()) + packer.flush()
    return CsvFile(header=tuple(texts.schema.names), wire=wire)


class Page(Protocol):
    """Some records of one sObject."""

    @property
    def index(self) -> int:
        """Which of the pages it is, from 0; the same however often it is fetched."""

    @property
    def rows(self) -> int:
        """The number of records that Salesforce says it has."""

    @property
    def size_bytes(self) -> int:
        """How large it was on the wire."""

    def decoded(self, schema: TableSchema) -> pa.Table:
        """Return its values, as ``lht.decode`` makes them."""

    def texts(self, schema: TableSchema) -> pa.Table:
        """Return its values as Salesforce spells them, null for none."""

    def csv_file(self) -> CsvFile | None:
        """Return the file that it came as; None if it came as none.

        Raises:
            SalesforceUnavailableError: It is damaged: fetch it again.
        """


class Pages(Protocol):
    """All pages of a load, to be gone through once."""

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        """Yield what *read* makes of each page.

        It is called by several threads at a time, and again for a page that had to be
        fetched again.
        """
