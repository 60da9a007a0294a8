"""Recorded requests sent to an org that holds what the recorded answers show."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2
from tests.recorded.comparing import Difference, differences, xml_values
from tests.recorded.exchange import Exchange, put_words, read_json
from tests.recorded.known import Known, known_differences
from tests.recorded.rows import Rows, parts_of, rows_of
from tests.recorded.scope import kind_of, out_of_scope

from lht import devorg
from lht.devorg.clock import Clock
from lht.devorg.http.login_admin import new_refresh_token

HERE = Path(__file__).parent
START = datetime(2020, 8, 14, 20, 53, 2, tzinfo=UTC)

_HEADERS = (
    "content-type",
    "sforce-limit-info",
    "etag",
    "last-modified",
    "location",
    "www-authenticate",
)
_SENT = ("accept", "content-type", "soapaction", "authorization")
_WITH_VALUES = {
    *("query", "read", "describe", "global", "brief", "search", "recent", "counts"),
    *("composite", "job results", "blob", "updated"),
}
_OWN = re.compile(r"(.*\.)?(ETag|Last-Modified|nextRecordsUrl|latestDateCovered)")
"""Values that are each org's own, or each moment's."""


@dataclass(frozen=True)
class Scene:
    """An org in which the exchanges of a recording can happen again.

    Attributes:
        describes: Files below the data's folder that declare its objects, beside the
            describes in the recording itself and ``objects.txt``.
        masks: What a recording has put in the place of versions and ids.
        settings: Of the org.
    """

    describes: tuple[str, ...] = ()
    masks: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


_STANDARD = "describe/soqlmeta-jawills/standard"
_ORGANIZATION = f"{_STANDARD}/Organization.json"
_PASSWORD = {"is_trusted_network": True}
_OLD = {f"v{number}.0": "v37.0" for number in (20, 23, 24, 26)}

SCENES: Mapping[str, Scene] = {
    "airbyte": Scene(),
    "amp-labs": Scene(),
    "amp-labs describes": Scene(),
    "bulk2": Scene(),
    "ceelias-graph": Scene(),
    "cumulusci": Scene(
        describes=(_ORGANIZATION,),
        masks={
            "vxx.0": "v62.0",
            "00D0xORGID00000000": "00D0xORGID00000E5A",
            "0010xACCOUNTID0000": "0010xACCOUNTID0A5P",
        },
    ),
    "python-salesforce-api": Scene(settings={"plain_fault_codes": True}),
    "restforce": Scene(
        describes=(_ORGANIZATION,),
        masks={**_OLD, "00Dx0000000BV7z": "00Dx0000000BV7zEAG"},
        settings={"password_refusal": "authentication failure - Invalid Password"},
    ),
    "restforce describes": Scene(masks=_OLD),
    "restforce-db": Scene(masks={"<api_version>": "v31.0"}),
    "salesforcepy": Scene(),
    "snowfakery": Scene(
        describes=(f"{_STANDARD}/Contract.json",),
        masks={"vxx.0": "v50.0", "001ACCOUNTID": "001ACCOUNTID000Y5D"},
    ),
    "spring-social": Scene(),
}


@dataclass(frozen=True)
class Unexplained:
    """A difference for which no reason is known."""

    exchange: str
    kind: str
    difference: Difference

    def __str__(self) -> str:
        return f"{self.exchange} ({self.kind}) {self.difference}"


@dataclass
class Outcome:
    """What became of the exchanges of one recording.

    Attributes:
        agree: How many are alike.
        differ: How many are not.
        out: How many are not replayed, for each reason.
        unknown: The differences without a reason.
        met: The reasons that there are.
    """

    agree: int = 0
    differ: int = 0
    out: dict[str, int] = field(default_factory=dict)
    unknown: list[Unexplained] = field(default_factory=list)
    met: set[Known] = field(default_factory=set)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many agree, differ, and are not replayed."""
        return self.agree, self.differ, sum(self.out.values())

    def __str__(self) -> str:
        agree, differ, out = self.counts
        return f"{agree} agree, {differ} differ with reason, {out} out of scope"


def replay(
    name: str, exchanges: Iterable[Exchange], data: Path, folder: Path
) -> Outcome:
    """Send all requests of a recording; compare what is answered."""
    scene, outcome = SCENES[name], Outcome()
    inside = []
    for exchange in exchanges:
        why = out_of_scope(exchange)
        if why is None:
            inside.append(exchange.mapped(scene.masks))
        else:
            outcome.out[why] = outcome.out.get(why, 0) + 1
    files = [data / path for path in scene.describes]
    files += write_describes(inside, folder)
    more = [HERE / "objects" / f"{name}.txt"]
    files += [path for path in more if path.exists()]
    seen: dict[Exchange, list[Difference]] = {}
    with Stage(files, scene.settings) as stage:
        for exchange in inside:
            _judge(name, exchange, stage, seen, outcome)
    return outcome


def _judge(
    name: str,
    exchange: Exchange,
    stage: "Stage",
    seen: dict[Any, list[Difference]],
    outcome: Outcome,
) -> None:
    """Compare one exchange, or remember how an equal one came out."""
    same = (exchange.method, exchange.target, exchange.body, exchange.answer)
    if same not in seen:
        seen[same] = stage.compare(exchange)
    found = seen[same]
    unknown, met = known_differences(name, kind_of(exchange), found)
    outcome.met |= met
    kind = kind_of(exchange)
    outcome.unknown += [Unexplained(exchange.name, kind, each) for each in unknown]
    outcome.agree += not found
    outcome.differ += bool(found)


def write_describes(exchanges: Iterable[Exchange], folder: Path) -> list[Path]:
    """Write the describes of a recording into files that declare its objects."""
    found: dict[str, Any] = {}
    for exchange in exchanges:
        for part in _parts_and_self(exchange):
            if part.status != 200:
                continue
            if kind_of(part) == "describe":
                told = json.loads(part.answer)
                found[told["name"]] = told
            elif kind_of(part) == "global":
                found["all"] = json.loads(part.answer)
    paths = [folder / f"{name}.json" for name in found]
    for path, told in zip(paths, found.values(), strict=True):
        path.write_text(json.dumps(told), encoding="utf-8")
    return paths


def _parts_and_self(exchange: Exchange) -> Iterator[Exchange]:
    if kind_of(exchange) == "composite":
        yield from parts_of(exchange)
    yield exchange


class Stage:
    """One org, on which one exchange after the other takes place."""

    def __init__(self, objects: list[Path], settings: Mapping[str, Any]) -> None:
        self._open = ExitStack()
        self.clock = Clock(START)
        self.clock.freeze()
        options = {**_PASSWORD, **settings}
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

    def compare(self, exchange: Exchange) -> list[Difference]:
        """Let an exchange happen; list what is not alike."""
        rows = rows_of(exchange, self.org.store.metadata)
        with self._holding(rows):
            prepare = _BEFORE.get(exchange.before)
            words = prepare(self, exchange, rows) if prepare else {}
            answer = self._send(exchange, words)
            if exchange.before == "last of two pages":
                answer = self._get(answer.json()["nextRecordsUrl"])
        self.org.short_pages(None)
        self.clock.set(START)
        return list(_compare(exchange, answer))

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
    made = stage.http.post(path, content=exchange.body, headers=headers)
    return {"<job>": made.json()["id"]}


def _finish_job(stage: Stage, exchange: Exchange, rows: Rows) -> dict[str, str]:
    words = _start_job(stage, exchange, rows)
    path = f"{exchange.path.partition('/<job>')[0]}/{words['<job>']}"
    while stage._get(path).json()["state"] != "JobComplete":
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


def _compare(exchange: Exchange, answer: httpx2.Response) -> Iterator[Difference]:
    """Compare status, then headers and body."""
    if exchange.status != answer.status_code:
        told = f"{answer.status_code} {answer.text}"
        yield Difference("status", "value", str(exchange.status), told)
        return
    if exchange.answer_headers is not None:
        yield from differences(
            _chosen(exchange.answer_headers),
            _chosen(answer.headers),
            values=False,
            at="headers",
        )
    values = kind_of(exchange) in _WITH_VALUES or exchange.status >= 300
    for found in differences(
        _content(exchange.answer), _content(answer.text), values=values
    ):
        if not (found.what == "value" and _OWN.fullmatch(found.at)):
            yield found


def _chosen(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that matter, wherever a body is."""
    return {name: headers[name] for name in _HEADERS if name in headers}


def _content(text: str) -> Any:
    """Read a body: XML, JSON, or else text."""
    if text.lstrip().startswith("<"):
        return xml_values(text)
    return read_json(text) if text.lstrip()[:1] in "[{" else text
