"""Opening DuckDB databases, and what goes wrong with it."""

import threading
from typing import Final

import duckdb

from lht.exceptions import ConfigError, WarehouseUnavailableError

# A connection that is busy with one thread's call refuses another's.
_one_at_a_time: Final = threading.Lock()


def current_database(connection: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """Return name and path of the database that a connection uses.

    Raises:
        ConfigError: It is closed or busy, or its transaction has failed.
    """
    try:
        with _one_at_a_time:
            ((name, path),) = connection.execute(
                "SELECT database_name, coalesce(path, '') FROM duckdb_databases()"
                " WHERE database_name = current_database()"
            ).fetchall()  # what is left of a result would keep its snapshot open
    except duckdb.Error as error:
        raise ConfigError(
            "the DuckDB connection cannot be used",
            why=str(error),
            hint="give one that is open, does nothing else at the moment, and whose"
            " transaction has not failed",
        ) from error
    return str(name), str(path)


def open_database(path: str) -> duckdb.DuckDBPyConnection:
    """Open a database: a path, or ``:memory:``.

    Raises:
        WarehouseUnavailableError: The file is open in another process.
        ConfigError: The path cannot be a database.
    """
    try:
        return duckdb.connect(path)
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
            raise WarehouseUnavailableError(
                f"{path} is open in another process",
                why=str(error),
                hint="a DuckDB file has one writer: close the other program, then"
                " run it again",
            ) from error
        raise ConfigError(
            f"{path} cannot be opened as a DuckDB database",
            why=str(error),
            hint="check that the folder exists, that the file is a DuckDB database and"
            " that this process has it not open with other settings",
        ) from error
