"""One connection to Snowflake: statements, transactions, and the shape of tables.

All statements of a connection share its one transaction. So they run one after the
other, and while one thread has a transaction open, all others wait for its end. Names
are always qualified and quoted: nothing rests on the session's database or schema.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Self
from weakref import WeakKeyDictionary

from lht.exceptions import (
    CommitStateUnknownError,
    ConfigError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.schema import SchemaChange, TableColumn, TableInfo, TableRef, TableSchema
from lht.typemap import SNOWFLAKE, sql_type
from lht.warehouse import snowflake_columns as columns
from lht.warehouse import sql
from lht.warehouse.snowflake_catalog import COLUMN_FACTS, CatalogColumn, CatalogTable
from lht.warehouse.snowflake_errors import translated
from lht.warehouse.snowflake_open import QUERY_TAG, OpenedSnowflake
from lht.warehouse.snowflake_statements import LEFTOVER

UNLEASED: Final = "W"  # begins the ids of what no lease tells to be alive: for a day
_LEFTOVER: Final = re.compile(rf"[A-Z]+{LEFTOVER}([0-9A-Z]+)_[0-9]+")
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE")
_locks: Final = WeakKeyDictionary[Any, threading.RLock]()  # of connections
_locks_lock: Final = threading.Lock()
_BINDS: Final = (
    60_000  # values of one statement; with more, the connector makes a stage
)


@dataclass(slots=True, kw_only=True)
class House:
    """What all sessions to one Snowflake database share."""

    opened: OpenedSnowflake
    database: str
    lock: threading.RLock = field(init=False)  # its transaction is the connection's
    known: set[TableRef] = field(default_factory=set)  # tables that were seen
    temporary: bool = True  # whether temporary objects may be made
    in_transaction: bool = False

    def __post_init__(self) -> None:
        self.lock = _lock_of(self.opened.connection)

    @property
    def pyformat(self) -> bool:
        """Whether the connector would write values into the statement's text."""
        return bool(getattr(self.opened.connection, "is_pyformat", False))

    @property
    def autocommit(self) -> bool:
        """Whether a statement is committed by itself."""
        parameters = getattr(self.opened.connection, "_session_parameters", None) or {}
        return bool(parameters.get("AUTOCOMMIT", True))


def _lock_of(connection: Any) -> threading.RLock:
    """Return the one lock of a connection, however often lht has been given it."""
    with _locks_lock:
        return _locks.setdefault(connection, threading.RLock())


class Found(NamedTuple):
    """What a statement returned."""

    names: list[str]  # of the columns, in lower case
    rows: list[tuple[Any, ...]]


class SnowflakeTables:
    """One cursor of our own, used by one thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        with translated():
            self._cursor = house.opened.connection.cursor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the cursor."""
        with contextlib.suppress(WarehouseError), translated():
            self._cursor.close()

    # -- statements ---------------------------------------------------------------

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; see ``Session``."""
        self.query(statement, parameters)

    def query(
        self, statement: str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; see ``Session``."""
        return self._committed(statement, parameters).rows

    def records(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement and return its rows by column names in lower case."""
        found = self._committed(statement)
        return [dict(zip(found.names, row, strict=True)) for row in found.rows]

    def insert_rows(
        self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert rows of texts into a qualified table, many with each statement."""
        each = max(1, _BINDS // max(1, len(names)))
        statement = sql.insert(table, names)
        for start in range(0, len(rows), each):
            self._committed(statement, rows[start : start + each], many=True)

    def _committed(
        self, statement: str, parameters: Sequence[Any] = (), *, many: bool = False
    ) -> "Found":
        """Run a statement; commit it, unless it is part of an open transaction."""
        house, writes = self._house, statement.startswith(_WRITES)
        with house.lock:
            if not writes or house.in_transaction or house.autocommit:
                return self._run(statement, parameters, many=many)
            with self.transaction():
                return self._run(statement, parameters, many=many)

    def _run(
        self, statement: str, parameters: Sequence[Any] = (), *, many: bool = False
    ) -> "Found":
        """Send one statement to Snowflake: every statement of ours passes here.

        Args:
            statement: With a ``?`` for each parameter.
            parameters: Its values; with *many* rows of values, for each of which it is
                to be run.
            many: See there.
        """
        with self._house.lock, translated(statement):
            options: dict[str, Any] = {"_statement_params": {"QUERY_TAG": QUERY_TAG}}
            if many and not self._house.pyformat:
                self._cursor.executemany(statement, list(parameters), **options)
            else:
                if parameters and self._house.pyformat:
                    options["_force_qmark_paramstyle"] = True  # not into the text
                for values in parameters if many else (parameters,):
                    self._cursor.execute(statement, list(values) or None, **options)
            names = [column[0].lower() for column in self._cursor.description]
            return Found(names, [tuple(row) for row in self._cursor.fetchall()])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did as one, or none of it.

        Other threads' statements wait: they would be a part of it.
        """
        with self._house.lock:
            self._run("BEGIN TRANSACTION")
            self._house.in_transaction = True
            try:
                yield
                self._commit()
            except BaseException:  # Ctrl-C, too, must not leave it open
                with contextlib.suppress(WarehouseError):  # gone with its session
                    self._run("ROLLBACK")
                raise
            finally:
                self._house.in_transaction = False

    def _commit(self) -> None:
        try:
            self._run("COMMIT")
        except WarehouseUnavailableError as error:
            raise CommitStateUnknownError(
                "Snowflake was lost while committing: it may have landed",
                why=error.why,
                hint="run it again: it goes on from what is there",
            ) from error

    # -- tables -------------------------------------------------------------------

    def name(self, ref: TableRef) -> str:
        """Return a table's name in statements."""
        return sql.name(self._house.database, *_folded(ref))

    def ensure_schema(self, schema: str) -> None:
        """Create a schema unless it exists; the session's own one stays what it was."""
        found = self.query(
            f"SELECT 1 FROM {self._catalog('SCHEMATA')} WHERE SCHEMA_NAME = ?",
            (schema.upper(),),
        )
        if found:
            return
        with self._house.lock:
            ((database, current),) = self.query(
                "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()"
            )
            name = sql.name(self._house.database, schema.upper())
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")  # becomes the current
            if current is not None:
                with contextlib.suppress(WarehouseError):  # not in every procedure
                    self.execute(f"USE SCHEMA {sql.name(database, current)}")

    def ensure(self, statement: str) -> None:
        """Run an idempotent CREATE."""
        self.execute(statement)

    def has_table(self, ref: TableRef) -> bool:
        """Tell whether there is such a table."""
        schema, name = _folded(ref)
        if TableRef(schema, name) not in self._house.known:
            rows = self.query(
                f"SELECT TABLE_NAME FROM {self._catalog('TABLES')}"
                " WHERE TABLE_SCHEMA = ?",
                (schema,),
            )
            self._house.known.update(TableRef(schema, found) for (found,) in rows)
        return TableRef(schema, name) in self._house.known

    def read_table(self, ref: TableRef) -> TableInfo | None:
        """Return the table's columns and row count, or None if there is none.

        Raises:
            ConfigError: It is a view.
        """
        found = self.catalogued(ref)
        if found is None:
            return None
        return found.info(self._scalar(f"SELECT COUNT(*) FROM {self.name(ref)}"))

    def catalogued(self, ref: TableRef) -> CatalogTable | None:
        """Return what the catalogue tells of a table, or None if there is none.

        Raises:
            ConfigError: It is a view.
        """
        rows = self.query(
            f"SELECT t.TABLE_TYPE, t.IS_TRANSIENT, t.COMMENT, {COLUMN_FACTS}"
            f" FROM {self._catalog('TABLES')} t JOIN {self._catalog('COLUMNS')} c"
            " ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME"
            " WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ?"
            " AND c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ?"
            " ORDER BY c.ORDINAL_POSITION",
            _folded(ref) * 2,
        )
        if not rows:
            return None
        kind, transient, comment, *_ = rows[0]
        if "VIEW" in kind:
            raise ConfigError(
                f"{ref} is a view: no rows can be loaded into it",
                hint="name another --schema or --table",
                table=str(ref),
            )
        return CatalogTable(
            ref=ref,
            transient=transient == "YES",
            comment=comment,
            columns=tuple(CatalogColumn(*facts) for _, _, _, *facts in rows),
        )

    def latest(self, ref: TableRef, column: TableColumn) -> datetime | None:
        """Return the greatest instant in a column of a table, as naive UTC."""
        newest = f"MAX({sql.quote(column.name)})"
        found: datetime | None = self._scalar(
            f"SELECT {columns.as_type(newest, column.sql_type, 'timestamp')}"
            f" FROM {self.name(ref)}"
        )
        return found

    def create_table(self, ref: TableRef, schema: TableSchema) -> None:
        """Create an empty table for the schema."""
        body = ", ".join(
            f"{sql.quote(c.name.upper())} {sql_type(c.arrow_type, SNOWFLAKE)}"
            for c in schema.columns
        )
        self.execute(f"CREATE TABLE {self.name(ref)} ({body})")

    def misfits(self, table: TableInfo, schema: TableSchema) -> list[SchemaChange]:
        """Return what must change so that the table holds every value of *schema*."""
        return [
            SchemaChange(
                column=column.name,
                old_type=have.sql_type if have else None,
                new_type=sql_type(columns.holding(have, column), SNOWFLAKE),
            )
            for column in schema.columns
            for have in [table.column(column.name)]
            if have is None
            or not columns.holds(have.sql_type, columns.holding(have, column))
        ]

    def drop_leftovers(self, schema: str, alive: Callable[[], Collection[str]]) -> None:
        """Drop what loads of dead runs left behind; see ``Session``.

        What cannot be listed or dropped now is left for a later run.
        """
        for kind in ("TABLE", "STAGE"):
            with contextlib.suppress(WarehouseError):
                rows = self.query(
                    f"SELECT {kind}_SCHEMA, {kind}_NAME FROM"
                    f" {self._catalog(f'{kind}S')} WHERE {kind}_SCHEMA IN (?, ?)"
                    f" AND CONTAINS({kind}_NAME, '{LEFTOVER}')"
                    f" AND (NOT CONTAINS({kind}_NAME, '{LEFTOVER}{UNLEASED}')"
                    " OR CREATED < DATEADD('DAY', -1, CURRENT_TIMESTAMP()))",
                    (sql.OWN_SCHEMA, schema.upper()),
                )
                living = alive() if rows else ()
                for where, name in rows:
                    ours = _LEFTOVER.fullmatch(name)
                    if ours and ours[1] not in living:
                        found = sql.name(self._house.database, where, name)
                        with contextlib.suppress(WarehouseError):
                            self.execute(f"DROP {kind} IF EXISTS {found}")

    def _catalog(self, view: str) -> str:
        return f"{sql.quote(self._house.database)}.INFORMATION_SCHEMA.{view}"

    def _scalar(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self.query(statement, parameters)[0][0]


def _folded(ref: TableRef) -> tuple[str, str]:
    return ref.schema.upper(), ref.name.upper()
