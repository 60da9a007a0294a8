"""Aggregates, grouping and functions: held to what Python computes of the rows."""

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import combinations
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.metadata import Metadata
from lht.devorg.soql import Compiled, compile_query, parse
from lht.devorg.store.store import Store

TODAY = date(2030, 3, 6)
SEED = 11
CHOICES: dict[str, list[Any]] = {
    "Text__c": [None, "a", "A", "b", "C"],
    "Picklist__c": [None, "Alpha", "Beta", "unlisted"],
    "Money__c": [None, 0.1, 0.2, 0.3, 1e6],
    "Whole__c": [None, -3, 0, 7],
    "Day__c": [None, date(2024, 2, 29), date(2030, 1, 1), date(2030, 12, 31)],
    "Moment__c": [datetime(2030, 3, d, h, 30) for d in (5, 16) for h in (0, 23)],
}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def org(metadata: Metadata) -> Iterator[Store]:
    store = Store(metadata, Clock(datetime(2030, 3, 6, 12, tzinfo=UTC)))
    chance = random.Random(SEED)
    accounts = [store.insert("Account", {"Name": name}) for name in ("Acme", "Zed")]
    with store.transaction() as transaction:
        for number in range(150):
            values = {name: chance.choice(some) for name, some in CHOICES.items()}
            values["Account__c"] = chance.choice([None, *accounts])
            transaction.insert("Everything__c", {"Name": str(number)} | values)
    yield store
    store.close()


@pytest.fixture(scope="module")
def rows(org: Store) -> list[Row]:
    """All rows, read without SOQL."""
    with closing(org.cursor()) as db:
        db.execute(
            'SELECT e.*, a."Name" AS "Account__r.Name" FROM "Everything__c" AS e '
            'LEFT JOIN "Account" AS a ON a."Id" = e."Account__c"'
        )
        names = [column[0] for column in db.description]
        return [dict(zip(names, row, strict=True)) for row in db.fetchall()]


def compiled(store: Store, text: str) -> Compiled:
    user, metadata = store.user_id, store.metadata
    query = parse(text)
    return compile_query(query, metadata, all_rows=False, today=TODAY, user_id=user)


def run(store: Store, select: str, tail: str = "") -> list[tuple[Any, ...]]:
    found = compiled(store, f"SELECT {select} FROM Everything__c {tail}")
    with closing(store.cursor()) as db:
        return db.execute(found.sql, found.params).fetchall()


def names(store: Store, text: str) -> list[str]:
    return [".".join(column.path) for column in compiled(store, text).columns]


def refusal(store: Store, text: str) -> OrgError:
    with pytest.raises(OrgError) as caught:
        compiled(store, text)
    return caught.value


def grouped(
    rows: list[Row], *keys: str | Callable[[Row], Any]
) -> dict[tuple[Any, ...], list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        values = tuple(key(row) if callable(key) else row[key] for key in keys)
        groups[tuple(map(folded, values))].append(row)
    return groups


def folded(value: Any) -> Any:
    """Return what is one text in whatever case."""
    return value.lower() if isinstance(value, str) else value


def known(rows: list[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


def test_aggregates_leave_nulls_out(org: Store, rows: list[Row]):
    """COUNT(Id) counts records, everything else what is there; cents add up."""
    money, whole = known(rows, "Money__c"), known(rows, "Whole__c")
    ((count, filled, different, total, mean, least, greatest, last),) = run(
        org,
        "COUNT(Id), COUNT(Money__c), COUNT_DISTINCT(Text__c), SUM(Money__c), "
        "AVG(Whole__c), MIN(Money__c), MAX(Whole__c), MAX(Day__c)",
    )
    assert (count, filled) == (len(rows), len(money))
    assert different == len({*map(folded, known(rows, "Text__c"))}) == 3
    assert total == math.fsum(money)
    assert mean == pytest.approx(statistics.mean(whole))
    assert (least, greatest) == (min(money), max(whole))
    assert last == max(known(rows, "Day__c"))


def test_groups_are_what_a_dictionary_would_make(org: Store, rows: list[Row]):
    """Null is a group; parents' fields and functions of dates group as well."""
    found = run(
        org,
        "Text__c, Account__r.Name, CALENDAR_YEAR(Day__c), COUNT(Id)",
        "GROUP BY Text__c, Account__r.Name, CALENDAR_YEAR(Day__c)",
    )
    expected = grouped(
        rows,
        "Text__c",
        "Account__r.Name",
        lambda row: row["Day__c"] and row["Day__c"].year,
    )
    counts = {key: len(some) for key, some in expected.items()}
    assert {tuple(map(folded, row[:3])): row[3] for row in found} == counts


def test_having_chooses_groups(org: Store, rows: list[Row]):
    tail = (
        "GROUP BY Text__c HAVING COUNT(Id) > 1 AND (Text__c != 'a' OR SUM(Whole__c) "
        "> 1000) AND NOT MAX(Moment__c) < YESTERDAY ORDER BY COUNT(Id) DESC, Text__c"
    )
    groups = {key[0]: len(some) for key, some in grouped(rows, "Text__c").items()}
    del groups["a"]
    order = sorted(groups, key=lambda key: (-groups[key], (key or "").upper()))
    found = run(org, "Text__c, COUNT(Id)", tail)
    assert [(folded(text), n) for text, n in found] == [(k, groups[k]) for k in order]


def test_a_group_shows_one_of_its_spellings(org: Store, rows: list[Row]):
    """The case of a text makes no groups, as in orgs of English locale."""
    found = run(org, "Text__c, COUNT(Id)", "GROUP BY Text__c HAVING Text__c = 'A'")
    ((text, count),) = found
    assert text in {"a", "A"}
    assert {"a", "A"} <= {*known(rows, "Text__c")}
    assert count == sum(row["Text__c"] in {"a", "A"} for row in rows)


@pytest.mark.parametrize("kind", ["ROLLUP", "CUBE"])
def test_subtotals(org: Store, rows: list[Row], kind: str):
    """ROLLUP leaves fields out from the right, CUBE any; GROUPING tells which."""
    fields = ("Text__c", "Picklist__c", "Whole__c")
    found = run(
        org,
        ", ".join([*fields, *(f"GROUPING({name})" for name in fields), "COUNT(Id)"]),
        f"GROUP BY {kind}({', '.join(fields)})",
    )
    kept = [fields[:n] for n in range(4)]
    if kind == "CUBE":
        kept = [some for n in range(4) for some in combinations(fields, n)]
    expected = {}
    for some in kept:
        left_out = tuple(int(name not in some) for name in fields)
        for key, group in grouped(rows, *some).items():
            values = dict(zip(some, key, strict=True))
            shown = tuple(values.get(name) for name in fields)
            expected[(*shown, *left_out)] = len(group)
    assert {tuple(map(folded, row[:-1])): row[-1] for row in found} == expected


def test_extremes_of_picklists_go_by_their_order(org: Store, rows: list[Row]):
    """The first and last value of the setup, not of the alphabet."""
    listed = [
        v.value
        for v in org.metadata.by_name["everything__c"].by_name["picklist__c"].picklist
    ]
    used = {*known(rows, "Picklist__c")}
    order = [value for value in listed if value in used] + sorted(used - {*listed})
    assert run(org, "MIN(Picklist__c), MAX(Picklist__c)") == [(order[0], order[-1])]


def test_names_of_what_is_selected(org: Store):
    """Aliases, else fields by their last name, else numbers in order."""
    text = (
        "SELECT account__r.name, text__c t, COUNT(Id), SUM(Money__c) total, "
        "DAY_ONLY(Moment__c), FORMAT(MIN(Day__c)) FROM Everything__c "
        "GROUP BY Account__r.Name, Text__c, DAY_ONLY(Moment__c)"
    )
    assert names(org, text) == ["Name", "t", "expr0", "total", "expr1", "expr2"]
    text = (
        "SELECT toLabel(Picklist__c), FORMAT(Money__c), FORMAT(Day__c) d, "
        "toLabel(Account__r.Type), DISTANCE(Spot__c, GEOLOCATION(1, 2), 'km') "
        "FROM Everything__c"
    )
    shown = ["Picklist__c", "Money__c", "d", "Account__r.Type", "expr0"]
    assert names(org, text) == shown


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("Text__c, COUNT(Id) FROM Everything__c", "grouped or aggregated: Text__c"),
        (
            "Text__c, DAY_ONLY(Moment__c) FROM Everything__c GROUP BY Text__c",
            "grouped or aggregated: Moment__c",
        ),
        (
            "Text__c FROM Everything__c GROUP BY Text__c ORDER BY Name",
            "grouped or aggregated: Name",
        ),
        (
            "COUNT(Id) FROM Everything__c GROUP BY Text__c HAVING Name = 'x'",
            "grouped or aggregated: Name",
        ),
        (
            "COUNT(Text__c) FROM Everything__c GROUP BY Text__c",
            "Grouped field should not be aggregated: Text__c",
        ),
        (
            "COUNT(Id) FROM Everything__c GROUP BY Long__c",
            "field 'Long__c' can not be grouped in a query call",
        ),
        (
            "COUNT(Id) FROM Everything__c GROUP BY Money__c",
            "field 'Money__c' can not be grouped in a query call",
        ),
        (
            "SUM(Text__c) FROM Everything__c",
            "field Text__c does not support aggregate operator SUM",
        ),
        (
            "MAX(Flag__c) FROM Everything__c",
            "field Flag__c does not support aggregate operator MAX",
        ),
        ("COUNT(Id) a, MAX(Day__c) A FROM Everything__c", "duplicate alias: A"),
        (
            (
                "Owner.Name, Account__r.Name FROM Everything__c "
                "GROUP BY Owner.Name, Account__r.Name"
            ),
            "duplicate alias: Name",
        ),
        ("Name n FROM Everything__c", "only aggregate expressions use field aliasing"),
        ("COUNT(Id) FROM Everything__c LIMIT 5", "cannot also use LIMIT"),
        ("COUNT(), Name FROM Everything__c", "COUNT() takes one field"),
        ("COUNT() FROM Everything__c GROUP BY Name", "cannot be used with GROUP BY"),
        ("GROUPING(Text__c) FROM Everything__c GROUP BY Text__c", "GROUPING() takes"),
        (
            "COUNT(Id) FROM Everything__c GROUP BY CUBE(Text__c, Day__c, Name, Id)",
            "CUBE takes at most 3 fields",
        ),
        ("COUNT(Id), (SELECT Id FROM Children) FROM Everything__c", "a sub-query is"),
        (
            "COUNT(Id), TYPEOF Owner WHEN User THEN Id END FROM Case",
            "TYPEOF is not allowed",
        ),
        (
            (
                "COUNT(Id) FROM Everything__c GROUP BY Text__c HAVING Text__c IN "
                "(SELECT Id FROM Account)"
            ),
            "not allowed in HAVING",
        ),
    ],
)
def test_what_makes_no_group_is_refused(org: Store, select: str, message: str):
    """In Salesforce's words, where they are known."""
    error = refusal(org, f"SELECT {select}")
    assert error.code in {"MALFORMED_QUERY", "INVALID_FIELD"}
    assert message in error.message


DATE_FUNCTIONS: dict[str, Callable[[date], int]] = {
    "CALENDAR_MONTH": lambda day: day.month,
    "CALENDAR_QUARTER": lambda day: (day.month + 2) // 3,
    "CALENDAR_YEAR": lambda day: day.year,
    "DAY_IN_MONTH": lambda day: day.day,
    "DAY_IN_WEEK": lambda day: day.isoweekday() % 7 + 1,  # Sunday is 1
    "DAY_IN_YEAR": lambda day: day.timetuple().tm_yday,
    "FISCAL_MONTH": lambda day: day.month,
    "FISCAL_QUARTER": lambda day: (day.month + 2) // 3,
    "FISCAL_YEAR": lambda day: day.year,
    "WEEK_IN_MONTH": lambda day: (day.day + 6) // 7,
    "WEEK_IN_YEAR": lambda day: (day.timetuple().tm_yday + 6) // 7,
}


@pytest.mark.parametrize("function", DATE_FUNCTIONS)
def test_parts_of_dates(org: Store, rows: list[Row], function: str):
    """Of dates and datetimes, to group and to filter by."""
    expected = DATE_FUNCTIONS[function]
    for name in ("Day__c", "Moment__c"):
        call = f"{function}({name})"
        counts = dict(run(org, f"{call}, COUNT(Id)", f"GROUP BY {call}"))
        days = grouped(rows, lambda row, name=name: row[name] and expected(row[name]))
        assert counts == {key[0]: len(some) for key, some in days.items()}
        for value in known([{"v": key} for key in counts], "v"):
            found = run(org, "COUNT(Id)", f"WHERE {call} = {value}")
            assert found == [(counts[value],)]


def test_parts_of_moments(org: Store, rows: list[Row]):
    hours = grouped(rows, lambda row: row["Moment__c"].hour)
    call = "HOUR_IN_DAY(convertTimezone(Moment__c))"
    found = dict(run(org, f"{call}, COUNT(Id)", f"GROUP BY {call}"))
    assert found == {key[0]: len(some) for key, some in hours.items()}
    day = sum(row["Moment__c"].date() == date(2030, 3, 5) for row in rows)
    tail = "WHERE DAY_ONLY(Moment__c) = 2030-03-05"
    assert run(org, "COUNT(Id)", tail) == [(day,)]


def test_values_as_people_read_them(org: Store):
    """FORMAT writes as in the United States; nothing stays nothing."""
    values = {
        "Name": "shown",
        "Money__c": -1234567.5,
        "Whole__c": 1234567,
        "Share__c": 12.5,
        "Day__c": date(2024, 2, 9),
        "Moment__c": datetime(2024, 2, 9, 15, 4, 59, tzinfo=UTC),
        "Text__c": "as it is",
    }
    id_ = org.insert("Everything__c", values)
    shown = ", ".join(f"FORMAT({name})" for name in values if name != "Name")
    found = run(org, f"{shown}, FORMAT(Number__c)", f"WHERE Id = '{id_}'")
    money, whole, share, day, moment, text, nothing = found[0]
    assert money.startswith("-$1,234,567.5")
    assert whole == "1,234,567"
    assert share.startswith("12.5")
    assert share.endswith("%")
    assert (day, moment) == ("2/9/2024", "2/9/2024, 3:04 PM")
    assert (text, nothing) == ("as it is", None)
    org.delete(id_)


def test_distances(org: Store):
    """As the crow flies: Berlin is 878 km from Paris, 545 miles; null has none."""
    berlin = {"Spot__Latitude__s": 52.52, "Spot__Longitude__s": 13.405}
    id_ = org.insert("Everything__c", {"Name": "Berlin"} | berlin)
    paris = "DISTANCE(Spot__c, GEOLOCATION(48.8566, 2.3522), '{}')"
    km, miles = paris.format("km"), paris.format("mi")
    (found,) = run(org, f"{km} a, {miles} b", f"WHERE Id = '{id_}'")
    assert found == pytest.approx((877.5, 545.2), abs=1)
    assert run(org, "Id", f"WHERE {km} < 900 AND {miles} > 500") == [(id_,)]
    assert run(org, "Id", f"ORDER BY {km} NULLS LAST LIMIT 1") == [(id_,)]
    org.delete(id_)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("DISTANCE(Spot__c, GEOLOCATION(1, 2), 'km') = 5", "only be compared by < and"),
        ("DISTANCE(Spot__c, GEOLOCATION(1, 200), 'km') < 5", "takes a location"),
        ("DISTANCE(Spot__c, GEOLOCATION(1), 'km') < 5", "takes a location"),
        ("DISTANCE(Spot__c, GEOLOCATION(1, 2), 'yd') < 5", "takes a location"),
        ("DISTANCE(Text__c, GEOLOCATION(1, 2), 'mi') < 5", "takes a location"),
        ("HOUR_IN_DAY(Day__c) = 5", "does not support function HOUR_IN_DAY"),
        ("Money__c > EUR5", "Invalid currency code: EUR"),
        ("Whole__c > USD5", "must be of type int"),
        ("COUNT(Id) > 5", "COUNT is not allowed here"),
        ("convertCurrency(Text__c) > 5", "takes a currency field"),
        ("GEOLOCATION(1, 2) > 5", "unexpected token: '('"),
    ],
)
def test_functions_of_nothing_that_fits_are_refused(
    org: Store, condition: str, message: str
):
    error = refusal(org, f"SELECT Id FROM Everything__c WHERE {condition}")
    assert message in error.message


def test_amounts_may_name_their_currency(org: Store):
    plain = run(org, "COUNT(Id)", "WHERE Money__c > 0.2")
    assert run(org, "COUNT(Id)", "WHERE Money__c > usd0.2") == plain
    assert plain[0][0] > 0
