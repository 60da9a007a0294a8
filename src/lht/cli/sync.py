"""``lht plan``, ``lht sync`` and ``lht runs``."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

import lht
from lht.cli.connections import Org, Target
from lht.cli.console import Console
from lht.cli.frame import command
from lht.exceptions import ConfigError, SyncError, SyncInterrupted
from lht.report import document, terminal
from lht.report.values import SyncPlan, SyncReport

RUNS_SHOWN: Final = 20
_DROPPED: Final = ("--dry-run",)  # from the line that a plan repeats

Objects = Annotated[
    list[str], typer.Argument(metavar="OBJECT", help="API names, in any case.")
]
Schema = Annotated[
    str | None,
    typer.Option("--schema", metavar="NAME", help="Schema of the tables, else RAW."),
]
Table = Annotated[
    str | None,
    typer.Option("--table", metavar="NAME", help="Name of the table, for one object."),
]
Full = Annotated[
    bool, typer.Option("--full", help="Read everything, also what did not change.")
]
Where = Annotated[
    str | None, typer.Option("--where", metavar="SOQL", help="Only these records.")
]
Fields = Annotated[
    str | None, typer.Option("--fields", metavar="A,B", help="Only these fields.")
]
MaxParallel = Annotated[
    int,
    typer.Option(
        "--max-parallel", min=1, metavar="N", help="Objects at work at the same time."
    ),
]
MaxCalls = Annotated[
    int | None,
    typer.Option(
        "--max-calls", min=1, metavar="N", help="API calls the run may make, at most."
    ),
]


def plan(
    objects: Objects,
    *,
    schema: Schema = None,
    table: Table = None,
    full: Full = False,
    where: Where = None,
    fields: Fields = None,
    org: Org,
    target: Target,
    console: Console,
) -> int:
    """Show what a sync would do. Nothing is moved."""
    options = _options(objects, schema, table, full=full, where=where, fields=fields)
    return _show_plan(objects, options, org, target, console)


def sync(
    objects: Objects,
    *,
    schema: Schema = None,
    table: Table = None,
    full: Full = False,
    where: Where = None,
    fields: Fields = None,
    max_parallel: MaxParallel = 4,
    max_calls: MaxCalls = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and stop.")
    ] = False,
    org: Org,
    target: Target,
    console: Console,
) -> int:
    """Bring the tables up to date with the org."""
    options = _options(objects, schema, table, full=full, where=where, fields=fields)
    if dry_run:
        return _show_plan(objects, options, org, target, console)
    places = _places(org, target, console)
    try:
        with console.progress() as listener:
            report = lht.sync(
                objects,
                **places,
                **options,
                max_parallel=max_parallel,
                max_calls=max_calls,
                listener=listener,
            )
    except (SyncError, SyncInterrupted) as error:
        console.trace(error)
        report = error.report
    return _show_report(report, console)


def runs(
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Show this run's end.")
    ] = None,
    *,
    target: Target,
    console: Console,
) -> int:
    """Show the last runs, or one run as it ended."""
    history: list[SyncReport] = lht.runs(target.resolve(console))
    if run_id is None:
        _show_runs(history[:RUNS_SHOWN], console)
        return 0
    found = [r for r in history if r.run_id.upper().startswith(run_id.upper())]
    if len(found) != 1:
        known = ", ".join(r.run_id for r in history[:RUNS_SHOWN])
        raise ConfigError(
            f"{'no run is' if not found else 'several runs are'} called {run_id}",
            hint=f"the latest: {known}" if known else "there are no runs yet",
        )
    _show_report(found[0], console)
    return 0  # showing a failure is none


def _options(
    objects: Sequence[str],
    schema: str | None,
    table: str | None,
    *,
    full: bool,
    where: str | None,
    fields: str | None,
) -> dict[str, Any]:
    if table and len(objects) > 1:
        raise ConfigError(
            "--table names one table, and there are several objects",
            hint="run them one by one, or let the tables be called as the objects",
        )
    return {
        "schema": schema,
        "table": table,
        "mode": "full" if full else "auto",
        "where": where,
        "fields": [f.strip() for f in fields.split(",")] if fields else None,
    }


def _places(org: Org, target: Target, console: Console) -> dict[str, Any]:
    return {
        "salesforce": org.resolve(console),
        "warehouse": target.resolve(console),
    }


def _show_plan(
    objects: Sequence[str],
    options: Mapping[str, Any],
    org: Org,
    target: Target,
    console: Console,
) -> int:
    planned: SyncPlan = lht.plan(objects, **_places(org, target, console), **options)
    told = document.plan_document(planned)
    if not console.documents(told, "objects"):
        line = command_line(sys.argv[1:], org.client_secret)
        console.answer(
            terminal.render_plan(planned, console.look(sys.stdout), command=line)
        )
    return int(told["exit_code"])


def command_line(words: Sequence[str], secret: str | None) -> str:
    """Return the line that carries out a plan: the user's own, without the secret."""
    kept = [w for w in words if w not in _DROPPED]
    verb = next(i for i, w in enumerate(kept) if w in {"plan", "sync"})
    kept[verb] = "sync"
    if secret:
        kept = [w.replace(secret, "****") for w in kept]
    return shlex.join(["lht", *kept])


def _show_report(report: SyncReport, console: Console) -> int:
    if console.documents(document.report_document(report), "objects"):
        for o in report.objects:
            if o.error:
                console.cry(f"error[{o.error.code}]: {o.sobject}: {o.error.message}")
        return report.exit_code
    look = console.look(sys.stdout)
    if not console.quiet and report.objects:
        console.answer(terminal.render_receipts(report, look) + "\n")
    failures = terminal.render_failures(report, console.look(sys.stderr))
    if failures:
        console.cry(failures + "\n")
    console.answer(terminal.render_ending(report, look))
    return report.exit_code


def _show_runs(history: Sequence[SyncReport], console: Console) -> None:
    if not console.documents(document.runs_document(history), "runs"):
        console.answer(terminal.render_runs(history, console.look(sys.stdout)))


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    where = "--warehouse duckdb:///crm.duckdb"
    command(
        app,
        examples=(
            f"lht plan Account Contact {where}",
            "lht plan Opportunity --where 'IsClosed = false'",
        ),
    )(plan)
    command(
        app,
        examples=(f"lht sync Account Contact {where}", "lht sync Account --full"),
    )(sync)
    command(app, examples=(f"lht runs {where}", "lht runs 01JD3W8K --json"))(runs)
