"""Versions, the list of resources, limits and record counts."""

from typing import Any

from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call

# Columns of Bulk results came in alphabetical order before v50; this org starts there.
FIRST_VERSION, LAST_VERSION = 50, 67
VERSIONS = tuple(f"{n}.0" for n in range(FIRST_VERSION, LAST_VERSION + 1))

_SEASONS = ("Winter", "Spring", "Summer")
_WINTER_11 = 20  # the version from which the labels are counted

_RESOURCES = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")

# Limits of an Enterprise org of which nothing but the API is used.
_UNUSED_LIMITS = {
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 1_000,
    "DataStorageMB": 10_240,
    "FileStorageMB": 10_240,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "PermissionSets": 1_500,
    "SingleEmail": 5_000,
}


def _label(version: str) -> str:
    releases = int(version.partition(".")[0]) - _WINTER_11
    return f"{_SEASONS[releases % 3]} '{11 + releases // 3}"


def list_versions(_: Service, _call: Call) -> Answer:
    """Answer ``GET /services/data``, which needs no session."""
    return Answer(
        body=[
            {"label": _label(v), "url": f"/services/data/v{v}", "version": v}
            for v in VERSIONS
        ]
    )


def list_resources(_: Service, call: Call) -> Answer:
    """Answer ``GET /services/data/vXX.X``."""
    return Answer(body={name: f"{call.base}/{name}" for name in _RESOURCES})


def read_limits(service: Service, _: Call) -> Answer:
    """Answer ``GET /limits``."""
    limits: dict[str, Any] = {
        name: {"Max": most, "Remaining": most} for name, most in _UNUSED_LIMITS.items()
    }
    for name, meter in (
        ("DailyApiRequests", service.api_usage),
        ("DailyBulkV2QueryJobs", service.jobs.meter),
    ):
        limits[name] = {"Max": meter.limit, "Remaining": meter.remaining}
    return Answer(body=dict(sorted(limits.items())))


def count_records(service: Service, call: Call) -> Answer:
    """Answer ``GET /limits/recordCount``: objects without records are left out."""
    wanted = call.params.get("sObjects", "")
    names = {name.strip().lower() for name in wanted.split(",") if name.strip()}
    return Answer(
        body={
            "sObjects": [
                {"count": count, "name": name}
                for name, count in sorted(service.store.record_counts().items())
                if count and (not names or name.lower() in names)
            ]
        }
    )


OPEN_ROUTES = (("GET", "/services/data", list_versions),)
ROUTES = (
    ("GET", "", list_resources),
    ("GET", "/limits", read_limits),
    ("GET", "/limits/recordCount", count_records),
)
