"""Accounts that are loaded: their rows, batches, and how they get into a table."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from tests.arriving import Batches

from lht.decode import arrow_schema
from lht.pages import Pages
from lht.schema import Column, TableRef, TableSchema
from lht.warehouse.base import LoadCounts, Session, Target

REF = TableRef("RAW", "ACCOUNT")
AT = datetime(2024, 1, 15, 10, 30, 0, 7000)
MODES = ("replace", "merge")
# A table for them, as DuckDB spells it.
PLAIN = "Id VARCHAR, Name VARCHAR, Amount DECIMAL(38,2), SystemModstamp TIMESTAMP"


def schema_of(**types: str) -> TableSchema:
    columns = {"Id": "string", **types}
    return TableSchema(
        columns=tuple(
            Column(name=n, field_type="any", arrow_type=k) for n, k in columns.items()
        )
    )


SCHEMA = schema_of(Name="string", Amount="decimal(38,2)", SystemModstamp="timestamp")


def row(key: str, amount: str = "1.50", name: str | None = "Acme") -> dict[str, Any]:
    amounts = {"Amount": Decimal(amount)}
    return {"Id": key, "Name": name, **amounts, "SystemModstamp": AT}


def batch(*rows: dict[str, Any], schema: TableSchema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), arrow_schema(schema))


def wide(*rows: dict[str, Any]) -> pa.RecordBatch:
    """The rows, in a batch whose amounts need more than the column has."""
    return batch(*rows, schema=SCHEMA.widened({"Amount": "decimal(38,5)"}))


def load(
    session: Session, mode: str, *batches: pa.RecordBatch, **rest: Any
) -> LoadCounts:
    return load_pages(session, mode, Batches(batches), **rest)


def load_pages(session: Session, mode: str, pages: Pages, **rest: Any) -> LoadCounts:
    with session.load(target_of(session, mode, **rest), pages) as counts:
        return counts


def target_of(
    session: Session,
    mode: str,
    *,
    schema: TableSchema = SCHEMA,
    ref: TableRef = REF,
    cursor_field: str | None = "SystemModstamp",
    stage: str | None = None,
) -> Target:
    return Target(
        ref=ref,
        table=session.read_table(ref),
        schema=schema,
        key="Id",
        cursor_field=cursor_field,
        full=mode == "replace",
        run_id="RUN",
        stage=stage,
    )
