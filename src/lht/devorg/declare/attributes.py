"""From what is said of a field to the whole field: what follows from the rest.

Every reader of declarations ends here, so that a field that a line declares, one that a
describe shows and one that comes from XML are fields of one kind.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lht.devorg.declare.vocabulary import ODD_TYPES, TYPES, Attributes
from lht.devorg.metadata import Field, SObject

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+|(?<=[A-Z])(?=[A-Z][a-z])")
_COMPOUND = {"address", "location"}


def of_type(kind: str) -> Attributes:
    """Return what a field of a type is unless more is said; unknown types are text."""
    known = TYPES.get(kind) or ODD_TYPES.get(kind) or TYPES["string"]
    return {"type": kind} | known


def complete(given: Attributes) -> Field:
    """Fill in what follows from the rest, and build the field."""
    name = given["name"]
    followed: Attributes = {"label": label_of(name), "custom": is_custom(name)}
    given = followed | given
    given["default_value"] = _default(given)
    given.setdefault("defaulted_on_create", given["default_value"] is not None)
    given.setdefault("byte_length", _byte_length(given))
    given.setdefault("permissionable", _permissionable(given))
    given.setdefault("search_prefilterable", _prefilterable(given))
    return Field(**given)


def sobject_named(name: str, **attributes: Any) -> SObject:
    """Build an object without its fields; its labels follow if they are not given."""
    label = attributes.pop("label", None) or label_of(name)
    plural = attributes.pop("label_plural", None) or plural_of(label)
    given = {"custom": "__" in name, "key_prefix": None, "fields": ()} | attributes
    return SObject(name=name, label=label, label_plural=plural, **given)


def is_custom(name: str) -> bool:
    """Tell a custom field by its name: parts of compounds and person fields too."""
    return name.endswith(("__c", "__s", "__pc"))


def _default(given: Attributes) -> object:
    """Take the default from the words, else from the picklist's marked value."""
    value = given.get("default_value")
    if isinstance(value, str):
        return typed_value(given["type"], value)
    if value is None and given["type"] == "picklist":
        marked = (entry.value for entry in given.get("picklist", ()) if entry.default)
        return next(marked, None)
    return value


def typed_value(kind: str, text: str) -> object:
    """Convert a value written as text to what a field of type *kind* holds."""
    match kind:
        case "boolean":
            return text == "true"
        case "int" | "long":
            return int(text)
        case "double" | "currency" | "percent":
            return float(text)
    return text


def _byte_length(given: Attributes) -> int:
    """Three bytes a character, but for ids and multi-select picklists."""
    length: int = given.get("length", 0)
    single = given["type"] in {"id", "reference", "multipicklist"}
    return length if single else 3 * length


def _permissionable(given: Attributes) -> bool:
    """Field-level security is for optional fields that a user could see or set."""
    calculated = given.get("formula") or given.get("rollup") or given.get("computed")
    writeable = given.get("createable", True) or given.get("updateable", True)
    optional = given.get("nillable", True) or given["type"] == "boolean"
    return bool(calculated or (writeable and optional))


def _prefilterable(given: Attributes) -> bool:
    """A plain lookup can prefilter a search: optional, editable, to one object."""
    plain = given.get("nillable", True) and given.get("updateable", True)
    return bool(plain and len(given.get("reference_to", ())) == 1)


def parts_of(compound: Field, fields: Iterable[Field]) -> Iterator[str]:
    """Name the fields that are parts of an address or a location."""
    if compound.type in _COMPOUND:
        yield from (f.name for f in fields if f.compound_name == compound.name)


def relationship_of(name: str) -> str:
    """Name the relationship of a reference: ``OwnerId`` is Owner, ``A__c`` is A__r."""
    if name.endswith("__c"):
        return f"{name.removesuffix('__c')}__r"
    return name.removesuffix("Id")


def label_of(name: str) -> str:
    """Derive a label from an API name: ``BillingCity`` is ``Billing City``."""
    base = re.sub(r"__([csexb]|mdt|pc|kav)$", "", name)
    if base != "Id" and base.endswith("Id"):
        base = f"{base[:-2]} ID"
    return " ".join(_WORD_START.sub(" ", base).split())


def plural_of(label: str) -> str:
    """Derive the plural of a label."""
    if re.search(r"[^aeiou]y$", label):
        return f"{label[:-1]}ies"
    return f"{label}es" if label.endswith(("s", "x", "ch")) else f"{label}s"
