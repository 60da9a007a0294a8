"""What a query may not be, and the words in which an org says so."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from lht.devorg.errors import OrgError
from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.soql import Compiled, compile_query, parse

Refusal = Callable[[str], OrgError]


def compiled(metadata: Metadata, text: str) -> Compiled:
    day = date(2030, 3, 6)
    return compile_query(
        parse(text), metadata, all_rows=False, today=day, user_id="005"
    )


@pytest.fixture
def refusal(metadata: Metadata) -> Refusal:
    """Compiles what must be refused, and returns why."""

    def refuse(text: str) -> OrgError:
        with pytest.raises(OrgError) as caught:
            compiled(metadata, text)
        assert caught.value.status == 400
        return caught.value

    return refuse


def related(count: int) -> Metadata:
    """Make an org of one object with so many parents and lists of children."""
    fields = [Field(name="Id", type="id", label="Id")]
    fields += [
        Field(
            name=f"P{number}Id",
            type="reference",
            label="P",
            reference_to=("Node",),
            relationship_name=f"P{number}",
            child_relationship_name=f"C{number}",
        )
        for number in range(count)
    ]
    node = SObject(
        name="Node",
        label="Node",
        label_plural="Nodes",
        key_prefix="n00",
        fields=tuple(fields),
    )
    return Metadata(sobjects=(node,))


def test_a_query_follows_55_relationships():
    org = related(56)
    paths = [f"P{number}.Id" for number in range(56)]
    assert compiled(org, f"SELECT {', '.join(paths[:55])} FROM Node").columns
    with pytest.raises(OrgError, match="at most 55 relationships"):
        compiled(org, f"SELECT {', '.join(paths)} FROM Node")


def test_a_query_has_20_sub_queries():
    org = related(21)
    inside = [f"(SELECT Id FROM C{number})" for number in range(21)]
    query = compiled(org, f"SELECT {', '.join(inside[:20])} FROM Node")
    assert len(list(query.children)) == 20
    with pytest.raises(OrgError, match="at most 20 sub-queries"):
        compiled(org, f"SELECT {', '.join(inside)} FROM Node")


def test_a_query_sorts_by_32_fields(metadata: Metadata, refusal: Refusal):
    text = "SELECT Id FROM Account ORDER BY " + ", ".join(["Name"] * 33)
    assert compiled(metadata, text.removesuffix(", Name")).order
    assert "Maximum 32 ORDER BY fields" in refusal(text).message


@pytest.mark.parametrize("levels", [4, 5])
def test_sub_queries_go_five_levels_deep(levels: int):
    """The query itself is the first of them."""
    inside = "SELECT (" * levels + "SELECT Id" + " FROM C0)" * levels
    if levels == 4:
        assert compiled(related(1), f"{inside} FROM Node").members
    else:
        with pytest.raises(OrgError, match="only be nested 4 deep"):
            compiled(related(1), f"{inside} FROM Node")


def test_parents_are_five_levels_up():
    path = "P0." * 5 + "Id"
    assert compiled(related(1), f"SELECT {path} FROM Node").columns
    with pytest.raises(OrgError, match="Didn't understand relationship"):
        compiled(related(1), f"SELECT P0.{path} FROM Node")


@pytest.mark.parametrize("word", ["ALL", "CUSTOM"])
@pytest.mark.parametrize(
    "tail",
    [
        "LIMIT 200",
        "WHERE Id IN ('a0E000000000001') LIMIT 201",
        "WHERE Name = 'x' AND Id IN ('a0E000000000001', 'a0E000000000002')",
    ],
)
def test_fields_are_expanded_where_few_records_are_asked_for(
    metadata: Metadata, word: str, tail: str
):
    """In the order of the describe; CUSTOM leaves the standard fields out."""
    sobject = metadata.by_name["everything__c"]
    query = compiled(metadata, f"SELECT FIELDS({word}) FROM Everything__c {tail}")
    expected = [f.name for f in sobject.fields if word == "ALL" or f.custom]
    assert [column.path[0] for column in query.columns] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT FIELDS(ALL) FROM Account LIMIT 201",
            "The SOQL FIELDS function must have a LIMIT of at most 200",
        ),
        (
            (
                "SELECT FIELDS(CUSTOM) FROM Everything__c WHERE Name = 'x' OR Id IN "
                "('a0E000000000001')"
            ),
            "must have a LIMIT of at most 200",
        ),
        (
            "SELECT FIELDS(CUSTOM) FROM RecordType LIMIT 1",
            (
                "'FIELDS(...)' expansion function must result in at least one field "
                "being selected."
            ),
        ),
        ("SELECT Id, FIELDS(STANDARD) FROM Account", "duplicate field selected: Id"),
        ("SELECT FIELDS(MOST) FROM Account", "Unknown FIELDS() expansion: MOST"),
        ("SELECT FIELDS() FROM Account", "FIELDS() takes one field"),
    ],
)
def test_fields_have_rules(refusal: Refusal, text: str, message: str):
    assert message in refusal(text).message


def test_standard_fields_need_no_limit(metadata: Metadata):
    query = compiled(metadata, "SELECT FIELDS(STANDARD), Text__c FROM Everything__c")
    *standard, last = [column.field for column in query.columns]
    assert not any(field.custom for field in standard)
    assert last.name == "Text__c"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "Name IN (SELECT AccountId FROM Contact)",
            (
                "The left operand field in the where expression for outer query should "
                "be an id field, cannot use: 'Name'"
            ),
        ),
        (
            "Id IN (SELECT LastName FROM Contact)",
            "Semi join sub-selects can only query id fields, cannot use: 'LastName'",
        ),
        (
            "Id IN (SELECT Account.Id FROM Contact)",
            "Semi join sub-selects can only query id fields, cannot use: 'Account.Id'",
        ),
        (
            "Owner.Id IN (SELECT Id FROM User)",
            "should be an id field, cannot use: 'Owner.Id'",
        ),
        (
            "Id IN (SELECT OwnerId FROM Contact)",
            (
                "The selected field 'OwnerId' in the subquery and the left operand "
                "field in the where expression in the outer query 'Id' should point to "
                "the same object type"
            ),
        ),
        (
            "Id IN (SELECT ParentId FROM Account)",
            "The inner and outer selects should not be on the same object type",
        ),
        (
            "Id IN (SELECT WhatId FROM Task)",
            "Entity 'Task' is not supported for semi join inner selects",
        ),
        ("Id IN (SELECT Id, AccountId FROM Contact)", "can only query one id field"),
        ("Id IN (SELECT COUNT(Id) FROM Contact)", "can only query one id field"),
        (
            "Id IN (SELECT TYPEOF Owner WHEN User THEN Id END FROM Case)",
            "TYPEOF is not allowed in a semi join",
        ),
        (
            "Id IN (SELECT AccountId FROM Contact ORDER BY Name)",
            "LIMIT, OFFSET and ORDER BY are not allowed in a semi join",
        ),
        ("Id IN (SELECT AccountId FROM Nonsense)", "sObject type 'Nonsense'"),
    ],
)
def test_semi_joins_compare_ids_of_one_object(
    refusal: Refusal, condition: str, message: str
):
    error = refusal(f"SELECT Id FROM Account WHERE {condition}")
    assert message in error.message


@pytest.mark.parametrize(
    ("tail", "code", "message"),
    [
        ("WHERE Id = :id", "MALFORMED_QUERY", "only allowed in Apex code"),
        ("WHERE Id IN :ids.get(0) LIMIT :n", "MALFORMED_QUERY", "in Apex code"),
        ("ALL ROWS", "MALFORMED_QUERY", "ALL ROWS not allowed in this context"),
        ("USING SCOPE nobody", "INVALID_QUERY_SCOPE", "Scope 'nobody' is not"),
        ("USING LOOKUP A.B", "MALFORMED_QUERY", "does not support USING LOOKUP"),
        ("WITH DATA CATEGORY A__c AT b__c", "MALFORMED_QUERY", "WITH A__c"),
        ("WITH UserId = 'x'", "MALFORMED_QUERY", "does not support WITH UserId"),
        ("FOR FUN", "MALFORMED_QUERY", "unexpected token: 'FUN'"),
        ("UPDATE TRACKING", "MALFORMED_QUERY", "only allowed on articles"),
        ("UPDATE Name", "MALFORMED_QUERY", "unexpected token: 'Name'"),
        ("LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("GROUP BY ROLLUP(5)", "MALFORMED_QUERY", "unexpected token: '5'"),
        ("GROUP BY ROLLUP()", "MALFORMED_QUERY", "unexpected token: '('"),
        ("GROUP BY CUBE(Id), Name", "MALFORMED_QUERY", "unexpected token: 'Name'"),
        ("/* without an end", "MALFORMED_QUERY", "no viable alternative"),
        ("WHERE Name = 'x' + 'y'", "MALFORMED_QUERY", "alternative at character '+'"),
        (", Owner o WHERE o.Nothing = 1", "INVALID_FIELD", "No such column 'Nothing'"),
    ],
)
def test_clauses_ask_for_what_there_is(
    refusal: Refusal, tail: str, code: str, message: str
):
    error = refusal(f"SELECT Id FROM Account {tail}")
    assert (error.code, message in error.message) == (code, True)


def test_numbers_may_be_huge(metadata: Metadata):
    """What nobody has so many of is no reason to fail."""
    nines = "9" * 5_000
    text = (
        "SELECT Id FROM Account WHERE NumberOfEmployees < {0} AND CreatedDate > "
        "LAST_N_DAYS:{0} AND LastActivityDate < NEXT_N_YEARS:{0} LIMIT {0}"
    )
    assert compiled(metadata, text.format(nines)).limit == 2**62


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            (
                "SELECT LastViewedDate, LastReferencedDate, Jigsaw, JigsawCompanyId, "
                "Nonsense___, AccountSource, DunsNumber, Tradestyle FROM Account"
            ),
            (
                "LastReferencedDate, Jigsaw, JigsawCompanyId, Nonsense___, "
                "AccountSource, DunsNumber"
            ),
        ),
        (
            (
                "SELECT Id FROM Account WHERE LastModifiedDate=TODAY AND "
                "Nonsense_Nonsense='0050h00000IW2Jf' AND Name = 'x'"
            ),
            "WHERE LastModifiedDate=TODAY AND Nonsense_Nonsense='0050h00000IW2Jf'",
        ),
        (
            "SELECT Id,Name,BillingCity,IsDeleted FROM Nonsense",
            "Name,BillingCity,IsDeleted FROM Nonsense",
        ),
        ("SELECT Nonsense FROM Account", "SELECT Nonsense FROM Account"),
        ("SELECT Id,\n  Nonsense\nFROM Account", "  Nonsense"),
    ],
)
def test_messages_show_whole_words_around_the_place(
    refusal: Refusal, text: str, shown: str
):
    """About thirty characters of the line on either side, as orgs show them."""
    _, line, caret, place, _ = refusal(text).message.split("\n", 4)
    assert line == shown
    assert line[len(caret) - 1 :].startswith("Nonsense")
    row = text[: text.index("Nonsense")].count("\n") + 1
    assert place.startswith(f"ERROR at Row:{row}:Column:")


def test_recorded_messages_show_as_much(refusal: Refusal, recorded: Path):
    """An org's own message for a query whose text can be told from it."""
    path = recorded / "http" / "amp-labs" / "unknown-object.json"
    (known,) = json.loads(path.read_text())
    shown = known["message"].split("\n")[1]
    assert refusal(f"SELECT Id,{shown}").message == known["message"]
