"""The slow network of the benchmarks: its arithmetic, and that it alters nothing."""

import asyncio

import pytest
from benchmarks.proxy import Direction, Profile, Proxy

SLOW = Profile(round_trip_seconds=0.4, bytes_per_second=10e6)
FAST = Profile(round_trip_seconds=0.0, bytes_per_second=1e12)


def test_bytes_leave_at_the_rate_and_arrive_later():
    """Ten megabytes offered at once take a second, and half of a round trip."""
    direction = Direction(SLOW)
    arrivals = [direction.arrival(5.0, 100_000) for _ in range(100)]

    assert arrivals[0] == pytest.approx(5.0 + 0.01 + 0.2)
    assert arrivals[-1] == pytest.approx(5.0 + 1.0 + 0.2)
    assert direction.ahead(5.5) == pytest.approx(0.5)


def test_a_small_request_and_its_answer_take_one_round_trip():
    """What does not fill the line is only late."""
    there = Direction(SLOW).arrival(1.0, 1)
    back = Direction(SLOW).arrival(there, 1)
    assert back == pytest.approx(1.4, abs=1e-6)


def test_time_without_bytes_is_not_saved_up():
    """A line that was idle carries no more afterwards."""
    direction = Direction(SLOW)
    direction.arrival(0.0, 1_000_000)
    assert direction.ahead(60.0) == 0
    assert direction.arrival(60.0, 10_000_000) == pytest.approx(61.2)


def test_who_only_talks_after_a_page_brings_no_page():
    """How much a connection brings is counted from when it was idle."""
    direction = Direction(SLOW)
    direction.arrival(0.0, 5_000_000)
    direction.arrival(0.1, 5_000_000)
    assert direction.size_bytes == 10_000_000
    direction.arrival(60.0, 600)
    assert direction.size_bytes == 600


def test_the_best_time_is_that_of_full_connections():
    """Twice the connections carry twice as much; round trips stay."""
    assert SLOW.best_seconds(100_000_000, 1, 1) == pytest.approx(10.8)
    assert SLOW.best_seconds(100_000_000, 10, 2) == pytest.approx(7.4)
    assert SLOW.best_seconds(100_000_000, 1, 0) == pytest.approx(10.8)


def test_what_goes_through_is_not_altered():
    """Every byte arrives in order, both ways, and so does the end of each."""
    sent = bytes(range(256)) * 8_192

    async def echo(reader, writer):
        while piece := await reader.read(70_000):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def passed() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        proxy = Proxy(f"http://{host}:{port}", FAST)
        place = (await proxy.start()).removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(*place)
        writer.write(sent)
        writer.write_eof()
        back = await reader.read()
        writer.close()
        server.close()
        proxy.close()
        return back

    assert asyncio.run(passed()) == sent
