"""How answers leave: whole, in pieces, broken off, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from lht.devorg.http.damage import ConnectionCutError
from lht.devorg.http.log import Entry

_HANG_UP = "lht.devorg.hang_up"
_GOODBYE_SECONDS = 0.1


class Line(H11Protocol):
    """A connection that the application may end at any byte.

    ASGI itself has no word for it: an application that stops in the midst of an answer
    is taken for a broken one, and written up as such.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base has it
        """Lend the application what ends this connection."""
        super().connection_made(transport)
        self._lost = asyncio.Event()
        self.app = _lending(self.app, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for it."""
        super().connection_lost(exc)
        self._lost.set()

    def shutdown(self) -> None:
        """End a connection on which nothing is under way, as the server ends.

        TLS would wait for the other side to say goodbye, which an idle client does not.
        """
        super().shutdown()
        if self.transport.is_closing() and self.transport.get_extra_info("sslcontext"):
            self.loop.call_later(_GOODBYE_SECONDS, self.transport.abort)

    async def hang_up(self) -> None:
        """Send what was written so far, and no more."""
        self.transport.close()
        await self._lost.wait()


def _lending(app: ASGIApp, line: Line) -> ASGIApp:
    async def with_line(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[_HANG_UP] = line.hang_up
        await app(scope, receive, send)

    return with_line


class NoReply(Response):
    """The connection ends instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send nothing."""
        await scope["extensions"][_HANG_UP]()


class Streamed(StreamingResponse):
    """An answer whose body comes in pieces, and may break off."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        status: int,
        headers: Mapping[str, str],
        entry: Entry,
    ) -> None:
        """Tell *entry* what is sent."""
        super().__init__(pieces, status, headers)
        self._pieces = pieces
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, as long as somebody listens."""
        self._extensions = scope.get("extensions", {})
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send one piece after the other, up to the end or to where it breaks off."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            async for piece in self._pieces:
                await send(_body(piece, more_body=True))
                self._entry.bytes += len(piece)
            await send(_body(b"", more_body=False))
        except ConnectionCutError:
            await self._extensions[_HANG_UP]()
        finally:
            self._entry.end()


def _body(piece: bytes, *, more_body: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": piece, "more_body": more_body}
