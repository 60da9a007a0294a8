"""Sessions, which end when nobody uses them, and the grants they come from."""

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lht.devorg.clock import Clock
from lht.devorg.http.login.codes import Codes
from lht.devorg.http.login.logins import Credentials, LoginSettings, RefusalError
from lht.devorg.http.wire import Session, bad_header, bad_session

# Source: Salesforce Help, "Manage OAuth Access Policies": five for each user and
# application, the oldest goes.
GRANTS_PER_USER = 5

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A user's consent that an application acts for them, whatever its token."""

    user_id: str
    client_id: str
    scope: str


@dataclass(kw_only=True)
class Login:
    """A session, and how it came about.

    ``client_id`` is None for a session that did not come from OAuth.
    """

    session: Session
    used_at: datetime
    client_id: str | None = None
    scope: str = "api"
    grant: Grant | None = None


@dataclass(kw_only=True)
class _Rate:
    """When one user logged in during the last hour."""

    logins: deque[datetime] = field(default_factory=deque)

    def count(self, now: datetime, limit: int) -> None:
        while self.logins and now - self.logins[0] > _HOUR:
            self.logins.popleft()
        if len(self.logins) >= limit:
            raise RefusalError("rate_limit_exceeded", "login rate exceeded")
        self.logins.append(now)


class Sessions:
    """All sessions of an org, and what opens them."""

    def __init__(
        self, clock: Clock, settings: LoginSettings, *, org_id: str, user_id: str
    ) -> None:
        """Start without sessions; *user_id* is who applications act for."""
        self.credentials = Credentials(settings)
        self.codes = Codes(clock)
        self.user_id = user_id
        self._clock = clock
        self._settings = settings
        self._org_id = org_id
        self._life = timedelta(seconds=settings.session_seconds)
        self._logins: dict[str, Login] = {}
        self._grants: dict[str, Grant] = {}
        self._rates: dict[str, _Rate] = {}
        self._lock = threading.Lock()

    def open(
        self,
        user_id: str | None = None,
        *,
        client_id: str | None = None,
        scope: str = "api",
        grant: Grant | None = None,
    ) -> Session:
        """Log a user in; without one, the user that applications act for.

        Raises:
            RefusalError: The user logs in too often.
        """
        now = self._clock.now()
        token = f"{self._org_id[:15]}!{secrets.token_urlsafe(72)}"
        session = Session(token=token, user_id=user_id or self.user_id, started_at=now)
        with self._lock:
            rate = self._rates.setdefault(session.user_id, _Rate())
            rate.count(now, self._settings.logins_per_hour)
            self._logins[token] = Login(
                session=session,
                used_at=now,
                client_id=client_id,
                scope=scope,
                grant=grant,
            )
        return session

    def use(self, authorization: str) -> Session:
        """Return the session of an Authorization header and let it live on.

        Raises:
            OrgError: INVALID_SESSION_ID, or INVALID_AUTH_HEADER where the header can
                have no session at all.
        """
        scheme, _, token = authorization.strip().partition(" ")
        if scheme and not (token and scheme.lower() in {"bearer", "oauth"}):
            raise bad_header()
        return self.use_token(token.strip())

    def use_token(self, token: str) -> Session:
        """Return the session of a token and let it live on.

        Raises:
            OrgError: INVALID_SESSION_ID.
        """
        login = self.login(token)
        if login is None:
            raise bad_session()
        login.used_at = self._clock.now()
        return login.session

    def login(self, token: str) -> Login | None:
        """Return the login of a token, unless its session has ended."""
        with self._lock:
            login = self._logins.get(token)
        if login is None or self._clock.now() > self.ends_at(login):
            return None
        return login

    def ends_at(self, login: Login) -> datetime:
        """Return when a session ends, if nobody uses it before."""
        return login.used_at + self._life

    def is_alive(self, token: str) -> bool:
        """Whether a session has not ended."""
        return self.login(token) is not None

    def end(self, token: str) -> None:
        """End one session."""
        with self._lock:
            self._logins.pop(token, None)

    def expire(self) -> None:
        """End all sessions; refresh tokens stay good."""
        with self._lock:
            self._logins.clear()

    def allow(self, grant: Grant) -> str:
        """Note a user's consent; return the refresh token that stands for it."""
        token = "5Aep" + secrets.token_urlsafe(60)
        with self._lock:
            self._grants[token] = grant
            same = [
                key
                for key, old in self._grants.items()
                if (old.user_id, old.client_id) == (grant.user_id, grant.client_id)
            ]
            for key in same[:-GRANTS_PER_USER]:
                del self._grants[key]
        return token

    def grant(self, refresh_token: str) -> Grant | None:
        """Return what a refresh token stands for, if it is good."""
        with self._lock:
            return self._grants.get(refresh_token)

    def has_consent(self, user_id: str, client_id: str) -> bool:
        """Whether a user ever allowed an application to act for them."""
        with self._lock:
            return any(
                (grant.user_id, grant.client_id) == (user_id, client_id)
                for grant in self._grants.values()
            )

    def rotate(self, refresh_token: str) -> str:
        """Put a new refresh token in place of one, and end what the old one opened."""
        grant = self.revoke(refresh_token)
        return self.allow(grant)

    def revoke(self, refresh_token: str) -> Grant:
        """End a refresh token and all sessions that came from it; return its grant."""
        with self._lock:
            grant = self._grants.pop(refresh_token)
            ended = [
                token for token, login in self._logins.items() if login.grant is grant
            ]
            for token in ended:
                del self._logins[token]
        return grant
