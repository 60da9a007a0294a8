"""ONE decoder: REST JSON and Bulk CSV to Arrow, same values from either.

Both wire forms are first read as columns of text (null and empty text are one thing in
Salesforce: null). One function then converts text to the type of the column. A number
never passes through a float on its way into a decimal, and where a value needs more
room than its column has, the batch carries that column in the wider type it needs.
What Arrow's reader of CSV takes as its cast from text would (but that it overlooks
blanks around a value), it parses at once.
"""

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from lht.exceptions import DataError, RowCountMismatchError
from lht.salesforce._bodies import Wire, read_json
from lht.schema import Column, TableSchema
from lht.typemap import (
    MAX_SCALE,
    PRECISION,
    decimal,
    needed_type,
    scale_of,
    unencodable,
)

_WHOLE: Final = PRECISION - MAX_SCALE  # digits before the point that always fit
_ANY_SIZE: Final = 2**31 - 1
SLICE_BYTES: Final = 1 << 20  # of a CSV, read at a time: small enough for a cache
_TAIL_BYTES: Final = 1 << 14  # in which most likely a record ends
_NO_CSV: Final = (pa.ArrowInvalid, UnicodeDecodeError)
_AGAIN: Final = "run it again; if it happens again, please report it"
_ARROW: Final = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("ms"),
}
Plain = io.RawIOBase | io.BufferedIOBase  # a CSV as a file that is read once
Opener = Callable[[], Plain]
_TEXT: Final = pa.string()
_PARSED: Final = {  # by the reader of CSV, as by a cast
    "bool": pa.bool_(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms", "UTC"),
}


def arrow_type(name: str) -> pa.DataType:
    """Return the pyarrow type for a type name of ``lht.typemap``."""
    scale = scale_of(name)
    return _ARROW[name] if scale is None else pa.decimal128(PRECISION, scale)


def type_name(arrow: pa.DataType) -> str:
    """Return the name of ``lht.typemap`` for a pyarrow type made here."""
    if pa.types.is_decimal(arrow):
        return decimal(arrow.scale)
    return next(name for name, known in _ARROW.items() if known == arrow)


def arrow_schema(schema: TableSchema) -> pa.Schema:
    """Return the pyarrow schema of a table's columns."""
    return pa.schema([(c.name, arrow_type(c.arrow_type)) for c in schema.columns])


def decode_csv(body: bytes | Opener, schema: TableSchema, *, rows: int) -> pa.Table:
    """Decode one result page of a bulk job.

    Args:
        body: The plain CSV, or what opens it as a file from its start (it may be
            called twice), with its header, which must name the columns of *schema*
            (in any order and case).
        schema: The columns wanted.
        rows: The number of records that Salesforce says the page has.

    Returns:
        A table of *rows* rows, columns in the order of *schema*. A number column
        may come in a wider type than the schema's (see the module).

    Raises:
        RowCountMismatchError: The page is cut, or has another number of rows.
        DataError: It is no CSV, or has other columns: it will be that again.
        UnencodableValueError: A text is no value of its column's type.
    """
    try:
        read = _read(body, _PARSED, schema)
    except _NO_CSV:  # it may be a value: converting texts tells whose
        read = _texts(body, schema)
    if read.num_rows != rows:
        raise RowCountMismatchError(
            f"a result page has {read.num_rows} rows where Salesforce reports {rows}",
            hint=_AGAIN,
        )
    by_name = {name.lower(): name for name in read.column_names}
    if len(by_name) < len(read.column_names) or set(by_name) != set(schema.by_name):
        raise DataError("a result page has other columns than were asked", hint=_AGAIN)
    return _table(schema, lambda column: read.column(by_name[column.name.lower()]))


def whole_records(source: Plain) -> Iterator[pa.Buffer]:
    """Yield a CSV again, in slices that end behind records.

    Args:
        source: The CSV as a file.

    Raises:
        RowCountMismatchError: It ends within a record.
    """
    rest = memoryview(b"")  # of what was read: the start of a record
    within = False  # whether a quoted value is open behind it
    while True:
        old = len(rest)
        room = pa.allocate_buffer(old + max(SLICE_BYTES, old))
        view = memoryview(room).cast("B")
        view[:old] = rest
        size = old + _filled(view[old:], source)
        if size == old:
            break
        within ^= _has_odd_quotes(room.slice(old, size - old))
        end = _end_of_records(view[old:size], within=within)
        if end:
            yield room.slice(0, old + end)
        rest = view[old + end if end else 0 : size]
    if rest:
        raise RowCountMismatchError("a result page is cut", hint=_AGAIN)


def _filled(room: memoryview, source: Plain) -> int:
    """Read as much as there is room for; return how much came."""
    size = 0
    while size < len(room) and (more := source.readinto(room[size:])):
        size += more
    return size


def _octets(buffer: pa.Buffer) -> pa.Array:
    return pa.Array.from_buffers(pa.uint8(), buffer.size, [None, buffer])


_QUOTE: Final = _octets(pa.py_buffer(b'"'))[0]  # pa.scalar would load pandas


def _has_odd_quotes(text: pa.Buffer) -> bool:
    """Tell it as Arrow counts: four times as fast, and other threads go on."""
    return bool(pc.equal(_octets(text), _QUOTE).true_count % 2)


def _end_of_records(text: memoryview, *, within: bool) -> int:
    """Return where the last record that ends in a text does so, 0 if none does.

    Args:
        text: Of a CSV.
        within: Whether its end is within a quoted value.
    """
    tail = bytes(text[-_TAIL_BYTES:])
    found = _last_newline(tail, within=within)
    if not found and len(tail) < len(text):
        tail = bytes(text)
        found = _last_newline(tail, within=within)
    return found and len(text) - len(tail) + found


def _last_newline(text: bytes, *, within: bool) -> int:
    """Return the place behind the last newline that is within no value, or 0."""
    end = len(text)
    while (newline := text.rfind(b"\n", 0, end)) >= 0:
        within ^= bool(text.count(b'"', newline, end) % 2)
        if not within:
            return newline + 1
        end = newline
    return 0


class _Slices(io.RawIOBase):
    """A file whose reads give one slice each, however much is asked for."""

    def __init__(self, slices: Iterator[pa.Buffer]) -> None:
        self._slices = slices

    def readable(self) -> bool:
        return True

    def read(self, _size: int = -1) -> pa.Buffer | bytes:
        return next(self._slices, b"")


def _read(
    body: bytes | Opener,
    types: Mapping[str, pa.DataType],
    schema: TableSchema,
) -> pa.Table:
    """Read a CSV as columns of these types, by type name, and all others as texts.

    The reader takes what a read gives for one block. A block as large as a page is
    slow, for each column walks through all of it; in a block that is cut anywhere, CR
    and LF of a quoted value may fall apart, and the reader then loses the LF. As these
    end behind records, it need not look for newlines in values to find where to cut.
    """
    source = io.BytesIO(body) if isinstance(body, bytes) else body()
    slices = whole_records(source)
    first = next(slices, None)
    if first is None:
        return pa.table(dict.fromkeys(schema.names, _EMPTY))
    header = io.BufferedReader(pa.BufferReader(first)).readline()
    names = pcsv.read_csv(pa.BufferReader(header)).column_names
    kinds = {c.name.lower(): types.get(c.arrow_type, _TEXT) for c in schema.columns}
    return pcsv.read_csv(
        _Slices(itertools.chain((first,), slices)),
        read_options=pcsv.ReadOptions(block_size=_ANY_SIZE, use_threads=False),
        parse_options=pcsv.ParseOptions(newlines_in_values=False),
        convert_options=pcsv.ConvertOptions(
            column_types={n: kinds.get(n.lower(), _TEXT) for n in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            true_values=["true"],
            false_values=["false"],
        ),
    )


def _texts(body: bytes | Opener, schema: TableSchema) -> pa.Table:
    """Read a CSV as columns of text.

    Raises:
        DataError: It is none.
    """
    try:
        return _read(body, {}, schema)
    except _NO_CSV as error:
        raise DataError(
            "a result page is not the CSV that was asked for",
            why=str(error).partition(":")[0],
            hint=_AGAIN,
        ) from error


def decode_json(content: bytes, schema: TableSchema) -> pa.Table:
    """Decode the records of one REST query page; see ``decode_csv``.

    Raises:
        SalesforceUnavailableError: It is no page of a query.
        DataError: A record lacks a field that was selected.
        UnencodableValueError: A text is no value of its column's type.
    """
    texts = texts_of_json(content, schema)
    return _table(schema, lambda column: texts.column(column.name))


def texts_of_json(content: bytes, schema: TableSchema) -> pa.Table:
    """Return the records of one REST query page as texts, as a CSV would spell them.

    Raises:
        SalesforceUnavailableError: It is no page of a query.
        DataError: A record lacks a field that was selected.
    """
    records = read_json(content, _Records, float_hook=str).records

    def text_of(name: str) -> pa.Array:
        try:
            values = [record[name] for record in records]
        except KeyError:
            raise DataError(
                f"a record came without its field {name}", hint=_AGAIN
            ) from None
        return pa.array([_as_text(v) for v in values], pa.string())

    names = list(schema.names)
    return pa.Table.from_arrays([text_of(n) for n in names], names=names)


class _Records(Wire, frozen=True):
    records: list[dict[str, Any]]


def fit(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Convert a number array to a wider number type, exactly.

    Decimals reach double through their text, so that the nearest double is found.
    """
    if array.type == wanted:
        return array
    if pa.types.is_floating(wanted):
        return pc.cast(pc.cast(array, pa.string()), wanted)
    return pc.cast(array, wanted)


def _table(
    schema: TableSchema, text_of: Callable[[Column], pa.Array | pa.ChunkedArray]
) -> pa.Table:
    arrays = [_convert(text_of(c), c) for c in schema.columns]
    return pa.Table.from_arrays(arrays, names=list(schema.names))


_EMPTY: Final = pa.nulls(0, pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _composite(value)


def _composite(value: Any) -> str:
    return str(value) if isinstance(value, int) else msgspec.json.encode(value).decode()


def _convert(
    text: pa.Array | pa.ChunkedArray, column: Column
) -> pa.Array | pa.ChunkedArray:
    if column.arrow_type == "string":
        return text
    if text.type != _TEXT:  # parsed by the reader
        return text.cast(arrow_type(column.arrow_type))
    if isinstance(text, pa.ChunkedArray):  # costs less than to convert each chunk
        text = text.combine_chunks()
    try:
        if scale_of(column.arrow_type) is not None:
            return _decimals(text, column.arrow_type)
        return _CONVERTERS[column.arrow_type](text)
    except ValueError as error:  # ArrowInvalid is one
        raise unencodable(column) from error


def _decimals(text: pa.Array, name: str) -> pa.Array:
    """Parse numbers at the column's scale, or at the wider type that some need."""
    with suppress(pa.ArrowInvalid):  # some have more decimals, or are no numbers
        if _is_small(text):
            return pc.cast(text, arrow_type(name))
    fits = pc.match_substring_regex(text, _fitting(scale_of(name) or 0))
    odd = text.filter(pc.invert(fits))
    return pc.cast(text, arrow_type(_needed_type(odd, name) if len(odd) else name))


def _is_small(text: pa.Array) -> bool:
    """Tell whether each number surely has 18 digits before its point at most.

    Arrow's parser of decimals then either takes a number exactly or refuses it. Of
    larger ones some overflow silently (4.334492284391681E+53), and some with a negative
    exponent become 0 (-4.5E-90).
    """
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    letters = text.buffers()[2].to_pybytes() if longest else b""
    if b"E" not in letters and b"e" not in letters:
        return longest <= _WHOLE
    if longest > PRECISION or b"E-" in letters or b"e-" in letters:
        return False
    floats = pc.abs(pc.cast(text, pa.float64()))
    return (pc.max(floats).as_py() or 0.0) < 10.0**_WHOLE


@lru_cache
def _fitting(scale: int) -> str:
    """Return a pattern of numbers with 18 whole digits and *scale* decimals at most.

    Some others fit as well; what it matches does.
    """
    powers = "|".join(rf"\d{{1,{e + scale}}}E{e}" for e in range(1, _WHOLE))
    return rf"^-?(\d{{1,{_WHOLE}}}(\.\d{{0,{scale}}}0*)?|\d\.({powers}))$"


def _needed_type(odd: pa.Array, name: str) -> str:
    """Return the narrowest type that holds all the numbers exactly, from their text.

    Args:
        odd: The numbers of a column that are not known to fit its type.
        name: The column's type.
    """
    found = [_digits(number) for number in pc.unique(odd).to_pylist()]
    return needed_type(
        name,
        decimals=max(len(digits) - point for digits, point in found),
        whole=max(point for _, point in found),
    )


def _digits(number: str) -> tuple[str, int]:
    """Return the significant digits of a number's text and where its point stands.

    ``"-1.50E3"`` has the digits ``"15"`` and its point after 4 of them.
    """
    mantissa, _, exponent = number.lstrip("+-").upper().partition("E")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return stripped, point if stripped else 0


def _integers(text: pa.Array) -> pa.Array:
    try:
        return pc.cast(text, pa.int64())
    except pa.ArrowInvalid:  # "60.0" or "6E1": a whole number in another spelling
        return pc.cast(_decimals(text, decimal(0)), pa.int64())


def _timestamps(text: pa.Array) -> pa.Array:
    aware = pc.cast(text, pa.timestamp("ms", "UTC"))
    return pc.cast(aware, pa.timestamp("ms"))


def _times(text: pa.Array) -> pa.Array:
    """Parse ``10:30:00.000Z`` (Arrow has no cast from text to time)."""
    moment = pc.binary_join_element_wise("1970-01-01T", pc.utf8_rtrim(text, "Z"), "")
    return pc.cast(pc.cast(moment, pa.timestamp("us")), pa.time64("us"))


_CONVERTERS: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {
    "bool": lambda text: pc.cast(text, pa.bool_()),
    "int64": _integers,
    "double": lambda text: pc.cast(text, pa.float64()),
    "date": lambda text: pc.cast(text, pa.date32()),
    "time": _times,
    "timestamp": _timestamps,
}
