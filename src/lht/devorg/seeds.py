"""The records every org starts with: its users, profile and standard price book.

They are ten years older than the org's clock, so that anything else may have been
created by them. Records that an object's declaration lists come behind them.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from lht.devorg import records
from lht.devorg.metadata import SObject
from lht.devorg.view import View

AGE = timedelta(days=3650)

_USER = {
    "TimeZoneSidKey": "GMT",
    "LocaleSidKey": "en_US",
    "EmailEncodingKey": "UTF-8",
    "LanguageLocaleKey": "en_US",
    "DigestFrequency": "D",
    "DefaultGroupNotificationFrequency": "N",
    "UserType": "Standard",
    "IsActive": True,
}
_PEOPLE = (
    ("Integration", "User", "integration"),
    ("Ada", "Okafor", "ada"),
    ("Bruno", "Lindqvist", "bruno"),
    ("Chiyo", "Tanaka", "chiyo"),
    ("Daria", "Kowalska", "daria"),
)


def plant(view: View) -> None:
    """Create the records; the first user is the one who creates them all."""
    for sobject in view.metadata.sobjects:
        for values in sobject.rows:
            _plant_one(view, sobject, values)
    profile_id = _plant_known(view, "Profile", {"Name": "System Administrator"})
    for values in _users(profile_id):
        _plant_known(view, "User", values)
    book = {"Name": "Standard Price Book", "IsStandard": True, "IsActive": True}
    _plant_known(view, "Pricebook2", book)


def _users(profile_id: str | None) -> Iterator[dict[str, Any]]:
    for first, last, alias in _PEOPLE:
        address = f"{alias}@devorg.example"
        yield _USER | {
            "FirstName": first,
            "LastName": last,
            "Alias": alias[:8],
            "CommunityNickname": alias,
            "Username": address,
            "Email": address,
            "ProfileId": profile_id,
        }


def _plant_known(view: View, name: str, values: Mapping[str, object]) -> str | None:
    """Create a record of an object that this org may not have."""
    sobject = view.metadata.by_name.get(name.lower())
    return _plant_one(view, sobject, values) if sobject else None


def _plant_one(view: View, sobject: SObject, values: Mapping[str, object]) -> str:
    since = view.stamp() - AGE
    audit = {"CreatedDate": since, "LastModifiedDate": since, "SystemModstamp": since}
    known = {
        name: value
        for name, value in (audit | dict(values)).items()
        if name.lower() in sobject.by_name
    }
    return records.insert(view, sobject, known, user_id=view.user_id, system=True)
