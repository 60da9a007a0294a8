"""A server on loopback that answers as a test says."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str  # with its query
    headers: dict[str, str]  # by name in lower case
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is sent back.

    The body comes in pieces, each sent at once. Where they are fewer bytes than the
    answer tells, the connection breaks off after them.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Iterable[bytes]
    length: int


class Answering:
    """The server: it runs from the start, until it is closed."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._server = _Server(("127.0.0.1", 0), _talker(answer))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, args=[0.01])
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def _talker(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Talker(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {k.lower(): v for k, v in self.headers.items()}
            self._send(answer(Request(self.command, self.path, headers, body)))

        def _send(self, reply: Answer) -> None:
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.length))
            self.end_headers()
            left = reply.length
            with suppress(BrokenPipeError, ConnectionResetError):
                for piece in reply.pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()
                    left -= len(piece)
            if left:
                self.close_connection = True

    return Talker
