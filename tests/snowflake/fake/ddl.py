"""The statements that define: each commits the open transaction first."""

import datetime as dt
from typing import Any

from sqlglot import exp
from tests.snowflake.fake.catalog import (
    FULL_TEXT,
    TEMPORARY,
    Column,
    Name,
    literal,
    quoted,
)
from tests.snowflake.fake.dialect import duck_type, parameters, translated
from tests.snowflake.fake.dml import query_sql
from tests.snowflake.fake.errors import GapError, RefusedError, exists, missing
from tests.snowflake.fake.session import (
    Answer,
    Rows,
    Session,
    folded_node,
    statement,
    status,
)

_CANONICAL = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UINTEGER",
    "UHUGEINT", "USMALLINT", "UTINYINT",
}  # fmt: skip
_PROPERTIES = (
    exp.TemporaryProperty,
    exp.TransientProperty,
    exp.CopyGrantsProperty,
    exp.LikeProperty,
    exp.SchemaCommentProperty,
)


@statement(exp.Create)
def create(session: Session, tree: exp.Create, rows: Rows, _array: bool) -> Answer:
    kind = str(tree.args["kind"]).upper()
    for node in _properties(tree):
        if not isinstance(node, _PROPERTIES):
            raise GapError(f"CREATE {kind} with {node.sql('snowflake')}")
    if kind not in _CREATORS:
        raise GapError(f"CREATE {kind}")
    if tree.args.get("replace") and tree.args.get("exists"):
        raise RefusedError("SQL compilation error:\nOR REPLACE and IF NOT EXISTS both.")
    return _CREATORS[kind](session, tree, rows)


def _properties(tree: exp.Create) -> list[exp.Expression]:
    properties = tree.args.get("properties")
    return list(properties.expressions) if properties else []


def _property(tree: exp.Create, kind: type[exp.Expression]) -> Any:
    return next((node for node in _properties(tree) if isinstance(node, kind)), None)


def _comment(tree: exp.Create) -> str | None:
    node = _property(tree, exp.SchemaCommentProperty)
    return node.name if node else None


def _create_table(session: Session, tree: exp.Create, rows: Rows) -> Answer:
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    name = session.table_name(schema.this if schema else tree.this)
    check_schema(session, name)
    temporary = _property(tree, exp.TemporaryProperty) is not None
    if temporary:
        session.forbid("CREATE TEMPORARY TABLE")
    place = name.temporary if temporary else name
    there = name in session.temporary if temporary else session.catalog.kind(name)
    if there and tree.args.get("exists"):
        session.end("COMMIT")
        return status(f"{name.name} already exists, statement succeeded.")
    if there and not tree.args.get("replace"):
        raise exists(str(name))
    about = {
        "transient": _property(tree, exp.TransientProperty) is not None,
        "created": dt.datetime.now(dt.UTC).isoformat(),
        "comment": _comment(tree),
    }
    columns, source = _contents(session, tree, schema)
    session.define(
        lambda: _make(
            session,
            place,
            columns,
            about,
            source=source,
            values=rows[0],
            there=bool(there),
        )
    )
    if temporary:
        session.temporary.add(name)
    session.server.stages.forget_loads(name)
    return status(f"Table {name.name} successfully created.")


def check_schema(session: Session, name: Name) -> None:
    if not session.catalog.has_schema(name.database, name.schema):
        raise missing(f"Schema '{name.database}.{name.schema}'")


def _contents(
    session: Session, tree: exp.Create, schema: exp.Schema | None
) -> tuple[list[Column], str | None]:
    """Say the columns of a new table, and the query that fills it."""
    if like := _property(tree, exp.LikeProperty):
        return _columns_of(session, like.this), None
    if clone := tree.args.get("clone"):
        place = session.existing(session.table_name(clone.this))
        return session.catalog.columns(place), f"SELECT * FROM {place.quoted}"
    if tree.expression:
        sql = query_sql(session, tree.expression)
        if schema:
            return _defined(session, schema), sql
        return _described(session, sql), sql
    if schema is None:
        raise RefusedError("SQL compilation error:\nMissing column specification")
    return _defined(session, schema), None


def _columns_of(session: Session, node: exp.Expression) -> list[Column]:
    return session.catalog.columns(session.existing(session.table_name(node)))


def _described(session: Session, sql: str) -> list[Column]:
    described = session.duck.describe(sql)
    return [Column(name, _canonical(kind)) for name, kind in described]


def _canonical(duck: str) -> str:
    """Name a type of DuckDB's as the fake keeps it."""
    if duck in _CANONICAL:
        return "DECIMAL(38,0)"
    return {"FLOAT": "DOUBLE", '"NULL"': "VARCHAR", "UUID": "VARCHAR"}.get(duck, duck)


def _defined(session: Session, schema: exp.Schema) -> list[Column]:
    keys: set[str] = set()
    columns = []
    for node in schema.expressions:
        if isinstance(node, exp.ColumnDef):
            columns.append(column_of(session, node))
        elif isinstance(node, exp.PrimaryKey):
            keys |= {folded_node(key) for key in node.expressions}
        elif not isinstance(node, exp.UniqueColumnConstraint):
            raise GapError(f"{node.sql('snowflake')} in CREATE TABLE")
    names = [column.name for column in columns]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise RefusedError(
            f"SQL compilation error:\nduplicate column name '{doubled}'", 2025
        )
    for column in columns:
        column.nullable = column.nullable and column.name not in keys
    return columns


def column_of(session: Session, node: exp.ColumnDef) -> Column:
    """Read the definition of a column; keys are not enforced, as in Snowflake."""
    kind = node.args.get("kind")
    if kind is None:
        raise RefusedError("SQL compilation error:\nMissing data type")
    column = Column(folded_node(node.this), duck_type(kind), about=declared(kind))
    for constraint in node.args.get("constraints") or []:
        _constrain(session, column, constraint.args["kind"])
    return column


def declared(kind: exp.DataType) -> dict[str, Any]:
    name = kind.this.value
    lengths = parameters(kind)
    if name in {"TIMESTAMPTZ", "ARRAY", "OBJECT"}:
        return {"type": {"TIMESTAMPTZ": "TIMESTAMP_TZ"}.get(name, name)}
    if name in {"VARCHAR", "TEXT", "CHAR"} and lengths and lengths[0] < FULL_TEXT:
        return {"length": lengths[0]}
    return {"length": 1} if name == "CHAR" and not lengths else {}


def _constrain(session: Session, column: Column, kind: exp.Expression) -> None:
    if isinstance(kind, exp.NotNullColumnConstraint):
        column.nullable = bool(kind.args.get("allow_null"))
    elif isinstance(kind, exp.CommentColumnConstraint):
        column.about["comment"] = kind.name
    elif isinstance(kind, exp.DefaultColumnConstraint):
        column.about["default"] = kind.this.sql(dialect="snowflake")
        column.default = translated(kind.this.copy(), session)
    elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
        column.nullable = False
    elif isinstance(
        kind,
        exp.AutoIncrementColumnConstraint | exp.GeneratedAsIdentityColumnConstraint,
    ):
        column.about["identity"] = True
        column.default = (
            f"nextval({literal(session.server.sequence(str(session.database)))})"
        )
    elif not isinstance(kind, exp.UniqueColumnConstraint):
        raise GapError(f"{kind.sql('snowflake')} on a column")


def _make(
    session: Session,
    place: Name,
    columns: list[Column],
    about: dict[str, Any],
    *,
    source: str | None,
    values: list[Any],
    there: bool,
) -> None:
    if there:
        session.duck.run(f"DROP TABLE {place.quoted}")
    kind = "TEMP TABLE" if place[:2] == TEMPORARY else "TABLE"
    definitions = ", ".join(column.definition() for column in columns)
    session.duck.run(f"CREATE {kind} {place.quoted} ({definitions})")
    session.catalog.write_about(place, about)
    for column in columns:
        if column.about:
            session.catalog.write_column_about(place, column)
    if source:
        session.duck.run(f"INSERT INTO {place.quoted} {source}", values)


def _create_view(session: Session, tree: exp.Create, _rows: Rows) -> Answer:
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    name = session.table_name(schema.this if schema else tree.this)
    check_schema(session, name)
    there = session.catalog.kind(name)
    if there == "BASE TABLE" or (there and not _lenient(tree)):
        raise exists(str(name))
    if there and tree.args.get("exists"):
        return status(f"{name.name} already exists, statement succeeded.")
    sql = query_sql(session, tree.expression)
    heads = (
        [folded_node(getattr(n, "this", n)) for n in schema.expressions]
        if schema
        else []
    )
    names = f" ({', '.join(map(quoted, heads))})" if heads else ""
    session.define(
        lambda: session.duck.run(
            f"CREATE OR REPLACE VIEW {name.quoted}{names} AS {sql}"
        )
    )
    return status(f"View {name.name} successfully created.")


def _lenient(tree: exp.Create) -> bool:
    return bool(tree.args.get("exists") or tree.args.get("replace"))


def _create_schema(session: Session, tree: exp.Create, _rows: Rows) -> Answer:
    """Make a schema, which is then the session's current one."""
    database, schema = _schema_name(session, tree.this)
    if not session.catalog.has_database(database):
        raise missing(f"Database '{database}'")
    there = session.catalog.has_schema(database, schema)
    if there and not tree.args.get("exists"):
        raise exists(schema)
    place = f"{quoted(database)}.{quoted(schema)}"
    session.define(lambda: session.duck.run(f"CREATE SCHEMA IF NOT EXISTS {place}"))
    session.use(database, schema)
    return status(f"Schema {schema} successfully created.")


def _schema_name(session: Session, node: exp.Expression) -> tuple[str, str]:
    parts = [node.args.get("catalog"), node.args.get("db")]
    named = [folded_node(part) for part in parts if part]
    return session.name(*named, "")[:2]


def _create_database(session: Session, tree: exp.Create, _rows: Rows) -> Answer:
    name = folded_node(tree.this.this)
    there = session.catalog.has_database(name)
    if there and not tree.args.get("exists"):
        raise exists(name)
    session.end("COMMIT")
    if not there:
        session.server.attach(name)
    session.use(name, "PUBLIC")
    return status(f"Database {name} successfully created.")


_CREATORS = {
    "TABLE": _create_table,
    "VIEW": _create_view,
    "SCHEMA": _create_schema,
    "DATABASE": _create_database,
}


@statement(exp.Drop)
def drop(session: Session, tree: exp.Drop, _rows: Rows, _array: bool) -> Answer:
    kind, node = str(tree.args["kind"]).upper(), _dropped(tree)
    if kind == "SCHEMA":
        return _drop_schema(session, tree, node)
    if kind == "DATABASE":
        return _drop_database(session, tree, folded_node(node.this))
    if kind not in {"TABLE", "VIEW"}:
        raise GapError(f"DROP {kind}")
    name = session.table_name(node)
    place = session.catalog.place(name)
    if place is None:
        session.end("COMMIT")
        if tree.args.get("exists"):
            return status("Drop statement executed successfully.")
        raise missing(f"{kind.title()} '{name}'")
    session.define(lambda: session.duck.run(f"DROP {kind} {place.quoted}"))
    session.temporary.discard(name)
    session.server.stages.forget_loads(name)
    return status(f"{name.name} successfully dropped.")


def _dropped(tree: exp.Drop) -> exp.Expression:
    tables = tree.args.get("tables") or [tree.this]
    if len(tables) != 1:
        raise RefusedError("SQL compilation error:\nsyntax error: one name at a time.")
    return tables[0]


def _drop_schema(session: Session, tree: exp.Drop, node: exp.Expression) -> Answer:
    database, schema = _schema_name(session, node)
    if not session.catalog.has_schema(database, schema) and not tree.args.get("exists"):
        raise missing(f"Schema '{database}.{schema}'")
    place = f"{quoted(database)}.{quoted(schema)}"
    session.define(lambda: session.duck.run(f"DROP SCHEMA IF EXISTS {place} CASCADE"))
    if (session.database, session.schema) == (database, schema):
        session.schema = None
    return status(f"{schema} successfully dropped.")


def _drop_database(session: Session, tree: exp.Drop, name: str) -> Answer:
    if not session.catalog.has_database(name) and not tree.args.get("exists"):
        raise missing(f"Database '{name}'")
    session.end("COMMIT")
    session.server.drop_database(name)
    if session.database == name:
        session.database = session.schema = None
    return status(f"{name} successfully dropped.")
