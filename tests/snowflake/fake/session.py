"""One session: its context, its transaction, and the road each statement takes."""

import contextlib
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import pyarrow as pa
from sqlglot import exp
from tests.snowflake.fake import dialect
from tests.snowflake.fake.catalog import Catalog, Name
from tests.snowflake.fake.duck import Duck
from tests.snowflake.fake.errors import GapError, RefusedError, missing, refused

if TYPE_CHECKING:
    from tests.snowflake.fake.server import Server

T = TypeVar("T")
Rows = list[list[Any]]

# Source: STATEMENT_TYPE_ID_* of the connector's constants
QUERY, INSERT, UPDATE, DELETE = 0x1000, 0x3100, 0x3200, 0x3300
MERGE, COPY, CONTROL, DDL = 0x3400, 0x3600, 0x4000, 0x6000

IDENTIFIER = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
FULL_NAME = rf"{IDENTIFIER}(?:\s*\.\s*{IDENTIFIER})*"


@dataclass
class Answer:
    """What a statement gives: rows, counts of changed rows, or files to move."""

    kind: int
    table: pa.Table | None = None
    variants: frozenset[int] = frozenset()
    counts: dict[str, int] | None = None
    transfer: dict[str, Any] | None = None


def status(text: str = "Statement executed successfully.", kind: int = DDL) -> Answer:
    return Answer(kind, pa.table({"status": [text]}))


class Transaction:
    """A transaction of Snowflake's on one of DuckDB's.

    DuckDB's begins with the first write, so that until then what others commit is seen.
    A statement that fails ends DuckDB's and not Snowflake's: what was done before is
    then done again.
    """

    def __init__(self, duck: Duck) -> None:
        self.id = str(uuid.uuid4().int % 10**19)
        self._duck = duck
        self._done: list[Callable[[], Any]] = []
        self._begun = False
        self._broken = False

    def mend(self) -> None:
        """Do again what was done before the statement that failed."""
        if self._broken:
            self._begin()

    def write(self, run: Callable[[], T]) -> T:
        self._begin()
        result = self._guarded(run)
        self._done.append(run)
        return result

    def read(self, run: Callable[[], T]) -> T:
        if not self._begun:
            return run()
        return self._guarded(run)

    def end(self, how: str) -> None:
        if not self._begun:
            return
        self._begun = False
        self._duck.run(how)

    def _begin(self) -> None:
        if self._begun and not self._broken:
            return
        if self._broken:
            self._duck.run("ROLLBACK")
        self._duck.run("BEGIN")
        self._begun, self._broken = True, False
        for run in self._done:
            run()

    def _guarded(self, run: Callable[[], T]) -> T:
        try:
            return run()
        except BaseException:  # whatever it was, to do it all again is right
            self._broken = True
            raise


@dataclass(eq=False)
class Session:
    """What the server knows of one login."""

    server: "Server"
    token: str
    duck: Duck
    database: str | None
    schema: str | None
    parameters: dict[str, Any]
    transaction: Transaction | None = None
    temporary: set[Name] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)  # of the tables of a statement
    id: str = field(default_factory=lambda: str(uuid.uuid4().int % 10**16))

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.duck, self.temporary, self._stages)
        self.use(self.database, self.schema)

    def _stages(self, database: str) -> list[dict[str, Any]]:
        return self.server.stages.shown(self.id, database)

    @property
    def autocommit(self) -> bool:
        return str(self.parameters.get("AUTOCOMMIT", True)).lower() != "false"

    def use(self, database: str | None, schema: str | None) -> None:
        """Make these current, as far as they exist."""
        known = database is not None and self.catalog.has_database(database)
        self.database = database if known else None
        schema = schema or "PUBLIC"
        here = known and self.catalog.has_schema(str(database), schema)
        self.schema = schema if here else None

    def close(self) -> None:
        """Roll back, and let go of what only this session had."""
        self.end("ROLLBACK")
        self.server.stages.forget(self.id)
        self.duck.close()

    # -- what a statement's text asks of the session ----------------------------------

    def name(self, *parts: str) -> Name:
        """Complete a name by the current database and schema."""
        if len(parts) > 3:
            raise RefusedError(
                f"SQL compilation error:\ninvalid name {'.'.join(parts)}"
            )
        context = (self.database, self.schema)[: 3 - len(parts)]
        whole = (*context, *parts)
        if None in whole:
            words = "This session does not have a current database or schema."
            raise RefusedError(f"Cannot perform operation. {words}", 90105, "22000")
        return Name(*[str(part) for part in whole])

    def written_name(self, text: str) -> Name:
        """Read a name as it is written in a statement."""
        parts = re.findall(IDENTIFIER, text)
        return self.name(*map(folded, parts))

    def table_name(self, node: exp.Expression) -> Name:
        """Read the name of a table node."""
        parts = [
            part for part in (node.args.get("catalog"), node.args.get("db")) if part
        ]
        return self.name(*[folded_node(part) for part in (*parts, node.this)])

    def existing(self, name: Name) -> Name:
        """Say where a table or view is kept.

        Raises:
            RefusedError: There is none, or the session may not see it.
        """
        if place := self.catalog.place(name):
            return place
        raise missing(f"Object '{name}'")

    def table(self, node: exp.Table) -> exp.Expression:
        """Put the place of a table for its name, in a query."""
        if not isinstance(node.this, exp.Identifier):
            raise RefusedError(
                f"SQL compilation error:\nUnknown table function {node.sql()}"
            )
        if node.args.get("pivots") or node.args.get("sample") or node.args.get("when"):
            raise GapError(f"{node.sql('snowflake')} in FROM")
        name = self.table_name(node)
        if name.schema == "INFORMATION_SCHEMA":
            place: tuple[str, ...] = (self._listed(name),)
        else:
            place = self.existing(name)
            self.columns |= {column.name for column in self.catalog.columns(place)}
        table = exp.table_(*reversed(place[-3:]), quoted=True)
        alias = node.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(name.name, quoted=True)
        )
        table.set("alias", alias)
        return table

    def _listed(self, name: Name) -> str:
        listing = self.catalog.listing(name.database, name.name)
        if listing is None or not self.catalog.has_database(name.database):
            raise missing(f"Object '{name}'")
        place = f"{name.database} {name.schema} {name.name}"
        self.duck.register(place, listing)
        return place

    def context(self, name: str) -> str | None:
        known = {
            "CURRENT_DATABASE": self.database,
            "CURRENT_SCHEMA": self.schema,
            "CURRENT_TRANSACTION": self.transaction and self.transaction.id,
            "CURRENT_SESSION": self.id,
            "CURRENT_ROLE": "SYSADMIN",
            "CURRENT_WAREHOUSE": "COMPUTE_WH",
            "CURRENT_ACCOUNT": "XY12345",
            "CURRENT_ACCOUNT_NAME": "FAKE",
            "CURRENT_ORGANIZATION_NAME": "LOOPBACK",
            "CURRENT_USER": "TESTER",
            "CURRENT_REGION": "AWS_US_WEST_2",
            "CURRENT_VERSION": "10.0.0",
        }
        return known[name]

    # -- reading and writing -----------------------------------------------------------

    def read(self, run: Callable[[], T]) -> T:
        return self.transaction.read(run) if self.transaction else run()

    def write(self, run: Callable[[], T], *, locks: Name | None = None) -> T:
        """Change rows, in the open transaction or in one of the statement's own.

        Args:
            run: Makes the change. It is done again after a later failure.
            locks: The table whose rows are changed or removed: one transaction at a
                time may, the others wait.
        """
        if locks:
            self.server.await_lock(locks, self)
        if self.transaction is None and not self.autocommit:
            self.begin()
        if self.transaction is None:
            return atomically(self.duck, run)
        if locks:
            self.server.locks[locks] = self
        return self.transaction.write(run)

    def define(self, run: Callable[[], T]) -> T:
        """Change definitions, which commits the open transaction first."""
        self.end("COMMIT")
        return atomically(self.duck, run)

    def begin(self) -> None:
        if self.transaction is None:
            self.transaction = Transaction(self.duck)

    def end(self, how: str) -> None:
        """Commit or roll back the open transaction, if there is one."""
        transaction, self.transaction = self.transaction, None
        try:
            if transaction:
                transaction.end(how)
        finally:
            self.server.release(self)

    # -- the road of a statement -------------------------------------------------------

    def execute(self, text: str, rows: Rows, *, array: bool) -> Answer:
        """Carry out one statement.

        Raises:
            RefusedError: Snowflake would not, or the fake cannot.
        """
        try:
            if self.transaction and not text.upper().startswith("ROLLBACK"):
                self.transaction.mend()
            for pattern, run in COMMANDS:
                if match := pattern.match(text):
                    return run(self, text, match)
            tree = dialect.parsed(text)
            if type(tree) not in STATEMENTS:
                raise GapError(f"{tree.key.upper()} statements")
            return STATEMENTS[type(tree)](self, tree, rows, array)
        except duckdb.Error as error:
            raise refused(error) from error

    def forbid(self, what: str) -> None:
        """Refuse what a procedure with its owner's rights may not do."""
        if self.server.owners_rights:
            words = f"Unsupported statement type '{what}'."
            text = f"Stored procedure execution error: {words}"
            raise RefusedError(text, 90236, "42601")


Command = Callable[[Session, str, re.Match[str]], Answer]
Statement = Callable[[Session, Any, Rows, bool], Answer]
COMMANDS: list[tuple[re.Pattern[str], Command]] = []
STATEMENTS: dict[type[exp.Expression], Statement] = {}


def command(pattern: str) -> Callable[[Command], Command]:
    """Take statements whose text begins like this."""

    def register(run: Command) -> Command:
        spaced = pattern.replace(" ", r"\s+")
        COMMANDS.append((re.compile(rf"\s*{spaced}", re.IGNORECASE | re.DOTALL), run))
        return run

    return register


def statement(*kinds: type[exp.Expression]) -> Callable[[Statement], Statement]:
    """Take statements that sqlglot parses as one of these."""

    def register(run: Statement) -> Statement:
        STATEMENTS.update(dict.fromkeys(kinds, run))
        return run

    return register


def atomically(duck: Duck, run: Callable[[], T]) -> T:
    with transaction_of(duck):
        return run()


@contextlib.contextmanager
def transaction_of(duck: Duck) -> Iterator[None]:
    duck.run("BEGIN")
    try:
        yield
    except BaseException:  # whatever it was, the next BEGIN finds none open
        duck.run("ROLLBACK")
        raise
    duck.run("COMMIT")


def folded(identifier: str) -> str:
    """Fold an identifier as Snowflake does: what is not quoted is upper-case."""
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier.upper()


def folded_node(node: exp.Expression) -> str:
    return node.name if node.args.get("quoted") else node.name.upper()


def unquoted(text: str) -> str:
    """Read a text literal: what stands between its quotes."""
    inner = text[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inner)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
