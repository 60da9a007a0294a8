"""A slow network: every byte takes its time, and each connection its width.

It stands between a contender and the org, in a process of its own:
``Network(org.connection, profile)``. What comes in is passed on as it came.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from benchmarks.aside import Aside

_PIECE_BYTES: Final = 64 * 1024
_PAGE_BYTES: Final = 256 * 1024  # who brings more than that does not only talk
_BUFFER_SECONDS: Final = 0.05  # by which a sender may be ahead of the line
_PIECES_UNDER_WAY: Final = 128  # what nobody takes stays with the sender

Note = Callable[["Direction"], None]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a network is like."""

    round_trip_seconds: float = 0.4
    bytes_per_second: float = 10e6  # of each connection, in each direction

    def best_seconds(self, size_bytes: int, pages: int, connections: int) -> float:
        """Return how long some pages take over connections that never wait.

        One round trip is for the list of them. A connection asks for a page when the
        one before it has come: each costs it another.
        """
        each = size_bytes / self.bytes_per_second + pages * self.round_trip_seconds
        return each / max(1, connections) + self.round_trip_seconds


class Direction:
    """One direction of a connection: bytes leave in turn, and arrive later."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._free_at = 0.0  # when all that was sent has left
        self.size_bytes = 0  # of what was sent since the line was idle

    def arrival(self, now: float, size_bytes: int) -> float:
        """Send some bytes; return when the last of them arrives."""
        if not self.ahead(now):
            self.size_bytes = 0
        self.size_bytes += size_bytes
        took = size_bytes / self._profile.bytes_per_second
        self._free_at = max(now, self._free_at) + took
        return self._free_at + self._profile.round_trip_seconds / 2

    def ahead(self, now: float) -> float:
        """Return for how many seconds there are bytes that have not left yet."""
        return max(0.0, self._free_at - now)


class Network(Aside):
    """A slow way to an org.

    Attributes:
        connection: The org's, by that way.
        profile: What it is like.
    """

    def __init__(self, connection: dict[str, str], profile: Profile) -> None:
        task = {"url": connection["url"], "profile": asdict(profile)}
        super().__init__("benchmarks.proxy", task)
        self.connection = connection | {"url": self.told}
        self.profile = profile

    def connections(self) -> int:
        """Return how many connections brought pages at once since last asked."""
        return int(self.ask("connections"))


class Proxy:
    """Passes on what comes to the port that it listens on."""

    def __init__(self, url: str, profile: Profile) -> None:
        self._place = urlsplit(url)
        self._profile = profile
        self._clock = asyncio.get_running_loop().time
        self._bringing: set[Direction] = set()  # pieces from the org
        self.most = 0  # of those at once

    async def start(self) -> str:
        """Listen; return where."""
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    async def _lead(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Connect who came with the org, until either has enough."""
        there, back = await asyncio.open_connection(
            self._place.hostname, self._place.port
        )
        with suppress(ConnectionError, asyncio.CancelledError):  # one end, or ours
            await asyncio.gather(
                self._carry(reader, back, lambda _: None),
                self._carry(there, writer, self._note),
            )
        for end in (writer, back):
            end.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Note
    ) -> None:
        """Pass on what one end sends to the other."""
        direction = Direction(self._profile)
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES_UNDER_WAY)
        arriving = asyncio.create_task(self._arrive(pieces, writer))
        while piece := await reader.read(_PIECE_BYTES):
            now = self._clock()
            await pieces.put((direction.arrival(now, len(piece)), piece))
            note(direction)
            await asyncio.sleep(max(0.0, direction.ahead(now) - _BUFFER_SECONDS))
        await pieces.put((self._clock() + self._profile.round_trip_seconds / 2, b""))
        await arriving

    async def _arrive(
        self, pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        """Hand over each piece when its time has come; an empty one ends it."""
        with suppress(ConnectionError):
            while True:
                arrival, piece = await pieces.get()
                await asyncio.sleep(arrival - self._clock())
                if not piece:
                    writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()
        while (await pieces.get())[1]:  # nobody is there any more
            pass

    def _note(self, direction: Direction) -> None:
        """Count the connections whose line is full of pages now."""
        now = self._clock()
        if direction.size_bytes >= _PAGE_BYTES:
            self._bringing.add(direction)
        self._bringing = {d for d in self._bringing if d.ahead(now)}
        self.most = max(self.most, len(self._bringing))


async def _line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


async def main() -> None:
    """Serve as the first line of stdin asks, until stdin ends; answer the others."""
    task = json.loads(await _line())
    proxy = Proxy(task["url"], Profile(**task["profile"]))
    print(json.dumps(await proxy.start()), flush=True)
    while await _line():
        print(proxy.most, flush=True)
        proxy.most = 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
