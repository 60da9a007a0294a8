"""Describes are what a real org sends: keys, their order, and what they say."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lht.devorg.declare.declaration import load_metadata, parse_metadata
from lht.devorg.describe import render_describe, render_field, render_global

METADATA = load_metadata()

OLD_LISTS = (
    *(f"Account.{n}" for n in ("Type", "Industry", "Ownership", "Rating")),
    *(f"Case.{n}" for n in ("Type", "Status", "Reason", "Origin", "Priority")),
    "Account.AccountSource",
)

# Recorded facts that ours differ from, with the reason; the end of a name is enough.
EXCEPTIONS = {
    **{f"{n}.length": "40 in that release, 255 since" for n in OLD_LISTS},
    **{f"{n}.byteLength": "120 in that release, 765 since" for n in OLD_LISTS},
    "GeocodeAccuracy.picklistValues": "newer orgs label two of the values otherwise",
    "TimeZoneSidKey.picklistValues": "a few of all time zones",
    "Location.TimeZone.picklistValues": "a few of all time zones",
    "RecurrenceTimeZoneSidKey.picklistValues": "a few of all time zones",
    "LocaleSidKey.picklistValues": "a few of all locales",
    "SobjectType.picklistValues": "only objects that this org has",
    "RecentlyViewed.Type.picklistValues": "it tells objects, of any org",
    "RecentlyViewed.Language.picklistValues": "no record of this org has it",
    "Group.Type.picklistValues": "recorded without labels",
    "Organization.OrganizationType.picklistValues": "recorded without labels",
    "Contact.Salutation.picklistValues": "a list that orgs edit; one recording has Mx.",
}

# Recorded standard fields that the org does without.
ABSENT = {
    "Profile": (("Permissions",), "four hundred switches nobody syncs"),
    "User": (("UserPreferences",), "preferences that came in later releases"),
    "Contact": (("IsPriorityRecord",), "each reader's own mark, not the record's data"),
    "Lead": (("IsPriorityRecord",), "each reader's own mark, not the record's data"),
    "Organization": (("PreferencesEmailSenderId",), "a switch that other orgs lack"),
    "Location": (("VisitorAddressId", "ShouldSync", "LogoId"), "of optional features"),
}

FULL = [
    "cumulusci/Account", "cumulusci/Case", "cumulusci/Contact", "cumulusci/Event",
    "cumulusci/Lead", "cumulusci/Opportunity", "cumulusci/OpportunityContactRole",
    "ceelias-graph/Group", "ceelias-graph/Profile", "ceelias-graph/User",
    "ceelias-graph/UserRole",
]  # fmt: skip


def standard_fields(describe: dict[str, Any]) -> list[dict[str, Any]]:
    return [f for f in describe["fields"] if not f["name"].endswith("__c")]


def rendered(name: str) -> dict[str, Any]:
    return render_describe(METADATA.by_name[name.lower()], METADATA, "62.0")


def excused(sobject: str, field: str, key: str) -> bool:
    return any(
        f"{sobject}.{field}.{key}".endswith(exception) for exception in EXCEPTIONS
    )


def differences(recorded: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """List the attributes of fields, present in both, that are not the same."""
    own = {f["name"]: f for f in ours["fields"]}
    found = []
    for field in standard_fields(recorded):
        for key, value in field.items():
            if field["name"] not in own:
                continue
            mine = own[field["name"]][key]
            same = set(mine) <= set(value) if key == "referenceTo" else mine == value
            if not same and not excused(recorded["name"], field["name"], key):
                found.append(f"{field['name']}.{key}: {value!r}, ours {mine!r}")
    return found


def read(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return result


@pytest.mark.parametrize("name", FULL)
def test_fields_agree_with_full_recordings(name: str, recorded: Path) -> None:
    """Every attribute of every field that both have is as a real org tells it."""
    theirs = read(recorded / "describe" / f"{name}.json")
    assert differences(theirs, rendered(theirs["name"])) == []


def test_fields_agree_with_the_reduced_recordings(recorded: Path) -> None:
    """Types, labels, flags and lists agree for every standard object recorded."""
    compared = set()
    for theirs in reduced(recorded):
        compared.add(theirs["name"])
        assert differences(theirs, rendered(theirs["name"])) == []
    assert compared >= {"Task", "Campaign", "CampaignMember", "Product2", "Order"}


def reduced(recorded: Path) -> Iterator[dict[str, Any]]:
    """Yield the reduced describes of the objects that the org has."""
    path = recorded / "describe" / "soqlmeta-jawills" / "all_objects.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for theirs in map(json.loads, lines):
            if theirs["name"].lower() in METADATA.by_name:
                yield theirs


def test_no_recorded_field_is_missing_unsaid(recorded: Path) -> None:
    """A standard field that a real org has and ours has not is on the list above."""
    full = [read(recorded / "describe" / f"{name}.json") for name in FULL]
    for theirs in [*full, *reduced(recorded)]:
        own = METADATA.by_name[theirs["name"].lower()].by_name
        names = [f["name"] for f in standard_fields(theirs)]
        prefixes, _ = ABSENT.get(theirs["name"], ((), ""))
        missing = [name for name in names if name.lower() not in own]
        assert [m for m in missing if not m.startswith(prefixes)] == [], theirs["name"]


@pytest.mark.parametrize("name", FULL)
def test_objects_agree_with_full_recordings(name: str, recorded: Path) -> None:
    """What a describe says of the object itself is as a real org tells it."""
    theirs = read(recorded / "describe" / f"{name}.json")
    ours = rendered(theirs["name"])
    skipped = {"fields", "childRelationships", "urls", "recordTypeInfos"}
    skipped |= {"supportedScopes", "namedLayoutInfos"}
    for key in theirs.keys() - skipped:
        assert ours[key] == theirs[key], key


@pytest.mark.parametrize("name", FULL)
def test_keys_come_in_the_recorded_order(name: str, recorded: Path) -> None:
    """Every key a real org sends is there, at its place."""
    theirs = read(recorded / "describe" / f"{name}.json")
    ours = rendered(theirs["name"])
    since = {"associateEntityType", "associateParentEntity", "sobjectDescribeOption"}
    newer = since - theirs.keys()
    assert [key for key in ours if key not in newer] == list(theirs)
    assert list(ours["fields"][0]) == list(theirs["fields"][0])
    if theirs["recordTypeInfos"]:
        assert list(ours["recordTypeInfos"][0]) == list(theirs["recordTypeInfos"][0])
    for mine, child in zip(
        ours["childRelationships"], theirs["childRelationships"], strict=False
    ):
        assert list(mine) == list(child)


def test_child_relationships_agree(recorded: Path) -> None:
    """Parents know their children by the recorded names and delete rules."""
    keys = ("relationshipName", "cascadeDelete", "restrictedDelete")
    compared = 0
    for name in FULL:
        theirs = read(recorded / "describe" / f"{name}.json")
        known = {
            (c["childSObject"], c["field"]): c for c in theirs["childRelationships"]
        }
        for child in rendered(theirs["name"])["childRelationships"]:
            recorded_child = known.get((child["childSObject"], child["field"]))
            if recorded_child:
                compared += 1
                mine = [child[key] for key in keys]
                assert mine == [recorded_child[key] for key in keys], child
    assert compared > 50


def test_describe_global_has_the_recorded_keys(recorded: Path) -> None:
    """An entry of describe global has the keys of a recorded one, in their order."""
    theirs = read(recorded / "describe" / "cumulusci" / "Global.json")
    ours = render_global(METADATA, "62.0")
    assert list(ours) == list(theirs)
    assert list(ours["sobjects"][0]) == list(theirs["sobjects"][0])
    own = {s["name"]: s for s in ours["sobjects"]}
    # entries that were recorded without a key prefix contradict recorded describes
    compared = [s for s in theirs["sobjects"] if s["name"] in own and s["keyPrefix"]]
    assert len(compared) >= 6
    for entry in compared:
        for key in entry.keys() - {"urls"}:
            assert own[entry["name"]][key] == entry[key], (entry["name"], key)


def test_describe_global_is_sorted_and_complete() -> None:
    """All objects of the org are listed by name."""
    names = [s["name"] for s in render_global(METADATA, "62.0")["sobjects"]]
    assert names == sorted(s.name for s in METADATA.sobjects)


def test_record_types_are_the_orgs_own_and_the_master() -> None:
    """The org's record types of the object come first; all objects have the master."""
    rows = [
        {
            "Id": f"0125400000000{n}AAA",
            "Name": name,
            "DeveloperName": name,
            "SobjectType": sobject,
            "IsActive": True,
        }
        for n, (name, sobject) in enumerate([("Home", "Account"), ("Deal", "Lead")], 10)
    ]
    account = METADATA.by_name["account"]
    infos = render_describe(account, METADATA, "62.0", rows)["recordTypeInfos"]
    assert [(i["name"], i["master"], i["defaultRecordTypeMapping"]) for i in infos] == [
        ("Home", False, True),
        ("Master", True, False),
    ]
    assert infos[1]["recordTypeId"] == "012000000000000AAA"
    assert infos[0]["urls"]["layout"].endswith(f"/layouts/{rows[0]['Id']}")


def test_links_carry_version_and_origin() -> None:
    """Resources are paths of the asked version; pages are on the org's own host."""
    account = METADATA.by_name["account"]
    urls = render_describe(account, METADATA, "58.0", origin="http://org")["urls"]
    assert urls["describe"] == "/services/data/v58.0/sobjects/Account/describe"
    assert urls["uiDetailTemplate"] == "http://org/{ID}"
    status = METADATA.by_name["casestatus"]
    assert list(render_describe(status, METADATA, "58.0")["urls"]) == [
        "rowTemplate",
        "describe",
        "sobject",
    ]


def test_a_master_detail_field_says_so() -> None:
    """A master-detail is a required, cascading, ordered reference."""
    metadata = parse_metadata(
        ("t", "object P__c a98\n  Id id\nobject C__c a99\n  P__c -> P__c detail")
    )
    field = render_field(metadata.by_name["c__c"].by_name["p__c"])
    assert field["cascadeDelete"]
    assert not field["nillable"]
    assert not field["updateable"]
    assert field["relationshipOrder"] == 0
    parent = render_describe(metadata.by_name["p__c"], metadata, "62.0")
    assert parent["childRelationships"][0]["cascadeDelete"]


def test_describes_are_plain_json() -> None:
    """Every describe of the org can be sent as it is."""
    for sobject in METADATA.sobjects:
        describe = render_describe(sobject, METADATA, "62.0")
        assert json.loads(json.dumps(describe)) == describe
