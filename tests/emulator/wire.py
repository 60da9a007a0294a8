"""A way to the org on which answers can be changed, for faults that orgs have."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass

from tests.answering import Answer, Answering, Request

from lht.devorg import Org


@dataclass
class Exchange:
    """A request to the org and its answer, on its way back."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """The way to the org; a test may change the answers that come along it."""

    def __init__(self, org: Org) -> None:
        self.tamper: Callable[[Exchange], None] = lambda _: None
        self._org = org.url.removeprefix("http://")
        self._server = Answering(self._answer)
        self.url = self._server.url
        self.close = self._server.close

    def _answer(self, request: Request) -> Answer:
        exchange = self._ask(request)
        self.tamper(exchange)
        body = exchange.body
        return Answer(exchange.status, exchange.headers, [body], len(body))

    def _ask(self, request: Request) -> Exchange:
        upstream = http.client.HTTPConnection(self._org)
        try:
            upstream.request(
                request.method, request.path, request.body, request.headers
            )
            answer = upstream.getresponse()
            kept = {k.lower(): v for k, v in answer.getheaders()}
            for ours in ("transfer-encoding", "content-length"):
                kept.pop(ours, None)
            return Exchange(
                request.method, request.path, answer.status, kept, answer.read()
            )
        finally:
            upstream.close()
