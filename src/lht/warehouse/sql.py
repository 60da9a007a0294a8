"""SQL for every warehouse: identifiers are quoted, values are parameters."""

from collections.abc import Iterable, Sequence

from lht.schema import TableRef


def quote(name: str) -> str:
    """Return *name* as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def columns(names: Iterable[str], of: str | None = None) -> str:
    """Return a comma-separated list of quoted columns, of table alias *of* if given."""
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + quote(n) for n in names)


def table(ref: TableRef) -> str:
    """Return a table's quoted, qualified name."""
    return f"{quote(ref.schema)}.{quote(ref.name)}"


def create_schema(name: str) -> str:
    """Return the statement that creates a schema unless it exists."""
    return f"CREATE SCHEMA IF NOT EXISTS {quote(name)}"


def insert(ref: TableRef, names: Sequence[str]) -> str:
    """Return an INSERT of one row of parameters."""
    marks = ", ".join("?" for _ in names)
    return f"INSERT INTO {table(ref)} ({columns(names)}) VALUES ({marks})"


def latest(ref: TableRef, column: str) -> str:
    """Return the query for the greatest instant in a column."""
    return f"SELECT CAST(max({quote(column)}) AS TIMESTAMP) FROM {table(ref)}"


def differs(names: Iterable[str], left: str, right: str) -> str:
    """Return the condition that any of the columns differs; NULLs equal each other."""
    return " OR ".join(
        f"{left}.{quote(n)} IS DISTINCT FROM {right}.{quote(n)}" for n in names
    )
