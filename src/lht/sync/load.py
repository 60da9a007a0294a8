"""Loading an extraction and committing it: data, watermark and receipt as one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from lht.exceptions import DataError, RowCountMismatchError
from lht.report.values import ObjectReport, Status, SyncMode
from lht.schema import SchemaChange
from lht.sync.extract import Extraction
from lht.sync.lease import Leases
from lht.sync.plan import Facts, Planned
from lht.sync.state import Store
from lht.sync.values import State
from lht.warehouse import sql
from lht.warehouse.base import LoadCounts, Session, Target


def load(
    session: Session,
    leases: Leases,
    planned: Planned,
    extraction: Extraction,
    receipt: Callable[[], ObjectReport],
    *,
    run_id: str,
) -> ObjectReport:
    """Load what is extracted and commit it, or leave everything as it was.

    Args:
        session: To the warehouse; no transaction is open.
        leases: Hold the target's.
        planned: What is loaded.
        extraction: Where it comes from; consumed.
        receipt: Tells what is known when the rows are loaded; the counts are added.
        run_id: Of this run.

    Returns:
        The receipt as it was committed.

    Raises:
        RowCountMismatchError: Counts do not reconcile. Nothing has moved.
        LHTError: Nothing has moved, but for CommitStateUnknownError.
    """
    facts = planned.facts
    ref = facts.ref
    session.ensure_schema(ref.schema)
    wanted = _target(session, planned, run_id, lambda: leases.check(str(ref)))
    with session.load(wanted, extraction) as counts:
        if facts.key != "Id":
            session.check_key(ref, facts.key)
        _reconcile(extraction, counts)
        leases.check(str(ref))
        done = _receipt(receipt(), planned, extraction, counts)
        store = Store(session)
        store.save_state(_state(planned, extraction, counts, run_id))
        store.add_changes(run_id, str(ref), (*_aligned(facts), *counts.widened))
        store.add_receipt(run_id, done)
        if extraction.job is not None:
            store.end_job(str(ref), extraction.job.id, run_id, "committed")
        store.discard_open_jobs(str(ref), run_id)
    return done


def _target(
    session: Session, planned: Planned, run_id: str, still_ours: Callable[[], None]
) -> Target:
    """Return what is loaded; a table that is adopted is looked at closely before."""
    facts = planned.facts
    if planned.load.adopting:
        session.check_key(facts.ref, facts.key)
        _check_ids(session, facts)
    return Target(
        ref=facts.ref,
        table=facts.table,
        schema=facts.columns,
        key=_matched_by(session, facts),
        cursor_field=facts.cursor_field,
        full=planned.load.mode is SyncMode.FULL,
        run_id=run_id,
        stage=planned.options.stage,
        still_ours=still_ours,
    )


def _aligned(facts: Facts) -> tuple[SchemaChange, ...]:
    """Return what was changed of the table before anything was written into it."""
    return () if facts.table is None else facts.misfits


def _check_ids(session: Session, facts: Facts) -> None:
    """Raise if an adopted table has Ids of 15 characters: none would be matched."""
    ids = facts.table.column("Id") if facts.table else None
    if ids is None:
        return
    name = session.name(facts.ref)
    ((short,),) = session.query(sql.count_of_length(name, ids.name, 15))
    if short:
        raise DataError(
            f"{facts.ref} has {short} Ids of 15 characters, Salesforce sends 18",
            hint="sync into another --table",
            table=str(facts.ref),
        )


def _matched_by(session: Session, facts: Facts) -> str:
    """Return the column that tells rows apart: Id, unless the table's rows lack it.

    A record keeps its Id when any other key of it changes.
    """
    if facts.key == "Id" or facts.table is None:
        return "Id"
    ids = facts.table.column("Id")
    if ids is None:
        return facts.key
    missing = sql.count_missing(session.name(facts.ref), ids.name)
    return facts.key if session.query(missing) != [(0,)] else "Id"


def _reconcile(extraction: Extraction, counts: LoadCounts) -> None:
    """Raise unless reported = downloaded = staged = inserted + updated + unchanged."""
    loaded = counts.inserted + counts.updated + counts.unchanged
    numbers = {
        "reported": extraction.reported,
        "downloaded": extraction.downloaded,
        "staged": counts.staged,
        "loaded": loaded,
    }
    if len(set(numbers.values())) != 1:
        told = ", ".join(f"{number:,} {name}" for name, number in numbers.items())
        raise RowCountMismatchError(
            f"the counts do not reconcile: {told}",
            hint="run it again; if it happens again, please report it",
        )


def _state(
    planned: Planned, extraction: Extraction, counts: LoadCounts, run_id: str
) -> State:
    facts, options = planned.facts, planned.options
    return State(
        target_table=str(facts.ref),
        run_id=run_id,
        org_id=facts.org_id,
        sobject=facts.schema.name,
        where=options.where,
        fields=options.fields,
        cursor_field=facts.cursor_field,
        watermark=_complete_up_to(planned, extraction) if facts.cursor_field else None,
        high_water=counts.high_water,
        rows=counts.rows,
        columns={c.name: c.arrow_type for c in facts.columns.columns},
    )


def _complete_up_to(planned: Planned, extraction: Extraction) -> datetime | None:
    """Return the instant before which every change is in the table now.

    It never falls behind the watermark that the load began at, unless a job of unknown
    content has put older rows back; after a full load from such a job, nobody knows.
    """
    load, signpost = planned.load, extraction.signpost
    began_at = None if load.adopting else load.since
    if not extraction.known:
        return began_at and min(began_at, signpost)
    return max(signpost, began_at or signpost)


def _receipt(
    receipt: ObjectReport,
    planned: Planned,
    extraction: Extraction,
    counts: LoadCounts,
) -> ObjectReport:
    return replace(
        receipt,
        status=Status.SUCCEEDED,
        read=extraction.reported,
        downloaded=extraction.downloaded,
        staged=counts.staged,
        inserted=counts.inserted,
        updated=counts.updated,
        unchanged=counts.unchanged,
        deleted=counts.deleted,
        removed=counts.removed,
        complete_up_to=_complete_up_to(planned, extraction),
        last_modified_at=counts.last_modified_at,
        size_bytes=extraction.size_bytes,
        job_ids=(extraction.job.id,) if extraction.job else (),
        notes=(*receipt.notes, *map(_widened, counts.widened), *_gone(counts)),
    )


def _gone(counts: LoadCounts) -> Iterator[str]:
    if counts.removed:
        yield f"{counts.removed:,} rows that Salesforce did not send left the table"


def _widened(change: SchemaChange) -> str:
    return (
        f"column {change.column} widened from {change.old_type} to {change.new_type}:"
        " a value needs it"
    )
