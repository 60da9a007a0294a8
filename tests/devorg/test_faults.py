"""Faults: which requests meet them, what they do, and what the log tells of them."""

import gzip
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tests.devorg.calling import BASE, Caller, calling

from lht.devorg import faults
from lht.devorg.faults import Fault
from lht.devorg.http.faults import strike
from lht.devorg.http.wire import Answer

ROWS, PAGE_ROWS = 70, 20
SOQL = "SELECT Id, Name, Description FROM Account ORDER BY Id"


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    settings = {"page_size": PAGE_ROWS, "bulk_page_rows": PAGE_ROWS}
    with calling(rows={"Account": ROWS}, **settings) as caller:
        yield caller


@pytest.fixture
def api(shared: Caller) -> Iterator[Caller]:
    """The shared org, in which nothing has gone wrong yet."""
    shared.login()
    shared.org.requests.clear()
    yield shared
    shared.org.faults.clear()


def statuses(api: Caller, count: int, path: str = "/limits") -> list[int]:
    return [api.get(path).status_code for _ in range(count)]


def result(api: Caller, at: int = 0) -> str:
    """Return the path of a page of a finished job."""
    job = api.finished(SOQL)["id"]
    listed = api.get(f"/jobs/query/{job}/resultPages").json()["resultPages"]
    return str(listed[at]["resultUrl"])


# -- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (faults.TooManyRequests(), 429, "<title>Too Many Requests</title>"),
        (faults.ServerTooBusy(), 503, '"errorCode":"SERVER_UNAVAILABLE"'),
        (faults.ServerTooBusy(), 503, '"message":"Server too busy"'),
        (faults.Maintenance(), 503, "maintenance"),
        (faults.BadGateway(), 502, "<html>"),
        (faults.NotReady(), 420, "We are setting things up"),
        (faults.NotAcceptable(), 406, ""),
        (faults.RequestLimitExceeded(), 403, "TotalRequests Limit exceeded."),
        (faults.TooManyLongRequests(), 403, "ConcurrentPerOrgLongTxn Limit exceeded."),
        (faults.Refused(status=418, message="<b>"), 418, "<body>&lt;b&gt;</body>"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_refused_request_is_not_run(
    api: Caller, fault: Fault, status: int, body: str
):
    """The answer is what such a refusal looks like, and the org has done nothing."""
    before = api.org.store.record_counts()
    api.org.faults.add(fault)
    found = api.post("/sobjects/Account", {"Name": "Never made"})
    assert found.status_code == status
    assert body in found.text
    assert bool(body) == bool(found.content)
    kind = found.headers.get("content-type", "")
    assert kind.startswith(("text/html", "application/json") if body else "")
    assert api.org.store.record_counts() == before


@pytest.mark.parametrize("after", [7, "Wed, 06 Mar 2030 12:35:56 GMT"])
def test_a_refusal_says_when_to_come_again(api: Caller, after: Any):
    """Retry-After is there where the fault has it, and only there."""
    api.org.faults.add(faults.ServerTooBusy(retry_after=after, times=1))
    api.org.faults.add(faults.ServerTooBusy())
    told = [api.get("/limits").headers.get("retry-after") for _ in range(2)]
    assert told == [str(after), None]


def test_a_login_is_refused_in_its_own_words(api: Caller):
    api.org.faults.add(
        faults.Refused(path="login", status=400, code="invalid_grant", message="no")
    )
    assert api.ask_token().json() == {
        "error": "invalid_grant",
        "error_description": "no",
    }
    assert api.get("/limits").status_code == 200


def test_refusals_of_jobs_tell_the_code_first(api: Caller):
    api.org.faults.add(faults.ServerTooBusy())
    (error,) = api.post("/jobs/query", {}).json()
    assert list(error) == ["errorCode", "message"]


def test_what_goes_wrong_is_told_in_the_callers_format(api: Caller):
    """Who asks for XML gets the refusal, or the wrong number, in XML."""
    api.org.faults.add(faults.ServerTooBusy(times=1))
    api.org.faults.add(faults.WrongRows())
    xml = {"Accept": "application/xml"}
    refused = api.call("GET", "/query", params={"q": SOQL}, headers=xml)
    assert "<errorCode>SERVER_UNAVAILABLE</errorCode>" in refused.text
    found = api.call("GET", "/query", params={"q": SOQL}, headers=xml)
    assert f"<totalSize>{ROWS + 1}</totalSize>" in found.text


# -- when and where -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "method", "met"),
    [
        ("", "", {"limits", "query", "login", "describe"}),
        ("**", "", {"limits", "query", "login", "describe"}),
        ("login", "", {"login"}),
        ("describe", "", {"describe"}),
        ("query", "", {"query"}),
        ("/limits", "", {"limits"}),
        ("/LIMITS", "get", {"limits"}),
        ("/limits", "POST", set()),
        ("/*", "", {"limits", "query"}),
        ("/sobjects/**", "", {"describe"}),
        ("/services/data/*/limits", "", {"limits"}),
        ("pages", "", {"query"}),
        ("more", "", set()),
        ("", "POST", {"login"}),
    ],
)
def test_a_fault_is_about_some_requests(
    api: Caller, path: str, method: str, met: set[str]
):
    """A name, a pattern or a verb says which, whatever the version."""
    api.org.faults.add(faults.NotReady(path=path, method=method))
    asked: dict[str, Callable[[], httpx2.Response]] = {
        "limits": lambda: api.get("/services/data/v58.0/limits"),
        "query": lambda: api.get("/query", q=SOQL),
        "login": api.ask_token,
        "describe": lambda: api.get("/sobjects/Account/describe"),
    }
    assert {name for name, ask in asked.items() if ask().status_code == 420} == met


def test_a_fault_may_be_about_what_is_asked_for(api: Caller):
    """What the query of the address says, decoded, is told apart, too."""
    api.org.faults.add(faults.NotReady(query="FROM Contact"))
    found = [
        api.get("/query", q=f"SELECT Id FROM {name}").status_code
        for name in ("Contact", "Account")
    ]
    assert found == [420, 200]


@pytest.mark.parametrize("path", ["result", "jobs/query"])
def test_a_name_that_is_none_is_a_mistake(path: str):
    with pytest.raises(ValueError, match="is no path and none of login"):
        faults.Cut(path=path)


def test_some_are_left_alone_and_some_are_met(api: Caller):
    added = api.org.faults.add(faults.NotReady(path="/limits", skip=2, times=3))
    assert statuses(api, 7) == [200, 200, 420, 420, 420, 200, 200]
    assert (added.matched, added.struck) == (7, 3)


def test_the_same_seed_meets_the_same_requests(api: Caller):
    """Chance is the seed's, and the part that is met is about the one asked for."""
    runs = []
    for seed in (1, 1, 2):
        api.org.faults.clear()
        api.org.faults.add(faults.NotReady(probability=0.3, seed=seed))
        runs.append(statuses(api, 200))
    assert runs[0] == runs[1] != runs[2]
    assert all(30 <= run.count(420) <= 90 for run in runs)


def test_the_first_fault_whose_turn_it_is_meets_a_request(api: Caller):
    """One at a time: those behind it do not count the request."""
    first = api.org.faults.add(faults.NotReady(times=2))
    second = api.org.faults.add(faults.NotAcceptable(times=1))
    assert statuses(api, 4) == [420, 420, 406, 200]
    assert (first.matched, second.matched) == (4, 2)
    api.org.faults.add(faults.NotReady())
    third = api.org.faults.add(faults.NotAcceptable())
    api.org.faults.clear(third.number - 1)
    assert statuses(api, 1) == [406]


@pytest.mark.parametrize(
    "fault",
    [
        faults.Cut(after_bytes=-1),
        faults.NotReady(probability=1.1),
        faults.NotReady(times=-1),
        faults.Slow(piece_bytes=0),
    ],
    ids=repr,
)
def test_numbers_that_make_no_sense_are_a_mistake(api: Caller, fault: Fault):
    with pytest.raises(ValueError, match="Expected"):
        api.org.faults.add(fault)
    assert list(api.org.faults) == []


def test_threads_do_not_multiply_a_fault(api: Caller):
    """However many ask at once, it meets as many as it should."""
    added = api.org.faults.add(faults.NotReady(times=17))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: api.get("/limits").status_code, range(60)))
    assert found.count(420) == added.struck == 17
    assert added.matched == 60


# -- bytes on their way ---------------------------------------------------------------


class Raw:
    """A connection on which every byte is seen."""

    def __init__(self, api: Caller, *, closing: bool = False) -> None:
        self._closing = "Connection: close\r\n" if closing else ""
        self._place = api.org.url.removeprefix("http://")
        host, port = self._place.split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._token = api.http.headers["authorization"]

    def ask(self, path: str, *, gzip: bool) -> tuple[bytes, bytes]:
        """Return head and rest of what comes until the org closes the connection."""
        accepted = "Accept-Encoding: gzip\r\n" if gzip else ""
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {self._place}\r\n{accepted}{self._closing}"
            f"Authorization: {self._token}\r\n\r\n".encode()
        )
        with self._socket, self._socket.makefile("rb") as file:
            head, _, rest = file.read().partition(b"\r\n\r\n")
        return head, rest


def dechunked(rest: bytes) -> tuple[bytes, bool]:
    """Return what the chunks hold, and whether the last chunk has come."""
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if size == b"0":
            return body, True
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body, False


@pytest.mark.parametrize("gzipped", [True, False], ids=["gzip", "plain"])
@pytest.mark.parametrize("after_bytes", [0, 1, 300, 10**9])
def test_a_page_in_chunks_is_cut_at_the_byte(
    api: Caller, after_bytes: int, gzipped: bool, caplog: pytest.LogCaptureFixture
):
    """So many bytes come, the connection ends, and the last chunk never came."""
    path = result(api)
    encoding = {"Accept-Encoding": "gzip" if gzipped else "identity"}
    with api.http.stream("GET", api.org.url + path, headers=encoding) as whole:
        body = b"".join(whole.iter_raw())
    api.org.faults.add(faults.Cut(path="results", after_bytes=after_bytes))
    head, rest = Raw(api).ask(path, gzip=gzipped)
    assert b"transfer-encoding: chunked" in head.lower()
    assert (b"content-encoding: gzip" in head.lower()) == gzipped
    got, complete = dechunked(rest)
    assert got == body[: min(after_bytes, len(body) - 1)]
    assert not complete
    assert not [r for r in caplog.records if r.levelname in {"WARNING", "ERROR"}]


@pytest.mark.parametrize("after_bytes", [0, 500, 10**9])
def test_a_body_of_known_length_is_cut_at_the_byte(api: Caller, after_bytes: int):
    """What comes is shorter than what the head promised."""
    path = f"{BASE}/sobjects/Account/describe"
    body = api.get(path).content
    api.org.faults.add(faults.Cut(after_bytes=after_bytes))
    head, rest = Raw(api).ask(path, gzip=False)
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert rest == body[: min(after_bytes, len(body) - 1)]


def test_clients_notice_a_cut(api: Caller):
    path = result(api)
    api.org.faults.add(faults.Cut(path="results", after_bytes=100, times=1))
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending complete"):
        api.get(path)
    assert api.get(path).text.count("\n") > PAGE_ROWS


def test_a_connection_ends_without_a_byte_of_an_answer(api: Caller):
    """The request was run all the same: that is what makes it hard."""
    api.org.faults.add(faults.HungUp(method="POST", times=1))
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
        api.post("/sobjects/Account", {"Name": "Made unheard"})
    (made,) = api.records("SELECT Id FROM Account WHERE Name = 'Made unheard'")
    api.org.hard_delete(made["Id"])
    assert (api.org.requests[0].status, api.org.requests[1].status) == (0, 200)


def test_a_truncated_body_ends_well_but_is_not_whole(api: Caller):
    """HTTP says that all is there; gzip knows better."""
    path = result(api)
    headers = {"Accept-Encoding": "gzip"}
    api.org.faults.add(faults.Truncated(after_bytes=200))
    with api.http.stream("GET", path, headers=headers) as found:
        body = b"".join(found.iter_raw())
    assert len(body) == 200
    with pytest.raises(EOFError):
        gzip.decompress(body)
    short = api.http.get(f"{BASE}/query", params={"q": SOQL})
    assert "content-length" not in short.headers


def test_a_corrupt_body_has_one_other_byte(api: Caller):
    path = result(api)
    plain = {"Accept-Encoding": "identity"}
    right = api.call("GET", path, headers=plain).content
    for at_byte, turned in ((50, 50), (10**9, len(right) - 1)):
        api.org.faults.add(faults.Corrupt(at_byte=at_byte, times=1))
        wrong = api.call("GET", path, headers=plain).content
        assert len(wrong) == len(right)
        differing = [at for at in range(len(right)) if wrong[at] != right[at]]
        assert differing == [turned]


def test_slow_bytes_are_the_right_ones(api: Caller):
    """They come in small pieces, each after a wait, and nothing is lost."""
    path = result(api)
    right = api.get(path).content
    api.org.faults.add(faults.Slow(seconds=0.0, piece_bytes=100))
    _, rest = Raw(api, closing=True).ask(path, gzip=False)
    assert rest.count(b"\r\n64\r\n") >= len(right) // 100 - 1
    assert dechunked(rest) == (right, True)


def test_slow_bytes_keep_nobody_else_waiting(api: Caller):
    """An answer that takes ever so long leaves the org free for others."""
    path = result(api)
    api.org.faults.add(faults.Slow(path="results", seconds=3_600))
    with api.http.stream("GET", path) as slow:
        assert slow.status_code == 200
        assert statuses(api, 3) == [200, 200, 200]
    while api.org.requests.entries()[-4].milliseconds is None:
        api.pause()  # until the org has noticed that nobody listens


# -- rows and pages -------------------------------------------------------------------


def test_the_number_of_rows_that_is_told_is_wrong(api: Caller):
    """In REST, in Bulk and in the status of a job, as far as the fault reaches."""
    path = result(api)
    api.org.faults.add(faults.WrongRows(by=-1))
    api.org.faults.add(faults.WrongRows(path="job", by=5))
    assert api.query(SOQL)["totalSize"] == ROWS - 1
    assert api.get(path).headers["sforce-numberofrecords"] == str(PAGE_ROWS - 1)
    assert api.finished(SOQL)["numberRecordsProcessed"] == ROWS + 5


def ids(page: Any) -> list[str]:
    return [record["Id"] for record in page["records"]]


def test_a_rest_page_comes_twice_or_never(api: Caller):
    pages = [ids(page) for page in api.pages(api.query(SOQL))]
    assert len(pages) == 4
    api.org.faults.add(faults.RepeatedPage(path="more", times=1))
    twice = [ids(page) for page in api.pages(api.query(SOQL))]
    assert twice == [pages[0], *pages]
    api.org.faults.add(faults.LostPage(path="more", times=1))
    never = [ids(page) for page in api.pages(api.query(SOQL))]
    assert never == [pages[0], *pages[2:]]


def test_a_bulk_page_comes_twice_or_never(api: Caller):
    first, second, third = (result(api, at) for at in range(3))
    texts = [api.get(path).text for path in (first, second, third)]
    api.org.faults.add(faults.RepeatedPage(times=1))
    assert api.get(second).text == texts[0]
    api.org.faults.add(faults.LostPage(times=1))
    assert api.get(second).text == texts[2]
    assert api.get(second).text == texts[1]


def test_a_list_of_pages_names_one_twice_or_not_at_all(api: Caller):
    job = api.finished(SOQL)["id"]
    path = f"/jobs/query/{job}/resultPages"
    pages = api.get(path).json()["resultPages"]
    api.org.faults.add(faults.RepeatedPage(path="result_pages", times=1))
    api.org.faults.add(faults.LostPage(path="result_pages", times=1))
    twice = [pages[0], pages[0], *pages[2:]]
    assert api.get(path).json()["resultPages"] == twice
    assert api.get(path).json()["resultPages"] == pages[1:]


def test_an_answer_may_be_changed_in_any_way(api: Caller):
    """From Python, a function makes of the answer what it wants."""

    def change(answer: Answer) -> Answer:
        return replace(answer, body=answer.body | {"totalSize": "many"})

    added = api.org.faults.add(faults.Changed(change=change, path="query"))
    assert api.query(SOQL)["totalSize"] == "many"
    assert added.fault.as_json()["kind"] == "changed"


# -- sessions, cursors, jobs ----------------------------------------------------------


def test_a_session_ends_before_the_request_is_seen(api: Caller):
    """Only the caller's, and for good; with it goes what was bound to it."""
    other = f"Bearer {api.token()}"
    page = api.query(SOQL)
    api.org.faults.add(faults.SessionExpired(path="more", times=1))
    for _ in range(2):
        found = api.get(page["nextRecordsUrl"])
        assert api.error(found)[:2] == (401, "INVALID_SESSION_ID")
    headers = {"Authorization": other}
    assert api.call("GET", "/limits", headers=headers).status_code == 200


def test_a_cursor_dies(api: Caller):
    page = api.query(SOQL)
    api.org.faults.add(faults.LocatorGone(skip=1, times=1))
    second = api.get(page["nextRecordsUrl"]).json()
    for url in (second["nextRecordsUrl"], page["nextRecordsUrl"]):
        found = api.get(url)
        expected = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        assert api.error(found) == expected


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (faults.JobFailed(times=1), "Failed"),
        (faults.JobFailed(path="job", times=1), "Failed"),
        (faults.JobAborted(times=1), "Aborted"),
        (faults.JobAborted(path="job", times=1), "Aborted"),
    ],
)
def test_a_job_ends_badly(api: Caller, fault: Fault, state: str):
    """From its creation on, or later; it has no results and can be deleted."""
    api.org.faults.add(fault)
    job = api.finished(SOQL)
    path = f"/jobs/query/{job['id']}"
    assert job["state"] == state
    words = "QUERY_TIMEOUT : Your query request was running for too long."
    assert job.get("errorMessage") == (words if state == "Failed" else None)
    assert api.get(f"{path}/results").status_code == 400
    assert api.call("DELETE", path).status_code == 204
    assert api.finished(SOQL)["state"] == "JobComplete"


def test_a_job_stays_under_way_until_it_is_aborted(api: Caller):
    api.org.faults.add(faults.JobStuck(times=1))
    path = f"/jobs/query/{api.job(SOQL)}"
    states = {api.get(path).json()["state"] for _ in range(20)}
    assert states == {"InProgress"}
    assert api.call("DELETE", path).status_code == 400
    assert api.call("PATCH", path, json={"state": "Aborted"}).status_code == 200
    assert api.get(path).json()["state"] == "Aborted"


# -- the log and the admin API --------------------------------------------------------


def test_the_log_tells_which_request_met_which_fault(api: Caller):
    """And all else of it: when, who, how much and how long; but no token."""
    path = result(api)
    api.org.requests.clear()
    added = api.org.faults.add(faults.Cut(path="results", after_bytes=10, skip=1))
    whole = api.call("GET", path, headers={"Accept-Encoding": "identity"})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get(path)
    first, second = api.org.requests.entries()
    assert second.number == first.number + 1
    assert first.method == "GET"
    assert f"{first.path}?{first.query}" == path
    assert (first.at, first.status) == (api.org.clock.now(), 200)
    assert (first.fault, second.fault) == (None, f"cut #{added.number}")
    assert (first.bytes, second.bytes) == (len(whole.content), 10)
    assert first.milliseconds > 0
    assert first.user == api.org.store.user_id
    assert first.session == second.session
    assert api.http.headers["authorization"][-20:] not in repr([first, second])


@pytest.mark.parametrize("path", ["/services/oauth2/token", "/secur/logout.jsp"])
def test_addresses_that_may_hold_secrets_are_not_kept(api: Caller, path: str):
    api.http.post(f"{path}?sid=hush", data={})
    (entry,) = api.org.requests.entries()
    assert (entry.query, entry.path) == ("", path)


def admin(api: Caller, verb: str, **body: Any) -> Any:
    found = api.post(f"/devorg/admin/{verb}", body)
    assert found.status_code == 200, found.text
    return found.json()


def test_other_processes_can_let_things_go_wrong(api: Caller):
    """Faults are added, listed and cleared over HTTP, which they never hinder."""
    given = {"kind": "server_too_busy", "retryAfter": 3, "path": "/limits", "times": 2}
    (listed,) = admin(api, "faults", add=given)["faults"]
    assert given.items() <= listed.items()
    admin(api, "faults", add={"kind": "not_acceptable"})
    assert statuses(api, 3) == [503, 503, 406]
    first, second = admin(api, "faults")["faults"]
    assert (first["matched"], first["struck"]) == (3, 2)
    assert admin(api, "faults", clear=second["number"])["faults"] == [first]
    assert admin(api, "faults", clear=True)["faults"] == []
    log = admin(api, "requests")["requests"]
    assert f"server_too_busy #{first['number']}" in [entry["fault"] for entry in log]


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "nonsense"},
        {"kind": "changed", "change": "x"},
        {"kind": "cut", "afterByte": 3},
        {"kind": "cut", "afterBytes": -1},
        {"kind": "cut", "path": "nowhere"},
        {"kind": "cut", "probability": 2},
        {"kind": "slow", "pieceBytes": 0},
        7,
    ],
)
def test_what_is_no_fault_is_refused(api: Caller, fault: Any):
    found = api.post("/devorg/admin/faults", {"add": fault})
    assert api.error(found)[:2] == (400, "INVALID_ARGUMENT")
    assert list(api.org.faults) == []


@pytest.mark.parametrize("kind", faults.KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_can_be_named_in_json(kind: type[Fault]):
    fault = kind(skip=1, times=2, probability=0.5, seed=3, method="GET")
    assert faults.parse_fault(fault.as_json()) == fault
    assert fault.kind.replace("_", "") == kind.__name__.lower()


@pytest.mark.parametrize("kind", faults.KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_does_something(kind: type[Fault]):
    """None is answered with an error of the org's own for lack of what it does."""
    assert strike.dispatch(kind) is not strike.dispatch(Fault)
