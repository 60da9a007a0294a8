"""The users of an org, as logins know them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lht.devorg.store.store import Store


@dataclass(frozen=True)
class Person:
    """One user, by the fields of their record."""

    values: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The record's id."""
        return str(self.values["Id"])

    @property
    def username(self) -> str:
        """What the user logs in with."""
        return self.text("Username")

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.text('FirstName')} {self.text('LastName')}".strip()

    @property
    def is_active(self) -> bool:
        """Whether the user may log in."""
        return bool(self.values.get("IsActive", True))

    def text(self, field: str) -> str:
        """Return a field as text, empty where it has no value."""
        value = self.values.get(field)
        return "" if value is None else str(value)


def by_username(store: Store, username: str) -> Person | None:
    """Return the user who logs in with a name, in any case."""
    found = _select(store, 'lower("Username") = lower(?)', username)
    return found[0] if found else None


def by_id(store: Store, user_id: str) -> Person:
    """Return a user; one without a record is known by the id alone."""
    found = _select(store, '"Id" = ?', user_id)
    return found[0] if found else Person({"Id": user_id})


def active(store: Store) -> list[Person]:
    """Return all who may log in, by name."""
    found = (person for person in _select(store, "TRUE") if person.is_active)
    return sorted(found, key=lambda person: person.username)


def _select(store: Store, where: str, *values: str) -> list[Person]:
    table = store.tables.by_name.get("User")
    if table is None or "Username" not in table.columns:
        return []
    with store.lock:
        return [Person(row) for row in store.tables.select("User", where, values)]
