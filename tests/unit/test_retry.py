"""The one retry policy: patient, bounded, and quiet."""

import subprocess
import sys

import pytest
import stamina
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks

from lht.exceptions import SalesforceUnavailableError, StoppedError
from lht.retry import MAX_ATTEMPTS, MAX_WAIT_SECONDS, retrying


class Flaky:
    """Fails so many times, then succeeds."""

    def __init__(self, failures, error):
        self.calls = 0
        self.failures = failures
        self.error = error

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "done"


def busy(retry_after=None):
    return SalesforceUnavailableError("busy", retry_after=retry_after)


def test_a_passing_failure_is_repeated():
    """The result is that of the first call that succeeds."""
    flaky = Flaky(3, busy())
    assert retrying(flaky, when=lambda _: True) == "done"
    assert flaky.calls == 4


def test_a_lasting_failure_ends():
    """The last error is raised as it is, after a bounded number of calls."""
    flaky = Flaky(10**6, busy())
    with pytest.raises(SalesforceUnavailableError) as caught:
        retrying(flaky, when=lambda _: True)
    assert caught.value is flaky.error
    assert flaky.calls == MAX_ATTEMPTS


def test_what_may_not_be_repeated_is_not():
    """The caller's word decides, whatever the error says of itself."""
    flaky = Flaky(1, busy(retry_after=0))
    with pytest.raises(SalesforceUnavailableError):
        retrying(flaky, when=lambda _: False)
    assert flaky.calls == 1


def test_a_wait_asked_for_is_kept():
    """The server's own ``Retry-After`` goes before our backoff."""
    waits = []
    hooks = get_on_retry_hooks()
    set_on_retry_hooks([lambda details: waits.append(details.wait_for)])
    try:
        with stamina.set_testing(False):
            retrying(Flaky(1, busy(retry_after=0.015)), when=lambda _: True)
    finally:
        set_on_retry_hooks(hooks)
    assert waits == [0.015]


def test_a_pause_may_end_it():
    """Who waits may give up: nothing is tried again, and its own error is told."""
    waits = []

    def pause(seconds):
        waits.append(seconds)
        raise StoppedError("enough")

    flaky = Flaky(1, busy(retry_after=20.0))
    with stamina.set_testing(False), pytest.raises(StoppedError):
        retrying(flaky, when=lambda _: True, pause=pause)
    assert (waits, flaky.calls) == ([20.0], 1)


def test_too_long_a_wait_is_not_begun():
    """A server that asks for very long is reported, not waited for."""
    flaky = Flaky(1, busy(retry_after=MAX_WAIT_SECONDS + 1))
    with pytest.raises(SalesforceUnavailableError):
        retrying(flaky, when=lambda _: True)
    assert flaky.calls == 1


def test_retries_are_quiet():
    """Where nobody has set up logging, retrying writes nothing to the terminal."""
    code = (
        "import stamina; stamina.set_testing(True, attempts=5)\n"
        "from lht.retry import retrying\n"
        "tries = iter([ValueError('x')] * 3)\n"
        "def call():\n"
        "    for error in tries: raise error\n"
        "retrying(call, when=lambda e: True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
