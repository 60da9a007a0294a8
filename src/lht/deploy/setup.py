"""What an administrator of Snowflake runs once, so that lht can work there.

Source:
    docs.snowflake.com, sql-reference/sql: create-network-rule, create-secret,
    create-external-access-integration, create-user, read 2026-11-21.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from lht.deploy.script import COMMENT, Account, Org, Step, literals, named
from lht.inside import PLACEHOLDER
from lht.warehouse.sql import OWN_SCHEMA, literal


def setup_steps(
    domain: str,
    account: Account,
    *,
    sandboxes: Iterable[str] = (),
    grant_to: str | None = None,
) -> list[Step]:
    """Return what an administrator runs once.

    Args:
        domain: Subdomain of the org's My Domain.
        account: Names to use or create.
        sandboxes: Names of sandboxes of the org that are to be read as well.
        grant_to: A role that shall have what lht's role has.

    Raises:
        ConfigError: A name or domain cannot be used.
    """
    org = Org.of(domain)
    orgs = [org, *(org.sandbox(name) for name in sandboxes)]
    return [
        Step(
            "The role that lht works with, and a user for programs, without password.",
            _role_statements(account, grant_to),
        ),
        Step(
            "Compute and a place for tables. The schema LHT holds what lht remembers.",
            _place_statements(account),
        ),
        *(_secret_step(org, account) for org in orgs),
        Step(
            "What only an account administrator may grant: the way out to those hosts,"
            "\ntasks, and packages of PyPI inside Snowflake.",
            _account_statements(orgs, account),
        ),
        _step_by_hand(orgs, account),
    ]


def _role_statements(account: Account, grant_to: str | None) -> tuple[str, ...]:
    role, user = named(account.role), named(account.user)
    create_user = f"""\
CREATE USER IF NOT EXISTS {user}
  TYPE = SERVICE
  DEFAULT_ROLE = {role}
  DEFAULT_WAREHOUSE = {named(account.warehouse)}
  {COMMENT}"""
    heirs = (f"GRANT ROLE {role} TO ROLE {named(grant_to)}",) if grant_to else ()
    return (
        "USE ROLE USERADMIN",
        f"CREATE ROLE IF NOT EXISTS {role} {COMMENT}",
        create_user,
        f"GRANT ROLE {role} TO USER {user}",
        *heirs,
    )


def _place_statements(account: Account) -> tuple[str, ...]:
    role, warehouse = named(account.role), named(account.warehouse)
    database = named(account.database)
    tables = named(account.database, account.schema)
    own = named(account.database, OWN_SCHEMA)
    create_warehouse = f"""\
CREATE WAREHOUSE IF NOT EXISTS {warehouse}
  WAREHOUSE_SIZE = XSMALL
  AUTO_SUSPEND = 60
  AUTO_RESUME = TRUE
  INITIALLY_SUSPENDED = TRUE
  {COMMENT}"""
    grant_own = f"""\
GRANT USAGE, CREATE TABLE, CREATE STAGE, CREATE PROCEDURE, CREATE TASK
  ON SCHEMA {own} TO ROLE {role}"""
    return (
        "USE ROLE SYSADMIN",
        create_warehouse,
        f"CREATE DATABASE IF NOT EXISTS {database}",
        f"CREATE SCHEMA IF NOT EXISTS {tables}",
        f"CREATE SCHEMA IF NOT EXISTS {own}",
        f"GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {role}",
        f"GRANT USAGE ON DATABASE {database} TO ROLE {role}",
        f"GRANT USAGE, CREATE TABLE ON SCHEMA {tables} TO ROLE {role}",
        grant_own,
    )


def _secret_step(org: Org, account: Account) -> Step:
    name = account.own(org.name)
    create_rule = f"""\
CREATE OR REPLACE NETWORK RULE {name}
  MODE = EGRESS
  TYPE = HOST_PORT
  VALUE_LIST = ({literals(org.hosts)})"""
    create_secret = f"""\
CREATE SECRET IF NOT EXISTS {name}
  TYPE = GENERIC_STRING
  SECRET_STRING = {literal(org.placeholder)}"""
    return Step(
        f"What may be talked to for {org.host}, and a secret still without values.",
        (
            create_rule,
            create_secret,
            f"GRANT USAGE, READ ON SECRET {name} TO ROLE {named(account.role)}",
        ),
    )


def _account_statements(orgs: Sequence[Org], account: Account) -> tuple[str, ...]:
    role = named(account.role)
    packages = "DATABASE ROLE SNOWFLAKE.PYPI_REPOSITORY_USER"
    return (
        "USE ROLE ACCOUNTADMIN",
        *chain.from_iterable(_integration_statements(org, account) for org in orgs),
        f"GRANT EXECUTE TASK ON ACCOUNT TO ROLE {role}",
        f"GRANT {packages} TO ROLE {role}",
    )


def _integration_statements(org: Org, account: Account) -> tuple[str, str]:
    integration, name = named(org.integration), account.own(org.name)
    create = f"""\
CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION {integration}
  ALLOWED_NETWORK_RULES = ({name})
  ALLOWED_AUTHENTICATION_SECRETS = ({name})
  ENABLED = TRUE"""
    grant = f"GRANT USAGE ON INTEGRATION {integration} TO ROLE {named(account.role)}"
    return create, grant


def _step_by_hand(orgs: Sequence[Org], account: Account) -> Step:
    secrets = (
        f"ALTER SECRET {account.own(org.name)}"
        f" SET SECRET_STRING = {literal(org.placeholder)}"
        for org in orgs
    )
    return Step(
        f"Last, with your own values for {PLACEHOLDER}: client id and secret of the"
        "\napp in Salesforce, and the public key of the user, without its first and"
        "\nlast line.",
        (
            *secrets,
            f"ALTER USER {named(account.user)} SET RSA_PUBLIC_KEY = '{PLACEHOLDER}'",
        ),
        by_hand=True,
    )
