"""Who we are to Salesforce: tokens, and how they are renewed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from lht.exceptions import ConfigError, SalesforceAuthError, SalesforceError
from lht.retry import retrying
from lht.salesforce import _errors, _wire

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105  a path, not a secret
_TIMEOUT_SECONDS = 30.0

_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}
_MY_DOMAIN = ".my.salesforce.com"
_UI_DOMAINS = (".lightning.force.com", ".my.salesforce-setup.com")
# Source: help.salesforce.com, "My Domain URL Formats", enhanced domains.
_SUBDOMAIN = re.compile(
    r"[a-z0-9-]+(\.(sandbox|develop|scratch|demo|patch|trailblaze|free|stage))?"
)

# OAuth answers that a setting causes, and where to change it.
_OAUTH_HINTS = (
    (
        "not supported on this domain",
        "client credentials work on the org's My Domain URL only",
    ),
    (
        "no client credentials user",
        "enable the Client Credentials Flow of the app and give it a Run As user",
    ),
    ("invalid client credentials", "check the client secret"),
    ("client identifier invalid", "check the client id, and that the org is right"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the org that it opens."""

    access_token: str = field(repr=False)
    instance_url: str
    org_id: str  # 18 characters; empty where the token does not tell


class Auth(Protocol):
    """Gives access tokens. Safe to share between threads."""

    def token(self) -> Token:
        """Return the current token, getting a first one if there is none."""

    def renew(self, stale: Token) -> Token:
        """Return a token other than ``stale``, which Salesforce has refused.

        However many threads call it with the same token, one renewal is made.

        Raises:
            SalesforceAuthError: There is no way to a new token.
        """


class ClientCredentials:
    """The OAuth client credentials flow of a connected or external client app.

    Args:
        url: The org's My Domain URL or subdomain.
        client_id: The app's consumer key.
        client_secret: The app's consumer secret.

    Source:
        help.salesforce.com, "OAuth 2.0 Client Credentials Flow", read 2026-11-21.
    """

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self.url = normalise_org_url(url)
        self.client_id = _checked_text("client id", client_id)
        self._client_secret = _checked_text("client secret", client_secret)
        self._lock = Lock()
        self._token: Token | None = None

    def __repr__(self) -> str:
        return f"ClientCredentials(url={self.url!r}, client_id=..., client_secret=...)"

    def token(self) -> Token:
        """Return the current token, getting a first one if there is none."""
        with self._lock:
            if self._token is None:
                self._token = self._fetch()
            return self._token

    def renew(self, stale: Token) -> Token:
        """Return a token other than ``stale``, fetching one if nobody has."""
        with self._lock:
            if self._token is None or self._token == stale:
                self._token = self._fetch()
            return self._token

    def _fetch(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self._client_secret,
        }
        with _wire.open_http(
            timeout_seconds=_TIMEOUT_SECONDS, max_connections=1
        ) as http:
            request = http.build_request("POST", self.url + TOKEN_PATH, data=form)
            return retrying(
                lambda: _read_token(_wire.send(http, request)),
                when=_errors.is_transient,
            )


class AccessInfo:
    """A ready token, as other tools hand it out.

    Args:
        mapping: Has ``access_token`` and ``instance_url``.
    """

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        try:
            found = msgspec.convert(dict(mapping), _AccessInfo)
        except msgspec.ValidationError as exc:
            raise ConfigError(
                "access_info is not what it should be",
                why=str(exc),
                hint="it needs the texts access_token and instance_url",
            ) from None
        self._token = _checked_token(found.access_token, found.instance_url)

    def __repr__(self) -> str:
        return f"AccessInfo(instance_url={self._token.instance_url!r})"

    def token(self) -> Token:
        """Return the token that was given."""
        return self._token

    def renew(self, stale: Token) -> Token:
        """Raise: a ready token cannot be renewed."""
        raise SalesforceAuthError(
            f"{stale.instance_url} refused the access token that was given",
            hint="log in again and pass the new token, or use client credentials, "
            "which lht renews by itself",
        )


def normalise_org_url(text: str) -> str:
    """Return the https origin of the org that ``text`` names.

    Takes a URL (also that of the Lightning pages), a host, or a My Domain
    subdomain such as ``acme`` or ``acme--uat.sandbox``. Plain ``http`` stays for
    hosts on this machine.

    Raises:
        ConfigError: It names no org, or would send secrets over plain http.
    """
    text = _checked_text("address", text).strip().lower()
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


class _AccessInfo(msgspec.Struct, frozen=True):
    access_token: str
    instance_url: str


class _TokenAnswer(_AccessInfo, frozen=True):
    id: str = ""  # https://login.salesforce.com/id/<org id>/<user id>


def _read_token(answer: _wire.Answer) -> Token:
    """Return the token of an OAuth answer, or raise what it means."""
    if not answer.is_success:
        raise _oauth_error(answer)
    try:
        found = msgspec.json.decode(answer.body(), type=_TokenAnswer)
    except msgspec.DecodeError:
        raise SalesforceAuthError(
            "the token endpoint answered with something that is not a token",
            status=answer.status,
            hint="check the org's URL",
        ) from None
    return _checked_token(found.access_token, found.instance_url, found.id)


def _oauth_error(answer: _wire.Answer) -> SalesforceError:
    error = _errors.to_error(answer, "to give an access token")
    if error.transient:
        return error
    why = error.why or ""
    hints = (hint for words, hint in _OAUTH_HINTS if words in why)
    return SalesforceAuthError(
        "Salesforce refused the client credentials",
        status=error.status,
        error_code=error.error_code,
        why=why or None,
        hint=next(hints, error.hint),
    )


def _checked_text(what: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"the {what} of the org is empty or not a text")
    return value


def _checked_token(access_token: str, instance_url: str, identity: str = "") -> Token:
    access_token = access_token.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", access_token):
        raise ConfigError("the access token is empty or not one line of plain ASCII")
    return Token(
        access_token=access_token,
        instance_url=normalise_org_url(instance_url),
        org_id=_org_id(access_token, identity),
    )


def _org_id(access_token: str, identity: str) -> str:
    """Return the 18-character org id that a token or identity URL carries."""
    named = re.search(r"/id/(00D[0-9A-Za-z]{12,15})/", identity)
    short = named.group(1) if named else access_token.partition("!")[0]
    if not re.fullmatch(r"00D[0-9A-Za-z]{12}([0-9A-Za-z]{3})?", short):
        return ""
    return short[:15] + _checksum(short[:15])


def _checksum(id15: str) -> str:
    """Return the three characters that tell upper from lower case in an id."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    fives = (id15[0:5], id15[5:10], id15[10:15])
    return "".join(
        alphabet[sum(c.isupper() << bit for bit, c in enumerate(five))]
        for five in fives
    )
