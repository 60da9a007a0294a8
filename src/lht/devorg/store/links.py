"""Who points to whom: the references and roll-ups between the org's sObjects."""

from collections import defaultdict

from lht.devorg.metadata import Field, Metadata, Rollup, SObject


class Links:
    """The references between sObjects, followed downwards; built once an org."""

    def __init__(self, metadata: Metadata) -> None:
        self._into: dict[str, list[tuple[SObject, Field]]] = defaultdict(list)
        self._summed: dict[str, set[str]] = defaultdict(set)
        for sobject in metadata.sobjects:
            for field in sobject.fields:
                for target in field.reference_to if field.stored else ():
                    self._into[target].append((sobject, field))
                if field.rollup:
                    self._summed[field.rollup.child].add(field.rollup.child_reference)

    def into(self, target: SObject) -> list[tuple[SObject, Field]]:
        """Return the references that may point to *target*, but for merge marks."""
        found = self._into.get(target.name, [])
        return [pair for pair in found if pair[1].name != "MasterRecordId"]

    def summed_by(self, child: SObject) -> set[str]:
        """Return the reference fields of *child* whose targets sum over it."""
        return self._summed.get(child.name, set())


def rollups_of(sobject: SObject) -> list[tuple[Field, Rollup]]:
    """Return the roll-up fields of an sObject."""
    return [(field, field.rollup) for field in sobject.fields if field.rollup]


def child_relationship(
    metadata: Metadata, sobject: SObject, name: str
) -> tuple[SObject, Field] | None:
    """Return who the children of a relationship's name are, and their reference."""
    wanted = name.lower()
    for child in metadata.sobjects:
        for field in child.fields:
            known = field.child_relationship_name
            if known and known.lower() == wanted and sobject.name in field.reference_to:
                return child, field
    return None
