"""The one retry policy: how often and for how long.

What may be repeated is the caller's knowledge, passed as ``when``; what helps to
wait for is the error's (``retry_after``). Tests switch the waiting off with
``stamina.set_testing``.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import stamina

T = TypeVar("T")

MAX_ATTEMPTS = 8  # their waits span a minute, the length of a usual hiccup
MAX_TOTAL_SECONDS = 900.0  # long enough that a big page cut at its end is fetched again
MAX_WAIT_SECONDS = 60.0  # a server that asks for more is told of, not waited for

_log = logging.getLogger(__name__)
# stamina warns of each retry; where nobody has set up logging, that is not for stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def retrying(
    call: Callable[[], T],
    *,
    when: Callable[[Exception], bool],
    pause: Callable[[float], None] = time.sleep,  # noqa: TID251  the one who waits
) -> T:
    """Call until it succeeds, the budget is used up, or an error forbids it.

    Args:
        call: Safe to repeat after every error that ``when`` accepts.
        when: Whether this error is worth another attempt.
        pause: Waits between two attempts; may raise, which ends it.

    Returns:
        What the first successful call returned; else its last error is raised.
    """

    def delay(error: Exception) -> bool | float:
        if not when(error):
            return False
        asked: float | None = getattr(error, "retry_after", None)
        if asked is not None and asked > MAX_WAIT_SECONDS:
            return False
        _log.info("transient_failure error=%r retry_after=%s", error, asked)
        return True if asked is None else asked

    attempts = stamina.retry_context(
        on=delay,
        attempts=MAX_ATTEMPTS,
        timeout=MAX_TOTAL_SECONDS,
        wait_initial=0.5,
        wait_max=30.0,
        wait_jitter=1.0,
    )
    # stamina has no name for how to wait; should this one go, waits cannot be ended.
    with suppress(AttributeError):
        attempts._t_kw["sleep"] = pause  # noqa: SLF001
    for attempt in attempts:
        with attempt:
            return call()
    raise AssertionError("the last attempt returns or raises")
