"""Deleting and what falls with it, the bin, coming back, merging, and being gone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.store.store import Store

START = datetime(2030, 3, 4, 5, 6, 7)


def refused(code: str) -> Any:
    return pytest.raises(OrgError, match=f"^{code}: ")


def stored(store: Store, sobject: str, record_id: str) -> dict[str, Any] | None:
    """Read a row past all rules, deleted or not."""
    db = store.cursor()
    db.execute(f'SELECT * FROM "{sobject}" WHERE "Id" = ?', [record_id])
    names = [column[0] for column in db.description or []]
    rows = db.fetchall()
    db.close()
    assert len(rows) <= 1
    return dict(zip(names, rows[0], strict=True)) if rows else None


def deleted_ids(store: Store, sobject: str) -> set[str]:
    now = store.clock.now()
    window = (now - timedelta(days=14), now + timedelta(hours=1))
    return {record_id for record_id, _ in store.deleted_ids(sobject, *window)}


@pytest.fixture
def family(store: Store) -> dict[str, str]:
    """An account, and records of other kinds that refer to it in all ways."""
    account = store.insert("Account", {"Name": "Acme"})
    contact = store.insert("Contact", {"LastName": "Lee", "AccountId": account})
    deal = {"Name": "D", "CloseDate": "2030-05-01", "StageName": "Prospecting"}
    return {
        "account": account,
        "contact": contact,
        "deal": store.insert("Opportunity", deal | {"AccountId": account}),
        "task": store.insert("Task", {"Subject": "Call", "WhoId": contact}),
        "child": store.insert("Account", {"Name": "Sub", "ParentId": account}),
        "thing": store.insert("Everything__c", {"Account__c": account}),
    }


def test_what_cannot_be_without_a_record_goes_with_it(
    store: Store, clock: Clock, family: dict[str, str]
) -> None:
    """Cascades reach grandchildren; lookups lose their value; stamps tell of both."""
    clock.advance(60)
    store.delete(family["account"])
    later = START + timedelta(minutes=1)
    kinds = {"account": "Account", "contact": "Contact", "deal": "Opportunity"}
    for name, sobject in (kinds | {"task": "Task"}).items():
        row = stored(store, sobject, family[name])
        assert row is not None
        assert (row["IsDeleted"], row["SystemModstamp"]) == (True, later)
        assert row["LastModifiedDate"] == START
    child = store.get("Account", family["child"])
    assert (child["ParentId"], child["SystemModstamp"]) == (None, later)
    assert child["LastModifiedDate"] == START
    assert store.get("Everything__c", family["thing"])["Account__c"] is None


def test_undelete_brings_back_what_fell_and_what_was_emptied(
    store: Store, clock: Clock, family: dict[str, str]
) -> None:
    """All is as before but the stamp; a lookup given a new parent keeps it."""
    other = store.insert("Account", {"Name": "Other"})
    store.delete(family["account"])
    store.update("Everything__c", family["thing"], {"Account__c": other})
    clock.advance(60)
    store.undelete(family["account"])
    contact = store.get("Contact", family["contact"])
    assert contact["AccountId"] == family["account"]
    assert contact["SystemModstamp"] == START + timedelta(minutes=1)
    assert store.get("Task", family["task"])["WhoId"] == family["contact"]
    assert store.get("Account", family["child"])["ParentId"] == family["account"]
    assert store.get("Everything__c", family["thing"])["Account__c"] == other


def test_what_fell_with_another_cannot_come_back_alone(
    store: Store, family: dict[str, str]
) -> None:
    """Only what was deleted itself is in the bin to be taken out."""
    store.delete(family["account"])
    for name in ("contact", "child"):
        with refused("UNDELETE_FAILED"):
            store.undelete(family[name])
    store.undelete(family["account"])
    with refused("UNDELETE_FAILED"):
        store.undelete(family["account"])


def test_a_record_deleted_before_its_parent_stays_deleted(
    store: Store, family: dict[str, str]
) -> None:
    """Undeleting a parent brings back what it took along, nothing else."""
    store.delete(family["contact"])
    store.delete(family["account"])
    store.undelete(family["account"])
    with refused("ENTITY_IS_DELETED"):
        store.get("Contact", family["contact"])
    store.undelete(family["contact"])
    assert store.get("Contact", family["contact"])["AccountId"] == family["account"]


def test_who_comes_back_to_no_parent_has_none(
    store: Store, family: dict[str, str]
) -> None:
    """A lookup never points to what is deleted."""
    store.delete(family["contact"])
    store.delete(family["account"])
    store.undelete(family["contact"])
    assert store.get("Contact", family["contact"])["AccountId"] is None


def test_a_record_that_others_hold_on_to_cannot_go(
    store: Store, family: dict[str, str]
) -> None:
    """A case keeps its account, and the refusal names it; nothing is half deleted."""
    case = store.insert("Case", {"AccountId": family["account"]})
    number = store.get("Case", case)["CaseNumber"]
    with refused("DELETE_FAILED") as caught:
        store.delete(family["account"])
    assert caught.value.message == (
        "Your attempt to delete Acme could not be completed because it is associated"
        f" with the following cases.: {number}"
    )
    assert store.get("Contact", family["contact"])["AccountId"] == family["account"]
    store.delete(case)
    store.delete(family["account"])


def test_a_deleted_record_cannot_be_deleted_again(
    store: Store, family: dict[str, str]
) -> None:
    """The second delete is told that the record is deleted."""
    store.delete(family["task"])
    with refused("ENTITY_IS_DELETED"):
        store.delete(family["task"])
    with refused("INVALID_TYPE_FOR_OPERATION"):
        store.delete(store.user_id)


def test_undelete_may_find_its_unique_value_taken(store: Store) -> None:
    """Two live records never share a unique value."""
    first = store.insert("Everything__c", {"Code__c": "x"})
    store.delete(first)
    store.insert("Everything__c", {"Code__c": "X"})
    with refused("DUPLICATE_VALUE"):
        store.undelete(first)


@pytest.mark.parametrize("in_bin", [True, False])
def test_hard_deleted_records_are_gone_but_logged(
    store: Store, family: dict[str, str], in_bin: bool
) -> None:
    """From the bin or past it: no row is left, and ``deleted`` still knows the ids."""
    if in_bin:
        store.delete(family["account"])
    store.hard_delete(family["account"])
    assert stored(store, "Account", family["account"]) is None
    assert stored(store, "Task", family["task"]) is None
    assert deleted_ids(store, "Account") == {family["account"]}
    assert deleted_ids(store, "Task") == {family["task"]}
    with refused("INVALID_CROSS_REFERENCE_KEY"):
        store.hard_delete(family["account"])


def test_the_bin_can_be_emptied(store: Store, family: dict[str, str]) -> None:
    """All that is in the bin goes, all else stays."""
    store.delete(family["account"])
    store.empty_recycle_bin()
    assert stored(store, "Contact", family["contact"]) is None
    assert store.record_counts()["Account"] == 1
    with refused("UNDELETE_FAILED"):
        store.undelete(family["account"])


def test_the_bin_empties_itself_after_fifteen_days(
    store: Store, clock: Clock, family: dict[str, str]
) -> None:
    """Whoever looks on the sixteenth day finds nothing; a day before, everything."""
    store.delete(family["account"])
    clock.advance(timedelta(days=14))
    assert stored(store, "Contact", family["contact"]) is not None
    clock.advance(timedelta(days=1))
    assert stored(store, "Contact", family["contact"]) is None
    assert stored(store, "Account", family["account"]) is None


def test_merge_moves_children_and_buries_the_losers(
    store: Store, clock: Clock, family: dict[str, str]
) -> None:
    """Losers point to the master, which has their children and the given values."""
    master = store.insert("Account", {"Name": "Master", "ParentId": family["account"]})
    clock.advance(30)
    losers = [family["account"], family["child"]]
    store.merge("Account", master, losers, {"Phone": "1"})
    later = START + timedelta(seconds=30)
    for loser in losers:
        row = stored(store, "Account", loser)
        assert row is not None
        assert (row["IsDeleted"], row["MasterRecordId"]) == (True, master)
        assert row["SystemModstamp"] == later
    contact = store.get("Contact", family["contact"])
    assert (contact["AccountId"], contact["LastModifiedDate"]) == (master, later)
    row = store.get("Account", master)
    assert (row["ParentId"], row["Phone"]) == (None, "1")
    assert deleted_ids(store, "Account") == set(losers)


def test_a_merged_record_can_come_back_without_its_children(
    store: Store, family: dict[str, str]
) -> None:
    """Undelete forgets the master; what moved stays moved."""
    master = store.insert("Account", {"Name": "Master"})
    store.merge("Account", master, [family["account"]])
    store.undelete(family["account"])
    assert store.get("Account", family["account"])["MasterRecordId"] is None
    assert store.get("Contact", family["contact"])["AccountId"] == master


def test_merges_have_their_limits(store: Store, family: dict[str, str]) -> None:
    """Three records at most, never oneself, and only what merges at all."""
    account, child = family["account"], family["child"]
    for losers in ([], [account], [child, child], ["1", "2", "3"]):
        with pytest.raises(OrgError):
            store.merge("Account", account, losers)
    with refused("INVALID_TYPE_FOR_OPERATION"):
        store.merge("Opportunity", family["deal"], [family["deal"]])
    assert store.get("Account", child)["ParentId"] == account
