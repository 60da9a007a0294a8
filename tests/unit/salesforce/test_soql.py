"""SOQL text: what we build is what we mean."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.soql import quoted

from lht.exceptions import ConfigError
from lht.salesforce.soql import (
    build_count,
    build_query,
    check_where,
    format_datetime,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_a_quoted_text_is_a_safe_filter(text):
    """A quoted value cannot end the condition it stands in."""
    check_where(f"Name = {quoted(text)}")


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_never_later_than_meant(instant):
    """A lower bound may be rounded down by less than a millisecond, never up."""
    lost = instant - datetime.fromisoformat(format_datetime(instant))
    assert timedelta(0) <= lost < timedelta(milliseconds=1)


def test_instants_are_told_in_utc():
    """An offset is resolved; a naive instant is a mistake of ours."""
    there = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert format_datetime(there) == "2025-12-31T23:00:00Z"
    with pytest.raises(ValueError, match="aware"):
        format_datetime(datetime(2026, 1, 1))


def test_a_query_is_built_of_its_parts():
    """Filter and lower bound both hold; the user's OR stays inside its parentheses."""
    query = build_query(
        "Account",
        ["Id", "Owner.Name"],
        where="a = 1 OR b = 2",
        cursor_field="SystemModstamp",
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert query == (
        "SELECT Id, Owner.Name FROM Account WHERE (a = 1 OR b = 2) "
        "AND SystemModstamp >= 2026-01-01T00:00:00Z"
    )


def test_parts_may_be_missing():
    """Without filter and bound there is no WHERE."""
    assert build_query("A__c", ["Id"], cursor_field="X") == "SELECT Id FROM A__c"
    assert build_count("A__c") == "SELECT COUNT() FROM A__c"
    assert build_count("A", where="b = 1") == "SELECT COUNT() FROM A WHERE (b = 1)"


@pytest.mark.parametrize(
    "where",
    [
        "Name LIKE 'O\\'Neill (%' AND x IN ('a)', 'b''s')",
        "Id IN (SELECT AccountId FROM Contact WHERE x = 1 ORDER BY y LIMIT 5)",
        "Limit__c = 1 AND Order.Status = 'x' AND From_Date__c = TODAY",
        "CreatedDate = LAST_N_DAYS:30 AND Amount > -1.5E3",
        "Name = ' ORDER BY -- ; '",
        "NOT (a = 1)\nAND b = 2",
    ],
)
def test_conditions_are_accepted(where):
    """What is one condition passes as it is, clause words in names and texts too."""
    assert f"WHERE ({where})" in build_query("A", ["Id"], where=where)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("a = 1) OR (b = 2", "too many"),
        ("a = (1", "missing"),
        ("a = 'x", "quote"),
        ("a = 'x\\'", "quote"),
        ("a = 1 ORDER BY b", "ORDER"),
        ("a = 1 limit 5", "LIMIT"),
        ("a = 1 GROUP BY b", "GROUP"),
        ("WHERE a = 1", "WHERE"),
        ("a = 1 ALL ROWS", "ALL"),
        ("a = 1 FOR UPDATE", "FOR"),
        ("a = 1 -- b", "--"),
        ("a = 1 /* b */", r"/\*"),
        ("a = 1; b", ";"),
    ],
)
def test_what_is_not_one_condition_is_refused(where, reason):
    """A filter cannot reach out of its parentheses; the reason is told."""
    with pytest.raises(ConfigError, match=reason):
        build_query("A", ["Id"], where=where)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a'", "1a", "a..b", "é"])
def test_only_names_are_names(name):
    """Nothing but API names gets into the places of names."""
    with pytest.raises(ConfigError):
        build_query("Account", [name])
    with pytest.raises(ConfigError):
        build_query(name, ["Id"])


def test_a_query_has_an_end():
    """What Salesforce would refuse as too long is refused here, nothing sent."""
    with pytest.raises(ConfigError, match="100,000"):
        build_query("A", ["Id"], where=f"a = '{'x' * 100_000}'")
    with pytest.raises(ConfigError, match="at least one"):
        build_query("A", [])
