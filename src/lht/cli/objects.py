"""``lht objects``."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from lht.cli.connections import Org
from lht.cli.console import Console
from lht.cli.frame import command
from lht.report import document, terminal


def objects(
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="Only names or labels that contain it."),
    ] = None,
    *,
    org: Org,
    console: Console,
) -> None:
    """List what the org has that can be synced."""
    from lht.connect import opened_client
    from lht.salesforce.describe import list_sobjects
    from lht.salesforce.limits import read_record_counts

    with opened_client(org.resolve(console)) as client:
        found = [
            s
            for s in list_sobjects(client)
            if s.queryable and not s.deprecated and _matches(pattern, s.name, s.label)
        ]
        counts = read_record_counts(client, [s.name for s in found])
        place = terminal.org_line(client.instance_url, client.org_id)
    rows = [asdict(s) | {"records": counts.get(s.name)} for s in found]
    if not console.documents(document.objects_document(rows), "objects"):
        console.say(place + "\n")
        look = console.look(sys.stdout)
        console.answer(terminal.render_objects(rows, look))


def _matches(pattern: str | None, *texts: str) -> bool:
    return pattern is None or any(pattern.lower() in t.lower() for t in texts)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    examples = ("lht objects", "lht objects campaign --json")
    command(app, examples=examples)(objects)
