"""What a sObject and its table look like: frozen values, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field as the describe reports it (the attributes lht acts on)."""

    name: str
    type: str  # the describe's own word: "string", "currency", "reference" ...
    scale: int = 0
    calculated: bool = False
    filterable: bool = True
    compound: bool = False  # a parent of parts (address, location ...)


@dataclass(frozen=True, kw_only=True)
class SObjectSchema:
    """A sObject as the describe reports it, fields in describe order."""

    name: str
    label: str
    fields: tuple[Field, ...]
    queryable: bool = True
    replicateable: bool = True

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by lower-case API name."""
        return {f.name.lower(): f for f in self.fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that lht owns, filled from the field of the same API name."""

    name: str  # field API name; the warehouse folds it
    field_type: str
    arrow_type: str  # a name of lht.typemap, e.g. "string", "decimal(38,2)"

    def widened(self, arrow_type: str) -> Self:
        """Return the same column with a wider type."""
        return replace(self, arrow_type=arrow_type)


@dataclass(frozen=True, kw_only=True)
class TableSchema:
    """The columns that lht owns in a target table, in field order, ``Id`` first."""

    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Columns by lower-case name."""
        return {c.name.lower(): c for c in self.columns}

    def widened(self, types: Mapping[str, str]) -> "TableSchema":
        """Return the schema with the named columns set to wider types."""
        return TableSchema(
            columns=tuple(
                c.widened(types[c.name]) if c.name in types else c for c in self.columns
            )
        )


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table by schema and name."""

    schema: str
    name: str

    def __str__(self) -> str:
        """Return ``schema.name``; a part that has a dot itself is quoted."""
        parts = (self.schema, self.name)
        return ".".join(f'"{part}"' if "." in part else part for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column as the warehouse has it."""

    name: str
    sql_type: str
    default: str | None = None  # an SQL expression
    generated: bool = False
    collation: str | None = None  # of a text, if what it holds equal is not identical


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInfo:
    """A table as the warehouse has it."""

    ref: TableRef
    columns: tuple[TableColumn, ...]
    rows: int
    transient: bool = False  # the warehouse keeps no history of it
    comment: str | None = None  # where it is lost if not said again

    def column(self, name: str) -> TableColumn | None:
        """Return the column of that name in any case, or None."""
        return next((c for c in self.columns if c.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """One change of a target table's shape."""

    column: str
    old_type: str | None  # None: the column is new
    new_type: str
