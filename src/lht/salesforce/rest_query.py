"""Queries over the REST API: pages of JSON, and counts."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

import msgspec
import pyarrow as pa

from lht.decode import decode_json, texts_of_json
from lht.exceptions import (
    RowCountMismatchError,
    SalesforceAPIError,
    SalesforceAuthError,
    SalesforceUnavailableError,
)
from lht.salesforce import _errors, composite
from lht.salesforce._bodies import Wire, read_json
from lht.salesforce._wire import Answer
from lht.salesforce.client import Client
from lht.schema import TableSchema

# Source: REST API Developer Guide, "Status Codes and Error Responses": the URI, and
# the URI with all headers, may have 16,384 bytes; what is left is for the headers.
_MAX_URI_BYTES = 14_000
_TOO_SLOW = {"QUERY_TIMEOUT", "OPERATION_TOO_LARGE"}
_TOO_MUCH = _TOO_SLOW | {"QUERY_TOO_COMPLICATED"}


@dataclass(frozen=True, slots=True)
class RestPage:
    """One page of a query's answer."""

    content: bytes  # the page's JSON as it came
    rows: int
    total_size: int  # rows of all pages together
    done: bool
    index: int = 0

    @property
    def size_bytes(self) -> int:
        """How large its JSON is."""
        return len(self.content)

    def decoded(self, schema: TableSchema) -> pa.Table:
        """Return its values; see ``lht.decode.decode_json``."""
        return decode_json(self.content, schema)

    def texts(self, schema: TableSchema) -> pa.Table:
        """Return its values as texts; see ``lht.decode.texts_of_json``."""
        return texts_of_json(self.content, schema)

    def csv_file(self) -> None:
        """Return None: it came as no file."""


def count(client: Client, soql: str, *, all_rows: bool = True) -> int | None:
    """Return the number of records a ``COUNT()`` query finds.

    Args:
        client: Bound to the org.
        soql: From :func:`lht.salesforce.soql.build_count`.
        all_rows: Count the recycle bin and archived records too.

    Returns:
        None where Salesforce gave up counting.
    """
    try:
        content = _first_page(client, soql, all_rows=all_rows)
    except SalesforceAPIError as exc:
        if exc.error_code in _TOO_SLOW:
            return None
        raise
    return read_json(content, _Page).total_size


def first_page(client: Client, soql: str, *, all_rows: bool = True) -> RestPage | None:
    """Return the first page of a query, which tells how many rows there are.

    The arguments are those of :func:`iter_pages`, which goes on from the page.

    Returns:
        None where Salesforce finds the query too much for REST.
    """
    try:
        content = _first_page(client, soql, all_rows=all_rows)
    except SalesforceAPIError as exc:
        if exc.error_code in _TOO_MUCH:
            return None
        raise
    return read_json(content, _Page).page(content, 0)


def iter_pages(
    client: Client,
    soql: str,
    *,
    all_rows: bool = True,
    first: RestPage | None = None,
) -> Iterator[RestPage]:
    """Yield the pages of a query, in order, one held at a time.

    Args:
        client: Bound to the org.
        soql: The query.
        all_rows: Include the recycle bin and archived records (``queryAll``).
        first: The first page, if it has come already.

    Raises:
        SalesforceUnavailableError: The query's cursor has died. What was yielded is
            worthless without the rest: start the query again.
        RowCountMismatchError: The pages do not add up to the total reported.
    """
    begun = first.content if first else None
    content = begun or _first_page(client, soql, all_rows=all_rows)
    del first, begun  # no more than one page is held
    seen = 0
    for index in itertools.count():
        found = read_json(content, _Page)
        page = found.page(content, index)
        seen += page.rows
        finished = page.done or found.next_records_url is None
        stalled = not finished and not page.rows
        if stalled or seen > page.total_size or (finished and seen < page.total_size):
            raise RowCountMismatchError(
                f"Salesforce reported {page.total_size:,} rows and sent {seen:,}",
                hint="run it again",
            )
        yield page
        if finished or found.next_records_url is None:
            return
        content = _next_page(client, found.next_records_url)


class _Page(Wire, frozen=True):
    total_size: int
    done: bool = True
    next_records_url: str | None = None
    records: tuple[msgspec.Raw, ...] = ()

    def page(self, content: bytes, index: int) -> RestPage:
        return RestPage(content, len(self.records), self.total_size, self.done, index)


def _first_page(client: Client, soql: str, *, all_rows: bool) -> bytes:
    resource = "queryAll" if all_rows else "query"
    uri = f"/services/data/v{client.api_version}/{resource}?q={quote(soql, safe='')}"
    if len(uri) > _MAX_URI_BYTES:
        return _first_page_by_composite(client, uri)
    return client.request("GET", uri).content


def _first_page_by_composite(client: Client, uri: str) -> bytes:
    """Send a query that is too long for a URL inside the body of a request."""

    def read(answers: Mapping[str, Answer]) -> bytes:
        answer = answers.get("query")
        if answer is None:
            raise SalesforceUnavailableError("Salesforce did not answer a query")
        if answer.status != HTTPStatus.OK:
            raise _errors.to_error(answer, "a query")
        return answer.body()

    return composite.exchange(client, {"query": uri}, read=read)


def _next_page(client: Client, url: str) -> bytes:
    try:
        return client.request("GET", url).content
    except SalesforceAPIError as exc:
        if exc.error_code != "INVALID_QUERY_LOCATOR":
            raise
        raise _cursor_died(exc) from exc
    except SalesforceAuthError as exc:
        raise _cursor_died(exc) from exc  # it belonged to the session that ended


def _cursor_died(
    cause: SalesforceAPIError | SalesforceAuthError,
) -> SalesforceUnavailableError:
    return SalesforceUnavailableError(
        "Salesforce has dropped the query's cursor before its last page",
        status=cause.status,
        error_code=cause.error_code,
        why=cause.why,
        hint="start the query again",
    )
