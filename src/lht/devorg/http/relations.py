"""Records reached by the names of relationships: ``/sobjects/X/ID/Owner/Manager``."""

import re
from dataclasses import replace
from typing import NamedTuple

from lht.devorg.errors import not_found, unknown_column
from lht.devorg.http.lookup import known_id
from lht.devorg.http.query import run_query
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.metadata import Field, SObject
from lht.devorg.store.links import child_relationship

_FIELDS = re.compile(r"\s*[\w.]+(?:\s*,\s*[\w.]+)*\s*")


class Place(NamedTuple):
    """One record, as its object and id."""

    sobject: SObject
    id: str


def is_relation(service: Service, sobject: SObject, name: str) -> bool:
    """Whether an object has parents or children by that name."""
    up = name.lower() in sobject.by_relationship
    return up or _children(service, sobject, name) is not None


def follow(service: Service, start: Place, names: list[str]) -> Place:
    """Go from a record up to a parent.

    Raises:
        OrgError: NOT_FOUND: there is no such relationship, or nobody at its end.
    """
    place = start
    for name in names:
        field = place.sobject.by_relationship.get(name.lower())
        if field is None:
            raise not_found()
        row = service.store.get(place.sobject.name, place.id)
        parent_id = row.get(field.name)
        kind = service.store.metadata.by_prefix.get((parent_id or "")[:3])
        if kind is None:
            raise not_found()
        place = Place(kind, str(parent_id))
    return place


def list_children(
    service: Service, call: Call, parent: Place, name: str
) -> Answer | None:
    """Answer with the children by that name as a query does, if there can be any."""
    found = _children(service, parent.sobject, name)
    if found is None:
        return None
    child, reference = found
    service.store.get(parent.sobject.name, parent.id)
    fields = call.params.get("fields") or ", ".join(f.name for f in child.fields)
    if not _FIELDS.fullmatch(fields):
        raise unknown_column(fields, child.name)
    soql = f"SELECT {fields} FROM {child.name} WHERE {reference.name} = '{parent.id}'"
    return run_query(service, replace(call, params={"q": soql}))


def place_of(sobject: SObject, id_text: str) -> Place:
    """Return the record that a path begins with."""
    return Place(sobject, known_id(id_text))


def _children(
    service: Service, sobject: SObject, name: str
) -> tuple[SObject, Field] | None:
    return child_relationship(service.store.metadata, sobject, name)
