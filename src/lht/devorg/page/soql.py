"""A query, typed in by hand: its result as a table, or what is wrong with it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from lht.devorg.errors import OrgError
from lht.devorg.http.limits import VERSIONS
from lht.devorg.http.nested import PageReader
from lht.devorg.http.query import compile_soql
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.page.frame import page, problem, refusal
from lht.devorg.page.markup import Child, Html, address, link, row, show, table, tag
from lht.devorg.render import render_group
from lht.devorg.soql import Compiled

SHOWN = 200

_EXAMPLE = "SELECT Id, Name FROM Account LIMIT 20"
_PLACE = re.compile(r"line (\d+):(\d+) ")

Found = tuple[int, Sequence[Json]]
"""How many rows there are, and the first of them."""


def ask(service: Service, call: Call) -> Answer:
    """Answer ``GET /devorg/soql``: the box, and what came of ``q``."""
    text = call.params.get("q", "").replace("\r\n", "\n")
    all_rows = "all" in call.params
    status, result = 200, None
    if text.strip():
        try:
            result = _result(*_run(service, text, all_rows=all_rows))
        except OrgError as error:
            status, result = error.status, _wrong(text, error)
    box = _box(text or _EXAMPLE, all_rows=all_rows)
    return page(service, "SOQL", box, result, status=status)


def _box(text: str, *, all_rows: bool) -> Html:
    area = tag(
        "textarea",
        "\n" if text.startswith("\n") else None,  # the first one, browsers leave out
        text,
        name="q",
        id="q",
        rows=max(4, min(16, text.count("\n") + 2)),
        spellcheck="false",
        autocapitalize="off",
    )
    tick = tag("input", type="checkbox", name="all", value="1", checked=all_rows)
    return tag(
        "form",
        tag("label", "Query", for_="q"),
        area,
        tag("label", tick, " with what is in the recycle bin"),
        tag("button", "Run"),
        method="get",
        action=address("soql"),
    )


def _run(service: Service, text: str, *, all_rows: bool) -> Found:
    compiled = compile_soql(service, text, all_rows=all_rows)
    with closing(service.store.cursor()) as db:
        db.begin()
        if compiled.is_count:
            return _count(compiled.count_sql, compiled, db), []
        if compiled.is_grouped:
            return _groups(compiled, db)
        total = _count(compiled.count_sql, compiled, db)
        sql = f"SELECT * FROM ({compiled.ids_sql}) LIMIT {SHOWN}"
        ids = [id_ for (id_,) in db.execute(sql, compiled.params).fetchall()]
        base = f"/services/data/v{VERSIONS[-1]}"
        reader = PageReader(service, db, None, base, SHOWN)
        return total, reader.read(compiled, ids)[0]


def _groups(compiled: Compiled, db: Any) -> Found:
    total = _count(f"SELECT count(*) FROM ({compiled.sql})", compiled, db)
    rows = db.execute(compiled.sql, compiled.params).fetchmany(SHOWN)
    return total, [render_group(compiled.columns, found) for found in rows]


def _count(sql: str, compiled: Compiled, db: Any) -> int:
    (count,) = db.execute(sql, compiled.params).fetchone()
    return int(count)


def _result(total: int, records: Sequence[Json]) -> Html:
    shown = f", {len(records):,} shown" if 0 < len(records) < total else ""
    count = tag("p", f"{total:,} {'row' if total == 1 else 'rows'}{shown}")
    return tag("section", count, _records(records, "Result") if records else None)


def _records(records: Sequence[Json], label: str) -> Html:
    """Return records as a table whose columns are the fields of all of them."""
    flat = [dict(_cells(record)) for record in records]
    titles = list(dict.fromkeys(title for cells in flat for title in cells))
    rows = (
        row(
            *(cells.get(title) for title in titles),
            class_="deleted" if record.get("IsDeleted") else None,
        )
        for record, cells in zip(records, flat, strict=True)
    )
    return table(titles, rows, label=label)


def _cells(record: Json, before: str = "") -> Iterator[tuple[str, Child]]:
    """Yield a record's fields, parents' fields by their path."""
    kind, _, id_ = _address(record)
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, dict) and "attributes" in value:
            yield from _cells(value, f"{before}{name}.")
        elif isinstance(value, dict) and "records" in value:
            yield before + name, _children(name, value)
        elif name == "Id" and value == id_:
            yield before + name, link(value, address("objects", kind, value))
        else:
            yield before + name, show(value)


def _address(record: Json) -> tuple[str, str, str]:
    """Return object and id of a record, as its address tells them."""
    url: str = record["attributes"].get("url", "")
    return url.removeprefix("/").rpartition("/sobjects/")[2].partition("/")


def _children(name: str, found: Json) -> Html:
    total = found["totalSize"]
    return tag(
        "details",
        tag("summary", f"{total:,} of {name}"),
        _records(found["records"], name),
    )


def _wrong(text: str, error: OrgError) -> Html:
    """Return what is wrong with a query, and where."""
    if place := _PLACE.match(error.message):
        line = text.split("\n")[int(place[1]) - 1]
        shown = f"{line}\n{' ' * int(place[2])}^"
        return problem(f"{error.code}: {error.message}", shown)
    return refusal(error)
