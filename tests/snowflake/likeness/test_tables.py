"""Tables of the fake: their columns, comments, copies, and how they are listed."""

from decimal import Decimal

import pytest
from snowflake.connector.errors import ProgrammingError
from tests.snowflake.fake import Server
from tests.snowflake.likeness.client import Client


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
