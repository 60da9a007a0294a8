"""A way to the org for clients that only know Salesforce's own addresses.

It is an HTTP proxy as companies have them: a client asks it for a connection to a host,
and it leads all of them to the org. What goes through is between the two.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

_PIECE = 65_536
_OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextlib.contextmanager
def tunnel(url: str) -> Iterator[str]:
    """Lead all connections to the org at *url*; yield the proxy's own address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="tunnel")
    thread.start()
    try:
        place = urlsplit(url)
        server = _run(loop, asyncio.start_server(_leading_to(place), "127.0.0.1", 0))
        yield "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        server.close()
        _run(loop, _end_all())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _run(loop, coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)


async def _end_all() -> None:
    """End the connections that clients have left open."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def _leading_to(place):
    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"CONNECT "), asked
        there = await asyncio.open_connection(place.hostname, place.port)
        writer.write(_OPEN)
        try:
            await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))
        finally:
            there[1].close()
            writer.close()

    return lead


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on all that comes, and that nothing more will come."""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()
