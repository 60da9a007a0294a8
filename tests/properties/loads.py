"""Any sequence of loads, and the table that a dictionary ends in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from tests.arriving import Batches

from lht.decode import decode_csv
from lht.schema import Column, TableRef, TableSchema
from lht.sync.state import Store
from lht.warehouse.base import Session, Target

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


def batch(page: Rows) -> pa.Table:
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


def one_page(page: Rows, *, full: bool) -> Step:
    return Step(full=full, pages=[page])


def prepare(session: Session) -> None:
    """Make the table, with a column of a user's."""
    Store(session).prepare()
    session.ensure_schema(REF.schema)
    session.create_table(REF, SCHEMA)
    table = session.name(REF)
    session.execute(f"ALTER TABLE {table} ADD COLUMN Note VARCHAR DEFAULT 'new'")


def live_through(
    session: Session,
    sequence: Iterable[Step],
    amount: str,
    exact: Callable[[Any, str], bool],
) -> None:
    """Do all loads, and compare table and dictionary after each.

    Args:
        session: To a warehouse that is prepared.
        sequence: The loads.
        amount: How the amount is asked for.
        exact: Tells whether an amount as it is read is the one that was spelled.
    """
    table = session.name(REF)
    model: Rows = {}
    notes: dict[str, str] = {}
    for step in sequence:
        model, counts = expected(model, step)
        assert load(session, step) == counts
        notes = {key: notes.get(key, "new") for key in model}
        found = {
            key: rest
            for key, *rest in session.query(
                f"SELECT Id, {amount}, SystemModstamp, Note FROM {table}"
            )
        }
        assert {key: note for key, (_, _, note) in found.items()} == notes
        for key, (spelled, at) in model.items():
            value, stamp, _ = found[key]
            assert stamp == START + timedelta(seconds=at)
            assert exact(value, spelled), (value, spelled)
        session.execute(f"UPDATE {table} SET Note = Id")
        notes = {key: key for key in model}
