"""An org over https."""

import ssl

import httpx2
import pytest
from tests.clients.certificates import issue

from lht import devorg


def test_an_org_with_a_certificate_is_reached_over_https(tmp_path):
    """Its addresses say so, and who trusts its authority gets in."""
    papers = issue(tmp_path)
    trust = ssl.create_default_context(cafile=papers.authority)
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    with devorg.start(tls=(papers.certificate, papers.key)) as org:
        assert org.url.startswith("https://127.0.0.1:")
        form = {
            "grant_type": "client_credentials",
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        with httpx2.Client(base_url=org.url, verify=trust) as http:
            told = http.post("/services/oauth2/token", data=form).json()
        assert told["instance_url"] == org.url
        assert told["id"].startswith(f"{org.url}/id/")
        with (
            pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
            httpx2.Client(base_url=org.url) as http,
        ):
            http.get("/services/data")


def test_a_certificate_that_is_none_is_refused_at_the_start(tmp_path):
    """Whoever starts the org hears of it."""
    papers = issue(tmp_path)
    with pytest.raises(ssl.SSLError):
        devorg.start(tls=(papers.key, papers.key))
    with pytest.raises(FileNotFoundError):
        devorg.start(tls=(tmp_path / "none.pem", papers.key))


def test_an_org_ends_without_a_goodbye_of_idle_clients(tmp_path, caplog):
    """Who has no more to ask is not waited for, and nothing is written up."""
    papers = issue(tmp_path)
    trust = ssl.create_default_context(cafile=papers.authority)
    org = devorg.start(tls=(papers.certificate, papers.key))
    with httpx2.Client(base_url=org.url, verify=trust) as http:
        assert http.get("/services/data").status_code == 200
        org.close()
    assert caplog.messages == []
