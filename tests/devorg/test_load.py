"""Loading: files of other orgs arrive whole, with their types and references."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from tests.devorg.loading import Write, by_id, fetch, record, tree

from lht.devorg import ids
from lht.devorg.loading.files import DELIMITERS
from lht.devorg.loading.load import LoadSummary, load
from lht.devorg.store.store import Store


# ----------------------------------------------------------------------- tree exports
def test_a_plan_brings_its_files_and_references(store: Store, write: Write) -> None:
    """References of a plan become ids, whichever file comes first."""
    write(
        "Contacts.json", tree(record("Contact", "c1", LastName="Ng", AccountId="@a1"))
    )
    write("Accounts.json", tree(record("Account", "a1", Name="Acme")))
    plan = [
        {"sobject": "Contact", "resolveRefs": True, "files": ["Contacts.json"]},
        {"sobject": "Account", "saveRefs": True, "files": ["Accounts.json"]},
    ]
    summary = load(store, [write("my-plan.json", json.dumps(plan))])
    assert summary == LoadSummary({"Contact": 1, "Account": 1}, (), ())
    sql = "SELECT a.Name, c.Name FROM Contact c JOIN Account a ON a.Id = c.AccountId"
    assert fetch(store, sql) == [("Acme", "Ng")]


def test_children_inside_their_parent_are_loaded(store: Store, write: Write) -> None:
    """Records nested under a relationship belong to the record around them."""
    children = {"records": [record("Contact", "c1", lastname="Smith")]}
    path = write(
        "a.json", tree(record("Account", "a1", name="Acme", Contacts=children))
    )
    assert load(store, [path]).loaded == {"Account": 1, "Contact": 1}
    sql = "SELECT a.Name FROM Contact c JOIN Account a ON a.Id = c.AccountId"
    assert fetch(store, sql) == [("Acme",)]


def test_an_object_may_refer_to_itself_forwards(store: Store, write: Write) -> None:
    """A child may stand before its parent in the same file."""
    path = write(
        "Account.json",
        tree(
            record("Account", "a1", Name="Child", ParentId="@a2"),
            record("Account", "a2", Name="Parent"),
        ),
    )
    load(store, [path])
    sql = "SELECT p.Name FROM Account a JOIN Account p ON p.Id = a.ParentId"
    assert fetch(store, sql) == [("Parent",)]


def test_a_reference_to_nothing_rejects_its_row_only(
    store: Store, write: Write
) -> None:
    """The row is reported with its place; the others are loaded."""
    path = write(
        "Contact.json",
        tree(
            record("Contact", "c1", LastName="Lost", AccountId="@nobody"),
            record("Contact", "c2", LastName="Found"),
        ),
    )
    summary = load(store, [path])
    assert summary.loaded == {"Contact": 1}
    assert [(r.place, r.sobject, r.reasons) for r in summary.rejected] == [
        (
            f"{path}: record 1 (c1)",
            "Contact",
            ("AccountId: no record of these files is called @nobody",),
        )
    ]


def test_a_query_export_with_parents_is_understood(store: Store, write: Write) -> None:
    """``Owner: {Username: ..}`` names a parent by a field; null means none."""
    owner = {"attributes": {"type": "User"}, "Username": "ada@devorg.example"}
    path = write(
        "a.json", tree(record("Account", "a", Name="X", Owner=owner, Parent=None))
    )
    assert load(store, [path]).notes == ()
    sql = "SELECT u.Alias FROM Account a JOIN User u ON u.Id = a.OwnerId"
    assert fetch(store, sql) == [("ada",)]


# ------------------------------------------------------------------------- CSV files
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"]
)
def test_byte_order_marks_tell_the_encoding(
    store: Store, tmp_path: Path, encoding: str
) -> None:
    """UTF-8, UTF-16 and UTF-32 are read by their marks, UTF-8 also without."""
    mark = "\ufeff" if encoding.endswith("-be") else ""
    path = tmp_path / "Account.csv"
    path.write_bytes(f"{mark}Name\r\nGrüße 漢字 😀\r\n".encode(encoding))
    assert load(store, [path]).loaded == {"Account": 1}
    assert fetch(store, "SELECT Name FROM Account") == [("Grüße 漢字 😀",)]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found(store: Store, write: Write, delimiter: str) -> None:
    """Every column delimiter that Salesforce knows is understood unsaid."""
    text = "NAME,PHONE,Site\nA,1,x y\n".replace(",", delimiter)
    assert load(store, [write("accounts.csv", text)]).loaded == {"Account": 1}
    assert fetch(store, "SELECT Name, Phone, Site FROM Account") == [("A", "1", "x y")]


def test_text_survives_exactly(store: Store, write: Write) -> None:
    """Line ends, quotes, leading zeros and words like NA are values like others."""
    nasty = ["a\r\nb", "a\nb", 'say "hi"', "NA", "null", "007", "1e5", " x", "=1+1"]
    lines = "".join('"' + text.replace('"', '""') + '"\r\n' for text in nasty)
    load(store, [write("Account.csv", "Name\r\n" + lines)])
    assert [n for (n,) in fetch(store, "SELECT Name FROM Account ORDER BY Id")] == nasty


def test_values_become_the_fields_types(store: Store, write: Write) -> None:
    """Numbers, booleans, dates and times are read; an empty cell is null or default."""
    header = "Number__c,Flag__c,Day__c,Moment__c,Clock__c,Whole__c,Picklist__c\n"
    text = (
        "1.5E300,0,2024-02-29,2024-02-29T10:00:00.123+0200,10:30:00.000Z,7,\n,,,,,,\n"
    )
    load(store, [write("Everything__c.csv", header + text)])
    sql = (
        "SELECT Number__c, Flag__c, Day__c, Moment__c, Clock__c, Whole__c, Picklist__c"
    )
    first, second = fetch(store, f"{sql} FROM Everything__c ORDER BY Id")
    assert first[:2] == (1.5e300, False)
    assert [str(v) for v in first[2:]] == [
        "2024-02-29",
        "2024-02-29 08:00:00.123000",
        "10:30:00",
        "7",
        "Red",
    ]
    assert second == (None, True, None, None, None, None, "Red")


def test_ids_and_audit_fields_are_kept(store: Store, write: Write) -> None:
    """An export keeps its ids, in their long form, its authors and its stamps."""
    user = store.user_id
    text = (
        "Id,Name,CreatedDate,CreatedById,LastModifiedDate,SystemModstamp\n"
        f"001Nq00000HwuT4,A,2020-01-02T03:04:05.000Z,{user},2021-01-01T00:00:00.000Z,"
        "2022-01-01T00:00:00.000Z\n"
    )
    assert load(store, [write("Account.csv", text)]).rejected == ()
    columns = "Id, CreatedDate, CreatedById, LastModifiedDate, SystemModstamp"
    assert fetch(store, f"SELECT {columns} FROM Account") == [
        (
            ids.to18("001Nq00000HwuT4"),
            datetime.fromisoformat("2020-01-02T03:04:05"),
            user,
            datetime.fromisoformat("2021-01-01"),
            datetime.fromisoformat("2022-01-01"),
        )
    ]


def test_rows_without_ids_get_new_ones(store: Store, write: Write) -> None:
    """New ids never clash with those that files brought."""
    clash = ids.make_id("001", 1)
    load(store, [write("Account.csv", f"Id,Name\n{clash},A\n")])
    load(store, [write("more.json", tree(*[record("Account", f"r{i}", Name="B")
                                           for i in range(5)]))])  # fmt: skip
    assert len(by_id(store, "Account")) == 6


def test_a_parent_may_be_named(store: Store, write: Write) -> None:
    """A reference cell may hold a parent's name, of these files or of the org."""
    accounts = write("Account.csv", "Name,Parent.Name\nTop,\nSub,top\n")
    contacts = write("Contact.csv", "LastName,AccountId,Owner.Alias\nNg,SUB,bruno\n")
    assert load(store, [contacts, accounts]).rejected == ()
    sql = (
        "SELECT p.Name, a.Name, u.FirstName FROM Contact c JOIN Account a "
        "ON a.Id = c.AccountId JOIN Account p ON p.Id = a.ParentId "
        "JOIN User u ON u.Id = c.OwnerId"
    )
    assert fetch(store, sql) == [("Top", "Sub", "Bruno")]


def test_a_name_that_means_none_or_two_is_refused(store: Store, write: Write) -> None:
    """A wrong name in a reference rejects the row; in a parent's column it is noted."""
    accounts = write("Account.csv", "Name\nTwin\nTwin\n")
    contacts = write("Contact.csv", "LastName,AccountId\nA,Twin\nB,Nobody\n")
    leads = write("Lead.csv", "LastName,Company,Owner.Name\nC,X,Nobody\n")
    summary = load(store, [accounts, contacts, leads])
    assert [r.reasons for r in summary.rejected] == [
        ("AccountId: 2 records of Account are called 'Twin'",),
        ("AccountId: neither an id nor a Account's name: 'Nobody'",),
    ]
    assert summary.notes == (
        "Lead.OwnerId left empty where Name finds no record, rows: 1",
    )
    assert summary.loaded == {"Account": 2, "Lead": 1}


def test_an_id_counts_more_than_a_name_beside_it(store: Store, write: Write) -> None:
    """Exports with both OwnerId and Owner.Name are taken by the id."""
    text = f"Name,Owner.Name,OwnerId\nA,Nobody At All,{store.user_id}\n"
    summary = load(store, [write("Account.csv", text)])
    assert summary == LoadSummary({"Account": 1}, (), ())


def test_ids_of_records_left_out_are_kept_and_noted(store: Store, write: Write) -> None:
    """A sample of an org may point beyond itself."""
    text = "LastName,AccountId\nNg,001Nq00000HwuT4IAJ\n"
    summary = load(store, [write("Contact.csv", text)])
    assert summary.notes == ("AccountId points at records that are not here, ids: 1",)
    assert fetch(store, "SELECT AccountId FROM Contact") == [("001Nq00000HwuT4IAJ",)]


def test_ids_of_objects_the_org_lacks_may_have_any_prefix(
    store: Store, write: Write
) -> None:
    """An id's prefix proves nothing where the field's object is not declared."""
    text = "Subject,AssetId\nHelp,001Nq00000HwuT4IAJ\n"
    assert load(store, [write("Case.csv", text)]).loaded == {"Case": 1}


def test_computed_columns_are_left_out_and_noted(store: Store, write: Write) -> None:
    """Formulas, roll-ups and compounds are the org's own business."""
    text = 'Name,BillingAddress,BillingCity\nA,"{""city"": ""Rome""}",Rome\n'
    summary = load(store, [write("Account.csv", text)])
    assert summary.notes == (
        "Account.BillingAddress is computed by the org; left out, rows: 1",
    )


def test_what_the_file_says_of_derived_fields_stands(
    store: Store, write: Write
) -> None:
    """An org of one's own may close its deals in other stages."""
    text = (
        "Name,StageName,CloseDate,IsClosed,IsWon,ExpectedRevenue\n"
        "A,Signed & Sealed,2024-05-05,1,true,12\nB,Closed Won,2024-05-05,,,\n"
    )
    load(store, [write("Opportunities.csv", text)])
    sql = "SELECT Name, IsClosed, IsWon, ExpectedRevenue, Fiscal FROM Opportunity"
    assert sorted(fetch(store, sql)) == [
        ("A", True, True, 12.0, "2024 2"),
        ("B", True, True, None, "2024 2"),
    ]


def test_the_org_fills_in_what_files_leave_open(store: Store, write: Write) -> None:
    """Defaults, owners, numbers, stamps and names are made as for any new record."""
    load(store, [write("Case.csv", "Subject\nHelp\n")])
    load(store, [write("Contact.csv", "FirstName,LastName\nAnn,Lee\n")])
    case = next(iter(by_id(store, "Case").values()))
    assert (case["Status"], case["CaseNumber"]) == ("New", "00000001")
    assert case["OwnerId"] == case["CreatedById"] == store.user_id
    assert case["SystemModstamp"] is not None
    assert fetch(store, "SELECT Name FROM Contact") == [("Ann Lee",)]


def test_sums_of_parents_are_right_after_loading(store: Store, write: Write) -> None:
    """Roll-ups know the loaded children."""
    invoices = write("Invoice__c.json", tree(record("Invoice__c", "i1")))
    lines = write(
        "Invoice_Line__c.json",
        tree(
            record("Invoice_Line__c", "l1", Invoice__c="@i1", Amount__c=1.25),
            record("Invoice_Line__c", "l2", Invoice__c="@i1", Amount__c=2.5),
        ),
    )
    load(store, [lines, invoices])
    sql = "SELECT Line_Count__c, Total__c FROM Invoice__c"
    assert fetch(store, sql) == [(2.0, 3.75)]
