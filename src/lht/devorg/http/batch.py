"""Independent requests in one: ``/composite/batch``."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from lht.devorg.errors import OrgError, not_found, request_limit_exceeded
from lht.devorg.http.service import Service
from lht.devorg.http.subrequests import Dispatch, check_count, make_call, version_of
from lht.devorg.http.wire import Answer, Call, Json, error_answer


class _SubRequest(msgspec.Struct):
    method: str
    url: str
    richInput: Any = None  # noqa: N815


class _Batch(msgspec.Struct):
    batchRequests: list[_SubRequest]  # noqa: N815
    haltOnError: bool = False  # noqa: N815


def run(dispatch: Dispatch, service: Service, call: Call) -> Answer:
    """Answer ``POST /composite/batch``: one after the other, each for itself."""
    body = call.json(_Batch)
    requests = body.batchRequests
    check_count(requests)
    calls = [_read_call(call, request) for request in requests]
    results: list[Json] = []
    for _ in calls[1:]:  # the request itself is counted as the first one
        service.api_usage.count(request_limit_exceeded)
    for made in calls:
        halted = body.haltOnError and _has_errors(results)
        found = _halted() if halted else _run_one(dispatch, service, made)
        results.append({"statusCode": found.status, "result": found.body})
    return Answer(body={"hasErrors": _has_errors(results), "results": results})


def _run_one(dispatch: Dispatch, service: Service, made: Call) -> Answer:
    found = dispatch(service, made)
    return error_answer(not_found()) if isinstance(found.body, bytes) else found


def _has_errors(results: Sequence[Json]) -> bool:
    return any(result["statusCode"] >= 400 for result in results)


def _read_call(call: Call, request: _SubRequest) -> Call:
    """Read a sub-request, whose URL begins at the version, not later than our own."""
    url = "/services/data/" + request.url.removeprefix("/services/data/").lstrip("/")
    version = version_of(url)
    if version is None or float(version) > float(call.version):
        text = f"Invalid subrequest URL: {request.url.partition('?')[0]}"
        raise OrgError(400, "INVALID_BATCH_REQUEST", text)
    return make_call(call, request.method.upper(), url, request.richInput)


def _halted() -> Answer:
    text = "Batch processing halted per request"
    return error_answer(OrgError(412, "BATCH_PROCESSING_HALTED", text), code_first=True)


def routes(dispatch: Dispatch) -> tuple[tuple[str, str, Dispatch], ...]:
    """List the routes; *dispatch* answers the sub-requests."""
    return (("POST", "/composite/batch", partial(run, dispatch)),)
