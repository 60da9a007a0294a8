"""What Salesforce holds is what the table holds, whatever it is and however it came.

The expected values are computed here, from the values that the records were made of:
neither lht's decoder nor devorg's renderer is asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.emulator.comparing import assert_equal, assert_table_is_org, table_rows
from tests.emulator.scene import credentials, stopped_clock

from lht import devorg
from lht.devorg import Org, ids
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options

ROWS = 230  # of each record set: several pages, by either way
GENERATED = 150  # records of each object
OBJECT = "Everything__c"
FIRST, LAST = datetime(1700, 1, 1), datetime(4000, 12, 31, 23, 59, 59)
NASTY = (
    *("NA", "N/A", "#N/A", "null", "NULL", "nan", "NaN", "None", "true", "-", "."),
    *("007", "1E5", "0x10", "1,5", " leading", "trailing ", "\t", "\r\n", "\n", "\r"),
    *('"', '""', 'a "quoted" word', "a,b", "a;b", "'", "\\", "\\n", "a\r\nb\nc\rd"),
    *("\x01\x02\x1f", "\x7f", "\u2028", "\ufeff", "\u200b", "naïve", "日本語", "עברית"),
    *("👩‍👩‍👧‍👦", "\U0010ffff", "=1+1", "{}", "[]", "2024-01-01", "x" * 5_000),
)
TEXT = st.one_of(
    st.none(),
    st.just(""),
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
# Java prints subnormal numbers in a way of its own; Salesforce has none of them.
NUMBER = st.floats(
    allow_nan=False, allow_infinity=False, allow_subnormal=False, width=64
).filter(lambda x: abs(x) < 1e305)
SMALL = st.integers(-(10**15), 10**15).map(lambda n: n / 1000)
MILLISECOND = timedelta(milliseconds=1)
MOMENT = st.integers(0, (LAST - FIRST) // MILLISECOND).map(
    lambda n: FIRST + n * MILLISECOND
)
CLOCK = st.integers(0, 86_399_999).map(
    lambda n: (datetime(2000, 1, 1) + n * MILLISECOND).time()
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


# Every stored field of the object that can hold any value, and what it can hold.
STORED: Mapping[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    **dict.fromkeys(
        (
            *("Name", "Text__c", "External_Key__c", "Code__c", "Url__c", "Email__c"),
            *("Phone__c", "Picklist__c", "Restricted__c", "Multi__c", "Combo__c"),
            *("Secret__c", "Area__c", "Long__c", "Rich__c", "Category__c", "Any__c"),
        ),
        (pa.string(), TEXT),
    ),
    "Flag__c": (pa.bool_(), st.booleans()),
    "Whole__c": (pa.int64(), maybe(st.integers(-(2**31), 2**31 - 1))),
    "Number__c": (pa.float64(), maybe(SMALL)),
    "Money__c": (pa.float64(), maybe(NUMBER)),
    "Share__c": (pa.float64(), maybe(st.one_of(SMALL, st.floats(-1, 1, width=32)))),
    "Spot__Latitude__s": (pa.float64(), maybe(st.floats(-90, 90))),
    "Spot__Longitude__s": (pa.float64(), maybe(st.floats(-180, 180))),
    "Day__c": (pa.date32(), maybe(st.dates(FIRST.date(), LAST.date()))),
    "Moment__c": (pa.timestamp("us"), maybe(MOMENT)),
    "Clock__c": (pa.time64("us"), maybe(CLOCK)),
    "LastActivityDate": (pa.date32(), maybe(st.dates(FIRST.date(), LAST.date()))),
    "LastViewedDate": (pa.timestamp("us"), maybe(MOMENT)),
    "CreatedDate": (
        pa.timestamp("us"),
        MOMENT.map(lambda m: m.replace(microsecond=0)),
    ),
}
POOLS = st.fixed_dictionaries(
    {
        name: st.lists(values, min_size=1, max_size=12)
        for name, (_, values) in STORED.items()
    }
)
set_numbers = count(1)
"""Each record set has a number, by which it alone is synced."""


def record_set(pools: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Make records of the pools' values, mixed so that each meets many others."""
    for number in range(ROWS):
        yield {
            name: pool[(number + number // (position + 2)) % len(pool)]
            for position, (name, pool) in enumerate(pools.items())
        }


def put(org: Org, records: Sequence[Mapping[str, Any]], number: int) -> list[str]:
    """Put records into the org's store; return their ids."""
    first = org.store.reserve_ids(OBJECT, len(records))
    keys = [ids.make_id("a0E", first + n) for n in range(len(records))]
    columns = {
        name: pa.array([record[name] or None for record in records], kind)
        if kind == pa.string()
        else pa.array([record[name] for record in records], kind)
        for name, (kind, _) in STORED.items()
    }
    columns["Id"] = pa.array(keys)
    columns["External_Number__c"] = pa.array([float(number)] * len(records))
    org.store.bulk_insert(OBJECT, pa.table(columns))
    return keys


def expected_row(
    record: Mapping[str, Any], key: str, number: int, user: str
) -> dict[str, Any]:
    """Return the row that a record must become, its formulas worked out."""
    name, amount = record["Name"] or "", record["Number__c"]
    money, share, moment = record["Money__c"], record["Share__c"], record["Moment__c"]
    created = record["CreatedDate"]
    return {
        **record,
        "Id": key,
        "IsDeleted": False,
        "External_Number__c": float(number),
        "Account__c": None,
        "Parent__c": None,
        "LastReferencedDate": None,
        **dict.fromkeys(("OwnerId", "CreatedById", "LastModifiedById"), user),
        **dict.fromkeys(("LastModifiedDate", "SystemModstamp"), created),
        "Text_Formula__c": f"{name} / ",
        "Number_Formula__c": None if amount is None else amount * 0.1,
        "Money_Formula__c": (money or 0.0) + (amount or 0.0),
        "Share_Formula__c": None if share is None else share / 3,
        "Flag_Formula__c": amount is not None and amount > 100,
        "Day_Formula__c": None if moment is None else moment.date(),
        "Moment_Formula__c": created + timedelta(days=30),
    }


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with devorg.start(clock=stopped_clock(), bulk_page_rows=100) as org:
        org.short_pages(90)
        yield org


@pytest.fixture(scope="module")
def client(org: Org) -> Iterator[Client]:
    with Client(credentials(org)) as client:
        yield client


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pools=POOLS)
def test_any_record_is_the_same_row_by_either_way(
    org: Org, client: Client, pools: Mapping[str, Sequence[Any]]
) -> None:
    """Records of any values become equal rows through REST and through Bulk."""
    number = next(set_numbers)
    records = list(record_set(pools))
    keys = put(org, records, number)
    expected = {
        key: expected_row(record, key, number, org.store.user_id)
        for key, record in zip(keys, records, strict=True)
    }
    with duckdb.connect() as warehouse:
        for schema, bulk in (("REST", False), ("BULK", True)):
            report = sync(
                OBJECT,
                salesforce=client,
                warehouse=warehouse,
                schema=schema,
                options=Options(
                    where=f"External_Number__c = {number}", force_bulk=bulk
                ),
            )
            note(f"{schema}: {report.objects[0].notes}")
            rows = table_rows(warehouse, f"{schema}.{OBJECT}")
            assert set(rows[keys[0]]) == set(expected[keys[0]])
            assert_equal(expected, rows)
        assert_same_tables(warehouse, OBJECT)


def assert_same_tables(warehouse: duckdb.DuckDBPyConnection, name: str) -> None:
    """Fail unless what came by REST and by Bulk is the same, types and values."""
    shape = (
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name = ? AND table_name = ? ORDER BY column_index"
    )
    rest, bulk = (
        warehouse.execute(shape, [schema, name]).fetchall()
        for schema in ("REST", "BULK")
    )
    assert rest == bulk
    for left, right in (("REST", "BULK"), ("BULK", "REST")):
        surplus = warehouse.execute(
            f'SELECT "Id" FROM (FROM {left}."{name}" EXCEPT FROM {right}."{name}")'
        ).fetchall()
        assert not surplus, f"{name}: {left} has {len(surplus)} rows that differ"


def test_rollups_arrive(org: Org, client: Client) -> None:
    """What the org sums up over details is in the parent's row."""
    days = [date(2026, 1, 1), date(3999, 12, 31), None]
    amounts = [0.5, -1024.25, 9e15]
    full = org.insert("Invoice__c", {"Status__c": "Sent"})
    empty = org.insert("Invoice__c", {})
    for amount, day in zip(amounts, days, strict=True):
        line = {"Invoice__c": full, "Amount__c": amount, "Delivered_On__c": day}
        org.insert("Invoice_Line__c", line)
    names = ("Line_Count__c", "Total__c", "Smallest_Line__c", "Latest_Delivery__c")
    values = {
        full: (3.0, sum(amounts), -1024.25, date(3999, 12, 31)),
        empty: (0.0, 0.0, None, None),
    }
    expected = {
        key: {"Id": key, **dict(zip(names, found, strict=True))}
        for key, found in values.items()
    }
    with duckdb.connect() as warehouse:
        for bulk in (False, True):
            sync(
                "Invoice__c",
                salesforce=client,
                warehouse=warehouse,
                options=Options(force_bulk=bulk),
            )
            assert_equal(expected, table_rows(warehouse, "RAW.Invoice__c"))


def test_every_object_is_the_same_by_either_way(seed: int) -> None:
    """Generated records of every object, nasty ones too, arrive unchanged."""
    with (
        devorg.start(clock=stopped_clock(), seed=seed) as org,
        Client(credentials(org)) as client,
        duckdb.connect() as warehouse,
    ):
        names = [s.name for s in org.store.metadata.sobjects if s.queryable]
        org.generate(dict.fromkeys(names, GENERATED), seed=seed)
        for schema, bulk in (("REST", False), ("BULK", True)):
            sync(
                names,
                salesforce=client,
                warehouse=warehouse,
                schema=schema,
                options=Options(bulk_threshold=10**9, force_bulk=bulk),
            )
        for name in names:
            assert_table_is_org(warehouse, org, name, f'REST."{name}"')
            assert_same_tables(warehouse, name)
