"""Sessions, which end when nobody uses them."""

import secrets
import threading
from datetime import datetime, timedelta

from lht.devorg.clock import Clock
from lht.devorg.http.wire import Session, bad_session


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
