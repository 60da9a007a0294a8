"""The server: fakesnow's logins over loopback, and our own answers to statements."""

import contextlib
import itertools
import re
import threading
import traceback
import uuid
from dataclasses import dataclass, field
from typing import Any

import duckdb
import fakesnow.server
import pyarrow as pa
import snowflake.connector
from fakesnow.instance import FakeSnow
from snowflake.snowpark import Session as SnowparkSession
from tests.snowflake.fake import (  # noqa: F401  what they register is what is known
    altering,
    control,
    copying,
    functions,
    governing,
    showing,
    stages,
    wire,
)
from tests.snowflake.fake.catalog import Name, quoted
from tests.snowflake.fake.duck import Definitions, Duck
from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.session import Answer, Session
from tests.snowflake.fake.stages import Stages, skipped

LOCK_TIMEOUT_SECONDS = 5.0
REMEMBERED = 64  # answers, for a client that asks again


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
    error: RefusedError
    when: str
    left: int


@dataclass(repr=False)
class Server:
    """A fake Snowflake on a port of this machine."""

    port: int
    owners_rights: bool = False
    lock_timeout: float = LOCK_TIMEOUT_SECONDS
    statements: list[Statement] = field(default_factory=list)
    protected: set[str] = field(default_factory=set)  # names of tables with a policy
    sessions: dict[str, Session] = field(default_factory=dict)
    locks: dict[Name, Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._snow = FakeSnow(
            create_database_on_connect=False, create_schema_on_connect=False
        )
        self._root = self._snow.duck_conn
        self._definitions = Definitions()
        self._base = Duck(self._root, self._definitions)
        self._root.execute("SET GLOBAL python_enable_replacements = false")
        functions.install(self._root)
        self.stages = Stages()
        self.turn = threading.Condition(threading.RLock())
        self._numbers = itertools.count(1)
        self._faults: list[Fault] = []
        self._answers: dict[str, dict[str, Any] | None] = {}
        self._attached: set[str] = set()

    def __repr__(self) -> str:
        return f"<Server at {self.address}>"  # not all that there ever was

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

    def database(self, like: str | None = None) -> str:
        """Make an empty database with its schema PUBLIC, and say its name.

        Args:
            like: One of which it is to be a copy.
        """
        name = f"T{next(self._numbers)}"
        if like is None:
            self.attach(name)
            return name
        with self.turn:
            self._base.run(f"ATTACH ':memory:' AS {quoted(name)}")
            self._base.run(f"COPY FROM DATABASE {quoted(like)} TO {quoted(name)}")
        return name

    def drop_database(self, name: str) -> None:
        """Let go of a database's memory."""
        with self.turn, contextlib.suppress(duckdb.Error):
            self._base.run(f"DETACH {quoted(name)}")

    def duck(self, database: str) -> duckdb.DuckDBPyConnection:
        """Open a cursor on the rows themselves, past the connector.

        What it would define is not seen by sessions that have looked before.
        """
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
                the client asks for it; or "skip": a PUT is told that its file is there.
            times: How many statements.
        """
        compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        failure = RefusedError(error, code, "XX000")
        self._faults.append(Fault(compiled, failure, when, times))

    def recover(self) -> None:
        """Let nothing fail any more, whether it has failed or not."""
        self._faults.clear()

    # -- what sessions need ------------------------------------------------------------

    def attach(self, name: str) -> None:
        with self.turn:
            self._base.run(f"ATTACH ':memory:' AS {quoted(name)}")
            self._base.run(f'CREATE SCHEMA {quoted(name)}."PUBLIC"')

    def sequence(self, database: str) -> str:
        """Make the sequence of a column that numbers its rows."""
        name = f"{quoted(database)}.main.numbers_{next(self._numbers)}"
        self._base.run(f"CREATE SEQUENCE {name}")
        return name

    def await_lock(self, table: Name, session: Session) -> None:
        """Wait until no other transaction has changed rows of the table."""

        def free() -> bool:
            return self.locks.get(table) in {None, session}

        if not self.turn.wait_for(free, timeout=self.lock_timeout):
            text = f"Statement has locked table '{table.name}' in another transaction"
            raise RefusedError(
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
            duck = Duck(connection._duck_conn, self._definitions)
            session = Session(self, token, duck, *place, parameters)
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
                while len(self._answers) > REMEMBERED:
                    del self._answers[next(iter(self._answers))]
            return self._answers[request]

    def _carried_out(
        self, session: Session, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        try:
            return self._attempted(session, body)
        except RefusedError as error:
            return _failure(error)
        except Exception as error:  # noqa: BLE001  told to the client, who would hang
            where = "".join(traceback.format_exception(error)[-6:])
            return _failure(GapError(f"it stumbled over this statement\n{where}"))

    def _attempted(
        self, session: Session, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        fault = self._arrived(session, body)
        if fault and fault.when == "before":
            raise fault.error
        if fault and fault.when == "skip":
            return _success(session, skipped("a file", "a file"))
        rows, array = wire.rows_bound(body.get("bindings"))
        answer = _carry_out(session, body, rows, array=array)
        if fault and fault.when == "after":
            raise fault.error
        return None if fault else _success(session, answer)

    def _arrived(self, session: Session, body: dict[str, Any]) -> Fault | None:
        """Remember a statement, but not what the connector asks again for a PUT."""
        text, own = body["sqlText"], body.get("parameters") or {}
        if re.match(r"\s*PUT\s+'?file://[^/]+'?\s", text, re.IGNORECASE):
            return None
        tag = own.get("QUERY_TAG", session.parameters.get("QUERY_TAG"))
        inside, binds = session.transaction is not None, len(body.get("bindings") or {})
        self.statements.append(Statement(text, inside, tag, session.id, binds))
        return self._fault(text)

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
        raise GapError("statements that run on their own")
    if body.get("bindStage"):
        raise GapError("values bound through a stage")
    text = body["sqlText"].strip().rstrip(";")
    if body.get("describeOnly"):
        return _described(session, text, rows)
    return session.execute(text, rows, array=array)


def _described(session: Session, text: str, rows: Any) -> Answer:
    """Describe a query by its first no rows."""
    if not re.match(r"\s*(SELECT|WITH|\()", text, re.IGNORECASE):
        raise GapError("a description of what is not a query")
    return session.execute(f"SELECT * FROM ({text}) LIMIT 0", rows, array=False)


def _failure(error: RefusedError) -> dict[str, Any]:
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
