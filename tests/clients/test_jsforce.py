"""jsforce believes that the local org is Salesforce; its tests are in JavaScript."""

import json
import os
import subprocess
from pathlib import Path

import jwt
import pytest
from tests import keys
from tests.clients.conftest import ADA, HOST, MODULES, ROWS

from lht import devorg

HERE = Path(__file__).parent / "js"
SECONDS = 240


@pytest.fixture(scope="module")
def org():
    """An org that takes every login, over http."""
    with devorg.start(
        rows=ROWS,
        seed=1,
        consent="given",
        certificates=[keys.certificate_pem()],
    ) as running:
        yield running


@pytest.fixture
def told(org, place):
    """What the tests may know of the org, and of its like at Salesforce's addresses."""
    logins, there = org.logins, place.org.logins
    claims = {
        "iss": logins.client_id,
        "sub": ADA,
        "aud": "https://login.salesforce.com",
        "exp": org.clock.now().timestamp() + 120,
    }
    return {
        "url": org.url,
        "orgId": org.store.org_id,
        "clientId": logins.client_id,
        "clientSecret": logins.client_secret,
        "username": ADA,
        "password": logins.password + logins.security_token,
        "assertion": jwt.encode(claims, keys.private_pem(), algorithm="RS256"),
        "rows": ROWS,
        "proxied": {
            "proxy": place.proxy,
            "instanceUrl": f"https://{HOST}",
            "password": there.password + there.security_token,
        },
    }


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.js")))
def test_jsforce_finds_what_it_expects(node, told, papers, name):
    """Each file of tests passes, in a Node.js of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(MODULES),
        "NODE_EXTRA_CA_CERTS": str(papers.authority),
        "LHT_TEST_ORG": json.dumps(told),
    }
    done = subprocess.run(
        [node, "--test-reporter=spec", HERE / name],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
