"""Places of a run: so many work at once, and who comes back goes first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lht.sync.places import Places

PATIENCE_SECONDS = 10.0


class ToldError(RuntimeError):
    """What a block ends with."""


@pytest.mark.parametrize("count", [1, 3])
def test_no_more_work_than_there_are_places(count):
    """However many want to work, and lend and come back, so many do."""
    places, lock = Places(count), threading.Lock()
    at_work, most = 0, 0

    def step(by):
        nonlocal at_work, most
        with lock:
            at_work += by
            most = max(most, at_work)

    def work(_):
        with places.taken():
            for _ in range(20):
                step(1)
                step(-1)
                with places.lent():
                    pass
            step(1)
            step(-1)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(10)))
    assert (at_work, most <= count) == (0, True)


def test_a_place_that_is_lent_is_another_s():
    """Who waits for something else keeps nobody from working."""
    places = Places(1)

    def work():
        with places.taken():
            return True

    with ThreadPoolExecutor(1) as pool, places.taken(), places.lent():
        assert pool.submit(work).result(PATIENCE_SECONDS)


def test_who_comes_back_goes_before_who_has_not_begun():
    """A place that gets free is for those who had one before."""
    places, order = Places(1), []
    lent, back = threading.Event(), threading.Event()

    def first():
        with places.taken():
            with places.lent():
                lent.set()
                assert back.wait(PATIENCE_SECONDS)
            order.append("back")

    def new():
        with places.taken():
            order.append("new")

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(first)]
        assert lent.wait(PATIENCE_SECONDS)
        with places.taken():
            done.append(pool.submit(new))
            back.set()
            with places._changed:
                assert places._changed.wait_for(
                    lambda: places._coming_back, PATIENCE_SECONDS
                )
        for future in done:
            future.result(PATIENCE_SECONDS)
    assert order == ["back", "new"]


def test_an_error_gives_the_place_back():
    """Whatever a block ends with, the next has a place."""
    places = Places(1)
    for _ in range(2):
        with pytest.raises(ToldError), places.taken(), places.lent():
            raise ToldError
    with places.taken():
        pass
