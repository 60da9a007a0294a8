"""Describes of a real org declare objects: what they say stands, the rest follows."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.devorg.loading import Write

from lht.devorg.declare.declaration import DeclarationError, load_metadata
from lht.devorg.describe import render_describe, render_global
from lht.devorg.metadata import Metadata, SObject

Json = dict[str, Any]
Declare = Callable[..., Metadata]


@pytest.fixture
def declare(write: Write) -> Declare:
    """Declares an org with what some files hold, each written as JSON."""

    def declare_files(**contents: Any) -> Metadata:
        return load_metadata(
            *(write(f"{n}.json", json.dumps(c)) for n, c in contents.items())
        )

    return declare_files


def field(name: str, kind: str = "string", **more: Any) -> Json:
    return {"name": name, "type": kind} | more


def described(name: str = "Ship__c", *fields: Json, **more: Any) -> Json:
    return {"name": name, "fields": [field("Id", "id"), *fields]} | more


def ship(metadata: Metadata) -> SObject:
    return metadata.by_name["ship__c"]


def rendered(metadata: Metadata, name: str) -> Json:
    return render_describe(metadata.by_name[name.lower()], metadata, "62.0")


@pytest.mark.parametrize(
    "name",
    [
        "cumulusci/Account", "cumulusci/Custom__c", "cumulusci/Lead",
        "ceelias-graph/Group", "ceelias-graph/User", "force-toolkit-net/User",
    ],
)  # fmt: skip
def test_a_recorded_describe_is_answered_as_it_was(name: str, recorded: Path) -> None:
    """Every key of a describe, and of each of its fields, has the value it had."""
    path = recorded / "describe" / f"{name}.json"
    theirs = json.loads(path.read_text("utf-8"))
    ours = rendered(load_metadata(path), theirs["name"])
    for key in theirs.keys() - {"fields", "childRelationships", "urls"}:
        assert ours[key] == theirs[key], key
    assert [f["name"] for f in ours["fields"]] == [f["name"] for f in theirs["fields"]]
    for own, field_ in zip(ours["fields"], theirs["fields"], strict=True):
        assert {key: own[key] for key in field_} == field_
    listed = theirs["childRelationships"]
    assert ours["childRelationships"][: len(listed)] == listed
    assert not theirs["urls"] or ours["urls"] == {
        key: re.sub(r"^https?://[^/]+|(?<=/data/)v[\d.]+", _ours, url)
        for key, url in theirs["urls"].items()
    }


def _ours(found: re.Match[str]) -> str:
    """Put devorg's version in the place of another, and take the host away."""
    return "" if found[0].startswith("http") else "v62.0"


def test_links_are_the_ones_that_a_describe_lists(declare: Declare) -> None:
    """With the version that is asked for, and on the org's own pages."""
    path = "/services/data/v41.0/sobjects/Ship__c"
    urls = {
        "rowTemplate": f"{path}/{{ID}}",
        "defaultValues": f"{path}/defaultValues?recordTypeId&fields",
        "uiNewRecord": "https://sea.my.salesforce.com/a77/e",
    }
    metadata = declare(a=described("Ship__c", urls=urls))
    here = "http://127.0.0.1"
    found = render_describe(ship(metadata), metadata, "62.0", origin=here)["urls"]
    assert found == {
        "rowTemplate": "/services/data/v62.0/sobjects/Ship__c/{ID}",
        "defaultValues": "/services/data/v62.0/sobjects/Ship__c/defaultValues"
        "?recordTypeId&fields",
        "uiNewRecord": f"{here}/a77/e",
    }


def test_a_describe_stands_in_place_of_devorgs_own(declare: Declare) -> None:
    """The org of the file has these fields and no others."""
    metadata = declare(a=described("Account", field("Rank__c", custom=True)))
    assert [f.name for f in metadata.by_name["account"].fields] == ["Id", "Rank__c"]
    assert metadata.by_name["contact"].fields
    assert metadata.declared.objects == ("Account",)
    assert metadata.declared.fields == 2


def test_what_a_reduced_describe_leaves_out_is_as_in_devorgs_own(
    declare: Declare,
) -> None:
    """A standard field keeps the length and rights that it is known to have."""
    fields = [field("Name"), field("AccountNumber"), field("CreatedDate", "datetime")]
    account = declare(a=described("Account", *fields)).by_name["account"]
    own = load_metadata().by_name["account"]
    assert account.key_prefix == "001"
    for name in ("name", "accountnumber", "createddate"):
        assert account.by_name[name] == own.by_name[name]


def test_what_nothing_says_follows_from_names_and_types(declare: Declare) -> None:
    """Texts get a length, system fields are read-only, addresses find their parts."""
    sobject = declare(
        a=described(
            "Depot",
            field("Name"),
            field("Notes", "textarea", filterable=False),
            field("CreatedDate", "datetime"),
            field("SystemModstamp", "datetime"),
            field("SiteCity"),
            field("SiteLatitude", "double"),
            field("SiteAddress", "address"),
        )
    ).by_name["depot"]
    fields = sobject.by_name
    assert (fields["name"].length, fields["name"].name_field) == (255, True)
    assert fields["notes"].length == 32000
    assert not fields["createddate"].createable
    assert fields["siteaddress"].parts == ("SiteCity", "SiteLatitude")
    assert fields["sitelatitude"].scale == 15
    assert sobject.createable


@pytest.mark.parametrize(
    ("name", "createable", "replicateable"),
    [
        ("DepotShare", True, False),
        ("DepotHistory", False, True),
        ("DepotFeed", False, True),
        ("DepotLicense", False, False),
    ],
)
def test_families_of_objects_have_the_rights_of_their_kind(
    declare: Declare, name: str, *, createable: bool, replicateable: bool
) -> None:
    """Shares are written and not replicated, histories the other way round."""
    found = declare(a=described(name)).by_name[name.lower()]
    assert (found.createable, found.replicateable) == (createable, replicateable)


def test_flags_of_a_file_win_over_what_is_likely(declare: Declare) -> None:
    """What the describe says is so, even where it is odd."""
    given = described("DepotShare", createable=False, replicateable=True)
    found = declare(a=given).by_name["depotshare"]
    assert (found.createable, found.replicateable) == (False, True)


def test_a_flag_may_be_null_as_old_describes_have_it(declare: Declare) -> None:
    """Null says nothing of an object, and is answered as it was told."""
    metadata = declare(a=described("Ship__c", searchLayoutable=None, queryable=True))
    assert ship(metadata).search_layoutable
    assert rendered(metadata, "Ship__c")["searchLayoutable"] is None


def test_record_types_are_the_ones_that_a_describe_lists(declare: Declare) -> None:
    """They are records, with the default one first; devorg's own make way for them."""
    infos = [
        {"name": "Master", "recordTypeId": "012000000000000AAA", "master": True},
        {"name": "Long Haul", "recordTypeId": "none", "active": False},
        {
            "name": "Coaster",
            "developerName": "Coasting",
            "recordTypeId": "0121a0000000002AAA",
            "defaultRecordTypeMapping": True,
        },
    ]
    metadata = declare(a=described("Account", recordTypeInfos=infos))
    rows = metadata.by_name["recordtype"].rows
    assert [row for row in rows if row["SobjectType"] == "Account"] == [
        {
            "Id": "0121a0000000002AAA",
            "Name": "Coaster",
            "DeveloperName": "Coasting",
            "SobjectType": "Account",
            "IsActive": True,
        },
        {
            "Name": "Long Haul",
            "DeveloperName": "Long_Haul",
            "SobjectType": "Account",
            "IsActive": False,
        },
    ]
    assert any(row["SobjectType"] == "Opportunity" for row in rows)


def test_calculated_fields_keep_their_formula_as_text(declare: Declare) -> None:
    """A formula is shown and read-only; its values are kept like any others."""
    rule = {"calculated": True, "calculatedFormula": "A + 1", "createable": False}
    metadata = declare(a=described("Ship__c", field("Sum__c", "double", **rule)))
    found = ship(metadata).by_name["sum__c"]
    assert found.calculated
    assert found.stored
    assert rendered(metadata, "Ship__c")["fields"][1]["calculatedFormula"] == "A + 1"


def test_picklists_come_with_all_that_is_said_of_a_value(declare: Declare) -> None:
    """Labels, inactive values, defaults, and which values depend on which."""
    values = [
        {"value": "a", "label": "A", "active": True, "defaultValue": True,
         "validFor": "gAAA"},
        {"value": "b", "label": None, "active": False, "defaultValue": False,
         "validFor": None},
    ]  # fmt: skip
    kind = field("Kind__c", "picklist", picklistValues=values)
    metadata = declare(a=described("Ship__c", kind))
    assert [v.active for v in ship(metadata).by_name["kind__c"].picklist] == [1, 0]
    assert rendered(metadata, "Ship__c")["fields"][1]["picklistValues"] == values


def test_children_are_known_to_both_sides(declare: Declare) -> None:
    """A parent's list names the relationship, and the child's field takes it over."""
    relation = {
        "childSObject": "Crate__c", "field": "Ship__c", "relationshipName": "Crates__r",
        "cascadeDelete": True, "restrictedDelete": False,
    }  # fmt: skip
    to_ship = field("Ship__c", "reference", referenceTo=["Ship__c"])
    metadata = declare(
        a=described("Ship__c", childRelationships=[relation]),
        b=described("Crate__c", to_ship),
    )
    reference = metadata.by_name["crate__c"].by_name["ship__c"]
    assert reference.child_relationship_name == "Crates__r"
    assert reference.cascade_delete
    assert rendered(metadata, "Ship__c")["childRelationships"] == [relation]


def test_children_without_a_describe_are_added_to_a_parents_list(
    declare: Declare,
) -> None:
    """Devorg's own objects that refer to a described one are its children, too."""
    metadata = declare(a=described("Account", childRelationships=[]))
    children = rendered(metadata, "Account")["childRelationships"]
    assert "Invoice__c" in {child["childSObject"] for child in children}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: one,
        lambda one: [one],
        lambda one: {"status": 0, "result": one},
        lambda one: {"sobjects": [one]},
    ],
    ids=["alone", "list", "sf --json", "sobjects"],
)
def test_describes_are_found_however_they_are_wrapped(
    declare: Declare, wrap: Callable[[Json], Any]
) -> None:
    """One, many, and as the command line of Salesforce writes them."""
    assert ship(declare(a=wrap(described("Ship__c", field("A__c")))))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_may_hold_one_describe_a_line(tmp_path: Path, *, packed: bool) -> None:
    """A whole org is one file; texts with odd line ends do not break lines."""
    odd = field("A__c", label="one\u2028two")
    names = ["Ship__c", "Crate__c"]
    lines = [json.dumps(described(name, odd), ensure_ascii=False) for name in names]
    content = "\n".join(lines).encode()
    path = tmp_path / ("org.jsonl.gz" if packed else "org.jsonl")
    path.write_bytes(gzip.compress(content) if packed else content)
    assert load_metadata(path).declared.objects == ("Ship__c", "Crate__c")


def test_a_describe_of_all_objects_adds_flags_and_says_what_it_lacks(
    declare: Declare,
) -> None:
    """Objects that are only named are not declared, and a note tells which."""
    listed = [
        {"name": "Ship__c", "keyPrefix": "a9Z", "createable": False},
        {"name": "Crate__c"},
        {"name": "Account"},
    ]
    metadata = declare(a={"sobjects": listed}, b=described("Ship__c"))
    assert (ship(metadata).key_prefix, ship(metadata).createable) == ("a9Z", False)
    assert "crate__c" not in metadata.by_name
    notes = metadata.declared.notes
    assert "left out, as only its name is given: Crate__c" in notes
    assert "only named, so it is devorg's own: Account" in notes


def test_of_several_describes_the_fullest_is_taken(declare: Declare) -> None:
    """A reduced describe does not take away what a full one says; a note tells it."""
    full = described("Ship__c", field("A__c"), label="Full", keyPrefix="a77")
    metadata = declare(a=full, b=described("Ship__c", field("B__c")))
    assert ship(metadata).label == "Full"
    (note,) = metadata.declared.notes
    assert "another file says more" in note
    assert note.endswith("b.json")


def test_folders_are_read_and_what_is_none_is_noted(write: Write) -> None:
    """JSON of other kinds is left out, each with its reason."""
    folder = write("Ship__c.json", json.dumps(described("Ship__c"))).parent
    write("names.json", '[{"name": "Account", "custom": false}]')
    write("package.json", '{"private": true}')
    write("broken.json", "{")
    write("readme.txt", "not a declaration")
    metadata = load_metadata(folder)
    assert metadata.declared.objects == ("Ship__c",)
    kinds = {note.partition(":")[0] for note in metadata.declared.notes}
    assert kinds == {
        "left out, as it is a list of names only",
        "left out, as it is no describe",
        "left out, as it is not JSON",
    }


def test_what_others_refer_to_is_declared_in_brief(declare: Declare) -> None:
    """Every reference has an object to refer to, with an Id, a name and stamps."""
    to_port = field("Port__c", "reference", referenceTo=["Port__c", "Dock__c"])
    metadata = declare(a=described("Ship__c", to_port))
    port = metadata.by_name["port__c"]
    assert {"id", "name", "systemmodstamp"} <= port.by_name.keys()
    assert "dock__c" not in metadata.by_name
    assert metadata.declared.objects == ("Ship__c",)
    (note,) = metadata.declared.notes
    assert note.endswith("Port__c (for Ship__c.Port__c)")


def test_objects_that_share_a_prefix_get_ids_of_their_own(declare: Declare) -> None:
    """The first keeps it; describes show what their files say, for each of them."""
    metadata = declare(
        a=[
            described("OneHistory", keyPrefix="017"),
            described("TwoHistory", keyPrefix="017"),
            described("NoneHistory", keyPrefix=None),
            described("SomeHistory"),
        ]
    )
    prefixes = [s.key_prefix for s in metadata.sobjects]
    assert None not in prefixes
    assert len(prefixes) == len(set(prefixes))
    assert metadata.by_name["onehistory"].key_prefix == "017"
    shown = {
        s["name"]: s["keyPrefix"] for s in render_global(metadata, "62.0")["sobjects"]
    }
    assert (shown["OneHistory"], shown["TwoHistory"]) == ("017", "017")
    assert shown["NoneHistory"] is None
    assert shown["SomeHistory"] == metadata.by_name["somehistory"].key_prefix
    owners = metadata.owners("017000000000001AAA")
    assert {owner.name for owner in owners} >= {"OneHistory", "TwoHistory"}


def test_made_up_prefixes_stay_when_files_are_added(declare: Declare) -> None:
    """An org that is kept in a file finds its records again."""
    one = declare(a=described("Ship__c"))
    two = declare(a=described("Ship__c"), b=described("Crate__c"))
    assert ship(one).key_prefix == ship(two).key_prefix


def test_nobody_takes_the_prefix_of_users(declare: Declare) -> None:
    """The user who does everything is known by it."""
    metadata = declare(a=described("Ship__c", keyPrefix="005"))
    assert metadata.by_prefix["005"].name == "User"


def test_types_that_are_new_are_taken_as_text(declare: Declare) -> None:
    """A later release's field does not keep an org from being declared."""
    metadata = declare(a=described("Ship__c", field("A__c", "hologram")))
    assert rendered(metadata, "Ship__c")["fields"][1]["type"] == "hologram"
    assert "hologram" in metadata.declared.notes[0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (described("Ship__c", {"type": "string"}), r"Ship__c\.fields\[1\]: name: a n"),
        (described("Ship__c", {"name": "A__c"}), r"Ship__c\.A__c: type: a name is ex"),
        (
            described("Ship__c", field("A__c", length="80")),
            r"Ship__c\.A__c\.length: a whole number is expected, not '80'",
        ),
        (
            described("Ship__c", field("A__c", nillable=1)),
            r"Ship__c\.A__c\.nillable: true or false is expected, not 1",
        ),
        (
            described("Ship__c", field("A__c", referenceTo=[1])),
            r"Ship__c\.A__c\.referenceTo: names of objects is expected",
        ),
        (
            described("Ship__c", field("A__c", "picklist", picklistValues=[{}])),
            r"Ship__c\.A__c\.picklistValues: values with a text each is expected",
        ),
        (described("Ship__c", field("A__c"), field("a__C")), r"a__C: this field comes"),
        (described("Ship__c", keyPrefix="a-1"), r"Ship__c\.keyPrefix: three letters"),
        ({"name": "Ship__c", "fields": None}, r"Ship__c\.fields: a list is expected"),
        (described("Ship__c", queryable="no"), r"Ship__c\.queryable: true or false"),
        (
            described("Ship__c", childRelationships=[{"field": "A"}]),
            r"Ship__c\.childRelationships: childSObject: a name is expected",
        ),
        ({"sobjects": ["Ship__c"]}, r"sobjects\[0\]: an object is expected"),
    ],
)
def test_mistakes_are_told_with_file_and_element(
    declare: Declare, content: Any, complaint: str
) -> None:
    """Whoever edited a describe learns which key of which field is wrong."""
    with pytest.raises(DeclarationError, match=complaint) as caught:
        declare(mine=content)
    assert re.match(r".*mine\.json: ", str(caught.value))


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.json", "{\n]", r"a\.json:2: not JSON: .* at column 1"),
        ("a.jsonl", '{"name": 1}\n{', r"a\.jsonl:2: not JSON"),
        ("a.json.gz", "{}", r"a\.json\.gz: not gzip"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_refused(
    write: Write, name: str, text: str, complaint: str
) -> None:
    """What is named is meant: it is never left out."""
    with pytest.raises(DeclarationError, match=complaint):
        load_metadata(write(name, text))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder without any declaration are mistakes."""
    with pytest.raises(DeclarationError, match="No such file"):
        load_metadata(tmp_path / "none.json")
    with pytest.raises(DeclarationError, match="no describes"):
        load_metadata(tmp_path)


def test_describes_of_an_org_declare_it_again(tmp_path: Path) -> None:
    """What one org answers, saved and declared, is answered by the next the same."""
    first = load_metadata()
    answers = [rendered(first, sobject.name) for sobject in first.sobjects]
    path = tmp_path / "org.jsonl"
    path.write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    second = load_metadata(path)
    for answer in answers:
        again = rendered(second, answer["name"])
        listed = answer.pop("childRelationships")
        assert again.pop("childRelationships")[: len(listed)] == listed
        assert again == answer
