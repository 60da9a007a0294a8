"""Several requests in one: ``/composite`` and ``/composite/graph``.

Later sub-requests of a composite may refer to the answers of earlier ones. Long queries
travel this way too, as their text would not fit into a URL.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from lht.devorg.errors import OrgError, not_found
from lht.devorg.http.references import References
from lht.devorg.http.service import Service
from lht.devorg.http.subrequests import (
    Dispatch,
    check_count,
    is_error,
    make_call,
    too_many,
)
from lht.devorg.http.wire import Answer, Call, Json, error_answer

# Source: REST API Developer Guide, "Composite" and "Composite Graph Limits".
MAX_QUERIES = 5
MAX_GRAPHS, MAX_NODES, MAX_FAILED_GRAPHS = 75, 500, 14

_QUERY = re.compile(r"/services/data/v\d+\.\d+/(query|queryAll|composite/sobjects)\b")
_COMPOSABLE = re.compile(
    r"/services/data/v\d+\.\d+/(sobjects|query|queryAll|composite/sobjects)(?![\w.-])",
    re.IGNORECASE,
)
_GRAPHABLE = re.compile(r"/services/data/v\d+\.\d+/sobjects/", re.IGNORECASE)
_REFERENCE_ID = re.compile(r"[A-Za-z0-9]\w*", re.ASCII)
_INHERITED = {"accept", "authorization", "content-type"}
_STRICT_IDS_SINCE = 52


class _SubRequest(msgspec.Struct):
    method: str
    url: str
    referenceId: str  # noqa: N815 -- the body's own words, here and below
    body: Any = None
    httpHeaders: dict[str, str] = {}  # noqa: N815 -- copied for each


class _Composite(msgspec.Struct):
    compositeRequest: list[_SubRequest]  # noqa: N815
    allOrNone: bool = False  # noqa: N815
    collateSubrequests: bool = True  # noqa: N815 -- the order is kept anyway


class _Graph(msgspec.Struct):
    graphId: str  # noqa: N815
    compositeRequest: list[_SubRequest]  # noqa: N815


class _Graphs(msgspec.Struct):
    graphs: list[_Graph]


class _HaltedError(Exception):
    """Ends a transaction, one of whose sub-requests has failed."""


_One = Callable[[_SubRequest], Answer]


def list_resources(_: Service, call: Call) -> Answer:
    """Answer ``GET /composite``."""
    names = ("tree", "batch", "sobjects", "graph")
    return Answer(body={name: f"{call.base}/composite/{name}" for name in names})


def run(dispatch: Dispatch, service: Service, call: Call) -> Answer:
    """Answer ``POST /composite``; *dispatch* answers what is inside."""
    body = call.json(_Composite)
    requests = body.compositeRequest
    check_count(requests)
    if sum(bool(_QUERY.match(request.url)) for request in requests) > MAX_QUERIES:
        raise too_many(f"{MAX_QUERIES} query and sObject Collections subrequests")
    _check(requests, call.version)
    one = _answering(dispatch, service, call, _COMPOSABLE)
    together = body.allOrNone
    answers = _together(service, requests, one) if together else _each(requests, one)
    return Answer(body=_render(requests, answers))


def run_graphs(dispatch: Dispatch, service: Service, call: Call) -> Answer:
    """Answer ``POST /composite/graph``: each graph is done whole or not at all."""
    graphs = call.json(_Graphs).graphs
    if len(graphs) > MAX_GRAPHS:
        raise too_many(f"{MAX_GRAPHS} graphs")
    if sum(len(graph.compositeRequest) for graph in graphs) > MAX_NODES:
        raise too_many(f"{MAX_NODES} nodes")
    for graph in graphs:
        _check(graph.compositeRequest, call.version)
    results: list[Json] = []
    for graph in graphs:
        failed = sum(not result["isSuccessful"] for result in results)
        one = _answering(dispatch, service, call, _GRAPHABLE)
        one = _halted if failed >= MAX_FAILED_GRAPHS else one
        results.append(_run_graph(service, graph, one))
    return Answer(body={"graphs": results})


def _run_graph(service: Service, graph: _Graph, one: _One) -> Json:
    requests = graph.compositeRequest
    answers = _together(service, requests, one)
    return {
        "graphId": graph.graphId,
        "graphResponse": _render(requests, answers),
        "isSuccessful": not any(map(_has_failed, answers)),
    }


def _check(requests: Sequence[_SubRequest], version: str) -> None:
    """Refuse the whole request for what no sub-request may say."""
    for request in requests:
        name = request.referenceId
        if float(version) >= _STRICT_IDS_SINCE and not _REFERENCE_ID.fullmatch(name):
            raise _bad_reference_id(name)
        if _INHERITED & {header.lower() for header in request.httpHeaders}:
            text = "Accept, Authorization and Content-Type cannot be set in subrequests"
            raise OrgError(400, "INVALID_INPUT", text)


def _bad_reference_id(name: str) -> OrgError:
    text = (
        f"Provided referenceId ('{name}') must start with a letter or a number, and it"
        " can contain only letters, numbers and underscores ('_')."
    )
    return OrgError(400, "JSON_PARSER_ERROR", text)


def _answering(
    dispatch: Dispatch, service: Service, call: Call, allowed: re.Pattern[str]
) -> _One:
    """Make what answers sub-requests one by one and remembers the answers."""
    references = References(call.version)

    def one(request: _SubRequest) -> Answer:
        try:
            url = references.in_url(request.url)
            body = references.in_body(request.body)
        except OrgError as error:
            return error_answer(error)
        if not allowed.match(url):
            return error_answer(not_found())
        made = make_call(call, request.method, url, body, request.httpHeaders)
        found = dispatch(service, made)
        if isinstance(found.body, bytes):  # a file, which no composite can hold
            found = error_answer(not_found())
        references.keep(request.referenceId, found)
        return found

    return one


def _each(requests: Sequence[_SubRequest], one: _One) -> list[Answer]:
    return [one(request) for request in requests]


def _together(
    service: Service, requests: Sequence[_SubRequest], one: _One
) -> list[Answer]:
    """Answer all in one transaction, which the first failure takes back."""
    answers: list[Answer] = []

    def action(_: object) -> None:
        for request in requests:
            answers.append(one(request))
            if _has_failed(answers[-1]):
                raise _HaltedError

    try:
        service.write_together(action)
    except _HaltedError:
        blamed = len(answers) - 1
        return [
            answers[at] if at == blamed else _halted(request)
            for at, request in enumerate(requests)
        ]
    return answers


def _has_failed(found: Answer) -> bool:
    """Whether an answer is an error, or that of a collection with a failed record."""
    rows = found.body if isinstance(found.body, list) else []
    return is_error(found) or any(
        isinstance(row, dict) and row.get("success") is False for row in rows
    )


def _halted(_: _SubRequest) -> Answer:
    text = (
        "The transaction was rolled back since another operation in the same"
        " transaction failed."
    )
    return error_answer(OrgError(400, "PROCESSING_HALTED", text), code_first=True)


def _render(requests: Sequence[_SubRequest], answers: Sequence[Answer]) -> Json:
    results = [
        {
            "body": found.body,
            "httpHeaders": dict(found.headers),
            "httpStatusCode": found.status,
            "referenceId": request.referenceId,
        }
        for request, found in zip(requests, answers, strict=True)
    ]
    return {"compositeResponse": results}


def routes(dispatch: Dispatch) -> tuple[tuple[str, str, Dispatch], ...]:
    """List the routes; *dispatch* answers the sub-requests."""
    return (
        ("GET", "/composite", list_resources),
        ("POST", "/composite", partial(run, dispatch)),
        ("POST", "/composite/graph", partial(run_graphs, dispatch)),
    )
