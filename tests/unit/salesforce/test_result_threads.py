"""Pages of a bulk query: few are held, and none is fetched for nobody."""

import subprocess
import sys
import threading
import time

import pytest
import stamina
from tests.unit.salesforce.jobs import JOB, Pages

from lht.salesforce.bulk_query import iter_result_pages


def page_threads():
    return [t for t in threading.enumerate() if t.name.startswith("lht-page")]


def test_transformation_is_done_by_the_threads(org, client):
    """Pages are transformed in parallel, off the consumer's thread."""
    made = Pages(org, [1] * 6)
    both = threading.Barrier(2, timeout=5)

    def transform(page):
        both.wait()  # passes only if two pages are transformed at the same time
        return page.index, threading.current_thread().name

    done = list(iter_result_pages(client, made.job, transform=transform))
    assert sorted(i for i, _ in done) == list(range(6))
    assert all(name.startswith("lht-page") for _, name in done)
    assert page_threads() == []


@pytest.mark.parametrize("listed", [True, False])
def test_few_pages_are_in_memory(org, client, listed):
    """However slow the consumer, no more pages are in flight than allowed."""
    made = Pages(org, [1] * 10)
    if not listed:
        made.only_chain()
    lock = threading.Lock()
    in_flight = [0]
    most = [0]

    def transform(page):
        with lock:
            in_flight[0] += 1
            most[0] = max(most[0], in_flight[0])
        return page

    pages = iter_result_pages(client, made.job, transform=transform, max_in_flight=3)
    for _ in pages:
        time.sleep(0.01)  # noqa: TID251  a slow consumer
        with lock:
            in_flight[0] -= 1
    assert most[0] <= 3


@pytest.mark.parametrize("listed", [True, False])
def test_a_consumer_may_leave(org, client, listed):
    """Threads end, and fetch no more, when the consumer stops early."""
    made = Pages(org, [1] * 20)
    if not listed:
        made.only_chain()
    pages = iter_result_pages(client, made.job)
    next(pages)
    pages.close()
    assert page_threads() == []
    assert len(org.calls()) < 14  # of 24


def test_nobody_waits_for_an_unwanted_page(org, client):
    """A page that is still arriving does not keep a leaving consumer."""
    made = Pages(org, [1, 2000, 1])
    enough = threading.Event()
    slow = made.reply(1, gzipped=False, drip=enough)
    org.on("GET", f"{JOB}/page1", slow)
    fallback = threading.Timer(5, enough.set)
    fallback.start()

    pages = iter_result_pages(client, made.job)
    next(pages)
    pages.close()

    assert not enough.is_set()
    enough.set()
    fallback.cancel()
    fallback.join()


def test_pages_not_begun_are_never_fetched(org, client):
    """Of the pages that wait for a thread, none is begun for a consumer who left."""
    made = Pages(org, [1] * 20)
    begun = iter_result_pages(client, made.job, max_in_flight=12, workers=1)
    next(begun)
    begun.close()
    fetched = [r for r in org.calls() if "/page" in r.path]
    assert len(fetched) < 11


def test_a_failure_in_one_page_ends_the_others(org, client):
    """The first error is the one told; no thread outlives it."""
    made = Pages(org, [1] * 20)

    def transform(page):
        if page.index == 3:
            raise ValueError("boom")
        return page

    with pytest.raises(ValueError, match="boom"):
        list(iter_result_pages(client, made.job, transform=transform))
    assert page_threads() == []
    assert len(org.calls()) < 18  # of 24


@pytest.fixture
def in_earnest():
    """Let retries wait."""
    with stamina.set_testing(False):
        yield


@pytest.mark.usefixtures("in_earnest")
def test_nobody_waits_for_the_retry_of_an_unwanted_page(org, client):
    """A page that is waited for does not keep a leaving consumer."""
    made = Pages(org, [1, 1])
    asked = threading.Event()
    down = org.Reply(b"", 503, {"Retry-After": "30"}, before=asked.set)
    org.on("GET", f"{JOB}/page1", down)
    started = time.monotonic()
    pages = iter_result_pages(client, made.job)
    next(pages)
    assert asked.wait(5)
    pages.close()
    assert time.monotonic() - started < 10


def test_more_pages_are_fetched_than_transformed(org, client):
    """Slow connections are used side by side; what they bring waits as it came."""
    made = Pages(org, [1] * 8)
    arriving = threading.Barrier(4, timeout=5)  # passes only if four are on their way
    for index in range(4):
        reply = made.reply(index, before=arriving.wait)
        org.on("GET", f"{JOB}/page{index}", reply)
    lock = threading.Lock()
    transformed = [0]
    most = [0]

    def transform(page):
        with lock:
            transformed[0] += 1
            most[0] = max(most[0], transformed[0])
        return page.index

    done = []
    for index in iter_result_pages(client, made.job, transform=transform):
        time.sleep(0.01)  # noqa: TID251  a slow consumer
        done.append(index)
        with lock:
            transformed[0] -= 1
    assert sorted(done) == list(range(8))
    assert most[0] <= 3


def test_no_connection_waits_for_a_transformation(org, client):
    """While a page is decoded, its connection fetches another."""
    made = Pages(org, [1] * 3)
    asked = threading.Event()
    org.on("GET", f"{JOB}/page1", made.reply(1, before=asked.set))

    def transform(page):
        return page.index, page.index == 1 or asked.wait(5)

    done = dict(iter_result_pages(client, made.job, transform=transform, workers=1))
    assert done == {0: True, 1: True, 2: True}


LEFT_OPEN = """
from lht.salesforce._result_pages import PageReader, _threads

class Nobody:
    def scoped(self, **_):
        return self

reader = PageReader(Nobody(), None)
kept = _threads(reader, lines=1, room=1)
pool = kept.__enter__()
reader.room.acquire()
pool.submit(reader._transformed, None)
raise SystemExit(7)
"""


def test_a_process_ends_although_pages_are_still_wanted():
    """Who keeps an iterator that was not gone through to its end can still leave."""
    done = subprocess.run([sys.executable, "-c", LEFT_OPEN], timeout=30, check=False)
    assert done.returncode == 7
