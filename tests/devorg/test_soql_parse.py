"""SOQL text to syntax tree, and Salesforce's words for what is none."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.devorg.errors import OrgError
from lht.devorg.soql import parse
from lht.devorg.soql.literals import like_pattern, text_value
from lht.devorg.soql.nodes import (
    Call,
    Comparison,
    FieldPath,
    Junction,
    Literal,
    LiteralKind,
    Membership,
    Negation,
    Query,
    Sort,
)


def refusal(text: str) -> OrgError:
    with pytest.raises(OrgError) as caught:
        parse(text)
    return caught.value


def test_a_query_keeps_all_that_it_says():
    """Every clause arrives in the tree, names as written and where they stood."""
    query = parse(
        "select Id, Owner.Name from Account a where Name like 'A%' and "
        "(not Type in ('x', null)) order by Name desc nulls last, Id limit 5 offset 2"
    )
    assert [item.name.text for item in query.items] == ["Id", "Owner.Name"]
    assert query.items[1].name.position == 11
    assert (query.sobject.text, query.alias.text) == ("Account", "a")
    assert (query.limit, query.offset) == (5, 2)
    first, second = query.order_by
    assert first == Sort(first.operand, descending=True, nulls_last=True)
    assert second == Sort(second.operand, descending=False, nulls_last=False)
    assert isinstance(query.where, Junction)
    like, negation = query.where.conditions
    assert isinstance(like, Comparison)
    assert like.operator == "LIKE"
    assert isinstance(negation, Negation)
    assert isinstance(negation.condition, Membership)
    assert [v.text for v in negation.condition.values] == ["'x'", "null"]


def test_names_may_look_like_keywords():
    """An object called Order, a relationship called Group and a field Limit__c work."""
    query = parse("SELECT Id, Group.Name FROM Order ORDER BY Order.Limit__c LIMIT 1")
    assert query.sobject.text == "Order"
    assert query.order_by[0].operand.name.parts == ("Order", "Limit__c")
    assert parse("SELECT FromAddress, NotSent__c FROM EmailMessage").alias is None


def test_what_is_compiled_later_is_already_understood():
    """Functions, sub-queries, grouping and TYPEOF have their places in the tree."""
    query = parse(
        "SELECT COUNT(Id) n, toLabel(Type), (SELECT Id FROM Contacts), "
        "TYPEOF What WHEN Account THEN Phone ELSE Name END "
        "FROM Account GROUP BY Type HAVING COUNT(Id) > 1"
    )
    count, label = query.calls
    assert (count.name.text, count.alias.text, label.alias) == ("COUNT", "n", None)
    assert [child.sobject.text for child in query.children] == ["Contacts"]
    assert isinstance(query.group_by[0], FieldPath)
    assert isinstance(query.having.operand, Call)
    assert parse("SELECT COUNT() FROM Account").is_count


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'x'", LiteralKind.STRING),
        ("-1.5e3", LiteralKind.NUMBER),
        (".5", LiteralKind.NUMBER),
        ("2024-01-15", LiteralKind.DATE),
        ("2024-01-15T10:30:00Z", LiteralKind.DATETIME),
        ("2024-01-15T10:30:00.123+02:00", LiteralKind.DATETIME),
        ("2024-01-15t10:30:00-0800", LiteralKind.DATETIME),
        ("10:15:00.000Z", LiteralKind.TIME),
        ("LAST_N_DAYS:3", LiteralKind.WORD),
        ("null", LiteralKind.WORD),
    ],
)
def test_literals_are_told_apart(text: str, kind: LiteralKind):
    where = parse(f"SELECT Id FROM Account WHERE X = {text}").where
    assert where.literal == Literal(kind, text, 33)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
            "unexpected token: 'OR'",
        ),
        ("SELECT Id FROM Account WHERE", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account a b", "unexpected token: 'b'"),
        ("SELECT Id FROM Account LIMIT -1", "unexpected token: '-1'"),
        ("SELECT * FROM Account", "no viable alternative at character '*'"),
        (
            "SELECT Id FROM A WHERE B > 2024-01-01T00:00:00 00:00",
            "line 1:46 no viable alternative at character ' '",
        ),
    ],
)
def test_nonsense_is_refused_in_salesforces_words(text: str, message: str):
    """The one who forgot to encode a plus sign finds the message others got, too."""
    error = refusal(text)
    assert (error.status, error.code) == (400, "MALFORMED_QUERY")
    assert error.message.endswith(message)


def test_an_error_shows_where():
    """The query comes first, then a caret under the place, then row and column."""
    error = refusal("SELECT Id\nFROM Account\nWHERE Name = = 'x'")
    shown, caret, place, message = error.message.split("\n")[1:]
    assert shown == "WHERE Name = = 'x'"
    assert caret == " " * 13 + "^"
    assert place == "ERROR at Row:3:Column:14"
    assert message == "unexpected token: '='"


def test_a_long_query_is_shown_around_the_place():
    """The snippet is a window; the caret is still under what it means."""
    text = "SELECT " + ", ".join(f"Field_{n}__c" for n in range(90)) + " FROM A WHERE !"
    error = refusal(text.replace("!", "= 1"))
    shown, caret = error.message.split("\n")[1:3]
    assert len(shown) < 130
    assert shown[len(caret) - 1] == "="


def test_limits_of_the_language():
    assert "100000 characters" in refusal("SELECT Id FROM A" + " " * 100_000).message
    assert refusal("SELECT Id FROM A OFFSET 2001").code == "NUMBER_OUTSIDE_VALID_RANGE"
    assert parse("SELECT Id FROM A OFFSET 2000").offset == 2000


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_quoting(text: str):
    """A string literal means the text that was escaped into it."""
    quoted = re.sub(r"(['\"\\])", r"\\\1", text).replace("\n", "\\n")
    where = parse(f"SELECT Id FROM A WHERE B = '{quoted}'").where
    assert text_value(where.literal) == text


def test_escapes():
    def literal(text: str) -> Literal:
        return Literal(LiteralKind.STRING, f"'{text}'", 0)

    assert text_value(literal(r"a\tb\r\N\"\u00e9\\")) == 'a\tb\r\n"é\\'
    assert like_pattern(literal(r"100\%\_x%_")) == r"100\%\_x%_"
    assert like_pattern(literal(r"back\\slash\'")) == r"back\\slash'"
    with pytest.raises(OrgError, match="illegal escape"):
        text_value(literal(r"\q"))
    with pytest.raises(OrgError, match="illegal escape"):
        text_value(literal(r"100\%"))


def test_real_queries_parse(recorded: Path):
    """Queries compiled by real projects are understood; only Apex's own things not."""
    path = recorded / "soql" / "apex_inline_compiled.jsonl"
    queries = [json.loads(line) for line in path.read_text().splitlines()]
    plain = [
        row["soql"]
        for row in queries
        if not row["has_bind"] and not re.search(r"\bWITH\b", row["soql"])
    ]
    assert len(plain) > 100
    for text in plain:
        assert isinstance(parse(text), Query)


def test_escapes_name_whole_characters():
    """Two halves make one character; a half alone is none."""
    smile = Literal(LiteralKind.STRING, r"'\ud83d\ude00'", 0)
    assert text_value(smile) == like_pattern(smile) == "\N{GRINNING FACE}"
    half = Literal(LiteralKind.STRING, r"'a\ud800'", 0)
    for read in (text_value, like_pattern):
        with pytest.raises(OrgError, match=r"illegal escape '\\ud800'"):
            read(half)
