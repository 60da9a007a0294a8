"""``lht demo``: the whole story on this machine. Every number in it is computed."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import lht
from lht.cli.console import Console
from lht.cli.extra import load_devorg
from lht.cli.frame import command
from lht.config import SalesforceConnection
from lht.exceptions import ConfigError
from lht.report import document
from lht.report.look import Look, Sign, Style, duration_words, number
from lht.report.terminal import duckdb_command, own_word
from lht.report.values import ObjectReport, SyncReport

if TYPE_CHECKING:
    from lht.devorg import Org

FILE: Final = "lht-demo.duckdb"
ROWS: Final = {"Account": 100_000, "Contact": 50_000}
SCHEMA: Final = "raw"
SEED: Final = 20_261_121
_EDITED, _NEW, _DELETED = 356, 60, 15
_NEXT: Final = " plan Account --salesforce-domain YOUR_DOMAIN"
_A_DAY: Final = timedelta(days=1)
_AN_HOUR: Final = timedelta(hours=1)  # more than the org's clock may lag its stamps


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing an org with its tables has found."""

    records: int
    rows: int
    values: int
    differing: int


def demo(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", help=f"DuckDB file to make; {FILE} if not given."),
    ] = None,
    console: Console,
) -> int:
    """See it all in a minute, on this machine.

    An org is started, synced, changed, synced again and compared, value by value.
    """
    devorg = load_devorg()
    path = _new_file(file)
    story = _Story(console)
    began = time.monotonic()
    with devorg.start(rows=ROWS, seed=SEED) as org:
        story.started(org, time.monotonic() - began)
        places: dict[str, Any] = {
            "salesforce": connection_to(org),
            "warehouse": f"duckdb:///{path}",
            "schema": SCHEMA,
        }
        first = story.synced(places)
        changes = _let_a_day_pass(org)
        story.day_passed(changes)
        second = story.synced(places)
        found = compare(org, path, ROWS)
    story.compared(found, path)
    told = {"file": str(path), "changes": changes, "compared": asdict(found)}
    syncs = [document.report_document(r) for r in (first, second)]
    console.documents(document.command_document("lht.demo/1", told | {"syncs": syncs}))
    return int(found.differing > 0)


def connection_to(org: "Org") -> SalesforceConnection:
    """Return what enters a local org."""
    return SalesforceConnection(
        url=org.url, client_id=org.client_id, client_secret=org.client_secret
    )


def _new_file(file: Path | None) -> Path:
    """Return a path that is free: an earlier demo's file is someone's by now."""
    if file is None:
        stem, suffix = FILE.split(".")
        names = (FILE if n == 1 else f"{stem}-{n}.{suffix}" for n in count(1))
        return next(path for path in map(Path, names) if not path.exists())
    if file.exists():
        raise ConfigError(f"{file} exists already", hint="name a file that does not")
    return file


# -- what happens to the org ---------------------------------------------------------


def _let_a_day_pass(org: "Org") -> dict[str, int]:
    """Change the org a day after the first sync, as its users would."""
    org.clock.advance(_A_DAY)
    began = org.clock.now().replace(microsecond=0, tzinfo=None)
    ids = _live_accounts(org, _EDITED + _DELETED)
    for n, account in enumerate(ids[:_EDITED]):
        org.update(
            "Account", account, {"AnnualRevenue": n * 1000.25, "Site": f"Hall {n}"}
        )
    for n in range(_NEW):
        org.insert("Account", {"Name": f"New customer {n + 1} ✨"})
    for account in ids[_EDITED:]:
        org.delete(account)
    org.clock.advance(_AN_HOUR)
    done = {"edited": _EDITED, "new": _NEW, "deleted": _DELETED}
    return done | {"changed": sum(_changed(org, name, began) for name in ROWS)}


def _changed(org: "Org", name: str, since: datetime) -> int:
    """Count what has changed, with all that the changes have dragged along."""
    sql = f'SELECT count(*) FROM "{name}" WHERE SystemModstamp >= ?'
    with closing(org.store.cursor()) as cursor:
        return int(cursor.execute(sql, [since]).fetchall()[0][0])


def _live_accounts(org: "Org", limit: int) -> list[str]:
    sql = "SELECT Id FROM Account WHERE NOT IsDeleted ORDER BY hash(Id) LIMIT ?"
    with closing(org.store.cursor()) as cursor:
        return [row[0] for row in cursor.execute(sql, [limit]).fetchall()]


# -- comparing -----------------------------------------------------------------------


def compare(org: "Org", file: Path, names: Iterable[str]) -> Comparison:
    """Compare every stored value of an org with the tables in *file*.

    The org's own store is read, by SQL: no code that reads or writes for ``lht`` has a
    part in it.
    """
    with closing(org.store.cursor()) as cursor:
        path = str(file).replace("'", "''")
        cursor.execute(f"ATTACH '{path}' AS synced (READ_ONLY)")
        found = [_compare_object(cursor, name) for name in names]
        cursor.execute("DETACH synced")
    return Comparison(*(sum(column) for column in zip(*found, strict=True)))


def _compare_object(cursor: Any, name: str) -> tuple[int, int, int, int]:
    ours, theirs = f'synced."{SCHEMA}"."{name}"', f'"{name}"'
    held = {column.lower() for column, _ in _columns(cursor, ours)}
    pairs = [(c, kind) for c, kind in _columns(cursor, theirs) if c.lower() in held]
    differing = " + ".join(f"count_if({_differs(c, kind)})" for c, kind in pairs)
    records, rows, different = cursor.execute(
        f"SELECT count(o.Id), count(t.Id), {differing}"
        f" FROM {theirs} o FULL JOIN {ours} t ON o.Id = t.Id"
    ).fetchone()
    return records, rows, records * len(pairs), different


def _differs(column: str, kind: str) -> str:
    """Compare a column; a number is read as the org holds it, through its text."""
    value = f't."{column}"'
    if kind == "DOUBLE":
        value = f"CAST(CAST({value} AS VARCHAR) AS DOUBLE)"
    return f'{value} IS DISTINCT FROM o."{column}"'


def _columns(cursor: Any, table: str) -> Iterator[tuple[str, str]]:
    rows = cursor.execute(f"DESCRIBE {table}").fetchall()
    return ((row[0], row[1]) for row in rows)


# -- what is told --------------------------------------------------------------------


class _Story:
    """Tells what happens, step by step, unless a document is wanted instead."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._look: Look = console.look(sys.stdout)

    def _tell(self, *lines: str) -> None:
        if self._console.is_for_people:
            for line in lines:
                self._console.answer(line)

    def started(self, org: "Org", seconds: float) -> None:
        """Introduce the org."""
        held = " and ".join(f"{number(n)} {name}s" for name, n in ROWS.items())
        self._tell(
            f"1/4  A Salesforce of your own now runs at {org.url} (no account)",
            f"     {held}, made in {duration_words(seconds)}",
            "2/4  lht sync Account Contact",
        )

    def synced(self, places: Mapping[str, Any]) -> SyncReport:
        """Sync, and show the receipts."""
        with self._console.progress() as listener:
            report: SyncReport = lht.sync(list(ROWS), **places, listener=listener)
        self._tell(*(self._receipt(o) for o in report.objects))
        return report

    def _receipt(self, o: ObjectReport) -> str:
        did = ", ".join(
            f"{number(n)} {word}"
            for word in ("inserted", "updated", "unchanged")
            if (n := getattr(o, word))
        )
        took = self._look.paint(f"{duration_words(o.seconds):>8}", Style.FAINT)
        what = f"{o.sobject}  {o.mode!s:11} {number(o.read):>9} read"
        return f"     {self._look.sign(Sign.DONE)} {what}  {did:30}{took}"

    def day_passed(self, changes: Mapping[str, int]) -> None:
        """Say what has happened in the org meanwhile."""
        done = (f"{number(changes[w])} {w}" for w in ("edited", "new", "deleted"))
        self._tell(
            "3/4  The org's clock moves on a day, past what is synced so far.",
            f"     Accounts meanwhile: {', '.join(done)};"
            f" with what that drags along, {number(changes['changed'])} changes",
            "     lht sync Account Contact",
        )

    def compared(self, found: Comparison, file: Path) -> None:
        """Show the proof, and what to do next."""
        sign = self._look.sign(Sign.FAILED if found.differing else Sign.DONE)
        self._tell(
            f"4/4  {number(found.records)} records in the org,"
            f" {number(found.rows)} rows in the tables",
            f"     {sign} {number(found.values)} values compared,"
            f" {number(found.differing)} differ",
            "",
            f"Yours: {file}, to look around in:",
            *(f"  {self._command(line)}" for line in _to_try(file)),
            "Next, your own org:",
            f"  {self._command(own_word('lht') + _NEXT)}",
        )

    def _command(self, line: str) -> str:
        return self._look.paint(line, Style.COMMAND)


def _to_try(file: Path) -> Iterator[str]:
    account, contact = f"{SCHEMA}.account", f"{SCHEMA}.contact"
    yield duckdb_command(str(file), f"FROM {account} LIMIT 5")
    joined = f"{contact} c JOIN {account} a ON a.id = c.accountid"
    sql = f"SELECT a.name, count(*) AS contacts FROM {joined} GROUP BY a.id, a.name"
    yield duckdb_command(str(file), f"{sql} ORDER BY 2 DESC LIMIT 5")
    yield f"{own_word('lht')} runs --warehouse duckdb:///{file}"


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    examples = ("lht demo", "lht demo --file try.duckdb")
    command(app, examples=examples)(demo)
