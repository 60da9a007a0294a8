"""Which column of a table takes which column of a frame. Pure, but for the dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from lht.exceptions import ConfigError, SchemaError
from lht.schema import TableRef
from lht.typemap import PRECISION, SNOWFLAKE
from lht.util.frames import Frame, FrameColumn
from lht.warehouse.base import Slot


class Dialect(Protocol):
    """How a warehouse names new columns and their types; a session is one."""

    def new_slot(self, name: str, kind: str, scale: int) -> Slot:
        """Return a new column for values of a kind."""

    def declared_slot(self, name: str, sql_type: str) -> Slot:
        """Return a new column of a type that the caller names."""


@dataclass(frozen=True)
class Shape:
    """The columns that are written into, one for each of the frame's."""

    slots: tuple[Slot, ...]
    new: tuple[Slot, ...]  # those of them that are to be made
    table_exists: bool


def shape_of(
    frame: Frame,
    have: Sequence[Slot] | None,
    dialect: Dialect,
    *,
    ref: TableRef,
    types: Mapping[str, str],
    like: Sequence[Slot],
    may_create: bool,
    may_add: bool,
) -> Shape:
    """Decide where each column goes.

    Args:
        frame: What is to be written.
        have: The table's columns; None if there is no table.
        dialect: Names new columns.
        ref: The table.
        types: Types of new columns that the caller names, by names in lower case.
        like: Columns of another table, whose types new ones get.
        may_create: Whether the table may be made.
        may_add: Whether columns may be added to it.

    Raises:
        ConfigError: There is no table, and none may be made.
        SchemaError: The table lacks columns, and none may be added.
    """
    if have is None and not may_create:
        raise ConfigError(
            f"there is no table {ref}",
            hint="create it, or write with auto_create=True",
            table=str(ref),
        )
    found = [_found(have or (), column.name) for column in frame.columns]
    slots = [
        slot or _new(column, dialect, types, like)
        for slot, column in zip(found, frame.columns, strict=True)
    ]
    new = tuple(n for n, slot in zip(slots, found, strict=True) if slot is None)
    if new and have is not None and not may_add:
        raise SchemaError(
            f"{ref} has no column {', '.join(slot.name for slot in new)}",
            hint="add it, leave it out of the frame, or write with overwrite=True and"
            " auto_create=True, which adds it",
            table=str(ref),
        )
    return Shape(tuple(slots), new, have is not None)


def _found(have: Sequence[Slot], name: str) -> Slot | None:
    """Return the column of that name: the same letters first, then in any case."""
    named = [slot for slot in have if slot.name.lower() == name.lower()]
    for wanted in (name, name.upper()):
        for slot in named:
            if slot.name == wanted:
                return slot
    return named[0] if named else None


def _new(
    column: FrameColumn,
    dialect: Dialect,
    types: Mapping[str, str],
    like: Sequence[Slot],
) -> Slot:
    declared = types.get(column.name.lower())
    if declared is not None:
        return dialect.declared_slot(column.name, declared)
    if other := _found(like, column.name):
        return replace(other, required=False)
    return dialect.new_slot(column.name, column.kind, _scale(column))


def _scale(column: FrameColumn) -> int:
    """Return the digits behind the point of a new column.

    What a frame's decimals need today tells little of the next frame's.
    """
    if column.kind != "decimal" or column.dtype != "object" or not column.scale:
        return column.scale
    whole = int(column.array.type.precision) - column.scale
    return max(column.scale, min(_ROOMY, PRECISION - whole))


_ROOMY: Final = 9
_OF_DTYPES: Final = {
    "bool": "BOOLEAN",
    "boolean": "BOOLEAN",
    "int64": SNOWFLAKE["int64"],
    "int32": SNOWFLAKE["int64"],
    "float64": "FLOAT",
    "float32": "FLOAT",
    "string": "VARCHAR",
    "str": "VARCHAR",
}


def declared_types(df_fields: object, snowflake_fields: object) -> dict[str, str]:
    """Return the types that a caller names, by column names in lower case.

    Args:
        df_fields: Columns to dtypes of pandas, or to types; of the dtypes those count
            that say what a column is (``object`` does not). A mere list says nothing.
        snowflake_fields: Columns to types of Snowflake; they come first.
    """
    found = {}
    for name, kind in _items(df_fields):
        dtype = kind.partition("[")[0].lower()
        if dtype == "datetime64":
            found[name.lower()] = "TIMESTAMP_NTZ"
        elif dtype in _OF_DTYPES:
            found[name.lower()] = _OF_DTYPES[dtype]
        elif kind.isupper():
            found[name.lower()] = kind
    return found | {name.lower(): kind for name, kind in _items(snowflake_fields)}


def _items(fields: object) -> list[tuple[str, str]]:
    if not isinstance(fields, Mapping):
        return []
    return [(str(n), str(kind)) for n, kind in fields.items() if kind is not None]
