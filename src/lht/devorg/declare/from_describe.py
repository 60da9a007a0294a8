"""Objects from describes, as a real org answers them.

A describe of any API version will do, one that a tool has reduced, and one wrapped as
the Salesforce CLI does (``sf sobject describe --json``). What one does not say is taken
from devorg's own object of that name, or else follows from names and types.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields as attributes_of
from typing import Any

from lht.devorg.declare.attributes import complete, of_type, sobject_named
from lht.devorg.declare.describe_rules import guess_field, guess_object
from lht.devorg.declare.draft import DeclarationError, Draft, Drafts
from lht.devorg.declare.vocabulary import ODD_TYPES, TYPES, Attributes
from lht.devorg.describe import MASTER_RECORD_TYPE_ID
from lht.devorg.ids import check
from lht.devorg.metadata import Field, PicklistValue, SObject

Json = Mapping[str, Any]

_FLAG, _WHOLE, _TEXT = "true or false", "a whole number", "text or null"

_OBJECT_KEYS: Mapping[str, tuple[str, str]] = {
    "activateable": ("activateable", _FLAG),
    "compactLayoutable": ("compact_layoutable", _FLAG),
    "createable": ("createable", _FLAG),
    "custom": ("custom", _FLAG),
    "customSetting": ("custom_setting", _FLAG),
    "deepCloneable": ("deep_cloneable", _FLAG),
    "deletable": ("deletable", _FLAG),
    "feedEnabled": ("feed_enabled", _FLAG),
    "keyPrefix": ("key_prefix", _TEXT),
    "label": ("label", _TEXT),
    "labelPlural": ("label_plural", _TEXT),
    "layoutable": ("layoutable", _FLAG),
    "mergeable": ("mergeable", _FLAG),
    "mruEnabled": ("mru_enabled", _FLAG),
    "queryable": ("queryable", _FLAG),
    "replicateable": ("replicateable", _FLAG),
    "retrieveable": ("retrieveable", _FLAG),
    "searchLayoutable": ("search_layoutable", _FLAG),
    "searchable": ("searchable", _FLAG),
    "triggerable": ("triggerable", _FLAG),
    "undeletable": ("undeletable", _FLAG),
    "updateable": ("updateable", _FLAG),
}
_FIELD_KEYS: Mapping[str, tuple[str, str]] = {
    "aggregatable": ("aggregatable", _FLAG),
    "byteLength": ("byte_length", _WHOLE),
    "calculatedFormula": ("formula_source", _TEXT),
    "cascadeDelete": ("cascade_delete", _FLAG),
    "caseSensitive": ("case_sensitive", _FLAG),
    "compoundFieldName": ("compound_name", _TEXT),
    "createable": ("createable", _FLAG),
    "custom": ("custom", _FLAG),
    "defaultValueFormula": ("default_formula", _TEXT),
    "defaultedOnCreate": ("defaulted_on_create", _FLAG),
    "digits": ("digits", _WHOLE),
    "displayLocationInDecimal": ("display_location_in_decimal", _FLAG),
    "encrypted": ("encrypted", _FLAG),
    "externalId": ("external_id", _FLAG),
    "extraTypeInfo": ("extra_type_info", _TEXT),
    "filterable": ("filterable", _FLAG),
    "formulaTreatNullNumberAsZero": ("formula_treats_null_as_zero", _FLAG),
    "groupable": ("groupable", _FLAG),
    "htmlFormatted": ("html_formatted", _FLAG),
    "idLookup": ("id_lookup", _FLAG),
    "inlineHelpText": ("help_text", _TEXT),
    "label": ("label", _TEXT),
    "length": ("length", _WHOLE),
    "mask": ("mask", _TEXT),
    "maskType": ("mask_type", _TEXT),
    "nameField": ("name_field", _FLAG),
    "namePointing": ("name_pointing", _FLAG),
    "nillable": ("nillable", _FLAG),
    "permissionable": ("permissionable", _FLAG),
    "precision": ("precision", _WHOLE),
    "queryByDistance": ("query_by_distance", _FLAG),
    "relationshipName": ("relationship_name", _TEXT),
    "restrictedDelete": ("restricted_delete", _FLAG),
    "restrictedPicklist": ("restricted_picklist", _FLAG),
    "scale": ("scale", _WHOLE),
    "searchPrefilterable": ("search_prefilterable", _FLAG),
    "soapType": ("soap_type", _TEXT),
    "sortable": ("sortable", _FLAG),
    "unique": ("unique", _FLAG),
    "updateable": ("updateable", _FLAG),
    "writeRequiresMasterRead": ("write_requires_master_read", _FLAG),
}
"""Keys of describes, the attribute each of them is here, and what it must hold."""

_RECORD_TYPE = MASTER_RECORD_TYPE_ID[:3]
_KNOWN_TYPES = TYPES.keys() | ODD_TYPES.keys()
_UNNAMED_ATTRIBUTES = {"name", "type", "parts", "described"}


class DescribeReader:
    """Takes what files hold, finds the describes in it, and adds them to the drafts."""

    def __init__(self, drafts: Drafts) -> None:
        self.drafts = drafts
        self._found: dict[str, tuple[str, Json]] = {}
        self._globals: dict[str, tuple[str, Json]] = {}

    def take(self, place: str, content: Any) -> None:
        """Find the describes in one JSON value; what is none of them is noted."""
        if isinstance(content, dict) and "result" in content:  # of sf .. --json
            content = content["result"]
        described = list(_describes(place, content))
        if not described:
            self.drafts.note(_what_else(content), place)
        for where, entry in described:
            name = _text(where, entry, "name")
            if "fields" in entry:
                self._keep(name, where, entry)
            else:
                self._globals.setdefault(name, (where.partition(":")[0], entry))

    def _keep(self, name: str, place: str, given: Json) -> None:
        """Keep the describe that says most; of equals the last."""
        before = self._found.get(name)
        if before is None:
            self._found[name] = (place, given)
            return
        fuller = _detail(given) >= _detail(before[1])
        dropped = before[0] if fuller else place
        self.drafts.note("left out, as another file says more of its object", dropped)
        self._found[name] = (place, given) if fuller else before

    def finish(self) -> None:
        """Make drafts of all that was found."""
        for name, (place, given) in self._found.items():
            brief = self._globals.pop(name, ("", {}))[1]
            base = self.drafts.find(name)
            self.drafts.put(_draft(place, {**brief, **given}, base, self.drafts))
        for name, (place, given) in self._found.items():
            self._take_record_types(name, place, given)
        for name in self._globals:
            if self.drafts.find(name) is None:
                self.drafts.note("left out, as only its name is given", name)
            else:
                self.drafts.note("only named, so it is devorg's own", name)

    def _take_record_types(self, name: str, place: str, given: Json) -> None:
        """Let the org start with an object's record types, the default one first."""
        kinds = self.drafts.find("RecordType")
        if kinds is None or given.get("recordTypeInfos") is None:
            return
        listed = _list(place, given, "recordTypeInfos")
        own = [entry for entry in listed if not _is_master(entry)]
        own.sort(key=lambda entry: not entry.get("defaultRecordTypeMapping"))
        kinds.rows = [row for row in kinds.rows if row["SobjectType"] != name]
        kinds.rows += (_record_type(f"{place}: {name}", name, entry) for entry in own)


def _is_master(entry: Json) -> bool:
    """Whether a record type is the one that all objects have."""
    return str(entry.get("recordTypeId")).startswith(MASTER_RECORD_TYPE_ID[:15])


def _record_type(place: str, sobject: str, entry: Json) -> dict[str, object]:
    """Make a record of a record type; old describes do not tell its other name."""
    label = _text(f"{place}.recordTypeInfos", entry, "name")
    id_ = check(str(entry.get("recordTypeId")))
    return {
        **({"Id": id_} if id_ and id_.startswith(_RECORD_TYPE) else {}),
        "Name": label,
        "DeveloperName": entry.get("developerName") or re.sub(r"\W+", "_", label),
        "SobjectType": sobject,
        "IsActive": bool(entry.get("active", True)),
    }


def _describes(place: str, content: Any) -> Iterator[tuple[str, Json]]:
    """Yield each describe, in full or in brief, with its place."""
    if isinstance(content, list):
        for number, entry in enumerate(content):
            if isinstance(entry, dict) and {"name", "fields"} <= entry.keys():
                yield f"{place}: [{number}]", entry
    elif isinstance(content, dict) and isinstance(content.get("sobjects"), list):
        for number, entry in enumerate(content["sobjects"]):
            if not isinstance(entry, dict):
                raise _expected(f"{place}: sobjects[{number}]", "an object", entry)
            yield f"{place}: sobjects[{number}]", entry
    elif isinstance(content, dict) and "objectDescribe" in content:
        yield place, content["objectDescribe"]
    elif isinstance(content, dict) and {"name", "fields"} <= content.keys():
        yield place, content


def _what_else(content: Any) -> str:
    if isinstance(content, list) and content and isinstance(content[0], (dict, str)):
        named = isinstance(content[0], str) or "name" in content[0]
        if named:
            return "left out, as it is a list of names only"
    return "left out, as it is no describe"


def _detail(given: Json) -> int:
    """Say how much a describe tells: keys of its own and of its first field."""
    fields = given["fields"]
    first = fields[0] if isinstance(fields, list) and fields else {}
    return len(given) + (len(first) if isinstance(first, dict) else 0)


def _draft(place: str, given: Json, base: Draft | None, drafts: Drafts) -> Draft:
    """Make a draft of one describe; *base* is devorg's own object of that name."""
    name = _text(place, given, "name")
    if base is not None and base.sobject.custom:
        base = None  # a sample of ours, and not the same thing
    listed = _list(place, given, "fields", named=True)
    fields: dict[str, Field] = {}
    seen: set[str] = set()
    types = {str(entry.get("name")): entry.get("type") for entry in listed}
    raw: dict[str, Json] = {}
    for number, entry in enumerate(listed):
        where = f"{place}: {name}.{entry.get('name') or f'fields[{number}]'}"
        field = _field(where, entry, types, base, drafts)
        if field.name.lower() in seen:
            raise DeclarationError(f"{where}: this field comes twice")
        seen.add(field.name.lower())
        fields[field.name], raw[field.name] = field, entry
    _check_children(place, given)
    return Draft(
        _sobject(place, given, base, fields),
        place,
        fields=fields,
        rows=list(base.rows) if base else [],
        is_partial=True,
        describe=given,
        field_describes=raw,
    )


def _sobject(
    place: str, given: Json, base: Draft | None, fields: Mapping[str, Field]
) -> SObject:
    """Build the object: what the describe says, what ours is like, what is likely."""
    said = _said(f"{place}: {given['name']}", given, _OBJECT_KEYS)
    prefix = said.get("key_prefix")
    if prefix is not None and not (len(prefix) == 3 and prefix.isalnum()):
        where = f"{place}: {given['name']}.keyPrefix"
        raise _expected(where, "three letters or digits", prefix)
    known = _attributes(base.sobject) if base else guess_object(given, fields)
    known |= {k: v for k, v in said.items() if v is not None or k == "key_prefix"}
    return sobject_named(given["name"], **known | {"fields": ()})


def _attributes(base: SObject | Field) -> Attributes:
    """Take the attributes of one of ours."""
    return {
        attribute.name: getattr(base, attribute.name)
        for attribute in attributes_of(base)
        if attribute.name not in _UNNAMED_ATTRIBUTES
    }


def _field(
    place: str, entry: Json, types: Json, base: Draft | None, drafts: Drafts
) -> Field:
    """Build a field: what the describe says, what ours is like, what is likely."""
    name, kind = _text(place, entry, "name"), _text(place, entry, "type")
    if kind not in _KNOWN_TYPES:
        drafts.note(f"of a type unknown here, {kind}, and so taken as text", name)
    ours = base.find(name) if base else None
    if ours is not None and ours.type == kind:
        known = _attributes(ours)
    else:
        known = of_type(kind) | guess_field(entry, types)
    known |= {"name": name, "type": kind} | _said_of_field(place, entry)
    if known.get("label", "") is None:
        del known["label"]
    if entry.get("calculated") and not known.get("formula"):
        known["computed"] = True
    if entry.get("autoNumber") and not known.get("auto_number"):
        known["auto_number"] = "{00000}"
    return complete(known)


def _said_of_field(place: str, entry: Json) -> Attributes:
    """Take what the keys of a field say; those that are not there say nothing."""
    said = _said(place, entry, _FIELD_KEYS)
    if "defaultValue" in entry:
        said["default_value"] = entry["defaultValue"]
    if "relationshipOrder" in entry:
        said["relationship_order"] = entry["relationshipOrder"]
    if "referenceTo" in entry:
        targets = entry["referenceTo"] or []
        if not all(isinstance(target, str) for target in targets):
            raise _expected(f"{place}.referenceTo", "names of objects", targets)
        said["reference_to"] = tuple(targets)
    if "picklistValues" in entry:
        values = _list(place, {"picklistValues": []} | dict(entry), "picklistValues")
        said["picklist"] = tuple(_picklist_value(place, value) for value in values)
    return said


def _picklist_value(place: str, value: Json) -> PicklistValue:
    text = value.get("value")
    if not isinstance(text, str):
        raise _expected(f"{place}.picklistValues", "values with a text each", text)
    return PicklistValue(
        value=text,
        label=value.get("label") or text,
        active=bool(value.get("active", True)),
        default=bool(value.get("defaultValue", False)),
    )


def _said(place: str, given: Json, keys: Mapping[str, tuple[str, str]]) -> Attributes:
    """Take what is given of some keys, and refuse what they cannot hold."""
    said: Attributes = {}
    for key, (attribute, kind) in keys.items():
        if key not in given:
            continue
        value = given[key]
        if value is None and kind == _FLAG:  # as describes of v23 have it
            continue
        fits = {
            _FLAG: isinstance(value, bool),
            _WHOLE: isinstance(value, int) and not isinstance(value, bool),
            _TEXT: value is None or isinstance(value, str),
        }
        if not fits[kind]:
            raise _expected(f"{place}.{key}", kind, value)
        said[attribute] = value
    return said


def _check_children(place: str, given: Json) -> None:
    if given.get("childRelationships") is None:
        return
    for entry in _list(place, given, "childRelationships"):
        for key in ("childSObject", "field"):
            _text(f"{place}: {given['name']}.childRelationships", entry, key)


def _list(place: str, given: Json, key: str, *, named: bool = False) -> list[Json]:
    """Take a list of objects."""
    found = given[key]
    if found is None and not named:
        return []
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise _expected(f"{place}: {given.get('name', '')}.{key}", "a list", found)
    return found


def _text(place: str, given: Json, key: str) -> str:
    found = given.get(key)
    if not isinstance(found, str) or not found:
        raise _expected(f"{place}: {key}", "a name", found)
    return found


def _expected(place: str, what: str, found: object) -> DeclarationError:
    shown = repr(found)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    return DeclarationError(f"{place}: {what} is expected, not {shown}")
