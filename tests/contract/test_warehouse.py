"""What every warehouse promises: the same suite for each of them."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests.arriving import Batches

from lht.decode import arrow_schema, arrow_type
from lht.exceptions import (
    DuplicateKeyError,
    MissingKeyError,
    RowCountMismatchError,
    WarehouseError,
)
from lht.schema import Column, SchemaChange, TableRef, TableSchema
from lht.warehouse.base import LoadCounts, Session, Target, Warehouse

REF = TableRef("RAW", "ACCOUNT")
OLD, NEW, NEWER = (datetime(2024, 1, day, 10, 30, 0, 7000) for day in (15, 16, 17))
SCHEMA = TableSchema(
    columns=tuple(
        Column(name=name, field_type="any", arrow_type=kind)
        for name, kind in {
            "Id": "string",
            "Name": "string",
            "Amount": "decimal(38,2)",
            "IsDeleted": "bool",
            "SystemModstamp": "timestamp",
            "LastModifiedDate": "timestamp",
        }.items()
    )
)
MODES = ("replace", "merge")
Row = dict[str, Any]


def row(key: str | None, name: str = "Acme", amount: str = "1.50", **rest: Any) -> Row:
    """A record with something in every column."""
    return {
        "Id": key,
        "Name": name,
        "Amount": Decimal(amount),
        "IsDeleted": False,
        "SystemModstamp": OLD,
        "LastModifiedDate": OLD,
    } | rest


def batch(*rows: Row, amount: str = "decimal(38,2)") -> pa.RecordBatch:
    """A batch as the decoder makes it, its numbers in the type *amount*."""
    schema = arrow_schema(SCHEMA.widened({"Amount": amount}))
    if amount == "double":
        rows = tuple(r | {"Amount": float(r["Amount"])} for r in rows)
    return pa.RecordBatch.from_pylist(list(rows), schema)


def load(
    session: Session, mode: str, *batches: pa.RecordBatch, **rest: Any
) -> LoadCounts:
    return load_from(session, mode, batches, **rest)


def load_from(
    session: Session,
    mode: str,
    batches: Iterable[pa.RecordBatch],
    *,
    schema: TableSchema = SCHEMA,
    cursor_field: str | None = "SystemModstamp",
) -> LoadCounts:
    """Load as a run does."""
    wanted = target(session, mode, schema=schema, cursor_field=cursor_field)
    with session.load(wanted, Batches(batches)) as counts:
        return counts


def target(
    session: Session,
    mode: str,
    *,
    schema: TableSchema = SCHEMA,
    cursor_field: str | None = "SystemModstamp",
) -> Target:
    return Target(
        ref=REF,
        table=session.read_table(REF),
        schema=schema,
        key="Id",
        cursor_field=cursor_field,
        full=mode == "replace",
        run_id="RUN",
    )


def rows_of(session: Session, columns: str = "*") -> list[tuple[Any, ...]]:
    found = session.query(f"SELECT {columns} FROM {session.name(REF)}")
    return sorted(found, key=repr)


def values(*rows: Row) -> list[tuple[Any, ...]]:
    return [tuple(r.values()) for r in rows]


def type_of(session: Session, column: str) -> str:
    table = session.read_table(REF)
    assert table is not None
    found = table.column(column)
    assert found is not None
    return found.sql_type


# -- counts and content ---------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_first_load_holds_what_arrived(session, mode):
    """All rows of all batches arrive once, and are counted."""
    first = [row("1"), row("2", name=None, IsDeleted=True)]
    last = [row("3", amount="-0.01", SystemModstamp=NEW, LastModifiedDate=NEWER)]
    counts = load(session, mode, batch(*first), batch(), batch(*last))
    assert counts == LoadCounts(
        staged=3,
        inserted=3,
        updated=0,
        unchanged=0,
        deleted=1,
        removed=0,
        rows=3,
        high_water=NEW,
        last_modified_at=NEWER,
    )
    assert rows_of(session) == values(*first, *last)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_arrives_as_nothing(session, mode):
    """A load without a single row is a load."""
    counts = load(session, mode)
    assert (counts.staged, counts.rows, counts.high_water) == (0, 0, None)
    load(session, mode, batch(row("1")))
    kept = 1 if mode == "merge" else 0
    counts = load(session, mode)
    assert (counts.staged, counts.rows, counts.removed) == (0, kept, 1 - kept)


def test_a_full_refresh_tells_what_became_of_each_row(session):
    """Inserted, updated, unchanged and removed rows are told apart."""
    load(session, "replace", batch(*(row(k) for k in "1234")))
    arriving = [row("2"), row("3", name="Other"), row("4", amount="2.00"), row("5")]
    counts = load(session, "replace", batch(*arriving))
    assert (counts.staged, counts.inserted, counts.updated) == (4, 1, 2)
    assert (counts.unchanged, counts.removed, counts.rows) == (1, 1, 4)
    assert rows_of(session) == values(*arriving)


def test_a_merge_tells_what_became_of_each_row(session):
    """New rows are inserted, changed ones updated, equal ones left alone."""
    load(session, "merge", batch(*(row(k) for k in "123")))
    arriving = [
        row("2"),
        row("3", name="Other", SystemModstamp=NEW, IsDeleted=True),
        row("4"),
    ]
    counts = load(session, "merge", batch(*arriving[:2]), batch(*arriving[2:]))
    assert (counts.staged, counts.inserted, counts.updated) == (3, 1, 1)
    assert (counts.unchanged, counts.removed, counts.rows) == (1, 0, 4)
    assert (counts.deleted, counts.high_water) == (1, NEW)
    assert rows_of(session) == values(row("1"), *arriving)


@pytest.mark.parametrize("mode", MODES)
def test_loading_twice_changes_nothing(session, mode):
    """The same rows again are all unchanged."""
    arriving = [row("1", name=None), row("2", amount="0.30")]
    load(session, mode, batch(*arriving))
    counts = load(session, mode, batch(*arriving))
    assert (counts.inserted, counts.updated, counts.unchanged) == (0, 0, 2)
    assert rows_of(session) == values(*arriving)


@pytest.mark.parametrize("stamp", [OLD, NEW, NEWER])
def test_the_row_just_read_wins(session, stamp):
    """Also over an equal stamp, and over one that others wrote ahead of time."""
    load(session, "merge", batch(row("1", name="in the table", SystemModstamp=NEW)))
    counts = load(
        session, "merge", batch(row("1", name="arriving", SystemModstamp=stamp))
    )
    assert rows_of(session, "Name") == [("arriving",)]
    assert counts.staged == counts.updated == 1


def test_without_a_cursor_field_the_row_just_read_wins(session):
    """Where nothing orders changes, what was read last counts."""
    load(session, "merge", batch(row("1", SystemModstamp=NEW)))
    arriving = row("1", name="Other", SystemModstamp=OLD)
    counts = load(session, "merge", batch(arriving), cursor_field=None)
    assert (counts.updated, counts.high_water) == (1, None)
    assert rows_of(session) == values(arriving)


@pytest.mark.parametrize("stamp", ["SystemModstamp", "Name", "Amount", "IsDeleted"])
def test_a_value_may_become_null_and_come_back(session, stamp):
    """NULL is a value like others when rows are compared."""
    for arriving in (row("1"), row("1", **{stamp: None}), row("1")):
        load(session, "merge", batch(arriving))
        assert rows_of(session) == values(arriving)


# -- what is not ours -----------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_users_columns_keep_their_values(session, mode):
    """Columns that no field fills are carried over by Id; new rows get the default."""
    load(session, mode, batch(row("1"), row("2")))
    table = session.name(REF)
    session.execute(f"ALTER TABLE {table} ADD COLUMN Note VARCHAR")
    session.execute(f"ALTER TABLE {table} ADD COLUMN Score INTEGER DEFAULT 7")
    session.execute(f"UPDATE {table} SET Note = 'mine', Score = NULL WHERE Id = '1'")
    load(session, mode, batch(row("1", name="Other"), row("2"), row("3")))
    assert rows_of(session, "Id, Name, Note, Score") == [
        ("1", "Other", "mine", None),
        ("2", "Acme", None, 7),
        ("3", "Acme", None, 7),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_a_removed_field_stays_with_its_data(session, mode):
    """A field that is no longer in the describe keeps its column and its values."""
    load(session, mode, batch(row("1"), row("2")))
    fewer = TableSchema(columns=tuple(c for c in SCHEMA.columns if c.name != "Name"))
    arriving = batch(row("1", amount="2.00"), row("3")).drop_columns(["Name"])
    load(session, mode, arriving, schema=fewer)
    kept = [("2", "Acme", Decimal("1.50"))] if mode == "merge" else []
    assert rows_of(session, "Id, Name, Amount") == [
        ("1", "Acme", Decimal("2.00")),
        *kept,
        ("3", None, Decimal("1.50")),
    ]


# -- types ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize(
    ("kind", "amount"),
    [("decimal(38,5)", "0.12345"), ("double", "1e300"), ("double", "1e-300")],
)
def test_a_column_widens_where_a_value_needs_it(  # noqa: PLR0917  fixtures
    session, native, mode, before, kind, amount
):
    """A wide number widens its column in the same load, before or amid the batches."""
    load(session, "merge", batch(row("0", amount="123.45")))
    batches = [batch(row(str(i), amount="0.10")) for i in range(1, before + 1)]
    wide = batch(row("8", amount=amount), amount=kind)
    counts = load(session, mode, *batches, wide, batch(row("9", amount="9.99")))
    assert counts.widened == (
        SchemaChange(
            column="Amount", old_type=native("decimal(38,2)"), new_type=native(kind)
        ),
    )
    assert type_of(session, "Amount") == native(kind)
    read = float if kind == "double" else Decimal
    found = dict(rows_of(session, "Id, Amount"))
    assert found.pop("8") == read(amount)
    assert found.pop("9") == read("9.99")
    if mode == "merge":
        assert found.pop("0") == read("123.45")
    assert list(found.values()) == [read("0.10")] * before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [1, -1])
def test_numbers_that_no_decimal_holds_together_become_doubles(
    session, native, mode, order
):
    """30 digits before the point and 20 behind it: only a double has room for both."""
    both = [
        batch(row("1", amount="1" + "0" * 29)),
        batch(row("2", amount="0." + "0" * 19 + "1"), amount="decimal(38,20)"),
    ]
    counts = load(session, mode, *both[::order])
    assert type_of(session, "Amount") == native("double")
    assert counts.widened[-1].new_type == native("double")
    assert rows_of(session, "Id, Amount") == [("1", 1e29), ("2", 1e-20)]


def test_rows_of_the_table_also_need_their_room(session, native):
    """A merge widens to double where the table's own numbers do not fit otherwise."""
    load(session, "merge", batch(row("1", amount="1" + "0" * 29)))
    small = row("2", amount="0." + "0" * 19 + "1")
    load(session, "merge", batch(small, amount="decimal(38,20)"))
    assert type_of(session, "Amount") == native("double")
    assert rows_of(session, "Id, Amount") == [("1", 1e29), ("2", 1e-20)]


@pytest.mark.parametrize("mode", MODES)
def test_a_column_once_widened_stays_so(session, native, mode):
    """The describe's scale does not narrow a column again, nor count a change."""
    load(session, mode, batch(row("1", amount="0.12345"), amount="decimal(38,5)"))
    counts = load(
        session, mode, batch(row("1", amount="0.12345"), amount="decimal(38,5)")
    )
    assert (counts.unchanged, counts.widened) == (1, ())
    counts = load(session, mode, batch(row("1", amount="0.50")))
    assert (counts.updated, counts.widened) == (1, ())
    assert type_of(session, "Amount") == native("decimal(38,5)")


@pytest.mark.parametrize("mode", MODES)
def test_widening_changes_no_other_row(session, mode):
    """Rows that only got a wider column are unchanged rows."""
    amounts = ["0.10", "0.30", "123456789012345678.01"]
    rows = [row(str(i), amount=a) for i, a in enumerate(amounts)]
    load(session, mode, batch(*rows))
    wide = batch(row("9", amount="1e300"), amount="double")
    counts = load(session, mode, batch(*rows), wide)
    assert (counts.inserted, counts.updated, counts.unchanged) == (1, 0, 3)
    found = dict(rows_of(session, "Id, Amount"))
    assert [found[str(i)] for i in range(3)] == [float(a) for a in amounts]


@pytest.mark.parametrize("mode", MODES)
def test_a_new_field_becomes_a_column(session, mode):
    """What the describe has and the table lacks is added, told before and done."""
    load(session, mode, batch(row("1")))
    extra = Column(name="Born__c", field_type="date", arrow_type="date")
    wider = TableSchema(columns=(*SCHEMA.columns, extra))
    table = session.read_table(REF)
    assert session.misfits(table, SCHEMA) == []
    assert session.misfits(table, wider) == [
        SchemaChange(column="Born__c", old_type=None, new_type="DATE")
    ]
    born = [row("1", Born__c=OLD.date()), row("2", Born__c=None)]
    arriving = pa.RecordBatch.from_pylist(born, arrow_schema(wider))
    counts = load(session, mode, arriving, schema=wider)
    assert (counts.inserted, counts.updated) == (1, 1)
    assert rows_of(session, "Id, Born__c") == [("1", OLD.date()), ("2", None)]


# -- keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keys", [("1", "1"), ("1", None)])
def test_a_key_that_comes_twice_or_not_at_all_stops_the_load(session, mode, keys):
    """Every arriving row has a key of its own, or nothing moves."""
    load(session, mode, batch(row("0")))
    with pytest.raises(DuplicateKeyError):
        load(session, mode, *(batch(row(k)) for k in keys))
    assert rows_of(session) == values(row("0"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("extra", ["1", None])
def test_a_table_without_unique_keys_is_not_touched(session, mode, extra):
    """Which of two rows is meant nobody knows: nothing moves."""
    load(session, "replace", batch(row("1"), row("2")))
    session.execute(f"INSERT INTO {session.name(REF)} (Id) VALUES (?)", (extra,))
    before = rows_of(session)
    with pytest.raises(DuplicateKeyError):
        session.check_key(REF, "Id")
    if mode == "replace" or extra:
        with pytest.raises(DuplicateKeyError):
            load(session, mode, batch(row("1", name="Other"), row("2")))
        assert rows_of(session) == before


def test_a_table_without_the_key_is_not_touched(session):
    """There is nothing to match rows by: nothing moves."""
    session.execute(f"CREATE TABLE {session.name(REF)} (Number VARCHAR)")
    table = session.read_table(REF)
    with pytest.raises(MissingKeyError):
        session.check_key(REF, "Id")
    keyless = TableSchema(columns=SCHEMA.columns[1:2])
    for mode in MODES:
        with pytest.raises(MissingKeyError):
            load(session, mode, schema=keyless, cursor_field=None)
    assert session.read_table(REF) == table


# -- failing, reading, and several at once --------------------------------------------


class StopNowError(BaseException):
    """What Ctrl-C raises is no Exception either."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("error", [RowCountMismatchError("cut"), StopNowError()])
def test_what_the_batches_fail_with_comes_out(session, mode, after, error):
    """The reader's own error arrives as it is, and the table is as it was."""
    load(session, mode, batch(row("0")))

    def failing() -> Iterator[pa.RecordBatch]:
        for i in range(after):
            yield batch(row(str(i), amount=f"{i}.00"))
        raise error

    with pytest.raises(type(error)) as caught:
        load_from(session, mode, failing())
    assert caught.value is error
    assert rows_of(session) == values(row("0"))
    assert load(session, mode, batch(row("0"))).unchanged == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_reader_sees_the_old_rows_until_the_commit(session, reader, mode):
    """At no moment of a load does another session see a part of it."""
    old = [row(str(i)) for i in range(5)]
    new = [row(str(i), name="Other", amount="0.12345") for i in range(3, 9)]
    load(session, mode, batch(*old))
    seen = []

    def watched() -> Iterator[pa.RecordBatch]:
        for each in new:
            seen.append(rows_of(reader))
            yield batch(each, amount="decimal(38,5)")
        seen.append(rows_of(reader))

    with session.load(target(session, mode), Batches(watched())):
        seen.append(rows_of(reader))
    assert seen == [values(*old)] * 8
    kept = old[:3] if mode == "merge" else []
    assert rows_of(reader) == values(*kept, *new)


@pytest.mark.parametrize("mode", MODES)
def test_a_load_leaves_only_the_table_behind(warehouse, session, mode):
    """What a load needs for itself is gone afterwards, also if it failed."""

    def tables() -> list[tuple[Any, ...]]:
        catalog = "information_schema.tables"
        if warehouse.capabilities.kind == "snowflake":  # DuckDB knows it by itself
            catalog = session.name(TableRef("INFORMATION_SCHEMA", "TABLES"))
        return sorted(session.query(f"SELECT table_schema, table_name FROM {catalog}"))

    load(session, mode, batch(row("1")))
    before = tables()
    load(
        session, mode, batch(row("1")), batch(row("2", amount="1e300"), amount="double")
    )
    with pytest.raises(DuplicateKeyError):
        load(session, mode, batch(row("1"), row("1")))
    assert tables() == before


def test_a_transaction_is_all_or_nothing(session):
    """Nothing of a block that failed is there afterwards."""
    session.create_table(REF, SCHEMA)

    def half() -> None:
        with session.transaction():
            session.execute(f"INSERT INTO {session.name(REF)} (Id) VALUES ('1')")
            session.execute("SELECT nonsense FROM nowhere")

    with pytest.raises(WarehouseError):
        half()
    assert rows_of(session) == []


def test_a_refused_statement_is_our_error(session):
    """What the warehouse says is passed on, the statement beside it, no value in it."""
    with pytest.raises(WarehouseError) as caught:
        session.query("SELECT ? FROM nowhere", ("secret",))
    assert caught.value.statement == "SELECT ? FROM nowhere"
    assert "nowhere" in caught.value.why.lower()
    assert "secret" not in str(caught.value) + caught.value.why


def test_a_table_that_is_not_there_is_none(session):
    """No table is no error; names fold as the warehouse folds them."""
    assert session.read_table(REF) is None
    session.create_table(REF, SCHEMA)
    folded = TableRef(REF.schema.lower(), REF.name.lower())
    for ref in (REF, folded):
        table = session.read_table(ref)
        assert [c.name.lower() for c in table.columns] == list(SCHEMA.by_name)
        assert table.rows == 0


def at_once(count: int, work: Callable[[], object]) -> None:
    """Run *work* in several threads that start at the same moment."""
    start = threading.Barrier(count)

    def started() -> None:
        start.wait()
        work()

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(started) for _ in range(count)]:
            done.result()


def test_several_sessions_may_create_the_same(warehouse: Warehouse):
    """``ensure`` succeeds in all sessions that come to it at the same time."""

    def create() -> None:
        with warehouse.session() as one:
            for i in range(10):
                one.ensure_schema(f"S{i}")
                table = one.name(TableRef(f"S{i}", "T"))
                one.ensure(f"CREATE TABLE IF NOT EXISTS {table} (a INTEGER)")

    at_once(4, create)
    with warehouse.session() as one:
        assert one.read_table(TableRef("S9", "T")) is not None


def test_the_types_of_the_house_are_held_exactly(session):
    """Every type comes back as the value that went in."""
    kinds = {
        "Id": ("string", "NA"),
        "Flag": ("bool", True),
        "Whole": ("int64", -(2**63)),
        "Real": ("double", 5e-324),
        "Money": ("decimal(38,20)", Decimal("123456789012345678.12345678901234567890")),
        "Day": ("date", datetime(4000, 12, 31).date()),
        "Hour": ("time", datetime(2024, 1, 1, 23, 59, 59, 999000).time()),
        "At": ("timestamp", datetime(1700, 1, 1, 0, 0, 0, 1000)),
    }
    schema = TableSchema(
        columns=tuple(
            Column(name=n, field_type="any", arrow_type=k)
            for n, (k, _) in kinds.items()
        )
    )
    arrays = [pa.array([value], arrow_type(kind)) for kind, value in kinds.values()]
    arriving = pa.RecordBatch.from_arrays(arrays, names=list(kinds))
    load(session, "replace", arriving, schema=schema, cursor_field=None)
    expected = [tuple(value for _, value in kinds.values())]
    assert rows_of(session) == expected
    counts = load(session, "merge", arriving, schema=schema, cursor_field=None)
    assert (counts.unchanged, rows_of(session)) == (1, expected)
