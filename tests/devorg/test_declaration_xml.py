"""Object XML of projects declares objects: all types of fields, in both formats."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.declare.declaration import DeclarationError, load_metadata
from lht.devorg.describe import render_field
from lht.devorg.metadata import Field, Metadata, Rollup, SObject
from lht.devorg.store.store import Store

NAMESPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'

Project = Callable[..., Metadata]


def xml(tag: str, inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag} {NAMESPACE}>{inner}</{tag}>'


def tags(**values: Any) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items())


NAME = "<nameField><label>Ship Name</label><type>Text</type></nameField>"
SHIP = tags(label="Ship", pluralLabel="Fleet", sharingModel="ReadWrite") + NAME


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Declares an org with a project of some files, by their paths."""

    def declare(files: dict[str, str]) -> Metadata:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return load_metadata(tmp_path)

    return declare


def source(name: str, inner: str = SHIP, **fields: str) -> dict[str, str]:
    """Write an object in source format, each field in a file of its own."""
    folder = f"objects/{name}"
    files = {f"{folder}/{name}.object-meta.xml": xml("CustomObject", inner)}
    return files | field_files(name, **fields)


def field_files(name: str, **fields: str) -> dict[str, str]:
    return {
        f"objects/{name}/fields/{field}.field-meta.xml": xml(
            "CustomField", tags(fullName=field) + inner
        )
        for field, inner in fields.items()
    }


def one(project: Project, **tags_of: Any) -> Field:
    """Declare one field and return it."""
    metadata = project(source("Ship__c", A__c=tags(label="A", **tags_of)))
    return metadata.by_name["ship__c"].by_name["a__c"]


def ship(metadata: Metadata) -> SObject:
    return metadata.by_name["ship__c"]


def test_an_object_has_what_every_object_has(project: Project) -> None:
    """Id, owner, name and stamps are there without a file for each."""
    found = ship(project(source("Ship__c")))
    assert (found.label, found.label_plural, found.custom) == ("Ship", "Fleet", True)
    assert found.by_name.keys() >= {
        "id", "ownerid", "isdeleted", "name", "createddate", "lastmodifiedbyid",
        "systemmodstamp",
    }  # fmt: skip
    assert found.by_name["name"].label == "Ship Name"
    assert found.key_prefix is not None
    assert found.key_prefix.startswith("a")


def test_names_may_be_counted(project: Project) -> None:
    """An auto-number name has its format, without the day in it, and is read-only."""
    name = "<nameField><type>AutoNumber</type>{}</nameField>"
    name = name.format(tags(label="No.", displayFormat="S-{YYYY}-{000}"))
    found = ship(project(source("Ship__c", tags(label="Ship") + name)))
    assert found.by_name["name"].auto_number == "S-2025-{000}"
    assert not found.by_name["name"].createable


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("Text", {"length": 40}, ("string", 40, 0, 0)),
        ("TextArea", {}, ("textarea", 255, 0, 0)),
        ("LongTextArea", {"length": 5000}, ("textarea", 5000, 0, 0)),
        ("Html", {"length": 9000}, ("textarea", 9000, 0, 0)),
        ("EncryptedText", {"length": 30}, ("encryptedstring", 30, 0, 0)),
        ("Number", {"precision": 12, "scale": 3}, ("double", 0, 12, 3)),
        ("Currency", {"precision": 16, "scale": 2}, ("currency", 0, 16, 2)),
        ("Percent", {"precision": 5, "scale": 1}, ("percent", 0, 5, 1)),
        ("Checkbox", {"defaultValue": "true"}, ("boolean", 0, 0, 0)),
        ("Date", {}, ("date", 0, 0, 0)),
        ("DateTime", {}, ("datetime", 0, 0, 0)),
        ("Time", {}, ("time", 0, 0, 0)),
        ("Email", {}, ("email", 80, 0, 0)),
        ("Phone", {}, ("phone", 40, 0, 0)),
        ("Url", {}, ("url", 255, 0, 0)),
        ("AutoNumber", {"displayFormat": "A-{00}"}, ("string", 255, 0, 0)),
        ("Picklist", {}, ("picklist", 255, 0, 0)),
        ("MultiselectPicklist", {"visibleLines": 3}, ("multipicklist", 4099, 3, 0)),
        ("Lookup", {"referenceTo": "Account"}, ("reference", 18, 0, 0)),
        ("Hierarchy", {}, ("reference", 18, 0, 0)),
        ("ExternalLookup", {"referenceTo": "Account"}, ("reference", 255, 0, 0)),
        ("MetadataRelationship", {"referenceTo": "Account"}, ("reference", 18, 0, 0)),
    ],
)
def test_each_type_is_what_a_describe_calls_it(
    project: Project, kind: str, more: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """Types, lengths, precision and scale are those that an org would tell."""
    found = one(project, type=kind, **more)
    assert (found.type, found.length, found.precision, found.scale) == expected
    assert found.custom


def test_long_and_rich_texts_cannot_be_filtered(project: Project) -> None:
    """Rich text also says that it is."""
    found = one(project, type="Html", length=9000)
    assert not found.filterable
    assert found.html_formatted


def test_keys_are_external_unique_and_required(project: Project) -> None:
    """What makes a field a key is taken over."""
    words = dict.fromkeys(("externalId", "unique", "required", "caseSensitive"), "true")
    found = one(project, type="Text", length=20, **words)
    assert found.external_id
    assert found.id_lookup
    assert found.unique
    assert found.case_sensitive
    assert not found.nillable


def test_a_formula_shows_its_text_and_is_read_only(project: Project) -> None:
    """A formula of a type is a field of it, of text as long as formulas are."""
    found = one(
        project,
        type="Text",
        formula="Name &amp; 'x'",
        formulaTreatBlanksAs="BlankAsZero",
    )
    shown = render_field(found)
    assert shown["calculatedFormula"] == "Name & 'x'"
    assert (shown["calculated"], shown["createable"]) == (True, False)
    assert (found.length, found.groupable) == (1300, False)
    assert not found.formula_treats_null_as_zero


def test_defaults_are_constants_or_formulas(project: Project) -> None:
    """A constant is filled in; a formula is shown, as it is not applied here."""
    assert one(project, type="Number", defaultValue="3").default_value == 3.0
    assert one(project, type="Text", defaultValue='"abc"').default_value == "abc"
    found = one(project, type="Date", defaultValue="TODAY()")
    assert (found.default_value, found.default_formula) == (None, "TODAY()")


VALUES = "".join(
    f"<value>{tags(fullName=name, default=default, label=label)}{rest}</value>"
    for name, default, label, rest in (
        ("a", "true", "Ay", ""),
        ("b", "false", "Bee", "<isActive>false</isActive>"),
    )
)


@pytest.mark.parametrize(
    "inner",
    [
        (
            "<valueSet><restricted>true</restricted><valueSetDefinition>"
            f"{VALUES}</valueSetDefinition></valueSet>"
        ),
        (
            "<valueSet><restricted>true</restricted>"
            "<valueSetName>Sizes</valueSetName></valueSet>"
        ),
        (
            "<picklist><restrictedPicklist>true</restrictedPicklist>"
            f"{VALUES.replace('value>', 'picklistValues>')}</picklist>"
        ),
    ],
    ids=["own", "global", "old"],
)
def test_picklists_have_their_values_from_wherever(
    project: Project, inner: str
) -> None:
    """Own values, a global value set, and the form of old files are alike."""
    values = xml("GlobalValueSet", VALUES.replace("value>", "customValue>"))
    files = source("Ship__c", A__c=tags(label="A", type="Picklist") + inner)
    files["globalValueSets/Sizes.globalValueSet-meta.xml"] = values
    found = ship(project(files)).by_name["a__c"]
    assert [(v.value, v.label, v.active, v.default) for v in found.picklist] == [
        ("a", "Ay", True, True),
        ("b", "Bee", False, False),
    ]
    assert found.restricted_picklist


def test_a_value_set_that_no_file_has_is_noted(project: Project) -> None:
    """The field is there, with any words in it."""
    inner = "<valueSet><valueSetName>Gone</valueSetName></valueSet>"
    metadata = project(source("Ship__c", A__c=tags(type="Picklist") + inner))
    assert ship(metadata).by_name["a__c"].picklist == ()
    assert "a value set that no file has" in metadata.declared.notes[0]


def test_lookups_and_details_know_both_sides(project: Project) -> None:
    """Relationship names, what a delete does, and whose owner a detail has."""
    lookup = {"referenceTo": "Account", "relationshipName": "Ships"}
    detail = {"referenceTo": "Ship__c", "relationshipName": "Crates"}
    metadata = project(
        source(
            "Ship__c", A__c=tags(type="Lookup", deleteConstraint="Restrict", **lookup)
        )
        | source("Crate__c", S__c=tags(type="MasterDetail", **detail))
    )
    reference = ship(metadata).by_name["a__c"]
    assert (reference.relationship_name, reference.child_relationship_name) == (
        "A__r",
        "Ships__r",
    )
    assert reference.restricted_delete
    crate = metadata.by_name["crate__c"]
    assert crate.by_name["s__c"].cascade_delete
    assert not crate.by_name["s__c"].nillable
    assert "ownerid" not in crate.by_name


@pytest.mark.parametrize(("kind", "parts"), [("Location", 2), ("Address", 7)])
def test_compounds_bring_their_parts(project: Project, kind: str, parts: int) -> None:
    """A geolocation has two coordinates; an address the texts as well."""
    found = one(project, type=kind, scale=7)
    assert len(found.parts) == parts
    assert "A__Latitude__s" in found.parts


def summary(operation: str, **more: str) -> str:
    return tags(
        label="Sum", type="Summary", summaryOperation=operation,
        summaryForeignKey="Crate__c.S__c", **more,
    )  # fmt: skip


CRATE = {
    "S__c": tags(type="MasterDetail", referenceTo="Ship__c"),
    "Worth__c": tags(type="Currency", precision=18, scale=2),
}


def test_rollups_are_summed(project: Project) -> None:
    """A roll-up is of the type of what it sums, and counts as its children change."""
    worth = summary("sum", summarizedField="Crate__c.Worth__c")
    metadata = project(
        source("Ship__c", Sum__c=worth, Count__c=summary("count"))
        | source("Crate__c", **CRATE)
    )
    fields = ship(metadata).by_name
    assert (fields["sum__c"].type, fields["sum__c"].scale) == ("currency", 2)
    assert fields["count__c"].type == "double"
    assert fields["sum__c"].rollup == Rollup(
        function="SUM", child="Crate__c", child_field="Worth__c", child_reference="S__c"
    )
    store = Store(metadata, Clock())
    parent = store.insert("Ship__c", {"Name": "Ida"})
    for worth_of in (2.5, 4):
        store.insert("Crate__c", {"S__c": parent, "Worth__c": worth_of})
    row = store.get("Ship__c", parent)
    store.close()
    assert (row["Sum__c"], row["Count__c"]) == (6.5, 2.0)


def test_rollups_beyond_the_files_are_noted(project: Project) -> None:
    """A filter, or a child that no file declares: the field is there, never summed."""
    gone = tags(type="Summary", summaryOperation="count", summaryForeignKey="X__c.Y__c")
    filtered = summary("count") + "<summaryFilterItems/>"
    metadata = project(
        source("Ship__c", Gone__c=gone, Some__c=filtered) | source("Crate__c", **CRATE)
    )
    fields = ship(metadata).by_name
    assert fields["gone__c"].calculated
    assert fields["gone__c"].rollup is None
    assert fields["some__c"].calculated
    assert sorted(metadata.declared.notes) == [
        "a roll-up over what no file declares is never summed: Ship__c.Gone__c",
        "a roll-up with a filter is never summed: Ship__c.Some__c",
    ]


def test_standard_objects_are_extended(project: Project) -> None:
    """Custom fields join devorg's own; standard ones change by what is said."""
    files = field_files(
        "Account",
        Tier__c=tags(label="Tier", type="Text", length=9),
        Site=tags(label="Location of the site"),
    )
    metadata = project(files)
    account = metadata.by_name["account"].by_name
    assert account["tier__c"].length == 9
    assert account["site"].label == "Location of the site"
    assert account["industry"].picklist
    assert metadata.declared.objects == ("Account",)
    assert metadata.declared.fields == 1


def test_fields_of_activities_are_on_tasks_and_events(project: Project) -> None:
    """One file declares a field of two objects."""
    field = tags(label="Mood", type="Text", length=9)
    metadata = project(field_files("Activity", Mood__c=field))
    assert all("mood__c" in metadata.by_name[n].by_name for n in ("task", "event"))


def test_a_standard_object_that_is_not_here_is_declared_in_brief(
    project: Project,
) -> None:
    """Its custom fields are on an object with an Id, a name and stamps."""
    metadata = project(field_files("Contract", A__c=tags(type="Checkbox")))
    contract = metadata.by_name["contract"].by_name
    assert contract.keys() >= {"id", "name", "createddate", "a__c"}
    assert "in brief" in metadata.declared.notes[0]


def test_kinds_of_objects_have_their_own_fields(project: Project) -> None:
    """Events are not queried, custom metadata is not written, settings have owners."""
    setting = tags(label="S", customSettingsType="Hierarchy")
    found = project(
        source("A__e", tags(label="A"))
        | source("B__mdt", tags(label="B"))
        | source("C__c", setting)
    ).by_name
    assert (found["a__e"].queryable, found["a__e"].createable) == (False, True)
    assert "eventuuid" in found["a__e"].by_name
    assert (found["b__mdt"].queryable, found["b__mdt"].createable) == (True, False)
    assert "developername" in found["b__mdt"].by_name
    assert found["c__c"].custom_setting
    assert "setupownerid" in found["c__c"].by_name


def test_record_types_are_records(project: Project) -> None:
    """The org starts with them, and the object refers to them."""
    kind = tags(fullName="Cargo", label="Cargo Ship", active="true")
    files = source("Ship__c")
    path = "objects/Ship__c/recordTypes/Cargo.recordType-meta.xml"
    metadata = project(files | {path: xml("RecordType", kind)})
    assert "recordtypeid" in ship(metadata).by_name
    store = Store(metadata, Clock())
    sql = "SELECT Name, SobjectType FROM \"RecordType\" WHERE DeveloperName = 'Cargo'"
    rows = store.cursor().execute(sql).fetchall()
    store.close()
    assert rows == [("Cargo Ship", "Ship__c")]


def test_the_older_format_is_one_file(project: Project) -> None:
    """An ``.object`` file has its fields within."""
    fields = "".join(
        f"<fields>{tags(fullName=name, label=name, type='Checkbox')}</fields>"
        for name in ("A__c", "B__c")
    )
    metadata = project({"objects/Ship__c.object": xml("CustomObject", SHIP + fields)})
    assert ship(metadata).by_name.keys() >= {"a__c", "b__c", "name"}


@pytest.mark.parametrize(
    ("inner", "complaint"),
    [
        (tags(label="A"), r"A__c\.field-meta\.xml: <type> is missing"),
        (tags(type="Hologram"), "<type> 'Hologram' is unknown; known: Address, "),
        (tags(type="Text", length="x"), "<length> 'x' is no whole number"),
        (tags(type="Lookup"), "<referenceTo> is missing"),
        (tags(type="Summary"), "<summaryOperation> is missing"),
        (
            tags(type="Summary", summaryOperation="sum", summaryForeignKey="A.B"),
            "<summarizedField> is missing",
        ),
        (
            tags(type="Summary", summaryOperation="avg", summaryForeignKey="A.B"),
            "<summaryOperation> 'avg' is unknown",
        ),
        (
            tags(type="Summary", summaryOperation="count", summaryForeignKey="B"),
            "<summaryForeignKey> names no object",
        ),
        ("<picklist><picklistValues/></picklist>", "<type> is missing"),
        (
            tags(type="Picklist") + "<picklist><picklistValues/></picklist>",
            "<fullName> is missing",
        ),
    ],
)
def test_mistakes_are_told_with_file_and_element(
    project: Project, inner: str, complaint: str
) -> None:
    """Whoever edited a file learns which element of it is wrong."""
    with pytest.raises(DeclarationError, match=complaint) as caught:
        project(source("Ship__c", A__c=inner))
    assert "A__c.field-meta.xml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<CustomObject>", "not well-formed"),
        ("<!DOCTYPE x><CustomObject/>", "document type declaration"),
        ("<Flow/>", "<Flow> is neither an object nor a field"),
    ],
)
def test_files_that_are_no_objects_are_refused(
    project: Project, text: str, complaint: str
) -> None:
    """What is called an object and is none is a mistake."""
    with pytest.raises(DeclarationError, match=complaint):
        project({"Ship__c.object": text})


@pytest.mark.parametrize("name", ["dreamhouse", "easy-spaces", "ebikes"])
def test_projects_of_others_are_read_whole(
    name: str, recorded: Path, tmp_path: Path
) -> None:
    """Every field file of a real project is a field of its object."""
    with tarfile.open(recorded / "metadata_xml" / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    metadata = load_metadata(tmp_path)
    files = list(tmp_path.rglob("*.field-meta.xml"))
    for path in files:
        sobject = metadata.by_name[path.parent.parent.name.lower()]
        assert path.name.partition(".")[0].lower() in sobject.by_name
    assert files
