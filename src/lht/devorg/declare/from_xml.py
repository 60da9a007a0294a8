"""Objects from the XML of projects: sfdx source format, and the older ``.object``.

In source format an object is a folder, with a file for each of its fields; a project
has but some of an org, so what standard objects have of their own comes from devorg's
own declaration, and what every object has is added to those that are new.

Source: Metadata API Developer Guide, "CustomObject", "CustomField", "GlobalValueSet".
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

from lht.devorg.declare.attributes import complete, of_type, sobject_named
from lht.devorg.declare.draft import DeclarationError, Draft, Drafts
from lht.devorg.declare.lines import LineReader
from lht.devorg.declare.vocabulary import Attributes
from lht.devorg.declare.xml_fields import (
    Parts,
    display_format,
    fields_of,
    picklist_of,
    read_values,
)
from lht.devorg.metadata import Field, PicklistValue

_ACTIVITY = ("Task", "Event")
"""The objects that fields of ``Activity`` are on."""

_SETS = {"__e": "event", "__mdt": "metadata_type"}
_SWITCHES = {
    "enableBulkApi": "bulk",
    "enableFeeds": "feed_enabled",
    "enableSearch": "searchable",
}


class XmlReader:
    """Collects what the files of a project say, and makes drafts of it at the end."""

    def __init__(self, drafts: Drafts, lines: LineReader) -> None:
        self.drafts = drafts
        self.lines = lines
        self._objects: dict[str, Parts] = {}
        self._fields: dict[str, list[Parts]] = {}
        self._record_types: dict[str, list[Parts]] = {}
        self._sets: dict[str, tuple[PicklistValue, ...]] = {}

    def take(self, path: Path, root: Element) -> None:
        """Sort one file by what it is; what it says is read at the end."""
        parts = Parts(root, str(path))
        match parts.tag:
            case "CustomObject":
                self._take_object(path, parts)
            case "CustomField":
                self._fields.setdefault(path.parent.parent.name, []).append(parts)
            case "RecordType":
                self._record_types.setdefault(path.parent.parent.name, []).append(parts)
            case "GlobalValueSet" | "StandardValueSet":
                values = parts.all("customValue") or parts.all("standardValue")
                self._sets[path.name.partition(".")[0]] = tuple(read_values(values))
            case other:
                raise DeclarationError(
                    f"{path}: <{other}> is neither an object nor a field"
                )

    def _take_object(self, path: Path, parts: Parts) -> None:
        name = path.name.partition(".")[0]
        self._objects[name] = parts
        self._fields.setdefault(name, []).extend(parts.all("fields"))
        self._record_types.setdefault(name, []).extend(parts.all("recordTypes"))

    def finish(self) -> None:
        """Add all objects to the drafts, their fields and then what sums them up."""
        for name in dict.fromkeys([*self._objects, *self._fields]):
            for draft in self._drafts_of(name):
                self._add_fields(draft, self._fields.get(name, []))
        for name, found in self._record_types.items():
            for parts in found:
                self._add_record_type(name, parts)
        self._type_rollups()

    def _drafts_of(self, name: str) -> Iterator[Draft]:
        """Yield the object of that name, declared now if it was not."""
        if name == "Activity":
            yield from filter(None, map(self.drafts.find, _ACTIVITY))
            return
        known = self.drafts.find(name)
        if known is not None and not (known.is_own and known.sobject.custom):
            yield known
            return
        if name not in self._objects:
            place = self._fields[name][0].place
            self.drafts.note("declared by no file but its fields', so in brief", place)
        yield self._declare(name)

    def _declare(self, name: str) -> Draft:
        """Declare an object with what every object of its kind has."""
        parts = self._objects.get(name) or Parts(Element("CustomObject"), name)
        switched = {
            attribute: parts.text(tag) == "true"
            for tag, attribute in _SWITCHES.items()
            if parts.text(tag)
        }
        sobject = sobject_named(
            name,
            label=parts.text("label"),
            label_plural=parts.text("pluralLabel"),
            custom_setting=bool(parts.text("customSettingsType")),
            **_kind_of(name),
            **switched,
        )
        draft = Draft(sobject, parts.place, is_partial=True)
        self.drafts.put(draft)
        self._add_system_fields(draft, parts)
        return draft

    def _add_system_fields(self, draft: Draft, parts: Parts) -> None:
        """Add the fields that are there without a file for each."""
        ending = next((e for e in _SETS if draft.name.endswith(e)), None)
        if ending:
            self.lines.use(draft, _SETS[ending])
            return
        self.lines.use(draft, self._identity(draft, parts))
        name = _name_field(parts)
        draft.fields[name.name] = name
        activities = parts.text("enableActivities") == "true"
        self.lines.use(draft, "audit activity viewed" if activities else "audit viewed")

    def _identity(self, draft: Draft, parts: Parts) -> str:
        """Name the set of first fields: details belong to masters, others to users."""
        if draft.sobject.custom_setting:
            return "setting"
        if not draft.sobject.custom:
            return "custom_detail"
        kinds = {field.text("type") for field in self._fields.get(draft.name, [])}
        by_parent = parts.text("sharingModel") == "ControlledByParent"
        is_detail = "MasterDetail" in kinds or by_parent
        return "custom_detail" if is_detail else "custom"

    def _add_fields(self, draft: Draft, found: list[Parts]) -> None:
        """Add fields, or to a standard one what its file says of it.

        A describe knows more of a field than XML does, so its fields stay.
        """
        described = draft.field_describes
        for parts in found:
            name = parts.name()
            if name in described:
                continue
            known = draft.find(name)
            if known is not None and not known.custom:
                draft.fields[known.name] = _retold(known, parts, self._sets)
                continue
            for field in fields_of(parts, draft.name, self._sets, self.drafts):
                draft.fields[field.name] = field

    def _add_record_type(self, name: str, parts: Parts) -> None:
        """Let the org start with a record type, and its object refer to it."""
        draft, kinds = self.drafts.find(name), self.drafts.find("RecordType")
        if draft is None or kinds is None:
            return
        developer_name = parts.name()
        kinds.rows.append(
            {
                "Name": parts.text("label") or developer_name,
                "DeveloperName": developer_name,
                "SobjectType": draft.name,
                "IsActive": parts.text("active") != "false",
            }
        )
        if draft.find("RecordTypeId") is None:
            draft.fields["RecordTypeId"] = complete(
                of_type("reference")
                | {
                    "name": "RecordTypeId",
                    "reference_to": ("RecordType",),
                    "relationship_name": "RecordType",
                }
            )

    def _type_rollups(self) -> None:
        """Give roll-ups the type of what they sum up, now that all is declared."""
        for draft in self.drafts:
            for field in list(draft.fields.values()):
                rollup = field.rollup
                child = self.drafts.find(rollup.child) if rollup else None
                if rollup and child and rollup.child_field:
                    summed = child.find(rollup.child_field)
                    if summed:
                        draft.fields[field.name] = _like(field, summed)


def _kind_of(name: str) -> Attributes:
    """Say what objects of some kinds are like: events are not kept, types not written.

    Custom metadata is deployed, not written; events are published and never queried.
    """
    if name.endswith("__e"):
        gone = ("queryable", "updateable", "deletable", "undeletable", "replicateable")
        return dict.fromkeys((*gone, "searchable", "retrieveable", "bulk"), False)
    if name.endswith("__mdt"):
        fixed = ("createable", "updateable", "deletable", "undeletable")
        return dict.fromkeys((*fixed, "replicateable", "triggerable"), False)
    return {}


def _name_field(parts: Parts) -> Field:
    """Build the Name: a text, or a number that the org counts."""
    found = parts.all("nameField")
    given: Attributes = {"name": "Name", "name_field": True, "id_lookup": True}
    given |= {"length": 80, "permissionable": False, "defaulted_on_create": True}
    if found:
        given["label"] = found[0].text("label") or "Name"
    if found and found[0].text("type") == "AutoNumber":
        given["auto_number"] = display_format(found[0])
        given |= {"nillable": False, "createable": False, "updateable": False}
    return complete(of_type("string") | given)


def _retold(
    known: Field, parts: Parts, sets: dict[str, tuple[PicklistValue, ...]]
) -> Field:
    """Change a standard field by what its file says of it."""
    changes: Attributes = {}
    if parts.text("label"):
        changes["label"] = parts.text("label")
    if parts.text("inlineHelpText"):
        changes["help_text"] = parts.text("inlineHelpText")
    values = picklist_of(parts, sets) if "picklist" in known.type else None
    if values:
        changes["picklist"] = values
    return replace(known, **changes)


def _like(field: Field, summed: Field) -> Field:
    """Give a roll-up the type and the size of the field that it sums up."""
    kind = summed.type
    return replace(
        field,
        type=kind,
        precision=18 if of_type(kind).get("precision") else 0,
        scale=summed.scale,
        soap_type=summed.soap_type,
        groupable=summed.groupable,
    )
