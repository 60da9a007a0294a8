"""Opening what a caller names: an org and a warehouse.

Whatever the caller opened stays the caller's and is not closed here.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from lht.config import (
    DEFAULT_WAREHOUSE,
    SalesforceConnection,
    named_warehouse,
    resolve_salesforce,
)
from lht.exceptions import ConfigError, MissingExtraError
from lht.salesforce.auth import AccessInfo, Auth, ClientCredentials
from lht.salesforce.client import Client
from lht.salesforce.logins import JwtBearer, RefreshToken, UsernamePassword
from lht.salesforce.sf_cli import SalesforceCli
from lht.snowflake_url import is_url, parse_url
from lht.warehouse.base import Warehouse


@contextmanager
def opened_client(salesforce: Any) -> Iterator[Client]:
    """Open an org for the block.

    Args:
        salesforce: A ``Client``, a ``SalesforceConnection``, an ``access_info`` mapping
            (``access_token`` and ``instance_url``), or None: what the environment and
            the configuration files name.

    Raises:
        ConfigError: It is none of these, or nothing is configured.
    """
    if isinstance(salesforce, Client):
        yield salesforce
        return
    with Client(_auth(salesforce)) as client:
        yield client


def _auth(salesforce: Any) -> Auth:
    if salesforce is None:
        salesforce = resolve_salesforce()
    if isinstance(salesforce, Mapping):
        return AccessInfo(salesforce)
    if not isinstance(salesforce, SalesforceConnection):
        raise ConfigError(
            f"salesforce= cannot be a {type(salesforce).__name__}",
            hint="give a Client, an access_info dict or a SalesforceConnection",
        )
    return _login(salesforce)


def _login(found: SalesforceConnection) -> Auth:
    """Return the login that the settings of a connection are for."""
    client_id = found.client_id or ""
    if found.target_org:
        return SalesforceCli(found.target_org)
    if found.token:
        return AccessInfo({"access_token": found.token, "instance_url": found.url})
    if found.private_key:
        return JwtBearer(
            found.url,
            client_id,
            found.username or "",
            found.private_key,
            passphrase=found.private_key_passphrase,
        )
    if found.refresh_token:
        return RefreshToken(
            found.url,
            client_id,
            found.refresh_token,
            client_secret=found.client_secret,
        )
    if found.password:
        return UsernamePassword(
            found.url,
            found.username or "",
            found.password,
            security_token=found.security_token,
            client_id=found.client_id,
            client_secret=found.client_secret,
        )
    return ClientCredentials(found.url, client_id, found.client_secret or "")


def find_warehouse(named: str | None = None) -> tuple[Any, str]:
    """Find the warehouse, and say which place names it.

    Flags, variables and files come first; then, inside Snowflake only, the session that
    is active there; then a DuckDB file in the current folder.

    Args:
        named: What a flag or argument says.

    Raises:
        ConfigError: What is named is no warehouse.
    """
    from lht.warehouse.snowflake_open import active_session

    found = named_warehouse(named, connections=_snowflake_connections)
    if found:
        return found.value, found.source
    session = active_session()
    if session is not None:
        return session, "the active session"
    return DEFAULT_WAREHOUSE, "the default"


def _snowflake_connections() -> Collection[str]:
    from lht.warehouse.snowflake_open import connection_names

    try:
        return connection_names()
    except MissingExtraError:
        return ()


@contextmanager
def opened_warehouse(
    warehouse: Any, *, create: bool = True, database: str | None = None
) -> Iterator[Warehouse]:
    """Open a warehouse for the block.

    Args:
        warehouse: A ``Warehouse``, a Snowpark session, a connection to Snowflake or
            DuckDB, a path or URL, or None: what the environment and the configuration
            files name.
        create: Whether a DuckDB file that does not exist comes into being; if not, an
            empty database in memory stands for it.
        database: In Snowflake, another one than the connection's.

    Raises:
        ConfigError: It is none of these, or *database* is for another kind.
        WarehouseUnavailableError: It cannot be opened now.
    """
    if hasattr(warehouse, "capabilities") and not database:
        yield warehouse
        return
    if warehouse is None or isinstance(warehouse, str | Path):
        warehouse, _ = find_warehouse(None if warehouse is None else str(warehouse))
    from lht.warehouse.snowflake_open import is_snowflake

    in_snowflake = is_url(warehouse) or is_snowflake(warehouse)
    if database and not in_snowflake:
        raise ConfigError(
            "database= is for a Snowflake session",
            hint="open the other database, and leave database= out",
        )
    with (
        _opened_snowflake(warehouse, database)
        if in_snowflake
        else _opened_duckdb(warehouse, create=create)
    ) as place:
        yield place


def in_database(session: Any, database: str | None) -> AbstractContextManager[Any]:
    """Open another database of a Snowflake session's; without a name, the session."""
    if not database:
        return nullcontext(session)
    return opened_warehouse(session, database=database)


@contextmanager
def _opened_snowflake(target: Any, database: str | None) -> Iterator[Warehouse]:
    from lht.warehouse.snowflake_open import opened_snowflake

    with opened_snowflake(target) as opened:
        from lht.warehouse.snowflake import SnowflakeWarehouse

        schema = parse_url(target).schema if isinstance(target, str) else None
        with closing(
            SnowflakeWarehouse(opened, database=database, schema=schema)
        ) as place:
            yield place


@contextmanager
def _opened_duckdb(target: Any, *, create: bool) -> Iterator[Warehouse]:
    from lht.warehouse.duckdb import DuckDBWarehouse, is_connection

    if not (isinstance(target, str) or is_connection(target)):
        raise ConfigError(
            f"warehouse= cannot be a {type(target).__name__}",
            hint="give a Snowpark session, a connection to Snowflake or DuckDB, a path"
            " or a URL",
        )
    with closing(DuckDBWarehouse(target, create=create)) as place:
        yield place
