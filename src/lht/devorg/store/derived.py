"""Fields the org fills by itself from others of the record or of its parents.

One function for each sObject that has such fields. They run at every write of a
record; a rule whose fields the org does not have is left out.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lht.devorg.metadata import SObject
from lht.devorg.store.tables import Row
from lht.devorg.store.view import View

_STAGES: Mapping[str, tuple[float, str, str]] = {
    "Prospecting": (10.0, "Pipeline", "Pipeline"),
    "Qualification": (10.0, "Pipeline", "Pipeline"),
    "Needs Analysis": (20.0, "Pipeline", "Pipeline"),
    "Value Proposition": (50.0, "Pipeline", "Pipeline"),
    "Id. Decision Makers": (60.0, "Pipeline", "Pipeline"),
    "Perception Analysis": (70.0, "Pipeline", "Pipeline"),
    "Proposal/Price Quote": (75.0, "Pipeline", "Pipeline"),
    "Negotiation/Review": (90.0, "Pipeline", "Pipeline"),
    "Closed Won": (100.0, "Closed", "Closed"),
    "Closed Lost": (0.0, "Omitted", "Omitted"),
}
"""Probability, ForecastCategory and ForecastCategoryName of the standard stages."""

_OTHER_STAGE = (10.0, "Pipeline", "Pipeline")


def derive(view: View, sobject: SObject, row: Row) -> None:
    """Fill the derived fields of a row, in place."""
    rule = _RULES.get(sobject.name)
    filled = rule(view, row) if rule else {}
    if _has_composed_name(sobject):
        filled["Name"] = _join(row["FirstName"], row["LastName"])
    row.update({name: value for name, value in filled.items() if name in row})


def _has_composed_name(sobject: SObject) -> bool:
    name = sobject.by_name.get("name")
    parts = {"firstname", "lastname"} <= sobject.by_name.keys()
    return name is not None and not name.createable and parts


def _join(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None


def _product(*factors: float | None) -> float | None:
    """Multiply; nothing comes of nothing, nor of more than a number can hold."""
    known = [factor for factor in factors if factor is not None]
    product = math.prod(known)
    return product if len(known) == len(factors) and math.isfinite(product) else None


def _parent(view: View, sobject: str, record_id: str | None) -> Row:
    return (view.get(sobject, record_id) if record_id else None) or {}


def _opportunity(view: View, row: Row) -> dict[str, Any]:
    stage, close = row.get("StageName"), row.get("CloseDate")
    known = _STAGES.get(stage or "", _OTHER_STAGE)
    before = view.get("Opportunity", row["Id"]) or {}
    filled: dict[str, Any] = {
        "IsClosed": stage in {"Closed Won", "Closed Lost"},
        "IsWon": stage == "Closed Won",
        "ForecastCategory": known[1],
        "ForecastCategoryName": known[2],
    }
    if row.get("Probability") is None or before.get("StageName", stage) != stage:
        filled["Probability"] = known[0]
    probability = filled.get("Probability", row.get("Probability"))
    amount = row.get("Amount")
    filled["ExpectedRevenue"] = _product(amount, probability, 0.01)
    if close is not None:
        quarter = (close.month + 2) // 3
        filled |= {"FiscalYear": close.year, "FiscalQuarter": quarter}
        filled["Fiscal"] = f"{close.year} {quarter}"
    return filled


def _line_item(view: View, row: Row) -> dict[str, Any]:
    entry = _parent(view, "PricebookEntry", row.get("PricebookEntryId"))
    deal = _parent(view, "Opportunity", row.get("OpportunityId"))
    price = row.get("UnitPrice")
    if price is None:
        price = entry.get("UnitPrice")
    filled = {
        "UnitPrice": price,
        "ListPrice": entry.get("UnitPrice"),
        "ProductCode": entry.get("ProductCode"),
        "Product2Id": entry.get("Product2Id", row.get("Product2Id")),
        "Name": _join(deal.get("Name"), entry.get("Name")),
    }
    if row.get("Quantity") is not None:
        filled["TotalPrice"] = _product(price, row["Quantity"])
    return filled


def _pricebook_entry(view: View, row: Row) -> dict[str, Any]:
    product = _parent(view, "Product2", row.get("Product2Id"))
    return {"Name": product.get("Name"), "ProductCode": product.get("ProductCode")}


def _case(view: View, row: Row) -> dict[str, Any]:
    closed = row.get("Status") == "Closed"
    contact = _parent(view, "Contact", row.get("ContactId"))
    return {
        "IsClosed": closed,
        "ClosedDate": (row.get("ClosedDate") or view.stamp()) if closed else None,
        "ContactPhone": contact.get("Phone"),
        "ContactMobile": contact.get("MobilePhone"),
        "ContactEmail": contact.get("Email"),
        "ContactFax": contact.get("Fax"),
    }


def _task(_: View, row: Row) -> dict[str, Any]:
    return {
        "IsClosed": row.get("Status") == "Completed",
        "IsHighPriority": row.get("Priority") == "High",
    }


def _order(_: View, row: Row) -> dict[str, Any]:
    return {"StatusCode": row.get("Status") or "Draft"}


_RULES: Mapping[str, Callable[[View, Row], dict[str, Any]]] = {
    "Opportunity": _opportunity,
    "OpportunityLineItem": _line_item,
    "PricebookEntry": _pricebook_entry,
    "Case": _case,
    "Task": _task,
    "Order": _order,
}
