"""Logins by client credentials, and sessions that end when nobody uses them."""

import base64
import hashlib
import hmac
import secrets
import threading
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from lht.devorg.clock import Clock
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Session, bad_session, basic_credentials

# Source: the table of salesforce flow errors in Salesforce Help, "OAuth 2.0 Errors".
_REFUSALS = {
    "no_grant": ("invalid_request", "missing required parameter: grant_type"),
    "grant": ("unsupported_grant_type", "grant type not supported"),
    "client_id": ("invalid_client_id", "client identifier invalid"),
    "secret": ("invalid_client", "invalid client credentials"),
}


class Sessions:
    """All sessions of an org, and the one application that may log in."""

    def __init__(
        self,
        clock: Clock,
        *,
        org_id: str,
        user_id: str,
        ttl: float,
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> None:
        """Start without sessions; each lives *ttl* seconds after its last use."""
        self.client_id = client_id or "3MVG9" + secrets.token_urlsafe(32)
        self.client_secret = client_secret or secrets.token_hex(32).upper()
        self._clock = clock
        self._org_id = org_id
        self._user_id = user_id
        self._ttl = timedelta(seconds=ttl)
        self._used_at: dict[str, datetime] = {}
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self) -> Session:
        """Log in."""
        now = self._clock.now()
        token = f"{self._org_id[:15]}!{secrets.token_urlsafe(72)}"
        session = Session(token=token, user_id=self._user_id, started_at=now)
        with self._lock:
            self._sessions[token] = session
            self._used_at[token] = now
        return session

    def use(self, authorization: str) -> Session:
        """Return the session of an Authorization header and let it live on.

        Raises:
            OrgError: INVALID_SESSION_ID.
        """
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() not in {"bearer", "oauth"} or not self.is_alive(token):
            raise bad_session()
        with self._lock:
            self._used_at[token] = self._clock.now()
            return self._sessions[token]

    def is_alive(self, token: str) -> bool:
        """Whether a session has not ended."""
        with self._lock:
            used_at = self._used_at.get(token)
        return used_at is not None and self._clock.now() - used_at <= self._ttl

    def expire(self) -> None:
        """End all sessions."""
        with self._lock:
            self._used_at.clear()


def grant_token(service: Service, call: Call) -> Answer:
    """Answer ``POST /services/oauth2/token``."""
    form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
    basic = basic_credentials(call.headers.get("authorization", ""))
    client_id, secret = basic or (form.get("client_id"), form.get("client_secret"))
    grant = form.get("grant_type")
    if not grant:
        return _refused("no_grant")
    if grant != "client_credentials":
        return _refused("grant")
    if client_id != service.sessions.client_id:
        return _refused("client_id")
    expected = service.sessions.client_secret.encode()
    if not hmac.compare_digest((secret or "").encode(), expected):
        return _refused("secret")
    return Answer(body=_token(service, call, service.sessions.open()))


def _refused(reason: str) -> Answer:
    error, description = _REFUSALS[reason]
    return Answer(400, {"error": error, "error_description": description})


def _token(service: Service, call: Call, session: Session) -> dict[str, str]:
    identity = f"{call.origin}/id/{service.store.org_id}/{session.user_id}"
    issued_at = str(int(session.started_at.timestamp() * 1000))
    secret = service.sessions.client_secret.encode()
    signed = hmac.new(secret, (identity + issued_at).encode(), hashlib.sha256)
    return {
        "access_token": session.token,
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": "api",
        "instance_url": call.origin,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


ROUTES = (("POST", "/services/oauth2/token", grant_token),)
