"""Codes that are good once and for a short while."""

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from lht.devorg.clock import Clock

# Source: Salesforce Help, "OAuth 2.0 Web Server Flow": a code is good for 15 minutes;
# "OAuth 2.0 Device Flow": so is a device's; it may be asked for every 5 seconds.
LIFE = timedelta(minutes=15)
INTERVAL_SECONDS = 5

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What a user has allowed, until the application fetches it."""

    user_id: str
    client_id: str
    scope: str
    redirect_uri: str
    challenge: str = ""
    expires_at: datetime


class Decision(Enum):
    """What a user has said to a device."""

    NONE = "none"
    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(kw_only=True)
class Device:
    """A device that waits for a user to let it in."""

    user_code: str
    client_id: str
    scope: str
    expires_at: datetime
    decision: Decision = Decision.NONE
    user_id: str = ""
    asked_at: datetime | None = None


class Codes:
    """The codes that are good now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._permissions: dict[str, Permission] = {}
        self._devices: dict[str, Device] = {}
        self._lock = threading.Lock()

    def permit(
        self,
        *,
        user_id: str,
        client_id: str,
        scope: str,
        redirect_uri: str,
        challenge: str,
    ) -> str:
        """Return the code of a new permission."""
        code = "aPrx" + secrets.token_urlsafe(48)
        permission = Permission(
            user_id=user_id,
            client_id=client_id,
            scope=scope,
            redirect_uri=redirect_uri,
            challenge=challenge,
            expires_at=self._clock.now() + LIFE,
        )
        with self._lock:
            self._permissions[code] = permission
        return code

    def take(self, code: str) -> Permission | None:
        """Return the permission of a code, which is good no more."""
        with self._lock:
            return self._permissions.pop(code, None)

    def wait(self, client_id: str, scope: str) -> tuple[str, Device]:
        """Let a device wait for a user; return its own code with it."""
        device = Device(
            user_code="".join(secrets.choice(_LETTERS) for _ in range(8)),
            client_id=client_id,
            scope=scope,
            expires_at=self._clock.now() + LIFE,
        )
        code = secrets.token_urlsafe(48)
        with self._lock:
            self._devices[code] = device
        return code, device

    def device(self, code: str) -> Device | None:
        """Return the device of its own code."""
        with self._lock:
            return self._devices.get(code)

    def device_of_user(self, user_code: str) -> Device | None:
        """Return the waiting device whose code a user has typed."""
        wanted = user_code.strip().upper()
        with self._lock:
            return next(
                (
                    device
                    for device in self._devices.values()
                    if device.user_code == wanted
                    and device.decision is Decision.NONE
                    and device.expires_at > self._clock.now()
                ),
                None,
            )

    def forget_device(self, code: str) -> None:
        """Let a device's code be good no more."""
        with self._lock:
            self._devices.pop(code, None)
