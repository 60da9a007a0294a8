"""``lht devorg``: a Salesforce org on this machine."""

import shlex
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from lht.cli.console import Console
from lht.cli.extra import load_devorg
from lht.cli.frame import command
from lht.exceptions import ConfigError
from lht.report import document
from lht.report.look import Column, Look, Sign, Style, number, plain, render_table

if TYPE_CHECKING:
    from lht.devorg import Org
    from lht.devorg.loading.load import LoadSummary

DEFAULT_PORT: Final = 8765
DEFAULT_FILE: Final = Path("devorg.duckdb")
SOME_ROWS_FAILED: Final = 3
_NAMED: Final = 4

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
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "--file",
            metavar="FILE",
            help="Keep the org in this file; it may be there.",
        ),
    ] = None,
    objects: _Objects = None,
    console: Console,
) -> None:
    """Run an org on this machine until Ctrl-C.

    It is what lht devorg does if nothing else is said.
    """
    wanted = parse_rows(rows or [])
    with (
        _terminable(),
        _started(
            rows=wanted, seed=seed, port=port, path=data, objects=objects or []
        ) as org,
        suppress(KeyboardInterrupt),
    ):
        _say_declared(org, console)
        _introduce(org, data, console)
        threading.Event().wait()
    kept = "" if data is None else f" Its records are in {data}."
    line = "\n" if sys.stderr.isatty() else ""  # the one on which ^C stands
    console.say(f"{line}The org at {org.url} has ended.{kept}")


def load(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Exports, folders, or OBJECT=FILE.csv."),
    ],
    *,
    data: Annotated[
        Path, typer.Option("--data", "--file", metavar="FILE", help="The org's file.")
    ] = DEFAULT_FILE,
    add: Annotated[
        bool, typer.Option("--add", help="Add to objects that have records.")
    ] = False,
    ignore_unknown: Annotated[
        bool,
        typer.Option("--ignore-unknown", help="Leave out what the org has not."),
    ] = False,
    objects: _Objects = None,
    console: Console,
) -> int:
    """Load exports of an org (sf data tree, CSV) into an org on this machine."""
    with _started(path=data, objects=objects or []) as org:
        _say_declared(org, console)
        try:
            summary = org.load(paths, ignore_unknown=ignore_unknown, add=add)
        except ValueError as error:
            raise ConfigError(str(error), hint=_hint(error)) from error
    return _report(summary, data, console)


def _report(summary: "LoadSummary", data: Path, console: Console) -> int:
    """Tell what became of a load; return its exit code."""
    for note in summary.notes:
        console.say(plain(note))
    for row in summary.rejected:
        console.cry(plain(f"{row.place}: {row.sobject}: {'; '.join(row.reasons)}"))
    rejected = Counter(row.sobject for row in summary.rejected)
    code = SOME_ROWS_FAILED if rejected else 0
    result = [
        {
            "object": name,
            "loaded": summary.loaded.get(name, 0),
            "rejected": rejected[name],
        }
        for name in dict.fromkeys([*summary.loaded, *rejected])
    ]
    told = document.command_document(
        "lht.devorg_load/1",
        {"objects": result},
        exit_code=code,
        warnings=summary.notes,
    )
    if not console.documents(told, "objects"):
        console.answer(_summary(result, console.look(sys.stdout)))
        console.answer(f"\nServe it: lht devorg serve --data {shlex.quote(str(data))}")
    return code


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


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM be what Ctrl-C is for the block."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


def _introduce(org: "Org", data: Path | None, console: Console) -> None:
    """Tell where the org is, what is in it, and how clients are pointed to it."""
    from lht.devorg.clients import CLIENTS, VARIABLES, exports

    values = (org.url, org.client_id, org.client_secret)
    variables = dict(zip(VARIABLES, values, strict=True))
    told = document.command_document("lht.devorg_serve/1", variables)
    if console.documents(told):
        return
    look = console.look(sys.stdout)
    console.answer(f"A Salesforce of your own runs at {org.url}, until Ctrl-C.")
    console.answer("In another shell:\n")
    console.answer(_copied(exports(variables), look))
    for client in () if console.quiet else CLIENTS:
        console.answer(f"\n{look.paint(f'{client.name}:', Style.HEADING)}")
        console.answer(_copied(client.text, look))
    console.answer(f"\nIn a browser: {look.paint(f'{org.url}/devorg', Style.COMMAND)}")
    console.answer(f"Records: {_contents(org)}")
    kept = (
        "only while it runs; --data FILE keeps them" if data is None else f"in {data}"
    )
    console.answer(f"Kept:    {kept}")


def _copied(text: str, look: Look) -> str:
    """Return lines to copy: painted, and not set in, which Python would mind."""
    return "\n".join(look.paint(line, Style.COMMAND) for line in text.splitlines())


def _contents(org: "Org") -> str:
    """Name the objects that have most records; those there always are come last."""
    counts = Counter(org.store.record_counts())
    filled = [(name, count) for name, count in counts.most_common() if count]
    shown = [f"{number(count)} {name}" for name, count in filled[:_NAMED]]
    rest = sum(count for _, count in filled[_NAMED:])
    return ", ".join([*shown, f"{number(rest)} of other objects"])


class _Serving(TyperGroup):
    """A group whose first word may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Serve, unless another verb or help is asked for."""
        asked = args[:1]
        if not asked or (asked[0].startswith("-") and asked[0] != "--help"):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        cls=_Serving, help="A Salesforce org on this machine.", rich_markup_mode=None
    )
    command(
        group,
        examples=(
            "lht devorg serve --rows Account=1000 --rows Contact=5000",
            "lht devorg serve --objects force-app --data devorg.duckdb",
        ),
    )(serve)
    command(
        group,
        examples=(
            "lht devorg load export/Account-plan.json",
            "lht devorg load Account=accounts.csv --data my-org.duckdb",
        ),
    )(load)
    app.add_typer(group, name="devorg")
