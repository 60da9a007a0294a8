"""Records of real orgs: loaded into devorg, synced both ways, compared with the files.

What is expected is read from the files here, with ``json`` and ``csv``; neither lht's
decoder nor devorg's renderer has a part in it. References are followed: two rows are
joined in the tables exactly where they are in the files.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.data import crm
from tests.emulator.comparing import Rows, assert_equal, org_rows, table_rows
from tests.emulator.scene import credentials

from lht import devorg
from lht.devorg import Org
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Field, Metadata
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options

DECLARED = Path(__file__).parents[1] / "data" / "business_objects.txt"
WAYS = {
    "rest": Options(bulk_threshold=1_000_000),
    "bulk": Options(force_bulk=True),
}
PLUGIN = "sf-plugin-data"
FLAT = "data-project__data__"  # how a folder's files are called there

# What is loaded together: files and folders, as ``Object=file`` where the name of a CSV
# file does not say the object. A folder with plans is loaded by its plans.
CASES: Mapping[str, tuple[str, ...]] = {
    "apex-recipes": ("apex-recipes",),
    "apex-recipes CSV": (
        "apex-recipes/Accounts.json",  # the CSV files refer to it
        "Contact=apex-recipes/Contacts.csv",
        "Opportunity=apex-recipes/Opportunities.csv",
        "Campaign=apex-recipes/Campaigns.csv",
        "Account=apex-recipes/Accounts.csv",
    ),
    "dcarroll": ("dcarroll-devorg",),
    "dreamhouse": ("dreamhouse",),
    "easy-spaces": ("easy-spaces",),
    "easy-spaces CSV": (
        "Contact=easy-spaces/Contact_Data.csv",
        "Lead=easy-spaces/Lead_Data.csv",
        "Market__c=easy-spaces/Market_Data.csv",
        "Space__c=easy-spaces/Space_Data.csv",
    ),
    "ebikes": ("ebikes",),
    "replicated": ("replicated-tree",),
    "gen-ai": ("sfdc-assets-gen-ai",),
    "jsforce": (
        "Account=jsforce-bulk/Account_bulk1_test.csv",
        "Account=jsforce-bulk/Account_bulk2_test.csv",
        "Account=jsforce-bulk/Account_bulk2_test_backquote.csv",
    ),
    "delimiters": (
        f"Account={PLUGIN}/csv__backquote.csv",
        f"Account={PLUGIN}/csv__caret.csv",
        f"Account={PLUGIN}/csv__comma.csv",
        f"Account={PLUGIN}/csv__comma_wrapped_values.csv",
        f"Account={PLUGIN}/csv__pipe.csv",
        f"Account={PLUGIN}/csv__semicolon.csv",
        f"Account={PLUGIN}/csv__single-column.csv",
        f"Account={PLUGIN}/csv__tab.csv",
        f"Account={PLUGIN}/{FLAT}bulkUpsert.csv",
        f"Account={PLUGIN}/{FLAT}bulkUpsertBackquote.csv",
    ),
    "common child": (f"{PLUGIN}/{FLAT}commonChild",),
    "deep": (f"{PLUGIN}/{FLAT}deep",),
    "junction": (f"{PLUGIN}/{FLAT}junction",),
    "self-referencing": (f"{PLUGIN}/{FLAT}self-referencing",),
    "missing reference": (f"{PLUGIN}/{FLAT}missingRef",),
    "dataloader": ("Account=dataloader-csv/updateAccountCsvTemplate.csv",),
    "dataloader, empty cells": (
        "Account=dataloader-csv/emptyFirstRowFieldValueInCsvTemplate.csv",
    ),
}
REJECTED = {"missing reference": ["Opportunity"]}
CHILDREN = {"Contacts": "AccountId"}  # relationships of nested records

# The files that no case loads, each with its reason.
NOT_LOADED: Mapping[str, str] = {
    "dataloader-csv/*.sdl": "a mapping of columns, no records",
    "dataloader-csv/*[dD]elete*.csv": "ids to delete, no records",
    "dataloader-csv/csv*.csv": "cells that belong to no object",
    "dataloader-csv/*Attachment*.csv": "names of files in place of their content",
    "dataloader-csv/insertTask*.csv": "a column that means two objects at once",
    "dataloader-csv/SoqlIn*.csv": "columns of its test org that nothing describes",
    "dataloader-csv/*[aA]ccounts*.csv": "columns named anew by a mapping beside it",
    "dataloader-csv/acctsWith*.csv": "columns of its test org that nothing describes",
    "dataloader-csv/constant*.csv": "columns named anew by a mapping beside it",
    "dataloader-csv/oneToMany*.csv": "columns named anew by a mapping beside it",
    "dataloader-csv/*imeZone*.csv": "dates in forms that only a Data Loader reads",
    "dataloader-csv/date*.csv": "dates in forms that only a Data Loader reads",
    "dataloader-csv/insertAccount*.csv": "columns of its test org, not described",
    "dataloader-csv/bulkV2*.csv": "columns of its test org, not described",
    "dataloader-csv/up[sd]*.csv": "columns of its test org, not described",
    "fivetran-seeds/*": "tables as another loader left them, not an org's export",
    "maven-crm/data_dictionary.csv": "tells about the other four",
    "maven-crm/*.csv": "written as an org's export first: the test of 8,800 deals",
    "npsp/*": "a database dump and its mapping",
}


@dataclass(frozen=True)
class Told:
    """A record as a file has it."""

    sobject: str
    values: Mapping[str, Any]  # by column, as the file spells it
    name: str | None = None  # what references in the files call it


@pytest.fixture(scope="module")
def business() -> Metadata:
    return load_metadata(DECLARED)


@pytest.fixture
def org(business: Metadata) -> Iterator[Org]:
    with devorg.start(metadata=business, page_size=200, bulk_page_rows=500) as org:
        yield org


# -- the test's own reading of the files --------------------------------------------


def told_in(path: Path, sobject: str | None = None) -> Iterator[Told]:
    """Yield the records of a file, or of a folder's files, in their order."""
    if path.is_dir():
        plans = sorted(p for p in path.glob("*.json") if p.read_text().startswith("["))
        yield from told_by(plans) if plans else told_in_folder(path)
    elif path.suffix == ".json":
        for record in json.loads(path.read_text(), parse_float=Decimal)["records"]:
            yield from told_in_tree(record)
    else:
        text = decoded(path.read_bytes())
        delimiter = max(",;\t|^`", key=text.splitlines()[0].count)
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield Told(sobject or path.stem, row)


def told_by(plans: list[Path]) -> Iterator[Told]:
    files = [
        plan.parent / name
        for plan in plans
        for entry in json.loads(plan.read_text())
        for name in entry["files"]
    ]
    for path in dict.fromkeys(files):
        yield from told_in(path)


def told_in_folder(folder: Path) -> Iterator[Told]:
    for path in sorted(folder.iterdir()):
        yield from told_in(path)


def told_in_tree(record: Mapping[str, Any], **parent: str) -> Iterator[Told]:
    attributes = record["attributes"]
    name = "@" + attributes["referenceId"]
    nested = {k: v for k, v in record.items() if k in CHILDREN}
    own = {k: v for k, v in record.items() if k not in {*CHILDREN, "attributes"}}
    yield Told(attributes["type"], own | parent, name)
    for relationship, children in nested.items():
        for child in children["records"]:
            yield from told_in_tree(child, **{CHILDREN[relationship]: name})


def decoded(content: bytes) -> str:
    return content.decode("utf-8-sig")


# -- files and tables side by side ---------------------------------------------------


@dataclass
class Books:
    """The records of the files, and the row that each has become."""

    metadata: Metadata
    told: list[Told]
    before: Mapping[str, Rows]  # what the org had already
    ids: dict[int, str] = field(default_factory=dict)  # by position in ``told``
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def compare(self, tables: Mapping[str, Rows]) -> int:
        """Fail unless the tables hold what the files tell; return the values compared.

        A record without an Id in its file has the next Id of those that the org gave.
        """
        self._identify(tables)
        wrong: list[str] = []
        compared = 0
        for at, record in enumerate(self.told):
            row = tables[record.sobject][self.ids[at]]
            for column, told in record.values.items():
                known = self._field(record.sobject, column)
                if known.type == "address":
                    assert known.name not in row  # its parts are columns of their own
                    continue
                compared += 1
                if not self._same(known, told, row[known.name]):
                    place = f"{record.sobject}.{known.name}"
                    wrong.append(f"{place}: {told!r} became {row[known.name]!r}")
        assert not wrong, f"{len(wrong)} of {compared}: " + "; ".join(wrong[:8])
        return compared

    def _identify(self, tables: Mapping[str, Rows]) -> None:
        self.ids.clear()
        self.names.clear()
        for rows in self.before.values():
            for key, row in rows.items():
                self.names[row.get("Name") or key].add(key)
        given = {column for r in self.told for column in r.values if column in _IDS}
        free = {
            name: iter(sorted(rows.keys() - self.before[name].keys()))
            for name, rows in tables.items()
        }
        for at, record in enumerate(self.told):
            own = next((record.values[c] for c in given & record.values.keys()), None)
            self.ids[at] = found = own or next(free[record.sobject])
            row = tables[record.sobject][found]
            for name in (record.name, row.get("Name")):
                self.names[name or found].add(found)
        new = {
            key for n, rows in tables.items() for key in rows.keys() - self.before[n]
        }
        assert sorted(self.ids.values()) == sorted(new)

    def _field(self, sobject: str, column: str) -> Field:
        fields = self.metadata.by_name[sobject.lower()].by_name
        name = column.lower().removesuffix(".name")
        ids = f"{name}id" if column.lower().endswith(".name") else name
        return next(fields[n] for n in (ids, f"{name}__c") if n in fields)

    def _same(self, known: Field, told: Any, got: Any) -> bool:
        if told is None or told == "":
            return got in (None, False, known.default_value)
        if known.type == "reference":
            return got == told or self.names.get(told) == {got}
        return _READ[type(got)](told) == got if got is not None else False


_IDS = {"Id", "ID"}


def _instant(told: str) -> datetime:
    aware = datetime.fromisoformat(told)
    return aware.astimezone(UTC).replace(tzinfo=None)


_READ: Mapping[type, Callable[[Any], Any]] = {
    str: str,
    bool: lambda told: str(told).lower() in {"true", "1"},
    int: lambda told: int(str(told)),
    Decimal: lambda told: Decimal(str(told)),
    float: lambda told: float(str(told)),
    date: lambda told: date.fromisoformat(told[:10]),
    datetime: _instant,
    time: lambda told: time.fromisoformat(told.removesuffix("Z")),
}
"""How a file spells the values that a table has."""


def tables_of(org: Org, objects: set[str]) -> dict[str, dict[str, Rows]]:
    """Sync the objects both ways; return the rows of all tables, by way and object."""
    found: dict[str, dict[str, Rows]] = {}
    with Client(credentials(org)) as client, duckdb.connect() as warehouse:
        for way, options in WAYS.items():
            report = sync(
                sorted(objects),
                salesforce=client,
                warehouse=warehouse,
                schema=way,
                options=options,
            )
            assert {o.via for o in report.objects} == {way}
            found[way] = {
                name: table_rows(warehouse, f'{way}."{name}"') for name in objects
            }
    return found


def compare_both_ways(org: Org, books: Books) -> int:
    """Hold the tables of both ways against the files and each other."""
    tables = tables_of(org, {record.sobject for record in books.told})
    for name, rows in tables["rest"].items():
        assert_equal(rows, tables["bulk"][name])
    counts = {books.compare(of_way) for of_way in tables.values()}
    return counts.pop()


def had_before(org: Org, told: list[Told]) -> Mapping[str, Rows]:
    """Return the rows of the org that the files add to, or refer to."""
    return {
        name: org_rows(org, name) for name in {r.sobject for r in told} | {"Profile"}
    }


def paths_of(case: str, business_data: Path, folder: Path) -> list[tuple[str, Path]]:
    """Return the objects ("" where the file tells) and paths of a case.

    Files whose folder was made a part of their name get it back, so that plans find
    them.
    """
    found = []
    for word in CASES[case]:
        sobject, _, name = word.rpartition("=")
        path = business_data / name
        if FLAT in name and not path.suffix:
            for file in path.parent.glob(f"{path.name}__*"):
                copy = folder / file.name.removeprefix(f"{path.name}__")
                copy.write_bytes(file.read_bytes())
            path = folder
        found.append((sobject, path))
    return found


@pytest.mark.parametrize("case", CASES)
def test_exports_come_through_both_ways_unchanged(case, org, recorded, tmp_path):
    """Every value of the files is in both tables, every reference in its place."""
    paths = paths_of(case, recorded / "business", tmp_path)
    told = [record for name, path in paths for record in told_in(path, name or None)]
    before = had_before(org, told)

    summary = org.load([f"{name}={path}" if name else path for name, path in paths])

    assert [r.sobject for r in summary.rejected] == REJECTED.get(case, [])
    told = [r for r in told if r.sobject not in REJECTED.get(case, [])]
    assert sum(summary.loaded.values()) == len(told) > 0
    assert compare_both_ways(org, Books(org.store.metadata, told, before)) > 0


def test_8800_deals_come_through_both_ways_unchanged(org, recorded, tmp_path):
    """A CRM's deals, customers, products and sellers arrive, related as they were."""
    dumps = recorded / "business" / "maven-crm"
    told = [
        Told(name, to_record(row))
        for name, dump, to_record in (
            ("Account", "accounts", crm.account),
            ("Product2", "products", crm.product),
            ("User", "sales_teams", crm.agent),
            ("Opportunity", "sales_pipeline", crm.deal),
        )
        for row in crm.read(dumps / f"{dump}.csv")
    ]
    before = had_before(org, told)

    summary = org.load(crm.write_crm_files(dumps, tmp_path))

    assert (summary.loaded["Opportunity"], summary.rejected) == (8_800, ())
    assert compare_both_ways(org, Books(org.store.metadata, told, before)) > 80_000


@pytest.mark.parametrize(
    ("column", "value"),
    [("Zip__c", "1742"), ("Beds__c", Decimal(5)), ("Broker__c", "x")],
)
def test_a_value_that_came_through_changed_is_found(
    column, value, org, recorded, tmp_path
):
    """The comparison of this module fails for text, numbers and references."""
    ((_, path),) = paths_of("dreamhouse", recorded / "business", tmp_path)
    told = list(told_in(path))
    before = had_before(org, told)
    org.load([path])
    tables = {name: org_rows(org, name) for name in before if name != "Profile"}
    books = Books(org.store.metadata, told, before)
    assert books.compare(tables)
    houses = dict(tables["Property__c"])
    key = min(houses)
    houses[key] = {**houses[key], column: value}
    with pytest.raises(AssertionError, match=f"1 of .*Property__c.{column}"):
        books.compare({**tables, "Property__c": houses})


def test_every_file_is_loaded_or_has_a_reason(recorded):
    """No recorded file is passed over in silence, and no reason is out of date."""
    folder = recorded / "business"
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    words = [word.rpartition("=")[2] for case in CASES.values() for word in case]
    loaded = {
        f
        for f in files
        if any(f == w or f.startswith((f"{w}/", f"{w}__")) for w in words)
    }
    reasons = {p: {f for f in files - loaded if fnmatch(f, p)} for p in NOT_LOADED}

    assert loaded | set().union(*reasons.values()) == files
    assert all(reasons.values()), [p for p, found in reasons.items() if not found]
