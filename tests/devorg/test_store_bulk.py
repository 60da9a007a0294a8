"""The bulk entrance: what it fills in is what single writes fill in."""

import pyarrow as pa
import pytest

from lht.devorg import ids
from lht.devorg.store.store import Store


def test_a_bulk_insert_fills_what_is_missing(store: Store) -> None:
    """Ids, auto-numbers, flags, owner and audit fields equal those of single writes."""
    alone = store.get("Invoice__c", store.insert("Invoice__c", {"Status__c": "Paid"}))
    rows = "SELECT 'Paid' AS \"Status__c\" FROM range(2)"
    assert store.bulk_insert("invoice__c", rows) == 2
    number = ids.number_of(alone["Id"]) or 0
    bulk = store.get("Invoice__c", ids.make_id("a0I", number + 2))
    assert bulk == alone | {"Id": bulk["Id"], "Name": "INV-000003"}
    following = store.get("Invoice__c", store.insert("Invoice__c", {}))
    assert following["Id"] == ids.make_id("a0I", number + 3)
    assert following["Name"] == "INV-000004"


def test_arrow_tables_go_in_by_column_name(store: Store) -> None:
    """Order does not matter, and given values stand."""
    table = pa.table({"Phone": ["1", None], "Name": ["A", "B"]})
    assert store.bulk_insert("Account", table) == 2
    db = store.cursor()
    rows = db.execute('SELECT "Name", "Phone" FROM "Account" ORDER BY 1').fetchall()
    db.close()
    assert rows == [("A", "1"), ("B", None)]


def test_given_ids_are_never_given_again(store: Store) -> None:
    """Ids made in SQL and ids made alone stay apart."""
    first = store.reserve_ids("Account", 10)
    sql = f'SELECT {ids.sql_id("001", f"{first} + i")} AS "Id", \'n\' AS "Name"'
    store.bulk_insert("Account", f"{sql} FROM range(10) AS r(i)")
    own = ids.make_id("001", 500)
    store.bulk_insert("Account", f"SELECT '{own}' AS \"Id\", 'n' AS \"Name\"")
    assert store.insert("Account", {"Name": "next"}) == ids.make_id("001", 501)
    assert store.record_counts()["Account"] == 12


def test_bulk_children_reach_their_parents_sums(store: Store) -> None:
    """Roll-ups hold after a bulk insert; no stamp moves."""
    invoice = store.insert("Invoice__c", {})
    before = store.get("Invoice__c", invoice)
    rows = f'SELECT \'{invoice}\' AS "Invoice__c", i + 0.5 AS "Amount__c"'
    store.bulk_insert("Invoice_Line__c", f"{rows} FROM range(3) AS r(i)")
    after = store.get("Invoice__c", invoice)
    sums = {"Line_Count__c": 3.0, "Total__c": 4.5, "Smallest_Line__c": 0.5}
    assert after == before | sums


def test_many_pending_rows_arrive_like_few(store: Store) -> None:
    """A large transaction and single writes leave the same rows."""
    values = {"Name": "A", "AnnualRevenue": 1e300, "YearStarted": "0042"}
    alone = store.get("Account", store.insert("Account", values))
    with store.transaction() as transaction:
        made = [transaction.insert("Account", values) for _ in range(25)]
    for account in made:
        assert store.get("Account", account) == alone | {"Id": account}


def test_an_unknown_column_is_refused(store: Store) -> None:
    """A misspelt field is an error, not a lost column."""
    with pytest.raises(Exception, match="Nmae"):
        store.bulk_insert("Account", "SELECT 'x' AS \"Nmae\"")
    assert store.record_counts()["Account"] == 0
