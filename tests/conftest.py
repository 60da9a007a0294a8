"""What holds for every test: no network but loopback, no waiting, replayable chance."""

import contextlib
import ipaddress
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.core
import pytest
import stamina

HERE = Path(__file__).parent
MARKERS = {
    "unit": "unit",
    "properties": "property",
    "contract": "contract",
    "emulator": "emulator",
    "devorg": "devorg",
    "snowflake": "snowflake",
    "docs": "docs",
    "recorded": "recorded",
    "clients": "clients",
    "bench": "bench",
}
SEED_VARIABLE = "LHT_TEST_SEED"
_abroad: list[None] = []  # one for each block that may leave this machine

hypothesis.settings.register_profile("lht", print_blob=True, deadline=None)
hypothesis.settings.load_profile("lht")


class OffLoopbackError(RuntimeError):
    """A test tried to leave this machine."""


def refuse_the_network(event: str, args: tuple[Any, ...]) -> None:
    """Let sockets reach loopback only, from Python and from C alike."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not _abroad and not is_loopback(host):
        msg = f"tests stay on this machine, this one went to {host!r}"
        raise OffLoopbackError(msg)


def is_loopback(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def beyond_loopback() -> Iterator[None]:
    """Let the block reach the network: for tests with an account of somebody's."""
    _abroad.append(None)
    try:
        yield
    finally:
        _abroad.pop()


sys.addaudithook(refuse_the_network)


def pytest_configure(config: pytest.Config) -> None:
    """Draw one seed for the run; the variable is how workers and replays get it."""
    seed = os.environ.setdefault(SEED_VARIABLE, str(random.randrange(2**32)))
    if config.getoption("--hypothesis-seed") is None:
        hypothesis.core.global_force_seed = int(seed)


def pytest_report_header() -> str:
    return f"replay this run's chance with: {SEED_VARIABLE}={os.environ[SEED_VARIABLE]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder it is in."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in MARKERS:
            item.add_marker(MARKERS[folder])


@pytest.fixture(scope="session")
def seed() -> int:
    """The number from which a test draws all its chance."""
    return int(os.environ[SEED_VARIABLE])


@pytest.fixture(autouse=True)
def retries_do_not_wait() -> Iterator[None]:
    """Retry as often as in earnest, but at once."""
    with stamina.set_testing(True, attempts=1000, cap=True):
        yield


@pytest.fixture(autouse=True)
def own_settings_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in [n for n in os.environ if n.startswith("LHT_")]:
        if not name.startswith("LHT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LHT_HOME", str(tmp_path_factory.getbasetemp() / "no-home"))
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded material, which is not part of this repository."""
    path = Path(os.environ.get("LHT_TEST_DATA", HERE.parents[1] / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no recorded material at {path} (LHT_TEST_DATA names another)")
    return path
