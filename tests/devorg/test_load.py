"""Loading: files of other orgs arrive whole, or it is said what did not and why."""

import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.data import crm
from tests.data.crm import write_crm_files

from lht.devorg import ids
from lht.devorg.clock import Clock
from lht.devorg.declaration import load_metadata, parse_metadata
from lht.devorg.load import LoadSummary, load
from lht.devorg.load_files import DELIMITERS, LoadError, UnknownError
from lht.devorg.metadata import Metadata
from lht.devorg.store import Store

BUSINESS = Path(__file__).parents[1] / "data" / "business_objects.txt"
STANDARD = load_metadata()

Write = Callable[[str, str], Path]


@pytest.fixture
def store() -> Store:
    return Store(STANDARD, Clock())


@pytest.fixture(scope="module")
def business() -> Metadata:
    return load_metadata(BUSINESS)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write_file


def fetch(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.cursor().execute(sql).fetchall()


def by_id(store: Store, name: str) -> dict[str, dict[str, Any]]:
    cursor = store.cursor().execute(f'SELECT * FROM "{name}" ORDER BY "Id"')
    columns = [column[0] for column in cursor.description]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return {row["Id"]: row for row in rows}


def tree(*records: dict[str, Any]) -> str:
    return json.dumps({"records": list(records)})


def record(kind: str, reference: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **values}


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


# --------------------------------------------------------------------- broken rules


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("Contact", "FirstName\nAnn\n", "Required fields are missing: [LastName]"),
        ("Account", f"Name\n{'x' * 256}\n", "(max length=255)"),
        ("Group", "Name,Type\nQ,Nonsense\n", "bad value for restricted picklist field"),
        ("Contact", "LastName,Email\nA,nonsense\n", "invalid email address: nonsense"),
        ("Account", "Name,NumberOfEmployees\nA,many\n", "NumberOfEmployees: Cannot"),
        ("Account", "Name,AnnualRevenue\nA,1.0.0\n", "AnnualRevenue: Cannot"),
        ("Account", "Id,Name\n003Nq00000MXh2C,A\n", "does not begin with 001"),
        ("Account", "Id,Name\nnonsense,A\n", "'nonsense' is not an id"),
        ("Contact", "LastName,AccountId\nA,003Nq00000MXh2C\n", "incorrect type"),
    ],
)
def test_a_row_that_breaks_a_rule_is_reported(
    store: Store, write: Write, name: str, text: str, reason: str
) -> None:
    """The report names file, line, object and what is wrong; nothing is loaded."""
    path = write(f"{name}.csv", text)
    before = store.record_counts()
    summary = load(store, [path])
    assert summary.loaded == {}
    assert [(r.place, r.sobject) for r in summary.rejected] == [(f"{path}:2", name)]
    assert reason in summary.rejected[0].reasons[0]
    assert store.record_counts() == before


def test_lines_are_counted_through_quoted_line_ends(store: Store, write: Write) -> None:
    """A row's place is the line where it begins."""
    path = write("Contact.csv", 'LastName,Email\n"a\nb\nc",\nB,nonsense\n')
    assert [r.place for r in load(store, [path]).rejected] == [f"{path}:5"]


def test_repeated_keys_are_rejected(store: Store, write: Write) -> None:
    """An Id or a unique value comes once, in the files and against the org."""
    text = "External_Key__c,Code__c\nk1,A\nk1,B\nK1,C\nk2,a\n"
    path = write("Everything__c.csv", text)
    summary = load(store, [path])
    assert [r.place for r in summary.rejected] == [f"{path}:3", f"{path}:5"]
    assert all("duplicate value found" in r.reasons[0] for r in summary.rejected)
    assert summary.loaded == {"Everything__c": 2}
    assert load(store, [path]).loaded == {}
    accounts = write(
        "Account.csv", "Id,Name\n001Nq00000HwuT4,A\n001Nq00000HwuT4IAJ,B\n"
    )
    assert load(store, [accounts]).loaded == {"Account": 1}
    assert load(store, [accounts]).loaded == {}


def test_rows_below_a_rejected_row_are_rejected(store: Store, write: Write) -> None:
    """Children do not lose their parent silently, nor do their children."""
    path = write(
        "a.json",
        tree(
            record("Account", "a1", Name="x" * 300),
            record("Contact", "c1", LastName="Ng", AccountId="@a1"),
            record("Case", "k1", Subject="Help", ContactId="@c1"),
        ),
    )
    summary = load(store, [path])
    assert summary.loaded == {}
    assert summary.rejected[1].reasons == (
        f"AccountId: {path}: record 1 (a1) was not loaded",
    )
    assert summary.rejected[2].reasons == (
        f"ContactId: {path}: record 2 (c1) was not loaded",
    )


def test_unknown_columns_stop_the_load_before_it_begins(
    store: Store, write: Write
) -> None:
    """All unknown columns of all files are named; asked to, they are left out."""
    good = write("Account.csv", "Name\nA\n")
    bad = write("Contact.csv", "LastName,Shoe_Size__c,Hat\nB,44,\n")
    with pytest.raises(LoadError) as caught:
        load(store, [good, bad])
    assert str(caught.value).splitlines() == [
        f"{bad}: Contact has no field 'Shoe_Size__c'",
        f"{bad}: Contact has no field 'Hat'",
    ]
    assert fetch(store, "SELECT count(*) FROM Account") == [(0,)]
    summary = load(store, [good, bad], ignore_unknown=True)
    assert summary.loaded == {"Account": 1, "Contact": 1}
    assert summary.notes == (
        f"{bad}: Contact has no field 'Shoe_Size__c'; left out, rows: 1",
        f"{bad}: Contact has no field 'Hat'; left out, rows: 1",
    )


def test_unknown_objects_stop_the_load_or_are_left_out(
    store: Store, write: Write
) -> None:
    """What the org cannot have of plan, tree or folder is noted, the rest loaded."""
    cars = {"records": [{"Name": "Beetle"}]}
    write("a.json", tree(record("Account", "a", Name="A", Cars__r=cars)))
    write("c.json", tree(record("Car__c", "c", Name="C")))
    entries = [("Account", "a.json"), ("Car__c", "c.json")]
    plan = write(
        "plan.json", json.dumps([{"sobject": s, "files": [f]} for s, f in entries])
    )
    phantom = write("Phantom__c.csv", "Name\nP\n")
    loose = plan.with_name("c.json")
    for path in (plan, loose, phantom, f"Nope={phantom}"):
        with pytest.raises(UnknownError, match=r"org|object"):
            load(store, [path])
    paths = [plan, loose, phantom, f"Nope={phantom}"]
    summary = load(store, paths, ignore_unknown=True)
    assert (summary.loaded, summary.rejected) == ({"Account": 1}, ())
    source = plan.with_name("a.json")
    assert summary.notes == (
        f"{source}: Account has no child relationship 'Cars__r'; left out, lists: 1",
        f"{plan}: the org has no object 'Car__c'; left out, entries: 1",
        f"{loose}: the org has no object 'Car__c'; left out, records: 1",
        f"{phantom}: which object is it of? Write Name={phantom}; left out, files: 1",
        f"Nope={phantom}: the org has no object 'Nope'; left out, files: 1",
    )


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", b'{"records": [\n{]}', ":2: not JSON: "),
        ("a.json", b'{"totalSize": 0}', ": neither a plan nor a file of records"),
        ("a.json", b'{"records": [{"Name": "A"}]}', ": record 1: no attributes.type"),
        ("a.json", b'[{"sobject": "Account"}]', ": an entry of a plan needs"),
        (
            "a.json",
            b'{"records": [{"attributes": {"type": "Nope"}}]}',
            ": record 1: the org has no object 'Nope'",
        ),
        ("Account.csv", b"", ":1: no header line"),
        ("Account.csv", b"Name,name\nA,B\n", ":1: a column comes twice"),
        ("Account.csv", b"Name,Site\nA,B\nC\n", ":3: 1 cells under a header of 2"),
        ("Account.csv", b'Name\nA\n"B', ":3: unexpected end of data"),
        ("Account.csv", b"Name\nA\n\xff\n", ":3: not utf-8 text"),
        ("stuff.csv", b"Name\nA\n", ": which object is it of? Write Name="),
    ],
)
def test_an_unreadable_file_is_told_with_its_line(
    store: Store, tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    """The error names the file and, where there is one, the line."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LoadError) as caught:
        load(store, [path])
    assert str(caught.value).startswith(f"{path}{complaint}")


def test_missing_files_and_empty_folders_are_told(store: Store, tmp_path: Path) -> None:
    """A path that holds nothing to load is an error."""
    with pytest.raises(LoadError, match="No such file"):
        load(store, [tmp_path / "Account.csv"])
    with pytest.raises(LoadError, match="no plan, record file or CSV file"):
        load(store, [tmp_path])


def test_a_folder_is_loaded_by_its_plan_or_whole(store: Store, write: Write) -> None:
    """With a plan, what the plan names; without one, every file."""
    folder = write("Account.csv", "Name\nA\n").parent
    write("Contact.csv", "LastName,AccountId\nB,A\n")
    assert load(store, [folder]).loaded == {"Account": 1, "Contact": 1}
    write("c.json", tree(record("Lead", "l", LastName="C", Company="D")))
    write("plan.json", json.dumps([{"sobject": "Lead", "files": ["c.json"]}]))
    assert load(store, [folder]).loaded == {"Lead": 1}


def test_a_csv_file_may_be_told_its_object(store: Store, write: Write) -> None:
    """``Name=path`` loads a file of any name."""
    path = write("export 1=2.csv", "Name\nA\n")
    assert load(store, [f"account={path}"]).loaded == {"Account": 1}


# ---------------------------------------------------------------- recorded material


def loaded(metadata: Metadata, *paths: Path | str) -> tuple[Store, LoadSummary]:
    store = Store(metadata, Clock())
    summary = load(store, paths)
    assert summary.rejected == ()
    return store, summary


def plain(value: Any) -> Any:
    """Bring a value of a file and one of the org to the same form."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(float(value))
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "+0000"
    return str(value)


def same(given: Any, stored: Any) -> bool:
    """Compare a file's value with the org's, in the type that the org has."""
    if given in (None, ""):
        return stored in (None, False)
    if isinstance(stored, bool):
        return str(given).lower() in (("true", "1") if stored else ("false", "0"))
    if isinstance(stored, (int, float)):
        return float(given) == float(stored)
    if isinstance(stored, str):
        return str(given) == stored
    return str(given)[:10] == str(stored)[:10] and plain(stored).startswith(
        str(given).removesuffix("T00:00:00.000Z")[:10]
    )


TREES = {
    "dcarroll-devorg": 59,
    "dreamhouse": 25,
    "easy-spaces": 180,
    "ebikes": 23,
    "apex-recipes": 415,
    "replicated-tree": 79,
}


@pytest.mark.parametrize(("folder", "count"), TREES.items())
def test_recorded_trees_arrive_whole(
    recorded: Path, business: Metadata, folder: str, count: int
) -> None:
    """Every value of every record is in the org; references point at their records."""
    place = recorded / "business" / folder
    store, summary = loaded(business, place)
    assert sum(summary.loaded.values()) == count
    names = {name for p in place.glob("*.json")
             if isinstance(plan := json.loads(p.read_text("utf-8")), list)
             for entry in plan for name in entry["files"]}  # fmt: skip
    told: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(names):
        for values in json.loads((place / name).read_text("utf-8"))["records"]:
            told.setdefault(values["attributes"]["type"], []).append(values)
    stored = {name: list(by_id(store, name).values()) for name in told}
    ids_by_reference = match_references(told, stored, business)
    compared = 0
    for name, records in told.items():
        known = business.by_name[name.lower()].by_name
        found = {row["Id"]: row for row in stored[name]}
        for values in records:
            row = found[ids_by_reference[values["attributes"]["referenceId"]]]
            for column, value in values.items():
                if column == "attributes":
                    continue
                mine = row[known[column.lower()].name]
                if isinstance(value, str) and value.startswith("@"):
                    assert mine == ids_by_reference[value[1:]]
                else:
                    assert same(value, mine), (name, column, value, mine)
                compared += 1
    assert compared > count


def match_references(
    told: dict[str, list[dict[str, Any]]],
    stored: dict[str, list[dict[str, Any]]],
    metadata: Metadata,
) -> dict[str, str]:
    """Pair records of files and org by all their plain values, in the files' order."""
    found = {}
    for name, records in told.items():
        known = metadata.by_name[name.lower()].by_name
        free = list(stored[name])[-len(records) :]
        for values in records:
            plain_values = {
                known[column.lower()].name: value
                for column, value in values.items()
                if column != "attributes" and not str(value).startswith("@")
            }
            row = next(
                row for row in free
                if all(same(value, row[c]) for c, value in plain_values.items())
            )  # fmt: skip
            free.remove(row)
            found[values["attributes"]["referenceId"]] = row["Id"]
    return found


def test_a_recorded_org_export_arrives_whole(
    recorded: Path, business: Metadata
) -> None:
    """All cells of an org's own CSV exports are in the org, under their own ids."""
    place = recorded / "business" / "sfdc-assets-gen-ai"
    store, summary = loaded(business, place)
    compared = 0
    for path in place.glob("*.csv"):
        sobject = business.by_name[path.stem.lower()]
        rows = by_id(store, sobject.name)
        with path.open(encoding="utf-8-sig", newline="") as lines:
            told = list(csv.DictReader(lines))
        assert len(told) == summary.loaded.get(sobject.name, 0)
        for values in told:
            row = rows[values["Id"]]
            for column, value in values.items():
                field = sobject.by_name[column.lower()]
                if field.stored and value:
                    assert same(value, row[field.name]), (path.stem, column, value)
                    compared += 1
    assert compared > 5000


def test_recorded_uploads_arrive_whole(recorded: Path, business: Metadata) -> None:
    """Uploads with each delimiter give the same ten accounts."""
    place = recorded / "business" / "sf-plugin-data"
    files = [*place.glob("csv__*.csv"), *place.glob("*bulkUpsert*.csv")]
    assert len(files) >= 10
    store = Store(business, Clock())
    for path in files:
        assert load(store, [f"Account={path}"]).loaded == {"Account": 10}
        latest = fetch(store, "SELECT Name FROM Account ORDER BY Id DESC LIMIT 10")
        assert [n for (n,) in latest] == [
            f"account Upsert #{n}" for n in range(9, -1, -1)
        ]


@pytest.mark.parametrize(
    ("plan", "counts"),
    [
        (
            "commonChild/Account-Opportunity-Task-Case",
            {"Account": 2, "Opportunity": 1, "Task": 2, "Case": 1},
        ),
        ("deep/accounts-contacts", {"Account": 2, "Contact": 6}),
        (
            "junction/Account-AccountContactRelation-Contact",
            {"Account": 5, "AccountContactRelation": 3, "Contact": 4},
        ),
        ("self-referencing/Account", {"Account": 12}),
    ],
)
def test_recorded_plans_are_followed(
    recorded: Path,
    business: Metadata,
    tmp_path: Path,
    plan: str,
    counts: dict[str, int],
) -> None:
    """Plans with nested, self-referencing and late-coming records load whole."""
    copy_plans(recorded, tmp_path)
    _, summary = loaded(business, tmp_path / f"{plan}-plan.json")
    assert summary.loaded == counts


def test_a_recorded_plan_with_a_wrong_reference_is_reported(
    recorded: Path, business: Metadata, tmp_path: Path
) -> None:
    """The deal without its account is the only row that is not loaded."""
    copy_plans(recorded, tmp_path)
    store = Store(business, Clock())
    summary = load(store, [tmp_path / "missingRef" / "Account-Opportunity-plan.json"])
    assert summary.loaded == {"Account": 2}
    assert [r.sobject for r in summary.rejected] == ["Opportunity"]


def copy_plans(recorded: Path, folder: Path) -> None:
    """Give the recorded files, whose paths were flattened, their folders back."""
    prefix = "data-project__data__"
    for path in (recorded / "business" / "sf-plugin-data").glob(f"{prefix}*__*.json"):
        target = folder / path.name.removeprefix(prefix).replace("__", "/")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())


def test_recorded_csv_files_arrive_whole(recorded: Path, business: Metadata) -> None:
    """Columns without ``__c``, parents by name, line ends in cells: all as exported."""
    place = recorded / "business" / "easy-spaces"
    names = ("Market", "Space", "Contact", "Lead")
    files = [place / f"{name}_Data.csv" for name in names]
    objects = ("Market__c", "Space__c", "Contact", "Lead")
    pairs = zip(objects, files, strict=True)
    store, summary = loaded(business, *(f"{name}={path}" for name, path in pairs))
    assert summary.loaded == {
        "Market__c": 11,
        "Space__c": 132,
        "Contact": 12,
        "Lead": 11,
    }
    sql = "SELECT s.Name, m.Name FROM Space__c s JOIN Market__c m ON m.Id = s.Market__c"
    told = {(row["Name"], row["Market"]) for row in crm.read(files[1])}
    assert set(fetch(store, sql)) == told
    bulk = recorded / "business" / "jsforce-bulk" / "Account_bulk1_test.csv"
    store, _ = loaded(business, f"Account={bulk}")
    told = {(row["NAME"], row["BILLINGSTREET"] or None) for row in crm.read(bulk)}
    assert set(fetch(store, "SELECT Name, BillingStreet FROM Account")) == told


def test_recorded_references_reach_from_csv_into_trees(
    recorded: Path, business: Metadata
) -> None:
    """``@references`` of a CSV file mean records of a tree loaded with it."""
    place = recorded / "business" / "apex-recipes"
    files = [place / name for name in ("Contacts.csv", "Opportunities.csv")]
    store, summary = loaded(business, *files, place / "data-plan.json")
    told = [crm.read(path) for path in files]
    trees = {"Account": 50, "Contact": 150, "Opportunity": 50}
    assert summary.loaded == {
        "Contact": trees["Contact"] + len(told[0]),
        "Opportunity": trees["Opportunity"] + len(told[1]),
        "Account": trees["Account"],
    }
    sql = "SELECT count(*) FROM Contact WHERE AccountId NOT IN (SELECT Id FROM Account)"
    assert fetch(store, sql) == [(0,)]


def test_a_recorded_crm_arrives_whole(
    recorded: Path, business: Metadata, tmp_path: Path
) -> None:
    """8,800 deals, their customers, products and sellers are in the org, related."""
    dumps = recorded / "business" / "maven-crm"
    store, summary = loaded(business, *write_crm_files(dumps, tmp_path))
    assert summary.loaded == {
        "Account": 85,
        "Product2": 7,
        "User": 35,
        "Opportunity": 8800,
    }
    sql = (
        "SELECT o.Deal_Key__c, u.FirstName || ' ' || u.LastName, p.Name, a.Name, "
        "o.StageName, o.Engaged_On__c, o.CloseDate, o.Amount FROM Opportunity o "
        "JOIN User u ON u.Id = o.OwnerId JOIN Product2 p ON p.Id = o.Deal_Product__c "
        "LEFT JOIN Account a ON a.Id = o.AccountId"
    )
    told = [crm.deal(row) for row in crm.read(dumps / "sales_pipeline.csv")]
    columns = ("Deal_Key__c", "OwnerId", "Deal_Product__c", "AccountId", "StageName")
    dates = ("Engaged_On__c", "CloseDate")
    assert {
        (*r[:5], *(str(v or "") for v in r[5:7]), r[7]) for r in fetch(store, sql)
    } == {
        (
            *(row[c] or None for c in columns),
            *(row[c] for c in dates),
            float(row["Amount"]) if row["Amount"] else None,
        )
        for row in told
    }


def test_recorded_byte_order_marks_are_read(recorded: Path) -> None:
    """Files with the marks of five encodings hold the same table."""
    text = "object Csvtext__c a99\n  use custom\n" + "".join(
        f"  Column{n}__c string\n" for n in (1, 2, 3)
    )
    shared = "set custom\n  Id id\n"
    metadata = parse_metadata(("test", shared + text))
    files = list((recorded / "business" / "dataloader-csv").glob("csvtext*.csv"))
    assert len(files) == 6
    for path in files:
        store, _ = loaded(metadata, f"Csvtext__c={path}")
        sql = "SELECT Column1__c, Column3__c FROM Csvtext__c ORDER BY Id"
        assert fetch(store, sql) == [("row1-1", "row1-3"), ("row2-1", "row2-3")]
