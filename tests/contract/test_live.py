"""The suite can be run against an account: here the fake one stands for it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import OffLoopbackError, beyond_loopback, refuse_the_network
from tests.contract.live import PREFIX, VARIABLE

ROOT = Path(__file__).parents[2]
ONE = "test_warehouse.py::test_loading_twice_changes_nothing"


def run_live(home: Path, **environment: str) -> str:
    """Run one test of the contract, as ``docs/snowflake_setup.md`` says."""
    kept = {k: v for k, v in os.environ.items() if k != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "live", f"tests/contract/{ONE}"],
        cwd=ROOT,
        env=kept | {"SNOWFLAKE_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.snowflake
def test_every_test_has_a_database_of_its_own(tmp_path, snowflake_server):
    """It is made before the test, and dropped after it."""
    file = tmp_path / "connections.toml"
    options = snowflake_server.connect_options()
    file.write_text("[somebody]\n" + "".join(map(_line, options.items())))
    file.chmod(0o600)
    sent = len(snowflake_server.statements)
    assert "2 passed" in run_live(tmp_path, **{VARIABLE: "somebody"})
    texts = [s.text for s in snowflake_server.statements[sent:]]
    made, dropped = (
        [text.split('"')[1] for text in texts if text.startswith(f"{verb} DATABASE")]
        for verb in ("CREATE", "DROP")
    )
    assert made == dropped
    assert len(set(made)) == 2
    assert all(name.startswith(PREFIX) for name in made)


def _line(option: tuple[str, Any]) -> str:
    name, value = option
    return "" if isinstance(value, dict) else f"{name} = {json.dumps(value)}\n"


def test_without_an_account_the_reason_is_told(tmp_path):
    """Nothing is tried, and whoever asked is told the variable."""
    said = run_live(tmp_path)
    assert "SKIPPED [2] tests/contract/conftest.py" in said
    assert f"{VARIABLE} names no connection" in said


def test_the_network_is_there_only_for_who_has_an_account():
    """All other tests stay on this machine, also in the same run."""
    away = ("socket.getaddrinfo", ("example.invalid", 443))
    with pytest.raises(OffLoopbackError):
        refuse_the_network(*away)
    with beyond_loopback():
        refuse_the_network(*away)
    with pytest.raises(OffLoopbackError):
        refuse_the_network(*away)
