"""What becomes of a body's bytes on their way, however they come in pieces."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.devorg.http.damage import (
    ConnectionCutError,
    corrupted,
    cut,
    slowed,
    truncated,
)

PIECES = st.lists(st.binary(max_size=5), max_size=8)
PLACES = st.integers(0, 45)


async def stream(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def collect(pieces: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]


@given(PIECES, PLACES)
def test_a_truncated_body_is_its_beginning(pieces: list[bytes], after_bytes: int):
    """So many bytes, but never all of them: what has none has none to lose."""
    got = asyncio.run(collect(truncated(stream(pieces), after_bytes=after_bytes)))
    body = b"".join(pieces)
    assert b"".join(got) == body[: min(after_bytes, max(0, len(body) - 1))]


@given(PIECES, PLACES)
def test_a_cut_always_comes(pieces: list[bytes], after_bytes: int):
    """Whatever the body, its end does not arrive."""
    got = []

    async def read() -> None:
        async for piece in cut(stream(pieces), after_bytes=after_bytes):
            got.append(piece)  # noqa: PERF401  what came before it breaks off counts

    with pytest.raises(ConnectionCutError):
        asyncio.run(read())
    body = b"".join(pieces)
    assert b"".join(got) == body[: min(after_bytes, max(0, len(body) - 1))]


@given(PIECES, PLACES)
def test_exactly_one_byte_is_corrupt(pieces: list[bytes], at_byte: int):
    """The one that was named, or the last."""
    got = b"".join(asyncio.run(collect(corrupted(stream(pieces), at_byte=at_byte))))
    body = b"".join(pieces)
    wrong = [at for at, (a, b) in enumerate(zip(body, got, strict=True)) if a != b]
    assert wrong == ([min(at_byte, len(body) - 1)] if body else [])


@given(PIECES, st.integers(1, 7))
def test_slow_bytes_wait_before_each_piece(pieces: list[bytes], piece_bytes: int):
    """Nothing is lost, and no piece is larger than it should be."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        clock = SimpleNamespace(sleep=wait)  # others in this process sleep as ever
        patch.setattr("lht.devorg.http.damage.asyncio", clock)
        slow = slowed(stream(pieces), seconds=0.5, piece_bytes=piece_bytes)
        got = asyncio.run(collect(slow))
    assert b"".join(got) == b"".join(pieces)
    assert all(len(piece) <= piece_bytes for piece in got)
    assert waits == [0.5] * len(got)
