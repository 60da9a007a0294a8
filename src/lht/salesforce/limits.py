"""How much there is, and how much the org still allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from lht.exceptions import SalesforceAPIError, SalesforceLimitError
from lht.salesforce.client import Client

_NAMES_PER_CALL = 100  # keeps the URL far below 16 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgLimits:
    """What is left of the org's rolling 24-hour quotas."""

    api_max: int
    api_remaining: int
    bulk_query_jobs_max: int | None
    bulk_query_jobs_remaining: int | None


def read_record_counts(client: Client, names: Sequence[str]) -> dict[str, int]:
    """Return Salesforce's cached, approximate count of live records by object name.

    Objects that it has no count for are missing.
    """
    counts: dict[str, int] = {}
    for start in range(0, len(names), _NAMES_PER_CALL):
        wanted = ",".join(names[start : start + _NAMES_PER_CALL])
        answer = client.request(
            "GET", "limits/recordCount", params={"sObjects": wanted}
        )
        counts |= {item["name"]: item["count"] for item in answer.json()["sObjects"]}
    return counts


def read_limits(client: Client) -> OrgLimits | None:
    """Return the org's limits, None where the run-as user may not see them."""
    try:
        found = client.request("GET", "limits").json()
    except SalesforceLimitError:
        raise
    except SalesforceAPIError as exc:
        if exc.status == HTTPStatus.FORBIDDEN:
            return None
        raise
    api, jobs = found["DailyApiRequests"], found.get("DailyBulkV2QueryJobs", {})
    return OrgLimits(
        api_max=api["Max"],
        api_remaining=api["Remaining"],
        bulk_query_jobs_max=jobs.get("Max"),
        bulk_query_jobs_remaining=jobs.get("Remaining"),
    )
