"""What can go wrong between an org and those who call it.

Each fault is one value: what goes wrong, with which requests, and how often::

    with devorg.start(rows={"Account": 1000}) as org:
        org.faults.add(faults.Cut(path="results", after_bytes=1_000, times=2))

The admin API takes the same as JSON, by the name of its kind:
``{"kind": "cut", "path": "results", "afterBytes": 1000, "times": 2}``.
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Annotated, Any, ClassVar

import msgspec

from lht.devorg.http.wire import Answer

Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]
HeaderText = Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]*\Z")]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]

_LOGIN = ("/services/oauth2/token", "/services/Soap/*/*")
_QUERY = ("/query", "/queryAll")
_MORE = ("/query/*", "/queryAll/*")
_RESULTS = ("/jobs/query/*/results",)

ENDPOINTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "login": ("POST", _LOGIN),
    "describe": ("GET", ("/sobjects/*/describe",)),
    "query": ("GET", _QUERY),
    "more": ("GET", _MORE),
    "create_job": ("POST", ("/jobs/query",)),
    "job": ("GET", ("/jobs/query/*",)),
    "result_pages": ("GET", ("/jobs/query/*/resultPages",)),
    "results": ("GET", _RESULTS),
    "pages": ("GET", _QUERY + _MORE + _RESULTS),
}
"""Resources by name: the verb, and patterns of the path below the version.

``more`` are the pages of a REST query after its first, ``results`` the pages of a Bulk
job, and ``pages`` is whatever brings records.
"""


def _kind(class_name: str) -> str:
    """Return ``too_many_requests`` for ``TooManyRequests``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag=_kind,
    tag_field="kind",
    rename="camel",
    forbid_unknown_fields=True,
):
    """Something that goes wrong, with which requests, and how often.

    Attributes:
        method: Only requests with this verb; empty: with any.
        path: Only requests of this resource: a name from ``ENDPOINTS``, or a pattern of
            the path below the version, in which ``*`` is any one segment and ``**``
            are any number of them; empty: of any.
        query: Only where the query of the address, decoded, has this text in it.
        skip: How many of these are left alone before the first one is met.
        times: How many are met at most; None: all, until the fault is cleared.
        probability: How likely each one is to be met.
        seed: What its chance is drawn from: the same one meets the same requests, if
            they come in the same order.
    """

    method: str = ""
    path: str = ""
    query: str = ""
    skip: Count = 0
    times: Count | None = None
    probability: Chance = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.path not in ENDPOINTS and self.path[:1] not in {"", "/", "*"}:
            known = ", ".join(ENDPOINTS)
            raise ValueError(f"{self.path!r} is no path and none of {known}")

    @property
    def kind(self) -> str:
        """Its name in the admin API and in the log of requests."""
        return str(self.__struct_config__.tag)

    def as_json(self) -> dict[str, Any]:
        """Return it as the admin API takes it."""
        told: dict[str, Any] = msgspec.to_builtins(self, enc_hook=repr)
        return told

    def is_about(self, method: str, path: str, query: str) -> bool:
        """Whether it concerns requests like this one."""
        verb, patterns = ENDPOINTS.get(self.path, ("", (self.path,)))
        return (
            self.query in query
            and self.method.upper() in {"", method}
            and verb in {"", method}
            and (not self.path or any(_pattern(p).fullmatch(path) for p in patterns))
        )


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """Turn ``/jobs/query/*`` into what matches it, below any version."""
    text = re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(rf"(/services/data/v[^/]+)?{text}/?", re.IGNORECASE)


# -- refused in the org's stead, which does not see the request -----------------------


class Refused(Fault, frozen=True):
    """The request is refused, and not run.

    Attributes:
        status: Of the answer.
        code: Salesforce's error code. Without one the answer is a web page.
        message: The words; without them there is no body.
        retry_after: When to come again: seconds, or a date as HTTP writes it.
    """

    status: Status = 500
    code: str = ""
    message: str = ""
    retry_after: int | HeaderText | None = None


class TooManyRequests(Refused, frozen=True):
    """The edge has had enough of this caller."""

    status: Status = 429
    message: str = "Too Many Requests"


class ServerTooBusy(Refused, frozen=True):
    """The org has no time."""

    status: Status = 503
    code: str = "SERVER_UNAVAILABLE"
    message: str = "Server too busy"


class Maintenance(Refused, frozen=True):
    """The org is away, as a web page says."""

    status: Status = 503
    message: str = "We are down for maintenance."


class BadGateway(Refused, frozen=True):
    """The edge does not reach the org."""

    status: Status = 502
    message: str = "Bad Gateway"


class NotReady(Refused, frozen=True):
    """The edge does not know yet where the org is."""

    status: Status = 420
    message: str = "We are setting things up for you."


class NotAcceptable(Refused, frozen=True):
    """The edge refuses without a word."""

    status: Status = 406


class RequestLimitExceeded(Refused, frozen=True):
    """The calls of 24 hours are used up."""

    status: Status = 403
    code: str = "REQUEST_LIMIT_EXCEEDED"
    message: str = "TotalRequests Limit exceeded."


class TooManyLongRequests(Refused, frozen=True):
    """Too many requests run for more than 20 seconds just now."""

    status: Status = 403
    code: str = "REQUEST_LIMIT_EXCEEDED"
    message: str = "ConcurrentPerOrgLongTxn Limit exceeded."


# -- the org is not as the caller left it ---------------------------------------------


class SessionExpired(Fault, frozen=True):
    """The caller's session ends before the request is seen."""


class LocatorGone(Fault, frozen=True):
    """The cursor of a REST query is dropped before its next page is read."""

    path: str = "more"


class JobFault(Fault, frozen=True):
    """A Bulk query job ends badly, from the request on that this meets.

    By default that is the request that creates it.
    """

    state: ClassVar[str]
    path: str = "create_job"


class JobFailed(JobFault, frozen=True):
    """The job fails; ``message`` is its error message."""

    state: ClassVar[str] = "Failed"
    message: str = "QUERY_TIMEOUT : Your query request was running for too long."


class JobAborted(JobFault, frozen=True):
    """Somebody aborts the job."""

    state: ClassVar[str] = "Aborted"


class JobStuck(JobFault, frozen=True):
    """The job stays under way for ever."""

    state: ClassVar[str] = "InProgress"


# -- the answer is not what the org meant ---------------------------------------------


class WrongRows(Fault, frozen=True):
    """The number of rows that is told is wrong ``by`` so many."""

    path: str = "pages"
    by: int = 1


class RepeatedPage(Fault, frozen=True):
    """The page before this one comes again in its place; a list names one twice."""

    path: str = "pages"


class LostPage(Fault, frozen=True):
    """The page after this one comes in its place; a list leaves one out."""

    path: str = "pages"


class Changed(Fault, frozen=True, kw_only=True):
    """The answer is what a function makes of it. Only from Python."""

    change: Callable[[Answer], Answer]


# -- the answer does not arrive as it was sent ----------------------------------------


class HungUp(Fault, frozen=True):
    """The request is run, and the connection ends without an answer."""


class Cut(Fault, frozen=True):
    """The connection ends after so many bytes of the body, or before its last."""

    after_bytes: Count = 0


class Truncated(Fault, frozen=True):
    """The body ends well after so many bytes, or before its last."""

    path: str = "pages"
    after_bytes: Count = 100


class Corrupt(Fault, frozen=True):
    """One byte of the body is another: the one at this place, or the last."""

    path: str = "pages"
    at_byte: Count = 100


class Slow(Fault, frozen=True):
    """Each piece of the body makes the caller wait."""

    seconds: Seconds = 0.1
    piece_bytes: Annotated[int, msgspec.Meta(gt=0)] = 1_000


KINDS: tuple[type[Fault], ...] = (
    *(Refused, TooManyRequests, ServerTooBusy, Maintenance, BadGateway, NotReady),
    *(NotAcceptable, RequestLimitExceeded, TooManyLongRequests),
    *(SessionExpired, LocatorGone, JobFailed, JobAborted, JobStuck),
    *(WrongRows, RepeatedPage, LostPage),
    *(HungUp, Cut, Truncated, Corrupt, Slow),
)
"""All that JSON can name."""

_ANY: Any = reduce(operator.or_, KINDS)


def parse_fault(body: Any) -> Fault:
    """Return the fault that some JSON describes.

    Raises:
        ValueError: It describes none.
    """
    try:
        fault: Fault = msgspec.convert(body, _ANY)
    except msgspec.ValidationError as exc:  # a ValueError only in later versions
        raise ValueError(str(exc)) from exc
    return fault
