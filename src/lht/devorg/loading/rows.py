"""Rows on their way into the org, and what they may refer to."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lht.devorg import ids
from lht.devorg.loading.files import Record
from lht.devorg.metadata import Field, Metadata, SObject

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(eq=False)
class Row:
    """One record with the id it will have, and what is wrong with it."""

    record: Record
    id: str
    values: dict[str, Any] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    """Ids that it refers to, by field."""
    reasons: list[str] = field(default_factory=list)

    @property
    def sobject(self) -> SObject:
        """What it is."""
        return self.record.sobject


class UnresolvedError(ValueError):
    """A reference that names no record, or several."""


class References:
    """Finds the record that a reference means, in this load first, then in the org."""

    def __init__(
        self, metadata: Metadata, cursor: "DuckDBPyConnection", rows: list[Row]
    ) -> None:
        self._metadata = metadata
        self._cursor = cursor
        self._rows = rows
        self._by_reference = {
            row.record.reference: row.id for row in rows if row.record.reference
        }
        self._by_key: dict[tuple[str, str], dict[str, set[str]]] = {}

    def resolve(self, reference: Field, key: str | None, value: Any) -> str:
        """Return the id that *value* means in a reference field.

        Args:
            reference: The field.
            key: The parent's field that *value* is of; without one it is an id, an
                ``@reference``, or the parent's name.
            value: As in the file, not empty.

        Raises:
            UnresolvedError: No record is meant, or several are.
        """
        text = str(value)
        if key is None and text.startswith("@"):
            if text[1:] not in self._by_reference:
                raise UnresolvedError(f"no record of these files is called {text}")
            return self._by_reference[text[1:]]
        long_id = ids.check(text) if key is None else None
        return long_id or self._find(reference, key, text)

    def _find(self, reference: Field, key: str | None, text: str) -> str:
        """Look a parent up by a field's value, in any case."""
        found: set[str] = set()
        for name in reference.reference_to:
            target = self._metadata.by_name.get(name.lower())
            field_ = _key_field(target, key) if target else None
            if target and field_:
                index = self._index(target, field_)
                found |= index.get(text.lower(), set())
        if len(found) == 1:
            return next(iter(found))
        kinds = " or ".join(reference.reference_to)
        if found:
            raise UnresolvedError(
                f"{len(found)} records of {kinds} are called {text!r}"
            )
        what = (
            f"no {kinds} has {key}" if key else f"neither an id nor a {kinds}'s name:"
        )
        raise UnresolvedError(f"{what} {text!r}")

    def _index(self, target: SObject, key: Field) -> dict[str, set[str]]:
        """Index an object's records by a field, those of this load and the org's."""
        place = (target.name, key.name)
        if place not in self._by_key:
            index: dict[str, set[str]] = {}
            pairs = [
                (row.values[key.name], row.id)
                for row in self._rows
                if row.sobject is target and row.values.get(key.name) is not None
            ]
            sql = (
                f'SELECT "{key.name}", "Id" FROM "{target.name}"'
                f' WHERE "{key.name}" IS NOT NULL'
            )
            pairs += self._cursor.execute(sql).fetchall()
            for value, record_id in pairs:
                index.setdefault(str(value).lower(), set()).add(record_id)
            self._by_key[place] = index
        return self._by_key[place]

    def find_missing(self) -> dict[str, set[str]]:
        """Find ids that no record of this load or the org has, by field."""
        known = {row.id for row in self._rows}
        pointed: dict[str, set[str]] = {}
        for row in self._rows:
            for name, parent in row.parents.items():
                if parent not in known:
                    pointed.setdefault(name, set()).add(parent)
        missing = {name: found - self._stored(found) for name, found in pointed.items()}
        return {name: found for name, found in missing.items() if found}

    def is_wrong_kind(self, reference: Field, parent: str) -> bool:
        """Tell whether an id is of an object that the field cannot refer to.

        Objects that the org does not have may have any prefix.
        """
        if any(t.lower() not in self._metadata.by_name for t in reference.reference_to):
            return False
        owners = [owner.name for owner in self._metadata.owners(parent)]
        return bool(owners) and not set(owners) & set(reference.reference_to)

    def _stored(self, wanted: set[str]) -> set[str]:
        """Tell which ids the org has, deleted records included."""
        stored: set[str] = set()
        for prefix in {record_id[:3] for record_id in wanted}:
            for target in self._metadata.owners(prefix):
                sql = (
                    f'SELECT "Id" FROM "{target.name}" WHERE "Id" IN (SELECT unnest(?))'
                )
                rows = self._cursor.execute(sql, [sorted(wanted)]).fetchall()
                stored |= {record_id for (record_id,) in rows}
        return stored


def _key_field(target: SObject, key: str | None) -> Field | None:
    """Find the field that identifies a parent: the given one, or its name."""
    if key:
        return target.by_name.get(key.lower())
    return next((f for f in target.fields if f.name_field), None)
