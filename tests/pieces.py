"""Pages in small pieces: as they are inflated, cut and parsed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from lht import decode
from lht.salesforce import _wire

PIECE_BYTES = 1 << 15
_SIZES = [
    (room, name)
    for room in (decode, _wire)
    for name in vars(room)
    if name.endswith("_BYTES")
]


@contextmanager
def small_pieces(size: int = PIECE_BYTES) -> Iterator[None]:
    """Let all sizes in which pages are read be this one."""
    with ExitStack() as stack:
        for room, name in _SIZES:
            stack.enter_context(mock.patch.object(room, name, size))
        yield


def pieces_of(body: bytes, size: int) -> list[bytes]:
    """Cut a page into pieces of one size, wherever that is."""
    return [body[at : at + size] for at in range(0, len(body), size)]
