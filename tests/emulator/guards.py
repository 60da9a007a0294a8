"""Guards of the promises, by name, and how to take each away.

A guard is what keeps a promise when something goes wrong. ``test_guards`` takes each
away and lets the test that is there to notice fail.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from lht.sync.state import Store

Patch = Callable[[], Any]


def _nothing(*_: Any, **__: Any) -> None:
    pass


GUARDS: Mapping[str, tuple[Patch, ...]] = {
    "jobs are remembered": (lambda: mock.patch.object(Store, "add_job", _nothing),),
}


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Take guards away for the block."""
    with ExitStack() as stack:
        for name in names:
            for patch in GUARDS[name]:
                stack.enter_context(patch())
        yield
