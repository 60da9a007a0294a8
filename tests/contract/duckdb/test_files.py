"""DuckDB's memory, disk and transactions: full, locked, broken, not there."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.contract.accounts import REF

from lht.exceptions import (
    CommitStateUnknownError,
    ConfigError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.warehouse.duckdb import DuckDBSession, DuckDBWarehouse

LIMIT = "SELECT current_setting('memory_limit')"


def test_a_file_of_ours_takes_little_memory(tmp_path):
    """What DuckDB may hold is bounded while we load, and as before afterwards."""
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as connection:
        before = connection.execute(LIMIT).fetchall()
        place = DuckDBWarehouse(path)
        assert connection.execute(LIMIT).fetchall() == [("257.4 MiB",)]
        with duckdb.connect(path) as reader:
            reader.execute("SELECT 1")
        place.close()
        assert connection.execute(LIMIT).fetchall() == before


@pytest.mark.parametrize("limit", ["100MB", "3GB"])
def test_a_limit_that_somebody_chose_stays(tmp_path, limit):
    """Small or large, another connection's choice is not ours to change."""
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(f"SET memory_limit = '{limit}'")
        before = connection.execute(LIMIT).fetchall()
        for target in (path, connection):
            place = DuckDBWarehouse(target)
            assert connection.execute(LIMIT).fetchall() == before
            place.close()
            assert connection.execute(LIMIT).fetchall() == before


def test_memory_of_a_caller_s_connection_is_the_caller_s(user):
    """No limit is set on a connection that was brought."""
    before = user.execute(LIMIT).fetchall()
    with DuckDBWarehouse(user).session() as session:
        assert session.query(LIMIT) == before


class Failing:
    """A connection on which a statement fails as it does on a broken disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, error: Any) -> None:
        self._connection = connection
        self._error = error

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        if statement == "COMMIT":
            raise self._error
        return self._connection.execute(statement, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (duckdb.IOException("IO Error: gone"), CommitStateUnknownError),
        (duckdb.FatalException("FATAL Error: invalidated"), CommitStateUnknownError),
        (duckdb.TransactionException("Failed to commit: x"), WarehouseError),
    ],
)
def test_a_commit_of_unknown_outcome_is_told_as_one(user, error, expected):
    """Only what DuckDB says it has undone is told as not moved."""
    session = DuckDBSession(Failing(user, error), "memory")
    with pytest.raises(WarehouseError) as caught, session.transaction():
        session.execute("CREATE TABLE x (a INTEGER)")
    assert type(caught.value) is expected


FILL = """
import resource, signal, sys
from lht.exceptions import WarehouseError
from lht.warehouse.duckdb import DuckDBWarehouse
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
place = DuckDBWarehouse(sys.argv[1])
session = place.session()
session.execute("CREATE TABLE main.t (a VARCHAR)")
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
try:
    with session.transaction():
        session.execute("INSERT INTO main.t SELECT hash(range) FROM range(%s)")
except WarehouseError as error:
    print(error.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
print(session.query("SELECT count(*) FROM main.t"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes there")
@pytest.mark.parametrize("rows", [30_000, 3_000_000], ids=["commit", "insert"])
def test_a_full_disk_is_told_and_moves_nothing(tmp_path, rows):
    """Whether it fills up in a statement or in the commit, the hint says what to do."""
    command = [sys.executable, "-c", FILL % rows, str(tmp_path / "crm.duckdb")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "disk has room" in told.stdout
    assert "[(0,)]" in told.stdout


def test_a_create_waits_for_another_s_and_says_so(user, session, monkeypatch):
    """A transaction left open is waited for without haste, then named with a hint."""
    monkeypatch.setattr("lht.warehouse.duckdb_tables._CONFLICT_SECONDS", 0.3)
    user.execute("BEGIN; CREATE SCHEMA crm")
    tried = time.process_time()
    with pytest.raises(WarehouseError, match="not committed") as caught:
        session.ensure_schema("crm")
    assert time.process_time() - tried < 0.2
    assert "commit" in caught.value.hint
    user.execute("COMMIT")
    session.ensure_schema("crm")


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_file_that_another_process_has_open_is_busy(tmp_path):
    """A locked file is an error of ours that can be tried later, with a hint."""
    path = tmp_path / "crm.duckdb"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseUnavailableError, match=r"crm\.duckdb") as caught:
            DuckDBWarehouse(path)
        holder.stdin.close()
        holder.wait()
    assert caught.value.transient
    assert "close the other program" in caught.value.hint
    DuckDBWarehouse(path).close()


@pytest.mark.parametrize("content", [None, b"no database at all, only text" * 99])
def test_what_cannot_be_a_database_is_a_setting_to_mend(tmp_path, content):
    """A missing folder or another file is told as a wrong setting."""
    path = tmp_path / "folder" / "crm.duckdb"
    if content:
        path.parent.mkdir()
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be opened"):
        DuckDBWarehouse(path)


@pytest.mark.parametrize("prefix", ["", "duckdb:///"])
def test_a_file_comes_into_being_only_where_it_may(tmp_path, prefix):
    """Looking creates no file; loading does. Paths and URLs are both fine."""
    path: Path = tmp_path / "crm.duckdb"
    looking = DuckDBWarehouse(f"{prefix}{path}", create=False)
    with looking.session() as session:
        assert session.read_table(REF) is None
    looking.close()
    assert not path.exists()
    loading = DuckDBWarehouse(f"{prefix}{path}")
    assert loading.display == f"duckdb:///{path}"
    loading.close()
    assert path.exists()
