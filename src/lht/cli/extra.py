"""Loading what only some commands need, and saying how to get it."""

from types import ModuleType
from typing import Final

from lht.exceptions import MissingExtraError

DEVORG_NEEDS: Final = frozenset({"lark", "starlette", "uvicorn"})


def load_devorg() -> ModuleType:
    """Import the local org.

    Raises:
        MissingExtraError: Its extra is not installed; the hint is the pip line.
    """
    try:
        from lht.devorg import server
    except ModuleNotFoundError as error:
        if error.name in DEVORG_NEEDS:
            raise MissingExtraError("devorg", error.name) from error
        raise
    return server
