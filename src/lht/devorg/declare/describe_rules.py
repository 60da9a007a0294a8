"""What is likely of objects and fields where a reduced describe does not say it.

Tools that keep describes drop what they do not need: whether records can be written,
how long texts are, which parts make an address. Names and types tell most of it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from lht.devorg.declare.vocabulary import Attributes

Json = Mapping[str, Any]

_FLAGS = (
    "createable",
    "updateable",
    "deletable",
    "undeletable",
    "replicateable",
    "retrieveable",
    "searchable",
    "layoutable",
    "triggerable",
)
# Source: a recorded describe of all objects, v52; see which flags each family has.
_FAMILIES = (
    ("ChangeEvent", {"retrieveable", "triggerable"}),
    ("Share", {"createable", "updateable", "deletable", "retrieveable"}),
    ("Feed", {"deletable", "replicateable", "retrieveable"}),
    ("History", {"replicateable", "retrieveable"}),
)
_NO_BULK = {
    *("FieldSecurityClassification", "WorkStepStatus", "ShiftStatus", "SolutionStatus"),
    *("WorkOrderStatus", "WorkOrderLineItemStatus", "ServiceAppointmentStatus"),
    *("ContractStatus", "CaseStatus", "TaskStatus", "TaskPriority", "OrderStatus"),
    *("PartnerRole", "RecentlyViewed", "DeclinedEventRelation"),
    *("AcceptedEventRelation", "UndecidedEventRelation"),
}
"""Objects that the Bulk API is known to refuse, as tools list them."""

_SYSTEM = {
    *("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"),
    *("SystemModstamp", "IsDeleted", "LastViewedDate", "LastReferencedDate"),
    *("LastActivityDate", "MasterRecordId", "PhotoUrl", "EventUuid", "ReplayId"),
    *("IsClosed", "UserRecordAccessId", "CurrentGenerators"),
}
"""Fields that only the org itself sets."""

_NAMES = ("Name", "Subject", "Title", "CaseNumber", "DeveloperName", "MasterLabel")
_PART = re.compile(
    r"(\w*?)(Street|City|State|PostalCode|Country|StateCode|CountryCode|Latitude"
    r"|Longitude|GeocodeAccuracy)$"
)
_SPOT = re.compile(r"(\w+)__(?:Latitude|Longitude)__s$")
_LONG_TEXT = 32000


def guess_object(given: Json, fields: Collection[str]) -> Attributes:
    """Say what records of an object may be like, by its name and its fields."""
    name = given["name"]
    if not given.get("queryable", True):
        return dict.fromkeys(_FLAGS, False) | {"bulk": False}
    for ending, flags in _FAMILIES:
        if name.endswith(ending) and len(name) > len(ending):
            return {flag: flag in flags for flag in _FLAGS}
    if not {"Id", "SystemModstamp", "CreatedDate"} <= set(fields):
        read_only = dict.fromkeys(_FLAGS, False) | {"retrieveable": True}
        return read_only | {"bulk": name not in _NO_BULK}
    return {"bulk": name not in _NO_BULK, "undeletable": "IsDeleted" in fields}


def guess_field(entry: Json, types: Json) -> Attributes:
    """Say what a field may be like.

    Args:
        entry: What its describe says.
        types: The types of all fields of its object, by their names.
    """
    name, kind = entry["name"], entry["type"]
    guessed: Attributes = {}
    if name in _SYSTEM or kind in {"id", "address", "location"}:
        guessed |= {"createable": False, "updateable": False}
    if name in _SYSTEM or name == "OwnerId":
        guessed["defaulted_on_create"] = True
    if kind == "textarea" and not entry.get("filterable", True):
        guessed["length"] = _LONG_TEXT
    if name == next((n for n in _NAMES if n in types), None) and kind == "string":
        guessed["name_field"] = True
    compound = _compound_of(name, types)
    if compound:
        guessed["compound_name"] = compound
    if compound and kind == "double":
        guessed |= {"precision": 18, "scale": 15}
    return guessed


def _compound_of(name: str, types: Json) -> str | None:
    """Name the address or location that a field is a part of, if there is one."""
    spot = _SPOT.match(name)
    if spot:
        return f"{spot[1]}__c"
    part = _PART.match(name)
    whole = f"{part[1]}Address" if part else ""
    return whole if types.get(whole) == "address" else None
