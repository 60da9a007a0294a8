"""Which org a text names, and where secrets may be sent to."""

import re
from typing import Any
from urllib.parse import urlsplit

from lht.exceptions import ConfigError

_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}
_MY_DOMAIN = ".my.salesforce.com"
_UI_DOMAINS = (".lightning.force.com", ".my.salesforce-setup.com")
# Source: help.salesforce.com, "My Domain URL Formats", enhanced domains.
_SUBDOMAIN = re.compile(
    r"[a-z0-9-]+(\.(sandbox|develop|scratch|demo|patch|trailblaze|free|stage))?"
)
_TEST_HOSTS = re.compile(r"(.+\.(sandbox|scratch)\.my|test)\.salesforce\.com")


def normalise_org_url(text: str) -> str:
    """Return the https origin of the org that ``text`` names.

    Takes a URL (also that of the Lightning pages), a host, or a My Domain
    subdomain such as ``acme`` or ``acme--uat.sandbox``. Plain ``http`` stays for
    hosts on this machine.

    Raises:
        ConfigError: It names no org, or would send secrets over plain http.
    """
    text = checked_text("address", text).strip().lower()
    scheme, host, port = _split_url(text)
    if _SUBDOMAIN.fullmatch(host) and not is_loopback(host):
        host += _MY_DOMAIN
    for domain in _UI_DOMAINS:
        if host.endswith(domain):
            host = host.removesuffix(domain) + _MY_DOMAIN
    if scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"refused to talk to {host} over plain http",
            hint="write https://; plain http is for this machine only",
        )
    netloc = f"[{host}]" if ":" in host else host
    return f"{scheme}://{netloc}" + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    return host in _LOOPBACK_HOSTS


def _split_url(text: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL or bare host."""
    wrong = ConfigError(
        "that is not the address of a Salesforce org",
        hint="give its My Domain, e.g. https://acme.my.salesforce.com or just acme",
    )
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    scheme = parts.scheme or ("http" if is_loopback(host) else "https")
    has_userinfo = "@" in parts.netloc
    readable = re.fullmatch(r"[a-z0-9.-]+|::1", host)
    if scheme not in {"http", "https"} or has_userinfo or not readable:
        raise wrong
    return scheme, host, port


def login_host(url: str) -> str:
    """Return the URL of the login host that stands for an org's own."""
    host = urlsplit(url).hostname or ""
    kind = "test" if _TEST_HOSTS.fullmatch(host) else "login"
    return f"https://{kind}.salesforce.com"


def checked_text(what: str, value: Any) -> str:
    """Return *value*, which must be a text that is not empty.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(value, str) or not value:
        raise ConfigError(f"the {what} of the org is empty or not a text")
    return value
