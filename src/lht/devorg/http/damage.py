"""What becomes of a body's bytes on their way."""

import asyncio
from collections.abc import AsyncIterator

Pieces = AsyncIterator[bytes]


class ConnectionCutError(Exception):
    """The connection ends here."""


async def truncated(pieces: Pieces, *, after_bytes: int) -> Pieces:
    """End the body after so many bytes, at the latest before the last one."""
    left = after_bytes
    async for piece, is_last in _to_the_last(pieces):
        yield piece[: min(left, len(piece) - is_last)]
        left -= len(piece)
        if left <= 0:
            return


async def cut(pieces: Pieces, *, after_bytes: int) -> Pieces:
    """End the connection where ``truncated`` ends the body."""
    async for piece in truncated(pieces, after_bytes=after_bytes):
        yield piece
    raise ConnectionCutError


async def corrupted(pieces: Pieces, *, at_byte: int) -> Pieces:
    """Turn all bits of one byte around: of the last one, where there are too few."""
    at = at_byte
    async for piece, is_last in _to_the_last(pieces):
        here = min(at, len(piece) - 1) if is_last else at
        if 0 <= here < len(piece):
            turned = bytes([piece[here] ^ 0xFF])
            yield piece[:here] + turned + piece[here + 1 :]
        else:
            yield piece
        at -= len(piece)


async def slowed(pieces: Pieces, *, seconds: float, piece_bytes: int) -> Pieces:
    """Wait before each so many bytes."""
    async for piece in pieces:
        for at in range(0, len(piece), piece_bytes):
            await asyncio.sleep(seconds)
            yield piece[at : at + piece_bytes]


async def _to_the_last(pieces: Pieces) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield what is not empty, and whether it is the last."""
    held = b""
    async for piece in pieces:
        if held and piece:
            yield held, False
        held = piece or held
    if held:
        yield held, True
