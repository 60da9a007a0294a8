"""The server over HTTP on loopback: fakesnow's login, and our answers."""

import contextlib
import gzip
import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import fakesnow.server
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.snowflake.fake.server import Server
from tests.snowflake.fake.session import Session, folded

logging.getLogger("fakesnow.server").setLevel(logging.WARNING)


async def _body(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return dict(json.loads(body))


def _app(server: Server) -> Starlette:
    async def login(request: Request) -> Response:
        body = await _body(request)
        fakesnow.server.shared_fs = server._snow
        response = await fakesnow.server.login_request(request)
        token = json.loads(response.body)["data"]["token"]
        names = [request.query_params.get(n) for n in ("databaseName", "schemaName")]
        place = [name and folded(name) for name in names]
        session = await run_in_threadpool(server.log_in, token, body, place)
        return JSONResponse(_logged_in(response, session))

    async def query(request: Request) -> Response:
        token = request.headers["Authorization"][17:-1]
        if token not in server.sessions:
            words = (
                "Session no longer exists.  New login required to access the service."
            )
            gone = {"code": "390111", "message": words, "success": False}
            return JSONResponse(gone | {"data": None})
        number = request.query_params["requestId"]
        answer = await run_in_threadpool(
            server.answer, token, number, await _body(request)
        )
        return Dropped() if answer is None else JSONResponse(answer)

    async def end(request: Request) -> Response:
        token = request.headers["Authorization"][17:-1]
        if request.query_params.get("delete"):
            await run_in_threadpool(server.log_out, token)
        return JSONResponse({"data": None, "code": None, "success": True})

    async def file(request: Request) -> Response:
        key = request.path_params["key"]
        if request.method == "PUT":
            server.stages.store(key, await request.body())
            return Response()
        return Response(server.stages.fetch(key))

    async def done(_request: Request) -> Response:
        return JSONResponse({"data": {}, "code": None, "success": True})

    return Starlette(
        routes=[
            Route("/session/v1/login-request", login, methods=["POST"]),
            Route("/session", end, methods=["POST"]),
            Route("/session/heartbeat", done, methods=["POST"]),
            Route("/queries/v1/query-request", query, methods=["POST"]),
            Route("/queries/v1/abort-request", done, methods=["POST"]),
            Route("/telemetry/send", done, methods=["POST"]),
            Route("/files/{key}", file, methods=["GET", "PUT"]),
        ]
    )


def _logged_in(response: JSONResponse, session: Session) -> dict[str, Any]:
    answer = dict(json.loads(response.body))
    place = {"databaseName": session.database, "schemaName": session.schema}
    answer["data"]["sessionInfo"] = place
    answer["data"]["sessionId"] = int(session.id)
    # without one the connector never says that it closes
    answer["data"]["masterToken"] = session.token
    return answer


class Dropped(Response):
    """An answer that never comes: the connection is closed instead."""

    async def __call__(self, scope: Any, _receive: Any, _send: Any) -> None:
        scope["connection"].close()


def with_connection(app: Starlette) -> Any:
    """Let an answer see the connection it is on, to close it."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        scope["connection"] = send.__self__.transport
        await app(scope, receive, send)

    return called


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Server]:
    """Run a server on a free port until the block ends.

    Args:
        options: Fields of the server: ``owners_rights``, ``lock_timeout``.
    """
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:  # for TCP_NODELAY
        listening.bind(("127.0.0.1", 0))
        server = Server(listening.getsockname()[1], **options)
        config = uvicorn.Config(
            with_connection(_app(server)), log_level="critical", lifespan="off"
        )
        web = uvicorn.Server(config)
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield server
        finally:
            web.should_exit = True
            thread.join()
            server.close()
