"""``snowflake://`` URLs, read and written without any driver.

A URL names a connection of Snowflake's own files, or an account::

    snowflake://NAME[?option=value]
    snowflake://[USER@]ACCOUNT/DATABASE[/SCHEMA][?option=value]

Options are those of Snowflake's connector. A secret is never one of them: URLs are
printed, logged and kept in histories.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from lht.exceptions import ConfigError

PREFIX: Final = "snowflake://"
_SECRET_WORDS: Final = ("password", "passcode", "passphrase", "pwd", "secret")
_SECRETS: Final = frozenset({"token", "session_token", "master_token", "private_key"})
_MOST_PARTS: Final = 2  # database and schema
_EXAMPLE: Final = f"write {PREFIX}NAME for a connection, or {PREFIX}ACCOUNT/DATABASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowflakeURL:
    """What a URL says. Which of both kinds *name* is, the connections decide."""

    name: str  # of a connection or an account
    user: str | None
    database: str | None
    schema: str | None
    options: Mapping[str, str]  # of the connector, by lower-case name


def is_url(value: object) -> bool:
    """Tell whether *value* is a text that begins as such a URL does."""
    return isinstance(value, str) and value.startswith(PREFIX)


def parse_url(url: str) -> SnowflakeURL:
    """Read a URL.

    Raises:
        ConfigError: It names nothing, cannot be read, or holds a secret; what it
            holds is not told.
    """
    place, _, query = url.removeprefix(PREFIX).partition("?")
    authority, *path = place.split("/")
    userinfo, _, name = authority.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    options = _options(query)
    _check_no_secret(["password"] if colon else options)
    parts = [unquote(part) for part in path if part]
    if not name or len(parts) > _MOST_PARTS:
        raise ConfigError(
            f"a {PREFIX} URL names a connection, or account and database", hint=_EXAMPLE
        )
    database, schema, *_ = [*parts, None, None]
    return SnowflakeURL(
        name=unquote(name),
        user=unquote(user) or None,
        database=options.pop("database", database),
        schema=options.pop("schema", schema),
        options=options,
    )


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ConfigError(
            f"the options of a {PREFIX} URL cannot be read",
            hint="write ?role=NAME&warehouse=NAME",
        ) from error
    return {name.lower(): value for name, value in pairs}


def _check_no_secret(names: Mapping[str, str] | list[str]) -> None:
    for name in names:
        if name in _SECRETS or any(word in name for word in _SECRET_WORDS):
            raise ConfigError(
                f"{name} is a secret, and a URL can be read by others",
                hint="use a key pair (private_key_file=), a file with a token"
                " (token_file_path=), OAuth or workload identity; a passphrase stays"
                " in Snowflake's connections.toml: -c NAME",
            )


def url_of(connection: str) -> str:
    """Return the URL of a connection of Snowflake's own files."""
    return PREFIX + quote(connection, safe="")


def in_database(url: str, database: str) -> str:
    """Return *url* with the database replaced."""
    place, _, query = url.partition("?")
    kept = [p for p in parse_qsl(query) if p[0].lower() != "database"]
    options = urlencode([*kept, ("database", database)], quote_via=quote)
    return f"{place}?{options}"


def without_user(url: str) -> str:
    """Return *url* as it can be shown: neither user nor options."""
    authority, slash, path = url.removeprefix(PREFIX).partition("?")[0].partition("/")
    return f"{PREFIX}{authority.rpartition('@')[2]}{slash}{path}"
