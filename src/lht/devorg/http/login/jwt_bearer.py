"""Logins by an assertion that the caller has signed."""

from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec

from lht.devorg.http.login.logins import Credentials, RefusalError

# Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow": RS256 only, exp at most three
# minutes ahead, three minutes of difference between clocks are allowed.
ALGORITHM = "RS256"
LIFE = SKEW = timedelta(minutes=3)

# Source: the Salesforce CLI 2.146 tells exp in milliseconds, and orgs let it in.
_MILLISECONDS_FROM = 1e11


def audience(*, is_sandbox: bool) -> str:
    """Return the login host that an assertion is for, besides the org itself."""
    return f"https://{'test' if is_sandbox else 'login'}.salesforce.com"


def check_assertion(
    credentials: Credentials,
    assertion: str,
    *,
    now: datetime,
    audiences: set[str],
) -> tuple[str, str]:
    """Return the application and the username that an assertion names.

    Raises:
        RefusalError: It is not signed as it should be, for another audience, or not
            for this moment.
    """
    claims = _claims(assertion, key=None)
    issuer = claims.get("iss")
    client_id = credentials.check_client(issuer if isinstance(issuer, str) else None)
    if not any(_is_signed(assertion, key) for key in credentials.keys):
        raise _invalid()
    if str(claims.get("aud")).rstrip("/") not in audiences:
        raise RefusalError("invalid_grant", "Audience validation failed")
    _check_moment(claims.get("exp"), now.timestamp())
    return client_id, str(claims.get("prn") or claims.get("sub") or "")


def _check_moment(expires: Any, now: float) -> None:
    """See that an assertion is neither over nor good for too long."""
    try:
        moment = float(expires)
    except (TypeError, ValueError, OverflowError):
        raise _invalid() from None
    left = (moment / 1000 if moment > _MILLISECONDS_FROM else moment) - now
    if left < -SKEW.total_seconds():
        raise RefusalError("invalid_grant", "expired authorization code")
    if not left <= (LIFE + SKEW).total_seconds():
        raise _invalid()


def _is_signed(assertion: str, key: Any) -> bool:
    try:
        _claims(assertion, key=key)
    except RefusalError:
        return False
    return True


def _claims(assertion: str, *, key: Any) -> dict[str, Any]:
    """Return what an assertion says; with a key, only if it is signed with it."""
    try:
        if key is None:
            options = {"verify_signature": False}
            found = jwt.PyJWS().decode(assertion, options=options)  # type: ignore[arg-type]  # stub
        else:
            found = jwt.PyJWS().decode(assertion, key, algorithms=[ALGORITHM])
        return msgspec.json.decode(found, type=dict[str, Any])
    except (jwt.PyJWTError, msgspec.DecodeError, ValueError) as exc:
        raise _invalid() from exc


def _invalid() -> RefusalError:
    return RefusalError("invalid_grant", "invalid assertion")
