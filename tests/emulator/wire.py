"""A way to the org on which answers can be changed, for faults that orgs have."""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _forwarder(self, org))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _forwarder(wire: Wire, org: Org) -> type[BaseHTTPRequestHandler]:
    place = org.url.removeprefix("http://")

    class Forwarder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            exchange = self._ask(body)
            wire.tamper(exchange)
            self.send_response_only(exchange.status)
            exchange.headers["content-length"] = str(len(exchange.body))
            for name, value in exchange.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(exchange.body)
            self.wfile.flush()

        def _ask(self, body: bytes) -> Exchange:
            upstream = http.client.HTTPConnection(place)
            try:
                headers = dict(self.headers.items())
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                kept = {k.lower(): v for k, v in answer.getheaders()}
                kept.pop("transfer-encoding", None)
                return Exchange(
                    self.command, self.path, answer.status, kept, answer.read()
                )
            finally:
                upstream.close()

    return Forwarder
