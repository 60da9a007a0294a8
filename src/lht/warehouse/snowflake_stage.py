"""Bringing pages into a staging table, as they came: nothing is parsed on the way.

A page that is a CSV file goes to a stage in the thread that fetched it, and one COPY
takes all files into the staging table; the texts of other pages are bound to INSERTs.
"""

import contextlib
import io
import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

import pyarrow as pa

from lht.exceptions import (
    ConfigError,
    DataError,
    RowCountMismatchError,
    WarehouseError,
)
from lht.pages import CsvFile, Page, Pages, packed
from lht.schema import TableRef, TableSchema
from lht.warehouse import sql
from lht.warehouse.snowflake_errors import AGAIN, runs_elsewhere, translated
from lht.warehouse.snowflake_open import QUERY_TAG, active_session
from lht.warehouse.snowflake_statements import LEFTOVER
from lht.warehouse.snowflake_tables import House, SnowflakeTables

# Values count as a part of the statement, which should not be longer than that.
# Source: https://docs.snowflake.com/en/user-guide/query-size-limits, read 2026-11-21.
_BOUND_BYTES: Final = 2**20
QUALIFIED: Final = 3  # parts of a stage's whole name
_numbers: Final = itertools.count()
# Every option matters; of '' and NULL see ``lht.warehouse.snowflake_values``.
# Source: https://docs.snowflake.com/en/sql-reference/sql/copy-into-table, 2026-11-21.
FILE_FORMAT: Final = (
    "FILE_FORMAT = (TYPE = CSV COMPRESSION = GZIP SKIP_HEADER = 1"
    " FIELD_OPTIONALLY_ENCLOSED_BY = '\"' ESCAPE_UNENCLOSED_FIELD = NONE"
    " NULL_IF = ('') EMPTY_FIELD_AS_NULL = TRUE) ON_ERROR = ABORT_STATEMENT"
)
# What a session without put_stream raises: no session of Snowpark's at all, an old one
# in the procedure, or one of its local tests.
# Source: snowflake-snowpark-python 1.56.0, file_operation.py and mock/_connection.py.
NO_STREAM: Final = (AttributeError, NotImplementedError, io.UnsupportedOperation)
_PART: Final = re.compile(r'"(?:[^"]|"")+"|[\w$]+')
_STAGE_NAME: Final = re.compile(
    rf"@?((?:{_PART.pattern})(?:\.(?:{_PART.pattern})){{0,2}})(?=/|\Z)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a stage."""

    stage: str  # its qualified, quoted name
    folder: str  # without a slash at either end; empty: the stage itself

    @property
    def url(self) -> str:
        """How statements name it; it ends in a slash, for a path is a mere prefix."""
        return self.url_of("")

    def url_of(self, name: str) -> str:
        """How statements name a file in it."""
        return sql.literal(self.path_of(name))

    def path_of(self, name: str) -> str:
        """Return where a file in it is."""
        return "/".join((f"@{self.stage}", *filter(None, (self.folder,)), name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What became of a page: texts still to be inserted, or a file in the stage."""

    num_rows: int
    texts: pa.Table | None = None
    header: tuple[str, ...] = ()
    file_name: str = ""


@dataclass(slots=True)
class Stage:
    """Takes files, from several threads, into a folder; made when the first arrives."""

    session: SnowflakeTables
    house: House
    run_id: str
    wanted: str | None  # the caller's own stage
    near: str  # the schema in which it is looked for last
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _place: Place | None = None

    def take(self, file: CsvFile, name: str) -> None:
        """Put a file into the folder, unchanged, over one of the same name.

        Raises:
            WarehouseError: It is not there now.
        """
        place = self._opened()
        if self.house.opened.in_procedure:
            status = self._streamed(place, file, name)
        else:
            status = self._put(place, file, name)
        if status.upper() != "UPLOADED":
            raise WarehouseError(
                f"a file was not taken by the stage ({status})", hint=AGAIN
            )

    def _put(self, place: Place, file: CsvFile, name: str) -> str:
        statement = (
            f"PUT 'file:///lht/{name}' {place.url} SOURCE_COMPRESSION = GZIP"
            " AUTO_COMPRESS = FALSE OVERWRITE = TRUE PARALLEL = 1"
        )
        with translated(statement), self.house.opened.connection.cursor() as cursor:
            cursor.execute(
                statement,
                file_stream=io.BytesIO(file.wire),
                _statement_params={"QUERY_TAG": QUERY_TAG},
            )
            names = [column[0].lower() for column in cursor.description]
            (row,) = cursor.fetchall()
        return str(dict(zip(names, row, strict=True))["status"])

    def _streamed(self, place: Place, file: CsvFile, name: str) -> str:
        try:
            with translated("PUT"), self.house.lock:
                snowpark: Any = self.house.opened.snowpark or active_session()
                found = snowpark.file.put_stream(
                    io.BytesIO(file.wire),
                    place.path_of(name),
                    parallel=1,
                    auto_compress=False,
                    source_compression="GZIP",
                    overwrite=True,
                )
        except NO_STREAM as error:
            raise WarehouseError(
                "this session has no way to put a file onto a stage",
                why=str(error),
                hint="give the Snowpark session of the procedure: warehouse=session",
            ) from error
        return str(found.status)

    def _opened(self) -> Place:
        with self._lock:
            if self._place is None:
                self._place = self._made() if self.wanted is None else self._found()
            return self._place

    def _made(self) -> Place:
        name = scratch_name(self.house, "STAGE", self.run_id)
        create(
            self.session,
            self.house,
            "STAGE",
            f"{name} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
            permanent="STAGE",
        )
        return Place(name, self.run_id)

    def _found(self) -> Place:
        """Return a folder of our own on the caller's stage."""
        name, path = parse_stage(str(self.wanted))
        last, schema = name[-1], name[-2] if len(name) > 1 else None
        opened = self.house.opened
        database = name[0] if len(name) == QUALIFIED else self.house.database
        rows = self.session.query(
            "SELECT STAGE_SCHEMA, STAGE_TYPE FROM"
            f" {sql.quote(database)}.INFORMATION_SCHEMA.STAGES WHERE STAGE_NAME = ?",
            (last,),
        )
        kinds = dict(rows)
        near = [opened.schema, self.near, *sorted(kinds)] if not schema else [schema]
        where = next((s for s in near if s in kinds), None)
        if where is None or "external" in str(kinds[where]).lower():
            raise ConfigError(
                f"there is no internal stage {self.wanted}",
                hint="create it with: CREATE STAGE"
                f" {last} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
            )
        number = next(_numbers)
        folder = "/".join(filter(None, (path, f"lht-{self.run_id}-{number}")))
        return Place(sql.name(database, where, last), folder)

    @property
    def place(self) -> Place | None:
        """Where the files are; None if there is none."""
        return self._place

    def discard(self) -> None:
        """Remove what was made: the stage, or our folder on the caller's."""
        if self._place is None:
            return
        with contextlib.suppress(WarehouseError):  # a later run drops what is left
            if self.wanted is None:
                self.session.execute(f"DROP STAGE IF EXISTS {self._place.stage}")
            else:
                self.session.execute(f"REMOVE {self._place.url}")


def parse_stage(text: str) -> tuple[list[str], str]:
    """Return the parts of a stage's name as Snowflake knows them, and the path behind.

    Raises:
        ConfigError: It is no name of a stage.
    """
    found = _STAGE_NAME.match(text)
    if found is None:
        raise ConfigError(
            f"{text!r} names no stage of yours",
            hint="write STAGE, SCHEMA.STAGE or DB.SCHEMA.STAGE, and a /path after it",
        )
    parts = [
        part[1:-1].replace('""', '"') if part.startswith('"') else part.upper()
        for part in _PART.findall(found[1])
    ]
    return parts, text[found.end() :].strip("/")


def scratch_name(
    house: House, purpose: str, run_id: str, schema: str = sql.OWN_SCHEMA
) -> str:
    """Return a qualified name for what only this load needs; see ``drop_leftovers``."""
    name = f"{purpose}{LEFTOVER}{run_id}_{next(_numbers)}"
    return sql.name(house.database, schema, name)


def create(
    session: SnowflakeTables, house: House, kind: str, rest: str, *, permanent: str
) -> None:
    """Create a temporary object, or one that we drop where none may be temporary.

    In a procedure with its owner's rights nothing temporary can be named.
    """
    if house.temporary:
        try:
            session.execute(f"CREATE TEMPORARY {kind} {rest}")
        except WarehouseError as error:
            if not runs_elsewhere(error):
                raise
            house.temporary = False
    if not house.temporary:
        session.execute(f"CREATE {permanent} {rest}")


@contextlib.contextmanager
def scratch_table(
    session: SnowflakeTables, house: House, purpose: str, run_id: str, body: str
) -> Iterator[str]:
    """Make a table of these columns for the block; yield its qualified name."""
    table = scratch_name(house, purpose, run_id)
    try:
        create(
            session, house, "TABLE", f"{table} ({body})", permanent="TRANSIENT TABLE"
        )
        yield table
    finally:
        with contextlib.suppress(WarehouseError):  # a later run drops it
            session.execute(f"DROP TABLE IF EXISTS {table}")


@dataclass(frozen=True, slots=True)
class Staging:
    """A staging table of texts, and the stage through which files come into it."""

    session: SnowflakeTables
    house: House
    schema: TableSchema
    table: str
    files: Stage

    @property
    def names(self) -> list[str]:
        """The columns, as the staging table has them."""
        return _folded(self.schema.names)

    def fill(self, pages: Pages) -> int:
        """Bring all pages into the table; return how many rows they have."""
        arrived, rows = [], 0
        for page in pages.through(self._take):
            rows += page.num_rows
            if page.texts is not None:
                columns = [column.to_pylist() for column in page.texts.columns]
                texts = list(zip(*columns, strict=True))
                self.session.insert_rows(self.table, self.names, texts)
            elif page.file_name:
                arrived.append(page)
        _copy(self.session, self.files.place, self.table, arrived)
        return rows

    def _take(self, page: Page) -> Arrived:
        """Put the file of a page into the stage, or return its texts if they are few.

        It runs in the thread that fetched the page.
        """
        if not page.rows:
            return Arrived(num_rows=0)
        file = page.csv_file()
        if file is None:
            texts = page.texts(self.schema)
            if texts.nbytes <= _BOUND_BYTES and not self.house.pyformat:
                return Arrived(num_rows=page.rows, texts=texts)
            file = packed(texts)
        header = tuple(_folded(file.header))
        if sorted(header) != sorted(self.names):
            raise DataError(
                "a result page has other columns than were asked", hint=AGAIN
            )
        name = f"page-{page.index:06d}.csv.gz"
        self.files.take(file, name)
        return Arrived(num_rows=page.rows, header=header, file_name=name)


def _folded(names: Iterable[str]) -> list[str]:
    return [name.upper() for name in names]


@contextlib.contextmanager
def staged(
    session: SnowflakeTables,
    house: House,
    schema: TableSchema,
    pages: Pages,
    *,
    run_id: str,
    ref: TableRef,
    stage: str | None,
) -> Iterator[tuple[str, int]]:
    """Bring all pages into a staging table of texts, for the block.

    Yields:
        The table's qualified name, and how many rows it has.

    Raises:
        RowCountMismatchError: The files hold other rows than Salesforce told of.
        DataError: A page has other columns than were asked for.
    """
    files = Stage(session, house, run_id, stage, ref.schema.upper())
    body = ", ".join(f"{sql.quote(name)} VARCHAR" for name in _folded(schema.names))
    with scratch_table(session, house, "STAGING", run_id, body) as table:
        try:
            rows = Staging(session, house, schema, table, files).fill(pages)
            yield table, rows
        finally:
            files.discard()


def _copy(
    session: SnowflakeTables, place: Place | None, table: str, files: list[Arrived]
) -> None:
    """Copy all files into the staging table, and compare file by file what came."""
    if place is None or not files:
        return
    headers = {file.header for file in files}
    if len(headers) != 1:
        raise DataError("the result pages have their columns in different orders")
    (header,) = headers
    copied = session.records(
        f"COPY INTO {table} ({sql.columns(header)}) FROM {place.url} {FILE_FORMAT}"
    )
    found = {_name(row): _rows(row) for row in copied}
    told = {file.file_name: file.num_rows for file in files}
    if found != told or len(copied) != len(files):
        raise RowCountMismatchError(
            f"{sum(told.values()):,} rows were staged in {len(told)} files,"
            f" {sum(found.values()):,} of {len(found)} files arrived",
            hint=AGAIN,
        )


def _name(row: dict[str, Any]) -> str:
    return PurePosixPath(str(row.get("file", ""))).name


def _rows(row: dict[str, Any]) -> int:
    return int(row.get("rows_loaded", 0)) if row["status"] == "LOADED" else -1
