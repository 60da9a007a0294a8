"""The server: fakesnow's logins over loopback, and our own answers to statements."""

import contextlib
import gzip
import itertools
import json
import logging
import re
import socket
import threading
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import fakesnow.server
import pyarrow as pa
import snowflake.connector
import uvicorn
from fakesnow.instance import FakeSnow
from snowflake.snowpark import Session as SnowparkSession
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.snowflake.fake import copying, ddl, functions, wire
from tests.snowflake.fake.catalog import Name, quoted
from tests.snowflake.fake.duck import Duck
from tests.snowflake.fake.errors import Gap, Refused
from tests.snowflake.fake.session import Answer, Session
from tests.snowflake.fake.stages import Stages

__all__ = ["Server", "Statement", "copying", "ddl", "running"]

LOCK_TIMEOUT_SECONDS = 5.0
logging.getLogger("fakesnow.server").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Statement:
    """A statement as it arrived."""

    text: str
    in_transaction: bool
    query_tag: str | None
    session: str
    binds: int


@dataclass
class Fault:
    """What is to happen to the next statements of a kind."""

    pattern: re.Pattern[str]
    error: tuple[int, str]
    when: str
    left: int


@dataclass
class Server:
    """A fake Snowflake on a port of this machine."""

    port: int
    owners_rights: bool = False
    lock_timeout: float = LOCK_TIMEOUT_SECONDS
    statements: list[Statement] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    locks: dict[Name, Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._snow = FakeSnow(
            create_database_on_connect=False, create_schema_on_connect=False
        )
        self._root = self._snow.duck_conn
        self._root.execute("SET GLOBAL python_enable_replacements = false")
        functions.install(self._root)
        self.stages = Stages()
        self.turn = threading.Condition(threading.RLock())
        self._numbers = itertools.count(1)
        self._faults: list[Fault] = []
        self._answers: dict[str, dict[str, Any] | None] = {}
        self._attached: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # -- what tests do -----------------------------------------------------------------

    def connect_options(self, **options: Any) -> dict[str, Any]:
        """Say the connector's arguments, for this or another process."""
        return {
            "account": "fake",
            "user": "tester",
            "password": "loopback",
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            "login_timeout": 10,
            "paramstyle": "qmark",
            **options,
            "session_parameters": {
                "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
                **options.get("session_parameters", {}),
            },
        }

    def connection(
        self, database: str | None = None, schema: str | None = None, **options: Any
    ) -> snowflake.connector.SnowflakeConnection:
        """Open a real connection of the connector's."""
        place = {"database": database, "schema": schema}
        named = {name: value for name, value in place.items() if value}
        return snowflake.connector.connect(**self.connect_options(**named, **options))

    def session(
        self, database: str | None = None, schema: str | None = None, **options: Any
    ) -> SnowparkSession:
        """Open a real Snowpark session."""
        place = {"database": database, "schema": schema}
        named = {name: value for name, value in place.items() if value}
        configs = self.connect_options(**named, **options)
        return SnowparkSession.builder.configs(configs).create()

    def database(self) -> str:
        """Make an empty database with its schema PUBLIC, and say its name."""
        name = f"T{next(self._numbers)}"
        self.attach(name)
        return name

    def drop_database(self, name: str) -> None:
        """Let go of a database's memory."""
        with self.turn, contextlib.suppress(duckdb.Error):
            self._root.execute(f"DETACH {quoted(name)}")

    def duck(self, database: str) -> duckdb.DuckDBPyConnection:
        """Open a cursor on the tables themselves, past the connector."""
        cursor = self._root.cursor()
        cursor.execute(f"USE {quoted(database)}")
        return cursor

    def fail(
        self,
        pattern: str,
        *,
        error: str = "Processing aborted by error 300002",
        code: int = 603,
        when: str = "before",
        times: int = 1,
    ) -> None:
        """Make the next statements that match fail.

        Args:
            pattern: Found in the statement's text, whatever the case.
            error: What the client is told.
            code: The number of that error.
            when: "before" or "after" the statement is carried out; or "drop": it is
                carried out, and its connection broken before the answer, as often as
                the client asks for it.
            times: How many statements.
        """
        compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        self._faults.append(Fault(compiled, (code, error), when, times))

    # -- what sessions need ------------------------------------------------------------

    def attach(self, name: str) -> None:
        with self.turn:
            self._root.execute(f"ATTACH ':memory:' AS {quoted(name)}")
            self._root.execute(f'CREATE SCHEMA {quoted(name)}."PUBLIC"')

    def sequence(self, database: str) -> str:
        """Make the sequence of a column that numbers its rows."""
        name = f"{quoted(database)}.main.numbers_{next(self._numbers)}"
        self._root.execute(f"CREATE SEQUENCE {name}")
        return name

    def await_lock(self, table: Name, session: Session) -> None:
        """Wait until no other transaction has changed rows of the table."""

        def free() -> bool:
            return self.locks.get(table) in {None, session}

        if not self.turn.wait_for(free, timeout=self.lock_timeout):
            text = f"Statement has locked table '{table.name}' in another transaction"
            raise Refused(
                f"{text} and this lock has not yet been released.", 625, "57014"
            )

    def release(self, session: Session) -> None:
        held = [table for table, holder in self.locks.items() if holder is session]
        for table in held:
            del self.locks[table]
        self.turn.notify_all()

    # -- requests ----------------------------------------------------------------------

    def log_in(self, token: str, login: dict[str, Any], place: Any) -> Session:
        connection = fakesnow.server.sessions[token]
        parameters = dict(login["data"].get("SESSION_PARAMETERS") or {})
        with self.turn:
            session = Session(
                self, token, Duck(connection._duck_conn), *place, parameters
            )
        self.sessions[token] = session
        return session

    def log_out(self, token: str) -> None:
        session = self.sessions.pop(token, None)
        fakesnow.server.sessions.pop(token, None)
        if session:
            with self.turn:
                session.close()

    def answer(self, token: str, request: str, body: dict[str, Any]) -> Any:
        """Answer a statement; the same request again gets the same answer."""
        session = self.sessions[token]
        with self.turn:
            if request not in self._answers:
                self._answers[request] = self._carried_out(session, body)
            return self._answers[request]

    def _carried_out(
        self, session: Session, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        text = body["sqlText"]
        fault = None
        try:
            rows, array = wire.rows_bound(body.get("bindings"))
            if not re.match(r"\s*PUT\s+'?file://[^/]+'?\s", text, re.IGNORECASE):
                self._log(session, text, body, len(rows[0]))
                fault = self._fault(text)
            if fault and fault.when == "before":
                raise Refused(fault.error[1], fault.error[0], "XX000")
            answer = _carry_out(session, body, rows, array=array)
            if fault and fault.when == "after":
                raise Refused(fault.error[1], fault.error[0], "XX000")
        except Refused as error:
            return _failure(error)
        except Exception as error:
            where = "".join(traceback.format_exception(error)[-6:])
            return _failure(Gap(f"it stumbled over this statement\n{where}"))
        return None if fault else _success(session, answer)

    def _log(
        self, session: Session, text: str, body: dict[str, Any], binds: int
    ) -> None:
        own = body.get("parameters") or {}
        tag = own.get("QUERY_TAG", session.parameters.get("QUERY_TAG"))
        inside = session.transaction is not None
        self.statements.append(Statement(text, inside, tag, session.id, binds))

    def _fault(self, text: str) -> Fault | None:
        for fault in self._faults:
            if fault.left and fault.pattern.search(text):
                fault.left -= 1
                return fault
        return None

    def close(self) -> None:
        for token in list(self.sessions):
            self.log_out(token)
        self._root.close()


def _carry_out(
    session: Session, body: dict[str, Any], rows: Any, *, array: bool
) -> Answer:
    if body.get("asyncExec"):
        raise Gap("statements that run on their own")
    if body.get("bindStage"):
        raise Gap("values bound through a stage")
    text = body["sqlText"].strip().rstrip(";")
    if body.get("describeOnly"):
        return _described(session, text, rows)
    return session.execute(text, rows, array=array)


def _described(session: Session, text: str, rows: Any) -> Answer:
    """Describe a query by its first no rows."""
    if not re.match(r"\s*(SELECT|WITH|\()", text, re.IGNORECASE):
        raise Gap("a description of what is not a query")
    return session.execute(f"SELECT * FROM ({text}) LIMIT 0", rows, array=False)


def _failure(error: Refused) -> dict[str, Any]:
    code = f"{error.code:06d}"
    return {
        "data": {"errorCode": code, "sqlState": error.state, "queryId": _query_id()},
        "code": code,
        "message": error.message,
        "success": False,
    }


def _query_id() -> str:
    return str(uuid.uuid4())


def _success(session: Session, answer: Answer) -> dict[str, Any]:
    if answer.transfer:
        return {"data": answer.transfer | {"queryId": _query_id()}, "success": True}
    data = {
        "parameters": [{"name": "TIMEZONE", "value": "UTC"}],
        "queryId": _query_id(),
        "statementTypeId": answer.kind,
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
    }
    return {"data": data | _rows(answer), "success": True}


def _rows(answer: Answer) -> dict[str, Any]:
    if answer.counts is not None:
        described = [wire.row_type(name, pa.int64()) for name in answer.counts]
        rows = [[str(count) for count in answer.counts.values()]]
        shape = {"queryResultFormat": "json", "rowset": rows}
        return {"rowtype": described, "total": 1, "returned": 1, **shape}
    table = answer.table
    assert table is not None
    described = [
        wire.row_type(f.name, f.type, variant=place in answer.variants)
        for place, f in enumerate(table.schema)
    ]
    return {
        "rowtype": described,
        "total": table.num_rows,
        "returned": table.num_rows,
        "queryResultFormat": "arrow",
        "rowsetBase64": wire.encoded(table, described),
    }


# -- HTTP ------------------------------------------------------------------------------


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
        place = [name and ddl.folded_name(name) for name in names]
        session = await run_in_threadpool(server.log_in, token, body, place)
        return JSONResponse(_logged_in(response, session))

    async def query(request: Request) -> Response:
        token = request.headers["Authorization"][17:-1]
        if token not in server.sessions:
            raise_gone = {"code": "390104", "message": "log in again", "success": False}
            return JSONResponse(raise_gone | {"data": None}, 401)
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
    return answer


class Dropped(Response):
    """An answer that never comes: the connection is closed instead."""

    async def __call__(self, scope: Any, _receive: Any, _send: Any) -> None:
        scope["connection"].close()


def _with_connection(app: Starlette) -> Any:
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
        config = uvicorn.Config(_with_connection(_app(server)), log_level="critical", lifespan="off")
        web = uvicorn.Server(config)
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield server
        finally:
            web.should_exit = True
            thread.join()
            server.close()
