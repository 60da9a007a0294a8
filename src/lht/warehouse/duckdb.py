"""DuckDB: the embedded default warehouse.

A load happens inside one transaction on a cursor of our own. Readers see the table as
it was until the commit, because DuckDB keeps versions; so a full refresh can replace
the rows of the very same table, and whatever hangs on the table (indexes, constraints,
defaults, comments, views) simply stays.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

import duckdb

from lht.exceptions import WarehouseUnavailableError
from lht.pages import Pages
from lht.warehouse.base import Capabilities, LoadCounts, Target
from lht.warehouse.duckdb_open import (
    IN_MEMORY,
    URL_PREFIX,
    check_writable,
    current_database,
    open_database,
    path_of,
)
from lht.warehouse.duckdb_rows import DuckDBRows

CAPABILITIES: Final = Capabilities(
    kind="duckdb",
    stages=False,
    single_process=True,
    parallel_loads=1,
    enforced_keys=True,
    lease_seconds=120.0,
)


class DuckDBWarehouse:
    """A DuckDB database: a file, ``:memory:``, or a connection that a caller has.

    Args:
        target: A path, a ``duckdb:///`` URL or an open connection. A connection stays
            the caller's; its transactions and settings are not touched.
        create: Whether it is to be written, so that a file that does not exist comes
            into being; if not, an empty database in memory stands for it.

    Raises:
        WarehouseUnavailableError: The file is open in another process.
        ConfigError: It cannot be a database, or not one that can be written.
    """

    capabilities = CAPABILITIES
    schema: str | None = None

    def __init__(
        self, target: str | Path | duckdb.DuckDBPyConnection, *, create: bool = True
    ) -> None:
        with contextlib.ExitStack() as opened:
            if isinstance(target, duckdb.DuckDBPyConnection):
                self._root = target
                self._database, path = current_database(target)
            else:
                path = path_of(target)
                self._root = opened.enter_context(open_database(path, create=create))
                self._database, _ = current_database(self._root)
            if create:
                check_writable(self._root, self._database)
            self._opened = opened.pop_all()
        shown = path.partition("?")[0]  # what follows may be a token
        self.display = f"{URL_PREFIX}{shown or IN_MEMORY}"

    def session(self) -> "DuckDBSession":
        """Open a cursor of our own, in the database that the caller's connection uses.

        Raises:
            WarehouseUnavailableError: The connection was closed meanwhile.
        """
        try:
            cursor = self._root.cursor()
        except duckdb.Error as error:
            raise WarehouseUnavailableError(
                f"{self.display} was closed", why=str(error), hint="open it again"
            ) from error
        return DuckDBSession(cursor, self._database)

    def close(self) -> None:
        """Close the database if it was opened here."""
        self._opened.close()


def is_connection(value: object) -> bool:
    """Tell whether *value* is a DuckDB connection."""
    return isinstance(value, duckdb.DuckDBPyConnection)


class DuckDBSession(DuckDBRows):
    """One cursor, used by one thread: it loads batches into tables."""

    @contextlib.contextmanager
    def load(self, target: Target, pages: Pages) -> Iterator[LoadCounts]:
        """Load the pages in one transaction; see ``Session``."""
        with self.transaction():
            if target.table is None:
                self.create_table(target.ref, target.schema)
                schema = target.schema
            else:
                schema = self.align(target.table, target.schema)
            self._arriving = schema
            batches = pages.through(lambda page: page.decoded(self._arriving))
            write = self.replace_rows if target.full else self.merge_rows
            yield write(target, schema, batches)

    def drop_leftovers(self, schema: str, alive: Callable[[], Collection[str]]) -> None:
        """Do nothing: what a load needs exists inside its transaction only."""
