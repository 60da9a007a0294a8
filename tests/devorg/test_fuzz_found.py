"""What firing at random has brought to light, one by one."""

import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.devorg.calling import BASE
from tests.devorg.fuzz_draw import Draft, sent
from tests.devorg.fuzz_good import FORM_TYPE, GOOD, JSON_TYPE
from tests.devorg.fuzz_wire import Request, World, fired_at

from lht.devorg.faults import Refused


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with fired_at() as world:
        world.renew()
        yield world


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE", b"BREW"])
def test_a_strange_method_is_refused_as_any_other(world: World, method: bytes):
    header = (b"Authorization", b"Bearer ~token~")
    reply = world.try_out(Request(method, b"/services/data/v62.0/limits", (header,)))
    assert reply.status == 405
    assert b"METHOD_NOT_ALLOWED" in reply.body


def test_a_path_of_two_lines_is_refused_as_any_other(world: World):
    header = (b"Authorization", b"Bearer ~token~")
    reply = world.try_out(Request(b"GET", b"/services/data/v6%0A2.0/x", (header,)))
    assert reply.status == 404
    assert b"NOT_FOUND" in reply.body


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("merge", {"sobject": "Account", "masterId": "x", "loserIds": [["y"], {}]}),
        ("merge", {"sobject": "Account", "masterId": "x", "loserIds": "yz"}),
        ("insert", {"sobject": "Account", "values": [["Name", "x"]]}),
        ("insert", {"sobject": "Account", "values": {}, "keepId": "no"}),
        ("update", {"sobject": {}, "id": "x", "values": {}}),
        ("delete", {"id": {"a": 1}}),
        ("delete", {}),
        ("begin", {"transaction": "x"}),
        ("commit", {"transaction": {}}),
        ("short_pages", {"rows": {"a": 1}}),
        ("short_pages", {"rows": "2"}),
        ("short_pages", {"rows": 0}),
        ("short_pages", {"rows": -1}),
        ("short_pages", {}),
        ("clock", {"advance": "60"}),
        ("requests", {"clear": "no"}),
        ("faults", {"clear": "no"}),
        ("faults", {"add": None}),
        ("logins", {"certificate": 7}),
    ],
)
def test_the_admin_api_takes_only_what_it_understands(
    world: World, verb: str, body: Any
):
    found = world.api.post(f"/devorg/admin/{verb}", body)
    assert world.api.error(found)[:2] == (400, "INVALID_ARGUMENT")
    world.see_that_it_lives()


@pytest.mark.parametrize("rows", [0, -1])
def test_a_page_has_at_least_one_row(world: World, rows: int):
    with pytest.raises(ValueError, match="at least 1"):
        world.api.org.short_pages(rows)


@pytest.mark.parametrize("status", [0, 1, -1, 100, 199, 600, 10**30])
def test_a_refusal_has_a_status_that_http_knows(world: World, status: int):
    found = world.api.post(
        "/devorg/admin/faults", {"add": {"kind": "refused", "status": status}}
    )
    assert world.api.error(found)[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("when", ["3\r\nX: y", "3\n", "\u00e9", "\U0001f4a9"])
def test_a_refusal_says_when_in_words_that_a_header_can_hold(world: World, when: str):
    fault = {"kind": "server_too_busy", "retryAfter": when}
    found = world.api.post("/devorg/admin/faults", {"add": fault})
    assert world.api.error(found)[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("code", ["", "X"])
def test_a_status_without_a_body_has_none(world: World, status: int, code: str):
    """Whatever the fault says of words."""
    world.api.org.faults.add(Refused(status=status, code=code, message="x"))
    for _ in range(2):  # the same connection goes on
        assert world.send(Request(b"GET", b"/services/data")).status == status
    world.api.org.faults.clear()
    assert not world.complaints.told


@pytest.mark.parametrize(
    "host", [b"", b"[", b"[::1", b"x:y", b"a b", b"u@localhost", b"\xe9"]
)
@pytest.mark.parametrize("path", [b"/services/data", b"/devorg", b"/services/oauth2/x"])
def test_a_host_that_is_none_is_refused(world: World, host: bytes, path: bytes):
    """Not taken for this machine, which may see more than others."""
    reply = world.send(Request(b"GET", path, ((b"Host", host),)))
    assert (reply.status, reply.kind) == (400, "text/html")
    assert b"Bad Host" in reply.body


def test_who_hangs_up_in_the_midst_of_a_request_is_no_mistake(world: World):
    """It is noted nowhere, and nothing is done."""
    before = world.api.query("SELECT COUNT() FROM Account")["totalSize"]
    noted = len(world.api.org.requests.entries())
    place = urlsplit(world.api.org.url)
    for ending in (b"", b"zz\r\n"):  # the caller's end, and no HTTP any more
        with socket.create_connection((place.hostname, place.port)) as line:
            line.sendall(
                b"POST /services/data/v62.0/sobjects/Account HTTP/1.1\r\nHost: x\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n" + ending
            )
            line.shutdown(socket.SHUT_WR)
            while line.recv(1_000):
                pass
    world.see_that_it_lives()
    assert not world.complaints.told
    assert world.api.query("SELECT COUNT() FROM Account")["totalSize"] == before
    assert len(world.api.org.requests.entries()) == noted + 2


@pytest.mark.parametrize("odd", ["\ufffe", "\uffff", "\x01", "\x00", "\x7f", "\u2028"])
def test_records_with_any_character_are_read_as_xml(world: World, odd: str):
    made = world.api.post("/sobjects/Contact", {"LastName": f"x{odd}y"}).json()
    path = f"/services/data/v62.0/sobjects/Contact/{made['id']}".encode()
    headers = (b"Authorization", b"Bearer ~token~"), (b"Accept", b"application/xml")
    reply = world.try_out(Request(b"GET", path, headers))
    assert (reply.status, reply.kind) == (200, "application/xml")


@pytest.mark.parametrize("odd", ["\ufffe", "\x01"])
def test_users_with_any_character_are_told_by_soap(world: World, odd: str):
    user = world.api.org.store.user_id
    world.api.org.update("User", user, {"LastName": f"x{odd}y"})
    (good,) = [g for g in GOOD if "Soap/u/60.0" in g[1] and b"getUserInfo" in g[4]][:1]
    reply = world.try_out(sent(Draft(*good), {}))
    assert reply.status == 200
    assert b"<userFullName>" in reply.body


MANY = "9" * 5_000
FAR = f"Wed, 06 Mar {MANY[:30]} 12:34:56 GMT"
AUTHORIZE = "/services/oauth2/authorize?response_type=code&client_id=~client~&"
BEARER = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion="
DEEP = '{"a":' * 600 + "1" + "}" * 600
ONE = '"method":"POST","referenceId":"a","url":"/services/data/v62.0/sobjects/Account"'


def token(**claims: Any) -> str:
    """Return an assertion that nobody has signed."""
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256"}, claims))
    return ".".join(urlsafe_b64encode(p).decode().rstrip("=") for p in parts) + ".AA"


@pytest.mark.parametrize(
    ("method", "path", "status", "header", "body"),
    [
        ("GET", f"{BASE}/search?q=FIND+%7Bab%7D+LIMIT+{MANY}", 200, None, ""),
        ("GET", f"{BASE}/recent?limit={MANY}", 200, None, ""),
        (
            "GET",
            f"{BASE}/query?q=SELECT+Id+FROM+Account",
            200,
            ("Sforce-Query-Options", f"batchSize={MANY}"),
            "",
        ),
        ("GET", f"{BASE}/sobjects", 200, ("If-Modified-Since", FAR), ""),
        ("GET", f"{BASE}/sobjects", 200, ("If-Unmodified-Since", FAR), ""),
        (
            "PATCH",
            f"{BASE}/sobjects/Account/~account~",
            400,
            ("If-Unmodified-Since", FAR),
            "{}",
        ),
        ("POST", "/devorg/faults", 303, None, f"clear={MANY}"),
        ("POST", "/devorg/clock", 403, ("Referer", "http://["), ""),
        ("POST", "/devorg/clock", 403, ("Referer", "http://]"), ""),
        ("GET", f"{AUTHORIZE}redirect_uri=http%3A%2F%2F%5B", 200, None, ""),
        ("POST", f"{AUTHORIZE}redirect_uri=http%3A%2F%2F%5B", 302, None, "x=y"),
        (
            "POST",
            "/services/oauth2/token?grant_type=client_credentials",
            400,
            ("Authorization", "Basic \u00e9"),
            "",
        ),
        ("POST", "/services/oauth2/token", 400, None, BEARER + token(iss=["x"])),
        (
            "POST",
            "/services/oauth2/token",
            400,
            None,
            BEARER + token(iss="~client~", exp=10**400),
        ),
        ("POST", "/devorg/faults", 400, None, "kind=slow&seconds=inf"),
        (
            "POST",
            f"{BASE}/composite",
            400,
            None,
            f'{{"compositeRequest":[{{{ONE},"body":{DEEP}}}]}}',
        ),
        (
            "POST",
            f"{BASE}/composite",
            200,
            None,
            f'{{"compositeRequest":[{{{ONE},"body":{{"Name":"@{{a[{MANY}]}}"}}}}]}}',
        ),
    ],
)
def test_what_is_too_large_or_too_odd_is_no_mistake_of_the_org(  # noqa: PLR0917 -- each
    world: World,
    method: str,
    path: str,
    status: int,
    header: tuple[str, str] | None,
    body: str,
):
    world.renew()
    kind = JSON_TYPE if body.startswith("{") else FORM_TYPE
    origin = () if header and header[0] == "Referer" else ("Origin", "http://localhost")
    headers = {"Authorization": "Bearer ~token~", "Content-Type": kind}
    headers |= dict(pair for pair in (origin, header) if pair)
    pairs = tuple((n.encode(), t.encode()) for n, t in headers.items())
    request = Request(method.encode(), path.encode(), pairs, body.encode())
    assert world.try_out(request).status == status
