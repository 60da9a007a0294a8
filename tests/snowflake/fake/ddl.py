"""The statements that define: each commits the open transaction first."""

import datetime as dt
import re
from typing import Any

import pyarrow as pa
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
from tests.snowflake.fake.dml import fetched, query_sql
from tests.snowflake.fake.errors import Gap, Refused, exists, missing
from tests.snowflake.fake.session import (
    DDL,
    FULL_NAME,
    Answer,
    Rows,
    Session,
    command,
    folded_node,
    statement,
    status,
    unquoted,
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
            raise Gap(f"CREATE {kind} with {node.sql('snowflake')}")
    if kind not in _CREATORS:
        raise Gap(f"CREATE {kind}")
    if tree.args.get("replace") and tree.args.get("exists"):
        raise Refused("SQL compilation error:\nOR REPLACE and IF NOT EXISTS both.")
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
    _check_schema(session, name)
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
            session, place, columns, about, source, rows[0], there=bool(there)
        )
    )
    if temporary:
        session.temporary.add(name)
    session.server.stages.forget_loads(name)
    return status(f"Table {name.name} successfully created.")


def _check_schema(session: Session, name: Name) -> None:
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
        raise Refused("SQL compilation error:\nMissing column specification")
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
            columns.append(_column(session, node))
        elif isinstance(node, exp.PrimaryKey):
            keys |= {folded_node(key) for key in node.expressions}
        elif not isinstance(node, exp.UniqueColumnConstraint):
            raise Gap(f"{node.sql('snowflake')} in CREATE TABLE")
    names = [column.name for column in columns]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise Refused(
            f"SQL compilation error:\nduplicate column name '{doubled}'", 2025
        )
    for column in columns:
        column.nullable = column.nullable and column.name not in keys
    return columns


def _column(session: Session, node: exp.ColumnDef) -> Column:
    """Read the definition of a column; keys are not enforced, as in Snowflake."""
    kind = node.args.get("kind")
    if kind is None:
        raise Refused("SQL compilation error:\nMissing data type")
    column = Column(folded_node(node.this), duck_type(kind), about=_declared(kind))
    for constraint in node.args.get("constraints") or []:
        _constrain(session, column, constraint.args["kind"])
    return column


def _declared(kind: exp.DataType) -> dict[str, Any]:
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
        column.default = f"nextval({literal(session.server.sequence(str(session.database)))})"
    elif not isinstance(kind, exp.UniqueColumnConstraint):
        raise Gap(f"{kind.sql('snowflake')} on a column")


def _make(
    session: Session,
    place: Name,
    columns: list[Column],
    about: dict[str, Any],
    source: str | None,
    values: list[Any],
    *,
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
    _check_schema(session, name)
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
    if not there or not session.server.owners_rights:
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
    if kind not in {"TABLE", "VIEW"}:
        raise Gap(f"DROP {kind}")
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
        raise Refused("SQL compilation error:\nsyntax error: one name at a time.")
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


# -- ALTER -----------------------------------------------------------------------------


@statement(exp.Alter)
def alter(session: Session, tree: exp.Alter, _rows: Rows, _array: bool) -> Answer:
    if str(tree.args["kind"]).upper() != "TABLE":
        raise Gap(f"ALTER {tree.args['kind']}")
    name = session.table_name(tree.this)
    place = session.catalog.place(name)
    if place is None and tree.args.get("exists"):
        session.end("COMMIT")
        return status()
    place = session.existing(name)
    for action in tree.args["actions"]:
        if type(action) not in _ACTIONS:
            raise Gap(f"ALTER TABLE {action.sql('snowflake')}")
    session.define(lambda: _altered(session, name, place, tree.args["actions"]))
    return status()


def _altered(
    session: Session, name: Name, place: Name, actions: list[exp.Expression]
) -> None:
    for action in actions:
        _ACTIONS[type(action)](session, name, place, action)


def _add(session: Session, _name: Name, place: Name, node: Any) -> None:
    column = _column(session, node)
    if column.name in {known.name for known in session.catalog.columns(place)}:
        if node.args.get("exists"):
            return
        raise Refused(
            f"SQL compilation error:\ncolumn '{column.name}' already exists", 1430
        )
    session.duck.run(f"ALTER TABLE {place.quoted} ADD COLUMN {column.definition()}")
    if column.about:
        session.catalog.write_column_about(place, column)


def _existing(session: Session, place: Name, node: exp.Expression) -> Column:
    name = folded_node(node.this if isinstance(node, exp.Column) else node)
    for column in session.catalog.columns(place):
        if column.name == name:
            return column
    raise Refused(f"SQL compilation error:\ncolumn '{name}' does not exist", 904)


def _drop_columns(session: Session, _name: Name, place: Name, node: Any) -> None:
    names = {column.name for column in session.catalog.columns(place)}
    for target in node.args["tables"]:
        if node.args.get("exists") and folded_node(target.this) not in names:
            continue
        column = quoted(_existing(session, place, target).name)
        session.duck.run(f"ALTER TABLE {place.quoted} DROP COLUMN {column}")


def _rename_column(session: Session, _name: Name, place: Name, node: Any) -> None:
    old = _existing(session, place, node.this)
    new = folded_node(node.args["to"].this)
    if new in {column.name for column in session.catalog.columns(place)}:
        raise Refused(f"SQL compilation error:\ncolumn '{new}' already exists", 1430)
    session.duck.run(
        f"ALTER TABLE {place.quoted} RENAME COLUMN {quoted(old.name)} TO {quoted(new)}"
    )


def _rename(session: Session, name: Name, place: Name, node: Any) -> None:
    new = session.table_name(node.this)
    if session.catalog.place(new):
        raise exists(str(new))
    if new[:2] != name[:2] or name in session.temporary:
        raise Gap("a table renamed into another schema, or a temporary one")
    session.duck.run(f"ALTER TABLE {place.quoted} RENAME TO {quoted(new.name)}")
    session.server.stages.rename_loads(name, new)


def _alter_column(session: Session, _name: Name, place: Name, node: Any) -> None:
    column = _existing(session, place, node.this)
    target = f"ALTER TABLE {place.quoted} ALTER COLUMN {quoted(column.name)}"
    if kind := node.args.get("dtype"):
        _change_type(session, place, column, kind, target)
    elif comment := node.args.get("comment"):
        column.about["comment"] = comment.name
        session.catalog.write_column_about(place, column)
    elif node.args.get("drop") and node.args.get("allow_null"):
        session.duck.run(f"{target} DROP NOT NULL")
    elif node.args.get("allow_null") is False:
        session.duck.run(f"{target} SET NOT NULL")
    else:
        raise Gap(node.sql("snowflake"))


def _change_type(
    session: Session, place: Name, column: Column, kind: exp.DataType, target: str
) -> None:
    """Lengthen text or raise a precision; Snowflake changes a type no further."""
    changed = Column(
        column.name, duck_type(kind).replace(" ", ""), about=_declared(kind)
    )
    words = f"from {column.type} to {kind.sql('snowflake')}"
    refusal = f"SQL compilation error:\ncannot change column {column.name} {words}"
    if changed.type != column.type or changed.numbers[1] != column.numbers[1]:
        raise Refused(refusal, 2108, "22000")
    before, after = (
        column.length or column.numbers[0],
        changed.length or changed.numbers[0],
    )
    if (before or 0) > (after or 0):
        raise Refused(refusal, 2108, "22000")
    if changed.duck != column.duck:
        session.duck.run(f"{target} TYPE {changed.duck}")
    column.about.pop("length", None)
    column.about |= changed.about
    session.catalog.write_column_about(place, column)


def _swap(session: Session, name: Name, place: Name, node: Any) -> None:
    other = session.table_name(node.this)
    there = session.existing(other)
    if {name, other} & session.temporary:
        raise Refused("SQL compilation error:\nA temporary table cannot be swapped.")
    if name[:2] != other[:2]:
        raise Gap("tables of two schemas swapped")
    for old, new in ((place, "\x1f"), (there, name.name), (place, other.name)):
        source = Name(*old[:2], "\x1f") if new == other.name else old
        session.duck.run(f"ALTER TABLE {source.quoted} RENAME TO {quoted(new)}")


_ACTIONS: dict[type[exp.Expression], Any] = {
    exp.ColumnDef: _add,
    exp.Drop: _drop_columns,
    exp.RenameColumn: _rename_column,
    exp.AlterRename: _rename,
    exp.AlterColumn: _alter_column,
    exp.SwapTable: _swap,
}


# -- comments and lists ----------------------------------------------------------------


@statement(exp.Comment)
def comment(session: Session, tree: exp.Comment, _rows: Rows, _array: bool) -> Answer:
    kind, text = str(tree.args["kind"]).upper(), tree.expression.name
    session.end("COMMIT")
    if kind == "COLUMN":
        parts = [tree.this.args.get(part) for part in ("catalog", "db", "table")]
        name = session.name(*[folded_node(part) for part in parts if part])
        place = session.existing(name)
        column = _existing(session, place, tree.this)
        column.about["comment"] = text
        session.catalog.write_column_about(place, column)
    elif kind == "TABLE":
        place = session.existing(session.table_name(tree.this))
        session.catalog.write_about(
            place, {**session.catalog.about(place), "comment": text}
        )
    else:
        raise Gap(f"COMMENT ON {kind}")
    return status()


@command(
    r"SHOW (?:TERSE )?(TABLES|VIEWS|SCHEMAS|STAGES)(?: LIKE ('(?:[^']|'')*'))?"
    rf"(?: IN (?:(SCHEMA|DATABASE|ACCOUNT)\b\s*)?({FULL_NAME})?)?\s*$"
)
def show(session: Session, _text: str, match: re.Match[str]) -> Answer:
    what = match[1].upper()
    scope = _scope(session, (match[3] or "").upper(), match[4], what)
    pattern = _like(unquoted(match[2]) if match[2] else "%")
    rows = [
        row
        for row in _LISTS[what](session, scope[0])
        if pattern.fullmatch(row["name"]) and scope[1] in {None, row["schema_name"]}
    ]
    names = _SHOWN[what]
    columns = {name: [row.get(name) for row in rows] for name in names}
    schema = pa.schema([(name, _shown_type(name)) for name in names])
    return Answer(DDL, pa.table(columns, schema=schema))


def _scope(
    session: Session, kind: str, name: str | None, what: str
) -> tuple[str, str | None]:
    """Say whose objects are listed: a database's, or one schema's."""
    parts = session.written_name(f"{name}.X") if name and kind != "DATABASE" else None
    if what == "SCHEMAS" or kind == "DATABASE":
        database = folded_name(name) if name else session.database
        if database is None:
            raise Refused("Cannot perform SHOW. No current database.", 90105, "22000")
        return database, None
    if kind == "ACCOUNT":
        raise Gap("SHOW .. IN ACCOUNT")
    found = parts or session.name("X")
    _check_schema(session, found)
    return found.database, found.schema


def folded_name(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.upper()


def _like(pattern: str) -> re.Pattern[str]:
    """Match by LIKE, whose backslash says that the next sign means itself."""
    parts = re.findall(r"\\.|%|_|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    text = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(text, re.IGNORECASE | re.DOTALL)


def _shown_tables(session: Session, database: str) -> list[dict[str, Any]]:
    listing = session.catalog.listing(database, "TABLES") or pa.table({})
    return [
        {
            "created_on": row["CREATED"],
            "name": row["TABLE_NAME"],
            "database_name": database,
            "schema_name": row["TABLE_SCHEMA"],
            "kind": _shown_kind(row),
            "comment": row["COMMENT"] or "",
            "rows": row["ROW_COUNT"],
            "owner": "SYSADMIN",
        }
        for row in listing.to_pylist()
        if row["TABLE_SCHEMA"] != "INFORMATION_SCHEMA"
    ]


def _shown_kind(row: dict[str, Any]) -> str:
    if row["TABLE_TYPE"] == "LOCAL TEMPORARY":
        return "TEMPORARY"
    if row["TABLE_TYPE"] == "VIEW":
        return "VIEW"
    return "TRANSIENT" if row["IS_TRANSIENT"] == "YES" else "TABLE"


def _shown_schemas(session: Session, database: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "database_name": database, "schema_name": name}
        for name in session.catalog.schemas(database)
    ]


def _shown_stages(session: Session, database: str) -> list[dict[str, Any]]:
    return session.server.stages.shown(session.id, database)


def _base_tables(session: Session, database: str) -> list[dict[str, Any]]:
    return [row for row in _shown_tables(session, database) if row["kind"] != "VIEW"]


def _only_views(session: Session, database: str) -> list[dict[str, Any]]:
    return [row for row in _shown_tables(session, database) if row["kind"] == "VIEW"]


_LISTS = {
    "TABLES": _base_tables,
    "VIEWS": _only_views,
    "SCHEMAS": _shown_schemas,
    "STAGES": _shown_stages,
}
_TABLE_LIST = "created_on name database_name schema_name kind comment rows owner"
_SHOWN = {
    "TABLES": _TABLE_LIST.split(),
    "VIEWS": _TABLE_LIST.split(),
    "SCHEMAS": "created_on name database_name owner comment".split(),
    "STAGES": (
        "created_on name database_name schema_name url owner comment type".split()
    ),
}


def _shown_type(name: str) -> pa.DataType:
    if name == "created_on":
        return pa.timestamp("us", "UTC")
    return pa.int64() if name == "rows" else pa.string()


@command(r"SHOW PARAMETERS(?: LIKE ('(?:[^']|'')*'))?(?: IN SESSION)?\s*$")
def show_parameters(session: Session, _text: str, match: re.Match[str]) -> Answer:
    session.forbid("SHOW PARAMETERS")
    pattern = _like(unquoted(match[1]) if match[1] else "%")
    known = {"QUERY_TAG": "", "TIMEZONE": "UTC", "AUTOCOMMIT": "true"}
    known |= {name: str(value) for name, value in session.parameters.items()}
    rows = [(key, value) for key, value in known.items() if pattern.fullmatch(key)]
    keys, values = [r[0] for r in rows], [r[1] for r in rows]
    blank = [""] * len(rows)
    return Answer(
        DDL,
        pa.table(
            {"key": keys, "value": values, "default": blank, "level": blank},
            schema=pa.schema(
                [(n, pa.string()) for n in ("key", "value", "default", "level")]
            ),
        ),
    )


__all__ = ["fetched"]
