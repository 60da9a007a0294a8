"""The pages of a finished query job: fetched by threads, whole, each once."""

import gzip
import io
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from threading import Event, Semaphore
from typing import Any, Generic, ParamSpec, Self, TypeVar

import pyarrow as pa

from lht.decode import decode_csv
from lht.exceptions import (
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceUnavailableError,
    StoppedError,
)
from lht.pages import CsvFile, header_of
from lht.salesforce import _errors
from lht.salesforce._bodies import Wire
from lht.salesforce._wire import Answer, Joined, opened
from lht.salesforce.client import Client
from lht.schema import TableSchema

P = ParamSpec("P")
T = TypeVar("T")

_RESULT_PAGES_SINCE = 58.0  # the API version
_LOOK_SECONDS = 0.5  # between looks whether a page is still wanted
_MAX_DAMAGED = 3  # times that a page whose rows do not reconcile is fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """One page of a job's result: a complete CSV with its own header."""

    index: int  # in the order that Salesforce lists the pages
    rows: int  # data rows, as Salesforce reports them
    pieces: Sequence[bytes]  # of its body, as they came
    gzipped: bool

    @property
    def wire(self) -> bytes:
        """The body as it came."""
        return b"".join(self.pieces)

    @property
    def size_bytes(self) -> int:
        """How large it was on the wire."""
        return sum(map(len, self.pieces))

    @property
    def body(self) -> bytes:
        """The plain CSV, checked against the gzip trailer.

        Raises:
            SalesforceUnavailableError: It came cut short or corrupt: fetch it again.
        """
        return self._opened().readall()

    def checked(self) -> Self:
        """Return itself, known to be undamaged; see ``body``."""
        _ = self.body
        return self

    def decoded(self, schema: TableSchema) -> pa.Table:
        """Return its values; see ``lht.decode.decode_csv``."""
        try:
            return decode_csv(self._opened, schema, rows=self.rows)
        except Exception:  # whatever corrupt bytes led to: they are asked for again
            self.checked()
            raise

    def _opened(self) -> io.RawIOBase:
        return opened(self.pieces) if self.gzipped else Joined(self.pieces)

    def texts(self, schema: TableSchema) -> pa.Table:
        """Return its values as texts; see ``lht.decode``."""
        as_text = {c.name: "string" for c in schema.columns}
        return self.decoded(schema.widened(as_text))

    def csv_file(self) -> CsvFile:
        """Return it as it came, but gzipped if it was not."""
        wire = self.wire if self.gzipped else gzip.compress(self.wire, 1, mtime=0)
        return CsvFile(header=header_of(wire), wire=wire)


def submitted(
    pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> Future[T]:
    """Let a thread of the pool work.

    Raises:
        StoppedError: It takes no more: Python ends, and waits for its threads.
    """
    try:
        return pool.submit(work, *args, **kwargs)
    except RuntimeError as error:
        raise StoppedError("nobody wants the page any more") from error


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """What became of one page."""

    rows: int
    item: T
    locator: str | None  # of the page after it, where pages are chained


class PageReader(Generic[T]):
    """Fetches a page, checks it is whole, and transforms it; for any thread.

    It works while it has threads: within ``_threads``.
    """

    lines: Semaphore  # connections that may be used
    room: Semaphore  # for pages that are transformed and not yet claimed
    transforming: ThreadPoolExecutor

    def __init__(self, client: Client, transform: Callable[[ResultPage], T]) -> None:
        self.stopped = Event()
        self.client = client.scoped(stop=self.stopped)
        self._transform = transform
        self._asked: set[tuple[str | None, ...]] = set()

    def read(self, index: int, path: str, locator: str | None = None) -> Fetched[T]:
        """Return a page transformed, after as many tries as it takes, bounded.

        Raises:
            RowCountMismatchError: The page was asked for already, or stays damaged.
        """
        self._check_new(path, locator)
        damaged, has_line = count(1), False

        def use_line() -> None:
            nonlocal has_line
            if not has_line:
                self._take(self.lines)
                has_line = True

        def free_line() -> None:
            nonlocal has_line
            if has_line:
                has_line = False
                self.lines.release()

        def fetched(answer: Answer) -> Fetched[T]:
            free_line()  # for another page
            page, following = _page(answer, index)
            return Fetched(page.rows, self._transformed(page), following)

        def passing(error: Exception) -> bool:
            transient = _errors.is_transient(error)
            if isinstance(error, RowCountMismatchError):
                transient = next(damaged) < _MAX_DAMAGED
            if transient:
                use_line()
            return transient

        use_line()
        try:
            return self.client.exchange(
                "GET",
                path,
                params={"locator": locator} if locator else None,
                read=fetched,
                passing=passing,
            )
        finally:
            free_line()

    def _take(self, permits: Semaphore) -> None:
        """Wait for a permit, but not for ever in a process that ends."""
        while not permits.acquire(timeout=_LOOK_SECONDS):
            self._check_wanted()
            submitted(self.transforming, bool)

    def _transformed(self, page: ResultPage) -> T:
        self._take(self.room)
        try:
            self._check_wanted()
            return submitted(self.transforming, self._transform, page).result()
        except BaseException:  # Ctrl-C, too, must leave room for another page
            self.room.release()
            raise

    def _check_wanted(self) -> None:
        if self.stopped.is_set():
            raise StoppedError("nobody wants the page any more")

    def _check_new(self, *address: str | None) -> None:
        """Raise where a page leads back to one before it: that would never end."""
        if address in self._asked:
            raise RowCountMismatchError(
                "Salesforce lists a result page twice", hint="run it again"
            )
        self._asked.add(address)


def _page(answer: Answer, index: int) -> tuple[ResultPage, str | None]:
    """Return a whole page and the locator of the one after it."""
    page = ResultPage(
        index=index,
        rows=_number(answer.headers.get("sforce-numberofrecords", "0")),
        pieces=answer.pieces,
        gzipped=answer.gzipped,
    )
    locator = answer.headers.get("sforce-locator", "null")
    return page, None if locator == "null" else locator


def _number(header: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", header):
        raise SalesforceUnavailableError(
            "Salesforce did not tell how many rows a result page has",
            hint="run it again; if it happens again, please report it",
        )
    return int(header)


def listed_urls(
    client: Client, job_path: str, api_version: str
) -> Iterator[str] | None:
    """Return the addresses of all pages, None where Salesforce does not list them."""
    if float(api_version) < _RESULT_PAGES_SINCE:
        return None
    try:
        first = client.request("GET", f"{job_path}/resultPages").decode(_Listing)
    except SalesforceAPIError as exc:
        if exc.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
            return None
        raise
    return _urls(client, first)


class _ListedPage(Wire, frozen=True):
    result_url: str


class _Listing(Wire, frozen=True):
    result_pages: list[_ListedPage]
    done: bool = True
    # The guide's table and its sample spell the key differently.
    next_records_url: str | None = None
    next_record_url: str | None = None


def _urls(client: Client, listing: _Listing) -> Iterator[str]:
    """Yield the page addresses of a listing and of those that follow it."""
    while True:
        yield from (page.result_url for page in listing.result_pages)
        following = listing.next_records_url or listing.next_record_url
        if listing.done or not following or not listing.result_pages:
            return
        listing = client.request("GET", following).decode(_Listing)


@contextmanager
def _threads(
    reader: PageReader[Any], *, lines: int, room: int
) -> Iterator[ThreadPoolExecutor]:
    """Lend threads that fetch; at the end none waits for a page that nobody wants.

    Others transform, as many as there is room: each thread keeps some memory that its
    page has taken.
    """
    reader.lines, reader.room = Semaphore(lines), Semaphore(room)
    threads = 2 * lines + 1  # some pages wait, and one thread asks for the list
    fetching = ThreadPoolExecutor(threads, thread_name_prefix="lht-page")
    with ThreadPoolExecutor(room, "lht-page-read") as reader.transforming:
        try:
            yield fetching
        finally:
            reader.stopped.set()
            reader.room.release(threads)
            fetching.shutdown(cancel_futures=True)


def side_by_side(
    reader: PageReader[T], urls: Iterator[str], *, workers: int, limit: int
) -> Generator[Fetched[T], None, None]:
    """Yield listed pages as they become ready.

    Args:
        reader: Of the pages.
        urls: Their addresses.
        workers: How many are fetched at the same time.
        limit: How many may be transformed and not yet claimed. Others, one for each
            connection, wait as they came, which is small, so that none is idle.
    """
    pending: set[Future[Fetched[T]]] = set()
    with _threads(reader, lines=workers, room=limit) as pool:
        for index, url in enumerate(_ahead(pool, urls)):
            pending.add(submitted(pool, reader.read, index, url))
            if len(pending) >= 2 * workers:
                ready, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from _claimed(reader, ready)
        while pending:
            ready, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from _claimed(reader, ready)


def _ahead(pool: ThreadPoolExecutor, urls: Iterator[str]) -> Iterator[str]:
    """Yield addresses; the list that the next one is on is asked for meanwhile."""
    following = submitted(pool, next, urls, None)
    while (url := following.result()) is not None:
        following = submitted(pool, next, urls, None)
        yield url


def _claimed(
    reader: PageReader[T], ready: set[Future[Fetched[T]]]
) -> Iterator[Fetched[T]]:
    while ready:
        page = ready.pop().result()
        reader.room.release()
        yield page


def one_after_the_other(
    reader: PageReader[T], path: str
) -> Generator[Fetched[T], None, None]:
    """Yield chained pages, each being fetched while the one before it is consumed."""
    with _threads(reader, lines=1, room=1) as pool:
        following = submitted(pool, reader.read, 0, path)
        for index in count(1):
            page = following.result()
            reader.room.release()
            if page.locator is None:
                yield page
                return
            following = submitted(pool, reader.read, index, path, page.locator)
            yield page
