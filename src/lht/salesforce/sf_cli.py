"""An org that the Salesforce CLI is logged in to."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec

from lht.exceptions import ConfigError, SalesforceAuthError
from lht.salesforce._org_url import checked_text
from lht.salesforce._tokens import Token, checked_token
from lht.salesforce.auth import Login

_TIMEOUT_SECONDS = 180.0  # it starts slowly, and may renew the session on the way
_QUIET = {
    "FORCE_COLOR": "0",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
}
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@+-]*")
# A masked or encrypted token is of another form.
_REAL_TOKEN = re.compile(r"00D\w{12}(\w{3})?!\S+", re.ASCII)
_UNKNOWN_COMMAND = ("is not a sf command", "CommandNotFound", "command_not_found")
_NO_LOGIN = ("NamedOrgNotFound", "NoAuthInfoFound", "AuthInfoCreationError", "NoOrg")
_OVER = (
    "RefreshTokenAuthError",
    "expired access/refresh token",
    "Unable to refresh session",
)


class SalesforceCli(Login):
    """A login of the Salesforce CLI, ``sf`` (or ``sfdx``, its older name).

    The CLI keeps the credentials and renews the session; only the access token is
    taken from it.

    Args:
        org: The alias or the username, as for ``sf --target-org``.

    Raises:
        ConfigError: *org* can be neither.

    Source:
        Salesforce CLI Command Reference, "org display" and "org auth
        show-access-token", read 2026-11-21.
    """

    def __init__(self, org: str) -> None:
        super().__init__()
        self.org = checked_text("alias", org)
        if not _NAME.fullmatch(org):  # it becomes an argument of a command
            raise ConfigError(
                f"{org!r} is neither alias nor username of a Salesforce CLI login",
                hint="sf org list shows those there are",
            )

    def __repr__(self) -> str:
        return f"SalesforceCli({self.org!r})"

    def _fetch(self) -> Token:
        before = self._token
        sf = _executable()
        shown = self._run(sf, "org", "display")
        status = " ".join(str(shown.get("connectedStatus") or "").split())
        if any(words in status for words in _OVER):
            raise self._over(status)
        token = str(shown.get("accessToken") or "")
        if not _REAL_TOKEN.fullmatch(token):
            token = self._show_token(sf)
        found = checked_token(token, str(shown.get("instanceUrl") or ""))
        if before and found.access_token == before.access_token:
            raise self._over("it gave the same access token again")
        return found

    def _show_token(self, sf: str) -> str:
        """Return the token that newer versions of the CLI mask elsewhere."""
        told = self._run(sf, "org", "auth", "show-access-token")
        token = str(told.get("accessToken") or "")
        if not _REAL_TOKEN.fullmatch(token):
            raise ConfigError(
                "the Salesforce CLI gives no access token for this org",
                hint="update it: sf update",
            )
        return token

    def _run(self, sf: str, *words: str) -> dict[str, Any]:
        """Run a command of the CLI and return its result."""
        command = [sf, *words, "--target-org", self.org, "--json"]
        if sf.rpartition(os.sep)[2].startswith("sfdx"):
            command = [sf, f"force:{':'.join(words)}", "-u", self.org, "--json"]
        try:
            done = subprocess.run(  # noqa: S603  the CLI, with a checked name
                command,
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT_SECONDS,
                env={**os.environ, **_QUIET},
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise ConfigError(
                "the Salesforce CLI did not answer",
                why=type(exc).__name__,
                hint=f"see whether it works: sf org display -o {self.org}",
            ) from None  # a cause may hold what it printed
        told = _document(done.stdout) or _document(done.stderr)
        if told is None:
            raise self._unreadable(done)
        if told.get("status"):
            raise self._refused(words, told)
        result = told.get("result")
        return result if isinstance(result, dict) else {}

    def _unreadable(self, done: "subprocess.CompletedProcess[bytes]") -> ConfigError:
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        if any(words in text for words in _UNKNOWN_COMMAND):
            return _too_old()
        return ConfigError(
            f"the Salesforce CLI ended with code {done.returncode} and no answer",
            hint=f"see whether it works: sf org display -o {self.org}",
        )

    def _refused(
        self, words: Sequence[str], told: dict[str, Any]
    ) -> ConfigError | SalesforceAuthError:
        name, text = str(told.get("name") or ""), str(told.get("message") or "")
        text = " ".join(text.split())
        both = f"{name} {text}"
        if any(word in both for word in _UNKNOWN_COMMAND):
            return _too_old()
        if any(word in both for word in _OVER):
            return self._over(text)
        if any(word in name for word in _NO_LOGIN):
            return ConfigError(
                f"the Salesforce CLI is not logged in to {self.org}",
                hint=f"sf org login web --alias {self.org}; sf org list shows the"
                " logins there are",
            )
        return SalesforceAuthError(
            f"the Salesforce CLI failed: sf {' '.join(words)}",
            error_code=name or None,
            why=text or None,
            hint=f"see whether it works: sf org display -o {self.org}",
        )

    def _over(self, why: str) -> SalesforceAuthError:
        return SalesforceAuthError(
            f"the Salesforce CLI's login to {self.org} is over",
            why=why,
            hint=f"log in again: sf org login web --alias {self.org}",
        )


def _executable() -> str:
    """Return where the CLI is installed."""
    found = shutil.which("sf") or shutil.which("sfdx")
    if found is None:
        raise ConfigError(
            "the Salesforce CLI (sf) is not installed, or not on the PATH",
            hint="install it from https://developer.salesforce.com/tools/salesforcecli,"
            " or give a client id and secret instead",
        )
    return found


def _too_old() -> ConfigError:
    return ConfigError(
        "this version of the Salesforce CLI does not know what lht needs",
        hint="update it: sf update",
    )


def _document(output: bytes) -> dict[str, Any] | None:
    """Return the JSON object in what a command printed; warnings may precede it."""
    for found in re.finditer(rb"^\s*\{", output, re.MULTILINE):
        try:
            return msgspec.json.decode(output[found.start() :], type=dict[str, Any])
        except msgspec.DecodeError:
            continue
    return None
