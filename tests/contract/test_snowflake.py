"""What Snowflake promises beyond the contract: adopted tables, files, names."""

import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa
import pytest
from tests.arriving import Batches
from tests.contract.live import LIVE

from lht import encode
from lht.decode import arrow_schema
from lht.exceptions import (
    ConfigError,
    DataError,
    DuplicateKeyError,
    MissingKeyError,
    RowCountMismatchError,
    SchemaDriftError,
    TargetBusyError,
    UnencodableValueError,
    WarehouseError,
)
from lht.pages import Counted, CsvFile, Page, Pages, header_of
from lht.schema import Column, TableRef, TableSchema
from lht.sync.state import Store
from lht.warehouse.base import LoadCounts, Target, Warehouse
from lht.warehouse.snowflake import SnowflakeSession

pytestmark = pytest.mark.parametrize(
    "connect",
    [pytest.param("snowflake", marks=pytest.mark.snowflake), LIVE],
    indirect=True,
)
T = TypeVar("T", bound=Counted)
REF = TableRef("RAW", "ACCOUNT")
AT = datetime(2024, 1, 15, 10, 30, 0, 7000)
MODES = ("replace", "merge")


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
    session: SnowflakeSession,
    mode: str,
    pages: Pages,
    *,
    schema: TableSchema = SCHEMA,
    ref: TableRef = REF,
    stage: str | None = None,
) -> LoadCounts:
    target = target_of(session, mode, schema=schema, ref=ref, stage=stage)
    with session.load(target, pages) as counts:
        return counts


def target_of(
    session: SnowflakeSession,
    mode: str,
    *,
    schema: TableSchema = SCHEMA,
    ref: TableRef = REF,
    stage: str | None = None,
) -> Target:
    return Target(
        ref=ref,
        table=session.read_table(ref),
        schema=schema,
        key="Id",
        cursor_field="SystemModstamp",
        full=mode == "replace",
        run_id="RUN",
        stage=stage,
    )


def rows_of(
    session: SnowflakeSession, columns: str = "*", ref: TableRef = REF
) -> list[tuple[Any, ...]]:
    found = session.query(f"SELECT {columns} FROM {session.name(ref)}")
    return sorted(found, key=repr)


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[SnowflakeSession]:
    """A session, the schemas for tables and for what is ours being there."""
    with warehouse.session() as opened:
        Store(opened).prepare()
        opened.ensure_schema("RAW")
        yield opened


# -- pages that are files -------------------------------------------------------------


@dataclass(frozen=True)
class FilePage:
    """A page that came as a gzipped CSV file."""

    wire: bytes
    rows: int
    index: int = 0

    @property
    def size_bytes(self) -> int:
        return len(self.wire)

    def decoded(self, schema: TableSchema) -> pa.RecordBatch:
        raise AssertionError(f"a stage takes the file, not {schema}")

    texts = decoded

    def csv_file(self) -> CsvFile:
        return CsvFile(header=header_of(self.wire), wire=self.wire)


class Files:
    """The pages of a load, each a file."""

    def __init__(self, *pages: FilePage) -> None:
        self._pages = pages

    def through(self, read: Callable[[Page], T]) -> Iterator[T]:
        for page in self._pages:
            yield read(page)


def file_of(
    index: int,
    batch: pa.RecordBatch,
    *,
    line_end: str = "\n",
    told: int | None = None,
    header: list[str] | None = None,
) -> FilePage:
    """Write a page as Salesforce does: every value in quotes, none as nothing."""
    texts = encode.texts(batch)
    rows = zip(*(column.to_pylist() for column in texts.columns), strict=True)
    lines = [",".join(map(in_quotes, r)) for r in (header or texts.schema.names, *rows)]
    wire = gzip.compress("".join(line + line_end for line in lines).encode())
    return FilePage(wire, batch.num_rows if told is None else told, index)


def in_quotes(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


TEXTS = (
    "NA",
    "nan",
    "NULL",
    r"\N",
    "ends in a backslash\\",
    "\\",
    "00012",
    'say "hi"',
    '"',
    "one\ntwo\r\nthree\rfour",
    " blanks ",
    "a,b;c\td",
    "\N{GRINNING FACE} Žluťoučký",
    "'; DROP TABLE x --",
    "x" * 40_000,
    None,
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_arrive_as_their_values_do(session, mode, line_end):
    """Not a character is altered between the file and the table, whatever it is."""
    rows = [row(f"{i:02}", f"{i}.05", text) for i, text in enumerate(TEXTS)]
    pages = [
        file_of(0, batch(*rows[:5]), line_end=line_end),
        file_of(1, batch(), line_end=line_end),
        file_of(2, batch(*rows[5:]), line_end=line_end),
    ]
    counts = load(session, mode, Files(*pages))
    assert (counts.staged, counts.inserted, counts.high_water) == (len(rows),) * 2 + (
        AT,
    )
    assert rows_of(session) == [tuple(r.values()) for r in rows]
    counts = load(session, mode, Batches([batch(*rows)]))
    assert (counts.unchanged, counts.updated) == (len(rows), 0)


def test_columns_are_found_by_the_header(session):
    """Salesforce may order columns otherwise than they were asked for."""
    arriving = batch(row("1")).select(
        ["SystemModstamp", "Amount", "Id", "Name"],
    )
    load(session, "replace", Files(file_of(0, arriving)))
    assert rows_of(session) == [("1", "Acme", Decimal("1.50"), AT)]


ONE = batch(row("1"))
BROKEN = {
    "fewer rows": (file_of(0, ONE, told=2), RowCountMismatchError),
    "more rows": (file_of(0, batch(row("1"), row("2")), told=1), RowCountMismatchError),
    "other columns": (
        file_of(0, ONE, header=["Id", "Name", "Amount", "Other"]),
        DataError,
    ),
    "one column less": (file_of(0, ONE.drop_columns(["Name"])), DataError),
    "another order": (
        file_of(1, ONE.select(["Name", "Id", "Amount", "SystemModstamp"])),
        DataError,
    ),
    "a key twice": (file_of(1, batch(row("9"))), DuplicateKeyError),
    "cut short": (
        FilePage(file_of(1, batch(*map(row, map(str, range(99))))).wire[:-20], 99),
        WarehouseError,
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_with_a_file_stops_the_load(session, mode, kind):
    """Nothing moves, nothing is left."""
    broken, error = BROKEN[kind]
    load(session, "replace", Batches([batch(row("0"))]))
    with pytest.raises(error):
        load(session, mode, Files(file_of(7, batch(row("9"))), broken))
    assert rows_of(session, "Id") == [("0",)]
    assert leftovers(session) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_text_that_is_no_value_names_its_field(session, mode):
    """The field is told, the value is not."""
    texts = schema_of(Name="string", Amount="string", SystemModstamp="timestamp")
    arriving = [row("1") | {"Amount": "1.5.0-secret"}]
    page = file_of(0, batch(*arriving, schema=texts))
    with pytest.raises(UnencodableValueError, match="Amount") as caught:
        load(session, mode, Files(page))
    assert "secret" not in f"{caught.value} {caught.value.why}"
    assert session.read_table(REF) is None


# -- stages ---------------------------------------------------------------------------


def catalog(session: SnowflakeSession, view: str) -> str:
    return session.name(TableRef("INFORMATION_SCHEMA", view))


def leftovers(session: SnowflakeSession) -> list[str]:
    """Names of tables and stages that are there for a load only."""
    return [
        name
        for kind in ("TABLE", "STAGE")
        for (name,) in session.query(
            f"SELECT {kind}_NAME FROM {catalog(session, f'{kind}S')}"
        )
        if "__LHT_" in name
    ]


def stage_of(session: SnowflakeSession) -> str:
    name = session.name(TableRef("RAW", "MINE"))
    session.execute(f"CREATE STAGE {name} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    return name


@pytest.mark.parametrize(
    "written", ["mine", "@raw.mine", '@"RAW"."MINE"/', "MINE/in/here"]
)
def test_a_stage_of_the_caller_s_is_tidied_up(session, written):
    """Our files are in a folder of their own in it, and gone afterwards."""
    stage = stage_of(session)
    with session._house.opened.connection.cursor() as cursor:
        cursor.execute(
            f"PUT 'file:///lht/page-000000.csv.gz' '@{stage}/in/here/'"
            " SOURCE_COMPRESSION = GZIP AUTO_COMPRESS = FALSE",
            file_stream=io.BytesIO(file_of(0, batch(row("9"))).wire),
        )
    before = session.query(f"LIST @{stage}")
    load(session, "replace", Files(file_of(0, ONE)), stage=written)
    assert rows_of(session, "Id") == [("1",)]
    with pytest.raises(RowCountMismatchError):
        load(session, "replace", Files(file_of(0, ONE, told=3)), stage=written)
    assert session.query(f"LIST @{stage}") == before
    assert len(before) == 1


@pytest.mark.parametrize("written", ["other", "LHT.MINE", '"mine"', "not a stage"])
def test_a_stage_that_is_not_there_is_a_setting_to_mend(session, written):
    """Nothing is loaded through another one instead."""
    stage_of(session)
    with pytest.raises(ConfigError) as caught:
        load(session, "replace", Files(file_of(0, ONE)), stage=written)
    assert caught.value.hint
    assert session.read_table(REF) is None


def test_what_dead_runs_left_is_dropped(session):
    """What live ones work with stays, and so does what only looks alike."""
    for name in ("STAGING__LHT_DEAD_1", "STAGING__LHT_ALIVE_1", "STAGING_LHT_DEAD"):
        session.execute(
            f"CREATE TABLE {session.name(TableRef('LHT', name))} (A INTEGER)"
        )
    for name in ("STAGE__LHT_DEAD_2", "STAGE__LHT_ALIVE_2"):
        session.execute(f"CREATE STAGE {session.name(TableRef('LHT', name))}")
    session.drop_leftovers("RAW", lambda: {"ALIVE"})
    assert leftovers(session) == ["STAGING__LHT_ALIVE_1", "STAGE__LHT_ALIVE_2"]
    assert session.read_table(TableRef("LHT", "STAGING_LHT_DEAD")) is not None


# -- what hangs on a table ------------------------------------------------------------

BODY = (
    "ID VARCHAR NOT NULL, NAME VARCHAR(255) COMMENT 'as people say',"
    " AMOUNT NUMBER(38,2) COMMENT 'in euro, who''s asking', NOTE VARCHAR DEFAULT 'new',"
    " SYSTEMMODSTAMP TIMESTAMP_NTZ, SCORE INTEGER NOT NULL DEFAULT 7,"
    " PRIMARY KEY (ID)"
)


def shape(session: SnowflakeSession) -> list[Any]:
    """All that hangs on the table but the types of its columns."""
    where = "WHERE TABLE_SCHEMA = 'RAW' AND TABLE_NAME = 'ACCOUNT'"
    return [
        session.query(f"SELECT {columns} FROM {catalog(session, view)} {where}{order}")
        for view, columns, order in (
            ("TABLES", "TABLE_TYPE, IS_TRANSIENT, COMMENT", ""),
            (
                "COLUMNS",
                "COLUMN_NAME, IS_NULLABLE, COLUMN_DEFAULT, COMMENT",
                " ORDER BY ORDINAL_POSITION",
            ),
        )
    ]


@pytest.mark.parametrize("widening", [False, True], ids=["same types", "widening"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["TABLE", "TRANSIENT TABLE"])
def test_what_hangs_on_a_table_stays(session, kind, mode, widening):
    """Defaults, comments, NOT NULL, views and places of columns survive every load."""
    name, view = session.name(REF), session.name(TableRef("RAW", "BIG"))
    session.execute(f"CREATE {kind} {name} ({BODY}) COMMENT = 'all of them'")
    session.execute(f"CREATE VIEW {view} AS SELECT ID, AMOUNT, NOTE FROM {name}")
    load(session, "merge", Batches([batch(row("1"), row("3"))]))
    session.execute(f"UPDATE {name} SET NOTE = 'mine' WHERE ID = '3'")
    before = shape(session)
    last = row("3", "0.12345" if widening else "7.00")
    batches = [batch(row("1", "2.00"), row("10")), (wide if widening else batch)(last)]
    load(session, mode, Batches(batches))
    assert shape(session) == before
    assert session.query(f"SELECT * FROM {view} ORDER BY ID") == [
        ("1", Decimal("2.00"), "new"),
        ("10", Decimal("1.50"), "new"),
        ("3", last["Amount"], "mine"),
    ]
    assert leftovers(session) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_number_that_snowflake_draws_is_kept(session, mode):
    """A row that stays keeps its number; a new one draws its own."""
    body = "NUMBER INTEGER AUTOINCREMENT, ID VARCHAR, NAME VARCHAR, AMOUNT NUMBER(38,2)"
    session.execute(
        f"CREATE TABLE {session.name(REF)} ({body}, SYSTEMMODSTAMP TIMESTAMP_NTZ)"
    )
    load(session, "merge", Batches([ONE]))
    before = rows_of(session, "ID, NUMBER")
    load(session, mode, Batches([batch(row("1", "7.00"), row("2"))]))
    assert before[0] in rows_of(session, "ID, NUMBER")
    assert len(set(rows_of(session, "NUMBER"))) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_protected_table_is_not_rebuilt(request, snowflake_server, session, mode):
    """A copy would have what the role may see, and no policy: nothing is done."""
    if request.node.get_closest_marker("live"):
        pytest.skip("test_open_points asks it with a policy of the account")
    load(session, mode, Batches([ONE]))
    name = session.name(REF)
    snowflake_server.protected.add(name)
    try:
        with pytest.raises(SchemaDriftError, match="Amount") as caught:
            load(session, mode, Batches([wide(row("1", "0.12345"))]))
    finally:
        snowflake_server.protected.remove(name)
    assert "policy" in caught.value.why
    assert [r[0] for r in rows_of(session, "ID")] == ["1"]
    assert leftovers(session) == []


def test_what_others_write_while_a_table_is_rebuilt_is_not_lost(session, reader):
    """The copy is given up: a swap would take their rows away."""
    load(session, "merge", Batches([ONE]))
    run = type(session)._run

    def meanwhile(self, statement, parameters=(), *, many=False):
        found = run(self, statement, parameters, many=many)
        if statement.startswith("INSERT INTO") and "REBUILT__LHT_" in statement:
            run(reader, f"INSERT INTO {session.name(REF)} (ID) VALUES ('theirs')")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(session), "_run", meanwhile)
        with pytest.raises(TargetBusyError, match="others wrote"):
            load(session, "merge", Batches([wide(row("1", "0.12345"))]))
    assert {r[0] for r in rows_of(session, "ID")} == {"1", "theirs"}
    assert leftovers(session) == []


def test_a_run_that_lost_its_lease_swaps_nothing_in(session):
    """What its successor has loaded stays."""
    load(session, "merge", Batches([ONE]))

    def lost() -> None:
        raise TargetBusyError("the lease was lost", target_table=str(REF))

    wanted = replace(target_of(session, "merge"), still_ours=lost)
    wider = Batches([wide(row("1", "0.12345"))])
    with pytest.raises(TargetBusyError), session.load(wanted, wider):
        pass
    assert rows_of(session, "ID, AMOUNT") == [("1", Decimal("1.50"))]
    assert leftovers(session) == []


# -- tables that lht did not make -----------------------------------------------------

# What a column was, what was in it, the field's type, and what is read afterwards.
INSTANT = "'2024-01-15T05:30:00.007-05:00'::TIMESTAMP_TZ"
ADOPTED = (
    ("VARCHAR(40)", "'text'", "string", "text"),
    ("VARCHAR", "'2024-01-15'", "date", date(2024, 1, 15)),
    ("VARCHAR", "'2024-01-15T10:30:00.007Z'", "timestamp", AT),
    ("VARCHAR", "'2024-01-15T10:30:00.007+0000'", "timestamp", AT),
    ("VARCHAR", "'true'", "bool", True),
    ("VARCHAR(10)", "'1.2345E3'", "decimal(38,2)", Decimal("1234.50")),
    ("NUMBER(9,0)", "60", "int64", 60),
    ("NUMBER(9,0)", "60", "decimal(38,2)", Decimal(60)),
    ("NUMBER(38,0)", "60", "string", "60"),
    ("NUMBER(18,2)", "0.30", "decimal(38,2)", Decimal("0.30")),
    ("NUMBER(18,6)", "0.125", "decimal(38,2)", Decimal("0.125")),
    ("NUMBER(18,2)", "0.30", "double", 0.3),
    ("NUMBER(18,2)", "60.00", "int64", 60),
    ("FLOAT", "0.1", "decimal(38,2)", 0.1),
    ("FLOAT", "60.0", "int64", 60),
    ("TIMESTAMP_NTZ", "'2024-01-15 10:30:00.007'", "timestamp", AT),
    ("TIMESTAMP_TZ", INSTANT, "timestamp", AT),
    ("TIMESTAMP_LTZ", INSTANT, "timestamp", AT),
    ("DATE", "'2024-01-15'", "timestamp", datetime(2024, 1, 15)),
    ("TIMESTAMP_NTZ", "'2024-01-15'", "date", date(2024, 1, 15)),
    ("BOOLEAN", "TRUE", "bool", True),
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("quoted", [False, True], ids=["upper", "as spelt"])
def test_columns_of_other_types_become_ours(session, mode, quoted):
    """An adopted column gets our type and keeps each value, or widens for it."""
    mark = '"' if quoted else ""
    fields = {f"Field{i}__c": kind for i, (_, _, kind, _) in enumerate(ADOPTED)}
    names = [f"{mark}{name}{mark}" for name in ("Id", *fields)]
    kinds = ["VARCHAR", *(had for had, *_ in ADOPTED)]
    body = ", ".join(map(" ".join, zip(names, kinds, strict=True)))
    table, values = session.name(REF), ", ".join(v for _, v, _, _ in ADOPTED)
    nothing = ", ".join("NULL" for _ in ADOPTED)
    session.execute(f"CREATE TABLE {table} ({body})")
    session.execute(f"INSERT INTO {table} SELECT '1', {values}")
    session.execute(f"INSERT INTO {table} SELECT '2', {nothing}")
    schema = schema_of(**fields)
    adopted = session.read_table(REF)
    told = {change.column for change in session.misfits(adopted, schema)}
    nulls = batch({"Id": "2"}, schema=schema)
    counts = load(session, mode, Batches([nulls]), schema=schema)
    assert (counts.unchanged, counts.inserted) == (1, 0)
    info = session.read_table(REF)
    assert [c.name for c in info.columns] == [
        n if quoted else n.upper() for n in ("Id", *fields)
    ]
    assert session.misfits(info, schema) == []
    kept = [("1", *(value for *_, value in ADOPTED))] if mode == "merge" else []
    assert rows_of(session) == [*kept, ("2", *(None for _ in ADOPTED))]
    assert told == {
        name
        for name in fields
        if adopted.column(name).sql_type != info.column(name).sql_type
    }


@pytest.mark.parametrize(
    ("had", "stored", "kind"),
    [
        ("VARCHAR", "'1.5.0'", "decimal(38,2)"),
        ("VARCHAR", "'3.5'", "int64"),
        ("VARCHAR", "'soon'", "timestamp"),
        ("VARCHAR", "'1705314600'", "timestamp"),
        ("VARCHAR", "'2024-01-15T10:30:00'", "date"),
        ("FLOAT", "3.5", "int64"),
        ("NUMBER(18,2)", "3.50", "int64"),
        ("TIMESTAMP_NTZ", "'2024-01-15 10:30:00'", "date"),
        ("VARCHAR", "'yes'", "bool"),
    ],
)
def test_no_value_is_altered_by_a_change_of_type(session, had, stored, kind):
    """Where our type cannot hold an old value, a human decides and nothing moves."""
    name = session.name(REF)
    session.execute(f"CREATE TABLE {name} (ID VARCHAR, F {had})")
    session.execute(f"INSERT INTO {name} SELECT '1', {stored}")
    before, table = rows_of(session), session.read_table(REF)
    with pytest.raises(SchemaDriftError, match="F ") as caught:
        load(session, "merge", Batches([]), schema=schema_of(F=kind))
    assert stored.strip("'") not in f"{caught.value} {caught.value.why}"
    assert (rows_of(session), session.read_table(REF)) == (before, table)
    assert leftovers(session) == []


# -- names ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_users_columns_may_have_any_name(session, mode):
    """No name that our own statements use is taken from them."""
    names = ["K", "T0", "N0", "t", "s", "FRESH", "EQUAL", "HELD", "KEYS", "MATCHED"]
    names += ["ORDER", "select", 'a "b"', "__LHT_", "%s", "?", "B C"]
    marked = ['"' + name.replace('"', '""') + '"' for name in names]
    body = ", ".join(f"{name} VARCHAR DEFAULT 'mine'" for name in marked)
    session.create_table(REF, SCHEMA)
    session.execute(f"DROP TABLE {session.name(REF)}")
    session.execute(
        f"CREATE TABLE {session.name(REF)} ({body}, ID VARCHAR, NAME VARCHAR,"
        " AMOUNT NUMBER(38,2), SYSTEMMODSTAMP TIMESTAMP_NTZ)"
    )
    for amount in ("1.50", "2.50", "0.12345"):
        load(session, mode, Batches([wide(row("1", amount), row(amount))]))
    kept = rows_of(session, ", ".join(marked))
    assert set(kept) == {("mine",) * len(names)}
    assert dict(rows_of(session, "ID, AMOUNT"))["1"] == Decimal("0.12345")


@pytest.mark.parametrize("mode", MODES)
def test_fields_may_have_any_name(session, mode):
    """Also those that our own statements give to what they count."""
    numbers = dict.fromkeys(["K", "T1", "N2"], Decimal("1.50"))
    texts = dict.fromkeys(["Fresh", "Equal", "Held", "Keys", "Matched", "Order"], "a")
    schema = schema_of(
        **dict.fromkeys(numbers, "decimal(38,2)"), **dict.fromkeys(texts, "string")
    )
    arriving = {"Id": "1", **numbers, **texts}
    for _ in range(2):
        load(session, mode, Batches([batch(arriving, schema=schema)]), schema=schema)
    assert rows_of(session) == [tuple(arriving.values())]


@pytest.mark.parametrize("name", ["ORDER", "T", "S", 'A "B" c', "PER CENT %s ?"])
def test_a_target_may_have_any_name(session, name):
    """It is quoted wherever it is named."""
    ref = TableRef("RAW", name)
    for mode in (*MODES, *MODES):
        load(session, mode, Batches([wide(row("1"))]), ref=ref)
    assert rows_of(session, "ID", ref) == [("1",)]
    assert session.read_table(ref).rows == 1


def test_a_view_is_no_target(session):
    """That is told before anything is done."""
    session.execute(f"CREATE VIEW {session.name(REF)} AS SELECT '1' AS ID")
    with pytest.raises(ConfigError, match="view"):
        session.read_table(REF)


def test_a_table_of_one_name_elsewhere_is_another(session):
    """Other schemas of the database do not mix in."""
    elsewhere = session.name(TableRef("PUBLIC", "ACCOUNT"))
    session.execute(f"CREATE TABLE {elsewhere} (ELSEWHERE INTEGER)")
    assert session.read_table(REF) is None
    assert not session.has_table(REF)
    load(session, "merge", Batches([ONE]))
    names = [c.name for c in session.read_table(REF).columns]
    assert names == ["ID", "NAME", "AMOUNT", "SYSTEMMODSTAMP"]


def test_a_table_whose_key_is_gone_is_not_touched(session):
    """Rows could not be matched any more."""
    load(session, "merge", Batches([ONE]))
    session.execute(f"ALTER TABLE {session.name(REF)} RENAME COLUMN ID TO ID_OLD")
    with pytest.raises(MissingKeyError):
        session.check_key(REF, "Id")
    assert rows_of(session, "ID_OLD") == [("1",)]
