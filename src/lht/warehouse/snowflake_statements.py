"""The statements of a load into Snowflake, as texts. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lht.exceptions import SchemaDriftError
from lht.schema import TableInfo, TableRef, TableSchema
from lht.warehouse import sql
from lht.warehouse.snowflake_catalog import CatalogColumn, CatalogTable
from lht.warehouse.snowflake_columns import as_type
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
            f"{self._exact(name)} IS DISTINCT FROM s.{self._of(name)}"
            for name in self.schema.names
        )

    def _exact(self, column: str) -> str:
        """Return a column of the table, to be compared character by character."""
        value, have = f"t.{self._name(column)}", self.info.column(column)
        return f"COLLATE({value}, 'utf8')" if have and have.collation else value

    def _name(self, column: str) -> str:
        """Return a column as the table has it."""
        have = self.info.column(column)
        return sql.quote(have.name if have else column.upper())

    def _of(self, column: str) -> str:
        """Return a column as the staging table has it."""
        return sql.quote(column.upper())


def _side_by_side(*queries: str) -> str:
    """Return one query for the only rows of several, one after the other."""
    return "SELECT * FROM " + " CROSS JOIN ".join(f"({query})" for query in queries)


def both_counted(left: str, right: str) -> str:
    """Ask how many rows two tables have."""
    return _side_by_side(
        f"SELECT COUNT(*) AS ONE FROM {left}", f"SELECT COUNT(*) AS OTHER FROM {right}"
    )


def grown(name: str, column: CatalogColumn, new_type: str) -> str:
    """Give a column of a table a longer type of its kind."""
    return (
        f"ALTER TABLE {name} ALTER COLUMN {sql.quote(column.name)}"
        f" SET DATA TYPE {new_type}{column.collate}"
    )


def rebuild(
    name: str, aside: str, table: CatalogTable, changed: Mapping[str, str]
) -> Iterator[str]:
    """Yield what changes columns in a copy of a table and puts it in its place.

    Columns keep their places, for views may know them by these: all from the first
    changed one on are made anew.

    Args:
        name: Of the table.
        aside: Of the copy.
        table: As it is.
        changed: By the names of the columns, the type names that they get.

    Raises:
        SchemaDriftError: A column that would have to be added cannot be.
    """
    names = [column.name for column in table.columns]
    behind = table.columns[min(names.index(column) for column in changed) :]
    for column in behind:
        if not column.movable:
            raise _immovable(table.ref, column.name, behind[0].name)
    kind = "TRANSIENT TABLE" if table.transient else "TABLE"
    yield f"CREATE {kind} {aside} LIKE {name} COPY GRANTS"
    if table.comment:
        yield f"COMMENT ON TABLE {aside} IS {sql.literal(table.comment)}"
    alone = behind == table.columns
    if alone:  # a table always has a column
        yield f'ALTER TABLE {aside} ADD COLUMN "{LEFTOVER}" BOOLEAN'
    yield f"ALTER TABLE {aside} DROP COLUMN {sql.columns(c.name for c in behind)}"
    added = ", ".join(c.definition(changed.get(c.name)) for c in behind)
    yield f"ALTER TABLE {aside} ADD COLUMN {added}"
    if alone:
        yield f'ALTER TABLE {aside} DROP COLUMN "{LEFTOVER}"'
    values = ", ".join(_value(c, changed.get(c.name)) for c in table.columns)
    yield f"INSERT INTO {aside} ({sql.columns(names)}) SELECT {values} FROM {name}"
    yield f"ALTER TABLE {name} SWAP WITH {aside}"


def _value(column: CatalogColumn, arrow_type: str | None) -> str:
    quoted = sql.quote(column.name)
    return as_type(quoted, column.sql_type, arrow_type) if arrow_type else quoted


def _immovable(ref: TableRef, column: str, changed: str) -> SchemaDriftError:
    return SchemaDriftError(
        f"{changed} of {ref} needs another type, and {column} cannot be made anew: its"
        " default is computed",
        hint=f"drop {column} or its default and add it again after the next load, or"
        " sync into another --table",
        table=str(ref),
        column=column,
    )
