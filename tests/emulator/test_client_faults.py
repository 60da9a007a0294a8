"""Connections that break anywhere: what is read is whole, and each record once."""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from lht import devorg
from lht.devorg.faults import Cut, HungUp
from lht.salesforce import bulk_query, rest_query
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client

QUERY = "SELECT Id, Name, Description, SystemModstamp FROM Account"
PLACES, LONGEST = 8, 15  # where answers break off: so many, up to two to the power of
PART_CUT = 0.02  # by each: eight cut ones in a row are rarer than one run in 10^4


@pytest.fixture(scope="module")
def org() -> Iterator[devorg.Org]:
    with devorg.start(
        rows={"Account": 3_000}, page_size=200, bulk_page_rows=150
    ) as org:
        yield org


@pytest.fixture
def client(org: devorg.Org) -> Iterator[Client]:
    auth = ClientCredentials(org.url, org.client_id, org.client_secret)
    with Client(auth, timeout=10) as client:
        yield client
    org.faults.clear()


def break_connections(org: devorg.Org, seed: int) -> None:
    """Cut the first page off, and some others anywhere, or before they begin."""
    chance = random.Random(seed)
    org.faults.add(Cut(path="pages", times=1))
    org.faults.add(HungUp(path="pages", probability=PART_CUT, seed=seed))
    for _ in range(PLACES):
        place = int(2 ** chance.uniform(0, LONGEST))
        number = chance.getrandbits(32)
        org.faults.add(
            Cut(path="pages", after_bytes=place, probability=PART_CUT, seed=number)
        )


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


def test_cut_bulk_pages_lose_and_double_nothing(org, client, seed):
    """However often pages break off, every record arrives, and once."""
    job = bulk_query.create_job(client, QUERY)
    job = bulk_query.wait_for_job(client, job, deadline_seconds=30)
    rows = rows_by_bulk(client, job)
    break_connections(org, seed)
    assert rows_by_bulk(client, job) == rows
    assert sum(fault.struck for fault in org.faults) > 0


def test_cut_rest_pages_lose_and_double_nothing(org, client, seed):
    """However often REST answers break off, every record arrives, and once."""
    break_connections(org, seed)
    rows = rows_by_rest(client)
    assert sum(fault.struck for fault in org.faults) > 0
    org.faults.clear()
    assert rows_by_rest(client) == rows
    assert set(rows.values()) == {1}
