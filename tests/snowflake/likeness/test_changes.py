"""MERGE and the other changes of rows in the fake: what they do, count and refuse."""

from decimal import Decimal

import pytest
from snowflake.connector.errors import ProgrammingError
from tests.snowflake.likeness.client import Client

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
