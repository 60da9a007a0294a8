"""What a query finds: compared with a model of SOQL that knows no SQL."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.metadata import Metadata
from lht.devorg.soql import Compiled, compile_query, parse
from lht.devorg.store.store import Store

TODAY = date(2030, 3, 6)  # a Wednesday

TEXTS = [
    None,
    "a",
    "A",
    "B",
    "ab",
    "a_b",
    "100%",
    "ÄRGER",
    "ärger",
    "o'x",
    "\\",
    "NULL",
]
NUMBERS = [None, -1.5, 0.0, 0.1, 1.0, 2.5, 1e7, 1e12]
WHOLES = [None, -3, 0, 7, 10**8]
DAYS = [None, *(date(2030, 3, day) for day in (1, 2, 3, 4, 5, 6, 7, 9, 10))]
MOMENTS = [None, *(datetime(2030, 3, d, h, 30) for d in (5, 6, 7) for h in (0, 23))]
MULTI = [None, "Alpha", "Alpha;Beta", "Beta;Gamma", "Gamma"]

FIELDS: dict[str, tuple[str, list[Any]]] = {
    "Text__c": ("text", TEXTS),
    "Number__c": ("number", NUMBERS),
    "Whole__c": ("number", WHOLES),
    "Day__c": ("date", DAYS),
    "Moment__c": ("datetime", MOMENTS),
    "Flag__c": ("boolean", [True, False]),
    "Multi__c": ("multi", MULTI),
}
"""The fields a condition may use, and the values they may have."""

Row = dict[str, Any]
Test = Callable[[Row], bool]


@pytest.fixture(scope="module")
def org(metadata: Metadata) -> Iterator[Store]:
    store = Store(metadata, Clock(datetime(2030, 3, 6, 12, tzinfo=UTC)))
    chance = random.Random(7)
    accounts = [
        store.insert("Account", {"Name": name, "Industry": industry})
        for name, industry in (("Acme", "Media"), ("acme", None), ("Zed", "Energy"))
    ]
    with store.transaction() as transaction:
        for number in range(120):
            values = {name: chance.choice(some) for name, (_, some) in FIELDS.items()}
            parent = chance.choice([None, *accounts])
            values |= {"Name": f"Row {number}", "Account__c": parent}
            transaction.insert("Everything__c", values)
    yield store
    store.close()


@pytest.fixture(scope="module")
def rows(org: Store) -> list[Row]:
    """All rows as Python values, read without SOQL."""
    accounts = {row["Id"]: row for row in table(org, "Account")}
    found = table(org, "Everything__c")
    for row in found:
        parent = accounts.get(row["Account__c"], {})
        row["Account__r.Name"] = parent.get("Name")
        row["Account__r.Industry"] = parent.get("Industry")
        row["Account__r.IsDeleted"] = parent.get("IsDeleted", False)
    return found


def table(store: Store, name: str) -> list[Row]:
    with closing(store.cursor()) as db:
        db.execute(f'SELECT * FROM "{name}" ORDER BY "Id"')
        names = [column[0] for column in db.description]
        return [dict(zip(names, row, strict=True)) for row in db.fetchall()]


def compiled(store: Store, text: str, *, all_rows: bool = False) -> Compiled:
    query = parse(text)
    return compile_query(query, store.metadata, all_rows=all_rows, today=TODAY)


def run(store: Store, text: str, *, all_rows: bool = False) -> list[tuple[Any, ...]]:
    found = compiled(store, text, all_rows=all_rows)
    with closing(store.cursor()) as db:
        return db.execute(found.sql, found.params).fetchall()


def ids(store: Store, condition: str, tail: str = "") -> list[str]:
    query = f"SELECT Id FROM Everything__c WHERE {condition} {tail}"
    return [row[0] for row in run(store, query)]


def refusal(store: Store, text: str) -> OrgError:
    with pytest.raises(OrgError) as caught:
        compiled(store, text)
    return caught.value


def written(value: Any) -> str:
    """Write a value as a SOQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else repr(value)


def folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Conditions:
    """Draws conditions: their SOQL text, and a Python function that means the same."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def draw(self, depth: int = 3) -> tuple[str, Test]:
        if depth == 0 or self.chance.random() < 0.3:
            return self.comparison()
        if self.chance.random() < 0.3:
            text, test = self.draw(depth - 1)
            return f"(NOT ({text}))", lambda row: not test(row)
        word = self.chance.choice(["AND", "OR"])
        parts = [self.draw(depth - 1) for _ in range(self.chance.randint(2, 3))]
        tests = [test for _, test in parts]
        both = all if word == "AND" else any
        text = "(" + f" {word} ".join(part for part, _ in parts) + ")"
        return text, lambda row: both([test(row) for test in tests])

    def comparison(self) -> tuple[str, Test]:
        name = self.chance.choice(list(FIELDS))
        kind, values = FIELDS[name]
        operators = ["=", "!=", "IN", "NOT IN"]
        if kind not in {"boolean", "multi"}:
            operators += list(ORDERS)
        if kind == "multi":
            operators += ["INCLUDES", "EXCLUDES"]
        operator = self.chance.choice(operators)
        if operator in ORDERS:
            value = self.chance.choice([v for v in values if v is not None])
            return f"{name} {operator} {written(value)}", self.ordered(
                name, operator, value
            )
        some = self.chance.sample(values, self.chance.randint(1, min(3, len(values))))
        if operator in {"=", "!="}:
            some = some[:1]
            literal = written(some[0])
        else:
            literal = f"({', '.join(map(written, some))})"
        return f"{name} {operator} {literal}", self.among(name, operator, some)

    def ordered(self, name: str, operator: str, value: Any) -> Test:
        compare = ORDERS[operator]
        return lambda row: (
            row[name] is not None and compare(folded(row[name]), folded(value))
        )

    def among(self, name: str, operator: str, some: list[Any]) -> Test:
        """Mean one of the operators that have an opposite; null is a value here."""

        def equal(row: Row) -> bool:
            return any(folded(row[name]) == folded(value) for value in some)

        def included(row: Row) -> bool:
            has = set((row[name] or "").lower().split(";"))
            return any(
                row[name] is None
                if value is None
                else has >= set(value.lower().split(";"))
                for value in some
            )

        positive = included if operator in {"INCLUDES", "EXCLUDES"} else equal
        if operator in {"!=", "NOT IN", "EXCLUDES"}:
            return lambda row: not positive(row)
        return positive


def test_conditions_mean_what_the_model_says(org: Store, rows: list[Row], seed: int):
    """Null, case and negation: every drawn condition finds exactly the model's rows."""
    conditions = Conditions(random.Random(seed))
    sizes = set()
    for _ in range(300):
        text, test = conditions.draw()
        wanted = {row["Id"] for row in rows if test(row)}
        assert set(ids(org, text)) == wanted, text
        sizes.add(len(wanted))
    assert len(sizes) > 10


@pytest.mark.parametrize(
    ("condition", "test"),
    [
        ("Text__c LIKE 'a%'", lambda r: (r["Text__c"] or "").lower().startswith("a")),
        ("Text__c LIKE '_'", lambda r: len(r["Text__c"] or "") == 1),
        (r"Text__c LIKE 'a\_%'", lambda r: r["Text__c"] == "a_b"),
        (r"Text__c LIKE '%\%'", lambda r: r["Text__c"] == "100%"),
        (r"Text__c LIKE '\\'", lambda r: r["Text__c"] == "\\"),
        ("Text__c LIKE 'ärger'", lambda r: (r["Text__c"] or "").lower() == "ärger"),
        ("NOT Text__c LIKE 'a%'", lambda r: (r["Text__c"] or "")[:1] not in {"a", "A"}),
        ("Text__c = ''", lambda r: r["Text__c"] is None),
        ("Text__c != ''", lambda r: r["Text__c"] is not None),
        ("Text__c > ''", lambda r: r["Text__c"] is not None),
        ("Flag__c = null", lambda r: not r["Flag__c"]),
        ("Flag__c != null", lambda r: r["Flag__c"]),
        ("Account__r.Name = null", lambda r: r["Account__r.Name"] is None),
        (
            "Account__r.Name != 'acme'",
            lambda r: r["Account__r.Name"] not in {"Acme", "acme"},
        ),
        ("Account__r.IsDeleted = false", lambda _: True),
        (
            "Account__r.Industry = null OR Account__r.Industry = 'media'",
            lambda r: r["Account__r.Industry"] in {None, "Media"},
        ),
    ],
)
def test_texts_nulls_and_parents(
    org: Store, rows: list[Row], condition: str, test: Test
):
    wanted = [row["Id"] for row in rows if test(row)]
    assert wanted
    assert sorted(ids(org, condition)) == wanted


@pytest.mark.parametrize(
    ("word", "days"),
    [
        ("TODAY", (date(2030, 3, 6), date(2030, 3, 7))),
        ("YESTERDAY", (date(2030, 3, 5), date(2030, 3, 6))),
        ("TOMORROW", (date(2030, 3, 7), date(2030, 3, 8))),
        ("THIS_WEEK", (date(2030, 3, 3), date(2030, 3, 10))),
        ("NEXT_WEEK", (date(2030, 3, 10), date(2030, 3, 17))),
        ("LAST_MONTH", (date(2030, 2, 1), date(2030, 3, 1))),
        ("THIS_MONTH", (date(2030, 3, 1), date(2030, 4, 1))),
        ("THIS_QUARTER", (date(2030, 1, 1), date(2030, 4, 1))),
        ("THIS_FISCAL_YEAR", (date(2030, 1, 1), date(2031, 1, 1))),
        ("LAST_N_DAYS:2", (date(2030, 3, 4), date(2030, 3, 7))),
        ("NEXT_N_DAYS:2", (date(2030, 3, 7), date(2030, 3, 9))),
        ("N_DAYS_AGO:2", (date(2030, 3, 4), date(2030, 3, 5))),
        ("LAST_N_WEEKS:1", (date(2030, 2, 24), date(2030, 3, 3))),
        ("N_MONTHS_AGO:14", (date(2029, 1, 1), date(2029, 2, 1))),
        ("LAST_90_DAYS", (date(2029, 12, 6), date(2030, 3, 7))),
    ],
)
@pytest.mark.parametrize("name", ["Day__c", "Moment__c"])
def test_named_days_are_ranges(
    org: Store, rows: list[Row], name: str, word: str, days: tuple[date, date]
):
    """``= TODAY`` is any time of the day, ``> TODAY`` is after its end."""
    first, end = days

    def day(row: Row) -> date | None:
        value = row[name]
        return value.date() if isinstance(value, datetime) else value

    known = [(row["Id"], day(row)) for row in rows if row[name] is not None]
    for operator, test in {
        "=": lambda d: first <= d < end,
        ">": lambda d: d >= end,
        ">=": lambda d: d >= first,
        "<": lambda d: d < first,
        "<=": lambda d: d < end,
    }.items():
        wanted = [id_ for id_, d in known if test(d)]
        assert sorted(ids(org, f"{name} {operator} {word}")) == wanted, operator
    nulls = {row["Id"] for row in rows if row[name] is None}
    assert nulls <= set(ids(org, f"{name} != {word}"))


def test_order_puts_nulls_first_and_ignores_case(org: Store, rows: list[Row]):
    def values(tail: str) -> list[Any]:
        found = run(org, f"SELECT Text__c FROM Everything__c ORDER BY Text__c {tail}")
        return [row[0] for row in found]

    texts = [row["Text__c"] for row in rows]
    nulls = [None] * texts.count(None)
    known = sorted(t.upper() for t in texts if t is not None)
    for tail, wanted in {
        "": nulls + known,
        "DESC": nulls + known[::-1],
        "NULLS LAST": known + nulls,
        "DESC NULLS LAST": known[::-1] + nulls,
    }.items():
        assert [t and t.upper() for t in values(tail)] == wanted


def test_picklists_sort_as_set_up(org: Store):
    """Not by the alphabet: by the order in which the values are declared."""
    field = org.metadata.by_name["everything__c"].by_name["restricted__c"]
    declared = [value.value for value in field.picklist]
    for value in reversed(declared):
        org.insert("Everything__c", {"Name": "sorted", "Restricted__c": value})
    found = run(
        org,
        "SELECT Restricted__c FROM Everything__c WHERE Name = 'sorted' "
        "ORDER BY Restricted__c",
    )
    assert [row[0] for row in found] == declared
    assert declared != sorted(declared)


def test_limit_offset_and_count(org: Store, rows: list[Row]):
    everything = [row["Id"] for row in rows]
    names = "Name LIKE 'Row %'"
    assert ids(org, names, "ORDER BY Id LIMIT 5 OFFSET 3") == everything[3:8]
    assert ids(org, names, "LIMIT 0") == []
    found = compiled(org, f"SELECT COUNT() FROM Everything__c WHERE {names}")
    assert found.is_count
    with closing(org.cursor()) as db:
        count = db.execute(found.count_sql, found.params).fetchone()
    assert count == (len(rows),)


def test_the_recycle_bin_is_seen_by_query_all_only(org: Store):
    id_ = org.insert("Everything__c", {"Name": "binned"})
    org.delete(id_)
    query = "SELECT Id, IsDeleted FROM Everything__c WHERE Name = 'binned'"
    assert run(org, query) == []
    assert run(org, query, all_rows=True) == [(id_, True)]


def test_formulas_are_computed_when_read(org: Store):
    """A parent's change shows at once, though nothing of the child was written."""
    account = org.insert("Account", {"Name": "Before"})
    id_ = org.insert("Everything__c", {"Name": "child", "Account__c": account})
    query = (
        "SELECT Text_Formula__c, SystemModstamp FROM Everything__c "
        "WHERE Text_Formula__c LIKE 'child / %'"
    )
    ((first, stamp),) = run(org, query)
    org.update("Account", account, {"Name": "After"})
    assert run(org, query) == [("child / After", stamp)]
    assert first == "child / Before"
    org.delete(id_)


def test_polymorphic_parents_have_names(org: Store):
    """An owner may be a user or a queue; both answer to Name and Type."""
    user = run(org, "SELECT Id, Name FROM User LIMIT 1")[0]
    case = org.insert("Case", {"Subject": "x", "OwnerId": user[0]})
    query = f"SELECT Owner.Name, Owner.Type FROM Case WHERE Id = '{case}'"
    assert run(org, query) == [(user[1], "User")]


def test_semi_joins(org: Store, rows: list[Row]):
    with_media = "SELECT Id FROM Account WHERE Industry = 'Media'"
    wanted = [r["Id"] for r in rows if r["Account__r.Industry"] == "Media"]
    assert sorted(ids(org, f"Account__c IN ({with_media})")) == wanted
    others = set(ids(org, f"Name LIKE 'Row%' AND Account__c NOT IN ({with_media})"))
    assert others == {row["Id"] for row in rows} - set(wanted)
    parents = "SELECT Account__c FROM Everything__c WHERE Account__c != null"
    assert len(run(org, f"SELECT Id FROM Account WHERE Id IN ({parents})")) >= 3


def test_an_id_with_a_wrong_checksum_finds_nothing(org: Store):
    """Its end is not looked at, as recorded: what has an id's length is an id."""
    assert ids(org, "Id = 'a001a000001E1vFAKE'") == []
    code = "INVALID_QUERY_FILTER_OPERATOR"
    for text in ("a001a000001E1vFAK", "a001a000001E1v-AKE"):
        query = f"SELECT Id FROM Everything__c WHERE Id = '{text}'"
        assert refusal(org, query).code == code


def test_ids_are_found_by_either_length(org: Store, rows: list[Row]):
    id_ = rows[0]["Id"]
    for text in (id_, id_[:15]):
        assert ids(org, f"Id = '{text}'") == [id_]
        assert ids(org, f"Id IN ('{text}')") == [id_]
    assert ids(org, "Id = ''") == []


def test_long_lists_and_long_conditions(org: Store, rows: list[Row]):
    """Thousands of values or conditions in one query are no problem."""
    listed = ", ".join(f"'{row['Id']}'" for row in rows) + ", 'a0E000000000001'" * 5000
    assert len(ids(org, f"Id IN ({listed})")) == len(rows)
    parts = " OR ".join(f"Name = 'Row {n}'" for n in range(2000))
    assert len(ids(org, parts)) == len(rows)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "SELECT Id FROM XYZZY",
            "INVALID_TYPE",
            (
                "\nSELECT Id FROM XYZZY\n               ^\nERROR at Row:1:Column:16\n"
                "sObject type 'XYZZY' is not supported. If you are attempting to use a "
                "custom object, be sure to append the '__c' after the entity name. "
                "Please reference your WSDL or the describe call for the appropriate "
                "names."
            ),
        ),
        (
            "SELECT Id, Dispenser__c FROM Account",
            "INVALID_FIELD",
            (
                "\nSELECT Id, Dispenser__c FROM Account\n           ^\n"
                "ERROR at Row:1:Column:12\nNo such column 'Dispenser__c' on entity "
                "'Account'. If you are attempting to use a custom field, be sure to "
                "append the '__c' after the custom field name. Please reference your "
                "WSDL or the describe call for the appropriate names."
            ),
        ),
    ],
)
def test_unknown_names_get_the_recorded_texts(
    org: Store, text: str, code: str, message: str
):
    error = refusal(org, text)
    assert (error.status, error.code, error.message) == (400, code, message)


@pytest.mark.parametrize(
    ("condition", "code", "message"),
    [
        ("Owner__r.X = 1", "INVALID_FIELD", "understand relationship 'Owner__r'"),
        ("Long__c = 'x'", "INVALID_FIELD", "field 'Long__c' can not be filtered"),
        ("Spot__c = 'x'", "INVALID_FIELD", "field 'Spot__c' can not be filtered"),
        (
            "Moment__c > '2024-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "for field 'Moment__c' must be of type dateTime and should not be enclosed",
        ),
        ("Day__c = 2024-01-01T00:00:00Z", "INVALID_FIELD", "must be of type date"),
        ("Moment__c = 2024-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("Number__c = '1'", "INVALID_FIELD", "must be of type double and should not"),
        ("Text__c = 1", "INVALID_FIELD", "string and should be enclosed"),
        ("Flag__c = 'true'", "INVALID_FIELD", "must be of type boolean and should not"),
        ("Flag__c = TODAY", "INVALID_FIELD", "must be of type boolean"),
        ("Text__c = Foo", "MALFORMED_QUERY", "unexpected token: 'Foo'"),
        ("Day__c = 2024-02-30", "MALFORMED_QUERY", "Invalid date: 2024-02-30"),
        ("Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        ("Whole__c LIKE '1%'", "INVALID_QUERY_FILTER_OPERATOR", "on int field"),
        ("Text__c INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", "multipicklist"),
        ("Text__c > null", "INVALID_QUERY_FILTER_OPERATOR", "null"),
        ("CALENDAR_YEAR(Text__c) = 2024", "INVALID_FIELD", "support function CAL"),
        ("MAX(Day__c) = 2024-01-01", "MALFORMED_QUERY", "MAX is not allowed here"),
        ("NONSENSE(Day__c) = 1", "MALFORMED_QUERY", "unexpected token: '('"),
        ("Account__c IN (SELECT Name FROM Account)", "MALFORMED_QUERY", "query id f"),
        ("Text__c IN (SELECT Id FROM Account)", "MALFORMED_QUERY", "left operand"),
        ("Account__c IN (SELECT Id FROM Account LIMIT 1)", "MALFORMED_QUERY", "LIMIT"),
        ("Id IN (SELECT Id FROM Everything__c)", "MALFORMED_QUERY", "same object"),
        (
            "Flag__c = true OR Account__c IN (SELECT Id FROM Account)",
            "MALFORMED_QUERY",
            "top level",
        ),
        (
            " AND ".join(["Account__c IN (SELECT Id FROM Account)"] * 3),
            "MALFORMED_QUERY",
            "Maximum 2",
        ),
        (
            (
                "Account__c IN (SELECT Id FROM Account WHERE OwnerId IN "
                "(SELECT Id FROM User))"
            ),
            "MALFORMED_QUERY",
            "Nesting",
        ),
        (f"Text__c = '{'x' * 4_001}'", "MALFORMED_QUERY", "longer than 4000"),
        ("Moment__c > 1699-12-31T23:59:59Z", "MALFORMED_QUERY", "Invalid datetime"),
        ("Day__c > 4001-01-01", "MALFORMED_QUERY", "Invalid date"),
    ],
)
def test_wrong_conditions_are_refused(
    org: Store, condition: str, code: str, message: str
):
    error = refusal(org, f"SELECT Id FROM Everything__c WHERE {condition}")
    assert (error.status, error.code) == (400, code)
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT Id, id FROM Account", "duplicate field selected: Id"),
        ("SELECT Owner.Name, owner.name FROM Account", "duplicate field selected"),
        ("SELECT Id FROM Account ORDER BY Description", "can not be sorted in a query"),
        (
            "SELECT Id, (SELECT Id FROM Nonsense) FROM Account",
            "understand relationship 'Nonsense' in FROM part of query call",
        ),
        ("SELECT COUNT() FROM Account ORDER BY Name", "must be grouped or aggregated"),
        (
            "SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account",
            "Didn't understand relationship",
        ),
    ],
)
def test_what_cannot_be_selected_is_refused(org: Store, text: str, message: str):
    assert message in refusal(org, text).message


def test_aliases_and_object_names_may_lead_a_path(org: Store):
    """``a.Name``, ``Account.Name`` and ``Name`` are one field of ``Account a``."""
    query = "SELECT a.Name, Account.Id, Owner.Name FROM Account a WHERE a.Name != null"
    paths = [column.path for column in compiled(org, query).columns]
    assert paths == [("Name",), ("Id",), ("Owner", "Name")]


def test_every_field_of_every_object_can_be_selected(org: Store):
    """Also compounds and formulas, in one query each."""
    for sobject in (s for s in org.metadata.sobjects if s.queryable):
        names = ", ".join(field.name for field in sobject.fields)
        rows = run(org, f"SELECT {names} FROM {sobject.name} LIMIT 1", all_rows=True)
        assert all(len(row) == len(sobject.fields) for row in rows)


def test_case_sensitive_keys_are_told_apart(org: Store):
    """A unique field declared case-sensitive compares as written; others do not."""
    made = {
        key: org.insert("Everything__c", {"Name": "keyed", "External_Key__c": key})
        for key in ("key-a", "KEY-A")
    }
    for key, id_ in made.items():
        assert ids(org, f"External_Key__c = '{key}'") == [id_]
        assert ids(org, f"External_Key__c IN ('{key}', 'x')") == [id_]
    assert len(ids(org, "Name = 'KEYED'")) == 2


def test_every_relationship_leads_to_a_parent_or_is_refused(org: Store):
    """Where the org lacks what a reference points to, there is no such relationship."""
    known = org.metadata.by_name
    reached = refused = 0
    for sobject in org.metadata.sobjects:
        if not sobject.queryable:
            continue
        for field in sobject.by_relationship.values():
            path = f"{field.relationship_name}.Id"
            soql = f"SELECT {path} FROM {sobject.name} WHERE {path} != null"
            if any(name.lower() in known for name in field.reference_to):
                assert all(row[0] for row in run(org, soql))
                reached += 1
            else:
                assert "understand relationship" in refusal(org, soql).message
                refused += 1
    assert reached > 50
    assert refused > 0
