"""The fake remembers what is defined, and is not deceived by its memory."""

from collections.abc import Iterator

import duckdb
import pytest
from snowflake.snowpark import Session
from tests.snowflake.fake.duck import Definitions, Duck


@pytest.fixture
def ducks() -> Iterator[tuple[Duck, Duck]]:
    """Two connections to one DuckDB."""
    definitions = Definitions()
    with duckdb.connect() as one, one.cursor() as other:
        yield Duck(one, definitions), Duck(other, definitions)


class Reader:
    """Reads the names of the tables, and counts how often."""

    def __init__(self, duck: Duck) -> None:
        self.duck = duck
        self.times = 0

    def read(self) -> list[str]:
        self.times += 1
        rows = self.duck.run("SELECT table_name FROM duckdb_tables() ORDER BY 1")
        return [row[0] for row in rows]

    @property
    def names(self) -> list[str]:
        return self.duck.once(self.read)


def test_what_is_defined_is_read_once(ducks: tuple[Duck, Duck]) -> None:
    """Rows that come and transactions that end change nothing of what is known."""
    one, _ = ducks
    one.run("CREATE TABLE a (x INTEGER)")
    reader = Reader(one)
    for _ in range(3):
        one.run("BEGIN")
        one.run("INSERT INTO a VALUES (1)")
        one.run("COMMIT")
        assert reader.names == ["a"]
    assert reader.times == 1


def test_what_another_defines_is_seen(ducks: tuple[Duck, Duck]) -> None:
    """Who has looked before sees tables come and go by others."""
    one, other = ducks
    reader = Reader(one)
    assert reader.names == []
    other.run("CREATE TABLE a (x INTEGER)")
    assert reader.names == ["a"]
    other.run("ALTER TABLE a RENAME TO b")
    assert reader.names == ["b"]
    other.run("DROP TABLE b")
    assert reader.names == []


@pytest.mark.parametrize(("end", "after"), [("COMMIT", ["a"]), ("ROLLBACK", [])])
def test_what_a_transaction_defines(
    ducks: tuple[Duck, Duck], end: str, after: list[str]
) -> None:
    """Until its end only it sees that; then all do, or nobody."""
    one, other = ducks
    mine, theirs = Reader(one), Reader(other)
    one.run("BEGIN")
    one.run("CREATE TABLE a (x INTEGER)")
    assert (mine.names, theirs.names) == (["a"], [])
    one.run(end)
    assert (mine.names, theirs.names) == (after, after)


def test_a_transaction_sees_what_there_was(ducks: tuple[Duck, Duck]) -> None:
    """What others define is seen behind its end, and not forgotten by then."""
    one, other = ducks
    other.run("CREATE TABLE a (x INTEGER)")
    reader = Reader(one)
    one.run("BEGIN")
    assert reader.names == ["a"]
    other.run("CREATE TABLE b (x INTEGER)")
    assert reader.names == ["a"]
    one.run("COMMIT")
    assert reader.names == ["a", "b"]


@pytest.mark.parametrize(
    ("by", "part", "expected"),
    [
        (".", 1, "a"),
        (".", 0, "a"),
        (".", 3, "c"),
        (".", 4, ""),
        (".", -1, "c"),
        ("", 1, "a.b.c"),
        ("", 2, ""),
    ],
)
def test_a_part_of_a_text(snowpark: Session, by: str, part: int, expected: str) -> None:
    """A part is the same, whether it is named by literals or by values."""
    for arguments, values in ((f"'{by}', {part}", []), ("?, ?", [by, part])):
        query = f"SELECT SPLIT_PART('a.b.c', {arguments})"
        assert snowpark.sql(query, values).collect()[0][0] == expected
