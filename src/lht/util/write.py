"""The one way of a frame into a table: convert -> check -> stage -> one transaction.

Rows, what is kept of those that did not fit, and a receipt are committed together. A
write that failed for what passes is tried again; by its receipt it is known whether it
has landed after all.
"""

import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from lht.connect import opened_warehouse
from lht.exceptions import (
    CommitStateUnknownError,
    LHTError,
    RowCountMismatchError,
    WarehouseUnavailableError,
)
from lht.retry import retrying
from lht.schema import TableRef
from lht.util.fitted import FittedFrame, check_fits, fit_frame
from lht.util.frames import Frame, read_frame
from lht.util.records import Receipts, rejected_ref, rejected_rows, rejected_slots
from lht.util.shape import Shape, declared_types, shape_of
from lht.util.values import WriteCheck, WriteReport
from lht.warehouse.base import Session, Staged, Warehouse

CONTINUE: Final = "CONTINUE"  # rows that do not fit are kept aside, the others written
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller asks for."""

    ref: TableRef
    overwrite: bool = False
    auto_create: bool = True
    on_error: str = CONTINUE
    types: Mapping[str, str] = field(default_factory=dict)  # of new columns
    like: TableRef | None = None  # a table whose types new columns get


class Clock:
    """Seconds of each step; a step that is done again adds to its own."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._started = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            self.steps[name] = self.steps.get(name, 0.0) + spent

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.perf_counter() - self._started


def write(
    session: Any,
    df: Any,
    schema: str,
    table: str,
    *,
    overwrite: bool = False,
    auto_create: bool = True,
    on_error: str = CONTINUE,
    types: dict[str, str] | None = None,
) -> WriteReport:
    """Write a frame into a table, and tell how it went.

    Readers see all rows or none. With *overwrite* they are instead of all that the
    table had; grants, comments and views stay.

    Args:
        session: A Snowpark session, a DuckDB connection, or anything else that lht
            opens as a warehouse.
        df: The frame.
        schema: Of the table, in the current database.
        table: Its name.
        overwrite: Whether the rows replace those of the table.
        auto_create: Whether to make the table, or, with *overwrite*, the columns that
            it lacks.
        on_error: ``CONTINUE``: rows that do not fit are kept in ``<table>_REJECTED``,
            with the reason; the others are written. Anything else: nothing is.
        types: Types of new columns, as Snowflake spells them, by column.

    Raises:
        ConfigError: The session is no warehouse, or there is no table and none is made.
        SchemaError: The table lacks columns.
        UnencodableValueError: Rows do not fit and are not kept, or none fits.
        CommitStateUnknownError: It may have landed; ``LHT.WRITES`` tells.
    """
    wanted = Wanted(
        ref=TableRef(schema, table),
        overwrite=overwrite,
        auto_create=auto_create,
        on_error=on_error,
        types=declared_types(None, types),
    )
    return write_frame(session, df, wanted)


def check(
    session: Any,
    df: Any,
    schema: str,
    table: str,
    *,
    types: dict[str, str] | None = None,
) -> WriteCheck:
    """Tell, column by column, how a frame would go into a table. Nothing is written.

    Raises:
        ConfigError: The session is no warehouse.
        DataError: It is no frame that can be written.
    """
    wanted = Wanted(
        ref=TableRef(schema, table), overwrite=True, types=declared_types(None, types)
    )
    frame = read_frame(df)
    with opened_warehouse(session, create=False) as place, place.session() as opened:
        fitted = fit_frame(frame, _shape(opened, frame, wanted))
    return WriteCheck(
        target_table=str(wanted.ref),
        rows=frame.num_rows,
        rejected=fitted.rejected.num_rows,
        columns=fitted.columns,
    )


def write_frame(session: Any, df: Any, wanted: Wanted) -> WriteReport:
    """Write a frame; see ``write``."""
    clock = Clock()
    with clock.step("convert"):
        frame = read_frame(df)
    with opened_warehouse(session) as place:
        work = _Work(place, frame, wanted, clock)
        report = retrying(work.attempt, when=_passes)
    _tell(report)
    return report


def _passes(error: Exception) -> bool:
    """Tell whether to try again: after an unknown commit the receipt tells what is."""
    return isinstance(error, LHTError) and (
        error.transient or isinstance(error, CommitStateUnknownError)
    )


def _shape(session: Session, frame: Frame, wanted: Wanted) -> Shape:
    return shape_of(
        frame,
        session.slots(wanted.ref),
        session,
        ref=wanted.ref,
        types=wanted.types,
        like=(wanted.like and session.slots(wanted.like)) or (),
        may_create=wanted.auto_create,
        may_add=wanted.auto_create and wanted.overwrite,
    )


class _Work:
    """One write, however often it is tried."""

    def __init__(
        self, place: Warehouse, frame: Frame, wanted: Wanted, clock: Clock
    ) -> None:
        self._place, self._frame = place, frame
        self._wanted, self._clock = wanted, clock
        self._write_id = uuid.uuid4().hex.upper()  # a part of names
        self._attempts = 0

    def attempt(self) -> WriteReport:
        """Write the frame, unless an attempt before has landed."""
        self._attempts += 1
        with self._place.session() as session, ExitStack() as stack:
            with self._clock.step("check"):
                Receipts(session).prepare()
                shape = _shape(session, self._frame, self._wanted)
                fitted = fit_frame(self._frame, shape)
                keeps = self._wanted.on_error.upper() == CONTINUE
                check_fits(fitted, str(self._wanted.ref), keeps_rejected=keeps)
            with self._clock.step("stage"):
                rows = stack.enter_context(
                    session.staging(fitted.rows, shape.slots, self._write_id)
                )
                kept = self._staged_rejected(session, fitted, stack)
                self._make(session, shape)
            with self._clock.step("commit"):
                self._commit(session, fitted, rows, kept)
        return self._report(fitted, rows)

    def _staged_rejected(
        self, session: Session, fitted: FittedFrame, stack: ExitStack
    ) -> Staged | None:
        if not fitted.rejected.num_rows:
            return None
        slots = rejected_slots(session)
        session.make(rejected_ref(self._wanted.ref), slots)
        rows = rejected_rows(fitted.rejected, self._write_id)
        return stack.enter_context(session.staging(rows, slots, self._write_id))

    def _make(self, session: Session, shape: Shape) -> None:
        """Make the table, or the columns that it lacks."""
        ref = self._wanted.ref
        if shape.table_exists:
            if shape.new:
                session.add_columns(ref, shape.new)
            return
        session.make(ref, shape.slots)
        if session.slots(ref) != shape.slots:
            raise WarehouseUnavailableError(
                f"another has made {ref} just now, with other columns",
                hint="run it again: it takes the table as it is",
                table=str(ref),
            )

    def _commit(
        self, session: Session, fitted: FittedFrame, rows: Staged, kept: Staged | None
    ) -> None:
        receipts, wanted = Receipts(session), self._wanted
        with session.transaction():
            if receipts.has(self._write_id):
                return
            with self._clock.step("insert"):
                inserted = rows.insert(wanted.ref, replace=wanted.overwrite)
                _check_count(inserted, fitted.rows.num_rows, wanted.ref)
                if kept is not None:
                    aside = rejected_ref(wanted.ref)
                    inserted = kept.insert(aside, replace=False)
                    _check_count(inserted, fitted.rejected.num_rows, aside)
            receipts.add(self._report(fitted, rows))

    def _report(self, fitted: FittedFrame, rows: Staged) -> WriteReport:
        rejected = fitted.rejected.num_rows
        return WriteReport(
            write_id=self._write_id,
            target_table=str(self._wanted.ref),
            replaced=self._wanted.overwrite,
            rows=fitted.rows.num_rows,
            rejected=rejected,
            rejected_table=str(rejected_ref(self._wanted.ref)) if rejected else None,
            size_bytes=rows.size_bytes,
            pages=rows.pages,
            attempts=self._attempts,
            seconds=self._clock.seconds,
            steps=dict(self._clock.steps),
            columns=fitted.columns,
        )


def _check_count(inserted: int, expected: int, ref: TableRef) -> None:
    if inserted != expected:
        raise RowCountMismatchError(
            f"{inserted:,} rows went into {ref} where {expected:,} were written",
            hint="see whether the table has ERROR_LOGGING, or a trigger",
            table=str(ref),
        )


def _tell(report: WriteReport) -> None:
    steps = " ".join(f"{name}_seconds={s:.3f}" for name, s in report.steps.items())
    _log.info(
        "event=write write_id=%s table=%s rows=%d rejected=%d bytes=%d pages=%d"
        " attempts=%d seconds=%.3f %s",
        *(report.write_id, report.target_table, report.rows, report.rejected),
        *(report.size_bytes, report.pages, report.attempts, report.seconds, steps),
    )
    for column in report.columns:
        if column.note:
            _log.warning("event=write_note column=%s note=%r", column.name, column.note)
    if report.rejected:
        _log.warning(
            "event=rows_rejected table=%s rows=%d kept_in=%s write_id=%s",
            *(report.target_table, report.rejected),
            *(report.rejected_table, report.write_id),
        )
