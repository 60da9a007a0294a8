"""A frame's rows apart: those that fit their table, and those that do not. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import pyarrow as pa

from lht.exceptions import LHTError, UnencodableValueError
from lht.spelling import spelled
from lht.util.fit import fit
from lht.util.frames import Frame
from lht.util.misfits import Misfits
from lht.util.shape import Shape
from lht.util.values import ColumnReport

_TOLD = 3  # columns that an error names


# What is kept of a row that does not fit, with the kinds of values.
REJECTED: Final = {
    "ROW_NUMBER": "int",  # in the frame, from 0
    "COLUMN_NAMES": "string",
    "REASON": "string",
    "RECORD": "string",  # all its values as texts, as a JSON object
}


@dataclass(frozen=True)
class FittedFrame:
    """What is written, and what is not."""

    rows: pa.Table
    rejected: pa.Table  # see REJECTED
    columns: tuple[ColumnReport, ...]


def fit_frame(frame: Frame, shape: Shape) -> FittedFrame:
    """Make a frame's values those of its table; set aside the rows that do not fit."""
    pairs = list(zip(frame.columns, shape.slots, strict=True))
    fitted = [fit(column, slot) for column, slot in pairs]
    misfits = [found for _, found in fitted]
    arrays = {f"C{at}": array for at, (array, _) in enumerate(fitted)}
    rows = pa.table(arrays)
    wrong = sorted(set().union(*misfits))
    if wrong:
        keep = set(range(frame.num_rows)).difference(wrong)
        rows = rows.take(pa.array(sorted(keep), pa.int64()))
    reports = tuple(
        ColumnReport(
            name=column.name,
            dtype=column.dtype,
            column=slot.name,
            sql_type=slot.sql_type,
            new=slot in shape.new,
            misfits=len(found),
            reasons=dict(Counter(found.values())),
            note=column.note,
        )
        for (column, slot), found in zip(pairs, misfits, strict=True)
    )
    return FittedFrame(rows, _rejected(frame, misfits, wrong), reports)


def _rejected(
    frame: Frame, misfits: Sequence[Misfits], wrong: Sequence[int]
) -> pa.Table:
    picked = pa.array(wrong, pa.int64())
    names = [column.name for column in frame.columns]
    texts = [spelled(column.array).take(picked).to_pylist() for column in frame.columns]
    why = [
        {
            name: found[row]
            for name, found in zip(names, misfits, strict=True)
            if row in found
        }
        for row in wrong
    ]
    reasons = ["; ".join(f"{n}: {w}" for n, w in found.items()) for found in why]
    records = [
        msgspec.json.encode(dict(zip(names, row, strict=True))).decode()
        for row in zip(*texts, strict=True)
    ]
    columns = [", ".join(found) for found in why]
    kinds = [pa.int64(), *[pa.large_string()] * 3]
    values = (picked, columns, reasons, records)
    arrays = [pa.array(v, kind) for v, kind in zip(values, kinds, strict=True)]
    return pa.table(arrays, names=list(REJECTED))


def check_fits(fitted: FittedFrame, target: str, *, keeps_rejected: bool) -> None:
    """Raise if rows that do not fit forbid the write.

    Raises:
        UnencodableValueError: There are such rows and they are not to be kept, or no
            row fits at all.
    """
    rejected = fitted.rejected.num_rows
    if not rejected or (keeps_rejected and fitted.rows.num_rows):
        return
    raise misfit_error(fitted, target)


def misfit_error(fitted: FittedFrame, target: str) -> LHTError:
    """Return the error for rows that do not fit."""
    rejected = fitted.rejected.num_rows
    wrong = [column for column in fitted.columns if column.misfits]
    told = "; ".join(
        f"{c.name} ({c.dtype}) -> {c.sql_type}: {', '.join(c.reasons)} ({c.misfits:,})"
        for c in wrong[:_TOLD]
    )
    more = f"; {len(wrong) - _TOLD} columns more" if len(wrong) > _TOLD else ""
    return UnencodableValueError(
        f"{rejected:,} of {rejected + fitted.rows.num_rows:,}"
        f" rows do not fit {target}: {told}{more}",
        hint="change the values or the columns; lht.util.data_writer.check tells of all"
        " columns without writing",
        table=target,
    )
