"""Opening DuckDB databases, and what goes wrong with it."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from lht.exceptions import ConfigError, WarehouseError, WarehouseUnavailableError

URL_PREFIX: Final = "duckdb:///"
IN_MEMORY: Final = ":memory:"
# What DuckDB may keep of a file in memory. It takes four fifths of the machine's
# otherwise, although a load is not faster for it. With less, it moves some of what it
# is about to write to a temporary folder already where rows are of a usual width.
_MEMORY_LIMIT: Final = "270MB"
_LARGER: Final = ("GiB", "TiB")  # units in which DuckDB tells larger limits
_QUIET: Final = (duckdb.ConversionException, duckdb.ConstraintException)

# A connection that is busy with one thread's call refuses another's.
_one_at_a_time: Final = threading.Lock()


@contextlib.contextmanager
def translated(statement: str | None = None) -> Iterator[None]:
    """Turn what DuckDB raises in the block into an error of ours."""
    try:
        yield
    except duckdb.Error as error:
        quiet = isinstance(error, _QUIET)  # their texts quote values
        raise WarehouseError(
            f"DuckDB refused a statement ({type(error).__name__})",
            why=None if quiet else str(error),
            hint=_hint(error),
            statement=statement,
        ) from error


def _hint(error: duckdb.Error) -> str | None:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "SET memory_limit to more, on a connection of your own"
    if isinstance(error, duckdb.IOException) or "Could not write file" in str(error):
        return "see that the disk has room and the file can be written"
    if isinstance(error, duckdb.ConnectionException):
        return "keep the connection open until the run has ended"
    return None


def path_of(target: str | Path) -> str:
    """Return the path of a database, or ``:memory:``, from a path or a URL.

    Raises:
        ConfigError: It is neither.
    """
    path = str(target).removeprefix(URL_PREFIX)
    if not path or "\0" in path or path.startswith("duckdb:"):
        raise ConfigError(
            f"{str(target)!r} names no DuckDB file",
            hint=f"write {URL_PREFIX}lht.duckdb",
        )
    return path


def current_database(connection: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """Return name and path of the database that a connection uses.

    The connection itself is asked only if there are several databases. What it still
    has to give from a statement before is not touched.

    Raises:
        ConfigError: It is closed or busy, or its transaction has failed.
    """
    try:
        with _one_at_a_time, contextlib.closing(connection.cursor()) as cursor:
            paths = dict(
                cursor.execute(
                    "SELECT database_name, coalesce(path, '') FROM duckdb_databases()"
                    " WHERE NOT internal"
                ).fetchall()
            )
        name = next(iter(paths))
        if len(paths) > 1:
            with _one_at_a_time:
                ((name,),) = connection.sql("SELECT current_database()").fetchall()
    except duckdb.Error as error:
        raise ConfigError(
            "the DuckDB connection cannot be used",
            why=str(error),
            hint="give one that is open, does nothing else at the moment, has no rows"
            " left to fetch, and whose transaction has not failed",
        ) from error
    return str(name), str(paths.get(name, ""))


def check_writable(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Raise unless tables of the database can be written.

    Raises:
        ConfigError: It was opened to be read only.
    """
    with translated(), contextlib.closing(connection.cursor()) as cursor:
        found = cursor.execute(
            "SELECT readonly FROM duckdb_databases() WHERE database_name = ?",
            [database],
        ).fetchone()
    if found and found[0]:
        raise ConfigError(
            f"the DuckDB database {database} is open to be read only",
            hint="open it without read_only, or name another warehouse",
        )


@contextlib.contextmanager
def open_database(
    path: str, *, create: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database for the block: a path, or ``:memory:``.

    Args:
        path: Of the file.
        create: Whether a file that does not exist comes into being; if not, an empty
            database in memory stands for it.

    Raises:
        WarehouseUnavailableError: The file is open in another process.
        ConfigError: The path cannot be a database.
    """
    if not create and not os.path.exists(path):  # noqa: PTH110  for any text
        path = IN_MEMORY
    connection = _connected(path)
    try:
        with (
            contextlib.nullcontext()
            if path == IN_MEMORY
            else _bounded_memory(connection)
        ):
            yield connection
    finally:
        with translated():
            connection.close()


def _connected(path: str) -> duckdb.DuckDBPyConnection:
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


@contextlib.contextmanager
def _bounded_memory(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep what DuckDB holds in memory small during the block.

    A limit that somebody has chosen stays, for the database may be shared with other
    connections of this process.
    """
    with translated(), duckdb.connect() as untouched:
        limit = _memory_limit(connection)
        bounded = limit == _memory_limit(untouched) and limit.endswith(_LARGER)
        if bounded:
            connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):  # it is closed next
            if bounded:
                connection.execute("RESET memory_limit")


def _memory_limit(connection: duckdb.DuckDBPyConnection) -> str:
    ((limit,),) = connection.execute(
        "SELECT current_setting('memory_limit')"
    ).fetchall()
    return str(limit)
