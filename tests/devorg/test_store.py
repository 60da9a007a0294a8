"""Creating and changing records: what is filled in, refused and stamped."""

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from lht.devorg import ids
from lht.devorg.clock import Clock
from lht.devorg.declare.declaration import load_metadata, parse_metadata
from lht.devorg.errors import AmbiguousKeyError, OrgError
from lht.devorg.metadata import Metadata
from lht.devorg.store.store import OrgFileError, Store

START = datetime(2030, 3, 4, 5, 6, 7)
NOBODY = ids.make_id("001", 12345)


def refused(code: str) -> Any:
    return pytest.raises(OrgError, match=f"^{code}: ")


def everything(store: Store, **values: Any) -> dict[str, Any]:
    return store.get("Everything__c", store.insert("Everything__c", values))


def test_a_new_record_has_all_that_the_org_fills_in(store: Store) -> None:
    """Id, owner and audit fields are set; stamps are whole seconds of the clock."""
    account_id = store.insert("ACCOUNT", {"name": "Acme"})
    account = store.get("Account", account_id[:15])
    assert ids.check(account_id) == account_id
    assert account_id.startswith("001")
    audit = {"CreatedDate", "LastModifiedDate", "SystemModstamp"}
    assert {account[name] for name in audit} == {START}
    people = {"OwnerId", "CreatedById", "LastModifiedById"}
    assert {account[name] for name in people} == {store.user_id}
    assert account["IsDeleted"] is False
    assert account["Name"] == "Acme"


def test_every_type_is_kept_as_given(store: Store) -> None:
    """What is written is what is read, to the last digit and character."""
    values = {
        "Name": "NA",
        "Text__c": "a\r\nb, \"c\" 'd' \t😀 日本 \u202eعربي",
        "Number__c": 1e-300,
        "Money__c": 1234567.891234,
        "Whole__c": -(2**31) // 8,
        "Flag__c": False,
        "Day__c": date(1700, 1, 1),
        "Moment__c": datetime(3999, 12, 31, 23, 59, 59, 999_000),
        "Multi__c": "Alpha;Gamma",
        "File__c": b"\x00\xff",
        "Spot__Latitude__s": 12.5,
    }
    row = everything(store, **values)
    assert {name: row[name] for name in values} == values


def test_defaults_stand_where_nothing_is_given(store: Store) -> None:
    """Picklists and checkboxes take their default; a nameless record its id."""
    row = everything(store, OwnerId=None)
    assert (row["Picklist__c"], row["Flag__c"]) == ("Red", True)
    assert row["Name"] == row["Id"][:15]
    assert row["OwnerId"] == store.user_id
    assert everything(store, Picklist__c=None)["Picklist__c"] is None


def test_empty_text_is_null(store: Store) -> None:
    """Salesforce knows no difference between the two."""
    assert everything(store, Text__c="")["Text__c"] is None


def test_auto_numbers_count_up_in_their_format(store: Store) -> None:
    """Each invoice has the next number, in the declared form."""
    names = [
        store.get("Invoice__c", store.insert("Invoice__c", {}))["Name"]
        for _ in range(3)
    ]
    assert names == ["INV-000001", "INV-000002", "INV-000003"]


def test_names_are_composed_of_their_parts(store: Store) -> None:
    """A person's Name follows from the parts, at every write."""
    contact_id = store.insert("Contact", {"FirstName": "Ann", "LastName": "Lee"})
    assert store.get("Contact", contact_id)["Name"] == "Ann Lee"
    store.update("Contact", contact_id, {"FirstName": None})
    assert store.get("Contact", contact_id)["Name"] == "Lee"


def test_a_deal_knows_what_its_stage_means(store: Store) -> None:
    """Stage and amount decide probability, forecast and fiscal period."""
    deal = {"Name": "D", "CloseDate": "2030-05-01", "StageName": "Value Proposition"}
    deal_id = store.insert("Opportunity", deal | {"Amount": 200})
    row = store.get("Opportunity", deal_id)
    assert (row["Probability"], row["ExpectedRevenue"]) == (50.0, 100.0)
    assert (row["FiscalYear"], row["FiscalQuarter"], row["IsClosed"]) == (
        2030,
        2,
        False,
    )
    store.update("Opportunity", deal_id, {"StageName": "Closed Won"})
    row = store.get("Opportunity", deal_id)
    assert (row["Probability"], row["IsWon"], row["IsClosed"]) == (100.0, True, True)


def test_a_line_item_takes_price_and_name_from_its_entry(store: Store) -> None:
    """What a price book says fills a line item, and the product is multiplied."""
    product = store.insert("Product2", {"Name": "Bolt", "ProductCode": "B1"})
    book = store.insert("Pricebook2", {"Name": "Retail"})
    entry = {"Product2Id": product, "Pricebook2Id": book, "UnitPrice": 2.5}
    entry_id = store.insert("PricebookEntry", entry)
    deal = {"Name": "Deal", "CloseDate": "2030-05-01", "StageName": "Prospecting"}
    deal_id = store.insert("Opportunity", deal)
    line = {"OpportunityId": deal_id, "PricebookEntryId": entry_id, "Quantity": 4}
    row = store.get("OpportunityLineItem", store.insert("OpportunityLineItem", line))
    assert (row["UnitPrice"], row["TotalPrice"]) == (2.5, 10.0)
    assert (row["Name"], row["Product2Id"]) == ("Deal Bolt", product)


def test_all_faults_of_a_record_are_told_together(store: Store) -> None:
    """Missing fields come as one error, others beside it; nothing is written."""
    values = {"Email": "nobody", "FirstName": "x" * 41, "AccountId": NOBODY}
    with refused("REQUIRED_FIELD_MISSING") as caught:
        store.insert("Contact", values)
    assert caught.value.body() == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        },
        {
            "message": f"First Name: data value too large: {'x' * 41} (max length=40)",
            "errorCode": "STRING_TOO_LONG",
            "fields": ["FirstName"],
        },
        {
            "message": "Email: invalid email address: nobody",
            "errorCode": "INVALID_EMAIL_ADDRESS",
            "fields": ["Email"],
        },
        {
            "message": "invalid cross reference id",
            "errorCode": "INVALID_CROSS_REFERENCE_KEY",
            "fields": ["AccountId"],
        },
    ]
    assert store.record_counts()["Contact"] == 0


def test_every_missing_field_is_named(store: Store) -> None:
    """One error lists all required fields without a value."""
    with refused("REQUIRED_FIELD_MISSING") as caught:
        store.insert("Opportunity", {"Amount": 1})
    assert caught.value.fields == ("Name", "StageName", "CloseDate")


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        (
            {"foo": 1},
            "INVALID_FIELD",
            "No such column 'foo' on sobject of type Account",
        ),
        (
            {"CreatedDate": START, "PhotoUrl": "x"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "",
        ),
        ({"BillingAddress": {}}, "INVALID_FIELD_FOR_INSERT_UPDATE", ""),
        ({"Id": NOBODY}, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id"),
        ({"OwnerId": "me"}, "MALFORMED_ID", "Owner ID: id value of incorrect type: me"),
        ({"ParentId": ids.make_id("003", 1)}, "MALFORMED_ID", "Parent Account ID"),
        (
            {"ParentId": NOBODY},
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference",
        ),
        ({"CleanStatus": "x"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value"),
    ],
)
def test_what_an_account_must_not_hold_is_refused(
    store: Store, values: dict[str, Any], code: str, text: str
) -> None:
    """Each mistake has Salesforce's code and words, in insert and update alike."""
    with refused(code) as caught:
        store.insert("Account", {"Name": "Acme"} | values)
    assert text in caught.value.message
    account_id = store.insert("Account", {"Name": "Acme"})
    with refused(code):
        store.update("Account", account_id, values)
    assert store.get("Account", account_id)["SystemModstamp"] == START


def test_all_read_only_fields_are_named(store: Store) -> None:
    """The refusal lists every field that cannot be set."""
    with refused("INVALID_FIELD_FOR_INSERT_UPDATE") as caught:
        store.insert("Account", {"PhotoUrl": "x", "Name": "A", "IsDeleted": True})
    assert caught.value.fields == ("PhotoUrl", "IsDeleted")


def test_auto_numbers_cannot_be_set(store: Store) -> None:
    """An auto-number is the org's to give."""
    with refused("INVALID_FIELD_FOR_INSERT_UPDATE"):
        store.insert("Invoice__c", {"Name": "INV-7"})


@pytest.mark.parametrize("value", [None, ""])
def test_a_required_field_cannot_be_emptied(store: Store, value: str | None) -> None:
    """Not even one that the org fills by itself at first."""
    account_id = store.insert("Account", {"Name": "Acme"})
    with refused("REQUIRED_FIELD_MISSING") as caught:
        store.update("Account", account_id, {"Name": value, "OwnerId": value})
    assert caught.value.fields == ("Name", "OwnerId")


def test_some_objects_are_not_for_users_to_write(store: Store) -> None:
    """What cannot be created is refused by name."""
    with refused("INVALID_TYPE_FOR_OPERATION"):
        store.insert("CaseStatus", {"ApiName": "x"})
    with refused("NOT_FOUND"):
        store.insert("Nothing__c", {})


def test_unique_means_unique_by_the_rules_of_case(store: Store) -> None:
    """One unique field ignores case, the other does not; deleted ones do not count."""
    first = everything(store, Code__c="Abc", External_Key__c="Abc")["Id"]
    with refused("DUPLICATE_VALUE") as caught:
        everything(store, Code__c="aBC")
    assert caught.value.message == (
        "duplicate value found: Code__c duplicates value on record with id:"
        f" {first[:15]}"
    )
    with refused("DUPLICATE_VALUE"):
        everything(store, External_Key__c="Abc")
    everything(store, External_Key__c="aBC")
    store.update("Everything__c", first, {"Code__c": "ABC"})
    store.delete(first)
    everything(store, Code__c="abc")


def test_a_change_moves_the_stamps_even_if_it_changes_nothing(
    store: Store, clock: Clock
) -> None:
    """LastModifiedDate and SystemModstamp move; creation does not."""
    account_id = store.insert("Account", {"Name": "Acme"})
    user_id = store.insert(
        "User",
        {
            "Username": "u@x.example", "Email": "u@x.example", "LastName": "U",
            "Alias": "u", "CommunityNickname": "u", "TimeZoneSidKey": "GMT",
            "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8",
            "LanguageLocaleKey": "en_US",
            "ProfileId": store.get("User", store.user_id)["ProfileId"],
        },
    )  # fmt: skip
    clock.advance(10)
    store.update("Account", account_id, {}, user=user_id)
    account = store.get("Account", account_id)
    later = START + timedelta(seconds=10)
    assert (account["CreatedDate"], account["CreatedById"]) == (START, store.user_id)
    assert account["LastModifiedDate"] == account["SystemModstamp"] == later
    assert account["LastModifiedById"] == user_id


def test_loads_may_keep_ids_and_audit_fields(store: Store) -> None:
    """Given ids and stamps are kept where asked; new ids never collide with them."""
    own = ids.make_id("001", 3)
    values = {"Id": own[:15], "Name": "Old", "CreatedDate": "2001-02-03T04:05:06Z"}
    assert store.insert("Account", values, keep_id=True, keep_audit=True) == own
    assert store.get("Account", own)["CreatedDate"] == datetime(2001, 2, 3, 4, 5, 6)
    with refused("DUPLICATE_VALUE"):
        store.insert("Account", values, keep_id=True, keep_audit=True)
    fresh = {store.insert("Account", {"Name": "New"}) for _ in range(5)}
    assert len(fresh | {own}) == 6
    foreign = "0019H00000H1RMDQA3"
    assert (
        store.insert("Account", {"Id": foreign, "Name": "F"}, keep_id=True) == foreign
    )


def test_an_unknown_record_is_told_from_a_deleted_one(store: Store) -> None:
    """Each way not to be there has its own answer."""
    account_id = store.insert("Account", {"Name": "Acme"})
    store.delete(account_id)
    with refused("ENTITY_IS_DELETED"):
        store.update("Account", account_id, {})
    with refused("ENTITY_IS_DELETED"):
        store.get("Account", account_id)
    with refused("INVALID_CROSS_REFERENCE_KEY"):
        store.update("Account", NOBODY, {})
    with refused("NOT_FOUND"):
        store.get("Account", NOBODY)
    with refused("ENTITY_IS_DELETED"):
        store.insert("Contact", {"LastName": "L", "AccountId": account_id})


def test_upsert_creates_then_changes_then_knows_not_which(store: Store) -> None:
    """No match creates, one is changed, several are listed."""
    made, created = store.upsert(
        "Everything__c", "External_Number__c", 7, {"Name": "a"}
    )
    assert created
    assert store.upsert(
        "Everything__c", "external_number__c", "7.0", {"Name": "b"}
    ) == (
        made,
        False,
    )
    assert store.get("Everything__c", made)["Name"] == "b"
    twin = everything(store, External_Number__c=7)["Id"]
    with pytest.raises(AmbiguousKeyError) as caught:
        store.upsert("Everything__c", "External_Number__c", 7, {})
    assert caught.value.status == 300
    assert set(caught.value.ids) == {made, twin}
    store.delete(twin)
    store.upsert("Everything__c", "External_Number__c", 7, {"Name": "c"})
    with refused("NOT_FOUND"):
        store.upsert("Everything__c", "Text__c", "x", {})


def test_a_parent_may_be_named_by_its_key(store: Store) -> None:
    """``{"Parent__r": {"External_Key__c": "P-1"}}`` finds its parent, or says not."""
    parent = everything(store, External_Key__c="P-1")["Id"]
    child = everything(store, Parent__r={"External_Key__c": "P-1"})
    assert child["Parent__c"] == parent
    with refused("INVALID_FIELD") as caught:
        everything(store, Parent__r={"External_Key__c": "P-2"})
    assert "Foreign key external ID: P-2 not found" in caught.value.message


def test_an_org_keeps_its_records_in_a_file(
    metadata: Metadata, clock: Clock, tmp_path: Any
) -> None:
    """A reopened org has the same records, and never gives out an id again."""
    path = tmp_path / "org.duckdb"
    store = Store(metadata, clock, path=path)
    first = store.insert("Account", {"Name": "Acme"})
    counts = store.record_counts()
    store.close()
    store = Store(metadata, clock, path=path)
    assert store.record_counts() == counts
    assert store.get("Account", first)["Name"] == "Acme"
    assert store.insert("Account", {"Name": "Next"}) > first
    store.close()


def test_every_org_starts_with_users_a_price_book_and_its_lists(store: Store) -> None:
    """The run-as user exists and owns; the lists of the declaration are there."""
    counts = store.record_counts()
    assert counts["User"] >= 3
    assert counts["Pricebook2"] == 1
    assert counts["CaseStatus"] == 4
    assert store.get("User", store.user_id)["IsActive"] is True


def test_a_reference_may_have_several_kinds_of_target(store: Store) -> None:
    """A task's person is a contact or a lead, and nothing else."""
    lead = store.insert("Lead", {"LastName": "L", "Company": "C"})
    contact = store.insert("Contact", {"LastName": "L"})
    for person in (lead, contact):
        task = store.insert("Task", {"WhoId": person, "WhatId": None})
        assert store.get("Task", task)["WhoId"] == person
    with refused("MALFORMED_ID"):
        store.insert("Task", {"WhoId": store.insert("Account", {"Name": "A"})})


def test_an_org_needs_no_standard_objects(clock: Clock) -> None:
    """One object of one field is an org, with writes, bin and roll-ups like any."""
    text = """
object Box__c a01
  Id id
  Items__c double rollup=COUNT(Item__c,Box__c)
object Item__c a02
  Id id
  Box__c -> Box__c detail
"""
    store = Store(parse_metadata(("tiny", text)), clock)
    box = store.insert("Box__c", {})
    item = store.insert("Item__c", {"Box__c": box})
    assert store.get("Box__c", box) == {"Id": box, "Items__c": 1.0}
    store.bulk_insert("Item__c", f"SELECT '{box}' AS \"Box__c\" FROM range(2)")
    assert store.get("Box__c", box)["Items__c"] == 3.0
    store.delete(item)
    assert store.get("Box__c", box)["Items__c"] == 2.0
    store.delete(box)
    assert store.record_counts() == {"Box__c": 0, "Item__c": 0}
    store.close()


def test_a_database_of_others_is_left_alone(tmp_path):
    """A file with tables that are not an org's is refused, and stays as it was."""
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as other:
        other.execute("CREATE TABLE mine AS SELECT 7 AS seven")
    with pytest.raises(OrgFileError, match="not an org's file"):
        Store(load_metadata(), Clock(), path=path)
    with duckdb.connect(path) as other:
        assert other.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [
            ("mine",)
        ]


def test_a_folder_is_not_taken_for_a_file(tmp_path):
    """It is told as what it is."""
    with pytest.raises(OrgFileError, match="is a folder"):
        Store(load_metadata(), Clock(), path=tmp_path)
