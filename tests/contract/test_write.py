"""What every warehouse promises of frames that are written."""

import datetime as dt
import json
import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pytest

from lht.exceptions import (
    CommitStateUnknownError,
    ConfigError,
    DataError,
    LHTError,
    SchemaError,
    UnencodableValueError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.schema import TableRef
from lht.util.data_writer import (
    check,
    write,
    write_batch_to_main_table,
    write_batch_to_temp_table,
    write_dataframe_to_table,
)
from lht.warehouse.base import Capabilities, Session, Warehouse

REF = TableRef("RAW", "FRAME")
REJECTED = TableRef("RAW", "FRAME_REJECTED")
AT = dt.datetime(2024, 1, 15, 10, 30, 0, 123456)
BERLIN = dt.timezone(dt.timedelta(hours=1))
FULL = 30_000  # values: more than are bound to a statement


def rows(session: Session, ref: TableRef = REF, order: str = "1") -> list[tuple]:
    return session.query(f"SELECT * FROM {session.name(ref)} ORDER BY {order}")


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(v) for name, v in columns.items()})


def numbered(*values: Any, dtype: Any = object) -> pd.DataFrame:
    return pd.DataFrame({"N": range(len(values)), "V": pd.Series(values, dtype=dtype)})


VALUES: dict[str, tuple[pd.Series, list[Any]]] = {
    "ints with a gap": (pd.Series([1, None, -3], dtype="Int64"), [1, None, -3]),
    "ints as floats": (pd.Series([1, None, 3]), [1.0, None, 3.0]),
    "large ints": (pd.Series([2**63, 0, 1], dtype="uint64"), [2**63, 0, 1]),
    "ints beyond 64 bits": (pd.Series([2**70, -1, None]), [2**70, -1, None]),
    "floats": (pd.Series([0.1, 1e300, 5e-324]), [0.1, 1e300, 5e-324]),
    "infinity": (pd.Series([math.inf, -math.inf, None]), [math.inf, -math.inf, None]),
    "texts that look like none": (
        pd.Series(["nan", "", "NA", "None", "null", "007"]),
        ["nan", "", "NA", "None", "null", "007"],
    ),
    "texts of all kinds": (
        pd.Series([" a ", 'q"q', "c\r\nd", "\\N", "😀,;", "=", "\t", "'"]),
        [" a ", 'q"q', "c\r\nd", "\\N", "😀,;", "=", "\t", "'"],
    ),
    "all that is none": (
        pd.Series([None, math.nan, pd.NaT, pd.NA, "x"], dtype=object),
        [None, None, None, None, "x"],
    ),
    "nothing at all": (pd.Series([None, None], dtype=object), [None, None]),
    "bools": (pd.Series([True, None, False], dtype="boolean"), [True, None, False]),
    "microseconds": (pd.Series([AT, None, AT]), [AT, None, AT]),
    "far years": (
        pd.Series([dt.datetime(4000, 12, 31), dt.datetime(1, 1, 1)], dtype=object),
        [dt.datetime(4000, 12, 31), dt.datetime(1, 1, 1)],
    ),
    "instants become UTC": (
        pd.Series([AT]).dt.tz_localize("Europe/Berlin"),
        [AT - dt.timedelta(hours=1)],
    ),
    "instants of Python": (
        pd.Series([AT.replace(tzinfo=BERLIN), None], dtype=object),
        [AT - dt.timedelta(hours=1), None],
    ),
    "coarse timestamps": (
        pd.Series([dt.datetime(2024, 1, 15)]).astype("datetime64[s]"),
        [dt.datetime(2024, 1, 15)],
    ),
    "dates": (
        pd.Series([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
        [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
    ),
    "times": (pd.Series([dt.time(1, 2, 3, 4), None]), [dt.time(1, 2, 3, 4), None]),
    "durations are seconds": (
        pd.Series(pd.to_timedelta(["1s", "-2ms", None])),
        [Decimal(1), Decimal("-0.002"), None],
    ),
    "decimals": (
        pd.Series([Decimal("1.10"), None, Decimal("-12345678901234567.25")]),
        [Decimal("1.1"), None, Decimal("-12345678901234567.25")],
    ),
    "bytes": (pd.Series([b"\x00\xff", b"", None]), [b"\x00\xff", b"", None]),
    "categories": (pd.Series(["a", None, "a"], dtype="category"), ["a", None, "a"]),
    "documents": (
        pd.Series([{"a": 1}, {"b": [Decimal("1.50"), None]}, None]),
        ['{"a":1}', '{"b":[1.50,null]}', None],
    ),
    "lists": (pd.Series([[1, "a"], [], None]), ['[1,"a"]', "[]", None]),
    "mixed values are texts": (
        pd.Series([1, "a", True, AT, None], dtype=object),
        ["1", "a", "true", "2024-01-15 10:30:00.123456", None],
    ),
    "Arrow's own types": (
        pd.Series([1, None], dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
        [Decimal(1), None],
    ),
}


def all_values(count: int) -> pd.DataFrame:
    """Return a frame with a column of each dtype, its values again and again."""
    columns = {}
    for case, (series, _) in VALUES.items():
        again = [at % len(series) for at in range(count)]
        columns[case] = series.iloc[again].reset_index(drop=True)
    return pd.DataFrame({"N": range(count), **columns})


@pytest.mark.parametrize("count", [8, FULL // len(VALUES)])
def test_values_are_the_same_in_the_table(warehouse, reader, count):
    """Whatever pandas has for one: none is altered, none becomes NULL that is not.

    Few rows go with a statement, many by way of a file.
    """
    report = write(warehouse, all_values(count), "RAW", "FRAME")
    assert (report.rows, report.rejected) == (count, 0)
    _, *columns = zip(*rows(reader), strict=True)
    for (case, (_, expected)), found in zip(VALUES.items(), columns, strict=True):
        again = [expected[at % len(expected)] for at in range(count)]
        assert (case, list(found)) == (case, again)


def test_an_overwrite_replaces_all_rows_and_an_append_none(warehouse, reader):
    """First in any order, then as documented."""
    write(warehouse, frame(A=["x", "y"]), "RAW", "FRAME")
    write(warehouse, frame(A=["z"]), "RAW", "FRAME")
    assert rows(reader) == [("x",), ("y",), ("z",)]
    write(warehouse, frame(A=["n"]), "RAW", "FRAME", overwrite=True)
    assert rows(reader) == [("n",)]
    write(warehouse, frame(A=["n"]).head(0), "RAW", "FRAME")
    assert rows(reader) == [("n",)]
    write(warehouse, frame(A=["n"]).head(0), "RAW", "FRAME", overwrite=True)
    assert rows(reader) == []


def test_columns_are_found_in_any_case_and_order(warehouse, reader):
    """Columns that the frame lacks are NULL; words of SQL are names like others."""
    write(warehouse, frame(Id=["1"], Order=[1], Extra=["e"]), "RAW", "FRAME")
    write(warehouse, frame(order=[2], ID=["2"]), "RAW", "FRAME")
    assert rows(reader) == [("1", 1, "e"), ("2", 2, None)]


def test_an_overwrite_adds_columns_and_an_append_does_not(warehouse, reader):
    """A misspelt column of an append is told; nothing is written."""
    write(warehouse, frame(A=["x"]), "RAW", "FRAME")
    with pytest.raises(SchemaError, match="no column B"):
        write(warehouse, frame(A=["y"], B=[1]), "RAW", "FRAME")
    assert rows(reader) == [("x",)]
    write(warehouse, frame(A=["y"], B=[1]), "RAW", "FRAME", overwrite=True)
    assert rows(reader) == [("y", 1)]


def test_without_auto_create_there_must_be_a_table(warehouse, session):
    """None is made."""
    with pytest.raises(ConfigError, match=r"no table RAW\.FRAME"):
        write_dataframe_to_table(
            warehouse, frame(A=["x"]), "RAW", "FRAME", auto_create=False
        )
    assert not session.has_table(REF)


def test_types_that_are_named_are_those_of_new_columns(warehouse, reader):
    """As Snowflake spells them, or as dtypes of pandas."""
    df = frame(Id=["1"], Amount=["1.5"], On=["2024-01-15"], Count=[1.0])
    assert write_dataframe_to_table(
        warehouse,
        df,
        "RAW",
        "FRAME",
        df_fields={"Count": "int64", "Id": "object", "Amount": "float64"},
        snowflake_fields={"Amount": "NUMBER(18, 2)", "On": "DATE", "Other": "DATE"},
    )
    assert rows(reader) == [("1", Decimal("1.50"), dt.date(2024, 1, 15), 1)]
    with pytest.raises(ConfigError, match="no type"):
        write(warehouse, df, "RAW", "OTHER", types={"Id": "VARCHAR); DROP"})


# -- rows that do not fit --------------------------------------------------------------


def typed_table(warehouse: Warehouse, kind: str) -> None:
    write(warehouse, numbered(None), "RAW", "FRAME", types={"V": kind})
    write(warehouse, numbered(None).head(0), "RAW", "FRAME", overwrite=True)


MISFITS = {
    "NUMBER(5,2)": (["1.25", "nan", 1.255, 1000, Decimal("1E3")], [0]),
    "NUMBER(38,0)": ([1.0, "2", 1.5, math.inf, 10**38], [0, 1]),
    "DATE": ([dt.date(2024, 1, 15), "2024-02-30", "2024-01-15", "20240115"], [0, 2]),
    "TIMESTAMP_NTZ": ([AT, "2024-01-15T10:30:00Z", "1705314600", "soon"], [0, 1]),
    "BOOLEAN": ([True, "false", 1, "yes", 2], [0, 1, 2]),
    "FLOAT": ([1, 2**53 + 1, "0.1", "1e400", "x"], [0, 2]),
    "TIME": ([dt.time(1), "10:30:00", "25:00:00", "1"], [0, 1]),
    "BINARY": ([b"x", "x"], [0]),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_what_does_not_fit_is_kept_with_its_reason(warehouse, reader, caplog, kind):
    """No value is rounded, cut or guessed at; rows that fit are written."""
    typed_table(warehouse, kind)
    values, fitting = MISFITS[kind]
    kept = 0
    for at, value in enumerate(values):
        df = pd.DataFrame({"N": [at, -1], "V": pd.Series([value, None], dtype=object)})
        kept += write(warehouse, df, "RAW", "FRAME").rejected
    assert {n for n, value in rows(reader) if value is not None} == set(fitting)
    rejected = reader.query(
        'SELECT "COLUMN_NAMES", "REASON", "ROW_NUMBER", "RECORD", "RECORDED_AT"'
        f" FROM {reader.name(REJECTED)}"
    )
    assert len(rejected) == kept == len(values) - len(fitting)
    for columns, reason, row_number, record, at in rejected:
        assert (columns, row_number) == ("V", 0)
        assert reason.startswith("V: ")
        assert json.loads(record)["V"] not in {None, reason}
        assert at is not None
    assert caplog.text.count("event=rows_rejected") == kept


def test_a_row_for_a_column_that_takes_no_null_is_kept_aside(warehouse, session):
    """As for values: the rows that fit are written."""
    name = session.name(REF)
    session.execute(f'CREATE TABLE {name} ("A" VARCHAR NOT NULL, "B" VARCHAR)')
    df = frame(A=["x", None, "z"], B=[None, "y", None])
    assert not write_dataframe_to_table(warehouse, df, "RAW", "FRAME")
    assert rows(session) == [("x", None), ("z", None)]
    ((reason, record),) = session.query(
        f'SELECT "REASON", "RECORD" FROM {session.name(REJECTED)}'
    )
    assert reason == "A: NULL, where the table takes none"
    assert record == '{"A":null,"B":"y"}'


@pytest.mark.parametrize("on_error", ["ABORT_STATEMENT", "SKIP_FILE", ""])
def test_anything_but_continue_moves_nothing(warehouse, reader, on_error):
    """One row that does not fit, and the old rows stay."""
    typed_table(warehouse, "NUMBER(5,2)")
    write(warehouse, numbered("1.5"), "RAW", "FRAME")
    with pytest.raises(UnencodableValueError) as caught:
        write_dataframe_to_table(
            warehouse, numbered("1", "wrong"), "RAW", "FRAME", True, on_error=on_error
        )
    assert "1 of 2 rows" in caught.value.message
    assert "wrong" not in str(caught.value)
    assert rows(reader) == [(0, Decimal("1.50"))]
    assert not reader.has_table(REJECTED)


def test_an_overwrite_of_which_no_row_fits_keeps_the_old_ones(warehouse, reader):
    """Such a frame is a mistake, not an empty table."""
    typed_table(warehouse, "NUMBER(5,2)")
    write(warehouse, numbered("1.5"), "RAW", "FRAME")
    with pytest.raises(UnencodableValueError, match="2 of 2 rows"):
        write(warehouse, numbered("a", "b"), "RAW", "FRAME", overwrite=True)
    assert rows(reader) == [(0, Decimal("1.50"))]


def test_a_check_tells_of_each_column_and_writes_nothing(warehouse, reader):
    """What dtype, what type, how many values do not fit and why; no values."""
    typed_table(warehouse, "NUMBER(5,2)")
    df = numbered("1.5", "wrong", 12345).assign(New=["a", "b", "c"])
    found = check(warehouse, df, "RAW", "FRAME")
    assert (found.target_table, found.rows, found.rejected) == ("RAW.FRAME", 3, 2)
    _, value, new = found.columns
    assert (value.dtype, value.misfits, value.new) == ("object", 2, False)
    assert sorted(value.reasons.values()) == [1, 1]
    assert value.note == "mixed values (int, str) as texts"
    assert (new.name, new.new, new.misfits) == ("New", True, 0)
    assert "wrong" not in repr(found)
    assert rows(reader) == []


def test_a_frame_that_cannot_be_written_makes_no_table(warehouse, session):
    """It is told of before anything happens."""
    with pytest.raises(DataError, match="same name: id"):
        write(warehouse, pd.DataFrame([[1, 2]], columns=["Id", "ID"]), "RAW", "FRAME")
    assert not session.has_table(REF)


def test_an_arrow_table_is_a_frame(warehouse, reader):
    """Pandas is not needed."""
    table = pa.table({"A": ["x", None], "B": pa.array([1.5, math.nan])})
    assert write(warehouse, table, "RAW", "FRAME").rows == 2
    assert rows(reader) == [("x", 1.5), (None, None)]


# -- the documented functions ----------------------------------------------------------


def test_batches_to_the_main_table(warehouse, reader):
    """The first replaces what was there, later ones are appended."""
    for at, first in ((0, True), (1, False), (2, True), (3, False)):
        assert write_batch_to_main_table(
            warehouse, frame(A=[at]), "RAW", "FRAME", first, force_full_sync=True
        )
    assert rows(reader) == [(2,), (3,)]


def test_a_temp_table_holds_the_last_batch_in_the_types_of_the_main_one(
    warehouse, reader
):
    """So that it can be merged."""
    typed_table(warehouse, "NUMBER(5,2)")
    for value in ("1.5", "2.5"):
        assert write_batch_to_temp_table(
            warehouse, numbered(value), "RAW", "TMP", {}, main_table="FRAME"
        )
    assert rows(reader, TableRef("RAW", "TMP")) == [(0, Decimal("2.50"))]
    df = numbered("3.5")
    assert write_dataframe_to_table(
        warehouse, df, "RAW", "FRAME", temp_table="TMP2", force_full_sync=True
    )
    assert rows(reader, TableRef("RAW", "TMP2")) == [(0, "3.5")]
    assert rows(reader) == []


# -- all or nothing, once --------------------------------------------------------------


@dataclass
class Lossy:
    """A warehouse that loses the answers to its first commits.

    Of each it is told whether it has landed. While ``looks`` is set, it is called
    before a commit.
    """

    place: Warehouse
    landed: list[bool] = field(default_factory=list)
    looks: Any = None
    error: type[LHTError] = CommitStateUnknownError

    @property
    def capabilities(self) -> Capabilities:
        return self.place.capabilities

    def session(self) -> "LossySession":
        return LossySession(self, self.place.session())


class LossySession:
    def __init__(self, lossy: Lossy, session: Session) -> None:
        self.lossy, self.real = lossy, session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        landed = self.lossy.landed.pop(0) if self.lossy.landed else None
        with self.real.transaction():
            yield
            if self.lossy.looks:
                self.lossy.looks()
            if landed is False:
                raise self.lossy.error("it may have landed")
        if landed:
            raise self.lossy.error("it may have landed")


@pytest.mark.parametrize("landed", [[True], [False], [False, True], [False, False]])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_commit_of_unknown_end_doubles_no_row(warehouse, reader, landed, overwrite):
    """Whether it has landed is looked up before the write is tried again."""
    write(warehouse, frame(A=["old"]), "RAW", "FRAME")
    attempts = len(landed) + 1
    report = write(
        Lossy(warehouse, landed), frame(A=["x"]), "RAW", "FRAME", overwrite=overwrite
    )
    assert rows(reader) == [("x",)] if overwrite else [("old",), ("x",)]
    assert report.attempts == attempts
    writes = reader.name(TableRef("LHT", "WRITES"))
    ids = reader.query(
        f'SELECT COUNT(*) FROM {writes} WHERE "WRITE_ID" = ?', (report.write_id,)
    )
    assert ids == [(1,)]


def test_what_passes_is_tried_again(warehouse, reader):
    """A warehouse that cannot be reached now."""
    lossy = Lossy(warehouse, [False] * 3, error=WarehouseUnavailableError)
    assert write(lossy, frame(A=["x"]), "RAW", "FRAME").attempts == 4
    assert rows(reader) == [("x",)]


def test_what_does_not_pass_is_not_tried_again(warehouse, reader):
    """And the old rows stay."""
    write(warehouse, frame(A=["old"]), "RAW", "FRAME")
    lossy = Lossy(warehouse, [False, False], error=WarehouseError)
    with pytest.raises(WarehouseError):
        write(lossy, frame(A=["x"]), "RAW", "FRAME", overwrite=True)
    assert lossy.landed == [False]
    assert rows(reader) == [("old",)]


def test_a_reader_sees_the_old_rows_until_the_commit(warehouse, reader):
    """All of them, and none of the new: also of those that are kept aside."""
    typed_table(warehouse, "NUMBER(5,2)")
    write(warehouse, numbered("1.5", "2.5"), "RAW", "FRAME")
    seen = []
    lossy = Lossy(warehouse, looks=lambda: seen.append(rows(reader)))
    write(lossy, numbered("3.5", "wrong"), "RAW", "FRAME", overwrite=True)
    assert seen == [[(0, Decimal("1.50")), (1, Decimal("2.50"))]]
    assert rows(reader) == [(0, Decimal("3.50"))]


def test_what_hangs_on_a_table_stays_with_an_overwrite(warehouse, session):
    """A view, and the columns' own defaults."""
    name, view = session.name(REF), session.name(TableRef("RAW", "SEEN"))
    session.execute(f'CREATE TABLE {name} ("A" VARCHAR, "B" VARCHAR DEFAULT \'d\')')
    session.execute(f'CREATE VIEW {view} AS SELECT "A" FROM {name}')
    write(warehouse, frame(A=["x"]), "RAW", "FRAME", overwrite=True)
    assert session.query(f"SELECT * FROM {view}") == [("x",)]
    assert rows(session) == [("x", "d")]


@pytest.mark.parametrize("overwrite", [True, False])
def test_several_threads_write_with_one_session(warehouse, reader, overwrite):
    """Also where none of them finds the table; each write is whole."""
    frames = [frame(A=[at] * 500) for at in range(6)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [
            pool.submit(write, warehouse, df, "RAW", "FRAME", overwrite=overwrite)
            for df in frames
        ]
        assert sum(job.result().rows for job in jobs) == 3000
    found = [value for (value,) in rows(reader)]
    if overwrite:
        assert len(found) == 500
        assert len(set(found)) == 1
    else:
        assert found == [at for at in range(6) for _ in range(500)]


def test_a_write_leaves_nothing_but_its_rows_and_receipt(warehouse, session):
    """And tells what it took."""
    report = write(warehouse, frame(A=range(FULL)), "RAW", "FRAME")
    assert set(report.steps) == {"convert", "check", "stage", "insert", "commit"}
    assert report.size_bytes > 0
    assert report.pages >= 1
    assert report.seconds > 0
    tables = session.query(
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES"
        " WHERE TABLE_SCHEMA IN ('RAW', 'LHT') AND TABLE_TYPE <> 'VIEW'"
    )
    assert {"FRAME", "WRITES"} <= {name for (name,) in tables}
    assert not [name for (name,) in tables if "__LHT_" in name or "frame_" in name]


def test_a_write_is_logged(warehouse, caplog):
    """One line, with what a metric needs; no value."""
    with caplog.at_level(logging.INFO, "lht.util"):
        write(warehouse, frame(A=["secret"]), "RAW", "FRAME")
    assert "event=write write_id=" in caplog.text
    assert "table=RAW.FRAME rows=1 rejected=0 bytes=" in caplog.text
    assert "secret" not in caplog.text
