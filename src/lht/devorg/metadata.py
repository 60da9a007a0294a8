"""What an org consists of: objects and their fields, as frozen values.

These values are the only thing the rooms of this package share. ``declaration`` builds
them from the compact file, ``describe`` renders them as Salesforce does, ``store``
makes tables of them, ``soql`` resolves names against them, ``generate`` fills them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PicklistValue:
    """One entry of a picklist."""

    value: str
    label: str
    active: bool = True
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Rollup:
    """A roll-up summary: an aggregate over the children of a master-detail."""

    function: str  # COUNT, SUM, MIN or MAX
    child: str  # child sObject
    child_field: str | None  # aggregated field, None for COUNT
    child_reference: str  # the child's reference field that points here


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field, with the attributes a describe shows for it.

    ``type`` is the describe's own word (``string``, ``currency``, ``reference`` ...).
    ``formula`` is set for fields computed at read time: DuckDB SQL in which ``{Name}``
    stands for another field of the record and ``{Owner.Name}`` for a parent's.
    """

    name: str
    type: str
    label: str
    length: int = 0  # characters
    byte_length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    aggregatable: bool = True
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    id_lookup: bool = False
    name_field: bool = False
    auto_number: str | None = None  # display format such as "C-{00000}"
    custom: bool = False
    encrypted: bool = False
    html_formatted: bool = False
    defaulted_on_create: bool = False
    default_value: object | None = None
    default_formula: str | None = None
    formula: str | None = None
    formula_source: str | None = None  # the text describe shows as calculatedFormula
    rollup: Rollup | None = None
    computed: bool = False  # by a rule that is not known here; its values are stored
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship_name: str | None = None  # as seen from the parent: Contacts
    relationship_order: int | None = None  # 0 or 1 on master-detail
    search_prefilterable: bool = False
    name_pointing: bool = False
    cascade_delete: bool = False
    restricted_delete: bool = False
    write_requires_master_read: bool = False
    compound_name: str | None = None  # compoundFieldName: the compound it is part of
    parts: tuple[str, ...] = ()  # set on the compound itself: its part fields
    picklist: tuple[PicklistValue, ...] = ()
    restricted_picklist: bool = False
    extra_type_info: str | None = None
    help_text: str | None = None
    mask: str | None = None
    mask_type: str | None = None
    query_by_distance: bool = False
    display_location_in_decimal: bool = False
    formula_treats_null_as_zero: bool = False
    permissionable: bool = True
    soap_type: str = "xsd:string"
    bulk: bool = True  # False: the Bulk API refuses a query that selects it
    described: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    """What a describe says of it that does not follow from all the rest."""

    @property
    def calculated(self) -> bool:
        """Whether a describe calls it calculated (formulas and roll-ups)."""
        known = self.formula is not None or self.rollup is not None
        return known or self.computed

    @property
    def stored(self) -> bool:
        """Whether the store keeps a column for it."""
        return self.formula is None and not self.parts

    @property
    def polymorphic(self) -> bool:
        """Whether it may point to more than one sObject."""
        return len(self.reference_to) > 1


@dataclass(frozen=True, kw_only=True)
class SObject:
    """One sObject with its fields in describe order."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    fields: tuple[Field, ...]
    custom: bool = False
    custom_setting: bool = False
    queryable: bool = True
    retrieveable: bool = True
    replicateable: bool = True
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    undeletable: bool = True
    mergeable: bool = False
    searchable: bool = True
    activateable: bool = False
    compact_layoutable: bool = True
    deep_cloneable: bool = False
    feed_enabled: bool = False
    layoutable: bool = True
    mru_enabled: bool = True
    search_layoutable: bool = True
    triggerable: bool = True
    bulk: bool = True  # False: the Bulk API refuses the object with INVALIDENTITY
    rows: tuple[Mapping[str, object], ...] = ()  # records that every org starts with
    children: tuple[Mapping[str, Any], ...] | None = None  # as a describe lists them
    links: Mapping[str, str] | None = None  # the same; {path} and {origin} stand open
    described: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    """What a describe says of it that does not follow from all the rest."""

    def owns(self, record_id: str) -> bool:
        """Whether an id can be one of its records: of its prefix, or as described.

        A prefix that several objects share is the first one's; the others' new ids
        begin otherwise, and ids that they were given are good all the same.
        """
        shared = self.described.get("keyPrefix")
        own = self.key_prefix is None or record_id.startswith(self.key_prefix)
        return own or (shared is not None and record_id.startswith(shared))

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by lower-case name."""
        return {f.name.lower(): f for f in self.fields}

    @cached_property
    def by_relationship(self) -> Mapping[str, Field]:
        """Reference fields by lower-case relationship name."""
        return {
            f.relationship_name.lower(): f
            for f in self.fields
            if f.relationship_name and f.reference_to
        }


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the files that an org's objects were declared by had, and had not."""

    objects: tuple[str, ...] = ()  # of files beside devorg's own, by name
    fields: int = 0  # how many those objects have
    notes: tuple[str, ...] = ()  # what was left out or made up, and why


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """All sObjects of an org."""

    sobjects: tuple[SObject, ...] = field(default=())
    declared: Declared = field(default=Declared())

    @cached_property
    def by_name(self) -> Mapping[str, SObject]:
        """SObjects by lower-case name."""
        return {s.name.lower(): s for s in self.sobjects}

    @cached_property
    def by_prefix(self) -> Mapping[str, SObject]:
        """SObjects by key prefix."""
        return {s.key_prefix: s for s in self.sobjects if s.key_prefix}

    @cached_property
    def _by_any_prefix(self) -> Mapping[str, tuple[SObject, ...]]:
        """SObjects by key prefix, the described ones too, which some share."""
        found: dict[str, tuple[SObject, ...]] = {}
        for prefix, sobject in self.by_prefix.items():
            found[prefix] = (*found.get(prefix, ()), sobject)
        for sobject in self.sobjects:
            shared = sobject.described.get("keyPrefix")
            if shared and shared != sobject.key_prefix:
                found[shared] = (*found.get(shared, ()), sobject)
        return found

    def owners(self, record_id: str) -> tuple[SObject, ...]:
        """Return the objects that an id can be of; most ids are of one or of none."""
        return self._by_any_prefix.get(record_id[:3], ())
