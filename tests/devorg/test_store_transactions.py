"""Transactions, late appearances, roll-ups and replication windows."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.store import replication
from lht.devorg.store.store import Store

START = datetime(2030, 3, 4, 5, 6, 7)


def refused(code: str) -> Any:
    return pytest.raises(OrgError, match=f"^{code}: ")


def names(store: Store) -> list[str]:
    db = store.cursor()
    rows = db.execute('SELECT "Name" FROM "Account" ORDER BY 1').fetchall()
    db.close()
    return [row[0] for row in rows]


def test_writes_become_visible_together_and_late(store: Store, clock: Clock) -> None:
    """Rows enter at commit with the stamps of their writing."""
    transaction = store.transaction()
    first = transaction.insert("Account", {"Name": "A"})
    clock.advance(100)
    transaction.insert("Account", {"Name": "B", "ParentId": first})
    assert names(store) == []
    with refused("NOT_FOUND"):
        store.get("Account", first)
    assert transaction.get("Account", first)["Name"] == "A"
    clock.advance(100)
    transaction.commit()
    assert names(store) == ["A", "B"]
    assert store.get("Account", first)["SystemModstamp"] == START


def test_what_is_not_committed_never_was(store: Store) -> None:
    """Rollback, by hand or by an error, leaves no trace and no lock."""
    account = store.insert("Account", {"Name": "A"})
    transaction = store.transaction()
    with refused("NOT_FOUND"), transaction:
        transaction.update("Account", account, {"Name": "B"})
        transaction.insert("Account", {"Name": "C"})
        transaction.insert("Nothing__c", {})
    assert names(store) == ["A"]
    store.update("Account", account, {"Name": "D"})
    with pytest.raises(RuntimeError, match="over"):
        transaction.insert("Account", {"Name": "E"})


def test_a_refused_write_leaves_the_rest_of_its_transaction(store: Store) -> None:
    """One write does all it says or nothing; those beside it stand."""
    with store.transaction() as transaction:
        account = transaction.insert("Account", {"Name": "A"})
        contact = transaction.insert("Contact", {"LastName": "L", "AccountId": account})
        transaction.insert("Case", {"ContactId": contact})
        with refused("DELETE_FAILED"):
            transaction.delete(account)
        with refused("REQUIRED_FIELD_MISSING"):
            transaction.insert("Account", {})
    assert store.get("Contact", contact)["AccountId"] == account


def test_an_open_transaction_locks_what_it_changes(store: Store) -> None:
    """Others are refused, and may go on when it ends; no change is lost."""
    account = store.insert("Account", {"Name": "A"})
    transaction = store.transaction()
    transaction.update("Account", account, {"Phone": "1"})
    with refused("UNABLE_TO_LOCK_ROW"):
        store.update("Account", account, {"Fax": "2"})
    transaction.commit()
    store.update("Account", account, {"Fax": "2"})
    row = store.get("Account", account)
    assert (row["Phone"], row["Fax"]) == ("1", "2")


def test_a_parent_cannot_vanish_under_a_pending_child(store: Store) -> None:
    """Neither by deleting it meanwhile nor by referring to what is being deleted."""
    account = store.insert("Account", {"Name": "A"})
    other = store.insert("Account", {"Name": "B"})
    transaction = store.transaction()
    transaction.insert("Contact", {"LastName": "L", "AccountId": account})
    transaction.delete(other)
    with refused("UNABLE_TO_LOCK_ROW"):
        store.delete(account)
    with refused("UNABLE_TO_LOCK_ROW"):
        store.insert("Contact", {"LastName": "M", "AccountId": other})
    transaction.commit()
    store.delete(account)


def test_pending_unique_values_are_taken(store: Store) -> None:
    """Two transactions cannot commit the same unique value."""
    transaction = store.transaction()
    transaction.insert("Everything__c", {"Code__c": "x"})
    with refused("DUPLICATE_VALUE"):
        store.insert("Everything__c", {"Code__c": "X"})
    transaction.rollback()
    store.insert("Everything__c", {"Code__c": "X"})


def test_latest_date_covered_waits_for_the_oldest_transaction(
    store: Store, clock: Clock
) -> None:
    """Nothing with a stamp before it can still appear."""
    end = clock.now() + timedelta(days=1)
    start = START.replace(tzinfo=UTC)
    assert store.oldest_open_transaction() is None
    old, young = store.transaction(), None
    clock.advance(50)
    young = store.transaction()
    assert store.oldest_open_transaction() == start
    assert store.latest_date_covered(end) == start
    old.rollback()
    assert store.latest_date_covered(end) == start + timedelta(seconds=50)
    clock.advance(50)
    young.commit()
    assert store.latest_date_covered(end) == start + timedelta(seconds=100)
    assert store.latest_date_covered(start) == start


def test_threads_write_side_by_side(store: Store) -> None:
    """Every insert of every thread arrives exactly once."""

    def write(thread: int) -> None:
        for number in range(20):
            store.insert("Account", {"Name": f"{thread}-{number:02}"})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(store) == [f"{t}-{n:02}" for t in range(4) for n in range(20)]


def sums(store: Store, invoice: str) -> tuple[Any, ...]:
    row = store.get("Invoice__c", invoice)
    fields = ("Line_Count__c", "Total__c", "Smallest_Line__c")
    return tuple(row[name] for name in fields)


def test_roll_ups_follow_every_change_of_a_child(store: Store, clock: Clock) -> None:
    """Insert, update, move, delete and undelete each reach the parent's sums."""
    one, two = store.insert("Invoice__c", {}), store.insert("Invoice__c", {})
    assert sums(store, one) == (0.0, 0.0, None)

    def line(amount: float | None) -> str:
        values = {"Invoice__c": one, "Amount__c": amount}
        return store.insert("Invoice_Line__c", values)

    first, second = line(10.5), line(2.25)
    line(None)
    assert sums(store, one) == (3.0, 12.75, 2.25)
    clock.advance(5)
    store.update("Invoice_Line__c", first, {"Amount__c": 1})
    assert sums(store, one) == (3.0, 3.25, 1.0)
    store.delete(second)
    assert sums(store, one) == (2.0, 1.0, 1.0)
    store.undelete(second)
    assert sums(store, one) == (3.0, 3.25, 1.0)
    store.hard_delete(first)
    assert sums(store, one) == (2.0, 2.25, 2.25)
    assert sums(store, two) == (0.0, 0.0, None)
    row = store.get("Invoice__c", one)
    assert row["SystemModstamp"] == START + timedelta(seconds=5)
    assert row["LastModifiedDate"] == START
    assert store.get("Invoice__c", two)["SystemModstamp"] == START


def test_a_child_that_does_not_change_the_sum_moves_no_stamp(
    store: Store, clock: Clock
) -> None:
    """Only a changed value stamps the parent."""
    invoice = store.insert("Invoice__c", {})
    line = store.insert("Invoice_Line__c", {"Invoice__c": invoice, "Amount__c": 1})
    clock.advance(5)
    store.update("Invoice_Line__c", line, {"Quantity__c": 3})
    assert store.get("Invoice__c", invoice)["SystemModstamp"] == START


def test_a_roll_up_in_a_transaction_has_the_stamp_of_its_cause(
    store: Store, clock: Clock
) -> None:
    """The parent's sum appears at commit with the stamp of the child's write."""
    invoice = store.insert("Invoice__c", {})
    clock.advance(10)
    transaction = store.transaction()
    line = {"Invoice__c": invoice, "Amount__c": 1}
    transaction.insert("Invoice_Line__c", line)
    with refused("UNABLE_TO_LOCK_ROW"):
        store.update("Invoice__c", invoice, {"Status__c": "Sent"})
    clock.advance(10)
    transaction.commit()
    row = store.get("Invoice__c", invoice)
    assert row["Total__c"] == 1.0
    assert row["SystemModstamp"] == START + timedelta(seconds=10)


def test_details_fall_with_their_master(store: Store) -> None:
    """And come back with it, sums and all."""
    invoice = store.insert("Invoice__c", {})
    line = store.insert("Invoice_Line__c", {"Invoice__c": invoice, "Amount__c": 4})
    store.delete(invoice)
    with refused("ENTITY_IS_DELETED"):
        store.get("Invoice_Line__c", line)
    store.undelete(invoice)
    assert sums(store, invoice) == (1.0, 4.0, 4.0)


@pytest.fixture
def minute(clock: Clock) -> datetime:
    """The start of the minute in which the test begins."""
    return clock.now().replace(second=0, microsecond=0)


def test_updated_lists_what_was_stamped_in_the_window(
    store: Store, clock: Clock, minute: datetime
) -> None:
    """Windows are cut to whole minutes, both ends belong; deleted ones do not."""
    clock.set(minute - timedelta(seconds=1))
    store.insert("Account", {"Name": "early"})
    clock.set(minute)
    first = store.insert("Account", {"Name": "first"})
    gone = store.insert("Account", {"Name": "gone"})
    clock.set(minute + timedelta(minutes=5))
    last = store.insert("Account", {"Name": "last"})
    store.delete(gone)
    clock.set(minute + timedelta(minutes=5, seconds=1))
    store.insert("Account", {"Name": "late"})
    start = minute + timedelta(seconds=59)
    end = minute + timedelta(minutes=5, seconds=59)
    assert store.updated_ids("account", start, end) == [first, last]
    deleted = store.deleted_ids("Account", start, end)
    assert deleted == [(gone, minute + timedelta(minutes=5))]


def test_pending_changes_are_in_no_window(store: Store, clock: Clock) -> None:
    """What is not committed is not listed; ``latestDateCovered`` makes up for it."""
    window = (clock.now() - timedelta(minutes=5), clock.now() + timedelta(minutes=5))
    transaction = store.transaction()
    account = transaction.insert("Account", {"Name": "A"})
    assert store.updated_ids("Account", *window) == []
    transaction.commit()
    assert store.updated_ids("Account", *window) == [account]


@pytest.mark.parametrize(
    ("listing", "days"), [("updated_ids", 30), ("deleted_ids", 15)]
)
def test_windows_reach_only_so_far(store: Store, listing: str, days: int) -> None:
    """Too far back, upside down, or of an object that does not replicate."""
    now = store.clock.now()
    read = getattr(store, listing)
    assert read("Account", now - timedelta(days=days), now) == []
    with refused("INVALID_REPLICATION_DATE"):
        read("Account", now - timedelta(days=days, seconds=1), now)
    with refused("INVALID_REPLICATION_DATE"):
        read("Account", now, now - timedelta(minutes=5))
    with refused("INVALID_TYPE_FOR_OPERATION"):
        read("AccountShare", now - timedelta(days=1), now)


def test_deleted_needs_more_than_a_minute(store: Store) -> None:
    """Within one minute ``deleted`` has no window, ``updated`` has."""
    start = store.clock.now().replace(second=1)
    end = start + timedelta(seconds=50)
    assert store.updated_ids("Account", start, end) == []
    with refused("INVALID_REPLICATION_DATE"):
        store.deleted_ids("Account", start, end)


def test_too_many_ids_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer lists so many ids and no more."""
    monkeypatch.setattr(replication, "MAX_IDS", 3)
    window = (
        store.clock.now() - timedelta(minutes=5),
        store.clock.now() + timedelta(minutes=5),
    )
    created = [store.insert("Account", {"Name": str(n)}) for n in range(4)]
    with refused("EXCEEDED_ID_LIMIT"):
        store.updated_ids("Account", *window)
    store.hard_delete(created[0])
    assert store.updated_ids("Account", *window) == created[1:]
    for account in created[1:]:
        store.delete(account)
    with refused("EXCEEDED_ID_LIMIT"):
        store.deleted_ids("Account", *window)


def test_deletions_are_known_since_the_oldest_in_the_log(
    store: Store, clock: Clock
) -> None:
    """Without any it is the fifteen days that ``deleted`` reaches back."""
    fifteen_days = clock.now().replace(microsecond=0) - timedelta(days=15)
    assert store.earliest_deletion("Account") == fifteen_days
    store.hard_delete(store.insert("Account", {"Name": "A"}))
    assert store.earliest_deletion("Account") == START.replace(tzinfo=UTC)
