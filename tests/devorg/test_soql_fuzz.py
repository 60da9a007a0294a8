"""Whatever the text: an answer, or a refusal in Salesforce's terms."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.devorg.calling import Caller, calling

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.metadata import Metadata
from lht.devorg.render import RecordRenderer, render_group
from lht.devorg.soql import Compiled, compile_query, parse
from lht.devorg.store.store import Store

STATEMENTS = Path(__file__).with_name("soql_statements.txt").read_text().splitlines()
TOKEN = re.compile(r"\s+|'(?:[^'\\]|\\.)*'|[\w.:]+|<=|>=|!=|.", re.DOTALL)
NASTY = [*list("'\\(),.%_é\n\x00;-"), "/*", "//", ":x", "null", "-1", "1e400", "USD1"]
HUGE = ["9" * 5_000, "LAST_N_DAYS:" + "9" * 5_000, "x" * 5_000, "(" * 500]
TOKENS = [t for text in STATEMENTS for t in TOKEN.findall(text) if not t.isspace()]
CODES = {
    "INVALID_FIELD",
    "INVALID_QUERY_FILTER_OPERATOR",
    "INVALID_QUERY_SCOPE",
    "INVALID_TYPE",
    "INVALID_TYPE_FOR_OPERATION",
    "MALFORMED_QUERY",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "QUERY_TOO_COMPLICATED",
}


@pytest.fixture(scope="module")
def store(metadata: Metadata) -> Iterator[Store]:
    store = Store(metadata, Clock(datetime(2030, 3, 6, 12, tzinfo=UTC)))
    account = store.insert("Account", {"Name": "x"})
    store.insert("Contact", {"LastName": "y", "AccountId": account})
    store.insert("Everything__c", {"Name": "z", "Account__c": account})
    yield store
    store.close()


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Draw a statement with a few words lost, doubled, exchanged or spoilt."""
    words = TOKEN.findall(draw(st.sampled_from(STATEMENTS)))
    some = st.sampled_from(TOKENS) | st.sampled_from(NASTY) | st.sampled_from(HUGE)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(words) - 1))
        length = draw(st.integers(0, 2))
        words[place : place + length] = draw(st.lists(some, max_size=2)) or [" "]
    return draw(st.sampled_from(["", " "])).join(words)


def understood(store: Store, text: str) -> Compiled | OrgError:
    try:
        return compile_query(
            parse(text),
            store.metadata,
            all_rows=False,
            today=date(2030, 3, 6),
            user_id=store.user_id,
        )
    except OrgError as error:
        return error


def read(db: duckdb.DuckDBPyConnection, store: Store, query: Compiled) -> None:
    """Read all that a query finds, as an answer needs it."""
    if query.is_count:
        db.execute(query.count_sql, query.params).fetchall()
    elif query.is_grouped:
        for row in db.execute(query.sql, query.params).fetchall():
            render_group(query.columns, row)
    else:
        found = db.execute(query.ids_sql, query.params).fetchall()
        read_records(db, store, query, [row[0] for row in found] or ["x"])


def read_records(
    db: duckdb.DuckDBPyConnection, store: Store, query: Compiled, ids: list[str]
) -> None:
    renderer = RecordRenderer(query, store.metadata, "62.0")
    sql = query.select_by_id(renderer.columns, ids)
    for row in db.execute(sql, {"ids": ids}).fetchall():
        renderer.render(row)
    for child in query.children:
        params: dict[str, Any] = {**child.compiled.params, "parents": ids}
        db.execute(child.counts_sql, params).fetchall()
        inside = db.execute(child.ids_sql(5), params).fetchall()
        read_records(db, store, child.compiled, [row[1] for row in inside] or ["x"])
        read(db, store, child.of(ids[0]))


@settings(max_examples=400, deadline=None)
@given(text=broken())
def test_broken_statements_are_answered_or_refused(store: Store, text: str):
    """What is understood runs; what is not gets a code of Salesforce's."""
    found = understood(store, text)
    if isinstance(found, OrgError):
        assert found.status == 400
        assert found.code in CODES
        assert found.message
    else:
        with store.cursor() as db:
            read(db, store, found)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])) | broken())
def test_any_text_over_http(api: Caller, text: str):
    """No text makes an org answer with anything but a result or a 4xx."""
    text = text.encode("utf-8", "replace").decode()[:4_000]
    found = api.get("/query", q=text)
    if found.status_code != 200:
        status, code, message = api.error(found)
        assert 400 <= status < 500
        assert code
        assert message
