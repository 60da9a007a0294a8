"""The options that say where to read and where to write."""

from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

from lht import config, snowflake_url
from lht.cli.console import Console
from lht.config import SalesforceConnection
from lht.exceptions import ConfigError


def _variable(name: str) -> str:
    return f"[env: LHT_{name}]"


@dataclass(frozen=True, kw_only=True)
class Org:
    """Which org to read, as far as flags name it."""

    salesforce_url: Annotated[
        str | None,
        Option(
            "--salesforce-url",
            metavar="URL",
            help=f"The org's My Domain URL. {_variable('SALESFORCE_URL')}",
        ),
    ] = None
    salesforce_domain: Annotated[
        str | None,
        Option(
            "--salesforce-domain",
            metavar="SUBDOMAIN",
            help=f"Its subdomain, instead. {_variable('SALESFORCE_DOMAIN')}",
        ),
    ] = None
    target_org: Annotated[
        str | None,
        Option(
            *("--target-org", "-o"),
            metavar="ALIAS",
            help="A login of the Salesforce CLI, as with sf, instead of all these."
            f" {_variable('SALESFORCE_TARGET_ORG')}",
        ),
    ] = None
    client_id: Annotated[
        str | None,
        Option(
            "--client-id",
            metavar="ID",
            help=f"Of the connected app. {_variable('SALESFORCE_CLIENT_ID')}",
        ),
    ] = None
    client_secret: Annotated[
        str | None,
        Option(
            "--client-secret",
            metavar="SECRET",
            help="Of the connected app; as a flag for orgs on this machine only."
            f" {_variable('SALESFORCE_CLIENT_SECRET')}",
        ),
    ] = None

    def resolve(self, console: Console) -> SalesforceConnection:
        """Find the org, asking a human for the secret where there is one."""
        found = config.resolve_salesforce(
            url=self.salesforce_url,
            domain=self.salesforce_domain,
            client_id=self.client_id,
            client_secret=self.client_secret,
            target_org=self.target_org,
            ask=console.ask_secret if console.may_ask else None,
        )
        console.secrets.update(found.secrets.values())
        if console.verbose:
            for name, source in found.sources.items():
                console.say(f"{name.replace('_', ' ')}: from {source}")
        return found


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which warehouse holds the tables, as far as flags name it."""

    connection: Annotated[
        str | None,
        Option(
            *("--connection", "-c"),
            metavar="NAME",
            help="A connection of Snowflake's own files, as with snow; short for"
            " --warehouse snowflake://NAME.",
        ),
    ] = None
    database: Annotated[
        str | None,
        Option(
            "--database",
            metavar="NAME",
            help="Database in Snowflake, else the one of the connection.",
        ),
    ] = None
    warehouse: Annotated[
        str | None,
        Option(
            "--warehouse",
            metavar="URL",
            help="duckdb:///FILE, a DuckDB file, snowflake://NAME or"
            f" snowflake://ACCOUNT/DATABASE. {_variable('WAREHOUSE')}",
        ),
    ] = None

    def resolve(self, console: Console) -> Any:
        """Find the warehouse: a URL, a file, or the session that is active."""
        from lht.connect import find_warehouse

        found, source = find_warehouse(self._named())
        if self.database is not None:
            found = _in_database(found, self.database)
        if console.verbose:
            source = source if self.connection is None else "-c"
            console.say(f"warehouse: {_shown(found)}, from {source}")
        return found

    def _named(self) -> str | None:
        if self.connection is None:
            return self.warehouse
        if self.warehouse is not None:
            raise ConfigError(
                "-c and --warehouse both name a warehouse", hint="name it once"
            )
        return snowflake_url.url_of(self.connection)


def _in_database(found: Any, database: str) -> str:
    if not snowflake_url.is_url(found):
        raise ConfigError(
            "--database is for Snowflake", hint="name a connection to it with -c"
        )
    return snowflake_url.in_database(found, database)


def _shown(found: Any) -> str:
    if snowflake_url.is_url(found):
        return snowflake_url.without_user(found)
    return found if isinstance(found, str) else "Snowflake"
