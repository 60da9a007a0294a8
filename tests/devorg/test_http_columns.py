"""What the Salesforce CLI asks beside its queries, and how it writes addresses."""

import pytest
from tests.devorg.calling import BASE, calling


@pytest.fixture(scope="module")
def caller():
    with calling(rows={"Account": 3}) as caller:
        yield caller


def columns(caller, soql):
    found = caller.get("/query", q=soql, columns="true")
    assert found.status_code == 200
    return found.json()


def names(told):
    return [
        (column["columnName"], names(column["joinColumns"]))
        if column["joinColumns"]
        else column["columnName"]
        for column in told
    ]


def test_columns_come_in_the_order_of_the_query(caller):
    """Those of parents are inside one for the parent, those of children in another."""
    soql = (
        "SELECT Name, Owner.Name, AnnualRevenue, Owner.Profile.Name,"
        " (SELECT LastName FROM Contacts) FROM Account"
    )
    told = columns(caller, soql)
    assert names(told["columnMetadata"]) == [
        "Name",
        ("Owner", ["Name", ("Profile", ["Name"])]),
        "AnnualRevenue",
        ("Contacts", ["LastName"]),
    ]
    assert (told["entityName"], told["keyPrefix"]) == ("Account", "001")
    assert (told["idSelected"], told["groupBy"]) == (False, False)
    *_, revenue, contacts = told["columnMetadata"]
    assert (revenue["apexType"], revenue["numberType"]) == ("Decimal", True)
    assert (revenue["aggregate"], contacts["aggregate"]) == (False, True)


def test_sums_are_told_from_what_they_are_grouped_by(caller):
    """A sum without a name of its own has the one that its rows give it."""
    told = columns(
        caller, "SELECT Type, COUNT(Id), MAX(Name) n FROM Account GROUP BY Type"
    )
    found = [(c["columnName"], c["aggregate"]) for c in told["columnMetadata"]]
    assert found == [("Type", False), ("expr0", True), ("n", True)]
    assert told["groupBy"] is True


def test_a_query_that_counts_has_no_columns(caller):
    assert columns(caller, "SELECT COUNT() FROM Account")["columnMetadata"] == []


def test_the_query_is_not_run_and_may_be_wrong(caller):
    assert "records" not in columns(caller, "SELECT Id FROM Account")
    found = caller.get("/query", q="SELECT Nope FROM Account", columns="true")
    assert caller.error(found)[:2] == (400, "INVALID_FIELD")
    assert caller.get("/query", q="SELECT Id FROM Account", columns="false").json()[
        "done"
    ]


def test_an_address_may_begin_with_two_slashes(caller):
    """So it does where an instance's URL ends in one."""
    assert caller.http.get(f"{caller.org.url}/{BASE}/limits").status_code == 200
