"""DuckDB, each statement carried out to its end."""

from typing import Any

import duckdb
import pyarrow as pa


class Duck:
    """One connection to the DuckDB behind a server.

    Args:
        connection: To be used by nobody else.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Carry out a statement, and read all it gives."""
        return self._connection.execute(sql, values or []).fetchall()

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
