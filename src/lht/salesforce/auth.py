"""Who we are to Salesforce: tokens, and how they are renewed.

Here are what every login has in common, client credentials, and ready tokens;
:mod:`lht.salesforce.logins` has the other logins over OAuth and SOAP, and
:mod:`lht.salesforce.sf_cli` the logins of the Salesforce CLI.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol, final

import msgspec

from lht.exceptions import ConfigError, SalesforceAuthError
from lht.salesforce._org_url import checked_text, is_loopback, normalise_org_url
from lht.salesforce._tokens import TOKEN_PATH, Token, ask_token, checked_token

__all__ = [
    "TOKEN_PATH",
    "AccessInfo",
    "Auth",
    "ClientCredentials",
    "Login",
    "Token",
    "is_loopback",
    "normalise_org_url",
]


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


class Login(ABC):
    """Credentials that are good for one token after another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._token: Token | None = None

    @final
    def token(self) -> Token:
        """Return the current token, getting a first one if there is none."""
        with self._lock:
            if self._token is None:
                self._token = self._fetch()
            return self._token

    @final
    def renew(self, stale: Token) -> Token:
        """Return a token other than ``stale``, fetching one if nobody has."""
        with self._lock:
            if self._token is None or self._token == stale:
                self._token = self._fetch()
            return self._token

    @abstractmethod
    def _fetch(self) -> Token:
        """Log in and return the token; one thread at a time."""


class ClientCredentials(Login):
    """The OAuth client credentials flow of a connected or external client app.

    Args:
        url: The org's My Domain URL or subdomain.
        client_id: The app's consumer key.
        client_secret: The app's consumer secret.

    Source:
        help.salesforce.com, "OAuth 2.0 Client Credentials Flow", read 2026-11-21.
    """

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        super().__init__()
        self.url = normalise_org_url(url)
        self.client_id = checked_text("client id", client_id)
        self._client_secret = checked_text("client secret", client_secret)

    def __repr__(self) -> str:
        return f"ClientCredentials(url={self.url!r}, client_id=..., client_secret=...)"

    def _fetch(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self._client_secret,
        }
        return ask_token(self.url, lambda: form, what="the client credentials").token


class AccessInfo:
    """A ready token, as other tools hand it out: of OAuth, or a session id.

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
        self._token = checked_token(found.access_token, found.instance_url)

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


class _AccessInfo(msgspec.Struct, frozen=True):
    access_token: str
    instance_url: str
