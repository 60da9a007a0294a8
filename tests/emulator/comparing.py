"""An org and its tables, read side by side.

The org's values come out of its own store and the table's out of DuckDB, both as
Python values: neither lht's decoder nor devorg's renderer has a part in it.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import duckdb

from lht.devorg import Org

Rows = Mapping[str, Mapping[str, Any]]  # Id -> column -> value

_SHOWN = 5  # differences that a failure lists
_LONGEST = 200  # characters of a value that it shows


def org_rows(org: Org, sobject: str) -> Rows:
    """Return all stored values of all records, those in the recycle bin too."""
    files = {
        field.name
        for field in org.store.metadata.by_name[sobject.lower()].fields
        if field.type == "base64"
    }
    with closing(org.store.cursor()) as cursor:
        return _rows(cursor, f'SELECT * FROM "{sobject}"', files)


def table_rows(connection: duckdb.DuckDBPyConnection, table: str) -> Rows:
    """Return all values of a table."""
    with closing(connection.cursor()) as cursor:
        return _rows(cursor, f"SELECT * FROM {table}")


def _rows(
    cursor: duckdb.DuckDBPyConnection, query: str, without: Iterable[str] = ()
) -> Rows:
    found = cursor.execute(query)
    names = [column[0] for column in found.description]
    skipped = set(without)
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    by_id = {
        row["Id"]: {n: v for n, v in row.items() if n not in skipped} for row in rows
    }
    assert len(by_id) == len(rows), "an Id occurs more than once"
    return by_id


def same(expected: Any, got: Any) -> bool:
    """Tell whether a table's value is exactly what Salesforce holds."""
    if expected is None or expected == "":
        return got is None
    if isinstance(expected, float) and isinstance(got, Decimal):
        return got == Decimal(repr(expected))
    if isinstance(expected, (datetime, time)):  # Salesforce tells milliseconds
        expected = expected.replace(microsecond=expected.microsecond // 1000 * 1000)
    return type(expected) is type(got) and bool(expected == got)


def _told(value: Any) -> str:
    shown = repr(value)
    if len(shown) <= _LONGEST:
        return shown
    half = _LONGEST // 2
    return f"{shown[:half]}...{shown[-half:]} ({len(value):,} long)"


def differences(expected: Rows, got: Rows) -> list[str]:
    """List what differs; columns that *expected* does not have are not looked at."""
    found = [f"{key} is missing" for key in expected if key not in got]
    found += [f"{key} should not be there" for key in got if key not in expected]
    found += [
        f"{key}.{name}: {_told(value)} became {_told(got[key].get(name, 'no column'))}"
        for key, row in expected.items()
        if key in got
        for name, value in row.items()
        if name not in got[key] or not same(value, got[key][name])
    ]
    return found


def assert_equal(expected: Rows, got: Rows) -> None:
    """Fail with the first few differences."""
    found = differences(expected, got)
    assert not found, f"{len(found)} differences: " + "; ".join(found[:_SHOWN])


def assert_table_is_org(
    connection: duckdb.DuckDBPyConnection,
    org: Org,
    sobject: str,
    table: str | None = None,
) -> None:
    """Fail unless the table has every record of the org, each with all its values."""
    assert_equal(
        org_rows(org, sobject), table_rows(connection, table or f'RAW."{sobject}"')
    )


def assert_books_are_in_order(connection: duckdb.DuckDBPyConnection) -> None:
    """Fail unless state and receipts agree and no table of ours is left over."""
    with closing(connection.cursor()) as cursor:
        unpaired = cursor.execute(
            "SELECT s.target_table, s.run_id FROM LHT.STATE s FULL JOIN"
            " (SELECT * FROM LHT.RECEIPTS WHERE status = 'succeeded') r"
            " ON r.run_id = s.run_id AND lower(r.target_table) = lower(s.target_table)"
            " AND (s.watermark IS NULL OR s.watermark = r.complete_up_to)"
            " WHERE s.run_id IS NULL OR r.run_id IS NULL"
        ).fetchall()
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'LHT'"
        ).fetchall()
    assert not unpaired, f"a watermark without its receipt, or the reverse: {unpaired}"
    assert {name for (name,) in tables} == _OWN_TABLES


_OWN_TABLES = {
    *("RUNS", "RECEIPTS", "STATE", "JOBS", "SCHEMA_CHANGES", "BULK_REFUSALS"),
    "LEASES",
}
