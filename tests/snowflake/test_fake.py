"""The fake Snowflake does what Snowflake does, and refuses what it refuses.

Everything here goes through a real Snowpark session or connector connection. The facts
are those of Snowflake's documentation; where the fake cannot follow, it says so.
"""

import datetime as dt
import gzip
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import Error, ProgrammingError
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkSQLException
from tests.snowflake.fake import Server, running

CSV = (
    "FILE_FORMAT=(TYPE=CSV COMPRESSION=GZIP SKIP_HEADER=1 "
    "FIELD_OPTIONALLY_ENCLOSED_BY='\"' ESCAPE_UNENCLOSED_FIELD=NONE "
    "NULL_IF=('') EMPTY_FIELD_AS_NULL=TRUE) ON_ERROR=ABORT_STATEMENT"
)


class Client:
    """A connection, and one cursor of it: a statement in, rows out."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.cursor = connection.cursor()

    def __call__(self, sql: str, *values: Any, **options: Any) -> list[tuple[Any, ...]]:
        self.cursor.execute(sql, values or None, **options)
        return list(self.cursor.fetchall())

    def one(self, sql: str, *values: Any) -> Any:
        [row] = self(sql, *values)
        return row[0] if len(row) == 1 else row

    def fails(self, sql: str, *values: Any, says: str, code: int | None = None) -> None:
        with pytest.raises(Error, match=says) as caught:
            self(sql, *values)
        assert code in {None, caught.value.errno}

    def put(self, content: bytes, path: str, **options: Any) -> str:
        """Stage bytes under ``stage/folder/name``, and say the status."""
        folder, name = path.rsplit("/", 1)
        given = {"SOURCE_COMPRESSION": "GZIP", "AUTO_COMPRESS": "FALSE"}
        said = " ".join(f"{key}={value}" for key, value in (given | options).items())
        sql = f"PUT 'file:///placeholder/{name}' '@{folder}/' {said}"
        [row] = self(sql, file_stream=io.BytesIO(content))
        return str(row[6])


@pytest.fixture
def db(snowflake_server: Server, database: str) -> Iterator[Client]:
    """A connection whose current database is empty, with schema PUBLIC."""
    with snowflake_server.connection(database) as connection:
        yield Client(connection)


@pytest.fixture
def other(snowflake_server: Server, database: str) -> Iterator[Client]:
    """A second session on the same database."""
    with snowflake_server.connection(database) as connection:
        yield Client(connection)


# -- sessions --------------------------------------------------------------------------


def test_a_snowpark_session_knows_where_it_is(snowpark: Session, database: str):
    [row] = snowpark.sql("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()").collect()
    assert tuple(row) == (database, "PUBLIC")
    assert row.as_dict().keys() == {"CURRENT_DATABASE()", "CURRENT_SCHEMA()"}


def test_the_context_of_a_session_can_be_asked_for(db: Client):
    names = "ROLE WAREHOUSE ACCOUNT_NAME ORGANIZATION_NAME USER"
    asked = ", ".join(f"CURRENT_{name}()" for name in names.split())
    assert all(db.one(f"SELECT {asked}"))


def test_current_transaction_is_null_outside_one(db: Client):
    assert db.one("SELECT CURRENT_TRANSACTION()") is None
    db("BEGIN")
    assert db.one("SELECT CURRENT_TRANSACTION()").isdigit()
    db("ROLLBACK")
    assert db.one("SELECT CURRENT_TRANSACTION()") is None


def test_another_process_can_connect(snowflake_server: Server, database: str):
    options = snowflake_server.connect_options(database=database)
    code = (
        "import snowflake.connector\n"
        f"with snowflake.connector.connect(**{options!r}) as connection:\n"
        "    cursor = connection.cursor().execute('SELECT CURRENT_DATABASE()')\n"
        "    print(cursor.fetchone()[0])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == database


def test_a_database_is_made_and_dropped(db: Client):
    """A new one is the current one, with its PUBLIC; once it is gone there is none."""
    where = "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()"
    db('CREATE DATABASE "OF A TEST"')
    assert db.one(where) == ("OF A TEST", "PUBLIC")
    db("CREATE TABLE T (A INTEGER)")
    db('DROP DATABASE "OF A TEST"')
    assert db.one(where) == (None, None)
    db.fails('DROP DATABASE "OF A TEST"', says="does not exist", code=2003)
    db('DROP DATABASE IF EXISTS "OF A TEST"')


def test_a_new_schema_is_the_current_one(db: Client, database: str):
    db(f'CREATE SCHEMA IF NOT EXISTS "{database}"."RAW"')
    assert db.one("SELECT CURRENT_SCHEMA()") == "RAW"
    db(f'USE SCHEMA "{database}"."PUBLIC"')
    assert db.one("SELECT CURRENT_SCHEMA()") == "PUBLIC"
    db.fails("USE SCHEMA NOWHERE", says="does not exist", code=2003)


def test_a_session_of_no_database_wants_full_names(snowflake_server: Server):
    with snowflake_server.connection() as connection:
        client = Client(connection)
        assert client.one("SELECT CURRENT_DATABASE()") is None
        client.fails("SELECT * FROM T", says="current database", code=90105)


def test_statements_are_remembered_as_they_arrived(
    snowflake_server: Server, snowpark: Session
):
    snowpark.sql("BEGIN").collect()
    snowpark.sql("SELECT ?", params=[1]).collect(statement_params={"QUERY_TAG": "lht"})
    snowpark.sql("ROLLBACK").collect()
    first, second, third = snowflake_server.statements
    assert (first.text, first.in_transaction) == ("BEGIN", False)
    assert (second.in_transaction, second.query_tag, second.binds) == (True, "lht", 1)
    assert first.session == second.session == third.session


def test_a_tag_of_the_session_is_on_its_statements(
    snowflake_server: Server, snowpark: Session
):
    snowpark.query_tag = "nightly"
    snowpark.sql("SELECT 1").collect()
    assert snowflake_server.statements[-1].query_tag == "nightly"


# -- faults ----------------------------------------------------------------------------


def test_a_statement_can_be_made_to_fail_before_and_after(
    snowflake_server: Server, db: Client
):
    db("CREATE TABLE T (A INT)")
    snowflake_server.fail("insert into t", error="out of luck", code=604)
    db.fails("INSERT INTO T VALUES (1)", says="out of luck", code=604)
    assert db.one("SELECT COUNT(*) FROM T") == 0
    snowflake_server.fail("insert into t", when="after")
    db.fails("INSERT INTO T VALUES (1)", says="aborted")
    assert db.one("SELECT COUNT(*) FROM T") == 1


def test_the_answer_of_a_commit_can_be_lost(snowflake_server: Server, database: str):
    with snowflake_server.connection(database, network_timeout=1) as connection:
        client = Client(connection)
        client("CREATE TABLE T (A INT)")
        client("BEGIN")
        client("INSERT INTO T VALUES (1)")
        snowflake_server.fail("^commit", when="drop")
        with pytest.raises(Error):
            client("COMMIT")
        assert client.one("SELECT COUNT(*) FROM T") == 1
    commits = [s for s in snowflake_server.statements if s.text == "COMMIT"]
    assert len(commits) == 1


# -- transactions ----------------------------------------------------------------------


def test_what_is_not_committed_is_seen_by_nobody_else(
    snowflake_server: Server, db: Client, other: Client, database: str
):
    db("CREATE TABLE T (A INT)")
    db("BEGIN")
    db("INSERT INTO T VALUES (1)")
    assert db.one("SELECT COUNT(*) FROM T") == 1
    assert other.one("SELECT COUNT(*) FROM T") == 0
    db("COMMIT")
    assert other.one("SELECT COUNT(*) FROM T") == 1
    assert snowflake_server.duck(database).execute(
        "SELECT * FROM PUBLIC.T"
    ).fetchall() == [(1,)]


def test_a_transaction_reads_what_others_committed_since_it_began(
    db: Client, other: Client
):
    db("CREATE TABLE T (A INT)")
    db("BEGIN")
    assert db.one("SELECT COUNT(*) FROM T") == 0
    other("INSERT INTO T VALUES (1)")
    assert db.one("SELECT COUNT(*) FROM T") == 1


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TEMPORARY TABLE X (A INT)",
        "CREATE TABLE X (A INT)",
        "CREATE TEMPORARY STAGE X",
        "ALTER TABLE T ADD COLUMN B INT",
        "DROP TABLE IF EXISTS X",
        "CREATE SCHEMA IF NOT EXISTS PUBLIC",
        "COMMENT ON TABLE T IS 'x'",
    ],
)
def test_every_ddl_commits_the_open_transaction(db: Client, ddl: str):
    db("CREATE TABLE T (A INT)")
    db("BEGIN")
    db("INSERT INTO T VALUES (1)")
    db(ddl)
    assert db.one("SELECT CURRENT_TRANSACTION()") is None
    db("ROLLBACK")
    assert db.one("SELECT COUNT(*) FROM T") == 1


def test_a_failed_statement_does_not_end_the_transaction(db: Client):
    db("CREATE TABLE T (A INT)")
    db("BEGIN")
    db("INSERT INTO T VALUES (1)")
    db.fails("INSERT INTO T VALUES ('x')", says="not recognized", code=100038)
    db("INSERT INTO T VALUES (2)")
    db.fails("SELECT 'x'::NUMBER FROM T", says="not recognized", code=100038)
    assert db.one("SELECT LISTAGG(A, ',') FROM T") == "1,2"
    db.fails("SELECT * FROM NOWHERE", says="does not exist")
    db("COMMIT")
    assert db.one("SELECT COUNT(*) FROM T") == 2


def test_begin_twice_and_ends_without_a_beginning_are_let_pass(db: Client):
    db("CREATE TABLE T (A INT)")
    for sql in ("COMMIT", "ROLLBACK", "BEGIN"):
        db(sql)
    db("INSERT INTO T VALUES (1)")
    db("BEGIN TRANSACTION")
    db("ROLLBACK")
    assert db.one("SELECT COUNT(*) FROM T") == 0


def test_truncate_is_part_of_the_transaction(db: Client):
    db("CREATE TABLE T AS SELECT 1 AS A")
    db("BEGIN")
    db("TRUNCATE TABLE T")
    assert db.one("SELECT COUNT(*) FROM T") == 0
    db("ROLLBACK")
    assert db.one("SELECT COUNT(*) FROM T") == 1


def test_without_autocommit_a_change_waits_for_its_commit(
    snowflake_server: Server, database: str, db: Client
):
    db("CREATE TABLE T (A INT)")
    with snowflake_server.connection(database, autocommit=False) as connection:
        client = Client(connection)
        client("INSERT INTO T VALUES (1)")
        assert db.one("SELECT COUNT(*) FROM T") == 0
        connection.commit()
        assert db.one("SELECT COUNT(*) FROM T") == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE T SET A = A + 1",
        "DELETE FROM T WHERE A = 2",
        "MERGE INTO T USING (SELECT 2 AS A) S ON T.A = S.A WHEN MATCHED THEN DELETE",
    ],
)
def test_changes_of_rows_wait_for_one_another(db: Client, other: Client, change: str):
    db("CREATE TABLE T AS SELECT 1 AS A UNION ALL SELECT 2")
    db("BEGIN")
    db("DELETE FROM T WHERE A = 1")
    waiting = threading.Thread(target=other, args=(change,))
    waiting.start()
    waiting.join(timeout=0.2)
    assert waiting.is_alive()
    db("COMMIT")
    waiting.join(timeout=5)
    assert not waiting.is_alive()
    assert db("SELECT A FROM T") == ([(3,)] if change.startswith("UPDATE") else [])


def test_who_waits_too_long_is_told():
    with running(lock_timeout=0.1) as server:
        name = server.database()
        with server.connection(name) as one, server.connection(name) as two:
            first, second = Client(one), Client(two)
            first("CREATE TABLE T AS SELECT 1 AS A")
            first("BEGIN")
            first("UPDATE T SET A = 2")
            second.fails("UPDATE T SET A = 3", says="locked table 'T'", code=625)
            second("INSERT INTO T VALUES (4)")
            first("ROLLBACK")
            second("UPDATE T SET A = 3")


# -- names, tables, columns ------------------------------------------------------------


def test_temporary_tables_and_stages_are_their_sessions_own(
    snowflake_server: Server, database: str, other: Client
):
    other("CREATE TABLE T AS SELECT 'permanent' AS A")
    with snowflake_server.connection(database) as connection:
        client = Client(connection)
        client("CREATE TEMPORARY TABLE T AS SELECT 'temporary' AS A")
        client("CREATE TEMPORARY STAGE S")
        assert client.one("SELECT T.A FROM PUBLIC.T") == "temporary"
        kinds = client(
            "SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'"
        )
        assert sorted(kinds) == [("BASE TABLE",), ("LOCAL TEMPORARY",)]
        assert other.one("SELECT A FROM T") == "permanent"
        other.fails("LIST @S", says="does not exist", code=2003)
    assert other.one("SELECT A FROM T") == "permanent"
    assert other("SHOW STAGES LIKE 'S'") == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TEMPORARY TABLE X (A INT)",
        "CREATE TEMP STAGE X",
        "ALTER SESSION SET QUERY_TAG = 'x'",
        "USE SCHEMA PUBLIC",
        "SHOW PARAMETERS LIKE 'QUERY_TAG'",
    ],
)
def test_owners_rights_forbid_what_is_the_sessions(sql: str):
    with (
        running(owners_rights=True) as server,
        server.connection(server.database()) as connection,
    ):
        client = Client(connection)
        client.fails(sql, says="Unsupported statement type")
        client("CREATE TRANSIENT TABLE T (A INT)")


def test_the_columns_of_a_table_are_listed_with_snowflakes_types(
    db: Client, database: str
):
    db(
        "CREATE TABLE T (ID VARCHAR(18) NOT NULL COMMENT 'key',"
        " N NUMBER(38,6) DEFAULT 0, I BIGINT, F FLOAT, B BOOLEAN, D DATE, T TIME,"
        " AT TIMESTAMP_NTZ,"
        " L TIMESTAMP_LTZ, Z TIMESTAMP_TZ, X BINARY, V VARIANT, TXT TEXT,"
        " SEQ NUMBER AUTOINCREMENT)"
    )
    listed = db(
        "SELECT COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE,"
        " CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE, COLUMN_DEFAULT, IS_IDENTITY, COMMENT"
        f' FROM "{database}".INFORMATION_SCHEMA.COLUMNS'
        " WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
        "PUBLIC",
        "T",
    )
    full, none = 16_777_216, (None, None)
    rest = ("YES", None, "NO", None)
    assert listed == [
        ("ID", "TEXT", *none, 18, "NO", None, "NO", "key"),
        ("N", "NUMBER", 38, 6, None, "YES", "0", "NO", None),
        ("I", "NUMBER", 38, 0, None, *rest),
        ("F", "FLOAT", *none, None, *rest),
        ("B", "BOOLEAN", *none, None, *rest),
        ("D", "DATE", *none, None, *rest),
        ("T", "TIME", *none, None, *rest),
        ("AT", "TIMESTAMP_NTZ", *none, None, *rest),
        ("L", "TIMESTAMP_LTZ", *none, None, *rest),
        ("Z", "TIMESTAMP_TZ", *none, None, *rest),
        ("X", "BINARY", *none, 8_388_608, *rest),
        ("V", "VARIANT", *none, None, *rest),
        ("TXT", "TEXT", *none, full, *rest),
        ("SEQ", "NUMBER", 38, 0, None, "YES", None, "YES", None),
    ]


def test_tables_are_listed_with_what_they_are(db: Client, database: str):
    db("CREATE TRANSIENT TABLE A COMMENT = 'mine' AS SELECT 1 AS X UNION ALL SELECT 2")
    db("CREATE TABLE B (X INT)")
    db("CREATE VIEW C AS SELECT * FROM A")
    listed = db(
        "SELECT TABLE_NAME, TABLE_TYPE, IS_TRANSIENT, ROW_COUNT, COMMENT, CREATED"
        f' FROM "{database}".INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = ?'
        " ORDER BY 1",
        "PUBLIC",
    )
    assert [row[:5] for row in listed] == [
        ("A", "BASE TABLE", "YES", 2, "mine"),
        ("B", "BASE TABLE", "NO", 0, None),
        ("C", "VIEW", None, None, None),
    ]
    assert listed[0][5].tzinfo is not None


def test_schemata_are_those_of_the_database(
    db: Client, snowflake_server: Server, database: str
):
    snowflake_server.database()
    db("CREATE SCHEMA RAW")
    sql = f'SELECT SCHEMA_NAME FROM "{database}".INFORMATION_SCHEMA.SCHEMATA ORDER BY 1'
    assert db(sql) == [("INFORMATION_SCHEMA",), ("PUBLIC",), ("RAW",)]


def test_like_keeps_types_defaults_comments_and_needs(db: Client):
    db("CREATE TABLE A (X VARCHAR(5) NOT NULL DEFAULT 'q' COMMENT 'c', Y NUMBER(9,2))")
    db("CREATE TABLE B LIKE A COPY GRANTS")
    sql = (
        "SELECT COLUMN_NAME, CHARACTER_MAXIMUM_LENGTH, NUMERIC_SCALE, IS_NULLABLE,"
        " COLUMN_DEFAULT, COMMENT FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = ?"
        " ORDER BY ORDINAL_POSITION"
    )
    assert db(sql, "B") == db(sql, "A")
    db("INSERT INTO B (Y) VALUES (1)")
    assert db("SELECT X, Y FROM B") == [("q", Decimal("1.00"))]


def test_columns_are_added_dropped_and_renamed(db: Client):
    db("CREATE TABLE T AS SELECT 'a' AS A")
    db('ALTER TABLE T ADD COLUMN "B" VARCHAR, "C" NUMBER(38,2)')
    db("ALTER TABLE T RENAME COLUMN B TO B2")
    db("ALTER TABLE T DROP COLUMN A")
    db("ALTER TABLE T ADD COLUMN IF NOT EXISTS C NUMBER")
    assert db("SELECT * FROM T") == [(None, None)]
    assert [column[0] for column in db.cursor.description] == ["B2", "C"]
    db.fails("ALTER TABLE T ADD COLUMN C NUMBER", says="already exists", code=1430)
    db.fails("ALTER TABLE T DROP COLUMN NONE", says="does not exist")


def test_a_column_gets_wider_and_never_anything_else(db: Client):
    db("CREATE TABLE T (V VARCHAR(10), N NUMBER(10,2))")
    alter = "ALTER TABLE T ALTER COLUMN"
    db(f"{alter} V SET DATA TYPE VARCHAR(100)")
    db(f"{alter} N SET DATA TYPE NUMBER(38,2)")
    for change in (
        "V SET DATA TYPE VARCHAR(20)",
        "N SET DATA TYPE NUMBER(38,4)",
        "N SET DATA TYPE NUMBER(12,2)",
        "N SET DATA TYPE FLOAT",
        "N SET DATA TYPE VARCHAR",
    ):
        db.fails(f"{alter} {change}", says="cannot change column", code=2108)
    sql = (
        "SELECT CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE"
        " FROM INFORMATION_SCHEMA.COLUMNS ORDER BY ORDINAL_POSITION"
    )
    assert db(sql) == [(100, None, None), (None, 38, 2)]


def test_swapped_tables_have_each_others_rows_and_columns(db: Client):
    db("CREATE TABLE A AS SELECT 'a' AS X")
    db("CREATE TRANSIENT TABLE B COMMENT = 'b' AS SELECT 1 AS Y")
    db("ALTER TABLE A SWAP WITH B")
    assert db("SELECT Y FROM A") == [(1,)]
    assert db("SELECT X FROM B") == [("a",)]
    sql = (
        "SELECT COMMENT, IS_TRANSIENT FROM INFORMATION_SCHEMA.TABLES"
        " WHERE TABLE_NAME IN ('A', 'B') ORDER BY TABLE_NAME"
    )
    assert db(sql) == [("b", "YES"), (None, "NO")]


def test_tables_are_renamed_and_dropped(db: Client, database: str):
    db("CREATE TABLE A (X INT)")
    db(f'ALTER TABLE "{database}"."PUBLIC"."A" RENAME TO "{database}"."PUBLIC"."B"')
    db.fails("SELECT * FROM A", says="does not exist", code=2003)
    db("DROP TABLE B")
    db.fails("DROP TABLE B", says="does not exist", code=2003)
    db("DROP TABLE IF EXISTS B")


def test_comments_are_kept_and_grants_are_taken(db: Client, database: str):
    db("CREATE TABLE T (A INT)")
    db(f'COMMENT ON COLUMN "{database}"."PUBLIC"."T"."A" IS \'it\'\'s\'')
    db("COMMENT ON TABLE T IS 'all'")
    db("GRANT SELECT ON TABLE T TO ROLE ANALYST")
    assert db.one("SELECT COMMENT FROM INFORMATION_SCHEMA.COLUMNS") == "it's"
    sql = "SELECT COMMENT FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'"
    assert db.one(sql) == "all"


def test_show_lists_what_matches_in_a_schema(db: Client, database: str):
    db("CREATE TABLE LHT_A (X INT)")
    db("CREATE TABLE OTHER (X INT)")
    db("CREATE STAGE LHT_S ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    where = f'IN SCHEMA "{database}"."PUBLIC"'
    assert [row[1] for row in db(f"SHOW TABLES LIKE 'lht\\\\_%' {where}")] == ["LHT_A"]
    assert [row[1] for row in db(f"SHOW STAGES LIKE 'LHT%' {where}")] == ["LHT_S"]
    assert "schema_name" in [column[0] for column in db.cursor.description]


def test_keys_are_noted_and_not_enforced(db: Client):
    db("CREATE TABLE T (ID VARCHAR PRIMARY KEY, U VARCHAR UNIQUE)")
    db("INSERT INTO T VALUES ('1', 'x'), ('1', 'x')")
    db.fails("INSERT INTO T (U) VALUES ('x')", says="NULL", code=100072)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE T (A HUGEINT)",
        "CREATE TABLE T (A NUMBER(39,0))",
        "CREATE TABLE T (A INT) ENGINE = X",
        "SELECT STRPTIME('2024', '%Y')",
        "SELECT * FROM READ_CSV('x.csv')",
        "INSERT INTO X VALUES (1) ON CONFLICT DO NOTHING",
        "SELECT 1; SELECT 2",
        "VACUUM",
        "SELEC 1",
    ],
)
def test_what_is_not_snowflakes_is_refused(db: Client, sql: str):
    db("CREATE TABLE X (A INT)")
    with pytest.raises(ProgrammingError):
        db(sql)


# -- stages and COPY -------------------------------------------------------------------


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def test_staged_bytes_are_those_that_were_put(snowpark: Session, database: str):
    stage = f'"{database}"."PUBLIC"."S"'
    snowpark.sql(f"CREATE TEMPORARY STAGE {stage}").collect()
    content = zipped("A\n1\n")
    put = snowpark.file.put_stream(
        io.BytesIO(content),
        f"@{stage}/run/a.csv.gz",
        auto_compress=False,
        source_compression="GZIP",
    )
    assert put.status == "UPLOADED"
    with snowpark.file.get_stream(f"@{stage}/run/a.csv.gz") as staged:
        assert staged.read() == content


def test_a_file_is_put_and_got_by_path(snowpark: Session, tmp_path: Path):
    snowpark.sql("CREATE STAGE S").collect()
    (tmp_path / "a.csv").write_text("A\n1\n")
    [put] = snowpark.file.put(str(tmp_path / "a.csv"), "@S/x")
    assert (put.target, put.status) == ("a.csv.gz", "UPLOADED")
    snowpark.file.get("@S/x/a.csv.gz", str(tmp_path / "back"))
    got = (tmp_path / "back" / "a.csv.gz").read_bytes()
    assert gzip.decompress(got) == b"A\n1\n"


def test_a_name_that_is_there_is_skipped_unless_overwritten(db: Client):
    db("CREATE STAGE S")
    first, second = zipped("A\n1\n"), zipped("A\n22222\n")
    assert db.put(first, "S/a.csv.gz") == "UPLOADED"
    assert db.put(second, "S/a.csv.gz") == "SKIPPED"
    assert db("LIST @S")[0][1] == len(first)
    assert db.put(second, "S/a.csv.gz", OVERWRITE="TRUE") == "UPLOADED"
    assert db("LIST @S")[0][1] == len(second)


def test_files_are_listed_and_removed_by_prefix(db: Client, database: str):
    db("CREATE STAGE S")
    for name in ("run1/a", "run1/b", "run10/c"):
        db.put(zipped("A\n"), f"S/{name}.csv.gz")
    assert [row[0] for row in db("LIST @S/run1/")] == [
        "s/run1/a.csv.gz",
        "s/run1/b.csv.gz",
    ]
    assert len(db("LIST @S/run1")) == 3
    assert len(db(f'REMOVE @"{database}"."PUBLIC"."S"/run1/')) == 2
    assert [row[0] for row in db("LIST @S")] == ["s/run10/c.csv.gz"]
    db("DROP STAGE S")
    db.fails("LIST @S", says="does not exist", code=2003)


def test_stages_of_users_and_tables_are_refused(db: Client):
    db("CREATE TABLE T (A INT)")
    db.fails("LIST @~", says="gap")
    db.fails("LIST @%T", says="gap")


HARD = 'A,B\r\n"q""1","x,\r\ny"\r\n\u00e9\U0001f600,\\N\r\n00,\r\n"","a\\"\r\n'


def test_copy_reads_the_csv_of_salesforce(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR, B VARCHAR)")
    db.put(zipped(HARD), "S/run/a.csv.gz")
    [report] = db(f"COPY INTO T FROM @S/run/ {CSV}")
    assert report[:4] == ("s/run/a.csv.gz", "LOADED", 4, 4)
    assert [column[0] for column in db.cursor.description][:4] == [
        "file",
        "status",
        "rows_parsed",
        "rows_loaded",
    ]
    assert db("SELECT A, B FROM T") == [
        ('q"1', "x,\r\ny"),
        ("\u00e9\U0001f600", "\\N"),
        ("00", None),
        (None, "a\\"),
    ]


def test_an_empty_quoted_field_is_not_null_by_itself(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR, B VARCHAR)")
    db.put(zipped('A,B\n"",\n'), "S/a.csv.gz")
    keeping = CSV.replace("NULL_IF=('')", "NULL_IF=()")
    db(f"COPY INTO T FROM @S {keeping}")
    assert db("SELECT A, B FROM T") == [("", None)]


def test_a_value_of_three_megabytes_arrives(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    value = 'say ""it""\n' * 300_000
    db.put(zipped(f'A\n"{value}"\n'), "S/a.csv.gz")
    db(f"COPY INTO T FROM @S {CSV}")
    assert db.one("SELECT LENGTH(A) FROM T") == 9 * 300_000


def test_nothing_to_copy_is_one_column_of_status(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    none = [("Copy executed with 0 files processed.",)]
    assert db(f"COPY INTO T FROM @S/nowhere/ {CSV}") == none
    assert [column[0] for column in db.cursor.description] == ["status"]
    db.put(zipped("A\n"), "S/a.csv.gz")
    assert db(f"COPY INTO T FROM @S {CSV}")[0][1:4] == ("LOADED", 0, 0)
    assert db(f"COPY INTO T FROM @S {CSV}") == none


def test_a_file_is_loaded_once_unless_forced_or_truncated(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    db.put(zipped("A\n1\n"), "S/a.csv.gz")
    copy = f"COPY INTO T FROM @S {CSV}"
    for again in ("", "", " FORCE=TRUE"):
        db(copy + again)
    assert db.one("SELECT COUNT(*) FROM T") == 2
    db("TRUNCATE TABLE T")
    db(copy)
    assert db.one("SELECT COUNT(*) FROM T") == 1


@pytest.mark.parametrize(
    ("content", "says", "code"),
    [
        (zipped("A,B\n1\n"), "Number of columns", 100080),
        (zipped("A,B\n1,2\n")[:-6], "decompression", 100183),
        (b"no gzip", "decompression", 100183),
        (zipped('A,B\n"1,2\n'), "no end", 100069),
        (zipped('A,B\n"1"x,2\n'), "field delimiter", 100066),
        (gzip.compress(b"A,B\n\xff,2\n", mtime=0), "UTF8", 100144),
        (zipped("A,B\n1,x\n"), "not recognized", 100038),
    ],
)
def test_a_file_that_cannot_be_read_loads_nothing(
    db: Client, content: bytes, says: str, code: int
):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR, B NUMBER)")
    db.put(zipped("A,B\n1,2\n"), "S/a.csv.gz")
    db.put(content, "S/b.csv.gz")
    db.fails(f"COPY INTO T FROM @S {CSV}", says=says, code=code)
    assert db.one("SELECT COUNT(*) FROM T") == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ESCAPE_UNENCLOSED_FIELD=NONE", ""),
        ("ON_ERROR=ABORT_STATEMENT", "ON_ERROR=CONTINUE"),
        ("SKIP_HEADER=1", "PARSE_HEADER=TRUE"),
        ("COMPRESSION=GZIP", "COMPRESSION=ZSTD"),
    ],
)
def test_options_the_fake_cannot_follow_are_refused(db: Client, old: str, new: str):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    db.put(zipped("A\n1\n"), "S/a.csv.gz")
    db.fails(f"COPY INTO T FROM @S {CSV.replace(old, new)}", says="gap", code=9999)


def test_a_copy_is_part_of_the_transaction(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    db.put(zipped("A\n1\n"), "S/a.csv.gz")
    db("BEGIN")
    db(f"COPY INTO T (A) FROM '@S/' {CSV}")
    assert db.one("SELECT COUNT(*) FROM T") == 1
    db("ROLLBACK")
    assert db.one("SELECT COUNT(*) FROM T") == 0


def test_a_query_is_unloaded_into_one_file(snowpark: Session):
    snowpark.sql("CREATE STAGE S").collect()
    options = (
        "FILE_FORMAT=(TYPE=CSV COMPRESSION=GZIP FIELD_OPTIONALLY_ENCLOSED_BY='\"' "
        "NULL_IF=() EMPTY_FIELD_AS_NULL=FALSE) HEADER=TRUE SINGLE=TRUE OVERWRITE=TRUE "
        "MAX_FILE_SIZE=5368709120"
    )
    select = "SELECT 'a\"b' AS A, 1.50 AS B, NULL::VARCHAR AS C"
    sql = f"COPY INTO @S/out/data.csv.gz FROM ({select}) {options}"
    [row] = snowpark.sql(sql).collect()
    assert row["rows_unloaded"] == 1
    with snowpark.file.get_stream("@S/out/data.csv.gz", decompress=True) as file:
        assert file.read() == b'"A","B","C"\n"a""b",1.50,\n'
    empty = f"COPY INTO @S/none.csv.gz FROM ({select} WHERE FALSE) {options}"
    assert snowpark.sql(empty).collect()[0]["rows_unloaded"] == 0
    assert snowpark.sql("LIST @S/none").collect() == []


# -- MERGE and the other changes -------------------------------------------------------

MERGE = """
MERGE INTO T USING (
  SELECT ID, N::NUMBER(38,2) AS N FROM S
  QUALIFY ROW_NUMBER() OVER (PARTITION BY ID ORDER BY AT DESC NULLS LAST) = 1
) AS S ON T."ID" = S."ID"
WHEN MATCHED AND S."N" = 0 THEN DELETE
WHEN MATCHED AND (T."N" IS DISTINCT FROM S."N") THEN UPDATE SET T."N" = S."N" + 0
WHEN NOT MATCHED THEN INSERT ("ID", "N") VALUES (S."ID", S."N")
"""


@pytest.fixture
def staged(db: Client) -> Client:
    """A target T and a staging table S of text, as a load has them."""
    db("CREATE TABLE T (ID VARCHAR NOT NULL, N NUMBER(38,2))")
    db("INSERT INTO T VALUES ('kept', 1), ('changed', 1), ('gone', 1)")
    db("CREATE TABLE S (ID VARCHAR, N VARCHAR, AT VARCHAR)")
    db(
        "INSERT INTO S VALUES ('kept', '1.00', '1'), ('changed', '1', '1'),"
        " ('changed', '2.5', '2'), ('gone', '0', '1'), ('new', '1.5e1', '1')"
    )
    return db


@pytest.mark.parametrize("transaction", [False, True])
def test_a_merge_counts_what_it_did(staged: Client, transaction: bool):
    if transaction:
        staged("BEGIN")
    assert staged(MERGE) == [(1, 1, 1)]
    assert staged.cursor.rowcount == 3
    assert [column[0] for column in staged.cursor.description] == [
        "number of rows inserted",
        "number of rows updated",
        "number of rows deleted",
    ]
    if transaction:
        staged("COMMIT")
    rows = [("changed", Decimal("2.50")), ("kept", Decimal(1)), ("new", Decimal(15))]
    assert staged("SELECT * FROM T ORDER BY 1") == rows


def test_a_merge_in_a_transaction_is_rolled_back_with_it(staged: Client):
    before = staged("SELECT * FROM T ORDER BY 1")
    staged("BEGIN")
    staged(MERGE)
    staged("ROLLBACK")
    assert staged("SELECT * FROM T ORDER BY 1") == before


def test_a_merge_refuses_a_row_matched_twice(staged: Client):
    staged.fails(
        "MERGE INTO T USING S ON T.ID = S.ID WHEN MATCHED THEN UPDATE SET T.N = S.N",
        says="more than one source row",
        code=100090,
    )


@pytest.mark.parametrize(
    "clauses",
    [
        "WHEN NOT MATCHED BY SOURCE THEN DELETE",
        "WHEN MATCHED THEN DELETE WHEN MATCHED AND S.N = '1' THEN DELETE",
        "WHEN NOT MATCHED THEN INSERT (ID) VALUES (S.ID, S.N)",
        "WHEN NOT MATCHED THEN INSERT (NONE) VALUES (S.ID)",
    ],
)
def test_a_merge_refuses_the_clauses_that_snowflake_refuses(
    staged: Client, clauses: str
):
    with pytest.raises(ProgrammingError):
        staged(f"MERGE INTO T USING S ON T.ID = S.ID {clauses}")


def test_a_merge_that_cannot_cast_changes_nothing(staged: Client):
    staged("INSERT INTO S VALUES ('bad', 'x', '1')")
    before = staged("SELECT * FROM T ORDER BY 1")
    staged.fails(MERGE, says="Numeric value 'x' is not recognized", code=100038)
    assert staged("SELECT * FROM T ORDER BY 1") == before


@pytest.mark.parametrize("transaction", [False, True])
def test_insert_overwrite_may_read_its_own_target(staged: Client, transaction: bool):
    if transaction:
        staged("BEGIN")
    sql = (
        "INSERT OVERWRITE INTO T (ID, N) SELECT S.ID, MAX(T.N) + 1 FROM S "
        "LEFT JOIN T ON T.ID = S.ID WHERE S.ID <> 'gone' GROUP BY S.ID"
    )
    assert staged(sql) == [(3,)]
    if transaction:
        staged("COMMIT")
    rows = [("changed", Decimal(2)), ("kept", Decimal(2)), ("new", None)]
    assert staged("SELECT * FROM T ORDER BY 1") == rows


def test_changes_say_how_many_rows(staged: Client):
    assert staged("INSERT INTO T (ID) SELECT ID FROM S") == [(5,)]
    assert staged("UPDATE T SET N = '7.5' WHERE N IS NULL") == [(5, 0)]
    assert (
        staged("UPDATE T SET N = S.N FROM S WHERE T.ID = S.ID AND S.AT = '2'")
        == [(2, 0)]
        or staged.cursor.rowcount
    )
    assert staged("DELETE FROM T USING S WHERE T.ID = S.ID AND S.ID = 'new'") == [(1,)]
    assert staged.cursor.rowcount == 1


def test_a_text_too_long_for_its_column_is_refused(db: Client):
    db("CREATE TABLE T (A VARCHAR(3))")
    db("INSERT INTO T VALUES ('abc')")
    db.fails("INSERT INTO T VALUES ('abcd')", says="too long", code=100078)
    db.fails("UPDATE T SET A = A || 'd'", says="too long", code=100078)


def test_a_value_missing_where_one_is_needed_is_refused(db: Client):
    db("CREATE TABLE T (A VARCHAR NOT NULL)")
    db.fails("INSERT INTO T VALUES (NULL)", says="NULL", code=100072)


# -- bound values ----------------------------------------------------------------------

VALUES = {
    "VARCHAR": "it's \u00e9\U0001f600\r\n\\N",
    "NUMBER(38,0)": 10**37,
    "NUMBER(38,6)": Decimal("-1.234567"),
    "FLOAT": 0.1,
    "BOOLEAN": False,
    "TIMESTAMP_NTZ": dt.datetime(2024, 2, 29, 23, 59, 59, 999999),
    "DATE": dt.date(1700, 1, 1),
    "TIME": dt.time(23, 59, 59, 999999),
    "BINARY": b"\x00\xff",
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_bound_value_comes_back_as_it_was(db: Client, kind: str):
    db(f"CREATE TABLE T (A {kind})")
    db("INSERT INTO T VALUES (?)", VALUES[kind])
    db("INSERT INTO T VALUES (?)", None)
    assert db("SELECT A FROM T WHERE A = ?", VALUES[kind]) == [(VALUES[kind],)]
    assert db("SELECT A FROM T WHERE A IS NULL") == [(None,)]
    assert db("SELECT A FROM T WHERE FALSE") == []


@pytest.mark.parametrize(
    "text",
    [
        "1700-01-01 00:00:00.000001",
        "1969-12-31 23:59:59.999999",
        "4000-12-31 23:59:59.999999",
    ],
)
def test_moments_far_away_are_exact(db: Client, text: str):
    moment = dt.datetime.fromisoformat(text)
    assert db("SELECT ?::TIMESTAMP_NTZ, NULL::TIMESTAMP_NTZ", text) == [(moment, None)]


def test_nulls_of_every_moment_are_none(snowpark: Session):
    kinds = ["TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "DATE", "TIME"]
    select = ", ".join(f"NULL::{kind}" for kind in kinds)
    [row] = snowpark.sql(f"SELECT {select}").collect()
    assert tuple(row) == (None,) * 4


def test_many_rows_are_bound_at_once(db: Client):
    db("CREATE TABLE T (A VARCHAR, N NUMBER(38,2), AT TIMESTAMP_NTZ, D DATE)")
    moment, day = dt.datetime(2024, 1, 2, 3, 4, 5, 678000), dt.date(2024, 1, 2)
    rows = [("a", Decimal("1.5"), moment, day), (None, None, None, None)] * 500
    db.cursor.executemany("INSERT INTO T VALUES (?, ?, ?, ?)", rows)
    assert db.cursor.rowcount == 1000
    assert db("SELECT DISTINCT * FROM T ORDER BY A NULLS LAST") == [rows[0], rows[1]]


def test_an_array_that_goes_through_a_stage_is_refused(db: Client):
    db("CREATE TABLE T (A INT)")
    with pytest.raises(ProgrammingError, match="gap"):
        db.cursor.executemany("INSERT INTO T VALUES (?)", [(1,)] * 65_280)


# -- expressions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SPLIT_PART('a/b/c', '/', 2)", "b"),
        ("REPLACE('a-b', '-', '')", "ab"),
        ("POSITION('b', 'abc')", 2),
        ("POSITION('b' IN 'abc')", 2),
        ("CHARINDEX('.', '12.50')", 3),
        ("LENGTH('\U0001f600x')", 2),
        ("SUBSTR('abcdef', 2, 3)", "bcd"),
        ("LEFT('abc', 2)", "ab"),
        ("LTRIM('00120', '0')", "120"),
        ("RTRIM('12.500', '0')", "12.5"),
        ("LPAD('7', 3, '0') || RPAD('7', 3, '0')", "007700"),
        ("REPEAT('ab', 2)", "abab"),
        ("REGEXP_LIKE('12.5', '\\\\d+(\\\\.\\\\d+)?')", True),
        ("REGEXP_LIKE('x12.5', '\\\\d+(\\\\.\\\\d+)?')", False),
        ("UPPER('a') || LOWER('B')", "Ab"),
        ("COALESCE(NULL, NULLIF('', ''), 'x')", "x"),
        ("IFF(1 = 1, 'y', 'n')", "y"),
        ("CASE WHEN 1 = 2 THEN 1 ELSE 2 END", 2),
        ("GREATEST(1, 2) + LEAST(1, 2)", 3),
        ("GREATEST(1, NULL)", None),
        ("EQUAL_NULL(NULL, NULL)", True),
        ("1 IS DISTINCT FROM NULL", True),
        ("TRY_CAST('1.5' AS NUMBER(38,6))", Decimal("1.5")),
        ("TRY_CAST('x' AS NUMBER(38,6))", None),
        ("TRY_TO_NUMBER('1.2345678E3', 38, 6)", Decimal("1234.5678")),
        ("TRY_TO_DECIMAL('1_000', 38, 0)", None),
        ("TO_NUMBER('12.345', 38, 2)", Decimal("12.35")),
        ("TRY_TO_DOUBLE('1e400x')", None),
        ("TRY_TO_DOUBLE('1e10')", 1e10),
        ("TRY_TO_BOOLEAN('Yes')", True),
        ("TRY_TO_BOOLEAN('2')", None),
        ("TO_BOOLEAN('off')", False),
        ("TRY_TO_DATE('2024-02-30')", None),
        ("TRY_TO_DATE('20240229', 'YYYYMMDD')", dt.date(2024, 2, 29)),
        ("TO_DATE('2024-02-29')", dt.date(2024, 2, 29)),
        ("TRY_TO_TIME('10:30:00.000Z')", None),
        ("TO_TIME('10:30:00.250')", dt.time(10, 30, 0, 250000)),
        ("TRY_TO_TIME('10:30:00.000Z', 'HH24:MI:SS.FF3\"Z\"')", dt.time(10, 30)),
        ("'2024-01-15T10:30:00.000Z'::TIMESTAMP_NTZ", dt.datetime(2024, 1, 15, 10, 30)),
        (
            "'2024-01-15T10:30:00.5+02:00'::TIMESTAMP_NTZ",
            dt.datetime(2024, 1, 15, 10, 30, 0, 500000),
        ),
        ("TRY_TO_TIMESTAMP_NTZ('2024-01-15T10:30:00.000+0000')", None),
        (
            (
                "TRY_TO_TIMESTAMP_NTZ('2024-01-15T10:30:00.123+0000', "
                "'YYYY-MM-DD\"T\"HH24:MI:SS.FF3TZHTZM')"
            ),
            dt.datetime(2024, 1, 15, 10, 30, 0, 123000),
        ),
        (
            (
                "TRY_TO_TIMESTAMP_NTZ('2024-01-15T10:30:00.123', "
                "'YYYY-MM-DD\"T\"HH24:MI:SS.FF3')"
            ),
            dt.datetime(2024, 1, 15, 10, 30, 0, 123000),
        ),
        ("TRY_TO_TIMESTAMP_NTZ('2024', 'YYYY-MM')", None),
        (
            (
                "CONVERT_TIMEZONE('UTC', '2024-01-15 05:30-05'::TIMESTAMP_TZ)"
                "::TIMESTAMP_NTZ"
            ),
            dt.datetime(2024, 1, 15, 10, 30),
        ),
        ("'1700000000'::TIMESTAMP_NTZ", dt.datetime(2023, 11, 14, 22, 13, 20)),
        ("'1.5'::NUMBER(38,6)", Decimal("1.500000")),
        ("'12345678901234567890'::NUMBER(38,0)", 12345678901234567890),
        ("1.5::FLOAT::VARCHAR", "1.5"),
        ("2::FLOAT::VARCHAR", "2"),
        ("1.50::NUMBER(38,2)::VARCHAR", "1.50"),
        ("TRUE::VARCHAR", "true"),
        (
            "'2024-01-15 10:30:00.1234'::TIMESTAMP_NTZ::VARCHAR",
            "2024-01-15 10:30:00.123",
        ),
        (
            (
                "TO_CHAR('2024-01-15 10:30:00.1234'::TIMESTAMP_NTZ, "
                "'YYYY-MM-DD\"T\"HH24:MI:SS.FF6')"
            ),
            "2024-01-15T10:30:00.123400",
        ),
        ("TO_CHAR(TO_BINARY('00FF', 'HEX'))", "00FF"),
        ("TO_BINARY('00ff', 'HEX')", b"\x00\xff"),
        ('PARSE_JSON(\'{"a": {"b": "x"}}\'):a.b::VARCHAR', "x"),
        ("'it''s' || '\\n'", "it's\n"),
    ],
)
def test_an_expression_has_snowflakes_value(db: Client, sql: str, value: object):
    [[found]] = db(f"SELECT {sql}")
    assert found == value
    assert isinstance(found, type(value) if not isinstance(value, bytes) else bytearray)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("COUNT_IF(X = 1)", 1),
        ("COUNT(DISTINCT X)", 2),
        ("MAX(X) - MIN(X)", 1),
        ("SUM(X)", 3),
        ("HASH_AGG(X) = HASH_AGG(X + 0)", True),
    ],
)
def test_an_aggregate_has_snowflakes_value(db: Client, sql: str, value: object):
    [[found]] = db(f"SELECT {sql} FROM (SELECT 1 AS X UNION ALL SELECT 2)")
    assert found == value


def test_a_column_is_found_by_its_case(db: Client):
    db('CREATE TABLE T ("Email" VARCHAR, ID VARCHAR)')
    assert db('SELECT "Email", id, "ID" FROM T') == []
    db.fails("SELECT EMAIL FROM T", says="invalid identifier", code=904)
    db.fails('SELECT "id" FROM T', says="invalid identifier", code=904)
    db.fails('SELECT * FROM "t"', says="does not exist", code=2003)
    assert db('SELECT ID AS "Id" FROM T ORDER BY "Id"') == []


def test_a_column_may_be_named_in_full(db: Client, database: str):
    db("CREATE TABLE T AS SELECT 1 AS A")
    table = f'"{database}"."PUBLIC"."T"'
    assert db.one(f'SELECT {table}."A" FROM {table} WHERE {table}."A" = 1') == 1


def test_now_may_be_said_without_parentheses(db: Client):
    day, same = db.one("SELECT CURRENT_DATE, CURRENT_TIMESTAMP = CURRENT_TIMESTAMP()")
    assert (type(day), same) == (dt.date, True)


def test_an_array_of_values_arrives_whole_or_not_at_all(db: Client):
    db("CREATE TABLE T (A NUMBER)")
    with pytest.raises(ProgrammingError, match="not recognized"):
        db.cursor.executemany("INSERT INTO T VALUES (?)", [("1",), ("x",)])
    assert db.one("SELECT COUNT(*) FROM T") == 0


def test_a_table_without_rows_has_a_hash_too(db: Client):
    assert db.one("SELECT HASH_AGG(*) FROM (SELECT 1 AS A) WHERE A = 2") == 0


def test_hash_tells_rows_apart(db: Client):
    sql = "SELECT COUNT(DISTINCT HASH(*)), MAX(HASH(*)) FROM (SELECT 1 A, 'x' B UNION "
    count, greatest = db(f"{sql} SELECT 2, 'x' UNION SELECT 1, NULL)")[0]
    assert count == 3
    assert -(2**63) <= greatest < 2**63


@pytest.mark.parametrize(
    ("sql", "says", "code"),
    [
        ("'x'::NUMBER(38,2)", "Numeric value 'x' is not recognized", 100038),
        ("''::FLOAT", "Numeric value", 100038),
        ("'maybe'::BOOLEAN", "Boolean value", 100037),
        ("'2024-13-01'::DATE", "Date '2024-13-01' is not recognized", 100040),
        ("'yesterday'::TIMESTAMP_NTZ", "Timestamp", 100035),
        ("'25:00:00'::TIME", "Time", 100108),
        ("TO_TIMESTAMP_NTZ('2024', 'YYYY-MM')", "Timestamp", 100035),
    ],
)
def test_a_cast_that_fails_is_an_error(db: Client, sql: str, says: str, code: int):
    db.fails(f"SELECT {sql}", says=says, code=code)


def test_rows_come_as_arrow_and_pandas_too(snowpark: Session):
    first = "SELECT 1 AS A, 'x' AS B, NULL::TIMESTAMP_NTZ AS C"
    query = f"{first} UNION ALL SELECT 2, 'y', NULL"
    frame = snowpark.sql(query).to_pandas()
    assert frame["A"].tolist() == [1, 2]
    assert frame["C"].isna().all()
    assert snowpark.sql(query).to_arrow().num_rows == 2


def test_a_snowpark_query_describes_itself_first(snowpark: Session):
    frame = snowpark.sql("SELECT 1 AS A, 'x' AS B").filter("A = 1").select("B")
    assert frame.schema.names == ["B"]
    assert [tuple(row) for row in frame.collect()] == [("x",)]


def test_snowparks_errors_carry_snowflakes_code(snowpark: Session):
    with pytest.raises(SnowparkSQLException) as caught:
        snowpark.sql("SELECT 'x'::NUMBER").collect()
    assert caught.value.sql_error_code == 100038


def test_a_session_that_was_ended_says_so(
    db: Client, other: Client, snowflake_server: Server
) -> None:
    """Its transaction is rolled back, and each statement told that it is gone."""
    db("CREATE TABLE T (A NUMBER)")
    db("BEGIN")
    db("INSERT INTO T VALUES (1)")
    snowflake_server.log_out(db.connection.rest.token)
    db.fails("SELECT 1", says="Session no longer exists", code=390111)
    assert other.one("SELECT COUNT(*) FROM T") == 0


def test_a_database_may_be_made_like_another(
    db: Client, database: str, snowflake_server: Server
) -> None:
    """The copy has tables with rows, comments and defaults, and is one of its own."""
    db("CREATE TABLE T (A NUMBER DEFAULT 7 COMMENT 'seven', B VARCHAR(3))")
    db("INSERT INTO T (B) VALUES ('x')")
    copy = snowflake_server.database(like=database)
    db("DELETE FROM T")
    with snowflake_server.connection(copy) as connection:
        there = Client(connection)
        there("INSERT INTO T (B) VALUES ('y')")
        assert there("SELECT A, B FROM T ORDER BY B") == [(7, "x"), (7, "y")]
        about = "SELECT COMMENT FROM INFORMATION_SCHEMA.COLUMNS WHERE COLUMN_NAME = 'A'"
        assert there.one(about) == "seven"
    snowflake_server.drop_database(copy)


def test_stages_are_listed_with_their_kind(
    db: Client, other: Client, database: str
) -> None:
    """INFORMATION_SCHEMA tells internal from external, and hides what is others'."""
    db("CREATE STAGE OURS")
    db("CREATE STAGE ABROAD URL = 's3://bucket/path/'")
    db("CREATE TEMPORARY STAGE MINE")
    sql = f'SELECT STAGE_NAME, STAGE_TYPE FROM "{database}".INFORMATION_SCHEMA.STAGES'
    kinds = {"OURS": "Internal Named", "ABROAD": "External Named"}
    assert dict(other(sql)) == kinds
    assert dict(db(sql)) == kinds | {"MINE": "Internal Named"}
    db.fails("LIST @ABROAD", says="external stage")


def test_a_put_may_be_made_to_be_skipped(db: Client, snowflake_server: Server) -> None:
    """A test can have a file refused, as if one of its name were there."""
    db("CREATE STAGE S")
    snowflake_server.fail("^PUT", when="skip")
    assert db.put(b"", "S/a.csv.gz") == "SKIPPED"
    assert db("LIST @S") == []
    snowflake_server.fail("SELECT")
    snowflake_server.recover()
    assert db.one("SELECT 1") == 1
