"""The statements of a load into Snowflake, as texts. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lht.exceptions import SchemaDriftError
from lht.schema import TableInfo, TableSchema
from lht.warehouse import snowflake_columns as columns
from lht.warehouse import sql
from lht.warehouse.snowflake_values import converted

LEFTOVER: Final = "__LHT_"  # in the names of what a load makes for itself


@dataclass(frozen=True, slots=True)
class Write:
    """What brings the staged rows into a table that has all columns for them."""

    target: str  # the table's qualified, quoted name
    staging: str
    info: TableInfo  # the table as it is now
    schema: TableSchema  # our columns, with the table's types
    key: str

    def held(self) -> str:
        """Ask how many rows the table has, and how many keys they have."""
        key = self._name(self.key)
        return f"SELECT COUNT(*), COUNT(DISTINCT {key}) FROM {self.target}"

    def remove(self) -> str:
        """Delete the rows that are not staged."""
        key, staged = self._name(self.key), self._of(self.key)
        return (
            f"DELETE FROM {self.target} WHERE {key} NOT IN"
            f" (SELECT {staged} FROM {self.staging})"
        )

    def matched(self) -> str:
        """Ask how many rows of the table are staged, how many keys they have.

        With it how many rows the table has.
        """
        key = f"t.{self._name(self.key)}"
        return _side_by_side(
            f"SELECT COUNT({key}) AS MATCHED, COUNT(DISTINCT {key}) AS KEYS"
            f" FROM {self.target} t JOIN {self.staging} s"
            f" ON {key} = s.{self._of(self.key)}",
            f"SELECT COUNT(*) AS HELD FROM {self.target}",
        )

    def merge(self) -> str:
        """Insert new rows, and update those that differ."""
        names = [self._name(name) for name in self.schema.names]
        values = [f"s.{self._of(name)}" for name in self.schema.names]
        pairs = ", ".join(f"{n} = {v}" for n, v in zip(names, values, strict=True))
        return (
            f"MERGE INTO {self.target} t USING {self._source()} s"
            f" ON t.{self._name(self.key)} = s.{self._of(self.key)}"
            f" WHEN MATCHED AND ({self._differs()}) THEN UPDATE SET {pairs}"
            f" WHEN NOT MATCHED THEN INSERT ({', '.join(names)})"
            f" VALUES ({', '.join(values)})"
        )

    def summary(self, cursor_field: str | None) -> str:
        """Ask how many rows the table has, and how far they reach.

        With it how many of the staged rows are in the recycle bin.
        """
        known = "isdeleted" in self.schema.by_name
        flag = converted(self._of("IsDeleted"), "bool") if known else "FALSE"
        return _side_by_side(
            f"SELECT COUNT(*) AS HELD, {self._latest(cursor_field)} AS REACHED,"
            f" {self._latest('LastModifiedDate')} AS MODIFIED FROM {self.target}",
            f"SELECT COUNT_IF({flag}) AS BINNED FROM {self.staging}",
        )

    def _latest(self, name: str | None) -> str:
        known = name is not None and name.lower() in self.schema.by_name
        return f"MAX({self._name(name)})::TIMESTAMP_NTZ" if name and known else "NULL"

    def _source(self) -> str:
        """Return the staged rows as a subquery of values."""
        values = ", ".join(
            f"{converted(self._of(c.name), c.arrow_type)} AS {self._of(c.name)}"
            for c in self.schema.columns
        )
        return f"(SELECT {values} FROM {self.staging})"

    def _differs(self) -> str:
        return " OR ".join(
            f"t.{self._name(name)} IS DISTINCT FROM s.{self._of(name)}"
            for name in self.schema.names
        )

    def _name(self, column: str) -> str:
        """Return a column as the table has it."""
        have = self.info.column(column)
        return sql.quote(have.name if have else column.upper())

    def _of(self, column: str) -> str:
        """Return a column as the staging table has it."""
        return sql.quote(column.upper())


def _immovable(table: TableInfo, column: str, changed: str) -> SchemaDriftError:
    return SchemaDriftError(
        f"{changed} of {table.ref} needs another type, and {column} cannot be made"
        " anew: its default is computed",
        hint=f"drop {column} or its default and add it again after the next load, or"
        " sync into another --table",
        table=str(table.ref),
        column=column,
    )


def _side_by_side(*queries: str) -> str:
    """Return one query for the only rows of several, one after the other."""
    return "SELECT * FROM " + " CROSS JOIN ".join(f"({query})" for query in queries)


def both_counted(left: str, right: str) -> str:
    """Ask how many rows two tables have."""
    return _side_by_side(
        f"SELECT COUNT(*) AS ONE FROM {left}", f"SELECT COUNT(*) AS OTHER FROM {right}"
    )


def rebuild(
    name: str,
    aside: str,
    table: TableInfo,
    changed: Mapping[str, str],
    definitions: Mapping[str, str | None],
) -> Iterator[str]:
    """Yield what changes columns in a copy of a table and puts it in its place.

    Columns keep their places, for views may know them by these: all from the first
    changed one on are made anew.

    Args:
        name: Of the table.
        aside: Of the copy.
        table: As it is.
        changed: By the names of the columns, the type names that they get.
        definitions: How to add every column, by its name, in the table's order; the
            changed ones with their new types.

    Raises:
        SchemaDriftError: A column that would have to be added cannot be.
    """
    names = list(definitions)
    behind = names[min(names.index(column) for column in changed) :]
    anew = {column: definitions[column] for column in behind}
    for column, made in anew.items():
        if made is None:
            raise _immovable(table, column, behind[0])
    kind = "TRANSIENT TABLE" if table.transient else "TABLE"
    yield f"CREATE {kind} {aside} LIKE {name} COPY GRANTS"
    if table.comment:
        yield f"COMMENT ON TABLE {aside} IS {sql.literal(table.comment)}"
    yield from _remade(aside, anew, alone=behind == names)
    yield _copied(name, aside, table, changed)
    yield f"ALTER TABLE {name} SWAP WITH {aside}"


def _remade(
    aside: str, definitions: Mapping[str, str | None], *, alone: bool
) -> Iterator[str]:
    """Yield what drops columns and adds them again; *alone*: they are all there are."""
    if alone:  # a table always has a column
        yield f'ALTER TABLE {aside} ADD COLUMN "{LEFTOVER}" BOOLEAN'
    yield f"ALTER TABLE {aside} DROP COLUMN {sql.columns(definitions)}"
    added = ", ".join(filter(None, definitions.values()))
    yield f"ALTER TABLE {aside} ADD COLUMN {added}"
    if alone:
        yield f'ALTER TABLE {aside} DROP COLUMN "{LEFTOVER}"'


def _copied(name: str, aside: str, table: TableInfo, changed: Mapping[str, str]) -> str:
    values = [
        columns.as_type(sql.quote(c.name), c.sql_type, changed[c.name])
        if c.name in changed
        else sql.quote(c.name)
        for c in table.columns
    ]
    return (
        f"INSERT INTO {aside} ({sql.columns(c.name for c in table.columns)})"
        f" SELECT {', '.join(values)} FROM {name}"
    )
