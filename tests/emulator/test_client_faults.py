"""Connections that break anywhere: what is read is whole, and each record once."""

import csv
import io
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import pytest

from lht import devorg
from lht.salesforce import bulk_query, rest_query
from lht.salesforce.auth import AccessInfo, ClientCredentials
from lht.salesforce.client import Client

QUERY = "SELECT Id, Name, Description, SystemModstamp FROM Account"
PART_CUT = 0.2  # of the answers: eight cut ones in a row are rarer than one run in 10^4


class CuttingWire:
    """Passes bytes on to an org; the first answer and some others it cuts off."""

    def __init__(self, org: devorg.Org, chance: random.Random) -> None:
        self.cuts = 0
        self._org = ("127.0.0.1", int(org.url.rpartition(":")[2]))
        self._chance = chance
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=[here])
                self._threads.append(thread)
                thread.start()

    def _serve(self, here: socket.socket) -> None:
        """Pass on one request after the other; a cut ends the connection."""
        with here, socket.create_connection(self._org) as there, suppress(OSError):
            while request := here.recv(65_536):
                there.sendall(request)
                if not self._pass_answer(there, here):
                    return

    def _pass_answer(self, there: socket.socket, here: socket.socket) -> bool:
        """Pass one answer on, all of it or a part."""
        answer = there.makefile("rb", buffering=0)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += answer.read(1) or b""
        whole = head + b"".join(_body(head.lower(), there.makefile("rb")))
        if not self.cuts or self._chance.random() < PART_CUT:
            self.cuts += 1
            here.sendall(whole[: self._chance.randrange(len(whole))])
            return False
        here.sendall(whole)
        return True


def _body(head: bytes, answer: BinaryIO) -> Iterator[bytes]:
    """Yield a body as it is on the wire: of the length told, or in chunks."""
    if b"transfer-encoding: chunked" not in head:
        yield answer.read(int(head.partition(b"content-length:")[2].split()[0]))
        return
    size = -1
    while size:
        line = answer.readline()
        size = int(line, 16)
        yield line + answer.read(size + len(b"\r\n"))


@pytest.fixture(scope="module")
def org() -> Iterator[devorg.Org]:
    with devorg.start(
        rows={"Account": 3_000}, page_size=200, bulk_page_rows=150
    ) as org:
        yield org


@pytest.fixture
def wire(org: devorg.Org, seed: int) -> Iterator[CuttingWire]:
    wire = CuttingWire(org, random.Random(seed))
    yield wire
    wire.close()


@pytest.fixture
def direct(org: devorg.Org) -> Iterator[Client]:
    auth = ClientCredentials(org.url, org.client_id, org.client_secret)
    with Client(auth) as client:
        yield client


@pytest.fixture
def cut_off(wire: CuttingWire, direct: Client) -> Iterator[Client]:
    """A client whose connections break."""
    token = direct._session.auth.token().access_token
    info = {"access_token": token, "instance_url": wire.url}
    with Client(AccessInfo(info), timeout=10) as client:
        yield client


def rows_by_rest(client: Client) -> Counter[tuple[str, ...]]:
    pages = rest_query.iter_pages(client, QUERY)
    return Counter(
        (r["Id"], r["Name"])
        for page in pages
        for r in json.loads(page.content)["records"]
    )


def rows_by_bulk(client: Client, job: bulk_query.QueryJob) -> Counter[tuple[str, ...]]:
    rows: Counter[tuple[str, ...]] = Counter()
    for page in bulk_query.iter_result_pages(client, job):
        text = io.StringIO(page.body.decode(), newline="")
        rows.update((r["Id"], r["Name"]) for r in csv.DictReader(text))
    return rows


def test_cut_bulk_pages_lose_and_double_nothing(wire, direct, cut_off):
    """However often pages break off, every record arrives, and once."""
    job = bulk_query.create_job(direct, QUERY)
    job = bulk_query.wait_for_job(direct, job, deadline_seconds=30)
    assert rows_by_bulk(cut_off, job) == rows_by_bulk(direct, job)
    assert wire.cuts > 0


def test_cut_rest_pages_lose_and_double_nothing(wire, direct, cut_off):
    """However often REST answers break off, every record arrives, and once."""
    rows = rows_by_rest(cut_off)
    assert rows == rows_by_rest(direct)
    assert set(rows.values()) == {1}
    assert wire.cuts > 0
