"""Loading: what of a file does not arrive is told, with its place and why."""

import json
from pathlib import Path

import pytest
from tests.devorg.loading import Write, fetch, record, tree

from lht.devorg.loading.files import LoadError, UnknownError
from lht.devorg.loading.load import load
from lht.devorg.store.store import Store


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


def test_a_file_that_is_not_there_is_told_as_that(store: Store, tmp_path: Path) -> None:
    """Whatever its name may mean."""
    for name in ("nowhere", "Account.csv"):
        with pytest.raises(LoadError, match=r"(?i)no such file") as caught:
            load(store, [tmp_path / name])
        assert not isinstance(caught.value, UnknownError)
