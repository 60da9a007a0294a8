"""What there is in a database: tables, views and columns, as Snowflake lists them.

What DuckDB does not keep of a table (is it transient, since when, the length of a text)
is written as JSON into DuckDB's comment on it, so that it moves, is renamed and dropped
with the table.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
from tests.snowflake.fake.duck import Duck

TEMPORARY = ("temp", "main")
_SEPARATOR = "\x1f"
FULL_TEXT = 16_777_216


class Name(NamedTuple):
    """A table's, view's or stage's name in full."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(self)

    @property
    def quoted(self) -> str:
        return ".".join(map(quoted, self))

    @property
    def temporary(self) -> "Name":
        """Where a temporary table of this name is kept, in the session's own place."""
        return Name(*TEMPORARY, _SEPARATOR.join(self))


def quoted(identifier: str) -> str:
    doubled = identifier.replace('"', '""')
    return f'"{doubled}"'


def literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


@dataclass
class Column:
    """One column of a table."""

    name: str
    duck: str
    nullable: bool = True
    default: str | None = None  # in DuckDB's SQL
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The type as INFORMATION_SCHEMA has it."""
        if known := self.about.get("type"):
            return str(known)
        return _TYPES.get(self.duck.split("(")[0], "NUMBER")

    @property
    def numbers(self) -> tuple[int | None, int | None]:
        if self.type != "NUMBER":
            return (None, None)
        if "(" not in self.duck:
            return (38, 0)
        precision, scale = self.duck[8:-1].split(",")
        return (int(precision), int(scale))

    @property
    def length(self) -> int | None:
        if self.type == "TEXT":
            return int(self.about.get("length", FULL_TEXT))
        return 8_388_608 if self.type == "BINARY" else None

    def definition(self) -> str:
        default = f" DEFAULT {self.default}" if self.default else ""
        needed = "" if self.nullable else " NOT NULL"
        return f"{quoted(self.name)} {self.duck}{default}{needed}"

    def listed(self, place: int) -> dict[str, Any]:
        precision, scale = self.numbers
        identity = bool(self.about.get("identity"))
        return {
            "COLUMN_NAME": self.name,
            "ORDINAL_POSITION": place,
            "COLUMN_DEFAULT": None if identity else self.about.get("default"),
            "IS_NULLABLE": "YES" if self.nullable else "NO",
            "DATA_TYPE": self.type,
            "CHARACTER_MAXIMUM_LENGTH": self.length,
            "NUMERIC_PRECISION": precision,
            "NUMERIC_SCALE": scale,
            "DATETIME_PRECISION": 9 if "TIME" in self.type else None,
            "IS_IDENTITY": "YES" if identity else "NO",
            "COLLATION_NAME": None,
            "COMMENT": self.about.get("comment"),
        }


ListStages = Callable[[str], list[dict[str, Any]]]
_TYPES = {
    "VARCHAR": "TEXT",
    "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ",
    "BLOB": "BINARY",
    "JSON": "VARIANT",
}
_ALL_TABLES = """
SELECT database_name, schema_name, table_name, comment, 'BASE TABLE'
FROM duckdb_tables() WHERE NOT internal
UNION ALL
SELECT database_name, schema_name, view_name, comment, 'VIEW'
FROM duckdb_views() WHERE NOT internal
"""
_ALL_COLUMNS = """
SELECT database_name, schema_name, table_name,
    column_name, data_type, is_nullable, column_default, comment
FROM duckdb_columns() WHERE NOT internal ORDER BY column_index
"""


class Catalog:
    """The tables that one session sees.

    Args:
        duck: The session's connection.
        temporary: The temporary tables of the session.
        stages: Lists the stages of a database that the session sees.
    """

    def __init__(self, duck: Duck, temporary: set[Name], stages: ListStages) -> None:
        self._duck = duck
        self._list_stages = stages
        self.temporary = temporary

    def place(self, name: Name) -> Name | None:
        """Say where the table or view is kept, if there is one."""
        if name in self.temporary:
            return name.temporary
        return name if self.kind(name) else None

    def kind(self, name: Name) -> str | None:
        """Say what a permanent name is of: a table, a view or nothing."""
        return self._duck.once(self._read_tables).get(name, (None, None))[0]

    def has_schema(self, database: str, schema: str) -> bool:
        return schema in self.schemas(database)

    def has_database(self, database: str) -> bool:
        return database in self._duck.once(self._read_databases)

    def schemas(self, database: str) -> list[str]:
        known = self._duck.once(self._read_schemas)
        return [schema for home, schema in known if home == database]

    def columns(self, place: Name) -> list[Column]:
        rows = self._duck.once(self._read_columns).get(place, [])
        return [Column(*row[:4], read_about(row[4])) for row in rows]

    def about(self, place: Name) -> dict[str, Any]:
        """Read what is written of a table."""
        return read_about(self._duck.once(self._read_tables)[place][1])

    def _read_databases(self) -> set[str]:
        sql = "SELECT database_name FROM duckdb_databases() WHERE NOT internal"
        return {row[0] for row in self._duck.run(sql)}

    def _read_schemas(self) -> list[tuple[Any, ...]]:
        sql = (
            "SELECT database_name, schema_name FROM duckdb_schemas() "
            "WHERE NOT internal AND schema_name <> 'main' ORDER BY ALL"
        )
        return self._duck.run(sql)

    def _read_tables(self) -> dict[Name, tuple[str, str | None]]:
        rows = self._duck.run(_ALL_TABLES)
        return {Name(*parts): (kind, comment) for *parts, comment, kind in rows}

    def _read_columns(self) -> dict[Name, list[tuple[Any, ...]]]:
        columns: dict[Name, list[tuple[Any, ...]]] = {}
        for *parts, about in self._duck.run(_ALL_COLUMNS):
            columns.setdefault(Name(*parts[:3]), []).append((*parts[3:], about))
        return columns

    def write_about(self, place: Name, about: dict[str, Any]) -> None:
        text = literal(json.dumps(about))
        self._duck.run(f"COMMENT ON TABLE {place.quoted} IS {text}")

    def write_column_about(self, place: Name, column: Column) -> None:
        text = literal(json.dumps(column.about)) if column.about else "NULL"
        target = f"{place.quoted}.{quoted(column.name)}"
        self._duck.run(f"COMMENT ON COLUMN {target} IS {text}")

    # -- as INFORMATION_SCHEMA ---------------------------------------------------------

    def listing(self, database: str, view: str) -> pa.Table | None:
        """Build a view of a database's INFORMATION_SCHEMA."""
        build = {
            "TABLES": self._tables,
            "COLUMNS": self._columns,
            "SCHEMATA": self._schemata,
            "VIEWS": self._views,
            "STAGES": self._stages,
        }.get(view)
        if build is None:
            return None
        schema = _LISTINGS[view]
        return pa.Table.from_pylist(build(database), schema=schema)

    def visible(self, database: str) -> list[tuple[Name, Name, str, dict[str, Any]]]:
        """List the tables and views: name, where it is kept, kind, what is written."""
        found = []
        for place, (kind, comment) in self._duck.once(self._read_tables).items():
            temporary = place[:2] == TEMPORARY and _SEPARATOR in place.name
            name = Name(*place.name.split(_SEPARATOR)) if temporary else place
            if name.database == database and name.schema != "main":
                shown = "LOCAL TEMPORARY" if temporary else kind
                found.append((name, place, shown, read_about(comment)))
        return sorted(found)

    def _tables(self, database: str) -> list[dict[str, Any]]:
        return [
            self._table(*entry) for entry in self.visible(database)
        ] + _information_schema(database)

    def _table(
        self, name: Name, place: Name, kind: str, about: dict[str, Any]
    ) -> dict[str, Any]:
        view = kind == "VIEW"
        created = dt.datetime.fromisoformat(about["created"]) if about else None
        return {
            "TABLE_CATALOG": name.database,
            "TABLE_SCHEMA": name.schema,
            "TABLE_NAME": name.name,
            "TABLE_OWNER": "SYSADMIN",
            "TABLE_TYPE": kind,
            "IS_TRANSIENT": None if view else "YES" if about["transient"] else "NO",
            "ROW_COUNT": None if view else self._count(place),
            "CREATED": created,
            "LAST_ALTERED": created,
            "COMMENT": about.get("comment"),
        }

    def _count(self, place: Name) -> int:
        return int(self._duck.run(f"SELECT count(*) FROM {place.quoted}")[0][0])

    def _columns(self, database: str) -> list[dict[str, Any]]:
        return [
            {
                "TABLE_CATALOG": name.database,
                "TABLE_SCHEMA": name.schema,
                "TABLE_NAME": name.name,
                **column.listed(number),
            }
            for name, place, _kind, _about in self.visible(database)
            for number, column in enumerate(self.columns(place), start=1)
        ]

    def _schemata(self, database: str) -> list[dict[str, Any]]:
        return [
            {
                "CATALOG_NAME": database,
                "SCHEMA_NAME": schema,
                "SCHEMA_OWNER": "SYSADMIN",
            }
            for schema in [*self.schemas(database), "INFORMATION_SCHEMA"]
        ]

    def _views(self, database: str) -> list[dict[str, Any]]:
        return [
            {
                "TABLE_CATALOG": name.database,
                "TABLE_SCHEMA": name.schema,
                "TABLE_NAME": name.name,
            }
            for name, _place, kind, _about in self.visible(database)
            if kind == "VIEW"
        ]

    def _stages(self, database: str) -> list[dict[str, Any]]:
        return [
            {
                "STAGE_CATALOG": database,
                "STAGE_SCHEMA": stage["schema_name"],
                "STAGE_NAME": stage["name"],
                "STAGE_TYPE": "External Named" if stage["url"] else "Internal Named",
                "CREATED": stage["created_on"],
            }
            for stage in self._list_stages(database)
        ]


def _information_schema(database: str) -> list[dict[str, Any]]:
    return [
        {
            "TABLE_CATALOG": database,
            "TABLE_SCHEMA": "INFORMATION_SCHEMA",
            "TABLE_NAME": view,
            "TABLE_TYPE": "VIEW",
        }
        for view in _LISTINGS
    ]


def read_about(comment: str | None) -> dict[str, Any]:
    return dict(json.loads(comment)) if comment else {}


_NUMBERS = {
    "ORDINAL_POSITION",
    "CHARACTER_MAXIMUM_LENGTH",
    "NUMERIC_PRECISION",
    "NUMERIC_SCALE",
    "DATETIME_PRECISION",
    "ROW_COUNT",
}
_MOMENTS = {"CREATED", "LAST_ALTERED"}


def _listing(names: str) -> pa.Schema:
    kinds = {name: pa.int64() for name in _NUMBERS}
    kinds |= {name: pa.timestamp("us", "UTC") for name in _MOMENTS}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in names.split()])


_LISTINGS = {
    "TABLES": _listing(
        "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER TABLE_TYPE IS_TRANSIENT "
        "ROW_COUNT CREATED LAST_ALTERED COMMENT"
    ),
    "COLUMNS": _listing(
        "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION "
        "COLUMN_DEFAULT IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH "
        "NUMERIC_PRECISION NUMERIC_SCALE DATETIME_PRECISION IS_IDENTITY "
        "COLLATION_NAME COMMENT"
    ),
    "SCHEMATA": _listing("CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER"),
    "VIEWS": _listing("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME"),
    "STAGES": _listing("STAGE_CATALOG STAGE_SCHEMA STAGE_NAME STAGE_TYPE CREATED"),
}
