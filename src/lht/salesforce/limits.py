"""How much there is, and how much the org still allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from lht.exceptions import SalesforceAPIError, SalesforceLimitError
from lht.salesforce._bodies import Wire
from lht.salesforce.client import Client

_NAMES_PER_CALL = 100  # keeps the URL far below 16 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgLimits:
    """What is left of the org's rolling 24-hour quotas."""

    api_max: int
    api_remaining: int


class _Count(Wire, frozen=True):
    name: str
    count: int


class _Counts(Wire, frozen=True):
    s_objects: list[_Count]


class _Quota(Wire, frozen=True, rename="pascal"):
    max: int
    remaining: int


class _Limits(Wire, frozen=True, rename="pascal"):
    daily_api_requests: _Quota


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
        counts |= {c.name: c.count for c in answer.decode(_Counts).s_objects}
    return counts


def read_limits(client: Client) -> OrgLimits | None:
    """Return the org's limits, None where the run-as user may not see them."""
    try:
        found = client.request("GET", "limits").decode(_Limits)
    except SalesforceLimitError:
        raise
    except SalesforceAPIError as exc:
        if exc.status == HTTPStatus.FORBIDDEN:
            return None
        raise
    calls = found.daily_api_requests
    return OrgLimits(api_max=calls.max, api_remaining=calls.remaining)
