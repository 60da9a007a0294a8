"""What the connector sends for a bound value, and what it expects for a result."""

import base64
import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tests.snowflake.fake.errors import GapError

EPOCH = dt.datetime(1970, 1, 1)
UTC_OFFSET = 1440  # the connector counts minutes east of UTC from here
STAGED_BINDS = 65_280  # Source: CLIENT_STAGE_ARRAY_BINDING_THRESHOLD's default


def rows_bound(bindings: dict[str, Any] | None) -> tuple[list[list[Any]], bool]:
    """Read the bound values: one row of them, or several; and whether it is an array.

    An array of a size that the connector sends through a temporary stage is refused:
    making that stage commits an open transaction, which the fake would not show.
    """
    if not bindings:
        return [[]], False
    columns = [bindings[str(place)] for place in range(1, len(bindings) + 1)]
    if not any(isinstance(column["value"], list) for column in columns):
        return [[bound(column["type"], column["value"]) for column in columns]], False
    if sum(len(column["value"]) for column in columns) >= STAGED_BINDS:
        raise GapError("an array of this many values goes through a stage of its own")
    values = [[bound(c["type"], value) for value in c["value"]] for c in columns]
    return [list(row) for row in zip(*values, strict=True)], True


def bound(kind: str, value: str | None) -> Any:
    """Read one bound value, exactly."""
    if value is None:
        return None
    if kind not in _READERS:
        raise GapError(f"a bound value of type {kind}")
    return _READERS[kind](value)


def _fixed(text: str) -> int | Decimal:
    return int(text) if text.lstrip("+-").isdigit() else Decimal(text)


def _moment(text: str) -> dt.datetime:
    return EPOCH + dt.timedelta(microseconds=int(text) // 1000)


def _zoned(text: str) -> dt.datetime:
    return _moment(text.split(" ", maxsplit=1)[0]).replace(tzinfo=dt.UTC)


def _date(text: str) -> dt.date:
    return (EPOCH + dt.timedelta(milliseconds=int(text))).date()


def _time(text: str) -> dt.time:
    return _moment(text).time()


_READERS: dict[str, Any] = {
    "FIXED": _fixed,
    "REAL": float,
    "TEXT": str,
    "ANY": str,
    "BOOLEAN": lambda text: text.lower() == "true",
    "BINARY": bytes.fromhex,
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP_NTZ": _moment,
    "TIMESTAMP_LTZ": _zoned,
    "TIMESTAMP_TZ": _zoned,
}


def row_type(name: str, kind: pa.DataType, *, variant: bool = False) -> dict[str, Any]:
    """Describe one column of a result as Snowflake does."""
    described: dict[str, Any] = {
        "name": name,
        "database": "",
        "schema": "",
        "table": "",
        "nullable": True,
        "type": _type_name(kind, variant=variant),
        "length": None,
        "byteLength": None,
        "precision": None,
        "scale": None,
        "collation": None,
    }
    if described["type"] == "fixed":
        decimal = pa.types.is_decimal(kind)
        described |= {"precision": kind.precision if decimal else 38}
        described |= {"scale": kind.scale if decimal else 0}
    elif described["type"] == "text":
        described |= {"length": 16_777_216, "byteLength": 16_777_216}
    elif described["type"].startswith("time"):
        described |= {"precision": 0, "scale": 9}
    elif described["type"] == "binary":
        described |= {"length": 8_388_608, "byteLength": 8_388_608}
    return described


def _type_name(kind: pa.DataType, *, variant: bool) -> str:
    if variant:
        return "variant"
    for holds, name in _TYPE_NAMES:
        if holds(kind):
            return name
    if pa.types.is_timestamp(kind):
        return "timestamp_ltz" if kind.tz else "timestamp_ntz"
    raise GapError(f"a result of type {kind}")


_TYPE_NAMES: tuple[tuple[Any, str], ...] = (
    (pa.types.is_string, "text"),
    (pa.types.is_null, "text"),
    (pa.types.is_integer, "fixed"),
    (pa.types.is_decimal, "fixed"),
    (pa.types.is_floating, "real"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_binary, "binary"),
)


def encoded(table: pa.Table, described: list[dict[str, Any]]) -> str:
    """Write the rows as the Arrow stream that the connector reads."""
    if not table.num_rows:
        return ""
    columns = [_column(column) for column in table.columns]
    fields = [
        pa.field(about["name"], column.type, metadata=_metadata(about))
        for about, column in zip(described, columns, strict=True)
    ]
    sink = pa.BufferOutputStream()
    converted = pa.Table.from_arrays(columns, schema=pa.schema(fields))
    with pa.ipc.new_stream(sink, converted.schema) as writer:
        writer.write_table(converted)
    return base64.b64encode(sink.getvalue()).decode()


def _metadata(about: dict[str, Any]) -> dict[str, str]:
    return {
        "logicalType": about["type"].upper(),
        "precision": str(about["precision"] or 38),
        "scale": str(about["scale"] or 0),
        "charLength": str(about["length"] or 0),
    }


def _column(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    if pa.types.is_timestamp(kind):
        return _timestamps(values)
    if pa.types.is_time(kind):
        return pc.multiply(values.cast(pa.int64()), 1000)
    if pa.types.is_null(kind):
        return values.cast(pa.string())
    if pa.types.is_uint64(kind):
        return values.cast(pa.int64())
    if pa.types.is_floating(kind):
        return values.cast(pa.float64())
    return values


def _timestamps(values: pa.Array) -> pa.Array:
    """Split moments into seconds and nanoseconds, a NULL staying NULL."""
    micros = values.cast(pa.timestamp("us", values.type.tz)).cast(pa.int64())
    absent = values.is_null()
    micros = micros.fill_null(0)
    seconds = pc.divide(micros, 1_000_000)  # towards zero, so put right below
    rest = pc.subtract(micros, pc.multiply(seconds, 1_000_000))
    before = pc.less(rest, 0)
    seconds = pc.if_else(before, pc.subtract(seconds, 1), seconds)
    rest = pc.if_else(before, pc.add(rest, 1_000_000), rest)
    nanos = pc.multiply(rest, 1000).cast(pa.int32())
    return pa.StructArray.from_arrays(
        [seconds, nanos],
        fields=[
            pa.field("epoch", pa.int64(), nullable=False),
            pa.field("fraction", pa.int32(), nullable=False),
        ],
        mask=absent,
    )
