"""Which column a name in a query means, and the joins that reach it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.soql.nodes import Name
from lht.devorg.soql.texts import unknown_field, unknown_relationship

# Source: SOQL and SOSL Reference v65, "Understanding Relationship Query Limitations".
MAX_PARENT_LEVELS = 5

# What can be asked of a parent when it may be of several types.
_NAME_FIELDS = (
    "Id",
    "Name",
    "FirstName",
    "LastName",
    "Alias",
    "Email",
    "Phone",
    "Title",
    "Username",
    "IsActive",
    "ProfileId",
    "UserRoleId",
)
_REFERENCE = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True)
class Column:
    """A field that a query reaches.

    ``sql`` yields its value. ``path`` is its canonical dotted name in parts.
    """

    path: tuple[str, ...]
    field: Field
    sql: str


@dataclass
class Source:
    """One table of the query: the object itself or a parent joined to it."""

    sobject: SObject
    alias: str
    path: tuple[str, ...] = ()
    parents: "dict[str, Source]" = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Return SQL for a stored field."""
        return f'{self.alias}."{name}"'


class Scope:
    """The tables of one query."""

    def __init__(
        self, metadata: Metadata, sobject: SObject, *, text: str, alias: Name | None
    ) -> None:
        self._metadata = metadata
        self._text = text
        self._own_names = {sobject.name.lower()} | (
            {alias.text.lower()} if alias else set()
        )
        self._numbers = count(1)
        self._joins: list[str] = []
        self.root = Source(sobject, "t0")

    @property
    def joins(self) -> str:
        """SQL that joins the parents reached so far."""
        return " ".join(self._joins)

    def parents(self) -> Iterator[Source]:
        """Yield the parents reached so far."""
        todo = list(self.root.parents.values())
        while todo:
            source = todo.pop()
            yield source
            todo.extend(source.parents.values())

    def resolve(self, name: Name) -> Column:
        """Find the column that a name means.

        Raises:
            OrgError: INVALID_FIELD.
        """
        *relationships, last = self._without_alias(name)
        if len(relationships) > MAX_PARENT_LEVELS:
            raise unknown_relationship(self._text, name, relationships[-1])
        source = self.root
        for relationship in relationships:
            source = self._parent(source, relationship, name)
        found = source.sobject.by_name.get(last.lower())
        if found is None:
            raise unknown_field(self._text, name, last, source.sobject.name)
        return Column((*source.path, found.name), found, self._value(source, found))

    def _without_alias(self, name: Name) -> tuple[str, ...]:
        parts = name.parts
        if len(parts) == 1 or parts[0].lower() in self.root.sobject.by_relationship:
            return parts
        return parts[1:] if parts[0].lower() in self._own_names else parts

    def _parent(self, source: Source, relationship: str, name: Name) -> Source:
        reference = source.sobject.by_relationship.get(relationship.lower())
        targets = self._targets(reference)
        if reference is None or reference.relationship_name is None or not targets:
            raise unknown_relationship(self._text, name, relationship)
        key = reference.relationship_name
        if key not in source.parents:
            source.parents[key] = self._join(source, reference, targets)
        return source.parents[key]

    def _targets(self, reference: Field | None) -> list[SObject]:
        """List what a reference may point to, of the objects that this org has."""
        names = reference.reference_to if reference else ()
        found = (self._metadata.by_name.get(name.lower()) for name in names)
        return [target for target in found if target]

    def _join(self, source: Source, reference: Field, targets: list[SObject]) -> Source:
        alias = f"t{next(self._numbers)}"
        if reference.polymorphic:
            sobject, table = _any_of(targets)
        else:
            sobject = targets[0]
            table = f'"{sobject.name}"'
        self._joins.append(
            f'LEFT JOIN {table} AS {alias} ON {alias}."Id" = '
            + source.column(reference.name)
        )
        return Source(sobject, alias, (*source.path, str(reference.relationship_name)))

    def _value(self, source: Source, found: Field) -> str:
        """Return SQL for any field: stored, computed or compound."""
        if found.formula is not None:
            return self._formula(source, found)
        if found.parts:
            return _compound(source, found)
        value = source.column(found.name)
        if found.type == "boolean" and source is not self.root:
            return f"coalesce({value}, false)"  # so it is where there is no parent
        return value

    def _formula(self, source: Source, found: Field) -> str:
        """Fill a formula's template with what its names stand for."""

        def fill(reference: re.Match[str]) -> str:
            name = Name(".".join((*source.path, reference[1])), 0)
            return f"({self.resolve(name).sql})"

        filled = f"({_REFERENCE.sub(fill, found.formula or '')})"
        return filled if not source.path else _if_present(source, filled)


def _if_present(source: Source, value: str) -> str:
    return f"CASE WHEN {source.column('Id')} IS NOT NULL THEN {value} END"


def _any_of(targets: list[SObject]) -> tuple[SObject, str]:
    """Make one table of all that a polymorphic reference may point to."""
    fields = _common_fields(targets)
    kind = Field(name="Type", type="string", label="Type")
    sobject = SObject(
        name="Name",
        label="Name",
        label_plural="Names",
        key_prefix=None,
        fields=(*fields.values(), kind),
    )
    selects = (_select_common(target, fields) for target in targets)
    return sobject, f"({' UNION ALL BY NAME '.join(selects)})"


def _common_fields(targets: list[SObject]) -> Mapping[str, Field]:
    """Take the fields that one can ask of any of *targets*."""
    found = {}
    for name in _NAME_FIELDS:
        for target in targets:
            own = (
                _name_field(target)
                if name == "Name"
                else target.by_name.get(name.lower())
            )
            if own is not None and own.stored:
                found[name] = own
                break
    if "Name" in found:
        found["Name"] = Field(name="Name", type="string", label="Name", length=255)
    return found


def _name_field(sobject: SObject) -> Field | None:
    return next((f for f in sobject.fields if f.name_field), None)


def _select_common(target: SObject, fields: Mapping[str, Field]) -> str:
    columns = [f"'{target.name}' AS \"Type\""]
    for name in fields:
        own = (
            _name_field(target) if name == "Name" else target.by_name.get(name.lower())
        )
        if own is not None and own.stored:
            columns.append(f'"{own.name}" AS "{name}"')
    return f'SELECT {", ".join(columns)} FROM "{target.name}"'


# The keys of an address or a location in JSON, by the ends of its parts' names.
_PART_KEYS = (
    "city",
    "country",
    "countryCode",
    "geocodeAccuracy",
    "latitude",
    "longitude",
    "postalCode",
    "state",
    "stateCode",
    "street",
)


def _compound(source: Source, found: Field) -> str:
    """Make a struct of a compound's parts; null where all of them are."""
    parts = {}
    for key in _PART_KEYS:
        for part in found.parts:
            if part.lower().removesuffix("__s").endswith(key.lower()):
                parts[key] = source.column(part)
    members = ", ".join(f"{key} := {value}" for key, value in parts.items())
    anything = " OR ".join(f"{value} IS NOT NULL" for value in parts.values())
    return f"CASE WHEN {anything} THEN struct_pack({members}) END"
