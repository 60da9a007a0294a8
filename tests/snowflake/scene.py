"""What a test of the whole line on Snowflake acts with, and how it looks at the tables.

What is in a table is read past the connector, from the DuckDB behind the fake server;
what must be in it, from the org's own store.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import duckdb
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkSessionException
from tests.emulator.comparing import (
    Rows,
    assert_books_are_in_order,
    assert_equal,
    org_rows,
)
from tests.emulator.scene import Scene
from tests.snowflake.fake import Server, Statement

from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Metadata, SObject
from lht.warehouse.snowflake_tables import LEFTOVER

# The wide standard objects are narrowed to these: statements grow with each column.
NARROWED = ("Account", "Contact", "Lead")
KEPT = frozenset(
    (
        *("Id", "IsDeleted", "MasterRecordId", "Name", "LastName", "Company", "Site"),
        *("ParentId", "AccountId", "OwnerId", "Industry", "AnnualRevenue"),
        *("NumberOfEmployees", "CreatedDate", "CreatedById", "LastModifiedDate"),
        *("LastModifiedById", "SystemModstamp", "Status", "LastActivityDate"),
    )
)
GUEST = (
    "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA(), CURRENT_TRANSACTION(),"
    " CURRENT_ROLE(), CURRENT_WAREHOUSE()"
)


def narrow_metadata() -> Metadata:
    """Return what an org consists of, the wide objects with few fields."""

    def narrow(found: SObject) -> SObject:
        if found.name not in NARROWED:
            return found
        return replace(found, fields=tuple(f for f in found.fields if f.name in KEPT))

    return Metadata(sobjects=tuple(map(narrow, load_metadata().sobjects)))


@dataclass(frozen=True)
class Past:
    """The tables of a database, past the connector."""

    server: Server
    database: str

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Open a cursor on what is committed."""
        return self.server.duck(self.database)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query in DuckDB's SQL."""
        with closing(self.cursor()) as cursor:
            return cursor.execute(sql, values).fetchall()

    def rows(self, table: str) -> Rows:
        """Return all values of a table by Id, columns in upper case."""
        with closing(self.cursor()) as cursor:
            found = cursor.execute(f"SELECT * FROM {table}")
            names = [column[0].upper() for column in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        by_id = {row["ID"]: row for row in rows}
        assert len(by_id) == len(rows), "an Id occurs more than once"
        return by_id

    def has_table(self, name: str) -> bool:
        """Tell whether any schema has a table of this name."""
        tables = "SELECT 1 FROM duckdb_tables() WHERE (database_name, table_name)"
        return bool(self.query(f"{tables} = (?, ?)", self.database, name))

    def columns(self, table: str) -> dict[str, str]:
        """Return the types of a table's columns, as DuckDB keeps them."""
        with closing(self.cursor()) as cursor:
            found = cursor.execute(f"SELECT * FROM {table} LIMIT 0")
            return {column[0]: str(column[1]) for column in found.description}


def folded(rows: Rows) -> Rows:
    """Return rows of an org, or of DuckDB, as Snowflake has them."""
    return {
        key: {name.upper(): _stored(value) for name, value in row.items()}
        for key, row in rows.items()
    }


def _stored(value: Any) -> Any:
    """Return a value as Snowflake keeps it: its integers are decimals."""
    return Decimal(value) if type(value) is int else value


@dataclass(kw_only=True)
class SnowflakeScene(Scene):
    """A scene whose warehouse is a Snowpark session to the fake Snowflake."""

    warehouse: Session
    server: Server
    database: str

    @property
    def past(self) -> Past:
        """The tables, past the connector."""
        return Past(self.server, self.database)

    @property
    def statements(self) -> list[Statement]:
        """What the server was told."""
        return self.server.statements

    def check(self, *objects: str) -> None:
        """Fail unless tables and org agree, the books too, and nothing is left over."""
        for sobject in objects:
            self.check_table(sobject, f'RAW."{sobject.upper()}"')
        assert_books_are_in_order(self.past)
        assert self.leftovers() == []

    def check_table(self, sobject: str, table: str) -> None:
        """Fail unless a table has every record of the org, each with all its values."""
        assert_equal(folded(org_rows(self.org, sobject)), self.past.rows(table))

    def scalar(self, query: str) -> Any:
        """Return the only value of a query in DuckDB's SQL."""
        return self.past.query(query)[0][0]

    def run_sql(self, *statements: str) -> None:
        """Run statements of the user's own in another session."""
        with self.other() as session:
            for statement in statements:
                session.sql(statement).collect()

    @contextmanager
    def other(self, **options: Any) -> Iterator[Session]:
        """Open another session for the block, in which it may be ended."""
        session = self.server.session(self.database, **options)
        try:
            yield session
        finally:
            with suppress(SnowparkSessionException):
                session.close()

    def leftovers(self) -> list[str]:
        """Return the tables and stages of ours that are still there."""
        tables = self.past.query(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ?",
            self.database,
        )
        temporary = (n for s in self.server.sessions.values() for n in s.temporary)
        stages = (name for _, name in self.server.stages._stages)
        scratch = [n.name for n in (*temporary, *stages) if n.database == self.database]
        return [n for n in (*(n for (n,) in tables), *scratch) if LEFTOVER in n]

    def guest(self) -> Mapping[str, Any]:
        """Return what a run must leave as it was in the session."""
        (context,) = self.warehouse.sql(GUEST).collect()
        parameters = self.warehouse.sql("SHOW PARAMETERS").collect()
        return context.as_dict() | {row["key"]: row["value"] for row in parameters}

    def expire_leases(self) -> None:
        """Let the time pass after which a dead run's lease is over."""
        past = "UPDATE LHT.\"LEASES\" SET EXPIRES_AT = TIMESTAMP '2000-01-01'"
        self.past.query(past)
