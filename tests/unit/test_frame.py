"""The promises of the test run itself."""

import socket

import pytest
import stamina


def test_tests_cannot_leave_the_machine():
    """A test that opens a connection off loopback fails, whatever the library."""
    with socket.socket() as s, pytest.raises(RuntimeError, match=r"203\.0\.113\.7"):
        s.connect(("203.0.113.7", 80))
    with pytest.raises(RuntimeError, match=r"login\.example"):
        socket.getaddrinfo("login.example", 443)


def test_tests_can_use_loopback():
    """Servers on this machine are within reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_retries_happen_without_waiting():
    """A retried call is made as often as in earnest, without its pauses."""
    calls = []

    @stamina.retry(on=ValueError, attempts=5, wait_initial=60)
    def fails():
        calls.append(1)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fails()
    assert len(calls) == 5
