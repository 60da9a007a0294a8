"""Any sequence of loads ends in the table that a dictionary ends in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.arriving import Batches

from lht.decode import decode_csv
from lht.schema import Column, TableRef, TableSchema
from lht.sync.state import Store
from lht.warehouse.base import Session, Target
from lht.warehouse.duckdb import DuckDBWarehouse

REF = TableRef("RAW", "ACCOUNT")
KINDS = {"Id": "string", "Amount": "decimal(38,2)", "SystemModstamp": "timestamp"}
SCHEMA = TableSchema(
    columns=tuple(
        Column(name=n, field_type="any", arrow_type=k) for n, k in KINDS.items()
    )
)
START = datetime(2024, 1, 1)
AMOUNTS = ("", "0.0", "1.5", "0.1", "0.12345", "1.0E20", "1.0E-19", "1.0E300", "-7.25")
Rows = dict[str, tuple[str, int]]  # key -> amount as spelled, seconds after the start

rows = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.sampled_from(AMOUNTS), st.integers(0, 3)),
    max_size=5,
)


@dataclass(frozen=True)
class Step:
    """One load: its pages, and how it is done."""

    full: bool
    pages: Sequence[Rows]


def without_repeats(pages: Iterable[Rows]) -> list[Rows]:
    seen: set[str] = set()
    kept = []
    for page in pages:
        kept.append({k: v for k, v in page.items() if k not in seen})
        seen |= set(page)
    return kept


steps = st.builds(
    Step, full=st.booleans(), pages=st.lists(rows, max_size=3).map(without_repeats)
)


def batch(page: Rows) -> pa.RecordBatch:
    lines = ["Id,Amount,SystemModstamp\n"]
    for key, (amount, at) in page.items():
        stamp = (START + timedelta(seconds=at)).isoformat(timespec="milliseconds")
        lines.append(f'"{key}","{amount}","{stamp}Z"\n')
    return decode_csv("".join(lines).encode(), SCHEMA, rows=len(page))


def load(session: Session, step: Step) -> dict[str, int]:
    target = Target(
        ref=REF,
        table=session.read_table(REF),
        schema=SCHEMA,
        key="Id",
        cursor_field="SystemModstamp",
        full=step.full,
        run_id="RUN",
    )
    with session.load(target, Batches(map(batch, step.pages))) as counts:
        return {
            name: getattr(counts, name)
            for name in (
                *("staged", "inserted", "updated"),
                *("unchanged", "removed", "rows"),
            )
        }


def expected(model: Rows, step: Step) -> tuple[Rows, dict[str, int]]:
    """Do the load with a dictionary."""
    arriving = {k: v for page in step.pages for k, v in page.items()}
    after = arriving if step.full else model | arriving
    inserted = len(arriving.keys() - model.keys())
    updated = sum(k in model and not same(model[k], after[k]) for k in arriving)
    return after, {
        "staged": len(arriving),
        "inserted": inserted,
        "updated": updated,
        "unchanged": len(arriving) - inserted - updated,
        "removed": len(model.keys() - arriving.keys()) if step.full else 0,
        "rows": len(after),
    }


def same(left: tuple[str, int], right: tuple[str, int]) -> bool:
    return left[1] == right[1] and number(left[0]) == number(right[0])


def number(amount: str) -> Decimal | None:
    return Decimal(amount) if amount else None


def read(session: Session) -> dict[str, tuple[Any, datetime, str]]:
    names = '"Id", "Amount", "SystemModstamp", Note'
    found = session.query(f"SELECT {names} FROM {session.name(REF)}")
    return {key: tuple(rest) for key, *rest in found}


def one_page(page: Rows, *, full: bool) -> Step:
    return Step(full=full, pages=[page])


@settings(max_examples=40)
@given(st.lists(steps, max_size=5), st.booleans())
@example(
    [
        one_page({"a": ("1.0E20", 0)}, full=True),
        one_page({"a": ("1.0E-19", 0)}, full=True),  # the deleted row has no room
    ],
    False,
)
def test_loads_are_what_a_dictionary_does(sequence: list[Step], indexed: bool) -> None:
    """Rows, counts, users' columns and the exactness of numbers, after every load."""
    place = DuckDBWarehouse(":memory:")
    with place.session() as session:
        Store(session).prepare()
        session.ensure_schema(REF.schema)
        session.create_table(REF, SCHEMA)
        table = session.name(REF)
        session.execute(f"ALTER TABLE {table} ADD COLUMN Note VARCHAR DEFAULT 'new'")
        if indexed:
            session.execute(f"CREATE UNIQUE INDEX by_id ON {table} (Id)")
        model: Rows = {}
        notes: dict[str, str] = {}
        for step in sequence:
            model, counts = expected(model, step)
            assert load(session, step) == counts
            notes = {key: notes.get(key, "new") for key in model}
            found = read(session)
            assert {k: note for k, (_, _, note) in found.items()} == notes
            for key, (amount, at) in model.items():
                value, stamp, _ = found[key]
                assert stamp == START + timedelta(seconds=at)
                exact = float(amount) if isinstance(value, float) else number(amount)
                assert value == exact
            session.execute(f"UPDATE {table} SET Note = Id")
            notes = {key: key for key in model}
    place.close()
