"""Which column a name in a query means, and the joins that reach it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.soql.nodes import Name
from lht.devorg.soql.polymorphic import TYPE, any_of, type_of
from lht.devorg.soql.texts import unknown_field, unknown_relationship

# Source: SOQL and SOSL Reference v65, "Understanding Relationship Query Limitations".
MAX_PARENT_LEVELS = 5

_REFERENCE = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True)
class Column:
    """A value that a query reaches.

    ``sql`` yields it. ``path`` is its canonical dotted name in parts; ``via`` are the
    parents on the way. A value that has no name of its own has no path.
    """

    path: tuple[str, ...]
    field: Field
    sql: str
    via: "tuple[Source, ...]" = ()


@dataclass
class Source:
    """One table of the query: the object itself or a parent, joined where used."""

    sobject: SObject
    alias: str
    table: str
    chain: "tuple[Source, ...]" = ()  # the parents on the way, this one included
    name: str = ""
    owner: "Source | None" = None
    reference: Field | None = None
    is_used: bool = False
    was_used: bool = False
    parents: "dict[str, Source]" = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Return SQL for a stored field, and see that the table is joined."""
        self.is_used = True
        if self.owner is not None:
            self.owner.column("Id")
        return f'{self.alias}."{name}"'

    @property
    def join(self) -> str:
        """SQL that joins it to what refers to it."""
        if self.owner is None or self.reference is None:
            return ""
        key = f'{self.owner.alias}."{self.reference.name}"'
        return f'LEFT JOIN {self.table} AS {self.alias} ON {self.alias}."Id" = {key}'


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
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._sources: list[Source] = []
        self.root = Source(sobject, "t0", f'"{sobject.name}"')

    @property
    def joins(self) -> str:
        """SQL that joins the parents used so far."""
        return " ".join(source.join for source in self._sources if source.is_used)

    def start_over(self) -> None:
        """Join no parent any more; who is used again is joined again."""
        for source in self._sources:
            source.was_used = source.was_used or source.is_used
            source.is_used = False

    @property
    def all_joins(self) -> str:
        """SQL that joins the parents used at any time."""
        used = (s.join for s in self._sources if s.is_used or s.was_used)
        return " ".join(used)

    @property
    def relationships(self) -> int:
        """How many relationships the query follows."""
        return len(self._sources)

    def add_alias(self, path: Name, alias: Name | None) -> None:
        """Let a name stand for a parent: ``FROM Contact c, c.Account a``.

        Raises:
            OrgError: INVALID_FIELD.
        """
        parts = self.without_alias(path)
        self._reach(self.root, parts, path)
        known = alias.text if alias else parts[-1]
        self._aliases[known.lower()] = parts

    def resolve(self, name: Name) -> Column:
        """Find the column that a name means.

        Raises:
            OrgError: INVALID_FIELD.
        """
        return self.resolve_from(self.root, self.without_alias(name), name)

    def resolve_from(
        self, start: Source, parts: Sequence[str], name: Name, *, within: int = 0
    ) -> Column:
        """Find the column that some names mean, seen from a table of the query.

        The path begins behind the first *within* parents.

        Raises:
            OrgError: INVALID_FIELD.
        """
        *relationships, last = parts
        source = self._reach(start, relationships, name)
        found = source.sobject.by_name.get(last.lower())
        if found is None:
            raise unknown_field(self._text, name, last, source.sobject.name)
        via = source.chain[within:]
        path = tuple(parent.name for parent in via)
        return Column((*path, found.name), found, self._value(source, found), via)

    def parent(self, name: Name) -> Source:
        """Find the parent that a relationship's name means.

        Raises:
            OrgError: INVALID_FIELD.
        """
        return self._reach(self.root, self.without_alias(name), name)

    def branch(self, source: Source, target: SObject) -> Source:
        """Join one type that a polymorphic parent may be of, by itself."""
        return self._add(source.owner, source.reference, source.name, target)

    def _reach(self, start: Source, parts: Sequence[str], name: Name) -> Source:
        if len(start.chain) + len(parts) > MAX_PARENT_LEVELS:
            raise unknown_relationship(self._text, name, parts[-1])
        source = start
        for part in parts:
            source = self._parent(source, part, name)
        return source

    def without_alias(self, name: Name) -> tuple[str, ...]:
        """Return the parts of a name as seen from the query's own object."""
        parts = name.parts
        first = parts[0].lower()
        if first in self._aliases and len(parts) > 1:
            return (*self._aliases[first], *parts[1:])
        if len(parts) == 1 or first in self.root.sobject.by_relationship:
            return parts
        return parts[1:] if first in self._own_names else parts

    def _parent(self, source: Source, relationship: str, name: Name) -> Source:
        reference = source.sobject.by_relationship.get(relationship.lower())
        targets = self._targets(reference)
        if reference is None or reference.relationship_name is None or not targets:
            raise unknown_relationship(self._text, name, relationship)
        key = reference.relationship_name
        if key not in source.parents:
            made = any_of(targets) if reference.polymorphic else targets[0]
            source.parents[key] = self._add(source, reference, key, made)
        return source.parents[key]

    def _targets(self, reference: Field | None) -> list[SObject]:
        """List what a reference may point to, of the objects that this org has."""
        names = reference.reference_to if reference else ()
        found = (self._metadata.by_name.get(name.lower()) for name in names)
        return [target for target in found if target]

    def _add(
        self,
        owner: Source | None,
        reference: Field | None,
        name: str,
        target: SObject | tuple[SObject, str],
    ) -> Source:
        alias = f"t{len(self._sources) + 1}"
        sobject, table = (
            target if isinstance(target, tuple) else (target, f'"{target.name}"')
        )
        made = Source(
            sobject, alias, table, name=name, owner=owner, reference=reference
        )
        made.chain = (*(owner.chain if owner else ()), made)
        self._sources.append(made)
        return made

    def _type(self, source: Source) -> str:
        """Return SQL for the type of a polymorphic parent, which its id tells."""
        if source.owner is None or source.reference is None:
            return "NULL"
        key = source.owner.column(source.reference.name)
        return type_of(key, self._targets(source.reference))

    def _value(self, source: Source, found: Field) -> str:
        """Return SQL for any field: stored, computed or compound."""
        if found is TYPE:
            return self._type(source)
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
            name = Name(reference[1], 0)
            return f"({self.resolve_from(source, name.parts, name).sql})"

        filled = f"({_REFERENCE.sub(fill, found.formula or '')})"
        return filled if source is self.root else _if_present(source, filled)


def _if_present(source: Source, value: str) -> str:
    return f"CASE WHEN {source.column('Id')} IS NOT NULL THEN {value} END"


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
