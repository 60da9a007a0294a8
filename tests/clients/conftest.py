"""Orgs for clients that others wrote, and ways by which those find them."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import keys
from tests.clients.certificates import Papers, issue
from tests.clients.tunnel import tunnel

from lht import devorg
from lht.devorg import Org

ADA = "ada@devorg.example"
DOMAIN = "devorg.my"
HOST = f"{DOMAIN}.salesforce.com"
MODULES = Path(sys.prefix) / "jsforce" / "node_modules"
IS_CI = "CI" in os.environ  # as it was before tests hide it
ROWS = {"Account": 300, "Contact": 900}


@dataclass(frozen=True)
class Place:
    """An org that is reached over https, and a proxy which takes one to it."""

    org: Org
    proxy: str


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return issue(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module", autouse=True)
def trust(papers: Papers) -> Iterator[None]:
    """Let clients trust the authority of these tests, and mind no other proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            patch.setenv(name, str(papers.authority))
        for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def opened(papers: Papers) -> Iterator[Callable[..., Place]]:
    """Opens an org at Salesforce's addresses; it is there for the tests of a module."""
    with ExitStack() as stack:

        def open_org(**settings) -> Place:
            org = stack.enter_context(
                devorg.start(
                    tls=(papers.certificate, papers.key),
                    instance_url=f"https://{HOST}",
                    certificates=[keys.certificate_pem()],
                    **settings,
                )
            )
            return Place(org, stack.enter_context(tunnel(org.url)))

        yield open_org


@pytest.fixture(scope="module")
def place(opened: Callable[..., Place]) -> Place:
    """An org with some records."""
    return opened(rows=ROWS, seed=1)


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, beside the packages that `make test` has brought for it."""
    found = shutil.which("node")
    if found and MODULES.is_dir():
        return found
    lack = "jsforce is not installed (make test does it)" if found else "no Node.js"
    if IS_CI:
        pytest.fail(lack)
    pytest.skip(lack)
