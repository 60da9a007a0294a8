"""``lht snowflake``: the SQL that sets an account up, and that runs lht inside it."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lht.cli.console import Console
from lht.cli.frame import command
from lht.report import document

if TYPE_CHECKING:
    from lht.deploy.script import Account, Step

_HELP: Final = "SQL for a Snowflake account. It is printed, never run."


def _name(flag: str, told: str) -> Any:
    return typer.Option(flag, metavar="NAME", help=told)


# The names of the parameters differ from those of the options that commands share.
OrgDomain = Annotated[
    str,
    typer.Option(
        "--salesforce-domain", metavar="SUBDOMAIN", help="The org's, such as acme."
    ),
]
Database = Annotated[
    str | None, _name("--database", "Where the tables are, LHT_DB if not given.")
]
TableSchema = Annotated[
    str | None, _name("--schema", "Schema of the tables, RAW if not given.")
]
Compute = Annotated[
    str | None,
    _name("--warehouse", "Snowflake's virtual warehouse, LHT_WH if not given."),
]
Role = Annotated[
    str | None, _name("--role", "What lht works as, LHT_ROLE if not given.")
]
User = Annotated[
    str | None, _name("--user", "What programs log in as, LHT_USER if not given.")
]
Sandboxes = Annotated[
    list[str] | None,
    _name("--sandbox", "A sandbox of the org; repeatable."),
]
GrantTo = Annotated[
    str | None,
    typer.Option(
        "--grant-to", metavar="ROLE", help="A role that shall have lht's as well."
    ),
]
Objects = Annotated[
    list[str] | None,
    typer.Argument(metavar="OBJECT", help="API names, in any case."),
]
Schedule = Annotated[
    str,
    typer.Option(
        "--schedule", metavar="WHEN", help="Or: 'USING CRON 0 6 * * * Europe/Rome'."
    ),
]
Tasks = Annotated[
    int,
    typer.Option("--tasks", metavar="N", min=1, help="Tasks that share the objects."),
]
Name = Annotated[
    str | None,
    _name("--name", "Of procedure and tasks, else SYNC_ACME."),
]
OwnersRights = Annotated[
    bool, typer.Option("--owners-rights", help="Run the procedure as its owner.")
]
Remove = Annotated[
    bool, typer.Option("--remove", help="Print what takes it all away again.")
]


def setup_sql(
    *,
    domain: OrgDomain,
    sandbox: Sandboxes = None,
    into: Database = None,
    schema: TableSchema = None,
    compute: Compute = None,
    role: Role = None,
    user: User = None,
    grant_to: GrantTo = None,
    console: Console,
) -> None:
    """Print what an administrator of Snowflake runs once.

    A role, a user without password, a small warehouse, a database, and the way out of
    Snowflake to the org. No secret is asked for or printed: where one belongs, the
    script says so.
    """
    from lht.deploy.setup import setup_steps

    account = _account(into, schema, compute, role, user)
    steps = setup_steps(domain, account, sandboxes=sandbox or (), grant_to=grant_to)
    _print("setup-sql", steps, console)


def deploy_sql(
    objects: Objects = None,
    *,
    domain: OrgDomain,
    schedule: Schedule = "60 MINUTE",
    tasks: Tasks = 1,
    into: Database = None,
    schema: TableSchema = None,
    compute: Compute = None,
    role: Role = None,
    name: Name = None,
    owners_rights: OwnersRights = False,
    remove: Remove = False,
    console: Console,
) -> None:
    """Print what makes Snowflake itself sync objects on a schedule.

    A procedure that runs lht, and the tasks that call it. What setup-sql prints must
    have been run before.
    """
    from lht.deploy.script import Org
    from lht.deploy.tasks import Deployment, deploy_steps, remove_steps

    deployment = Deployment(
        org=Org.of(domain),
        account=_account(into, schema, compute, role),
        objects=tuple(objects or ()),
        schedule=schedule,
        tasks=tasks,
        owners_rights=owners_rights,
        name=name,
    )
    steps = remove_steps(deployment) if remove else deploy_steps(deployment)
    _print("deploy-sql", steps, console)


def _account(
    database: str | None,
    schema: str | None,
    warehouse: str | None,
    role: str | None,
    user: str | None = None,
) -> "Account":
    from lht.deploy.script import Account

    given = {
        "database": database,
        "schema": schema,
        "warehouse": warehouse,
        "role": role,
        "user": user,
    }
    return Account(**{k: v for k, v in given.items() if v is not None})


def _print(verb: str, steps: list["Step"], console: Console) -> None:
    from lht.deploy.script import render

    rows = [
        {"sql": sql, "by_hand": step.by_hand}
        for step in steps
        for sql in step.statements
    ]
    told = document.command_document(f"lht.snowflake_{verb}/1", {"statements": rows})
    if not console.documents(told, "statements"):
        console.answer(render(steps))


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help=_HELP, rich_markup_mode=None)
    command(
        group,
        "setup-sql",
        examples=(
            "lht snowflake setup-sql --salesforce-domain acme > setup.sql",
            "lht snowflake setup-sql --salesforce-domain acme --sandbox uat",
        ),
    )(setup_sql)
    command(
        group,
        "deploy-sql",
        examples=(
            "lht snowflake deploy-sql Account Contact --salesforce-domain acme",
            "lht snowflake deploy-sql --salesforce-domain acme --remove",
        ),
    )(deploy_sql)
    app.add_typer(group, name="snowflake")
