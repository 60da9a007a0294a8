"""Result pages of Bulk queries: rendered and compressed once, then served as files.

DuckDB renders each record as one line of CSV. The lines arrive as Arrow batches whose
buffer is the page's text and whose offsets are where its records begin, so that no
record is ever touched in Python.
"""

import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_deflate: ModuleType = zlib
with suppress(ImportError):  # no wheel for this machine: zlib will do
    from isal import isal_zlib as _deflate

MAX_PAGE_BYTES = 64 * 1024 * 1024
"""From how much plain text on a page ends before it has all its records."""

_BATCH_ROWS = 8_192
_LEVEL = 1
_PIECE_BYTES = 64 * 1024
_GZIP = 31  # zlib's code for a gzip header and trailer


class _Compressor(Protocol):
    def compress(self, data: Any, /) -> bytes: ...
    def flush(self) -> bytes: ...


def stream_texts(
    db: "duckdb.DuckDBPyConnection", sql: str, params: Mapping[str, Any]
) -> Iterator["pa.StringArray"]:
    """Stream the only column of a query; what is not yet read is not yet computed."""
    relation = db.sql(sql, params=dict(params))
    for batch in relation.to_arrow_reader(_BATCH_ROWS):
        yield batch.column(0)


def text_buffer(texts: "pa.StringArray") -> tuple[memoryview, memoryview]:
    """Return where each text begins, and the end; and all texts in one piece."""
    _, offsets_buffer, text = texts.buffers()
    first, last = texts.offset, texts.offset + len(texts)
    offsets = memoryview(offsets_buffer).cast("i")[first : last + 1]
    return offsets, memoryview(text)[offsets[0] : offsets[-1]]


def compressor() -> _Compressor:
    """Start a gzip stream."""
    stream: _Compressor = _deflate.compressobj(_LEVEL, wbits=_GZIP)
    return stream


def compress(text: bytes) -> bytes:
    """Compress a whole body."""
    stream = compressor()
    return stream.compress(text) + stream.flush()


@dataclass(frozen=True)
class Page:
    """One page on disk: its records are *first* up to *first* + *rows*."""

    path: Path
    first: int
    rows: int

    @property
    def end(self) -> int:
        """The position behind the last record."""
        return self.first + self.rows

    def compressed(self) -> Iterator[bytes]:
        """Yield the page, piece by piece, as it is served to those who take gzip."""
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def plain(self) -> Iterator[bytes]:
        """Yield the page's text piece by piece."""
        inflater = _deflate.decompressobj(_GZIP)
        for piece in self.compressed():
            yield inflater.decompress(piece)

    def part(self, first: int, rows: int) -> bytes:
        """Return the text of some of the records, under the header."""
        begins = array("I")
        begins.frombytes(self.path.with_suffix(".begins").read_bytes())
        text = b"".join(self.plain())
        start = first - self.first
        return text[: begins[0]] + text[begins[start] : begins[start + rows]]


class _Writer:
    """Writes one page: compressed text, and where each record begins in it."""

    def __init__(self, path: Path, first: int, header: bytes) -> None:
        self._path = path
        self._first = first
        self._stream = compressor()
        self._begins = array("I", [len(header)])
        path.write_bytes(self._stream.compress(header))

    @property
    def rows(self) -> int:
        return len(self._begins) - 1

    @property
    def size(self) -> int:
        return self._begins[-1]

    def write(self, lines: "pa.StringArray") -> None:
        """Append records, given as lines."""
        offsets, text = text_buffer(lines)
        shift = self.size - offsets[0]
        self._begins.extend(offset + shift for offset in offsets[1:])
        self._append(self._stream.compress(text))

    def close(self) -> Page:
        self._append(self._stream.flush())
        self._path.with_suffix(".begins").write_bytes(self._begins.tobytes())
        return Page(self._path, self._first, self.rows)

    def _append(self, packed: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(packed)


def write_pages(
    batches: Iterable["pa.StringArray"],
    folder: Path,
    *,
    header: bytes,
    page_rows: int,
    is_wanted: Callable[[], bool],
) -> Iterator[Page]:
    """Write lines into pages of at most *page_rows* records; yield each when done.

    There is always a first page, if only with the header. Stops early when the pages
    are no longer wanted.
    """
    number, end = 0, 0
    page = _Writer(folder / "0.gz", 0, header)
    for batch in batches:
        rest = batch
        while len(rest) and is_wanted():
            if page.rows >= page_rows or page.size >= MAX_PAGE_BYTES:
                done = page.close()
                yield done
                number, end = number + 1, done.end
                page = _Writer(folder / f"{number}.gz", end, header)
            room = page_rows - page.rows
            page.write(rest.slice(0, room))
            rest = rest.slice(room)
    yield page.close()
