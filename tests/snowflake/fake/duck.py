"""DuckDB, each statement carried out to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

T = TypeVar("T")

_DEFINING = ("CREATE", "ALTER", "DROP", "COMMENT", "ATTACH", "DETACH", "COPY")
_ENDING = ("COMMIT", "ROLLBACK")


@dataclass
class Definitions:
    """How often anything was defined in a DuckDB instance."""

    count: int = 0


class Duck:
    """One connection to the DuckDB behind a server.

    Args:
        connection: To be used by nobody else.
        definitions: Of all connections to the instance.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, definitions: Definitions
    ) -> None:
        self._connection = connection
        self._definitions = definitions
        self._begun: int | None = None  # the count when the open transaction began
        self._known: dict[Callable[[], Any], tuple[int, Any]] = {}

    def run(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Carry out a statement, and read all it gives."""
        try:
            return self._connection.execute(sql, values or []).fetchall()
        finally:
            self._count(sql.lstrip()[:8].upper())

    def _count(self, sql: str) -> None:
        if sql.startswith(_DEFINING):
            self._definitions.count += 1
        elif sql.startswith("BEGIN") and self._begun is None:
            self._begun = self._definitions.count
        elif sql.startswith(_ENDING):
            # what the transaction defined is there, or gone, from now on
            self._definitions.count += self._begun not in {
                None,
                self._definitions.count,
            }
            self._begun = None

    def once(self, read: Callable[[], T]) -> T:
        """Read what is defined; again only when something has been, anywhere.

        A transaction sees what there was when it began, and what it defines itself:
        what is read in it counts as of then.
        """
        count, found = self._known.get(read, (-1, None))
        if count != self._definitions.count:
            count = self._definitions.count if self._begun is None else self._begun
            found = read()
            self._known[read] = (count, found)
        return found

    def fetch(self, sql: str, values: list[Any]) -> tuple[pa.Table, list[str]]:
        """Read a query's rows, and the names of DuckDB's types of its columns."""
        relation = self._connection.sql(sql, params=values or None)
        return relation.to_arrow_table(), [str(kind) for kind in relation.types]

    def describe(self, sql: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self.run(f"DESCRIBE {sql}")]

    def register(self, name: str, table: pa.Table) -> None:
        """Give a table of Arrow's a name in this connection."""
        self._connection.register(name, table)

    def unregister(self, name: str) -> None:
        self._connection.unregister(name)

    def close(self) -> None:
        self._connection.close()
