"""Transactions of the fake: who sees what, who waits, and what commits them."""

import threading

import pytest
from tests.snowflake.fake import Server, running
from tests.snowflake.likeness.client import Client


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
