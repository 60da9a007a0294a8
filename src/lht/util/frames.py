"""Frames to Arrow: every column as one kind of values, none of them altered.

A pandas column of objects is looked at value by value, for Arrow would guess: it makes
one shape of all dicts, and cuts nanoseconds. NaN, NaT and ``pd.NA`` are null.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from lht.exceptions import ConfigError, DataError
from lht.typemap import PRECISION
from lht.util.objects import array_of

UNITS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # digits of a second
_LONGEST_NAME: Final = 255
_NOT_A_FRAME: Final = "give a pandas DataFrame, or an Arrow table"


@dataclass(frozen=True)
class FrameColumn:
    """One column of a frame.

    ``kind`` is ``string``, ``json`` (texts of it), ``bool``, ``int``, ``decimal``,
    ``double``, ``date``, ``time``, ``timestamp`` (naive, in UTC if it had a zone) or
    ``binary``.
    """

    name: str
    dtype: str  # as the frame calls it
    kind: str
    array: pa.Array
    note: str | None = None  # what was made of it, if that is not plain

    @property
    def scale(self) -> int:
        """Digits behind the point, of a number or of a second."""
        found = self.array.type
        if self.kind == "decimal":
            return int(found.scale)
        return UNITS[found.unit] if self.kind in {"time", "timestamp"} else 0


@dataclass(frozen=True)
class Frame:
    """A frame's columns."""

    columns: tuple[FrameColumn, ...]
    num_rows: int

    @cached_property
    def by_name(self) -> dict[str, FrameColumn]:
        """Columns by their names in lower case."""
        return {column.name.lower(): column for column in self.columns}


def read_frame(df: Any) -> Frame:
    """Read a pandas DataFrame, an Arrow table, or what turns itself into one.

    The index of a DataFrame is not read.

    Raises:
        ConfigError: It is none of these.
        DataError: Columns have no names, or the same in another case, or values that
            no table has a type for.
    """
    named = list(_columns(df))
    _check_names([name for name, _ in named])
    columns = tuple(_read(str(name), found) for name, found in named)
    return Frame(columns, len(columns[0].array))


def _columns(df: Any) -> Iterator[tuple[Any, Any]]:
    """Yield names and columns: Arrow's, or pandas' own."""
    if isinstance(df, pa.RecordBatch):
        df = pa.Table.from_batches([df])
    if isinstance(df, pa.Table):
        yield from zip(df.column_names, df.columns, strict=True)
    elif hasattr(df, "iloc") and hasattr(df, "columns"):
        yield from ((name, df.iloc[:, at]) for at, name in enumerate(df.columns))
    elif callable(turn := getattr(df, "to_arrow", None)):
        yield from _columns(turn())
    else:
        raise ConfigError(f"a {type(df).__name__} is no frame", hint=_NOT_A_FRAME)


def _check_names(names: Sequence[Any]) -> None:
    if not names:
        raise DataError("the frame has no columns")
    for name in names:
        told = str(name) if isinstance(name, str | int) else ""
        if not told.strip() or len(told) > _LONGEST_NAME:
            raise DataError(
                f"column {list(names).index(name) + 1} of the frame has no usable name",
                hint="name each column with a text: df.columns = [...]",
            )
    counts = Counter(str(name).lower() for name in names)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise DataError(
            f"columns of the frame have the same name: {', '.join(twice)}",
            hint="rename them: a table's columns are the same in upper and lower case",
        )


def _read(name: str, found: Any) -> FrameColumn:
    """Read one column."""
    dtype = str(found.type if isinstance(found, pa.ChunkedArray) else found.dtype)
    try:
        array, note = _arrow_of(found)
        kind, array = _of_kind(array)
    except UnicodeEncodeError as error:
        raise DataError(
            f"column {name} has a text that is no valid Unicode",
            hint="replace lone surrogates: they have no bytes",
            column=name,
        ) from error
    except (TypeError, ValueError, NotImplementedError) as error:  # Arrow's are too
        raise DataError(
            f"column {name} ({dtype}) has values that no table has a type for",
            hint="make texts or numbers of them",
            column=name,
        ) from error
    return FrameColumn(name, dtype, kind, array, note)


def _arrow_of(found: Any) -> tuple[pa.Array, str | None]:
    if isinstance(found, pa.ChunkedArray):
        return _combined(found), None
    if hasattr(found, "sparse") and "Sparse" in str(found.dtype):
        found = found.sparse.to_dense()
    if str(found.dtype) == "category" and found.cat.categories.dtype == object:
        found = found.astype(object)
    if found.dtype == object:
        return _of_objects(found)
    if str(found.dtype).startswith(("period", "interval")):
        texts = [None if missing else str(v) for v, missing in _seen(found)]
        return array_of(texts)
    array = pa.Array.from_pandas(found)
    return _combined(array) if isinstance(array, pa.ChunkedArray) else array, None


def _of_objects(found: Any) -> tuple[pa.Array, str | None]:
    from pandas.api.types import infer_dtype

    if infer_dtype(found, skipna=True) == "string":  # seen at once, as most are
        return pa.Array.from_pandas(found, type=pa.large_string()), None
    return array_of(found.tolist())


def _seen(found: Any) -> Iterator[tuple[Any, bool]]:
    yield from zip(found, found.isna(), strict=True)


def _combined(chunks: pa.ChunkedArray) -> pa.Array:
    """Return one array; texts get room for more than 2 GB."""
    large = _LARGE.get(chunks.type)
    if large is not None:
        chunks = chunks.cast(large)
    return chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)


_LARGE: Final = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}


def _of_kind(array: pa.Array) -> tuple[str, pa.Array]:
    """Return the kind of an array, and the array as that kind is kept.

    Raises:
        TypeError: There is no kind for it.
    """
    if isinstance(array, pa.ExtensionArray):
        if "json" in str(array.type):
            return "json", array.storage.cast(pa.large_string())
        return _of_kind(array.storage)
    if pa.types.is_dictionary(array.type):
        return _of_kind(array.dictionary_decode())
    for is_kind, kind, kept in _KINDS:
        if is_kind(array.type):
            return kind, kept(array)
    if pa.types.is_uint64(array.type):
        return "decimal", pc.cast(array, pa.decimal128(20, 0))
    raise TypeError(f"no kind for {array.type}")


def _floats(array: pa.Array) -> pa.Array:
    floats = pc.cast(array, pa.float64())
    return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)


def _decimals(array: pa.Array) -> pa.Array:
    if array.type.bit_width > pa.decimal128(1).bit_width:
        return pc.cast(array, pa.decimal128(PRECISION, array.type.scale))
    return pc.cast(array, pa.decimal128(array.type.precision, max(0, array.type.scale)))


def _moments(array: pa.Array) -> pa.Array:
    """Return naive timestamps, or times; nanoseconds only where there are any."""
    naive = array.type
    if pa.types.is_timestamp(naive):
        naive = pa.timestamp(naive.unit)
    array = pc.cast(array, naive)
    if naive.unit != "ns":
        return array
    coarse = pa.timestamp("us") if pa.types.is_timestamp(naive) else pa.time64("us")
    try:
        return pc.cast(array, coarse)
    except pa.ArrowInvalid:
        return array


def _seconds(array: pa.Array) -> pa.Array:
    """Return durations as numbers of seconds."""
    nanoseconds = 10 ** (9 - UNITS[array.type.unit])
    unscaled = pc.cast(pc.cast(array, pa.int64()), pa.decimal128(19, 0))
    unit = pa.scalar(_unit(nanoseconds), pa.decimal128(10, 9))
    return pc.cast(pc.multiply(unscaled, unit), pa.decimal128(PRECISION, 9))


def _unit(nanoseconds: int) -> Any:
    from decimal import Decimal

    return Decimal(nanoseconds).scaleb(-9)


def _json(array: pa.Array) -> pa.Array:
    return array_of(array.to_pylist())[0].storage


def _same(array: pa.Array) -> pa.Array:
    return array


def _cast(wanted: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda array: pc.cast(array, wanted)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        ask(kind)
        for ask in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    )


def _is_small_int(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) and kind != pa.uint64())


def _is_bytes(kind: pa.DataType) -> bool:
    return any(
        ask(kind)
        for ask in (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
        )
    )


_Kind = tuple[Callable[[pa.DataType], bool], str, Callable[[pa.Array], pa.Array]]
_KINDS: Final[tuple[_Kind, ...]] = (
    (_is_text, "string", _cast(pa.large_string())),
    (pa.types.is_boolean, "bool", _same),
    (_is_small_int, "int", _cast(pa.int64())),
    (pa.types.is_floating, "double", _floats),
    (pa.types.is_decimal, "decimal", _decimals),
    (pa.types.is_date, "date", _cast(pa.date32())),
    (pa.types.is_timestamp, "timestamp", _moments),
    (pa.types.is_time, "time", _moments),
    (pa.types.is_duration, "decimal", _seconds),
    (_is_bytes, "binary", _cast(pa.large_binary())),
    (pa.types.is_nested, "json", _json),
)
