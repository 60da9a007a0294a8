"""A job's result over plain HTTP, with nothing but Python's own client."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from benchmarks.task import Task

_PIECE_BYTES: Final = 256 * 1024
_GZIP: Final = 31  # zlib's code for a gzip header and trailer


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A job's pages on local disk, plain."""

    paths: tuple[str, ...]
    rows: tuple[int, ...]
    plain_bytes: int
    wire_bytes: int


class Wire:
    """One connection to the org, with the task's session."""

    def __init__(self, task: Task) -> None:
        self._http = HTTPConnection(urlsplit(task.connection["url"]).netloc)
        self._headers = {
            "Authorization": f"Bearer {task.token}",
            "Accept-Encoding": "gzip",
        }

    def get(self, path: str) -> HTTPResponse:
        """Ask for a resource; its answer must be read before the next one."""
        self._http.request("GET", path, headers=self._headers)
        answer = self._http.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"a page was answered with {answer.status}")
        return answer

    def json(self, path: str) -> dict[str, object]:
        """Return a resource that is a small document."""
        answer = self.get(path)
        text = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            text = zlib.decompress(text, _GZIP)
        found: dict[str, object] = json.loads(text)
        return found

    def close(self) -> None:
        """End the connection."""
        self._http.close()


def result_pages(task: Task) -> Iterator[tuple[int, HTTPResponse]]:
    """Fetch the job's pages in turn; yield the rows of each and its answer, unread.

    It must be read before the next page.
    """
    wire, locator = Wire(task), ""
    while locator != "null":
        at = f"?locator={quote(locator)}" if locator else ""
        answer = wire.get(f"{task.job_path}/results{at}")
        yield rows_of(answer), answer
        locator = answer.headers["Sforce-Locator"]
    wire.close()


def result_urls(task: Task) -> Iterator[str]:
    """Yield the addresses of the job's pages, as the org lists them."""
    wire, at = Wire(task), f"{task.job_path}/resultPages"
    while at:
        found = wire.json(at)
        pages = found["resultPages"]
        assert isinstance(pages, list)  # noqa: S101  the protocol
        yield from (page["resultUrl"] for page in pages)
        at = "" if found["done"] else str(found["nextRecordsUrl"])
    wire.close()


def rows_of(answer: HTTPResponse) -> int:
    """Return how many rows a page has."""
    return int(answer.headers["Sforce-NumberOfRecords"])


def pieces_of(answer: HTTPResponse) -> Iterator[bytes]:
    """Yield an answer's compressed bytes piece by piece, as they arrive."""
    return iter(partial(answer.read, _PIECE_BYTES), b"")


def write_pages(task: Task, folder: Path) -> Pages:
    """Put the job's pages onto local disk, plain."""
    folder.mkdir(parents=True)
    paths: list[Path] = []
    rows, wire_bytes = [], 0
    for page_rows, answer in result_pages(task):
        path = folder / f"{len(paths):05}.csv"
        with path.open("wb") as file:
            inflater = zlib.decompressobj(_GZIP)
            for piece in pieces_of(answer):
                wire_bytes += len(piece)
                file.write(inflater.decompress(piece))
            file.write(inflater.flush())
        paths.append(path)
        rows.append(page_rows)
    return Pages(
        paths=tuple(map(str, paths)),
        rows=tuple(rows),
        plain_bytes=sum(path.stat().st_size for path in paths),
        wire_bytes=wire_bytes,
    )
