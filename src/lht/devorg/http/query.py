"""REST queries: ``/query``, ``/queryAll`` and the pages that follow."""

import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from lht.devorg import errors
from lht.devorg.errors import OrgError
from lht.devorg.http.locators import Cursor, invalid_locator
from lht.devorg.http.nested import PageReader, query_result
from lht.devorg.http.service import Service
from lht.devorg.http.viewing import mark_viewed
from lht.devorg.http.wire import Answer, Call, bad_session, read_digits
from lht.devorg.render import RecordRenderer, render_group
from lht.devorg.soql import MAX_LEVELS, Compiled, compile_query, parse

# Source: REST API Developer Guide, "Query Options Header".
MIN_BATCH, MAX_BATCH = 200, 2_000

# Source: SOQL and SOSL Reference v65, "Understanding Relationship Query Limitations".
DEEP_SINCE = 58
MAX_LEVELS_BEFORE = 2

_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_FIELD = re.compile(r"[\w.]+")
_LOCATOR = re.compile(r"(\w{18})-(\d{1,18})", re.ASCII)


def run_query(service: Service, call: Call) -> Answer:
    """Answer ``GET /query``: live records."""
    return _run(service, call, all_rows=False)


def run_query_all(service: Service, call: Call) -> Answer:
    """Answer ``GET /queryAll``: also records in the recycle bin."""
    return _run(service, call, all_rows=True)


def _run(service: Service, call: Call, *, all_rows: bool) -> Answer:
    levels = MAX_LEVELS if float(call.version) >= DEEP_SINCE else MAX_LEVELS_BEFORE
    text = call.required("q")
    user = call.user_id
    compiled = compile_soql(
        service, text, all_rows=all_rows, user_id=user, levels=levels
    )
    with closing(service.store.cursor()) as db:
        if compiled.is_count:
            row = db.execute(compiled.count_sql, compiled.params).fetchone()
            return Answer(body=query_result(row[0] if row else 0, []))
        if compiled.is_grouped:
            return _groups(compiled, db)
        if call.session is None:
            raise bad_session()
        size = _page_size(service, call, compiled)
        db.begin()  # ids and first page are of one instant
        cursor = service.cursors.open(db, compiled, call.session, size)
        return _page(service, call, cursor, 0, db)


def _groups(compiled: Compiled, db: Any) -> Answer:
    """Answer with all groups at once: there are no further pages of them."""
    rows = db.execute(compiled.sql, compiled.params).fetchmany(MAX_BATCH + 1)
    if len(rows) > MAX_BATCH:
        raise OrgError(
            400,
            "EXCEEDED_ID_LIMIT",
            "Aggregate query does not support queryMore(), use LIMIT to restrict the "
            "results to a single batch",
        )
    records = [render_group(compiled.columns, row) for row in rows]
    return Answer(body=query_result(len(records), records))


def read_more(service: Service, call: Call) -> Answer:
    """Answer ``GET /query/LOCATOR``: a further page."""
    found = _LOCATOR.fullmatch(call.segments["locator"])
    if found is None:
        raise invalid_locator()
    cursor, offset = service.cursors.find(found[1]), int(found[2])
    if offset >= cursor.total:
        raise invalid_locator()
    if not service.sessions.is_alive(cursor.session.token):
        raise bad_session()  # a cursor dies with the session that opened it
    with closing(service.store.cursor()) as db:
        db.begin()
        return _page(service, call, cursor, offset, db)


def compile_soql(
    service: Service,
    text: str,
    *,
    all_rows: bool,
    user_id: str = "",
    levels: int = MAX_LEVELS,
) -> Compiled:
    """Parse and compile a query against the org, for a user."""
    today = service.clock.now().date()
    return compile_query(
        parse(text),
        service.store.metadata,
        all_rows=all_rows,
        today=today,
        user_id=user_id or service.store.user_id,
        levels=levels,
    )


def compile_fields(
    service: Service, sobject: str, names: Sequence[str], *, all_rows: bool
) -> Compiled:
    """Compile a query for fields that are given by their names, and only so."""
    for name in names:
        if not _FIELD.fullmatch(name):
            raise errors.unknown_column(name, sobject)
    text = f"SELECT {', '.join(names)} FROM {sobject}"
    return compile_soql(service, text, all_rows=all_rows)


def read_records(
    service: Service, compiled: Compiled, ids: Sequence[str], version: str, db: Any
) -> list[dict[str, Any]]:
    """Read the records of some ids, in their order."""
    renderer = RecordRenderer(compiled, service.store.metadata, version)
    if not ids:
        return []
    sql = compiled.select_by_id(renderer.columns, ids)
    rows = db.execute(sql, {"ids": list(ids)}).fetchall()
    return [renderer.render(row) for row in rows]


def _page(service: Service, call: Call, cursor: Cursor, offset: int, db: Any) -> Answer:
    size = min(cursor.page_size, service.cursors.short_page or cursor.page_size)
    reader = PageReader(service, db, cursor.session, call.base, size)
    ids = cursor.ids(offset, size)
    records, count = reader.read(cursor.compiled, ids)
    mark_viewed(service, call, cursor.compiled, ids[:count])
    end = offset + count
    if end >= cursor.total:
        if offset == 0:
            service.cursors.close(cursor)
        return Answer(body=query_result(cursor.total, records))
    service.cursors.keep(cursor)
    following = f"{call.base}/query/{cursor.id}-{end}"
    return Answer(body=query_result(cursor.total, records, following))


def _page_size(service: Service, call: Call, compiled: Compiled) -> int:
    """Choose how many records a page holds: as asked, but fewer where rows are wide.

    Source: SOQL and SOSL Reference, "Change the Batch Size in Queries".
    """
    types = [column.field.type for column in compiled.columns]
    if "base64" in types:
        return 1
    found = _BATCH_SIZE.search(call.headers.get("sforce-query-options", ""))
    size = service.settings.page_size
    if found:
        size = min(size, max(MIN_BATCH, min(read_digits(found[1]), MAX_BATCH)))
    long_texts = sum(
        column.field.type == "textarea"
        and column.field.custom
        and column.field.length > 255
        for column in compiled.columns
    )
    return min(size, MIN_BATCH) if long_texts >= 2 else size


ROUTES = (
    ("GET", "/query", run_query),
    ("GET", "/queryAll", run_query_all),
    ("GET", "/query/{locator}", read_more),
    ("GET", "/queryAll/{locator}", read_more),
)
