"""Guards of the promises, by name, and how to take each away.

A guard keeps a promise when something goes wrong. ``test_guards`` takes each of them
away, and lets the test fail that is there to notice.
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pyarrow as pa

from lht import decode
from lht.config import SalesforceConnection
from lht.exceptions import SalesforceAPIError
from lht.salesforce import _errors, _result_pages, _wire, bulk_query, client, rest_query
from lht.salesforce.soql import build_query
from lht.sync import extract, load, plan
from lht.sync.lease import Leases
from lht.sync.line import Line
from lht.sync.state import Store
from lht.warehouse import duckdb_open
from lht.warehouse.duckdb import DuckDBSession

Patch = Callable[[], AbstractContextManager[Any]]


def _put(owner: Any, name: str, instead: Any) -> Patch:
    return lambda: mock.patch.object(owner, name, instead)


def _default(function: Any, name: str, instead: Any) -> Patch:
    return lambda: mock.patch.dict(function.__kwdefaults__, {name: instead})


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _no_block(*_: Any, **__: Any) -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def _committed_anyway(self: DuckDBSession) -> Iterator[None]:
    self.execute("BEGIN TRANSACTION")
    try:
        yield
    finally:
        self.execute("COMMIT")


def _trusting(wire: Sequence[bytes]) -> io.BytesIO:
    deflated = b"".join(wire)[_GZIP_HEAD:]
    return io.BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated))


def _cut_anywhere(source: decode.Plain) -> Iterator[pa.Buffer]:
    while piece := source.read(decode.SLICE_BYTES):
        yield pa.py_buffer(piece)


def _now(of: client.Client, _: Any) -> datetime:
    return of.server_now().astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _later_only(*names: Any, **filters: Any) -> str:
    return build_query(*names, **filters).replace(" >= ", " > ")


def _all_at_once(reader: Any, urls: Any, **_: Any) -> Any:
    return _SIDE_BY_SIDE(reader, urls, workers=1000, limit=1000)


_GZIP_HEAD = 10  # bytes
_SIDE_BY_SIDE = _result_pages.side_by_side

GUARDS: Mapping[str, tuple[Patch, ...]] = {
    "counts reconcile": (_put(load, "_reconcile", _nothing),),
    "the recycle bin is read": (
        _default(rest_query.first_page, "all_rows", instead=False),
        _default(rest_query.iter_pages, "all_rows", instead=False),
        _put(bulk_query, "_OPERATION", "query"),
    ),
    "numbers are cast only where they fit": (_put(decode, "_fitting", lambda _: "."),),
    "a page is cut behind records only": (
        _put(decode, "whole_records", _cut_anywhere),
    ),
    "what gzip tells of a page is compared": (
        _put(_result_pages, "opened", _trusting),
    ),
    "a cut page is fetched again": (_put(_result_pages, "_MAX_DAMAGED", 1),),
    "a load is one transaction": (_put(DuckDBSession, "transaction", _no_block),),
    "what failed is rolled back": (
        _put(DuckDBSession, "transaction", _committed_anyway),
    ),
    "a job is remembered": (_put(Store, "add_job", _nothing),),
    "a lease keeps others out": (_put(Leases, "held", _no_block),),
    "the watermark is the signpost": (_put(extract, "read_signpost", _now),),
    "a margin where Salesforce does not tell": (
        _put(extract, "LATE_MARGIN", timedelta(0)),
    ),
    "the watermark itself is read again": (_put(plan, "build_query", _later_only),),
    "few pages are on their way": (_put(bulk_query, "side_by_side", _all_at_once),),
    "calls are counted": (_put(client._Counter, "add", _nothing),),
    "calls are capped": (_put(client._Counter, "left", _nothing),),
    "our jobs are deleted": (_put(Line, "_clean_up", _nothing),),
    "failures are written down": (_put(Store, "add_receipt", _nothing),),
    "a quota has a class of its own": (
        _put(_errors, "_classify", lambda *_: SalesforceAPIError),
    ),
    "connections show no secret": (
        _put(SalesforceConnection, "__repr__", lambda c: f"{c.client_secret}"),
    ),
    "addresses are logged without their query": (
        _put(_wire._WithoutQuery, "filter", lambda *_: True),
    ),
    "refusals that quote values are not told": (_put(duckdb_open, "_QUIET", ()),),
}

_taken: list[str] = []


def taken_away() -> list[str]:
    """Return the guards that are taken away now, for processes begun meanwhile."""
    return list(_taken)


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Take guards away for the block."""
    with ExitStack() as stack:
        for name in names:
            for patch in GUARDS[name]:
                stack.enter_context(patch())
        _taken.extend(names)
        stack.callback(_taken.clear)
        yield
