"""The options that say where to read and where to write."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from lht import config
from lht.cli.console import Console
from lht.config import SalesforceConnection


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
            ask=console.ask_secret if console.may_ask else None,
        )
        if found.client_secret:
            console.secrets.add(found.client_secret)
        if console.verbose:
            for name, source in found.sources.items():
                console.say(f"{name.replace('_', ' ')}: from {source}")
        return found


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which warehouse holds the tables, as far as a flag names it."""

    warehouse: Annotated[
        str | None,
        Option(
            "--warehouse",
            metavar="URL",
            help=f"duckdb:///FILE, or a DuckDB file. {_variable('WAREHOUSE')}",
        ),
    ] = None

    def resolve(self, console: Console) -> str:
        """Find the warehouse."""
        found = config.find_warehouse(self.warehouse)
        if console.verbose:
            console.say(f"warehouse: {found.value}, from {found.source}")
        return found.value
