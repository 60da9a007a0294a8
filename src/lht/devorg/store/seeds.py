"""The records every org starts with: itself, its users, profile and price book.

They are ten years older than the org's clock, so that anything else may have been
created by them. Records that an object's declaration lists come behind them.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from lht.devorg.metadata import SObject
from lht.devorg.store import records
from lht.devorg.store.view import View

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
_ORGANIZATION = {
    "Name": "devorg",
    "Country": "US",
    "PrimaryContact": "Ada Okafor",
    "DefaultLocaleSidKey": "en_US",
    "TimeZoneSidKey": "GMT",
    "LanguageLocaleKey": "en_US",
    "ReceivesInfoEmails": True,
    "ReceivesAdminInfoEmails": True,
    "PreferencesConsentManagementEnabled": True,
    "PreferencesLightningLoginEnabled": True,
    "FiscalYearStartMonth": 1,
    "DefaultAccountAccess": "Edit",
    "DefaultContactAccess": "ControlledByParent",
    "DefaultOpportunityAccess": "Edit",
    "DefaultLeadAccess": "ReadEditTransfer",
    "DefaultCaseAccess": "ReadEditTransfer",
    "DefaultCalendarAccess": "HideDetailsInsert",
    "DefaultPricebookAccess": "ReadSelect",
    "DefaultCampaignAccess": "All",
    "UiSkin": "Theme3",
    "SignupCountryIsoCode": "US",
    "NumKnowledgeService": 0,
    "OrganizationType": "Enterprise Edition",
    "InstanceName": "DEV1",
    "WebToCaseDefaultOrigin": "Web",
    "MonthlyPageViewsUsed": 0,
    "MonthlyPageViewsEntitlement": 0,
}
_PEOPLE = (
    ("Integration", "User", "integration"),
    ("Ada", "Okafor", "ada"),
    ("Bruno", "Lindqvist", "bruno"),
    ("Chiyo", "Tanaka", "chiyo"),
    ("Daria", "Kowalska", "daria"),
)


def plant(view: View, org_id: str) -> None:
    """Create the records; the first user is the one who creates them all."""
    _plant_known(view, "Organization", _ORGANIZATION | {"Id": org_id})
    for sobject in view.metadata.sobjects:
        for values in sobject.rows:
            _plant_one(view, sobject, values)
    profile_id = _plant_known(view, "Profile", {"Name": "System Administrator"})
    for values in _users(profile_id):
        _plant_known(view, "User", values)
    book = {"Name": "Standard Price Book", "IsStandard": True, "IsActive": True}
    _plant_known(view, "Pricebook2", book)


def mark_sandbox(view: View, org_id: str, *, is_sandbox: bool) -> None:
    """Let the org's own record, if it has one, say what kind of org it is."""
    if "organization" in view.metadata.by_name:
        row = view.get("Organization", org_id)
        if row and row["IsSandbox"] != is_sandbox:
            view.put("Organization", row | {"IsSandbox": is_sandbox})


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
    return records.insert(
        view, sobject, known, user_id=view.user_id, keep_id=True, system=True
    )
