"""What a contender is given, and what it took."""

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Task:
    """The rows to move, and where everything is."""

    connection: dict[str, str]  # url, client_id, client_secret
    database: str  # the file to fill, or to bring up to date
    sobjects: tuple[str, ...]
    fields: tuple[str, ...] | None = None  # None: all
    job_id: str = ""  # none: a job of its own, which it keeps
    job_path: str = ""
    token: str = ""
    pages: tuple[str, ...] = ()  # plain files, for who reads those
    page_rows: tuple[int, ...] = ()  # of each of them
    wire_bytes: int = 0  # of all of them, compressed
    connections: int = 1  # of a download
    columns: dict[str, str] = field(default_factory=dict)  # with SQL types
    checksum: str = ""  # what the table must have, once it is known

    @property
    def sobject(self) -> str:
        """The only object, or the first one."""
        return self.sobjects[0]

    @property
    def table(self) -> str:
        """The table that a sync of the object fills."""
        return f"raw.{self.sobject}"

    @property
    def rows(self) -> int:
        """How many rows the pages have."""
        return sum(self.page_rows)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one contender took, from the completed job to the closed database."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    rows: int
    checksum: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    job_id: str = ""
    began_at: float = 0.0  # by the clock that all processes share
    ended_at: float = 0.0


class Stopwatch:
    """Wall and CPU time of this process, all its threads together."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def taken(self, rows: int) -> Taken:
        """Return what was taken since the start, and the most memory ever held."""
        ended_at, cpu = time.monotonic(), time.process_time()
        return Taken(
            wall_seconds=ended_at - self._wall,
            cpu_seconds=cpu - self._cpu,
            peak_bytes=peak_bytes(),
            rows=rows,
            began_at=self._wall,
            ended_at=ended_at,
        )


def peak_bytes() -> int:
    """Return the most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():  # not what getrusage says: that is the parent's, if greater
        lines = status.read_text().splitlines()
        return 1024 * next(int(s.split()[1]) for s in lines if s.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def columns(database: str, table: str) -> dict[str, str]:
    """Return a table's columns and their SQL types."""
    import duckdb

    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {name: kind for name, kind, *_ in rows}


def checksum(database: str, table: str) -> str:
    """Return what tables of the same rows share, whatever the order of the rows."""
    names = ", ".join(f'"{name}"' for name in columns(database, table))
    return str(scalar(database, f"SELECT sum(hash({names})) FROM {table}"))


def scalar(database: str, statement: str) -> int:
    """Return the only number that a statement finds."""
    import duckdb

    with duckdb.connect(database, read_only=True) as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
