"""What a write tells, as frozen values. No row value is in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """How a frame's column goes into its table."""

    name: str  # as the frame has it
    dtype: str
    column: str  # as the table has it
    sql_type: str
    new: bool  # the table has not got it yet
    misfits: int  # values that do not fit
    reasons: Mapping[str, int] = field(default_factory=dict)  # why, and how many
    note: str | None = None  # what was made of its values, if that is not plain


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCheck:
    """What a write would do, before it does."""

    target_table: str
    rows: int
    rejected: int  # rows with a value that does not fit
    columns: tuple[ColumnReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What a write has done."""

    write_id: str
    target_table: str
    replaced: bool  # the rows are instead of all that the table had
    rows: int  # written
    rejected: int  # kept in ``rejected_table``
    rejected_table: str | None
    size_bytes: int  # on the way to the warehouse
    pages: int  # in so many pieces
    attempts: int
    seconds: float
    steps: Mapping[str, float]  # seconds of each step
    columns: tuple[ColumnReport, ...]
