"""What a line of the declaration promises, and how mistakes in one are told."""

import re
from importlib import resources

import pytest

from lht.devorg.declare.declaration import (
    DeclarationError,
    label_of,
    load_metadata,
    parse_metadata,
)
from lht.devorg.declare.vocabulary import KEYS, OBJECT_WORDS, TYPES, WORDS
from lht.devorg.metadata import Field, SObject

REQUIRED_OBJECTS = {
    "Account", "Contact", "Lead", "Opportunity", "OpportunityLineItem", "Case", "User",
    "Task", "Event", "Campaign", "CampaignMember", "Product2", "Pricebook2",
    "PricebookEntry", "Order", "RecordType",
}  # fmt: skip


def one(text: str) -> SObject:
    return parse_metadata(("test", "object Thing__c a99\n" + text)).sobjects[0]


def field(line: str) -> Field:
    return one(f"  {line}").fields[-1]


def test_the_org_has_the_objects_a_business_needs() -> None:
    """The standard declaration holds the standard objects and custom ones."""
    metadata = load_metadata()
    names = {sobject.name for sobject in metadata.sobjects}
    assert names >= REQUIRED_OBJECTS
    assert sum(sobject.custom for sobject in metadata.sobjects) >= 3


def test_one_object_has_a_field_of_every_type() -> None:
    """Everything__c shows each type; addresses are on standard objects only."""
    metadata = load_metadata()
    kinds = {f.type for f in metadata.by_name["everything__c"].fields}
    assert kinds == set(TYPES) - {"address"}


def test_formulas_and_rollups_exist_for_several_types() -> None:
    """Computed fields of text, number, boolean, date and money are there to test."""
    metadata = load_metadata()
    formulas = {f.type for s in metadata.sobjects for f in s.fields if f.formula}
    assert formulas >= {"string", "double", "currency", "boolean", "date", "datetime"}
    rollups = {
        f.rollup.function for s in metadata.sobjects for f in s.fields if f.rollup
    }
    assert rollups == {"COUNT", "SUM", "MIN", "MAX"}


def test_odd_objects_exist() -> None:
    """Objects that Bulk, queries or replication refuse exist, and some unstamped."""
    metadata = load_metadata()
    assert not metadata.by_name["casestatus"].bulk
    assert not metadata.by_name["accountchangeevent"].queryable
    assert not metadata.by_name["accountshare"].replicateable
    assert metadata.by_name["accountshare"].bulk
    assert "systemmodstamp" not in metadata.by_name["loginhistory"].by_name
    assert len(metadata.by_name["reading__c"].fields) == 8


def test_an_account_has_as_many_columns_as_a_real_one() -> None:
    """Forty-five columns and more can be selected from Account."""
    account = load_metadata().by_name["account"]
    assert sum(f.stored for f in account.fields) >= 45


def test_key_prefixes_are_unique() -> None:
    """An id tells its object."""
    prefixes = [s.key_prefix for s in load_metadata().sobjects if s.key_prefix]
    assert len(prefixes) == len(set(prefixes))
    assert all(len(prefix) == 3 for prefix in prefixes)


def test_lengths_and_bytes_follow_from_the_type() -> None:
    """Text takes three bytes a character; ids and multi-select lists take one."""
    assert (field("A__c string(80)").length, field("A__c string(80)").byte_length) == (
        80,
        240,
    )
    assert field("A__c -> Account").byte_length == 18
    assert field("A__c multipicklist").byte_length == 4099


def test_numbers_take_precision_and_scale() -> None:
    """Brackets hold a number's precision and scale, and an int's digits."""
    money = field("A__c currency(16,4)")
    assert (money.precision, money.scale, money.length) == (16, 4, 0)
    assert (field("A int(8)").digits, field("A int(8)").precision) == (8, 0)


def test_a_reference_names_its_relationship() -> None:
    """``FooId`` gives Foo and ``Foo__c`` gives Foo__r; ``as=`` overrides or clears."""
    assert field("ParentId -> Account").relationship_name == "Parent"
    assert field("Boss__c -> User").relationship_name == "Boss__r"
    assert field("ParentId -> Account as=Mother").relationship_name == "Mother"
    assert field("ParentId -> Account as=").relationship_name is None
    both = field("OwnerId -> Group,User")
    assert both.reference_to == ("Group", "User")
    assert both.polymorphic


def test_picklists_know_default_inactive_and_labels() -> None:
    """``*`` marks the default, ``!`` what is retired, quotes a label of its own."""
    status = field('S__c picklist | New * | In Work "Working" | !Old')
    assert [(v.value, v.label, v.active, v.default) for v in status.picklist] == [
        ("New", "New", True, True),
        ("In Work", "Working", True, False),
        ("Old", "Old", False, False),
    ]
    assert status.default_value == "New"
    assert status.defaulted_on_create


def test_a_long_line_goes_on_below() -> None:
    """A line indented by four spaces continues the one above."""
    thing = one("  S__c picklist | A\n    | B\n    # remark\n    | C\n  T__c string")
    assert [v.value for v in thing.fields[0].picklist] == ["A", "B", "C"]
    assert thing.fields[1].name == "T__c"


def test_a_formula_is_read_only_and_keeps_its_text() -> None:
    """Behind ``=`` stands DuckDB SQL, behind ``--`` what a describe shows."""
    twice = field("T__c double = {A__c} * 2 || '' -- A__c * 2")
    assert (twice.formula, twice.formula_source) == ("{A__c} * 2 || ''", "A__c * 2")
    assert twice.calculated
    assert not twice.stored
    assert not twice.createable
    assert not twice.updateable


def test_a_set_gives_its_fields_to_whoever_uses_it() -> None:
    """``$`` is the argument, further words go to each field, parts find their whole."""
    text = "set place\n  $City string in=$Place\n  $Place address\n"
    thing = parse_metadata(
        ("test", text + "object T__c a99\n  use place(Home) !permission")
    ).sobjects[0]
    assert [f.name for f in thing.fields] == ["HomeCity", "HomePlace"]
    assert thing.by_name["homeplace"].parts == ("HomeCity",)
    assert not thing.by_name["homeplace"].stored
    assert not any(f.permissionable for f in thing.fields)


def test_every_word_is_explained_where_people_look() -> None:
    """The head of the declaration lists all words of fields and objects."""
    standard = (
        resources.files("lht.devorg.declare").joinpath("objects.txt").read_text("utf-8")
    )
    head = standard.partition("# ---")[0]
    explained = set(re.findall(r"\w+", head))
    assert explained >= {*WORDS, *KEYS, *OBJECT_WORDS}


def test_rows_are_typed_by_their_fields() -> None:
    """A row the org starts with holds values of its fields' types."""
    thing = one('  A__c string\n  B__c boolean\n  row A__c="x y" B__c=true')
    assert thing.rows == ({"A__c": "x y", "B__c": True},)


def test_a_users_file_adds_objects_and_fields(tmp_path) -> None:
    """Further files declare new objects and extend declared ones."""
    extra = tmp_path / "mine.txt"
    extra.write_text(
        "extend Account\n  Segment__c picklist | A | B\n\n"
        "object Ship__c a50\n  use custom\n  Name string(80) name\n  use audit\n"
    )
    metadata = load_metadata(extra)
    assert metadata.by_name["account"].by_name["segment__c"].custom
    assert metadata.by_name["ship__c"].by_name["systemmodstamp"].type == "datetime"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("  A__c sting", "test:2: unknown type 'sting'; known: "),
        ("  A__c string requird", "test:2: unknown word 'requird'; known: "),
        ("  A__c", "test:2: a field needs a name and a type"),
        ("  A__c string\n  A__c string", "test:3: A__c is declared twice"),
        ("  use nothing", "test:2: no set is called 'nothing'"),
        ("  A__c ->", "test:2: '->' must be followed by"),
        ("  A__c picklist | ", "test:2: not a picklist value: ''"),
        ("  A__c currency rollup=SUM(X)", "test:2: not a roll-up: "),
        ("  A__c double rollup=COUNT(B__c,C__c)", "Thing__c.A__c: its roll-up names"),
        ("  row A__c=1", "test:2: no field is called 'A__c'"),
        ("object Thing__c a98", "test:2: Thing__c is declared already"),
        ("object B", "test:2: an object needs a name and a key prefix"),
        ("object B__c a98 fast", "test:2: unknown word 'fast'; known: "),
        ("extend Nothing__c", "test:2: Nothing__c is not declared"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, complaint: str) -> None:
    """Whoever writes a declaration learns what is wrong and where."""
    with pytest.raises(DeclarationError) as caught:
        one(text)
    assert str(caught.value).startswith(complaint)


def test_a_field_needs_an_object() -> None:
    """A field outside any object is refused."""
    with pytest.raises(DeclarationError, match="test:1: a field must stand below"):
        parse_metadata(("test", "  A__c string"))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("BillingCity", "Billing City"),
        ("OwnerId", "Owner ID"),
        ("Id", "Id"),
        ("Amount__c", "Amount"),
        ("Issued_On__c", "Issued On"),
        ("LastCUUpdateDate", "Last CU Update Date"),
    ],
)
def test_labels_follow_from_names(name: str, label: str) -> None:
    """A label is the name in words."""
    assert label_of(name) == label
