"""ONE decoder: REST JSON and Bulk CSV to Arrow, same values from either.

Both wire forms are first read as columns of text (null and empty text are one thing in
Salesforce: null). One function then converts text to the type of the column. A number
never passes through a float on its way into a decimal, and where a value needs more
room than its column has, the batch carries that column in the wider type it needs.
"""

from collections.abc import Callable
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


def decode_csv(body: bytes, schema: TableSchema, *, rows: int) -> pa.RecordBatch:
    """Decode one result page of a bulk job.

    Args:
        body: The plain CSV with its header, which must name the columns of *schema*
            (in any order and case).
        schema: The columns wanted.
        rows: The number of records that Salesforce says the page has.

    Returns:
        One batch of *rows* rows, columns in the order of *schema*. A number column
        may come in a wider type than the schema's (see the module).

    Raises:
        RowCountMismatchError: The page is cut, or has another number of rows.
        DataError: It is no CSV, or has other columns: it will be that again.
        UnencodableValueError: A text is no value of its column's type.
    """
    if not rows and not body:
        return pa.RecordBatch.from_pylist([], arrow_schema(schema))
    # The reader takes an unclosed quote for a value, so a cut is looked for before.
    if not body.endswith(b"\n") or body.count(b'"') % 2:
        raise RowCountMismatchError("a result page is cut", hint=_AGAIN)
    # One block for the whole page: a block border inside a quoted CR LF loses the LF.
    try:
        table = pcsv.read_csv(
            pa.BufferReader(body),  # no copy, unlike a Python file
            read_options=pcsv.ReadOptions(block_size=len(body) + 1, use_threads=False),
            parse_options=pcsv.ParseOptions(newlines_in_values=True),
            convert_options=_text_options(body),
        )
    except pa.ArrowInvalid as error:
        raise DataError(
            "a result page is not the CSV that was asked for",
            why=str(error).partition(":")[0],
            hint=_AGAIN,
        ) from error
    if table.num_rows != rows:
        raise RowCountMismatchError(
            f"a result page has {table.num_rows} rows where Salesforce reports {rows}",
            hint=_AGAIN,
        )
    by_name = {name.lower(): name for name in table.column_names}
    if set(by_name) != set(schema.by_name):
        raise DataError("a result page has other columns than were asked", hint=_AGAIN)
    return _batch(
        schema, lambda column: _one_chunk(table.column(by_name[column.name.lower()]))
    )


def decode_json(content: bytes, schema: TableSchema) -> pa.RecordBatch:
    """Decode the records of one REST query page; see ``decode_csv``.

    Raises:
        SalesforceUnavailableError: It is no page of a query.
        DataError: A record lacks a field that was selected.
        UnencodableValueError: A text is no value of its column's type.
    """
    texts = texts_of_json(content, schema)
    return _batch(schema, lambda column: texts.column(column.name))


def texts_of_json(content: bytes, schema: TableSchema) -> pa.RecordBatch:
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
    return pa.RecordBatch.from_arrays([text_of(n) for n in names], names=names)


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


def _batch(
    schema: TableSchema, text_of: Callable[[Column], pa.Array]
) -> pa.RecordBatch:
    arrays = [_convert(text_of(c), c) for c in schema.columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(schema.names))


def _text_options(body: bytes) -> pcsv.ConvertOptions:
    header = body[: body.find(b"\n") + 1] or body
    names = pcsv.read_csv(pa.BufferReader(header)).column_names
    return pcsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks or [_EMPTY])


_EMPTY: Final = pa.array([], pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _composite(value)


def _composite(value: Any) -> str:
    return str(value) if isinstance(value, int) else msgspec.json.encode(value).decode()


def _convert(text: pa.Array, column: Column) -> pa.Array:
    if column.arrow_type == "string":
        return text
    try:
        if scale_of(column.arrow_type) is not None:
            return _decimals(text, column.arrow_type)
        return _CONVERTERS[column.arrow_type](text)
    except ValueError as error:  # ArrowInvalid is one
        raise unencodable(column) from error


def _decimals(text: pa.Array, name: str) -> pa.Array:
    """Parse numbers at the column's scale, or at the wider type that some need.

    What is cast is known to fit: Arrow's own parser overflows silently on some
    numbers (4.334492284391681E+53).
    """
    fits = pc.match_substring_regex(text, _fitting(scale_of(name) or 0))
    odd = text.filter(pc.invert(fits))
    return pc.cast(text, arrow_type(_needed_type(odd, name) if len(odd) else name))


@lru_cache
def _fitting(scale: int) -> str:
    """Return a pattern of numbers with 18 whole digits and *scale* decimals at most.

    Some others fit as well; what it matches does.
    """
    powers = "|".join(rf"\d{{1,{e + scale}}}E{e}" for e in range(1, _WHOLE))
    return rf"^-?(\d{{1,{_WHOLE}}}(\.\d{{0,{scale}}})?|\d\.({powers}))$"


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
