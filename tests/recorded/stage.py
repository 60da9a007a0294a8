"""An org on which recorded exchanges take place, one after the other."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2
from tests.recorded.exchange import Exchange, put_words
from tests.recorded.rows import Rows, rows_of
from tests.recorded.scope import kind_of

from lht import devorg
from lht.devorg.clock import Clock
from lht.devorg.http.login.admin import new_refresh_token

START = datetime(2020, 8, 14, 20, 53, 2, tzinfo=UTC)

_ANY_JOB = '{"operation":"query","query":"SELECT Id FROM Account"}'
_SENT = ("accept", "content-type", "soapaction", "authorization")


class Stage:
    """One org, which holds for each exchange what its answer shows."""

    def __init__(self, objects: list[Path], settings: Mapping[str, Any]) -> None:
        self._open = ExitStack()
        self.clock = Clock(START)
        self.clock.freeze()
        options = {"is_trusted_network": True, **settings}
        self.org = self._open.enter_context(
            devorg.start(clock=self.clock, objects=objects, **options)
        )
        self.http = self._open.enter_context(
            httpx2.Client(base_url=self.org.url, timeout=30)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def play(self, exchange: Exchange) -> httpx2.Response:
        """Let an exchange happen among the records that it shows."""
        rows = rows_of(exchange, self.org.store.metadata)
        with self._holding(rows):
            prepare = _BEFORE.get(exchange.before)
            words = prepare(self, exchange, rows) if prepare else {}
            answer = self._send(exchange, words)
            if exchange.before == "last of two pages":
                answer = self._get(answer.json()["nextRecordsUrl"])
        self.org.short_pages(None)
        self.clock.set(START)
        return answer

    @contextmanager
    def _holding(self, rows: Rows) -> Iterator[None]:
        """Let the org hold these rows, and after that what it held before."""
        store = self.org.store
        before = {
            name: store.tables.db.sql(f'SELECT * FROM "{name}"').to_arrow_table()
            for name in rows.by_object
        }
        rows.put(store)
        try:
            yield
        finally:
            for name, table in before.items():
                store.tables.db.execute(f'DELETE FROM "{name}"')
                store.bulk_insert(name, table)

    def token(self) -> str:
        """Log in."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.org.client_id,
            "client_secret": self.org.client_secret,
        }
        found = self.http.post("/services/oauth2/token", data=form)
        return str(found.json()["access_token"])

    def _get(self, path: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token()}"}
        return self.http.get(path, headers=headers)

    def _send(self, exchange: Exchange, words: Mapping[str, str]) -> httpx2.Response:
        """Send a request as it was recorded, with this org's words in it."""
        words = {**self._words(), **words}
        headers = {k: v for k, v in exchange.headers.items() if k in _SENT}
        headers.setdefault("content-type", "application/json")
        refused = exchange.told if exchange.status == 401 else None
        if refused and refused[0]["errorCode"] == "INVALID_AUTH_HEADER":
            headers["authorization"] = f"Token {words['<access_token>']}"
        elif refused:
            headers["authorization"] = "Bearer expired"
        else:
            headers["authorization"] = f"Bearer {words['<access_token>']}"
        body = exchange.body or None
        if kind_of(exchange) == "login" and not (body or "").startswith(("g", "r")):
            body = _REFRESHING
        if kind_of(exchange).startswith("job") and exchange.method == "GET":
            body = None
        return self.http.request(
            exchange.method,
            put_words(self._target(exchange), words),
            content=put_words(body, words).encode() if body else None,
            headers=headers,
        )

    def _target(self, exchange: Exchange) -> str:
        if kind_of(exchange) == "identity":
            return f"/id/{self.org.store.org_id}/{self.org.store.user_id}"
        return exchange.target

    def _words(self) -> dict[str, str]:
        logins = self.org.logins
        return {
            "<client_id>": logins.client_id,
            "<client_secret>": logins.client_secret,
            "<username>": "integration@devorg.example",
            "<password>": logins.password,
            "<security_token>": logins.security_token,
            "<refresh_token>": new_refresh_token(self.org._service),
            "<access_token>": self.token(),
        }


_REFRESHING = (
    "grant_type=refresh_token&client_id=<client_id>&client_secret=<client_secret>"
    "&refresh_token=<refresh_token>"
)


def _delete(stage: Stage, _exchange: Exchange, rows: Rows) -> dict[str, str]:
    for id_ in _ids(rows):
        stage.org.delete(id_)
    return {}


def _delete_then(stage: Stage, exchange: Exchange, rows: Rows) -> dict[str, str]:
    for entry in exchange.told["deletedRecords"]:
        stage.clock.set(datetime.fromisoformat(entry["deletedDate"]))
        stage.org.delete(entry["id"])
    return _reach(stage, exchange, rows)


def _reach(stage: Stage, exchange: Exchange, _rows: Rows) -> dict[str, str]:
    """Let it be the end of a window."""
    stage.clock.set(datetime.fromisoformat(exchange.params["end"]))
    return {}


def _use(stage: Stage, exchange: Exchange, _rows: Rows) -> dict[str, str]:
    for record in reversed(exchange.told):
        stage._get(record["attributes"]["url"])
    return {}


def _shorten(stage: Stage, _exchange: Exchange, _rows: Rows) -> dict[str, str]:
    stage.org.short_pages(1)
    return {}


def _let_device_in(stage: Stage, _exchange: Exchange, _rows: Rows) -> dict[str, str]:
    form = {"response_type": "device_code", "client_id": stage.org.client_id}
    told = stage.http.post("/services/oauth2/token", data=form).json()
    allowed = {"user_code": told["user_code"], "decision": "allow"}
    stage.http.post("/setup/connect", data=allowed)
    return {"<device_code>": told["device_code"]}


def _start_job(stage: Stage, exchange: Exchange, _rows: Rows) -> dict[str, str]:
    json_type = {"Content-Type": "application/json"}
    headers = {"Authorization": f"Bearer {stage.token()}", **json_type}
    path = exchange.path.partition("/<job>")[0]
    body = exchange.body if exchange.method == "GET" else _ANY_JOB
    made = stage.http.post(path, content=body, headers=headers)
    return {"<job>": made.json()["id"]}


def _finish_job(stage: Stage, exchange: Exchange, rows: Rows) -> dict[str, str]:
    words = _start_job(stage, exchange, rows)
    path = f"{exchange.path.partition('/<job>')[0]}/{words['<job>']}"
    while stage._get(path).json()["state"] in {"UploadComplete", "InProgress"}:
        pass
    return words


def _ids(rows: Rows) -> Iterator[str]:
    for found in rows.by_object.values():
        yield from found


_BEFORE: Mapping[str, Callable[[Stage, Exchange, Rows], dict[str, str]]] = {
    "deleted": _delete,
    "deleted then": _delete_then,
    "changed then": _reach,
    "used": _use,
    "first of two pages": _shorten,
    "last of two pages": _shorten,
    "device let in": _let_device_in,
    "job under way": _start_job,
    "job finished": _finish_job,
}
