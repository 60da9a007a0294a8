"""Several requests in one: ``/composite`` with GET sub-requests.

Long queries travel this way, as their text would not fit into a URL.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote

from lht.devorg.errors import OrgError
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call

# Source: REST API Developer Guide, "Composite".
MAX_SUBREQUESTS = 25


Dispatch = Callable[[Service, Call], Answer]


def run(dispatch: Dispatch, service: Service, call: Call) -> Answer:
    """Answer ``POST /composite``; *dispatch* answers what is inside."""
    body = call.json_object()
    requests = body.get("compositeRequest")
    if not isinstance(requests, list) or not all(isinstance(r, dict) for r in requests):
        message = "A list of requests is required as compositeRequest"
        raise OrgError(400, "JSON_PARSER_ERROR", message)
    if len(requests) > MAX_SUBREQUESTS:
        message = f"Limit of {MAX_SUBREQUESTS} subrequests exceeded"
        raise OrgError(400, "LIMIT_EXCEEDED", message)
    return Answer(
        body={
            "compositeResponse": [
                _render(request, dispatch(service, _sub_call(call, request)))
                for request in requests
            ]
        }
    )


def _render(request: dict[str, Any], found: Answer) -> dict[str, Any]:
    return {
        "body": found.body,
        "httpHeaders": dict(found.headers),
        "httpStatusCode": found.status,
        "referenceId": request.get("referenceId"),
    }


def _sub_call(call: Call, request: dict[str, Any]) -> Call:
    method, url = request.get("method"), request.get("url")
    if method != "GET" or not isinstance(url, str):
        message = "devorg supports only GET subrequests in a composite request"
        raise OrgError(400, "METHOD_NOT_ALLOWED", message)
    path, _, query = url.partition("?")
    return Call(
        method=method,
        path=quote(path, safe="/%"),
        params=dict(parse_qsl(query, keep_blank_values=True)),
        headers={k.lower(): v for k, v in (request.get("httpHeaders") or {}).items()},
        origin=call.origin,
        session=call.session,
    )
