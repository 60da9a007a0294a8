"""What goes wrong with Snowflake, as errors of ours.

Drivers differ by where they run: the connector, Snowpark, and what stands for both
inside a stored procedure. So errors are told apart by the names of their classes and
by Snowflake's codes; no driver is imported here.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lht.exceptions import (
    ConfigError,
    LHTError,
    WarehouseError,
    WarehouseUnavailableError,
)

AGAIN: Final = "run it again; if it happens again, please report it"
_ROOTS: Final = (
    ("snowflake.connector.errors", "Error"),
    ("snowflake.connector.network", "ReauthenticationRequest"),
    # An answer that ends too early reaches us as what the connector has bundled.
    ("snowflake.connector.vendored.requests.exceptions", "RequestException"),
    ("snowflake.connector.vendored.urllib3.exceptions", "HTTPError"),
    ("snowflake.snowpark.exceptions", "SnowparkClientException"),
)
# Codes of the connector itself begin with 25 (a cursor, a transfer) and 29 (HTTP),
# those of logins and tokens with 39.
# Source: snowflake-connector-python 4.8.1, errorcode.py and network.py.
_CLOSED: Final = 250002
_OF_TOKENS: Final = range(390000, 400000)
_GONE_CODES: Final = (
    *(range(250000, 251000), range(290000, 291000), _OF_TOKENS),
    (251011, 251012, 252006, 252007, 252010, 252013, 253002, 253003),
)
_GONE_CLASSES: Final = frozenset(
    {
        "BadGatewayError",
        "GatewayTimeoutError",
        "HTTPError",
        "InternalServerError",
        "OperationalError",
        "OtherHTTPRetryableError",
        "PresignedUrlExpiredError",
        "ReauthenticationRequest",
        "RefreshTokenError",
        "RequestExceedMaxRetryError",
        "RequestException",
        "RequestTimeoutError",
        "ServiceUnavailableError",
        "TokenExpiredError",
        "TooManyRequests",
    }
)
_SESSION_ENDED: Final = frozenset({"1404", "1408"})  # Snowpark's own codes
_LOCKED: Final = re.compile("has locked|waiters for this lock|deadlock", re.IGNORECASE)
_LOCK_TIMEOUT: Final = 625
_OF_VALUES: Final = range(100000, 101000)  # texts of these quote what is in the rows
_VALUE_STATES: Final = ("22", "23")  # data exception, constraint violation
_VALUE_CLASSES: Final = frozenset({"DataError", "IntegrityError"})
# A statement that does not run where it was sent: in a procedure no PUT, and with its
# owner's rights nothing temporary. "Unsupported statement type 'temporary TABLE'".
# Source: https://github.com/Snowflake-Labs/semantic-model-generator/issues/226; docs
# .snowflake.com, developer-guide/stored-procedure/python/procedure-python-limitations.
_NOT_HERE: Final = 90236
_NOT_HERE_WORDS: Final = "Unsupported statement type"
# "GET and PUT commands are not supported with external stage": one of several causes.
# Source: https://github.com/snowflakedb/gosnowflake/issues/920, read 2026-11-21.
_OF_A_STAGE: Final = 91003  # its state is that of values, its text quotes none
_EXTERNAL_WORDS: Final = "not supported with external stage"
_NOT_ALLOWED: Final = frozenset({2003, 2043, 3001})
_NO_PRIVILEGE: Final = "42501"
_HINTS: Final = {
    606: "name a virtual warehouse in the connection, or with ?warehouse=NAME",
    604: "see who cancelled it, and STATEMENT_TIMEOUT_IN_SECONDS",
    630: "raise STATEMENT_TIMEOUT_IN_SECONDS, or take a larger virtual warehouse",
}
_GRANTS: Final = (
    "see that it exists and that the role may use it; lht snowflake setup-sql prints"
    " the grants"
)
_HISTORY: Final = "look it up in Snowflake's query history, by its query id"
_ACCOUNT_UNKNOWN: Final = frozenset({290403, 290404})
# Older connectors say this also of a login that Snowflake has refused, and keep its own
# code to themselves; the class of the error then is not that of an outage.
# Source: snowflake-connector-python 4.0.0, 4.7.1 and 4.7.5, auth/_auth.py.
_NOT_CONNECTED: Final = 250001
_HOW: Final = (
    "say who enters, and how: USER@ and authenticator=externalbrowser, or"
    " snowflake_jwt with private_key_file=, or programmatic_access_token with"
    " token_file_path="
)
_LOGIN_HINTS: Final = {
    251005: _HOW,
    251006: _HOW,
    390100: "check user and credentials; with a key pair no password is needed",
    390144: "check account and user, and that the user has this key's public half"
    " (RSA_PUBLIC_KEY)",
    390186: "name a role that the user has",
    390189: "name a role that the user has",
    390195: "log in again: the token is not valid any more",
    390303: "make a new token: this one is not valid any more",
    390318: "make a new token: this one is not valid any more",
    390422: "have the network policy of the account allow this address",
}
_LOGIN_HINT: Final = "check account, user, role and authenticator of the connection"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What an error of a driver says, wherever that driver keeps it."""

    code: int | None
    state: str
    text: str
    query_id: str | None
    classes: frozenset[str]
    snowpark_code: str | None

    @property
    def told_code(self) -> str:
        return "" if self.code is None else f" ({self.code:06d})"


@contextlib.contextmanager
def translated(statement: str | None = None) -> Iterator[None]:
    """Turn what a driver raises in the block into an error of ours.

    Raises:
        WarehouseUnavailableError: Snowflake cannot be reached, the session has ended,
            or another transaction holds a table.
        WarehouseError: Snowflake refused the statement. Texts that quote values of
            rows are left out.
    """
    try:
        yield
    except driver_errors() as error:
        facts = _facts(error)
        quoting = _quotes_values(facts)  # a traceback would show it
        raise _translation(facts, statement) from (None if quoting else error)


@contextlib.contextmanager
def translated_login(place: str) -> Iterator[None]:
    """Turn what goes wrong with opening *place* in the block into an error of ours.

    Raises:
        WarehouseUnavailableError: It cannot be reached now.
        ConfigError: The credentials, or what is set, are not right.
    """
    try:
        yield
    except driver_errors() as error:
        raise _refused_login(_facts(error), place) from error
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{place} cannot be opened",
            why=f"{type(error).__name__}: {error}",
            hint="check the files and options that the connection names",
        ) from error


def driver_errors() -> tuple[type[Exception], ...]:
    """Return the roots of all errors that the loaded drivers raise."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _ROOTS)
    return tuple(root for root in found if root)


def code_of(error: BaseException | None) -> int | None:
    """Return Snowflake's code of an error, or of the one that caused it."""
    while error is not None:
        if isinstance(error, driver_errors()):
            code = _facts(error).code
            if code is not None:
                return code
        error = error.__cause__
    return None


def runs_elsewhere(error: WarehouseError) -> bool:
    """Tell whether statements of this type are refused where it was sent."""
    return code_of(error) == _NOT_HERE or _NOT_HERE_WORDS in str(error.why)


def names_external_stage(error: WarehouseError) -> bool:
    """Tell whether a file was refused because its stage is an external one."""
    return code_of(error) == _OF_A_STAGE and _EXTERNAL_WORDS in str(error.why)


def _facts(error: BaseException) -> _Facts:
    inner = getattr(error, "cause", None) or getattr(error, "conn_error", None) or error
    errno = getattr(inner, "errno", None) or getattr(inner, "sql_error_code", None)
    words = ("raw_msg", "raw_message", "msg")
    said = next(filter(None, (getattr(inner, word, None) for word in words)), inner)
    classes = (c.__name__ for e in (error, inner) for c in type(e).__mro__)
    return _Facts(
        code=None if errno in {None, -1} else int(errno),
        state=getattr(inner, "sqlstate", None) or "",
        text=str(said),
        query_id=getattr(inner, "sfqid", None),
        classes=frozenset(classes),
        snowpark_code=getattr(error, "error_code", None),
    )


def _translation(facts: _Facts, statement: str | None) -> WarehouseError:
    about = {"statement": statement, "query_id": facts.query_id}
    if _is_locked(facts):
        return WarehouseUnavailableError(
            f"another transaction holds a table{facts.told_code}",
            why=facts.text,
            hint="run it again when that has ended",
            **about,
        )
    if _is_gone(facts):
        return WarehouseUnavailableError(
            f"Snowflake cannot be reached now{facts.told_code}",
            why=facts.text,
            hint="keep the connection open until the run has ended"
            if facts.code == _CLOSED
            else "run it again",
            **about,
        )
    return WarehouseError(
        f"Snowflake refused a statement{facts.told_code}",
        why=None if _quotes_values(facts) else facts.text,
        hint=_hint(facts),
        **about,
    )


def _is_locked(facts: _Facts) -> bool:
    by_words = _LOCKED.search(facts.text) and not _quotes_values(facts)
    return facts.code == _LOCK_TIMEOUT or bool(by_words)


def _is_gone(facts: _Facts) -> bool:
    return (
        any(facts.code in codes for codes in _GONE_CODES)
        or bool(facts.classes & _GONE_CLASSES)
        or facts.snowpark_code in _SESSION_ENDED
    )


def _quotes_values(facts: _Facts) -> bool:
    return facts.code != _OF_A_STAGE and (
        facts.code in _OF_VALUES
        or facts.state.startswith(_VALUE_STATES)
        or bool(facts.classes & _VALUE_CLASSES)
    )


def _hint(facts: _Facts) -> str | None:
    if facts.code in _NOT_ALLOWED or facts.state == _NO_PRIVILEGE:
        return _GRANTS
    return _HINTS.get(facts.code or 0, _HISTORY if facts.query_id else None)


def _refused_login(facts: _Facts, place: str) -> LHTError:
    account = facts.code in _ACCOUNT_UNKNOWN or "ForbiddenError" in facts.classes
    certificate = "NonRetryableTlsError" in facts.classes
    refused = facts.code in _OF_TOKENS or (
        facts.code == _NOT_CONNECTED and not facts.classes & _GONE_CLASSES
    )
    if _is_gone(facts) and not (account or certificate or refused):
        return WarehouseUnavailableError(
            f"{place} cannot be reached now{facts.told_code}",
            why=facts.text,
            hint="check the account's name and the way there (proxy, private link)",
        )
    hint = _LOGIN_HINTS.get(facts.code or 0, _LOGIN_HINT)
    if account:
        hint = "check the account's name: ORGANIZATION-ACCOUNT"
    if certificate:
        hint = "check the proxy between here and Snowflake, and its certificate"
    return ConfigError(
        f"{place} cannot be opened{facts.told_code}", why=facts.text, hint=hint
    )
