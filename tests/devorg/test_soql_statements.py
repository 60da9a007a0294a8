"""Every construct of SOQL: our own statements, and those of other projects' tests."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.metadata import Metadata
from lht.devorg.soql import Compiled, compile_query, parse
from lht.devorg.store.store import Store

STATEMENTS = Path(__file__).with_name("soql_statements.txt").read_text().splitlines()
FILES = (
    "apex_inline_compiled.jsonl",
    "jetstream_test_cases.jsonl",
    "tree_sitter_soql.jsonl",
)
# Several in one file; a parser's test of how to go on after an error.
NOT_ONE_STATEMENT = re.compile(";|acco INVALID untMap")
UNKNOWN = re.compile(
    r"No such column|Didn't understand relationship|sObject type '\w+' is not supported"
    r"|Bind variables only allowed in Apex code"
)
REFUSED = {
    # What a parser is tested with need not mean anything to an org.
    r"COUNT\(Id, Name\) > 1": "COUNT() takes one field",
    r"GROUPING\(Id, ?BillingCountry\)": "GROUPING() takes one field",
    "LoginTime < 2010-09-21 ": "must be of type dateTime",
    "= '[0-9]+'|'1', '2'": "invalid ID field",
    r"SELECT LeadSource, COUNT\(Name\) ?cnt FROM Lead$": "must be grouped or",
    "Description = ": "field 'Description' can not be filtered",
    "SELECT TYPEOF Owner .* FROM CASE": "TYPEOF is not allowed in a semi join",
    "Industry IN .*, 1,": "must be of type string",
    "Name = 15.0": "must be of type string",
    r"FIELDS\((ALL|CUSTOM)\)(?!.*LIMIT)": "must have a LIMIT of at most 200",
    "SCOPE (delegated|my_.*|scopingRule|myRule)": "is not supported for",
    r"FROM User\s+USING SCOPE": "is not supported for User",
    r"\(MIN\(LeadSource\)": "Grouped field should not be aggregated",
    r"MAX\(CreatedDate\)\s+FROM Account LIMIT 1": "cannot also use LIMIT",
    "USING LOOKUP": "does not support USING LOOKUP",
    "ALL ROWS": "ALL ROWS not allowed",
    "UPDATE VIEWSTAT, TRACKING": "is only allowed on articles",
}


@pytest.fixture(scope="module")
def store(metadata: Metadata) -> Iterator[Store]:
    store = Store(metadata, Clock(datetime(2030, 3, 6, 12, tzinfo=UTC)))
    yield store
    store.close()


@pytest.fixture(scope="module")
def statements(recorded: Path) -> list[dict[str, Any]]:
    """All statements of the files, of those that are not one statement none."""
    lines = [
        line
        for name in FILES
        for line in (recorded / "soql" / name).read_text().splitlines()
    ]
    found = [json.loads(line) for line in lines]
    return [one for one in found if not NOT_ONE_STATEMENT.search(one["soql"])]


def compiled(store: Store, text: str) -> Compiled:
    day = date(2030, 3, 6)
    query = parse(text)
    user = store.user_id
    return compile_query(query, store.metadata, all_rows=False, today=day, user_id=user)


def run(store: Store, text: str) -> None:
    """Run a statement with all that is inside it, whatever it finds."""
    found = compiled(store, text)
    sql = found.sql if found.columns else found.ids_sql
    with closing(store.cursor()) as db:
        db.execute(sql, found.params).fetchall()
        for child in found.children:
            params = {**child.compiled.params, "parents": ["x"]}
            db.execute(child.ids_sql(1), params).fetchall()
            query = child.of("x")
            db.execute(query.ids_sql, query.params).fetchall()


def refusal(store: Store, text: str) -> str | None:
    """Run a statement, or see that the org has a known reason to refuse it."""
    try:
        run(store, text)
    except OrgError as error:
        why = [why for pattern, why in REFUSED.items() if re.search(pattern, text)]
        known = any(reason in error.message for reason in why)
        if known or UNKNOWN.search(error.message):
            return error.message
        raise AssertionError(text) from error
    return None


@pytest.mark.parametrize("text", STATEMENTS)
def test_every_construct_is_understood_and_runs(store: Store, text: str):
    run(store, text)


def test_statements_of_others_are_understood(statements: list[dict[str, Any]]):
    """What parsers' own tests call valid is; also with Apex's bind variables."""
    valid = [one["soql"] for one in statements if one.get("valid")]
    assert len(valid) > 200
    for text in valid:
        assert parse(text).text == text


def test_compiled_apex_is_understood(statements: list[dict[str, Any]]):
    """Queries that real projects compiled, with all that Apex has in them."""
    texts = [one["soql"] for one in statements if "has_bind" in one]
    assert len(texts) > 300
    for text in texts:
        assert parse(text).text == text


def test_statements_for_apex_alone_are_refused_as_such(
    store: Store, statements: list[dict[str, Any]]
):
    invalid = [one["soql"] for one in statements if one.get("valid") is False]
    assert invalid
    for text in invalid:
        with pytest.raises(OrgError) as caught:
            compiled(store, text)
        expected = "Bind variables only" if ":" in text else "ALL ROWS not allowed"
        assert expected in caught.value.message


def test_statements_of_others_run(store: Store, statements: list[dict[str, Any]]):
    """What names only what the org has runs, or is refused for the right reason."""
    refusals = [
        refusal(store, one["soql"])
        for one in statements
        if one.get("valid") is not None or "has_bind" in one
    ]
    assert refusals.count(None) > 100
