"""ALTER TABLE, as far as Snowflake goes, and COMMENT."""

from typing import Any

from sqlglot import exp
from tests.snowflake.fake.catalog import Column, Name, quoted
from tests.snowflake.fake.ddl import column_of, declared
from tests.snowflake.fake.dialect import duck_type
from tests.snowflake.fake.errors import GapError, RefusedError, exists
from tests.snowflake.fake.session import (
    Answer,
    Rows,
    Session,
    folded_node,
    statement,
    status,
)


@statement(exp.Alter)
def alter(session: Session, tree: exp.Alter, _rows: Rows, _array: bool) -> Answer:
    if str(tree.args["kind"]).upper() != "TABLE":
        raise GapError(f"ALTER {tree.args['kind']}")
    name = session.table_name(tree.this)
    place = session.catalog.place(name)
    if place is None and tree.args.get("exists"):
        session.end("COMMIT")
        return status()
    place = session.existing(name)
    for action in tree.args["actions"]:
        if type(action) not in _ACTIONS:
            raise GapError(f"ALTER TABLE {action.sql('snowflake')}")
    session.define(lambda: _altered(session, name, place, tree.args["actions"]))
    return status()


def _altered(
    session: Session, name: Name, place: Name, actions: list[exp.Expression]
) -> None:
    for action in actions:
        _ACTIONS[type(action)](session, name, place, action)


def _add(session: Session, _name: Name, place: Name, node: Any) -> None:
    column = column_of(session, node)
    if column.name in {known.name for known in session.catalog.columns(place)}:
        if node.args.get("exists"):
            return
        raise RefusedError(
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
    raise RefusedError(f"SQL compilation error:\ncolumn '{name}' does not exist", 904)


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
        raise RefusedError(
            f"SQL compilation error:\ncolumn '{new}' already exists", 1430
        )
    session.duck.run(
        f"ALTER TABLE {place.quoted} RENAME COLUMN {quoted(old.name)} TO {quoted(new)}"
    )


def _rename(session: Session, name: Name, place: Name, node: Any) -> None:
    new = session.table_name(node.this)
    if session.catalog.place(new):
        raise exists(str(new))
    if new[:2] != name[:2] or name in session.temporary:
        raise GapError("a table renamed into another schema, or a temporary one")
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
        raise GapError(node.sql("snowflake"))


def _change_type(
    session: Session, place: Name, column: Column, kind: exp.DataType, target: str
) -> None:
    """Lengthen text or raise a precision; Snowflake changes a type no further."""
    changed = Column(
        column.name, duck_type(kind).replace(" ", ""), about=declared(kind)
    )
    words = f"from {column.type} to {kind.sql('snowflake')}"
    refusal = f"SQL compilation error:\ncannot change column {column.name} {words}"
    if changed.type != column.type or changed.numbers[1] != column.numbers[1]:
        raise RefusedError(refusal, 2108, "22000")
    before, after = (
        column.length or column.numbers[0],
        changed.length or changed.numbers[0],
    )
    if (before or 0) > (after or 0):
        raise RefusedError(refusal, 2108, "22000")
    if changed.duck != column.duck:
        session.duck.run(f"{target} TYPE {changed.duck}")
    column.about.pop("length", None)
    column.about |= changed.about
    session.catalog.write_column_about(place, column)


def _swap(session: Session, name: Name, place: Name, node: Any) -> None:
    other = session.table_name(node.this)
    there = session.existing(other)
    if {name, other} & session.temporary:
        raise RefusedError(
            "SQL compilation error:\nA temporary table cannot be swapped."
        )
    if name[:2] != other[:2]:
        raise GapError("tables of two schemas swapped")
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
        raise GapError(f"COMMENT ON {kind}")
    return status()
