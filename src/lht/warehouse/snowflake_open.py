"""Opening Snowflake: by URL, or what a caller has opened.

The only module that imports the drivers, and late: what is only looked at is told by
the names of its classes.
"""

import contextlib
import os
import platform
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final
from urllib.parse import quote

from lht import __version__
from lht.exceptions import ConfigError, ConnectionNotFoundError, MissingExtraError
from lht.snowflake_url import (
    PREFIX,
    SnowflakeURL,
    is_url,
    parse_url,
    url_of,
    without_user,
)
from lht.warehouse.snowflake_errors import (
    code_of,
    driver_errors,
    translated,
    translated_login,
)

__all__ = [
    "QUERY_TAG",
    "OpenedSnowflake",
    "active_session",
    "code_of",
    "connection_names",
    "in_procedure",
    "is_snowflake",
    "opened_snowflake",
    "translated",
]

QUERY_TAG: Final = f"lht {__version__}"  # of every statement
_APPLICATION: Final = "lht"  # how Snowflake's history names who connected
_CONNECTIONS: Final = frozenset({"SnowflakeConnection", "StoredProcConnection"})
_ASYNCHRONOUS: Final = "snowflake.connector.aio"
_NO_SESSION: Final = "1403"
_WHERE: Final = (
    "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA(),"
    " CURRENT_ORGANIZATION_NAME(), CURRENT_ACCOUNT_NAME()"
)
_TOO_OPEN: Final = "Bad owner or permissions"  # what the connector only warns of
_PATH: Final = re.compile(r"(?:file '|permissions on )(.+?)(?:' is |\.$)", re.MULTILINE)
_READ_BY_THE_CONNECTOR: Final = frozenset({"workload_identity_provider"})
_READERS: Final[Mapping[type, Callable[[str], float]]] = {
    bool: {"true": True, "false": False}.__getitem__,
    int: int,
    float: float,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSnowflake:
    """An open connection and what it says of itself."""

    connection: Any  # of the connector, or what stands for one inside a procedure
    snowpark: Any | None  # the Snowpark session, if the caller has brought one
    in_procedure: bool
    database: str | None  # the current one, as it is spelt
    schema: str | None  # likewise
    display: str  # snowflake://ACCOUNT/DATABASE


# -- what a caller has opened ----------------------------------------------------------


def is_snowflake(value: object) -> bool:
    """Tell whether *value* is a Snowpark session or a connection to Snowflake."""
    return _is_session(value) or _is_connection(value)


def _is_session(value: object) -> bool:
    return any(
        c.__name__ == "Session" and c.__module__.startswith("snowflake.snowpark.")
        for c in type(value).__mro__
    )


def _is_connection(value: object) -> bool:
    bases = type(value).__mro__
    return any(c.__name__ in _CONNECTIONS for c in bases) and not any(
        c.__module__.startswith(_ASYNCHRONOUS) for c in bases
    )


def in_procedure() -> bool:
    """Tell whether this runs inside a stored procedure."""
    internals = sys.modules.get("snowflake.snowpark._internal.utils")
    asked = getattr(internals, "is_in_stored_procedure", None)
    return platform.platform() == "XP" or bool(asked and asked())


def active_session() -> Any | None:
    """Return the session that Snowflake itself has opened, inside Snowflake only.

    On any other machine a session that happens to be open is not a target.

    Raises:
        ConfigError: There are several; which is meant cannot be known.
    """
    if not (in_procedure() or os.environ.get("SNOWFLAKE_HOST")):
        return None
    try:
        from snowflake.snowpark.context import get_active_session
    except ImportError:
        return None
    try:
        return get_active_session()
    except driver_errors() as error:
        if getattr(error, "error_code", None) == _NO_SESSION:
            return None
        raise ConfigError(
            "several Snowflake sessions are active",
            hint="give the one that is meant: warehouse=session",
        ) from error


@contextlib.contextmanager
def opened_snowflake(target: Any) -> Iterator[OpenedSnowflake]:
    """Open Snowflake for the block.

    Args:
        target: A Snowpark session or a connection, which stays the caller's and is
            left as it is; or a ``snowflake://`` URL or the name of a connection, which
            is opened here and closed.

    Raises:
        ConfigError: It is none of these, or the credentials or settings are not right.
        WarehouseUnavailableError: It cannot be reached now, or is closed.
        WarehouseError: It cannot say where it is.
    """
    if not isinstance(target, str):
        yield _looked_at(target)
        return
    url = parse_url(target if is_url(target) else url_of(target))
    with _connected(url, without_user(target)) as connection:
        opened = _looked_at(connection)
        _check_database(opened, url.database)
        yield opened


def _looked_at(target: Any) -> OpenedSnowflake:
    snowpark = target if _is_session(target) else None
    connection = target if snowpark is None else snowpark.connection
    with translated(_WHERE), contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(_WHERE, _statement_params={"QUERY_TAG": QUERY_TAG})
        ((database, schema, organization, account),) = cursor.fetchall()
    place = "-".join(filter(None, (organization, account)))
    return OpenedSnowflake(
        connection=connection,
        snowpark=snowpark,
        in_procedure=in_procedure(),
        database=database,
        schema=schema,
        display=PREFIX + "/".join(quote(p) for p in (place, database) if p),
    )


def _check_database(opened: OpenedSnowflake, asked: str | None) -> None:
    """Raise unless the database that was asked for is the one that is open.

    Snowflake opens a connection also if there is none of that name.
    """
    if asked is None:
        return
    name = asked[1:-1].replace('""', '"') if asked.startswith('"') else asked.upper()
    if opened.database not in {name, asked}:
        raise ConfigError(
            f"there is no database {asked} that the role may use",
            hint="see how it is spelt; lht snowflake setup-sql prints how to make one,"
            " and the grants",
        )


# -- what is opened here ---------------------------------------------------------------


def connection_names() -> list[str]:
    """Return the names of the connections in Snowflake's own files.

    Raises:
        ConfigError: The files cannot be read, or can be read by others.
        MissingExtraError: The connector, whose files these are, is not installed.
    """
    _connector()
    from snowflake.connector.config_manager import CONFIG_MANAGER

    unreadable: tuple[type[Exception], ...] = (
        *driver_errors(),
        UserWarning,
        ValueError,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=_TOO_OPEN)
        try:
            connections: Any = CONFIG_MANAGER["connections"]
        except unreadable as error:
            found = _PATH.search(str(error))
            raise ConfigError(
                "Snowflake's connections cannot be read",
                why=str(error),
                hint=f"chmod 600 {shlex.quote(found[1])}" if found else None,
            ) from error
    return sorted(connections)


def _connector() -> ModuleType:
    try:
        import snowflake.connector
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("snowflake"):
            package = "snowflake-connector-python"
            raise MissingExtraError("snowflake", package) from error
        raise
    return snowflake.connector


@contextlib.contextmanager
def _connected(url: SnowflakeURL, shown: str) -> Iterator[Any]:
    connector = _connector()
    options = _connect_options(url, connection_names())
    with translated_login(shown):
        connection = connector.connect(**options)
    with contextlib.closing(connection):
        yield connection


def _connect_options(url: SnowflakeURL, names: list[str]) -> dict[str, Any]:
    """Return what the connector is to be called with.

    A name is that of a connection if there is one, else that of an account.

    Raises:
        ConnectionNotFoundError: It can only be a connection, and is none.
        ConfigError: An option is unknown, or not to be had from a URL.
    """
    options = {name: _value(name, text) for name, text in url.options.items()}
    if url.user is None and url.name in names:
        options["connection_name"] = url.name
    elif url.user or url.database:
        options["account"] = url.name
    else:
        raise ConnectionNotFoundError(
            f"there is no Snowflake connection {url.name!r}",
            hint=f"known: {', '.join(names)}"
            if names
            else f"make one (snow connection add), or write {PREFIX}ACCOUNT/DATABASE",
        )
    named = {"user": url.user, "database": url.database, "schema": url.schema}
    options |= {name: value for name, value in named.items() if value}
    return options | {"paramstyle": "qmark", "application": _APPLICATION}


def _value(name: str, text: str) -> str | float:
    """Read an option as the type that the connector wants."""
    from snowflake.connector.connection import DEFAULT_CONFIGURATION

    if name not in DEFAULT_CONFIGURATION:
        raise ConfigError(
            f"Snowflake's connector has no option {name}",
            hint="options are spelt as in connections.toml: role, warehouse,"
            " authenticator, private_key_file ...",
        )
    kinds = DEFAULT_CONFIGURATION[name][1]
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if str in kinds or name in _READ_BY_THE_CONNECTOR:
        return text
    for kind, read in _READERS.items():
        with contextlib.suppress(KeyError, ValueError):
            if kind in kinds:
                return read(text.lower())
    raise ConfigError(
        f"the option {name} cannot be that in a URL",
        hint="set it in Snowflake's connections.toml, and name the connection with -c",
    )
