"""What stands for Snowflake: it takes every statement and byte, and keeps nothing.

Two of them: ``Sink`` in this process, the thinnest there can be; and a server in a
process of its own, with Snowflake's own connector before it. Neither is a database: who
copies files is told that their rows have arrived, as many as the task says.
"""

import base64
import gzip
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, Self

_PIECE_BYTES = 64 * 1024
_FILE = re.compile(r"page-([0-9]+)\.csv\.gz")
_TEXT = {"type": "text", "length": 1, "precision": None, "scale": None}
_MATERIAL = {  # of a stage whose files the client encrypts: AES with 128 bits
    "queryStageMasterKey": base64.b64encode(bytes(16)).decode(),
    "queryId": "01",
    "smkId": 1,
}


@dataclass
class Told:
    """What all statements are answered with."""

    rows: tuple[int, ...]  # of each page, in order
    files: dict[str, int] = field(default_factory=dict)  # taken, and their bytes

    def answer(self, statement: str) -> list[dict[str, str]]:
        """Return the rows of a statement's result."""
        if statement.startswith("COPY INTO "):
            return [self._copied(name) for name in sorted(self.files)]
        if statement.startswith("SELECT CURRENT_DATABASE()"):
            return [{"d": "DB", "s": "PUBLIC", "o": "NO", "a": "BODY"}]
        return [{"status": "UPLOADED" if statement.startswith("PUT ") else "done"}]

    def take(self, name: str, file: BinaryIO) -> None:
        """Read a file to its end."""
        self.files[name] = 0
        while piece := file.read(_PIECE_BYTES):
            self.files[name] += len(piece)

    def _copied(self, name: str) -> dict[str, str]:
        found = _FILE.fullmatch(name)
        rows = self.rows[int(found[1])] if found else 0
        return {"file": name, "status": "LOADED", "rows_loaded": str(rows)}


class Sink:
    """A connection and its cursors, in this process."""

    def __init__(self, rows: tuple[int, ...]) -> None:
        self.told = Told(rows)

    def cursor(self) -> "SinkCursor":
        return SinkCursor(self.told)


class SinkCursor:
    def __init__(self, told: Told) -> None:
        self._told = told
        self._rows: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(
        self, statement: str, *_: object, file_stream: BinaryIO | None = None, **__: Any
    ) -> None:
        if file_stream is not None:
            self._told.take(_named(statement), file_stream)
        self._rows = self._told.answer(statement)

    @property
    def description(self) -> list[tuple[str]]:
        return [(name,) for name in self._rows[0]]

    def fetchall(self) -> list[tuple[str, ...]]:
        return [tuple(row.values()) for row in self._rows]

    def close(self) -> None:
        """Keep nothing."""


def _named(put: str) -> str:
    """Return the name of the file that a PUT is for."""
    found = _FILE.search(put)
    return found[0] if found else "another"


# -- over HTTP, for the connector ------------------------------------------------------


@contextmanager
def stand_in(rows: tuple[int, ...], *, encrypted: bool) -> Iterator[dict[str, Any]]:
    """Run one for the block; yield the connector's options to reach it.

    Args:
        rows: Of each page, in order.
        encrypted: Whether it wants the files encrypted by the client.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stand_in"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101  opened as a pipe
    assert process.stdout is not None  # noqa: S101  likewise
    try:
        process.stdin.write(json.dumps({"rows": rows, "encrypted": encrypted}) + "\n")
        process.stdin.flush()
        yield {
            "account": "local",
            "user": "nobody",
            "password": "none",
            "host": "127.0.0.1",
            "port": int(process.stdout.readline()),
            "protocol": "http",
            "paramstyle": "qmark",
        }
    finally:
        process.communicate()


class _Handler(BaseHTTPRequestHandler):
    """Answers the connector; ``told`` and ``encrypted`` are set before it serves."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    told: Told
    encrypted: bool

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        path = self.path.partition("?")[0]
        data: dict[str, Any] = {}
        if path == "/session/v1/login-request":
            data = {"token": "t", "masterToken": "m", "sessionId": 1}
            data["parameters"] = [{"name": "AUTOCOMMIT", "value": True}]
        elif path == "/queries/v1/query-request":
            statement = json.loads(body)["sqlText"].lstrip()
            put = statement.startswith("PUT ")
            rows = [] if put else self.told.answer(statement)
            data = self._place(statement) if put else _result(rows)
        self._send(json.dumps({"data": data, "success": True, "code": None}))

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        name, taken = self.path.removeprefix("/"), 0
        while taken < left:
            taken += len(self.rfile.read(min(_PIECE_BYTES, left - taken)))
        self.told.files[name] = taken
        self._send("")

    def _place(self, statement: str) -> dict[str, Any]:
        """Tell the connector where a file goes: here, over HTTP."""
        name = _named(statement)
        host, port = self.server.server_address[:2]
        stage = {"locationType": "GCS", "location": "stage/", "creds": {}}
        found = {
            "command": "UPLOAD",
            "src_locations": [f"/{name}"],
            "autoCompress": False,
            "sourceCompression": "gzip",
            "overwrite": True,
            "parallel": 1,
            "stageInfo": stage | {"presignedUrl": f"http://{host}:{port}/{name}"},
        }
        return found | ({"encryptionMaterial": _MATERIAL} if self.encrypted else {})

    def _send(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _result(rows: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "queryId": "01",
        "queryResultFormat": "json",
        "rowtype": [_TEXT | {"name": name, "nullable": True} for name in rows[0]],
        "rowset": [list(row.values()) for row in rows],
        "total": len(rows),
        "returned": len(rows),
        "parameters": [],
        "statementTypeId": 4096,
    }


def main() -> None:
    """Serve as the first line of stdin asks, until stdin ends."""
    task = json.loads(sys.stdin.readline())
    _Handler.told, _Handler.encrypted = Told(tuple(task["rows"])), task["encrypted"]
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
