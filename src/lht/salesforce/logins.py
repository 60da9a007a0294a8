"""Logins over OAuth and SOAP, besides client credentials."""

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lht.exceptions import ConfigError, SalesforceAuthError
from lht.salesforce import _errors, _soap_login, _wire
from lht.salesforce._org_url import checked_text, login_host, normalise_org_url
from lht.salesforce._tokens import Token, ask_token
from lht.salesforce.auth import Login

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_SECONDS = 180
_WRONG_CLOCK_SECONDS = 60


class JwtBearer(Login):
    """The OAuth JWT bearer flow: what is signed with a private key needs no secret.

    A wrong clock of this machine does no harm: Salesforce's own time is taken then.

    Args:
        url: The org's My Domain URL or subdomain, or a login host.
        client_id: The app's consumer key.
        username: Whom the app acts for; its policies must admit the user.
        private_key: Text in PEM form, or the path of a file with it. The app has the
            certificate.
        passphrase: What the key is encrypted with, if it is.
        audience: Whom the assertion is for, if not the login host that stands for
            *url*: an Experience Cloud site, for instance.

    Raises:
        ConfigError: The key cannot be read, or is not an RSA key.

    Source:
        help.salesforce.com, "OAuth 2.0 JWT Bearer Flow", read 2026-11-21.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        username: str,
        private_key: str | PathLike[str],
        *,
        passphrase: str | None = None,
        audience: str | None = None,
    ) -> None:
        super().__init__()
        self.url = normalise_org_url(url)
        self.client_id = checked_text("client id", client_id)
        self.username = checked_text("username", username)
        self.audience = audience or login_host(self.url)
        self._key = _read_key(private_key, passphrase)
        self._ahead = 0.0  # seconds by which Salesforce's clock is before ours

    def __repr__(self) -> str:
        user = f"username={self.username!r}"
        return f"JwtBearer(url={self.url!r}, {user}, client_id=..., private_key=...)"

    def _fetch(self) -> Token:
        ahead = self._ahead
        try:
            return self._ask()
        except SalesforceAuthError:
            if abs(self._ahead - ahead) < _WRONG_CLOCK_SECONDS:
                raise
        return self._ask()

    def _ask(self) -> Token:
        issued = ask_token(self.url, self._form, what="the signed JWT", see=self._see)
        return issued.token

    def _form(self) -> dict[str, str]:
        import jwt

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(time.time() + self._ahead) + _ASSERTION_SECONDS,
        }
        assertion = jwt.encode(claims, self._key, algorithm="RS256")
        return {"grant_type": _JWT_BEARER, "assertion": assertion}

    def _see(self, answer: _wire.Answer) -> None:
        """Note how far Salesforce's clock is from ours."""
        theirs = _errors.http_date(answer.headers.get("date", ""))
        if theirs:
            self._ahead = theirs.timestamp() - time.time()


class RefreshToken(Login):
    """A refresh token, as a login in a browser leaves it behind.

    Args:
        url: The org's My Domain URL or subdomain, or a login host.
        client_id: Of the app that the refresh token was given to.
        refresh_token: That token.
        client_secret: Of the same app, unless it has none.
        on_rotation: Is told of each new refresh token, where the app replaces them;
            the one before is good no more.

    Source:
        help.salesforce.com, "OAuth 2.0 Refresh Token Flow", read 2026-11-21.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        refresh_token: str,
        *,
        client_secret: str | None = None,
        on_rotation: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.url = normalise_org_url(url)
        self.client_id = checked_text("client id", client_id)
        self._refresh_token = checked_text("refresh token", refresh_token)
        self._client_secret = client_secret
        self._on_rotation = on_rotation

    def __repr__(self) -> str:
        return f"RefreshToken(url={self.url!r}, client_id=..., refresh_token=...)"

    def _fetch(self) -> Token:
        issued = ask_token(self.url, self._form, what="the refresh token")
        if issued.refresh_token not in {"", self._refresh_token}:
            self._refresh_token = issued.refresh_token
            if self._on_rotation:
                self._on_rotation(issued.refresh_token)
        return issued.token

    def _form(self) -> dict[str, str]:
        secret = self._client_secret
        return {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": self._refresh_token,
            **({"client_secret": secret} if secret else {}),
        }


class UsernamePassword(Login):
    """A user's own name and password; newer orgs let nobody in this way.

    With an app's client id it is OAuth's password flow, without one a SOAP login.

    Args:
        url: The org's My Domain URL or subdomain, or a login host.
        username: Of the user.
        password: Of the user.
        security_token: Of the user, where the network is not a trusted one.
        client_id: The app's consumer key, if there is an app.
        client_secret: The app's consumer secret.

    Source:
        help.salesforce.com, "OAuth 2.0 Username-Password Flow"; SOAP API Developer
        Guide, "login()"; read 2026-11-21.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        security_token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> None:
        super().__init__()
        self.url = normalise_org_url(url)
        self.username = checked_text("username", username)
        self._password = checked_text("password", password) + (security_token or "")
        self.client_id = client_id
        self._client_secret = client_secret

    def __repr__(self) -> str:
        user = f"username={self.username!r}"
        return f"UsernamePassword(url={self.url!r}, {user}, password=...)"

    def _fetch(self) -> Token:
        what = "the username and password"
        if self.client_id is None:
            return _soap_login.log_in(self.url, self.username, self._password, what)
        form = {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self._client_secret or "",
            "username": self.username,
            "password": self._password,
        }
        return ask_token(self.url, lambda: form, what=what).token


def _read_key(
    given: str | PathLike[str], passphrase: str | None = None
) -> "RSAPrivateKey":
    """Return the private key of a PEM text, or of a file."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem, name = _pem(given)
    password = passphrase.encode() if passphrase else None
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(
            f"{name} cannot be read",
            why=str(exc).partition(".")[0],
            hint=_key_hint(pem, passphrase),
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(
            f"{name} is not an RSA key",
            hint="Salesforce takes RS256 only: openssl genrsa -out lht.key 2048",
        )
    return key


def _pem(given: str | PathLike[str]) -> tuple[bytes, str]:
    """Return the bytes of a key, and what to call it."""
    if isinstance(given, str):
        return given.encode(), "the private key"
    path = Path(given).expanduser()
    try:
        return path.read_bytes(), f"the private key {path}"
    except OSError as exc:
        raise ConfigError(
            f"the private key {path} cannot be read", why=exc.strerror
        ) from exc


def _key_hint(pem: bytes, passphrase: str | None) -> str:
    if b"PRIVATE KEY" not in pem:
        return "it has to be a PEM text that begins with -----BEGIN PRIVATE KEY-----"
    if b"ENCRYPTED" in pem:
        wrong = "is another" if passphrase else "is needed"
        return f"the key is encrypted: its passphrase {wrong}"
    return "leave the passphrase out" if passphrase else "it is damaged, or cut short"
