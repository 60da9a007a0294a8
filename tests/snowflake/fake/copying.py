"""COPY INTO, both ways, and the CSV that Snowflake reads and writes."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from sqlglot import exp
from tests.snowflake.fake.catalog import Column, Name, quoted
from tests.snowflake.fake.dialect import call, parsed
from tests.snowflake.fake.dml import assigned, fetched, query_sql
from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.options import flag, only, read_options
from tests.snowflake.fake.session import (
    COPY,
    FULL_NAME,
    IDENTIFIER,
    Answer,
    Session,
    command,
    folded,
)
from tests.snowflake.fake.stages import STAGE, File, Stage, staged

Record = list[str | None]
_LOADED = '"temp"."main"."copied"'
_ENCLOSED = re.compile(r'"([^"]*(?:""[^"]*)*)"')
_PLAIN = re.compile(r"[^,\r\n]*")
_END = re.compile(r"\r\n|\n")
_FORMAT = (
    "TYPE", "COMPRESSION", "SKIP_HEADER", "FIELD_OPTIONALLY_ENCLOSED_BY", "NULL_IF",
    "ESCAPE_UNENCLOSED_FIELD", "EMPTY_FIELD_AS_NULL", "ENCODING", "MULTI_LINE",
    "FIELD_DELIMITER", "RECORD_DELIMITER", "ERROR_ON_COLUMN_COUNT_MISMATCH", "ESCAPE",
    "TRIM_SPACE", "SKIP_BLANK_LINES", "REPLACE_INVALID_CHARACTERS",
)  # fmt: skip
_FIXED = {  # the one value of an option that the fake knows
    "TYPE": "CSV",
    "ENCODING": {"UTF8", "UTF-8"},
    "MULTI_LINE": "TRUE",
    "FIELD_DELIMITER": ",",
    "RECORD_DELIMITER": "\n",
    "ERROR_ON_COLUMN_COUNT_MISMATCH": "TRUE",
    "ESCAPE": "NONE",
    "TRIM_SPACE": "FALSE",
    "SKIP_BLANK_LINES": "FALSE",
    "REPLACE_INVALID_CHARACTERS": "FALSE",
}


@command(rf"COPY INTO ({FULL_NAME})\s*(\([^)]*\))?\s*FROM {STAGE}\s*(.*)$")
def load(session: Session, _text: str, match: re.Match[str]) -> Answer:
    """Load the files under a path into a table."""
    name = session.written_name(match[1])
    place = session.existing(name)
    columns = _columns(session.catalog.columns(place), match[2])
    stage, prefix = staged(session, match, 3)
    options = read_options(match[7])
    only(options, "FILE_FORMAT", "FORCE", "PURGE", "ON_ERROR")
    if str(options.get("ON_ERROR", "ABORT_STATEMENT")) != "ABORT_STATEMENT":
        raise GapError("ON_ERROR other than ABORT_STATEMENT")
    form = _checked(options.get("FILE_FORMAT", {}))
    files = _unloaded(session, name, stage, prefix, force=flag(options, "FORCE"))
    if not files:
        words = "Copy executed with 0 files processed."
        return Answer(COPY, pa.table({"status": [words]}))
    run = _loading(session, place, columns, stage=stage, files=files, form=form)
    counts = session.write(run)
    loads = session.server.stages.loads.setdefault(name, set())
    loads |= {(stage.shown(path), file.md5) for path, file in files.items()}
    if flag(options, "PURGE"):
        for path in files:
            del stage.files[path]
    return Answer(COPY, _report({stage.shown(p): n for p, n in counts.items()}))


def _columns(columns: list[Column], named: str | None) -> list[Column]:
    if named is None:
        return columns
    known = {column.name: column for column in columns}
    names = [folded(name) for name in re.findall(IDENTIFIER, named)]
    for name in names:
        if name not in known:
            raise RefusedError(
                f"SQL compilation error:\ninvalid identifier '{quoted(name)}'", 904
            )
    return [known[name] for name in names]


def _checked(form: dict[str, Any]) -> dict[str, Any]:
    only(form, *_FORMAT)
    for name, value in form.items():
        fixed = _FIXED.get(name, value)
        if value != fixed and not (isinstance(fixed, set) and value in fixed):
            raise GapError(f"the option {name} = {value}")
    if form.get("TYPE") != "CSV":
        raise GapError("a file format without TYPE = CSV")
    if form.get("FIELD_OPTIONALLY_ENCLOSED_BY", "NONE") not in {'"', "0X22", "NONE"}:
        raise GapError("a quote other than the double one")
    return form


def _unloaded(
    session: Session, table: Name, stage: Stage, prefix: str, *, force: bool
) -> dict[str, File]:
    """Say the files under a path that the table has not loaded before."""
    known = set() if force else session.server.stages.loads.get(table, set())
    files = stage.under(prefix).items()
    return {p: f for p, f in files if (stage.shown(p), f.md5) not in known}


def _loading(
    session: Session,
    place: Name,
    columns: list[Column],
    *,
    stage: Stage,
    files: dict[str, File],
    form: dict[str, Any],
) -> Callable[[], dict[str, int]]:
    names = [quoted(column.name) for column in columns]
    values = ", ".join(
        _stored(exp.column(f"c{number}"), column).sql("duckdb")
        for number, column in enumerate(columns)
    )
    sql = f"INSERT INTO {place.quoted} ({', '.join(names)}) SELECT {values} FROM "

    def run() -> dict[str, int]:
        counts = {}
        for path, file in files.items():
            records = list(read_csv(stage.shown(path), file.content, form))
            _check_widths(records, len(columns))
            counts[path] = _insert(session, sql, records, len(columns))
        return counts

    return run


def _stored(value: exp.Expression, column: Column) -> exp.Expression:
    if column.duck == "VARCHAR" and "length" not in column.about:
        return value
    return assigned(value, column)


def _check_widths(records: list[Record], width: int) -> None:
    for record in records:
        if len(record) != width:
            raise RefusedError(
                f"Number of columns in file ({len(record)}) does not match that of the "
                f"corresponding table ({width}), use file format option "
                "error_on_column_count_mismatch=false to ignore this error",
                100080,
                "22000",
            )


def _insert(session: Session, sql: str, records: list[Record], width: int) -> int:
    by_column = zip(*records, strict=True) if records else [[] for _ in range(width)]
    columns = {f"c{n}": pa.array(v, pa.string()) for n, v in enumerate(by_column)}
    session.duck.register("copied", pa.table(columns))
    session.duck.run(f"{sql} {_LOADED}")
    session.duck.unregister("copied")
    return len(records)


def _report(counts: dict[str, int]) -> pa.Table:
    size = len(counts)
    texts = {name: pa.nulls(size, pa.string()) for name in ("a", "b")}
    numbers = pa.array(counts.values(), pa.int64())
    return pa.table(
        {
            "file": pa.array(counts, pa.string()),
            "status": pa.array(["LOADED"] * size, pa.string()),
            "rows_parsed": numbers,
            "rows_loaded": numbers,
            "error_limit": pa.array([1] * size, pa.int64()),
            "errors_seen": pa.array([0] * size, pa.int64()),
            "first_error": texts["a"],
            "first_error_line": pa.nulls(size, pa.int64()),
            "first_error_character": pa.nulls(size, pa.int64()),
            "first_error_column_name": texts["b"],
        }
    )


# -- CSV -------------------------------------------------------------------------------


def read_csv(name: str, content: bytes, form: dict[str, Any]) -> Iterator[Record]:
    """Read the records of a file, by Snowflake's rules."""
    if form.get("ESCAPE_UNENCLOSED_FIELD", "\\") != "NONE":
        raise GapError(
            "ESCAPE_UNENCLOSED_FIELD other than NONE, whose default eats newlines"
        )
    text = _text(name, _inflated(name, content, form))
    place = 0
    for _line in range(int(form.get("SKIP_HEADER", 0))):
        end = _END.search(text, place)
        place = end.end() if end else len(text)
    nulls = set(form.get("NULL_IF", ["\\N"]))
    empty_is_null = flag(form, "EMPTY_FIELD_AS_NULL", default=True)
    quotes = form.get("FIELD_OPTIONALLY_ENCLOSED_BY", "NONE") != "NONE"
    while place < len(text):
        record: Record = []
        more = True
        while more:
            value, enclosed, place = _field(name, text, place, quotes=quotes)
            null = value in nulls or (not value and not enclosed and empty_is_null)
            record.append(None if null else value)
            more = text.startswith(",", place)
            place += more
        yield record
        place = _past_end(name, text, place)


def _field(name: str, text: str, place: int, *, quotes: bool) -> tuple[str, bool, int]:
    if quotes and text.startswith('"', place):
        match = _ENCLOSED.match(text, place)
        if match is None:
            raise _unreadable(name, "a quoted field has no end", 100069)
        return match[1].replace('""', '"'), True, match.end()
    plain = _PLAIN.match(text, place)
    end = plain.end() if plain else place
    return text[place:end], False, end


def _past_end(name: str, text: str, place: int) -> int:
    if place >= len(text):
        return place
    end = _END.match(text, place)
    if end:
        return end.end()
    if text[place] == "\r":
        raise GapError("a carriage return alone, outside quotes")
    found = f"Found character '{text[place]}' instead of field delimiter ','"
    raise _unreadable(name, found, 100066)


def _inflated(name: str, content: bytes, form: dict[str, Any]) -> bytes:
    compression = str(form.get("COMPRESSION", "AUTO")).upper()
    if compression == "AUTO":
        compression = "GZIP" if name.endswith(".gz") else "NONE"
    if compression == "NONE":
        return content
    if compression != "GZIP":
        raise GapError(f"COMPRESSION = {compression}")
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(
            name, "Invalid data encountered during decompression", 100183
        ) from error


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(name, "Invalid UTF8 detected", 100144) from error


def _unreadable(name: str, what: str, code: int) -> RefusedError:
    return RefusedError(f"{what}\n  File '{name}'", code, "22000")


# -- out -------------------------------------------------------------------------------


@command(rf"COPY INTO {STAGE} FROM (?:(\(.*\))|({FULL_NAME}))\s*(FILE_FORMAT.*)$")
def unload(session: Session, _text: str, match: re.Match[str]) -> Answer:
    """Write the rows of a query into one file of a stage."""
    stage, path = staged(session, match, 1)
    options = read_options(match[7])
    only(options, "FILE_FORMAT", "HEADER", "SINGLE", "OVERWRITE", "MAX_FILE_SIZE")
    form = _checked(options["FILE_FORMAT"])
    text = match[5][1:-1] if match[5] else f"SELECT * FROM {match[6]}"
    sql = query_sql(session, parsed(text))
    table = session.read(lambda: fetched(session, _as_text(session, sql), [])[0])
    strings = session.read(lambda: _string_columns(session, sql))
    compression = str(form.get("COMPRESSION", "GZIP")).upper()
    path = _unload_path(path, compression, single=flag(options, "SINGLE"))
    if path in stage.files and not flag(options, "OVERWRITE"):
        raise RefusedError(
            "Files already existing at the unload destination", 1092, "22000"
        )
    lines = list(_lines(table, strings, form, header=flag(options, "HEADER")))
    content = "".join(lines).encode()
    stored = gzip.compress(content, mtime=0) if compression == "GZIP" else content
    if table.num_rows:
        stage.files[path] = File(stored)
    rows, sizes = (
        table.num_rows,
        (len(content), len(stored)) if table.num_rows else (0, 0),
    )
    counts = {"rows_unloaded": [rows], "input_bytes": [sizes[0]]}
    return Answer(COPY, pa.table({**counts, "output_bytes": [sizes[1]]}))


def _as_text(session: Session, sql: str) -> str:
    names = [name for name, _kind in session.duck.describe(sql)]
    columns = [exp.column(exp.to_identifier(name, quoted=True)) for name in names]
    texts = [
        exp.alias_(call("_SF_TEXT", column), column.name, quoted=True).sql("duckdb")
        for column in columns
    ]
    return f"SELECT {', '.join(texts)} FROM ({sql})"


def _string_columns(session: Session, sql: str) -> list[bool]:
    return [kind in {"VARCHAR", "JSON"} for _name, kind in session.duck.describe(sql)]


def _unload_path(path: str, compression: str, *, single: bool) -> str:
    if single:
        return path or "data"
    suffix = ".csv.gz" if compression == "GZIP" else ".csv"
    return f"{path if path and not path.endswith('/') else f'{path}data'}_0_0_0{suffix}"


def _lines(
    table: pa.Table, strings: list[bool], form: dict[str, Any], *, header: bool
) -> Iterator[str]:
    enclose = form.get("FIELD_OPTIONALLY_ENCLOSED_BY", "NONE") != "NONE"
    null = [*form.get("NULL_IF", ["\\N"]), ""][0]
    if header and table.num_rows:
        yield ",".join(_enclosed(name, enclose) for name in table.column_names) + "\n"
    columns = [column.to_pylist() for column in table.columns]
    for row in zip(*columns, strict=True):
        cells = [
            null if value is None else _enclosed(value, enclose and string)
            for value, string in zip(row, strings, strict=True)
        ]
        yield ",".join(cells) + "\n"


def _enclosed(text: str, enclose: bool) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if enclose else text
