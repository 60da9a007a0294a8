"""Opening what a caller names: an org and a warehouse.

Whatever the caller opened stays the caller's and is not closed here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lht.config import SalesforceConnection, resolve_salesforce, resolve_warehouse
from lht.exceptions import ConfigError
from lht.salesforce.auth import AccessInfo, Auth, ClientCredentials
from lht.salesforce.client import Client
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
    if salesforce.token:
        return AccessInfo(
            {"access_token": salesforce.token, "instance_url": salesforce.url}
        )
    return ClientCredentials(
        salesforce.url, salesforce.client_id or "", salesforce.client_secret or ""
    )


@contextmanager
def opened_warehouse(warehouse: Any, *, create: bool = True) -> Iterator[Warehouse]:
    """Open a warehouse for the block.

    Args:
        warehouse: A ``Warehouse``, a DuckDB connection, a path or URL, or None: what
            the environment and the configuration files name.
        create: Whether a DuckDB file that does not exist comes into being; if not, an
            empty database in memory stands for it.

    Raises:
        ConfigError: It is none of these.
        WarehouseUnavailableError: It cannot be opened now.
    """
    from lht.warehouse.duckdb import DuckDBWarehouse, is_connection

    if hasattr(warehouse, "capabilities"):
        yield warehouse
        return
    if warehouse is None or isinstance(warehouse, str | Path):
        warehouse = resolve_warehouse(None if warehouse is None else str(warehouse))
    elif not is_connection(warehouse):
        raise ConfigError(
            f"warehouse= cannot be a {type(warehouse).__name__}",
            hint="give a DuckDB connection, a path or a duckdb:/// URL",
        )
    place = DuckDBWarehouse(warehouse, create=create)
    try:
        yield place
    finally:
        place.close()
