"""Declared objects over HTTP: what their files allow is done, the rest is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.devorg.calling import Caller, calling
from tests.devorg.loading import Write

from lht import cli, devorg
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.ids import make_id
from lht.devorg.store.tables import ChangedFieldError

Json = dict[str, Any]


def field(name: str, kind: str = "string", **more: Any) -> Json:
    return {"name": name, "type": kind} | more


def described(name: str, *fields: Json, **more: Any) -> Json:
    stamps = (field("CreatedDate", "datetime"), field("SystemModstamp", "datetime"))
    shared = (field("Id", "id"), field("Name"), *stamps)
    return {"name": name, "fields": [*shared, *fields]} | more


OBJECTS = [
    described("Ship__c", keyPrefix="a7S"),
    described("Silent__c", queryable=False),
    described("Fixed__c", createable=False, updateable=False, deletable=False),
    described("Unseen__c", replicateable=False),
    described("OneHistory", keyPrefix="01x", createable=True),
    described("TwoHistory", keyPrefix="01x", createable=True, deletable=True),
    described(
        "Crate__c",
        field("Port__c", "reference", referenceTo=["Ship__c", "Port__c"]),
        field("Weight__c", "long"),
    ),
    {"name": "LoginEventStream", "fields": [field("EventUuid")], "queryable": False},
]


@pytest.fixture
def caller(write: Write) -> Iterator[Caller]:
    path = write("org.jsonl", "\n".join(map(json.dumps, OBJECTS)))
    with calling(objects=path) as caller:
        yield caller


def test_declared_objects_are_written_and_read(caller: Caller) -> None:
    """A record of a declared object lives as any other."""
    made = caller.post("/sobjects/Ship__c", {"Name": "Ida"})
    assert made.status_code == 201
    id_ = made.json()["id"]
    assert id_.startswith("a7S")
    (found,) = caller.records("SELECT Id, Name FROM Ship__c")
    assert (found["Id"], found["Name"]) == (id_, "Ida")
    assert caller.get(f"/sobjects/Ship__c/{id_}").json()["Name"] == "Ida"


def test_what_is_not_queryable_is_not_queried(caller: Caller) -> None:
    """REST and Bulk refuse to query it."""
    refused = caller.get("/query", q="SELECT Id FROM Silent__c")
    assert caller.error(refused)[:2] == (400, "INVALID_TYPE_FOR_OPERATION")
    job = {"operation": "query", "query": "SELECT Id FROM Silent__c"}
    assert caller.post("/jobs/query", job).status_code == 400


def test_what_is_not_writeable_is_not_written(caller: Caller) -> None:
    """Create, update and delete are refused by the object's flags."""
    id_ = (
        caller.org.generate({"Fixed__c": 1})
        and caller.records("SELECT Id FROM Fixed__c")[0]["Id"]
    )
    tried = [
        caller.post("/sobjects/Fixed__c", {"Name": "x"}),
        caller.call("PATCH", f"/sobjects/Fixed__c/{id_}", json={"Name": "x"}),
        caller.call("DELETE", f"/sobjects/Fixed__c/{id_}"),
    ]
    codes = {caller.error(answer)[1] for answer in tried}
    assert {answer.status_code for answer in tried} <= {400, 405}
    assert codes <= {"INVALID_TYPE_FOR_OPERATION", "METHOD_NOT_ALLOWED"}
    assert caller.records("SELECT Id, Name FROM Fixed__c")[0]["Name"] != "x"


def test_what_is_not_replicateable_tells_no_changes(caller: Caller) -> None:
    """``updated`` and ``deleted`` are for replicateable objects."""
    span = {"start": "2030-03-01T00:00:00Z", "end": "2030-03-06T00:00:00Z"}
    for what in ("updated", "deleted"):
        refused = caller.get(f"/sobjects/Unseen__c/{what}", **span)
        assert refused.status_code == 400
        assert "not replicateable" in refused.text
        assert caller.get(f"/sobjects/Ship__c/{what}", **span).status_code == 200


def test_an_object_without_ids_is_described_and_generated(caller: Caller) -> None:
    """Streams of events have no Id; nobody can query them, and all else works."""
    described_ = caller.get("/sobjects/LoginEventStream/describe").json()
    assert [f["name"] for f in described_["fields"]] == ["EventUuid"]
    assert caller.org.generate({"LoginEventStream": 3}) == {"LoginEventStream": 3}
    assert caller.org.store.record_counts()["LoginEventStream"] == 3


def test_ids_of_a_shared_prefix_find_their_object(caller: Caller) -> None:
    """A record keeps the id it came with, and is read under its own object's URL."""
    id_ = "01x000000000001AAA"
    with caller.org.store.transaction() as transaction:
        transaction.insert("TwoHistory", {"Id": id_, "Name": "old"}, keep_id=True)
    (found,) = caller.records("SELECT Name FROM TwoHistory")
    assert found["attributes"]["url"].endswith(f"/TwoHistory/{id_}")
    caller.org.delete(id_)
    assert caller.records("SELECT Name FROM TwoHistory") == []


def test_references_may_lead_out_of_the_org(caller: Caller) -> None:
    """An id of an object that no file declares is taken, one of a wrong object not."""
    ship = caller.post("/sobjects/Ship__c", {"Name": "Ida"}).json()["id"]
    for id_ in (ship, make_id("a9P", 1)):
        made = caller.post("/sobjects/Crate__c", {"Name": "c", "Port__c": id_})
        assert made.status_code == 201, made.text
    user = caller.org.store.user_id
    refused = caller.post("/sobjects/Crate__c", {"Name": "c", "Port__c": user})
    assert caller.error(refused)[1] == "MALFORMED_ID"


def test_long_numbers_are_numbers_both_ways(caller: Caller) -> None:
    """A whole number beyond an int's is kept, and the same in JSON and CSV."""
    great = 2**60
    made = caller.post("/sobjects/Crate__c", {"Name": "c", "Weight__c": great})
    assert made.status_code == 201, made.text
    assert caller.records("SELECT Weight__c FROM Crate__c")[0]["Weight__c"] == great
    job = caller.finished("SELECT Weight__c FROM Crate__c")
    csv = caller.get(f"/jobs/query/{job['id']}/results").text
    assert csv == f'"Weight__c"\n"{great}"\n'


def test_metadata_and_objects_are_not_given_together(write: Write) -> None:
    """Which of the two would count is not guessed."""
    path = write("a.json", json.dumps(OBJECTS[0]))
    with pytest.raises(ValueError, match="either metadata or objects"):
        devorg.start(metadata=load_metadata(), objects=path)


def test_an_org_in_a_file_takes_objects_later(write: Write, tmp_path: Path) -> None:
    """Objects and fields that are declared since are added; records stay."""
    first = write("a.json", json.dumps(described("Ship__c")))
    kept = tmp_path / "org.duckdb"
    with devorg.start(objects=first, path=kept) as org:
        id_ = org.insert("Ship__c", {"Name": "Ida"})
    more = described("Ship__c", field("Crew__c", "int"), field("Sunk__c", "boolean"))
    second = write("b.json", json.dumps([more, described("Crate__c")]))
    with devorg.start(objects=second, path=kept) as org:
        row = org.store.get("Ship__c", id_)
        assert (row["Name"], row["Crew__c"], row["Sunk__c"]) == ("Ida", None, False)
        org.update("Ship__c", id_, {"Crew__c": 5})
        org.insert("Crate__c", {"Name": "c"})
        assert org.store.get("Ship__c", id_)["Crew__c"] == 5


def test_a_field_that_changed_its_type_is_refused(write: Write, tmp_path: Path) -> None:
    """A file whose values are of another type is not opened as if they were not."""
    kept = tmp_path / "org.duckdb"
    for kind in ("string", "double"):
        path = write("a.json", json.dumps(described("Ship__c", field("A__c", kind))))
        if kind == "string":
            devorg.start(objects=path, path=kept).close()
            continue
        with pytest.raises(ChangedFieldError, match=r"Ship__c\.A__c"):
            devorg.start(objects=path, path=kept)


def test_the_command_says_what_was_declared(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many objects and fields, and what was left out, each with its reason."""
    folder = write("Ship__c.json", json.dumps(described("Ship__c"))).parent
    write("names.json", '["Account"]')
    records = write("Ship__c.csv", "Name\nIda\n")
    words = ["devorg", "load", f"Ship__c={records}", "--objects", str(folder)]
    assert cli.main([*words, "--file", str(tmp_path / "org.duckdb")]) == 0
    told = capsys.readouterr()
    assert "objects declared: 1, with 4 fields" in told.err
    assert "left out, as it is a list of names only" in told.err
    assert "Ship__c" in told.out


def test_the_command_tells_mistakes_of_files(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in a file is the user's to mend, and says where it is."""
    path = write("a.json", json.dumps(described("Ship__c", field("A__c", length="x"))))
    assert cli.main(["devorg", "serve", "--port", "0", "--objects", str(path)]) == 2
    assert "Ship__c.A__c.length: a whole number is expected" in capsys.readouterr().err
