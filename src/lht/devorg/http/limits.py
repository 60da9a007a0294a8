"""Versions, the list of resources, limits and record counts."""

from typing import Any

from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call

# Source: Salesforce Help, "Platform API Versions 21.0 through 30.0 Retirement".
FIRST_VERSION, LAST_VERSION = 31, 67
VERSIONS = tuple(f"{n}.0" for n in range(FIRST_VERSION, LAST_VERSION + 1))

_SEASONS = ("Winter", "Spring", "Summer")
_WINTER_11 = 20  # the version from which the labels are counted

# Since when there are resources, where not from the first version on. Bulk query jobs
# are older than v50, but until then their columns came in alphabetical order.
_SINCE = {
    "composite": 38,
    "composite/batch": 34,
    "composite/graph": 50,
    "composite/sobjects": 42,
    "composite/tree": 34,
    "jobs": 50,
    "limits/recordCount": 40,
    "parameterizedSearch": 36,
}
_RESOURCES = (
    "composite",
    "jobs",
    "limits",
    "parameterizedSearch",
    "query",
    "queryAll",
    "quickActions",
    "recent",
    "search",
    "sobjects",
    "tabs",
    "theme",
)

# Limits of an Enterprise org of which nothing but the API is used.
# Source: REST API Developer Guide, "Limits".
_UNUSED_LIMITS = {
    "ActiveScratchOrgs": 40,
    "AnalyticsExternalDataSizeMB": 40_960,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAnalyticsUploadedFilesSizeMB": 51_200,
    "DailyAsyncApexExecutions": 250_000,
    "DailyAsyncApexTests": 500,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyDeliveredPlatformEvents": 50_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 200_000,
    "DailyEinsteinDataInsightsStoryCreation": 1_000,
    "DailyEinsteinDiscoveryOptimizationJobRuns": 25,
    "DailyEinsteinDiscoveryPredictAPICalls": 50_000,
    "DailyEinsteinDiscoveryPredictionsByCDC": 500_000,
    "DailyEinsteinDiscoveryStoryCreation": 100,
    "DailyFunctionsApiCallLimit": 235_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyScratchOrgs": 80,
    "DailyStandardVolumePlatformEvents": 25_000,
    "DailyStreamingApiEvents": 200_000,
    "DailyWorkflowEmails": 1_000,
    "DataStorageMB": 10_240,
    "DurableStreamingApiConcurrentClients": 1_000,
    "FileStorageMB": 10_240,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyManagedContentPublicRequests": 50_000,
    "HourlyODataCallout": 20_000,
    "HourlyPublishedPlatformEvents": 250_000,
    "HourlyPublishedStandardVolumePlatformEvents": 100_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "MonthlyEinsteinDiscoveryStoryCreation": 500,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "PermissionSets": 1_500,
    "PrivateConnectOutboundCalloutHourlyLimitMB": 0,
    "PublishCallbackUsageInApex": 0,
    "SingleEmail": 5_000,
    "StreamingApiConcurrentClients": 1_000,
}
_BATCHES = 15_000
_BATCHES_RENAMED = 49


def serves(version: str | None, path: str) -> bool:
    """Whether a version has the resource at a path; paths without one always are."""
    if version is None:
        return True
    if version not in VERSIONS:
        return False
    below = path.partition(f"/v{version}/")[2]
    parts = below.split("/")
    names = ("/".join(parts[:2]), parts[0])
    since = next((_SINCE[name] for name in names if name in _SINCE), FIRST_VERSION)
    return float(version) >= since


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


def list_resources(service: Service, call: Call) -> Answer:
    """Answer ``GET /services/data/vXX.X``."""
    urls = {name: f"{call.base}/{name}" for name in _RESOURCES}
    return Answer(
        body={name: url for name, url in urls.items() if serves(call.version, url)}
        | {"identity": f"{call.origin}/id/{service.store.org_id}/{call.user_id}"}
    )


def read_limits(service: Service, call: Call) -> Answer:
    """Answer ``GET /limits``."""
    renamed = float(call.version) >= _BATCHES_RENAMED
    batches = "DailyBulkApiBatches" if renamed else "DailyBulkApiRequests"
    limits: dict[str, Any] = {
        name: {"Max": most, "Remaining": most}
        for name, most in {**_UNUSED_LIMITS, batches: _BATCHES}.items()
    }
    limits["PermissionSets"]["CreateCustom"] = {"Max": 1_000, "Remaining": 1_000}
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
