"""Frames into Snowflake, and files onto its stages, by what is sent there."""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from snowflake.snowpark import FileOperation, Session
from tests.snowflake.fake import Server
from tests.snowflake.statement_rules import Judge, problems
from tests.snowflake.statements import Sent
from tests.snowflake.variants import EXTERNAL_STAGE

from lht.exceptions import ConfigError, WarehouseError, WarehouseUnavailableError
from lht.util.data_writer import write, write_dataframe_to_table
from lht.util.stage import put_csv_content_to_stage, put_dataframe_to_stage
from lht.warehouse import snowflake_open
from lht.warehouse.snowflake import SnowflakeWarehouse
from lht.warehouse.snowflake_open import QUERY_TAG, opened_snowflake
from lht.warehouse.snowflake_statements import LEFTOVER
from lht.warehouse.snowflake_types import slot_of
from lht.warehouse.snowflake_write import value_of

UTC_TEXT = "\"C0\" || ' +00:00', 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'"
FRAME = pd.DataFrame({"Id": ["1", "", None], "x y": ['a"b', "c\nd", "nan"]})
FILE = b'"Id","x y"\n"1","a""b"\n"","c\nd"\n,"nan"\n'
MANY = 30_000  # rows that are not bound to a statement


def tables(session: Session) -> list[tuple[str, str]]:
    found = session.sql(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES"
        " WHERE TABLE_SCHEMA IN ('RAW', 'LHT', 'PUBLIC')"
    ).collect()
    return sorted((row[0], row[1]) for row in found)


def values(server: Server, database: str, query: str) -> list[tuple[Any, ...]]:
    """Read past the connector."""
    duck = server.duck(database)
    return duck.execute(query).fetchall()


def sent(server: Server) -> list[Sent]:
    """Return what we have sent, not what the test has."""
    statements = [Sent.of(statement) for statement in server.statements]
    return [s for s in statements if s.query_tag == QUERY_TAG]


def test_types_of_snowflake_take_their_values(snowpark, snowflake_server, database):
    """Documents, short texts, numbers: as they are declared."""
    df = pd.DataFrame(
        {
            "Id": ["1", "2"],
            "Doc": pd.Series([{"a": 1}, [1]], dtype=object),
            "Short": ["abc", "abcd"],
            "Tiny": [1.0, 2.0],
        }
    )
    types = {"Doc": "VARIANT", "Short": "varchar(3)", "Tiny": "INT"}
    report = write(snowpark, df, "RAW", "TYPED", types=types)
    assert (report.rows, report.rejected) == (1, 1)
    declared = [column.sql_type for column in report.columns]
    assert declared == ["VARCHAR", "VARIANT", "VARCHAR(3)", "NUMBER(38,0)"]
    query = 'SELECT "ID", "DOC"->>\'a\', "SHORT", "TINY" FROM RAW."TYPED"'
    assert values(snowflake_server, database, query) == [("1", "1", "abc", 1)]


@pytest.mark.parametrize(
    ("kind", "expression"),
    [
        ("VARCHAR", 'SUBSTR("C0", 2)'),
        ("VARCHAR(3)", 'SUBSTR("C0", 2)'),
        ("NUMBER(5,2)", '"C0"::NUMBER(5,2)'),
        ("DATETIME", "TO_TIMESTAMP_NTZ(\"C0\", 'YYYY-MM-DD HH24:MI:SS.FF9')"),
        ("TIMESTAMP_TZ(3)", f"TO_TIMESTAMP_TZ({UTC_TEXT})::TIMESTAMP_TZ(3)"),
        ("TIMESTAMP_LTZ", f"TO_TIMESTAMP_TZ({UTC_TEXT})::TIMESTAMP_LTZ"),
        ("TIME", "TO_TIME(\"C0\", 'HH24:MI:SS.FF9')::TIME"),
        ("BINARY", "TO_BINARY(SUBSTR(\"C0\", 2), 'HEX')"),
        ("VARIANT", 'PARSE_JSON("C0")'),
        ("ARRAY", 'PARSE_JSON("C0")::ARRAY'),
        ("GEOGRAPHY", 'SUBSTR("C0", 2)::GEOGRAPHY'),
    ],
)
def test_a_text_is_read_by_a_format_of_its_own(kind, expression):
    """No parameter of a session, its time zone neither, has a part in it."""
    assert value_of('"C0"', slot_of("A", kind)) == expression


@pytest.mark.parametrize("count", [3, MANY])
def test_a_write_is_one_transaction_and_leaves_nothing(
    snowpark, snowflake_server, count
):
    """What it sends is what Snowflake takes; rows and receipt come together."""
    df = pd.DataFrame({"A": range(count), "B": ["x"] * count})
    for _ in range(2):
        snowflake_server.statements.clear()
        write(snowpark, df, "RAW", "ONE", overwrite=True)
    statements = sent(snowflake_server)
    assert not problems(statements, Judge(tag=QUERY_TAG))
    words = [s.text.split(" ")[0] for s in statements if s.in_transaction]
    assert words == ["SELECT", "INSERT", "INSERT", "COMMIT"]
    assert any(s.text.startswith("PUT") for s in statements) == (count == MANY)
    assert tables(snowpark) == [("LHT", "WRITES"), ("RAW", "ONE")]
    assert snowpark.sql("SHOW STAGES IN DATABASE").collect() == []


@pytest.mark.parametrize(
    "step",
    [
        "^CREATE TEMPORARY TABLE",
        "^PUT",
        "^COPY",
        "^INSERT OVERWRITE",
        'INTO "T[0-9]+"."LHT"."WRITES"',
        "^COMMIT",
    ],
)
def test_a_write_that_fails_leaves_the_old_rows(
    snowpark, snowflake_server, database, step
):
    """At whichever step; and nothing else of it."""
    old = pd.DataFrame({"A": ["old"]})
    write(snowpark, old, "RAW", "ONE")
    snowflake_server.fail(step)
    df = pd.DataFrame({"A": ["new"] * MANY})
    with pytest.raises(WarehouseError):
        write(snowpark, df, "RAW", "ONE", overwrite=True)
    assert values(snowflake_server, database, 'FROM RAW."ONE"') == [("old",)]
    assert tables(snowpark) == [("LHT", "WRITES"), ("RAW", "ONE")]
    assert snowpark.sql("SELECT CURRENT_TRANSACTION()").collect()[0][0] is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_without_an_answer_doubles_no_row(
    snowpark, snowflake_server, database, when
):
    """Whether Snowflake carried it out or not."""
    code = 250001  # of the connector: the connection is gone
    snowflake_server.fail("^COMMIT", code=code, when=when)
    report = write(snowpark, pd.DataFrame({"A": ["x"]}), "RAW", "ONE")
    assert values(snowflake_server, database, 'FROM RAW."ONE"') == [("x",)]
    assert report.attempts == 2


def test_a_lock_of_others_is_waited_for(snowpark, snowflake_server, database):
    """It passes: the write is tried again."""
    text = "Statement has locked table 'ONE' in another transaction"
    write(snowpark, pd.DataFrame({"A": ["old"]}), "RAW", "ONE")
    snowflake_server.fail("^INSERT OVERWRITE", error=text, code=625, times=2)
    report = write(snowpark, pd.DataFrame({"A": ["x"]}), "RAW", "ONE", overwrite=True)
    assert report.attempts == 3
    assert values(snowflake_server, database, 'FROM RAW."ONE"') == [("x",)]


def test_threads_with_one_session_keep_their_transactions_apart(
    snowpark, snowflake_server, database
):
    """A session has one transaction: of two writes, one waits for the other."""
    count, together = 4, threading.Barrier(4, timeout=30)

    def one(at: int) -> bool:
        together.wait()
        df = pd.DataFrame({"A": [at] * 100})
        return write_dataframe_to_table(snowpark, df, "RAW", f"T{at % 2}")

    with ThreadPoolExecutor(count) as pool:
        assert all(pool.map(one, range(count)))
    for at in (0, 1):
        query = f'SELECT "A", count(*) FROM RAW."T{at}" GROUP BY 1 ORDER BY 1'
        expected = [(at, 100), (at + 2, 100)]
        assert values(snowflake_server, database, query) == expected
    assert not problems(sent(snowflake_server), Judge(tag=QUERY_TAG))


@contextmanager
def in_a_procedure(server: Server, database: str) -> Iterator[Any]:
    """With its owner's rights nothing is temporary; files go through Snowpark."""
    session = server.session(database)
    server.owners_rights = True
    try:
        with opened_snowflake(session) as opened:
            yield SnowflakeWarehouse(replace(opened, in_procedure=True))
    finally:
        server.owners_rights = False
        session.close()


@contextmanager
def without_autocommit(server: Server, database: str) -> Iterator[Any]:
    with closing(server.connection(database, autocommit=False)) as connection:
        yield connection


@contextmanager
def with_values_in_the_text(server: Server, database: str) -> Iterator[Any]:
    with closing(server.connection(database, paramstyle="pyformat")) as connection:
        yield connection


@pytest.mark.parametrize("count", [3, MANY])
@pytest.mark.parametrize(
    "opening", [in_a_procedure, without_autocommit, with_values_in_the_text]
)
def test_frames_go_wherever_a_session_is(snowflake_server, database, opening, count):
    """The same rows, and what did not fit; no table of ours stays."""
    texts = ["100 %s o'clock \\", None, "?"] * (count // 3)
    df = pd.DataFrame({"A": range(count), "B": texts})
    with opening(snowflake_server, database) as session:
        for _ in range(2):
            write(session, df, "RAW", "ONE", types={"A": "NUMBER(4,0)"}, overwrite=True)
    query = 'SELECT count(*), min("B"), count("B") FROM RAW."ONE"'
    fitting = min(count, 10_000)
    kept = 'SELECT count(*) FROM RAW."ONE_REJECTED"' if count > fitting else "SELECT 0"
    found = values(snowflake_server, database, query)
    assert found == [(fitting, "100 %s o'clock \\", fitting - fitting // 3)]
    assert values(snowflake_server, database, kept) == [(2 * (count - fitting),)]
    left = "SELECT table_name FROM duckdb_tables() WHERE database_name = ?"
    names = snowflake_server.duck(database).execute(left, [database]).fetchall()
    assert not [name for (name,) in names if LEFTOVER in name]


# -- files onto stages -----------------------------------------------------------------


@pytest.fixture
def stage(snowpark: Session) -> str:
    """A stage of the user's, in the schema that the session is in."""
    snowpark.sql("USE SCHEMA PUBLIC").collect()
    snowpark.sql("CREATE STAGE MINE").collect()
    snowpark.sql("CREATE SCHEMA OTHER").collect()
    snowpark.sql("CREATE STAGE OTHER.THEIRS").collect()
    snowpark.sql("USE SCHEMA PUBLIC").collect()
    return "MINE"


def staged(session: Session, path: str) -> bytes:
    with session.file.get_stream(path) as file:
        return gzip.decompress(file.read())


@pytest.mark.parametrize(
    ("named", "schema", "path"),
    [
        ("MINE", None, "@PUBLIC.MINE/f.csv.gz"),
        ("@mine", None, "@PUBLIC.MINE/f.csv.gz"),
        ("@MINE/a/b", None, "@PUBLIC.MINE/a/b/f.csv.gz"),
        ("THEIRS", "OTHER", "@OTHER.THEIRS/f.csv.gz"),
        ("Other.Theirs/", None, "@OTHER.THEIRS/f.csv.gz"),
        ("@{}.OTHER.THEIRS/a", "PUBLIC", "@OTHER.THEIRS/a/f.csv.gz"),
    ],
)
@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.usefixtures("stage")
def test_a_frame_is_put_onto_the_stage_that_is_named(  # noqa: PLR0917
    snowpark, snowflake_server, database, named, schema, path, streams
):
    """By a stream, or, where none can be had, by a table: the same file."""
    if not streams:
        snowflake_server.fail("^PUT", error=EXTERNAL_STAGE, code=91003)
    before = tables(snowpark)
    name = put_dataframe_to_stage(
        snowpark, named.format(database), FRAME, "f.csv", schema=schema
    )
    assert name == "f.csv.gz"
    assert staged(snowpark, path) == FILE
    assert tables(snowpark) == before
    judge = Judge(tag=QUERY_TAG, own=("Id", "x y"))
    assert not problems(sent(snowflake_server), judge)


def test_content_is_put_as_it_is(snowpark, stage):
    """Over what was there; by a name of its own where none is given."""
    for content in ("a,b\n1,2\n", b"a,b\n3,4\n", gzip.compress(b"a,b\n5,6\n")):
        plain = content if isinstance(content, bytes) else content.encode()
        plain = gzip.decompress(plain) if plain[:2] == b"\x1f\x8b" else plain
        assert (
            put_csv_content_to_stage(snowpark, stage, content, "f.csv.gz") == "f.csv.gz"
        )
        assert staged(snowpark, "@MINE/f.csv.gz") == plain
    names = {put_csv_content_to_stage(snowpark, stage, "a\n1\n") for _ in range(3)}
    assert len(names) == 3
    assert all(name.endswith(".csv.gz") for name in names)


def test_what_is_made_for_a_file_goes_also_when_it_fails(
    snowpark, snowflake_server, stage
):
    """No table stays, and the error is told."""
    before = tables(snowpark)
    snowflake_server.fail("^PUT", error=EXTERNAL_STAGE, code=91003)
    snowflake_server.fail("^COPY INTO '@", error="no unloading", code=1235)
    with pytest.raises(WarehouseError, match="001235"):
        put_dataframe_to_stage(snowpark, stage, FRAME)
    assert tables(snowpark) == before


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (250001, "gone", WarehouseUnavailableError),
        (3001, "insufficient privileges", WarehouseError),
        (91003, "Failure using stage area. Cause: [Access Denied]", WarehouseError),
        (253007, "a compression that is none", WarehouseError),
    ],
)
def test_a_refusal_is_told_and_not_tried_another_way(  # noqa: PLR0917
    snowpark, snowflake_server, stage, code, words, error
):
    """Only where no stream can be had there is another way; nothing is made for it."""
    before = tables(snowpark)
    snowflake_server.statements.clear()
    snowflake_server.fail("^PUT", error=words, code=code)
    with pytest.raises(error, match=f"{code:06d}") as caught:
        put_dataframe_to_stage(snowpark, stage, FRAME)
    assert words in caught.value.why
    assert not [s.text for s in snowflake_server.statements if LEFTOVER in s.text]
    assert tables(snowpark) == before


def test_in_a_procedure_without_streams_a_table_serves(
    snowpark, snowflake_server, stage, monkeypatch
):
    """An old Snowpark inside Snowflake, or a PUT that no procedure may send."""
    snowflake_server.fail("^PUT", error="Unsupported statement type 'PUT_FILES'")
    put_dataframe_to_stage(snowpark, stage, FRAME, "f.csv")
    assert staged(snowpark, "@MINE/f.csv.gz") == FILE
    monkeypatch.setattr(snowflake_open, "in_procedure", lambda: True)
    monkeypatch.delattr(FileOperation, "put_stream")
    put_dataframe_to_stage(snowpark, stage, FRAME, "g.csv")
    assert staged(snowpark, "@MINE/g.csv.gz") == FILE


@pytest.mark.parametrize(
    ("named", "filename", "error"),
    [
        ("NOT_THERE", None, WarehouseError),
        ("no stage", None, ConfigError),
        ("MINE", "a/b.csv", ConfigError),
        ("MINE", "it's.csv", ConfigError),
        ("MINE", "", ConfigError),
    ],
)
@pytest.mark.usefixtures("stage")
def test_names_that_are_none_are_told_of(snowpark, named, filename, error):
    """Before a table is made for the file."""
    before = tables(snowpark)
    with pytest.raises(error) as caught:
        put_csv_content_to_stage(snowpark, named, "a\n1\n", filename)
    assert caught.value.hint
    assert tables(snowpark) == before


@pytest.mark.parametrize("content", ["a,b\n", "a,b\n1\n"])
def test_what_only_a_stream_can_bring_is_told_of(
    snowpark, snowflake_server, stage, content
):
    """Snowflake writes no file of no rows, and only of rows that are a table."""
    snowflake_server.fail("^PUT", error=EXTERNAL_STAGE, code=91003)
    with pytest.raises(ConfigError):
        put_csv_content_to_stage(snowpark, stage, content)
