"""``lht devorg``: a Salesforce org on this machine."""

import shlex
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lht.cli.console import Console
from lht.cli.extra import load_devorg
from lht.cli.frame import command
from lht.exceptions import ConfigError
from lht.report import document
from lht.report.look import Column, Look, Sign, Style, number, plain, render_table

if TYPE_CHECKING:
    from lht.devorg import Org

DEFAULT_PORT: Final = 8765
DEFAULT_FILE: Final = Path("devorg.duckdb")
SOME_ROWS_FAILED: Final = 3

_Objects = Annotated[
    list[Path] | None,
    typer.Option(
        "--objects",
        metavar="PATH",
        help="Describes or object XML of an org; repeatable.",
    ),
]


def serve(
    *,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=0, max=65_535, help="0 for any that is free."
        ),
    ] = DEFAULT_PORT,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            "--rows", metavar="OBJECT=N", help="Generate N records; repeatable."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Same seed, same records.")
    ] = 0,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Keep the org in this file."),
    ] = None,
    objects: _Objects = None,
    console: Console,
) -> None:
    """Run an org on this machine until Ctrl-C."""
    wanted = parse_rows(rows or [])
    with _started(
        rows=wanted, seed=seed, port=port, path=file, objects=objects or []
    ) as org:
        _say_declared(org, console)
        _introduce(org, console)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def load(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Exports, folders, or OBJECT=FILE.csv."),
    ],
    *,
    file: Annotated[
        Path, typer.Option("--file", metavar="FILE", help="The org's file.")
    ] = DEFAULT_FILE,
    ignore_unknown: Annotated[
        bool,
        typer.Option("--ignore-unknown", help="Leave out what the org has not."),
    ] = False,
    objects: _Objects = None,
    console: Console,
) -> int:
    """Load exports of an org (sf data tree, CSV) into an org on this machine."""
    with _started(path=file, objects=objects or []) as org:
        _say_declared(org, console)
        try:
            summary = org.load(paths, ignore_unknown=ignore_unknown)
        except ValueError as error:
            raise ConfigError(str(error), hint=_hint(error)) from error
    for note in summary.notes:
        console.say(note)
    for row in summary.rejected:
        console.cry(plain(f"{row.place}: {row.sobject}: {'; '.join(row.reasons)}"))
    rejected = Counter(row.sobject for row in summary.rejected)
    result = [
        {
            "object": name,
            "loaded": summary.loaded.get(name, 0),
            "rejected": rejected[name],
        }
        for name in dict.fromkeys([*summary.loaded, *rejected])
    ]
    told = document.command_document("lht.devorg_load/1", {"objects": result})
    if not console.documents(told, "objects"):
        console.answer(_summary(result, console.look(sys.stdout)))
        console.answer(f"\nServe it: lht devorg serve --file {shlex.quote(str(file))}")
    return SOME_ROWS_FAILED if rejected else 0


def _summary(result: list[dict[str, Any]], look: Look) -> str:
    columns = [
        Column("object", [r["object"] for r in result]),
        Column("loaded", [number(r["loaded"]) for r in result], right=True),
        Column("rejected", [number(r["rejected"]) for r in result], right=True),
    ]
    signs = [Sign.FAILED if r["rejected"] else Sign.DONE for r in result]
    return "\n".join(render_table(signs, columns, look))


@contextmanager
def _started(**options: Any) -> Iterator["Org"]:
    """Run an org for the block; what cannot be started is the user's to mend."""
    devorg = load_devorg()
    try:
        org = devorg.start(**options)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the org cannot be started: {error}", hint=_hint(error)
        ) from error
    with org:
        yield org


def _say_declared(org: "Org", console: Console) -> None:
    """Say what the files of ``--objects`` had, and what became of the rest."""
    declared = org.store.metadata.declared
    if declared.objects or declared.notes:
        count, fields = number(len(declared.objects)), number(declared.fields)
        console.say(f"objects declared: {count}, with {fields} fields")
    for note in declared.notes:
        console.say(plain(note))


def _hint(error: Exception) -> str | None:
    """Return what an error of the org says can be done about it, if it does."""
    return getattr(error, "hint", None)


def parse_rows(words: list[str]) -> dict[str, int]:
    """Return how many records of which object ``Account=1000`` and the like name."""
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
            "lht devorg serve --objects force-app --file devorg.duckdb",
        ),
    )(serve)
    command(
        group,
        examples=(
            "lht devorg load export/Account-plan.json",
            "lht devorg load Account=accounts.csv --file my-org.duckdb",
        ),
    )(load)
    app.add_typer(group, name="devorg")
