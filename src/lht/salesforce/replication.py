"""Salesforce's own knowledge of up to when an object's changes are complete."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec

from lht.exceptions import SalesforceAPIError, SalesforceLimitError
from lht.salesforce._bodies import Wire
from lht.salesforce.client import Reader
from lht.salesforce.soql import format_datetime

# Salesforce cuts both ends to the minute and wants more than one between them; a
# short window keeps the list of ids, which comes along, small.
_WINDOW = timedelta(minutes=3)


class _Updated(Wire, frozen=True):
    latest_date_covered: Annotated[datetime, msgspec.Meta(tz=True)]


def read_latest_date_covered(
    client: Reader, sobject: str, *, now: datetime
) -> datetime | None:
    """Return the instant up to which all changes of an object are committed.

    Args:
        client: Bound to the org.
        sobject: API name.
        now: The org's time, see :meth:`Reader.server_now`.

    Returns:
        Aware UTC, never after ``now``; None where the object is not replicateable
        or Salesforce cannot tell.

    Source:
        REST API Developer Guide, "Get Updated", API v62.0, read 2026-11-21.
    """
    try:
        answer = client.request("GET", path_of(sobject, now))
    except SalesforceLimitError:
        raise
    except SalesforceAPIError:
        return None  # not replicateable, too many ids, or a window it dislikes
    covered = answer.decode(_Updated).latest_date_covered
    return min(covered.astimezone(UTC), now)


def path_of(sobject: str, now: datetime) -> str:
    """Return where it is asked up to when an object is complete."""
    window = {
        "start": format_datetime((now - _WINDOW).replace(microsecond=0)),
        "end": format_datetime(now.replace(microsecond=0)),
    }
    return f"sobjects/{quote(sobject, safe='')}/updated/?{urlencode(window)}"
