"""Several requests in one: ``/composite`` with GET sub-requests.

Long queries travel this way, as their text would not fit into a URL.
"""

from collections.abc import Callable
from urllib.parse import parse_qsl, quote

import msgspec

from lht.devorg.errors import OrgError
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json

# Source: REST API Developer Guide, "Composite".
MAX_SUBREQUESTS = 25


Dispatch = Callable[[Service, Call], Answer]


class _SubRequest(msgspec.Struct):
    method: str
    url: str
    referenceId: str  # noqa: N815 -- the body's own words, here and below
    httpHeaders: dict[str, str] = {}  # noqa: N815 -- copied for each


class _Composite(msgspec.Struct):
    compositeRequest: list[_SubRequest]  # noqa: N815


def run(dispatch: Dispatch, service: Service, call: Call) -> Answer:
    """Answer ``POST /composite``; *dispatch* answers what is inside."""
    requests = call.json(_Composite).compositeRequest
    if len(requests) > MAX_SUBREQUESTS:
        message = f"Limit of {MAX_SUBREQUESTS} subrequests exceeded"
        raise OrgError(400, "LIMIT_EXCEEDED", message)
    calls = [_sub_call(call, request) for request in requests]
    answers = [
        _render(request, dispatch(service, sub_call))
        for request, sub_call in zip(requests, calls, strict=True)
    ]
    return Answer(body={"compositeResponse": answers})


def _render(request: _SubRequest, found: Answer) -> Json:
    return {
        "body": found.body,
        "httpHeaders": dict(found.headers),
        "httpStatusCode": found.status,
        "referenceId": request.referenceId,
    }


def _sub_call(call: Call, request: _SubRequest) -> Call:
    if request.method != "GET":
        message = "devorg supports only GET subrequests in a composite request"
        raise OrgError(400, "METHOD_NOT_ALLOWED", message)
    path, _, query = request.url.partition("?")
    return Call(
        method=request.method,
        path=quote(path, safe="/%"),
        params=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): text for name, text in request.httpHeaders.items()},
        origin=call.origin,
        session=call.session,
    )
