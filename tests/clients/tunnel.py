"""A way to the org for clients that only know Salesforce's own addresses.

It is an HTTP proxy as companies have them: a client asks it for a connection to a host,
and it leads all of them to the org. What goes through is between the two.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

_PIECE = 65_536
_OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextlib.contextmanager
def tunnel(url: str) -> Iterator[str]:
    """Lead all connections to the org at *url*; yield the proxy's own address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="tunnel")
    thread.start()
    proxy = _Proxy(urlsplit(url))
    try:
        yield _run(loop, proxy.start())
        _run(loop, proxy.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _run(loop, coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)


class _Proxy:
    def __init__(self, place: SplitResult) -> None:
        self._place = place
        self._ends: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End the connections, too, that clients have left open."""
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest)

    async def _lead(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"CONNECT "), asked
        place = self._place.hostname, self._place.port
        far_reader, far_writer = await asyncio.open_connection(*place)
        writer.write(_OPEN)
        ends = {writer, far_writer}
        self._ends |= ends
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        self._ends -= ends


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on all that comes, and that nothing more will come."""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()
