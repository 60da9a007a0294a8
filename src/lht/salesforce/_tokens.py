"""Access tokens: how the token endpoint is asked, and what it answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx2
import msgspec

from lht.exceptions import (
    ConfigError,
    SalesforceAuthError,
    SalesforceError,
    SalesforceLimitError,
)
from lht.retry import retrying
from lht.salesforce import _errors, _wire
from lht.salesforce._org_url import normalise_org_url

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105  a path, not a secret
_TIMEOUT_SECONDS = 30.0
_TOO_OFTEN = "rate_limit_exceeded"

# OAuth answers that a setting causes, and where to change it.
_HINTS = {
    "not supported on this domain": "client credentials work on the org's My Domain URL"
    " only",
    "no client credentials user": "enable the Client Credentials Flow of the app and"
    " give it a Run As user",
    "invalid client credentials": "check the client secret",
    "client identifier invalid": "check the client id, and that the org is right",
    "hasn't approved this consumer": "let the app's policies admit the user: permitted"
    " users pre-authorized, and a profile or permission set of the user; check the"
    " username too",
    "not admin approved": "add a profile or permission set of the user to the app's"
    " policies",
    "invalid assertion": "the app's certificate must be that of the private key",
    "udience": "name the org by its own URL: a sandbox has another than production",
    "expired authorization code": "check this machine's clock",
    "expired access/refresh token": "log in again for a new refresh token: this one was"
    " revoked, replaced by a newer one, or not used for too long",
    "authentication failure": "check username, password and security token; newer orgs"
    " block this way in: use client credentials or a JWT",
    "inactive user": "activate the user, or name another",
}


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the org that it opens."""

    access_token: str = field(repr=False)
    instance_url: str
    org_id: str  # 18 characters; empty where the token does not tell


@dataclass(frozen=True, slots=True)
class Issued:
    """What a login brought: a token, and a new refresh token if there was one."""

    token: Token
    refresh_token: str = field(default="", repr=False)


class _TokenAnswer(msgspec.Struct, frozen=True):
    access_token: str
    instance_url: str
    id: str = ""  # https://login.salesforce.com/id/<org id>/<user id>
    refresh_token: str = ""


def ask_token(
    url: str,
    form: Callable[[], Mapping[str, str]],
    *,
    what: str,
    see: Callable[[_wire.Answer], None] = lambda _: None,
) -> Issued:
    """Ask an org's token endpoint for an access token.

    Args:
        url: The org's origin, or a login host's.
        form: Makes what is sent, anew for each attempt.
        what: The credentials in words, for an error.
        see: Is shown every answer before it is read.

    Raises:
        SalesforceAuthError: The credentials are refused.
        SalesforceUnavailableError: There is no answer for now.
    """

    def attempt() -> Issued:
        request = http.build_request("POST", url + TOKEN_PATH, data=dict(form()))
        answer = _wire.send(http, request)
        see(answer)
        return _read_token(answer, what)

    with open_logins() as http:
        return retrying(attempt, when=may_repeat)


def may_repeat(error: Exception) -> bool:
    """Whether a login may succeed a moment later: not where nothing listens."""
    return _errors.is_transient(error) and not _wire.is_nobody_here(error)


def open_logins() -> httpx2.Client:
    """Return the connection on which one login is made."""
    return _wire.open_http(timeout_seconds=_TIMEOUT_SECONDS, max_connections=1)


def _read_token(answer: _wire.Answer, what: str) -> Issued:
    """Return the token of an OAuth answer, or raise what it means."""
    if not answer.is_success:
        raise _oauth_error(answer, what)
    try:
        found = msgspec.json.decode(answer.body(), type=_TokenAnswer)
    except msgspec.DecodeError:
        raise SalesforceAuthError(
            "the token endpoint answered with something that is not a token",
            status=answer.status,
            hint="check the org's URL",
        ) from None
    token = checked_token(found.access_token, found.instance_url, found.id)
    return Issued(token, found.refresh_token)


def _oauth_error(answer: _wire.Answer, what: str) -> SalesforceError:
    error = _errors.to_error(answer, "to give an access token")
    if error.transient:
        return error
    why = error.why or ""
    hints = (hint for words, hint in _HINTS.items() if words in why)
    is_limit = isinstance(error, SalesforceLimitError)
    is_limit = is_limit or error.error_code == _TOO_OFTEN
    return (SalesforceLimitError if is_limit else SalesforceAuthError)(
        f"Salesforce refused {what}",
        status=error.status,
        error_code=error.error_code,
        why=why or None,
        hint=next(hints, error.hint),
    )


def checked_token(access_token: str, instance_url: str, identity: str = "") -> Token:
    """Return a token that may be sent to its org.

    Raises:
        ConfigError: It is no token, or would cross a network in the clear.
    """
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
