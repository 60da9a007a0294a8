"""SHOW, whose rows are listed from the catalog."""

import re
from typing import Any

import pyarrow as pa
from tests.snowflake.fake.ddl import check_schema
from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.session import (
    DDL,
    FULL_NAME,
    Answer,
    Session,
    command,
    folded,
    unquoted,
)


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
        database = folded(name) if name else session.database
        if database is None:
            raise RefusedError(
                "Cannot perform SHOW. No current database.", 90105, "22000"
            )
        return database, None
    if kind == "ACCOUNT":
        raise GapError("SHOW .. IN ACCOUNT")
    found = parts or session.name("X")
    check_schema(session, found)
    return found.database, found.schema


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
    "SCHEMAS": ["created_on", "name", "database_name", "owner", "comment"],
    "STAGES": (
        [
            "created_on",
            "name",
            "database_name",
            "schema_name",
            "url",
            "owner",
            "comment",
            "type",
        ]
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
