"""Objects while they are being declared: more than one file may say something of one.

A draft is an object whose fields are still coming. What its files say is collected
here; ``finishing`` makes the org's metadata of all drafts together.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lht.devorg.metadata import Field, SObject

_NAMED = 3
"""How many of the places that share a note are named in it."""


class DeclarationError(ValueError):
    """A declaration that cannot be understood; names the file and the line."""


@dataclass
class Draft:
    """One object as far as it is declared.

    Attributes:
        sobject: The object, without its fields.
        fields: Its fields, by name, in order.
        rows: Records that the org starts with.
        place: The file that declared it, and where.
        own_fields: Those that it has from devorg's own file.
        is_partial: Whether the files may be no more than a part of what an org has.
        describe: The describe it was made of, as it came, if it was.
        field_describes: The same for each field.
    """

    sobject: SObject
    place: str
    fields: dict[str, Field] = field(default_factory=dict)
    rows: list[Mapping[str, object]] = field(default_factory=list)
    own_fields: frozenset[str] = frozenset()
    is_partial: bool = False
    describe: Mapping[str, Any] | None = None
    field_describes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its API name."""
        return self.sobject.name

    @property
    def is_own(self) -> bool:
        """Whether no other file than devorg's own says anything of it."""
        return bool(self.own_fields) and self.own_fields == self.fields.keys()

    def find(self, name: str) -> Field | None:
        """Find a field by its name in any case."""
        if name in self.fields:
            return self.fields[name]
        wanted = name.lower()
        return next((f for f in self.fields.values() if f.name.lower() == wanted), None)


class Drafts:
    """All drafts in the order of declaration, and notes of what was not declared."""

    def __init__(self) -> None:
        self._by_name: dict[str, Draft] = {}
        self._notes: dict[str, Counter[str]] = defaultdict(Counter)

    def __iter__(self) -> Iterator[Draft]:
        return iter(self._by_name.values())

    def find(self, name: str) -> Draft | None:
        """Find an object by its name in any case."""
        return self._by_name.get(name.lower())

    def put(self, draft: Draft) -> None:
        """Add an object, or replace the one of its name."""
        self._by_name[draft.name.lower()] = draft

    def note(self, what: str, place: str) -> None:
        """Note what became of something in a file that was not declared as it is."""
        self._notes[what][place] += 1

    def notes(self) -> Iterator[str]:
        """Say each thing noted once, with the first of the places."""
        for what, places in self._notes.items():
            named = ", ".join(list(places)[:_NAMED])
            more = len(places) - _NAMED
            yield f"{what}: {named}" + (f" and {more} more" if more > 0 else "")
