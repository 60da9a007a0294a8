"""The six methods: one record is one row, whichever way it comes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from tests.emulator.comparing import Rows, assert_equal, table_rows
from tests.emulator.scene import stopped_clock
from tests.properties.test_equality import (
    NASTY,
    OBJECT,
    POOLS,
    STORED,
    expected_row,
    put,
    record_set,
    set_numbers,
)
from tests.snowflake.scene import SnowflakeScene, folded

from lht import devorg
from lht.devorg import Org
from lht.report.values import ObjectReport
from lht.sync.plan import Options

HOUR = timedelta(hours=1)
ROWS = 120  # of each record set: several pages
WAYS: Mapping[str, Mapping[str, Any]] = {
    "regular_api": {"bulk_threshold": 10**9},
    "bulk_api": {"force_bulk": True},
    "bulk_api_stage": {"force_bulk": True, "stage_threshold": 0},
}
BIG_TEXT = "3 MB, “quoted”\r\n" * 200_000
# Values at the edges of what Salesforce holds; of each as many as there are.
EDGES: Mapping[str, Sequence[Any]] = {
    "Text__c": (*NASTY, None, ""),
    "Long__c": ("a\r\nb", '""', "\\", "\\N", "NA", "nan", "007", "👩‍👩‍👧‍👦"),
    "Flag__c": (True, False),
    "Whole__c": (None, 0, -1, 2**31 - 1, -(2**31)),
    "Number__c": (None, 0.0, -0.001, 123456789012345.0, 12345678.0, 1e7, 999.999),
    "Money__c": (None, 1e17, -1e17, 0.01, 100000000000000000.0, 1.39e8),
    "Share__c": (None, 12.5, -0.25),
    "Spot__Latitude__s": (None, 48.2081743, -89.999999),
    "Day__c": (None, date(1700, 1, 1), date(4000, 12, 31), date(1969, 12, 31)),
    "Moment__c": (
        *(None, datetime(1700, 1, 1), datetime(4000, 12, 31, 23, 59, 59, 999_000)),
        *(datetime(1969, 12, 31, 23, 59, 59, 1_000), datetime(2026, 3, 29, 2, 30)),
    ),
    "Clock__c": (None, time(0), time(23, 59, 59, 999_000), time(12, 0, 0, 7_000)),
    "CreatedDate": (datetime(1999, 12, 31, 23, 59, 59),),
}
WIDER = {"Number__c": 1.5e-12, "Money__c": 1e-30, "Share__c": 1e300}


@pytest.fixture
def org() -> Iterator[Org]:
    """An org with all its objects as wide as they are."""
    with devorg.start(clock=stopped_clock(), bulk_page_rows=100) as org:
        org.short_pages(90)
        yield org


def edge_records() -> list[dict[str, Any]]:
    """Return records that mix the values of ``EDGES``."""
    pools = {
        name: EDGES.get(name, ("" if _is_text(name) else None,)) for name in STORED
    }
    return list(record_set(pools))[:ROWS]


def _is_text(name: str) -> bool:
    return str(STORED[name][0]) == "string"


def loaded_by(scene: SnowflakeScene, way: str, **options: Any) -> ObjectReport:
    """Sync the object one way, into the way's own schema; return the receipt."""
    return scene.synced(OBJECT, schema=way, options=Options(**(WAYS[way] | options)))


def rows_of(scene: SnowflakeScene, way: str) -> Rows:
    return scene.past.rows(f'"{way.upper()}"."{OBJECT.upper()}"')


def assert_same_everywhere(
    scene: SnowflakeScene, embedded: duckdb.DuckDBPyConnection, **options: Any
) -> None:
    """Fail unless all ways' tables, DuckDB's and the org's store agree."""
    scene.sync(OBJECT, warehouse=embedded, options=Options(**options))
    expected = folded(table_rows(embedded, f"RAW.{OBJECT}"))
    tables = [f'"{way.upper()}"."{OBJECT.upper()}"' for way in WAYS]
    assert scene.past.columns(tables[0]) == scene.past.columns(tables[1])
    assert scene.past.columns(tables[0]) == scene.past.columns(tables[2])
    for way in WAYS:
        found = rows_of(scene, way)
        assert_equal(expected, found)
        assert_equal(found, expected)  # no column more, either


def test_the_six_methods_give_one_table(scene: SnowflakeScene) -> None:
    """Every edge of every type is the same cell by all methods, now and later.

    The first load widens a column in its last page; the second brings numbers for
    which the tables must be rebuilt.
    """
    records = edge_records()
    records[-1]["Number__c"] = 0.123456789
    records[-2]["Long__c"] = BIG_TEXT
    put(scene.org, records, 1)
    with duckdb.connect() as embedded:
        for way in WAYS:
            receipt = loaded_by(scene, way)
            assert receipt.sync_method == f"{way}_full"
            assert receipt.inserted == ROWS
            assert any("Number__c widened" in n for n in receipt.notes)
            scene.check_table(OBJECT, f'"{way.upper()}"."{OBJECT.upper()}"')
        assert_same_everywhere(scene, embedded)
        changed = {"Text__c": "changed", **WIDER}
        scene.org.clock.advance(HOUR)
        for key in list(rows_of(scene, "bulk_api"))[:3]:
            scene.org.update(OBJECT, key, changed)
        scene.org.insert(OBJECT, {"Name": "new"} | WIDER)
        for way in WAYS:
            receipt = loaded_by(scene, way)
            assert receipt.sync_method == f"{way}_incremental"
            assert (receipt.inserted, receipt.updated) == (1, 3)
            assert any("widened" in note for note in receipt.notes)
            scene.check_table(OBJECT, f'"{way.upper()}"."{OBJECT.upper()}"')
        assert_same_everywhere(scene, embedded)
    assert scene.leftovers() == []


@settings(
    max_examples=2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pools=POOLS)
def test_any_record_is_the_same_row(
    scene: SnowflakeScene, pools: Mapping[str, Sequence[Any]]
) -> None:
    """Records of any values become what they are, through REST and through Bulk."""
    number = next(set_numbers)
    records = list(record_set(pools))[:ROWS]
    keys = put(scene.org, records, number)
    user = scene.org.store.user_id
    expected = {
        key: expected_row(record, key, number, user)
        for key, record in zip(keys, records, strict=True)
    }
    where = f"External_Number__c = {number}"
    for way in ("regular_api", "bulk_api"):
        loaded_by(scene, way, where=where)
        assert_equal(folded(expected), rows_of(scene, way))
    assert_equal(rows_of(scene, "regular_api"), rows_of(scene, "bulk_api"))
