"""Fields from XML: what each type of the metadata is in a describe.

Source: Metadata API Developer Guide, "CustomField" and "FieldType"; what a describe
shows for each is recorded, or as devorg's own fields of the type have it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from xml.etree.ElementTree import Element

from lht.devorg.declare.attributes import complete, of_type, relationship_of
from lht.devorg.declare.draft import DeclarationError, Drafts
from lht.devorg.declare.vocabulary import WORDS, Attributes
from lht.devorg.metadata import Field, PicklistValue, Rollup

_FORMULA_LENGTH = 1300
_LITERAL = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(-?\d+(?:\.\d+)?))\s*$""")
_ADDRESS = ("Street", "City", "PostalCode", "StateCode", "CountryCode")

_DATES = {"YYYY": "2025", "YY": "25", "MM": "01", "DD": "01"}

ValueSets = Mapping[str, tuple[PicklistValue, ...]]


class Parts:
    """An element's children by their names, and where the element is."""

    def __init__(self, element: Element, place: str) -> None:
        self._children: dict[str, list[Element]] = {}
        for child in element:
            self._children.setdefault(_local(child.tag), []).append(child)
        self.tag = _local(element.tag)
        self.file = place
        self.place = place
        name = self.text("fullName")
        if name and self.tag in {"fields", "recordTypes"}:
            self.place = f"{place}: {name}"

    def text(self, name: str) -> str | None:
        """Return the text of the first child of that name; empty is None."""
        found = self._children.get(name)
        text = found[0].text if found else None
        return text.strip() or None if text else None

    def all(self, name: str) -> "list[Parts]":
        """Return all children of that name."""
        return [Parts(child, self.file) for child in self._children.get(name, [])]

    def texts(self, name: str) -> list[str]:
        """Return the texts of all children of that name."""
        return [child.text or "" for child in self._children.get(name, [])]

    def is_on(self, name: str) -> bool:
        """Whether a child of that name says true."""
        return self.text(name) == "true"

    def name(self) -> str:
        """Return the element's full name.

        Raises:
            DeclarationError: There is none.
        """
        return self.required("fullName")

    def required(self, name: str) -> str:
        """Return the text of a child that must be there."""
        text = self.text(name)
        if text is None:
            raise self.fail(f"<{name}> is missing")
        return text

    def whole(self, name: str) -> int | None:
        """Return a child's whole number, or None where there is none."""
        text = self.text(name)
        if text is not None and not text.isdecimal():
            raise self.fail(f"<{name}> {text!r} is no whole number")
        return None if text is None else int(text)

    def fail(self, text: str) -> DeclarationError:
        """Make an error that names the file and the element."""
        return DeclarationError(f"{self.place}: {text}")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def fields_of(
    parts: Parts, sobject: str, sets: ValueSets, drafts: Drafts
) -> Iterator[Field]:
    """Yield the field that a file declares; a location or address with its parts."""
    name, kind = parts.name(), parts.required("type")
    build = _TYPES.get(kind)
    if build is None:
        known = ", ".join(sorted(_TYPES))
        raise parts.fail(f"<type> {kind!r} is unknown; known: {known}")
    given = build(parts) | _common(parts, name)
    if "picklist" in given["type"]:
        values = picklist_of(parts, sets)
        if values is None:
            drafts.note("a picklist of a value set that no file has", parts.place)
        given |= {"picklist": values or (), "restricted_picklist": _restricted(parts)}
    if parts.text("formula"):
        given |= _formula(parts, given)
    yield from _compound(given, name)
    if kind == "Summary":
        given |= _rollup(parts, sobject, drafts)
    yield complete(given)


def _common(parts: Parts, name: str) -> Attributes:
    """Read what fields of every type may have."""
    given: Attributes = {"name": name, "custom": True}
    for tag, attribute in (("label", "label"), ("inlineHelpText", "help_text")):
        if parts.text(tag):
            given[attribute] = parts.text(tag)
    if parts.is_on("required"):
        given["nillable"] = False
    if parts.is_on("unique"):
        given["unique"] = True
    if parts.is_on("caseSensitive"):
        given["case_sensitive"] = True
    if parts.is_on("externalId"):
        given |= WORDS["external"]
    default = parts.text("defaultValue")
    return given | (_default(parts, default) if default else {})


def _default(parts: Parts, text: str) -> Attributes:
    """Read a default: a constant that is known here, or a formula that is not."""
    if parts.text("type") == "Checkbox":
        return {"default_value": text.lower() == "true"}
    literal = _LITERAL.match(text)
    numeric = parts.text("type") in {"Number", "Currency", "Percent"}
    if literal is None or (literal[3] is not None) != numeric:
        return {"default_formula": text}
    value = next(group for group in literal.groups() if group is not None)
    return {"default_formula": text, "default_value": value}


def _formula(parts: Parts, given: Attributes) -> Attributes:
    """Make a field one that the org computes; its rule is shown, and not applied."""
    computed: Attributes = {
        "computed": True,
        "formula_source": parts.text("formula"),
        "formula_treats_null_as_zero": parts.text("formulaTreatBlanksAs")
        == "BlankAsZero"
        and given["type"] in {"double", "currency", "percent"},
        "createable": False,
        "updateable": False,
        "nillable": given["type"] != "boolean",
        "defaulted_on_create": False,
        "default_value": None,
    }
    if given["type"] == "string":
        computed |= {"length": _FORMULA_LENGTH, "groupable": False}
    return computed


def _rollup(parts: Parts, sobject: str, drafts: Drafts) -> Attributes:
    """Read what a roll-up summary sums up; filters are beyond what is summed here."""
    given: Attributes = {"createable": False, "updateable": False}
    function = parts.required("summaryOperation").upper()
    if function not in {"COUNT", "SUM", "MIN", "MAX"}:
        raise parts.fail(f"<summaryOperation> {function.lower()!r} is unknown")
    child, _, reference = parts.required("summaryForeignKey").rpartition(".")
    field = parts.text("summarizedField")
    if function != "COUNT" and field is None:
        raise parts.fail("<summarizedField> is missing")
    if not child:
        raise parts.fail("<summaryForeignKey> names no object: write Child__c.Field__c")
    if parts.all("summaryFilterItems"):
        where = f"{sobject}.{parts.name()}"
        drafts.note("a roll-up with a filter is never summed", where)
        return given | {"computed": True}
    given["rollup"] = Rollup(
        function=function,
        child=child,
        child_field=field.rpartition(".")[2] if field and function != "COUNT" else None,
        child_reference=reference,
    )
    return given


def _compound(given: Attributes, name: str) -> Iterator[Field]:
    """Yield the parts of a location or an address, which stand before it."""
    base = name.removesuffix("__c")
    label = given.get("label", base)
    texts = _ADDRESS if given["type"] == "address" else ()
    for part in texts:
        text = of_type("string") | {"name": f"{base}__{part}__s", "length": 255}
        yield complete(text | {"compound_name": name, "label": f"{label} ({part})"})
    for part in ("Latitude", "Longitude") if "query_by_distance" in given else ():
        spot = {"name": f"{base}__{part}__s", "precision": 18, "scale": 15}
        spot |= {"compound_name": name, "label": f"{label} ({part})"}
        yield complete(of_type("double") | spot)


def picklist_of(parts: Parts, sets: ValueSets) -> tuple[PicklistValue, ...] | None:
    """Return a picklist's values, None where they are in a file that is not there."""
    for value_set in parts.all("valueSet"):
        named = value_set.text("valueSetName")
        if named:
            return sets.get(named.removesuffix("__gvs"))
        for definition in value_set.all("valueSetDefinition"):
            return tuple(read_values(definition.all("value")))
    for old in parts.all("picklist"):
        return tuple(read_values(old.all("picklistValues")))
    return None


def read_values(found: list[Parts]) -> Iterator[PicklistValue]:
    """Read the values of a picklist or a value set."""
    for value in found:
        name = value.required("fullName")
        yield PicklistValue(
            value=name,
            label=value.text("label") or name,
            active=value.text("isActive") != "false",
            default=value.is_on("default"),
        )


def _restricted(parts: Parts) -> bool:
    sets = [*parts.all("valueSet"), *parts.all("picklist")]
    return any(s.is_on("restricted") or s.is_on("restrictedPicklist") for s in sets)


def _plain(kind: str, **more: object) -> Callable[[Parts], Attributes]:
    """Make a builder for a type whose size is always the same."""
    return lambda _: of_type(kind) | more


def _text(kind: str, default: int, **more: object) -> Callable[[Parts], Attributes]:
    def build(parts: Parts) -> Attributes:
        length = parts.whole("length") or default
        return of_type(kind) | {"length": length} | more

    return build


def _number(kind: str) -> Callable[[Parts], Attributes]:
    def build(parts: Parts) -> Attributes:
        scale = parts.whole("scale")
        size: Attributes = {"precision": parts.whole("precision") or 18}
        return of_type(kind) | size | ({} if scale is None else {"scale": scale})

    return build


def _reference(parts: Parts) -> Attributes:
    """Read a lookup, a hierarchy of users, or a reference to other metadata."""
    name = parts.name()
    hierarchy = parts.text("type") == "Hierarchy"
    target = "User" if hierarchy else parts.required("referenceTo")
    children = parts.text("relationshipName")
    constraint = parts.text("deleteConstraint")
    return of_type("reference") | {
        "reference_to": (target,),
        "relationship_name": relationship_of(name),
        "child_relationship_name": f"{children}__r" if children else None,
        "cascade_delete": constraint == "Cascade",
        "restricted_delete": constraint == "Restrict",
    }


def _detail(parts: Parts) -> Attributes:
    """Read a master-detail reference."""
    return (
        _reference(parts)
        | WORDS["detail"]
        | {
            "updateable": parts.is_on("reparentableMasterDetail"),
            "relationship_order": parts.whole("relationshipOrder") or 0,
            "write_requires_master_read": parts.is_on("writeRequiresMasterRead"),
        }
    )


def _external(parts: Parts) -> Attributes:
    """Read a reference by another system's key: a text for all who read it."""
    return _reference(parts) | {"length": 255, "extra_type_info": "externallookup"}


def _auto_number(parts: Parts) -> Attributes:
    counted = {"auto_number": display_format(parts)}
    fixed = {"nillable": False, "createable": False, "updateable": False}
    return of_type("string") | counted | fixed | {"defaulted_on_create": True}


def display_format(parts: Parts) -> str:
    """Return an auto-number's format; the day of making is the same for all."""
    text = parts.text("displayFormat") or "{0}"
    return re.sub(r"\{(YYYY|YY|MM|DD)\}", lambda date: _DATES[date[1]], text)


def _multi(parts: Parts) -> Attributes:
    return of_type("multipicklist") | {"precision": parts.whole("visibleLines") or 4}


def _location(parts: Parts) -> Attributes:
    decimal = {"display_location_in_decimal": parts.is_on("displayLocationInDecimal")}
    return of_type("location") | decimal


_TYPES: Mapping[str, Callable[[Parts], Attributes]] = {
    "Address": _plain("address"),
    "AutoNumber": _auto_number,
    "Checkbox": _plain("boolean"),
    "Currency": _number("currency"),
    "Date": _plain("date"),
    "DateTime": _plain("datetime"),
    "Email": _plain("email"),
    "EncryptedText": _text("encryptedstring", 175),
    "ExternalLookup": _external,
    "Hierarchy": _reference,
    "Html": _text("textarea", 32768, **WORDS["rich"]),
    "IndirectLookup": _external,
    "Location": _location,
    "LongTextArea": _text("textarea", 32768, **WORDS["long"]),
    "Lookup": _reference,
    "MasterDetail": _detail,
    "MetadataRelationship": _reference,
    "MultiselectPicklist": _multi,
    "Number": _number("double"),
    "Percent": _number("percent"),
    "Phone": _plain("phone"),
    "Picklist": _plain("picklist"),
    "Summary": _number("double"),
    "Text": _text("string", 255),
    "TextArea": _plain("textarea"),
    "Time": _plain("time"),
    "Url": _plain("url"),
}
"""What each type of the metadata is in a describe."""
