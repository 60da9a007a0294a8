"""How users and applications may enter an org, and with what."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from lht.devorg.http.wire import Answer

PLATFORM_CLI = "PlatformCLI"
"""The application of the Salesforce CLI, known to every org; it has no secret."""


@dataclass(frozen=True, kw_only=True)
class LoginSettings:
    """How users and applications may enter, where orgs differ.

    Attributes:
        client_id: Of the org's own application; else made up.
        client_secret: Of the same.
        password: Of every user; else made up.
        security_token: Of every user; else made up.
        certificates: PEM texts, certificates or public keys, with one of which the
            assertion of a JWT login must be signed.
        session_seconds: How long a session lives after its last use, by the clock.
        is_active: Whether anybody may log in at all.
        is_sandbox: Whether the org says that it is a sandbox, and JWT logins name
            ``test.salesforce.com`` as audience.
        is_trusted_network: Whether a password is enough, without security token.
        instance_url: What a login answers as the org's URL, if not where it was asked.
        callback_urls: Where a code may be sent to; empty for anywhere.
        consent: Whether a person is asked on a page, or consent is taken as given.
        approved: Which users an application may act for in a JWT login: all, those
            who gave it consent before, or none, as an administrator approved none.
        client_credentials: Whether the flow has a user to run as.
        password_flow: Whether a user may log in by password over OAuth.
        password_refusal: What a wrong password is answered with.
        soap_login: Whether a user may log in over SOAP.
        plain_fault_codes: Whether SOAP fault codes come without their prefix.
        refresh_rotation: Whether a refresh ends the session before, and the token.
        full_jwt_answer: Whether a JWT login answers the time and a signature too.
        logins_per_hour: Of one user.

    Raises:
        ValueError: A certificate is none.
    """

    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    security_token: str | None = field(default=None, repr=False)
    certificates: Sequence[str] = ()
    session_seconds: float = 7_200
    is_active: bool = True
    is_sandbox: bool = False
    is_trusted_network: bool = False
    instance_url: str | None = None
    callback_urls: Sequence[str] = ()
    consent: Literal["ask", "given"] = "ask"
    approved: Literal["all", "after consent", "none"] = "all"
    client_credentials: bool = True
    password_flow: bool = True
    password_refusal: str = "authentication failure"  # noqa: S105  a message
    soap_login: bool = True
    plain_fault_codes: bool = False
    refresh_rotation: bool = False
    full_jwt_answer: bool = False
    # Source: Salesforce Help, "Login rate limits": 3,600 an hour for each user.
    logins_per_hour: int = 3_600

    def __post_init__(self) -> None:
        for pem in self.certificates:
            read_public_key(pem)


class RefusalError(Exception):
    """A login that the org refuses, in OAuth's words."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description

    def answer(self) -> Answer:
        """Return what the caller is told."""
        told = {"error": self.error, "error_description": self.description}
        return Answer(400, told)


class Credentials:
    """What opens an org: its application's secret, its users' password, keys."""

    def __init__(self, settings: LoginSettings) -> None:
        """Take what *settings* name, and make up the rest."""
        self.client_id = settings.client_id or "3MVG9" + secrets.token_urlsafe(32)
        self.client_secret = settings.client_secret or secrets.token_hex(32).upper()
        self.password = settings.password or secrets.token_urlsafe(9)
        self.security_token = settings.security_token or secrets.token_urlsafe(18)
        self._settings = settings
        self._keys = [read_public_key(pem) for pem in settings.certificates]

    def register_certificate(self, pem: str) -> None:
        """Let assertions be signed with the key of a certificate, or a public key.

        Raises:
            ValueError: It is neither.
        """
        self._keys.append(read_public_key(pem))

    @property
    def keys(self) -> tuple[RSAPublicKey, ...]:
        """The keys with which an assertion may be signed."""
        return tuple(self._keys)

    def check_client(self, client_id: str | None) -> str:
        """Return the id of an application that the org knows.

        Raises:
            RefusalError: It does not know it.
        """
        if client_id not in {self.client_id, PLATFORM_CLI}:
            raise RefusalError("invalid_client_id", "client identifier invalid")
        return client_id

    def check_secret(self, client_id: str, secret: str | None) -> None:
        """See that an application's secret is its own.

        Raises:
            RefusalError: It is not.
        """
        if client_id != PLATFORM_CLI and not _same(secret, self.client_secret):
            raise RefusalError("invalid_client", "invalid client credentials")

    def opens(self, password: str) -> bool:
        """Whether a user may log in with this, a password and its security token."""
        if _same(password, self.password + self.security_token):
            return True
        return self._settings.is_trusted_network and self.lacks_token(password)

    def lacks_token(self, password: str) -> bool:
        """Whether this is the password without its security token."""
        return _same(password, self.password)


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())


def read_public_key(pem: str) -> RSAPublicKey:
    """Return the RSA key of a certificate, or a public key by itself.

    Raises:
        ValueError: It is neither.
    """
    data = pem.encode()
    key: Any
    try:
        if b"BEGIN CERTIFICATE" in data:
            key = x509.load_pem_x509_certificate(data).public_key()
        else:
            key = load_pem_public_key(data)
    except ValueError as exc:
        raise ValueError("not a PEM certificate or public key") from exc
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  a value of a wrong kind
    return key
