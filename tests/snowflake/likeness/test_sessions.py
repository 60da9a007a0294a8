"""Sessions of the fake: where they are, what they are told, how they fail."""

import subprocess
import sys

import pytest
from snowflake.connector.errors import Error
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkSQLException
from tests.snowflake.fake import Server, running
from tests.snowflake.likeness.client import Client


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


def test_a_put_may_be_made_to_be_skipped(db: Client, snowflake_server: Server) -> None:
    """A test can have a file refused, as if one of its name were there."""
    db("CREATE STAGE S")
    snowflake_server.fail("^PUT", when="skip")
    assert db.put(b"", "S/a.csv.gz") == "SKIPPED"
    assert db("LIST @S") == []
    snowflake_server.fail("SELECT")
    snowflake_server.recover()
    assert db.one("SELECT 1") == 1


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
