"""What the line remembers between runs, as frozen values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

FORMAT: Final = 1  # of the stored documents; a newer one is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a target table stands: what it is, and up to when it is complete."""

    format: int = FORMAT
    target_table: str
    run_id: str
    org_id: str
    sobject: str
    where: str | None
    fields: tuple[str, ...] | None  # as asked for; None means all
    cursor_field: str | None
    watermark: datetime | None
    high_water: datetime | None  # greatest cursor value that the table held then
    rows: int
    columns: Mapping[str, str]  # name -> Arrow type name


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A bulk job of ours whose rows are not committed yet."""

    job_id: str
    run_id: str
    org_id: str
    identity: str  # what it reads: see job_identity
    api_version: str
    signpost: datetime


def job_identity(org_id: str, soql: str) -> str:
    """Return what makes a job of an earlier run usable: same org, same query."""
    return hashlib.sha256(f"{org_id}\n{soql}".encode()).hexdigest()
