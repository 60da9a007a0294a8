"""A process whose children sync an object and kill themselves where they are told to.

It has the modules loaded and no database open, so that a child costs one fork. A
request is a line of JSON on its standard input, an answer one on its output:
the points that the child passed, the last of which killed it if ``kill_at`` was one.
A point is before or behind a SQL statement, or behind an HTTP answer.
"""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import duckdb  # noqa: F401  loaded for the children
import pyarrow.csv  # noqa: F401  loaded for the children
from tests.emulator.guards import without

from lht.decode import decode_csv  # noqa: F401  loaded for the children
from lht.salesforce import _wire, bulk_query
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options
from lht.warehouse.duckdb import DuckDBSession

_NAME = re.compile(r'"[^"]*"(?:\s*,\s*"[^"]*")+')  # lists of columns
_ID = re.compile(r"750\w{15}|__LHT_\w+|_\d{6,}|\?locator=\w+")


class Points:
    """Counts the points a run passes, tells each, and dies at the one it is told."""

    def __init__(self, pipe: int, kill_at: int | str | None) -> None:
        self._pipe = pipe
        self._kill_at = kill_at
        self._passed = 0
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        with self._lock:
            os.write(self._pipe, f"{name}\n".encode())
            if self._is_the_end(name):
                os.kill(os.getpid(), signal.SIGKILL)
            self._passed += 1

    def _is_the_end(self, name: str) -> bool:
        if isinstance(self._kill_at, str):
            return self._kill_at in name
        return self._passed == self._kill_at


Watch = Callable[[Points], None]


def watch(points: Points) -> None:
    """Let every statement and every answer of this process be a point."""
    watch_statements(points, DuckDBSession)
    watch_answers(points)


def watch_statements(points: Points, session_class: type) -> None:
    """Let every statement of a class of sessions be two points."""
    run: Callable[..., Any] = getattr(session_class, "_run")  # noqa: B009

    def run_between(session: Any, statement: str, *rest: Any, **options: Any) -> Any:
        name = _ID.sub("", _NAME.sub("...", " ".join(statement.split())))[:100]
        points.reach(f"before {name}")
        found = run(session, statement, *rest, **options)
        points.reach(f"behind {name}")
        return found

    setattr(session_class, "_run", run_between)  # noqa: B010  mypy minds otherwise


def watch_answers(points: Points) -> None:
    """Let every answer of an org be a point."""
    send: Callable[..., Any] = _wire.send

    def send_and_reach(http: Any, request: Any, **options: Any) -> Any:
        answer = send(http, request, **options)
        path = request.url.path.partition("/data/")[2] or request.url.path
        done = "JobComplete" if b'"state":"JobComplete"' in answer.body() else ""
        points.reach(f"answer {request.method} {_ID.sub('', path)} {done}".strip())
        return answer

    _wire.send = send_and_reach


def run(task: Mapping[str, Any]) -> None:
    """Sync as told."""
    bulk_query._FIRST_WAIT_SECONDS = 0.005  # devorg is quick
    auth = ClientCredentials(task["url"], task["client_id"], task["client_secret"])
    options = Options(bulk_threshold=task["bulk_threshold"])
    with without(*task["without"]), Client(auth) as client:
        sync(task["object"], salesforce=client, warehouse=task["path"], options=options)


def run_in_child(
    task: Mapping[str, Any], watch: Watch, run: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    """Fork, let the child run, and return what became of it.

    Args:
        task: What to do.
        watch: Makes points of what the child does.
        run: Does it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            watch(Points(writing, task["kill_at"]))
            run(task)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        points = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    return {"points": points, "ended": os.waitstatus_to_exitcode(status)}


def answer_requests(watch: Watch, run: Callable[[Mapping[str, Any]], None]) -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        answer = run_in_child(json.loads(line), watch, run)
        print(json.dumps(answer), flush=True)  # noqa: T201  its answers


if __name__ == "__main__":
    answer_requests(watch, run)
