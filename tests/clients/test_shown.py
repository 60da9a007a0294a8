"""What `lht devorg` shows for its clients works as it stands there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from tests.clients.conftest import MODULES

from lht import devorg
from lht.devorg.clients import CLIENTS, VARIABLES

TEXTS = {client.name: client.text for client in CLIENTS}
SECONDS = 120


@pytest.fixture(scope="module")
def variables():
    """What the reader has exported, the token of curl among it."""
    with devorg.start(rows={"Account": 7}) as org:
        values = (org.url, org.client_id, org.client_secret)
        form = {
            "grant_type": "client_credentials",
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        told = httpx2.post(f"{org.url}/services/oauth2/token", data=form).json()
        yield dict(zip(VARIABLES, values, strict=True)) | {
            "TOKEN": told["access_token"],
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "NODE_PATH": str(MODULES),
        }


@pytest.fixture
def run(variables, tmp_path):
    """Runs a program as the reader would; returns what it prints."""

    def run_program(*words: str, without: str = "") -> str:
        environment = {k: v for k, v in variables.items() if k != without}
        done = subprocess.run(
            words,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_program


def test_lht_is_pointed_to_the_org(run):
    """By the variables alone."""
    assert "Account" in run("bash", "-c", TEXTS["lht"])


def test_curl_gets_a_token_and_asks(run):
    """The one is in a variable for the other."""
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    found = json.loads(run("bash", "-c", TEXTS["curl"], without="TOKEN"))
    assert found["totalSize"] == 7


def test_simple_salesforce_is_pointed_to_the_org(run):
    """Over plain http."""
    shown = run(sys.executable, "-c", TEXTS["simple-salesforce"])
    assert re.search(r"totalSize\W+7\b", shown)


def test_jsforce_is_pointed_to_the_org(run, node):
    """Over plain http."""
    assert "totalSize: 7" in run(node, "-e", TEXTS["jsforce"])


def test_every_client_that_is_shown_is_tried():
    """The CLI of Salesforce is not at hand."""
    assert set(TEXTS) == {"lht", "curl", "simple-salesforce", "jsforce"} | {
        "Salesforce CLI"
    }
