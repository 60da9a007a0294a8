"""Plans, reports and histories as JSON documents.

``format`` names what a document is and its major version; within a major, keys are
only added. Every key is always there. The schemas lie in ``schemas/`` beside this file.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from lht import __version__
from lht.report.values import (
    ErrorReport,
    ObjectPlan,
    ObjectReport,
    Place,
    Status,
    SyncPlan,
    SyncReport,
)

_SUMMED: Final = ("read", "inserted", "updated", "unchanged", "deleted")


def report_document(report: SyncReport) -> dict[str, Any]:
    """Return ``lht.sync/1``."""
    return _document(
        "lht.sync/1",
        status=report.status,
        exit_code=report.exit_code,
        run=report,
        place=report.place,
        result={"objects": [_receipt(o) for o in report.objects]},
        warnings=_warnings(report.objects),
        errors=[_error(o.error, o.sobject) for o in report.objects if o.error],
    )


def plan_document(plan: SyncPlan) -> dict[str, Any]:
    """Return ``lht.plan/1``."""
    errors = [_error(o.error, o.sobject) for o in plan.objects if o.error]
    codes = {o.error.exit_code for o in plan.objects if o.error}
    return _document(
        "lht.plan/1",
        status=Status.FAILED if errors else Status.PLANNED,
        exit_code=one_exit_code(codes),
        place=plan.place,
        result={
            "changes": plan.has_work,
            "estimated_calls": plan.estimated_calls,
            "shared_calls": plan.shared_calls,
            "api_calls_left": plan.api_calls_left,
            "api_calls_max": plan.api_calls_max,
            "objects": [_planned(o) for o in plan.objects],
        },
        warnings=_warnings(plan.objects),
        errors=errors,
    )


def runs_document(runs: Sequence[SyncReport]) -> dict[str, Any]:
    """Return ``lht.runs/1``: the history, one short entry a run."""
    return _document(
        "lht.runs/1",
        status=Status.SUCCEEDED,
        place=next((r.place for r in runs if r.place), None),
        result={"runs": [_run(r) for r in runs]},
    )


def objects_document(
    objects: Sequence[dict[str, Any]], place: Place | None = None
) -> dict[str, Any]:
    """Return ``lht.objects/1``: what the org has that can be synced."""
    return _document(
        "lht.objects/1",
        status=Status.SUCCEEDED,
        place=place,
        result={"objects": list(objects)},
    )


def command_document(
    name: str,
    result: dict[str, Any],
    *,
    exit_code: int = 0,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the document of another command: it went well, or did in part."""
    status = Status.PARTIAL if exit_code else Status.SUCCEEDED
    return _document(
        name, status=status, exit_code=exit_code, result=result, warnings=warnings
    )


def failure_document(
    command: str, error: ErrorReport, *, status: Status = Status.FAILED
) -> dict[str, Any]:
    """Return the document of a *command* that ended before it had a result."""
    return _document(
        f"lht.{command}/1",
        status=status,
        exit_code=error.exit_code,
        errors=[_error(error, error.sobject)],
    )


def one_exit_code(codes: set[int]) -> int:
    """Return the code that several failures share, or 1; 0 without any."""
    return codes.pop() if len(codes) == 1 else int(bool(codes))


def _document(
    name: str,
    *,
    status: Status,
    exit_code: int = 0,
    run: SyncReport | None = None,
    place: Place | None = None,
    result: dict[str, Any] | None = None,
    warnings: Sequence[str] = (),
    errors: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "format": name,
        "lht": __version__,
        "status": str(status),
        "exit_code": exit_code,
        "run_id": run and run.run_id,
        "started_at": run and _stamp(run.started_at),
        "seconds": run and round(run.seconds, 3),
        "api_calls": run and run.api_calls,
        "salesforce": place and {"org_id": place.org_id, "url": place.org_url},
        "warehouse": place
        and {
            "kind": place.warehouse_kind,
            "name": place.warehouse,
            "schema": place.schema,
        },
        "result": result,
        "warnings": list(warnings),
        "errors": list(errors),
    }


def _receipt(report: ObjectReport) -> dict[str, Any]:
    return _plain(asdict(report)) | {
        "error": report.error and _error(report.error, report.sobject),
        "seconds": round(report.seconds, 3),
    }


def _planned(plan: ObjectPlan) -> dict[str, Any]:
    return _plain(asdict(plan)) | {
        "error": plan.error and _error(plan.error, plan.sobject)
    }


def _run(report: SyncReport) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "status": str(report.status),
        "exit_code": report.exit_code,
        "started_at": _stamp(report.started_at),
        "seconds": round(report.seconds, 3),
        "objects": [o.sobject for o in report.objects],
        **{name: sum(getattr(o, name) for o in report.objects) for name in _SUMMED},
    }


def _error(error: ErrorReport, sobject: str | None) -> dict[str, Any]:
    return _plain(asdict(error)) | {"sobject": sobject}


def _warnings(objects: Sequence[ObjectPlan] | Sequence[ObjectReport]) -> list[str]:
    return [f"{o.sobject}: {note}" for o in objects for note in o.notes]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Turn what JSON has no word for into text and lists."""
    return {k: _plain_value(v) for k, v in values.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return _stamp(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, str) else value


def _stamp(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds") + "Z"
