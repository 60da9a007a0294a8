"""A CRM's table dumps written anew as the CSV files an org would export."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

STAGES = {
    "Won": "Closed Won",
    "Lost": "Closed Lost",
    "Prospecting": "Prospecting",
    "Engaging": "Value Proposition",
}
PRODUCTS = {"GTXPro": "GTX Pro"}  # the dumps spell one product in two ways
OPEN_UNTIL = "2018-12-31"  # open deals have no close date, and an org wants one

USER = {
    "TimeZoneSidKey": "America/New_York",
    "LocaleSidKey": "en_US",
    "EmailEncodingKey": "UTF-8",
    "LanguageLocaleKey": "en_US",
    "ProfileId": "System Administrator",
    "IsActive": "true",
}


def write_crm_files(dumps: Path, folder: Path) -> list[Path]:
    """Write Account, Product2, User and Opportunity files into *folder*."""
    return [
        _write(folder / "Account.csv", map(account, read(dumps / "accounts.csv"))),
        _write(folder / "Product2.csv", map(product, read(dumps / "products.csv"))),
        _write(folder / "User.csv", map(agent, read(dumps / "sales_teams.csv"))),
        _write(
            folder / "Opportunity.csv", map(deal, read(dumps / "sales_pipeline.csv"))
        ),
    ]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def account(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Name": row["account"],
        "Industry": row["sector"],
        "YearStarted": row["year_established"],
        "AnnualRevenue": row["revenue"],
        "NumberOfEmployees": row["employees"],
        "Office_Location__c": row["office_location"],
        "Subsidiary_Of__c": row["subsidiary_of"],
        "Parent.Name": row["subsidiary_of"],
    }


def product(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Name": row["product"],
        "Family": row["series"],
        "List_Price__c": row["sales_price"],
        "IsActive": "true",
    }


def agent(row: Mapping[str, str]) -> dict[str, Any]:
    first, last = row["sales_agent"].rsplit(" ", 1)
    address = f"{first}.{last}@crm.example".replace(" ", "").lower()
    return USER | {
        "FirstName": first,
        "LastName": last,
        "Username": address,
        "Email": address,
        "Alias": (first[:1] + last)[:8].lower(),
        "CommunityNickname": address.split("@")[0][:40],
        "Manager_Name__c": row["manager"],
        "Regional_Office__c": row["regional_office"],
    }


def deal(row: Mapping[str, str]) -> dict[str, Any]:
    item = PRODUCTS.get(row["product"], row["product"])
    return {
        "Deal_Key__c": row["opportunity_id"],
        "Name": f"{row['account'] or 'New customer'}: {item}",
        "StageName": STAGES[row["deal_stage"]],
        "CloseDate": iso(row["close_date"]) or OPEN_UNTIL,
        "Engaged_On__c": iso(row["engage_date"]),
        "Amount": row["close_value"],
        "AccountId": row["account"],
        "OwnerId": row["sales_agent"],
        "Deal_Product__c": item,
    }


def iso(day: str) -> str:
    """Turn 31-12-2016 round."""
    return "-".join(reversed(day.split("-")))


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    written = list(rows)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, written[0].keys())
        writer.writeheader()
        writer.writerows(written)
    return path
