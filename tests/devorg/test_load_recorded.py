"""Loading: recorded exports of real orgs arrive whole, value by value."""

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.data import crm
from tests.data.crm import write_crm_files
from tests.devorg.loading import by_id, fetch

from lht.devorg.clock import Clock
from lht.devorg.declare.declaration import load_metadata, parse_metadata
from lht.devorg.loading.load import LoadSummary, load
from lht.devorg.metadata import Metadata
from lht.devorg.store.store import Store

BUSINESS = Path(__file__).parents[1] / "data" / "business_objects.txt"


@pytest.fixture(scope="module")
def business() -> Metadata:
    return load_metadata(BUSINESS)


def loaded(metadata: Metadata, *paths: Path | str) -> tuple[Store, LoadSummary]:
    store = Store(metadata, Clock())
    summary = load(store, paths)
    assert summary.rejected == ()
    return store, summary


def plain(value: Any) -> Any:
    """Bring a value of a file and one of the org to the same form."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(float(value))
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "+0000"
    return str(value)


def same(given: Any, stored: Any) -> bool:
    """Compare a file's value with the org's, in the type that the org has."""
    if given in (None, ""):
        return stored in (None, False)
    if isinstance(stored, bool):
        return str(given).lower() in (("true", "1") if stored else ("false", "0"))
    if isinstance(stored, (int, float)):
        return float(given) == float(stored)
    if isinstance(stored, str):
        return str(given) == stored
    return str(given)[:10] == str(stored)[:10] and plain(stored).startswith(
        str(given).removesuffix("T00:00:00.000Z")[:10]
    )


TREES = {
    "dcarroll-devorg": 59,
    "dreamhouse": 25,
    "easy-spaces": 180,
    "ebikes": 23,
    "apex-recipes": 415,
    "replicated-tree": 79,
}


@pytest.mark.parametrize(("folder", "count"), TREES.items())
def test_recorded_trees_arrive_whole(
    recorded: Path, business: Metadata, folder: str, count: int
) -> None:
    """Every value of every record is in the org; references point at their records."""
    place = recorded / "business" / folder
    store, summary = loaded(business, place)
    assert sum(summary.loaded.values()) == count
    names = {name for p in place.glob("*.json")
             if isinstance(plan := json.loads(p.read_text("utf-8")), list)
             for entry in plan for name in entry["files"]}  # fmt: skip
    told: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(names):
        for values in json.loads((place / name).read_text("utf-8"))["records"]:
            told.setdefault(values["attributes"]["type"], []).append(values)
    stored = {name: list(by_id(store, name).values()) for name in told}
    ids_by_reference = match_references(told, stored, business)
    compared = 0
    for name, records in told.items():
        known = business.by_name[name.lower()].by_name
        found = {row["Id"]: row for row in stored[name]}
        for values in records:
            row = found[ids_by_reference[values["attributes"]["referenceId"]]]
            for column, value in values.items():
                if column == "attributes":
                    continue
                mine = row[known[column.lower()].name]
                if isinstance(value, str) and value.startswith("@"):
                    assert mine == ids_by_reference[value[1:]]
                else:
                    assert same(value, mine), (name, column, value, mine)
                compared += 1
    assert compared > count


def match_references(
    told: dict[str, list[dict[str, Any]]],
    stored: dict[str, list[dict[str, Any]]],
    metadata: Metadata,
) -> dict[str, str]:
    """Pair records of files and org by all their plain values, in the files' order."""
    found = {}
    for name, records in told.items():
        known = metadata.by_name[name.lower()].by_name
        free = list(stored[name])[-len(records) :]
        for values in records:
            plain_values = {
                known[column.lower()].name: value
                for column, value in values.items()
                if column != "attributes" and not str(value).startswith("@")
            }
            row = next(
                row for row in free
                if all(same(value, row[c]) for c, value in plain_values.items())
            )  # fmt: skip
            free.remove(row)
            found[values["attributes"]["referenceId"]] = row["Id"]
    return found


def test_a_recorded_org_export_arrives_whole(
    recorded: Path, business: Metadata
) -> None:
    """All cells of an org's own CSV exports are in the org, under their own ids."""
    place = recorded / "business" / "sfdc-assets-gen-ai"
    store, summary = loaded(business, place)
    compared = 0
    for path in place.glob("*.csv"):
        sobject = business.by_name[path.stem.lower()]
        rows = by_id(store, sobject.name)
        with path.open(encoding="utf-8-sig", newline="") as lines:
            told = list(csv.DictReader(lines))
        assert len(told) == summary.loaded.get(sobject.name, 0)
        for values in told:
            row = rows[values["Id"]]
            for column, value in values.items():
                field = sobject.by_name[column.lower()]
                if field.stored and value:
                    assert same(value, row[field.name]), (path.stem, column, value)
                    compared += 1
    assert compared > 5000


def test_recorded_uploads_arrive_whole(recorded: Path, business: Metadata) -> None:
    """Uploads with each delimiter give the same ten accounts."""
    place = recorded / "business" / "sf-plugin-data"
    files = [*place.glob("csv__*.csv"), *place.glob("*bulkUpsert*.csv")]
    assert len(files) >= 10
    store = Store(business, Clock())
    for path in files:
        assert load(store, [f"Account={path}"]).loaded == {"Account": 10}
        latest = fetch(store, "SELECT Name FROM Account ORDER BY Id DESC LIMIT 10")
        assert [n for (n,) in latest] == [
            f"account Upsert #{n}" for n in range(9, -1, -1)
        ]


@pytest.mark.parametrize(
    ("plan", "counts"),
    [
        (
            "commonChild/Account-Opportunity-Task-Case",
            {"Account": 2, "Opportunity": 1, "Task": 2, "Case": 1},
        ),
        ("deep/accounts-contacts", {"Account": 2, "Contact": 6}),
        (
            "junction/Account-AccountContactRelation-Contact",
            {"Account": 5, "AccountContactRelation": 3, "Contact": 4},
        ),
        ("self-referencing/Account", {"Account": 12}),
    ],
)
def test_recorded_plans_are_followed(
    recorded: Path,
    business: Metadata,
    tmp_path: Path,
    plan: str,
    counts: dict[str, int],
) -> None:
    """Plans with nested, self-referencing and late-coming records load whole."""
    copy_plans(recorded, tmp_path)
    _, summary = loaded(business, tmp_path / f"{plan}-plan.json")
    assert summary.loaded == counts


def test_a_recorded_plan_with_a_wrong_reference_is_reported(
    recorded: Path, business: Metadata, tmp_path: Path
) -> None:
    """The deal without its account is the only row that is not loaded."""
    copy_plans(recorded, tmp_path)
    store = Store(business, Clock())
    summary = load(store, [tmp_path / "missingRef" / "Account-Opportunity-plan.json"])
    assert summary.loaded == {"Account": 2}
    assert [r.sobject for r in summary.rejected] == ["Opportunity"]


def copy_plans(recorded: Path, folder: Path) -> None:
    """Give the recorded files, whose paths were flattened, their folders back."""
    prefix = "data-project__data__"
    for path in (recorded / "business" / "sf-plugin-data").glob(f"{prefix}*__*.json"):
        target = folder / path.name.removeprefix(prefix).replace("__", "/")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())


def test_recorded_csv_files_arrive_whole(recorded: Path, business: Metadata) -> None:
    """Columns without ``__c``, parents by name, line ends in cells: all as exported."""
    place = recorded / "business" / "easy-spaces"
    names = ("Market", "Space", "Contact", "Lead")
    files = [place / f"{name}_Data.csv" for name in names]
    objects = ("Market__c", "Space__c", "Contact", "Lead")
    pairs = zip(objects, files, strict=True)
    store, summary = loaded(business, *(f"{name}={path}" for name, path in pairs))
    assert summary.loaded == {
        "Market__c": 11,
        "Space__c": 132,
        "Contact": 12,
        "Lead": 11,
    }
    sql = "SELECT s.Name, m.Name FROM Space__c s JOIN Market__c m ON m.Id = s.Market__c"
    told = {(row["Name"], row["Market"]) for row in crm.read(files[1])}
    assert set(fetch(store, sql)) == told
    bulk = recorded / "business" / "jsforce-bulk" / "Account_bulk1_test.csv"
    store, _ = loaded(business, f"Account={bulk}")
    told = {(row["NAME"], row["BILLINGSTREET"] or None) for row in crm.read(bulk)}
    assert set(fetch(store, "SELECT Name, BillingStreet FROM Account")) == told


def test_recorded_references_reach_from_csv_into_trees(
    recorded: Path, business: Metadata
) -> None:
    """``@references`` of a CSV file mean records of a tree loaded with it."""
    place = recorded / "business" / "apex-recipes"
    files = [place / name for name in ("Contacts.csv", "Opportunities.csv")]
    store, summary = loaded(business, *files, place / "data-plan.json")
    told = [crm.read(path) for path in files]
    trees = {"Account": 50, "Contact": 150, "Opportunity": 50}
    assert summary.loaded == {
        "Contact": trees["Contact"] + len(told[0]),
        "Opportunity": trees["Opportunity"] + len(told[1]),
        "Account": trees["Account"],
    }
    sql = "SELECT count(*) FROM Contact WHERE AccountId NOT IN (SELECT Id FROM Account)"
    assert fetch(store, sql) == [(0,)]


def test_a_recorded_crm_arrives_whole(
    recorded: Path, business: Metadata, tmp_path: Path
) -> None:
    """8,800 deals, their customers, products and sellers are in the org, related."""
    dumps = recorded / "business" / "maven-crm"
    store, summary = loaded(business, *write_crm_files(dumps, tmp_path))
    assert summary.loaded == {
        "Account": 85,
        "Product2": 7,
        "User": 35,
        "Opportunity": 8800,
    }
    sql = (
        "SELECT o.Deal_Key__c, u.FirstName || ' ' || u.LastName, p.Name, a.Name, "
        "o.StageName, o.Engaged_On__c, o.CloseDate, o.Amount FROM Opportunity o "
        "JOIN User u ON u.Id = o.OwnerId JOIN Product2 p ON p.Id = o.Deal_Product__c "
        "LEFT JOIN Account a ON a.Id = o.AccountId"
    )
    told = [crm.deal(row) for row in crm.read(dumps / "sales_pipeline.csv")]
    columns = ("Deal_Key__c", "OwnerId", "Deal_Product__c", "AccountId", "StageName")
    dates = ("Engaged_On__c", "CloseDate")
    assert {
        (*r[:5], *(str(v or "") for v in r[5:7]), r[7]) for r in fetch(store, sql)
    } == {
        (
            *(row[c] or None for c in columns),
            *(row[c] for c in dates),
            float(row["Amount"]) if row["Amount"] else None,
        )
        for row in told
    }


def test_recorded_byte_order_marks_are_read(recorded: Path) -> None:
    """Files with the marks of five encodings hold the same table."""
    text = "object Csvtext__c a99\n  use custom\n" + "".join(
        f"  Column{n}__c string\n" for n in (1, 2, 3)
    )
    shared = "set custom\n  Id id\n"
    metadata = parse_metadata(("test", shared + text))
    files = list((recorded / "business" / "dataloader-csv").glob("csvtext*.csv"))
    assert len(files) == 6
    for path in files:
        store, _ = loaded(metadata, f"Csvtext__c={path}")
        sql = "SELECT Column1__c, Column3__c FROM Csvtext__c ORDER BY Id"
        assert fetch(store, sql) == [("row1-1", "row1-3"), ("row2-1", "row2-3")]
