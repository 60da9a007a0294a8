"""How a command is declared: shared options, folded help, examples.

A command is a function. A parameter annotated with one of the shared groups
(:class:`Org`, :class:`Target`, :class:`Console`) becomes all the options of that group.
"""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import wraps
from typing import Annotated, Any, Final, get_type_hints

import typer
from typer.core import TyperCommand

from lht.cli.connections import Org, Target
from lht.cli.console import Console
from lht.exceptions import StoppedError

GROUPS: Final = (Org, Target, Console)

Record = tuple[str, str]  # an option and what it is for


class Session:
    """What a command leaves behind for the error path of ``main``."""

    def __init__(self) -> None:
        self.console: Console | None = None
        self.command = "cli"

    def enter(self, path: str) -> None:
        """Remember the command by its path, "lht devorg load" as devorg_load."""
        self.command = "_".join(path.split()[1:]) or "cli"


class Command(TyperCommand):
    """A command whose shared options are folded into one paragraph of its help."""

    unfolded = False

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the command's own options, then the shared ones."""
        shared = {f.name for group in GROUPS for f in fields(group)}
        arguments: list[Record] = []
        own: list[Record] = []
        folded: list[Record] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                arguments.append(record)
            else:
                (folded if param.name in shared else own).append(record)
        if self.unfolded:
            own, folded = own + folded, []
        for title, records in (("Arguments", arguments), ("Options", own)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        if folded:
            names = ", ".join(record[0].split(",")[0].split()[0] for record in folded)
            text = f"Connection and output (--help-all tells): {names}"
            wrapped = textwrap.fill(text, formatter.width, break_on_hyphens=False)
            formatter.write(f"\n{wrapped}\n")

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  theirs
        """Write the examples, each on a line of its own."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def command(
    app: typer.Typer, name: str | None = None, *, examples: tuple[str, ...]
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Add a function as a command of *app*."""

    def add(function: Callable[..., int | None]) -> Callable[..., int | None]:
        flat = _flattened(function)
        app.command(name, cls=Command, epilog="\n".join(examples))(flat)
        return function

    return add


def _flattened(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Return *function* with the fields of its groups as parameters."""
    hints = get_type_hints(function, include_extras=True)
    groups = {n: t for n, t in hints.items() if t in GROUPS}

    @wraps(function)
    def call(ctx: typer.Context, *, help_all: bool, **values: Any) -> int | None:
        del help_all  # its callback has done its work
        for name, group in groups.items():
            taken = {f.name: values.pop(f.name) for f in _options(group)}
            values[name] = group(**taken)
            if isinstance(values[name], Console):
                ctx.obj.console = values[name]
        ctx.obj.enter(ctx.command_path)
        try:
            return function(**values)
        except KeyboardInterrupt as stop:
            raise StoppedError("stopped by Ctrl-C") from stop

    signature = [_parameter("ctx", typer.Context), _HELP_ALL]
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in groups:
            group = groups[parameter.name]
            signature += [_field_parameter(group, f) for f in _options(group)]
        else:
            hint = hints[parameter.name]
            signature.append(_parameter(parameter.name, hint, parameter.default))
    declared: Any = call
    del declared.__wrapped__  # typer reads what is declared here, not the original
    declared.__signature__ = inspect.Signature(signature)
    declared.__annotations__ = {p.name: p.annotation for p in signature}
    return call


def _options(group: type) -> list[Field[Any]]:
    return [f for f in fields(group) if f.init]


def _field_parameter(group: type, f: Field[Any]) -> inspect.Parameter:
    hint = get_type_hints(group, include_extras=True)[f.name]
    default = inspect.Parameter.empty if f.default is MISSING else f.default
    return _parameter(f.name, hint, default)


def _parameter(
    name: str, hint: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=hint)


def _show_all_help(ctx: typer.Context, value: bool) -> None:
    if value and isinstance(ctx.command, Command):
        ctx.command.unfolded = True
        typer.echo(ctx.get_help())
        raise typer.Exit


_HELP_ALL: Final = _parameter(
    "help_all",
    Annotated[
        bool,
        typer.Option(
            "--help-all",
            is_eager=True,
            callback=_show_all_help,
            help="Show every option and exit.",
        ),
    ],
    default=False,
)
