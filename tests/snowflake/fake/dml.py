"""Queries, and the statements that change rows."""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
from sqlglot import exp
from tests.snowflake.fake.catalog import Column, Name, quoted
from tests.snowflake.fake.dialect import call, rewritten, translated
from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.session import (
    DELETE,
    INSERT,
    MERGE,
    QUERY,
    UPDATE,
    Answer,
    Rows,
    Session,
    statement,
    status,
)

_BOUND = '"temp"."main"."bound"'
_KEPT = '"temp"."main"."overwriting"'
_DONE = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


# -- queries ---------------------------------------------------------------------------


@statement(exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery)
def query(session: Session, tree: exp.Query, rows: Rows, _array: bool) -> Answer:
    sql = query_sql(session, tree)
    table, variants = session.read(lambda: fetched(session, sql, rows[0]))
    return Answer(QUERY, table, variants)


def query_sql(session: Session, tree: exp.Expression) -> str:
    """Say a query in DuckDB's SQL, its columns named as Snowflake names them."""
    _name_columns(tree)
    return translated(tree, session)


def fetched(
    session: Session, sql: str, values: list[Any]
) -> tuple[pa.Table, frozenset[int]]:
    table, kinds = session.duck.fetch(sql, values)
    return table, frozenset(n for n, kind in enumerate(kinds) if kind == "JSON")


def _name_columns(tree: exp.Expression) -> None:
    """Name what has no alias by its own text, upper-cased."""
    outermost = tree
    while not isinstance(outermost, exp.Select) and isinstance(
        outermost.this, exp.Expression
    ):
        outermost = outermost.this
    if not isinstance(outermost, exp.Select):
        return
    named = exp.Alias | exp.Column | exp.Star
    for node in outermost.expressions:
        if not isinstance(node, named) and not node.is_star:
            name = node.sql(dialect="snowflake").upper()
            node.replace(exp.alias_(node.copy(), name, quoted=True))


# -- changes ---------------------------------------------------------------------------


@statement(exp.Insert)
def insert(session: Session, tree: exp.Insert, rows: Rows, array: bool) -> Answer:
    target, columns, place = _target(session, tree)
    source = translated(tree.expression, session)
    names = ", ".join(quoted(column.name) for column in columns)
    values = ", ".join(
        assigned(exp.column(exp.to_identifier(column.name, quoted=True)), column).sql(
            "duckdb"
        )
        for column in columns
    )
    select = f'SELECT {values} FROM ({source}) AS "rows"({names})'
    into = f"INSERT INTO {place.quoted} ({names})"
    if tree.args.get("overwrite"):
        run = _overwriting(session, place, into, select, rows[0])
        return _changed(INSERT, inserted=session.write(run, locks=target))
    run = _repeated(session, f"{into} {select}", rows)
    if array and _are_texts(tree.expression, rows):
        texts = f'SELECT {values} FROM {_BOUND} AS "rows"({names})'
        run = _at_once(session, f"{into} {texts}", rows)
    count = session.write(run)
    return _changed(INSERT, inserted=count)


def _target(session: Session, tree: exp.Insert) -> tuple[Name, list[Column], Name]:
    for clause in ("conflict", "returning", "by_name", "default"):
        if tree.args.get(clause):
            raise RefusedError(
                f"SQL compilation error:\nsyntax error: unexpected {clause}."
            )
    node = tree.this
    table = node.this if isinstance(node, exp.Schema) else node
    name = session.table_name(table)
    place = session.existing(name)
    columns = session.catalog.columns(place)
    if isinstance(node, exp.Schema):
        columns = [_named(columns, column) for column in node.expressions]
    return name, columns, place


def _named(columns: Iterable[Column], node: exp.Expression) -> Column:
    name = node.name if node.args.get("quoted") else node.name.upper()
    for column in columns:
        if column.name == name:
            return column
    text = f"SQL compilation error:\ninvalid identifier '{quoted(name)}'"
    raise RefusedError(text, 904, "42000")


def _repeated(session: Session, sql: str, rows: Rows) -> Callable[[], int]:
    def run() -> int:
        return sum(_count(session, sql, row) for row in rows)

    return run


def _are_texts(source: exp.Expression, rows: Rows) -> bool:
    """Tell whether an array of texts is inserted as it is, one column for each."""
    tuples = source.expressions if isinstance(source, exp.Values) else []
    plain = len(tuples) == 1 and all(
        isinstance(node, exp.Placeholder) for node in tuples[0].expressions
    )
    return plain and all(v is None or isinstance(v, str) for row in rows for v in row)


def _at_once(session: Session, sql: str, rows: Rows) -> Callable[[], int]:
    by_column = zip(*rows, strict=True)
    columns = {f"c{n}": pa.array(v, pa.string()) for n, v in enumerate(by_column)}
    table = pa.table(columns)

    def run() -> int:
        session.duck.register("bound", table)
        count = _count(session, sql, [])
        session.duck.unregister("bound")
        return count

    return run


def _count(session: Session, sql: str, values: list[Any]) -> int:
    return int(session.duck.run(sql, values)[0][0])


def _overwriting(
    session: Session, place: Name, into: str, select: str, values: list[Any]
) -> Callable[[], int]:
    """Put rows in place of all others, which the source may still be reading."""

    def run() -> int:
        session.duck.run(f"CREATE OR REPLACE TEMP TABLE {_KEPT} AS {select}", values)
        session.duck.run(f"DELETE FROM {place.quoted}")
        count = _count(session, f"{into} FROM {_KEPT}", [])
        session.duck.run(f"DROP TABLE {_KEPT}")
        return count

    return run


def assigned(value: exp.Expression, column: Column) -> exp.Expression:
    """Convert a value to a column's type, as Snowflake does when it is stored."""
    family = column.duck.split("(")[0]
    kind = exp.DataType.build(column.duck, dialect="duckdb")
    if family in {"DECIMAL", "DOUBLE"}:
        check = "_SF_NUMBER" if family == "DECIMAL" else "_SF_FLOAT"
        return exp.Cast(this=call(check, value), to=kind)
    if family in {"BOOLEAN", "DATE", "TIME", "TIMESTAMP"} and "ZONE" not in family:
        return call(f"_SF_{family}", value)
    if family == "VARCHAR":
        text = call("_SF_TEXT", value)
        length = column.about.get("length")
        return (
            call("_SF_SHORT_TEXT", text, exp.Literal.number(length)) if length else text
        )
    if family == "BLOB":
        return call("_SF_BINARY", value)
    if family == "JSON":
        return exp.Anonymous(this="to_json", expressions=[value])
    return exp.Cast(this=value, to=kind)


@statement(exp.Update)
def update(session: Session, tree: exp.Update, rows: Rows, _array: bool) -> Answer:
    name = session.table_name(tree.this)
    columns = session.catalog.columns(session.existing(name))
    tree = rewritten(tree, session)
    for pair in tree.expressions:
        _assign(pair, columns)
    run = _repeated(session, tree.sql("duckdb"), rows)
    count = session.write(run, locks=name)
    counts = {"number of rows updated": count, "number of multi-joined rows updated": 0}
    return Answer(UPDATE, counts=counts)


def _assign(pair: exp.Expression, columns: list[Column]) -> None:
    """Make ``t."C" = value`` a column of the target and a value of its type."""
    if not isinstance(pair, exp.EQ):
        raise GapError(f"SET {pair.sql('snowflake')}")
    column = _named(columns, pair.this.this)
    pair.set("this", exp.column(exp.to_identifier(column.name, quoted=True)))
    pair.set("expression", assigned(pair.expression.copy(), column))


@statement(exp.Delete)
def delete(session: Session, tree: exp.Delete, rows: Rows, _array: bool) -> Answer:
    name = session.table_name(tree.this)
    sql = translated(tree, session)
    return _changed(
        DELETE, deleted=session.write(_repeated(session, sql, rows), locks=name)
    )


@statement(exp.TruncateTable)
def truncate(
    session: Session, tree: exp.TruncateTable, _rows: Rows, _array: bool
) -> Answer:
    name = session.table_name(tree.expressions[0])
    if tree.args.get("exists") and not session.catalog.place(name):
        return status()
    sql = f"DELETE FROM {session.existing(name).quoted}"
    session.write(_repeated(session, sql, [[]]), locks=name)
    session.server.stages.forget_loads(name)
    return status()


@statement(exp.Merge)
def merge(session: Session, tree: exp.Merge, rows: Rows, _array: bool) -> Answer:
    name = session.table_name(tree.this)
    columns = session.catalog.columns(session.existing(name))
    _check_clauses(tree.args["whens"].expressions)
    tree = rewritten(tree, session)
    kinds = [_clause(when, columns) for when in tree.args["whens"].expressions]
    sql = f"{tree.sql('duckdb')} RETURNING merge_action"
    run = _merging(session, sql, rows[0])
    actions = session.write(run, locks=name)
    done = {_DONE[kind]: actions.count(kind) for kind in sorted(set(kinds), key=_ORDER)}
    return _changed(MERGE, **done)


_ORDER = ["INSERT", "UPDATE", "DELETE"].index


def _merging(session: Session, sql: str, values: list[Any]) -> Callable[[], list[str]]:
    def run() -> list[str]:
        return [row[0] for row in session.duck.run(sql, values)]

    return run


def _check_clauses(whens: list[exp.When]) -> None:
    """Refuse clauses that Snowflake has not, or not in this order."""
    ended: set[bool] = set()
    for when in whens:
        matched = bool(when.args.get("matched"))
        if when.args.get("source") or matched in ended:
            raise RefusedError(
                "SQL compilation error:\nsyntax error: unexpected 'WHEN'."
            )
        if not when.args.get("condition"):
            ended.add(matched)


def _clause(when: exp.When, columns: list[Column]) -> str:
    """Convert what a clause stores, and say what it does."""
    then = when.args["then"]
    if isinstance(then, exp.Update):
        for pair in then.expressions:
            _assign(pair, columns)
        return "UPDATE"
    if isinstance(then, exp.Insert):
        _insert_clause(then, columns)
        return "INSERT"
    return "DELETE"


def _insert_clause(then: exp.Insert, columns: list[Column]) -> None:
    stored = columns
    if then.this:
        targets = [node.this if isinstance(node, exp.Column) else node
                   for node in then.this.expressions]  # fmt: skip
        stored = [_named(columns, node) for node in targets]
        names = [exp.to_identifier(column.name, quoted=True) for column in stored]
        then.this.set("expressions", names)
    values = then.expression.expressions
    if len(values) != len(stored):
        raise RefusedError(
            "SQL compilation error:\nInsert value list does not match.", 2057
        )
    pairs = zip(values, stored, strict=True)
    then.expression.set(
        "expressions", [assigned(value.copy(), column) for value, column in pairs]
    )


def _changed(kind: int, **counts: int) -> Answer:
    return Answer(
        kind, counts={f"number of rows {done}": n for done, n in counts.items()}
    )
