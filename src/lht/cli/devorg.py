"""``lht devorg``: a Salesforce org on this machine."""

import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lht.cli.console import Console
from lht.cli.extra import load_devorg
from lht.cli.frame import command
from lht.exceptions import ConfigError
from lht.report import document
from lht.report.look import Style

if TYPE_CHECKING:
    from lht.devorg import Org

DEFAULT_PORT: Final = 8765

Rows = Annotated[
    list[str] | None,
    typer.Option("--rows", metavar="OBJECT=N", help="Generate N records; repeatable."),
]
Load = Annotated[
    list[Path] | None,
    typer.Option("--load", metavar="PATH", help="Load exports; repeatable."),
]


def serve(
    *,
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="0 for any that is free.")
    ] = DEFAULT_PORT,
    rows: Rows = None,
    load: Load = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Same seed, same records.")
    ] = 0,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Keep the org in this file."),
    ] = None,
    console: Console,
) -> None:
    """Run an org on this machine until Ctrl-C."""
    devorg = load_devorg()
    with devorg.start(
        rows=parse_rows(rows or []), seed=seed, port=port, path=file
    ) as org:
        if load:
            org.load(load)
        _introduce(org, console)
        threading.Event().wait()


def parse_rows(words: list[str]) -> dict[str, int]:
    """Return how many records of which object: ``Account=1000`` and so on."""
    rows = {}
    for word in words:
        name, _, count = word.partition("=")
        digits = count.replace("_", "").replace(",", "")
        if not name or not digits.isdecimal():
            raise ConfigError(
                f"--rows {word} is not understood", hint="write --rows Account=1000"
            )
        rows[name] = int(digits)
    return rows


def _introduce(org: "Org", console: Console) -> None:
    variables = {
        "LHT_SALESFORCE_URL": org.url,
        "LHT_SALESFORCE_CLIENT_ID": org.client_id,
        "LHT_SALESFORCE_CLIENT_SECRET": org.client_secret,
    }
    told = document.command_document("lht.devorg_serve/1", variables)
    if console.documents(told):
        return
    look = console.look(sys.stdout)
    console.answer(f"A Salesforce of your own runs at {org.url}, until Ctrl-C.")
    console.answer("In another shell:\n")
    for name, value in variables.items():
        line = f"  export {name}={shlex.quote(value)}"
        console.answer(look.paint(line, Style.COMMAND))
    console.answer(f"  {look.paint('lht objects', Style.COMMAND)}")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="A Salesforce org on this machine.", rich_markup_mode=None)
    command(
        group,
        examples=(
            "lht devorg serve --rows Account=1000 --rows Contact=5000",
            "lht devorg serve --load export/ --port 0",
        ),
    )(serve)
    app.add_typer(group, name="devorg")
