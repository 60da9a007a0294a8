"""One command line, from words to exit code."""

import traceback
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import lht
from lht.cli import EXIT_CODES
from lht.cli.console import Console, Format
from lht.cli.frame import Session
from lht.exceptions import ConfigError, LHTError
from lht.report.values import ErrorReport

SUMMARY: Final = "Salesforce into your warehouse, with a receipt for every row."


class Commands(TyperGroup):
    """The command groups, in the order in which a newcomer meets them."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002  theirs
        """Return the names in the order of their declaration."""
        return list(self.commands)


def app() -> typer.Typer:
    """Build the whole command line."""
    from lht.cli import demo, devorg, objects, snowflake, sync

    root = typer.Typer(
        cls=Commands,
        help=SUMMARY,
        epilog=EXIT_CODES,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    root.callback(invoke_without_command=True)(_root)
    for module in (demo, objects, sync, devorg, snowflake):
        module.add_to(root)
    return root


def _root(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"lht {lht.__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    session = Session()
    try:
        click = typer.main.get_command(app())
        code = click.main(
            list(words), prog_name="lht", standalone_mode=False, obj=session
        )
    except TyperException as error:
        session.enter(_path(error))
        return _fail(words, session, _usage(error), error)
    except LHTError as error:
        return _fail(words, session, ErrorReport.of(error), error)
    except Exception as error:  # noqa: BLE001  the last place that can say it well
        return _fail(words, session, _bug(error), error)
    return code or 0


def _fail(
    words: Sequence[str], session: Session, report: ErrorReport, error: BaseException
) -> int:
    console = session.console or _guessed(words)
    console.trace(error)
    return console.fail(session.command, report)


def _guessed(words: Sequence[str]) -> Console:
    """Read the options that matter to an error from words that cannot be parsed."""
    joined = " ".join(words).lower()
    wants_json = "--json" in words or "--format json" in joined.replace("=", " ")
    return Console(
        format=Format.JSON if wants_json else Format.TABLE, debug="--debug" in words
    )


def _path(error: TyperException) -> str:
    """Return the command that could not make sense of its words."""
    return str(getattr(getattr(error, "ctx", None), "command_path", "lht"))


def _usage(error: TyperException) -> ErrorReport:
    return ErrorReport(
        code="usage",
        message=error.format_message(),
        exit_code=ConfigError.exit_code,
        hint=f"{_path(error)} --help",
        context={},
    )


def _bug(error: Exception) -> ErrorReport:
    """Name the place of a bug; its text might hold anything, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "?"
    return ErrorReport(
        code="bug",
        message=f"this is a mistake in lht: {type(error).__name__} in {where}",
        hint="run it again with --debug, and report what it shows",
        context={},
    )
