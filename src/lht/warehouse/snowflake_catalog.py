"""What Snowflake's catalogue tells of a table, and how its columns are spelled. Pure.

Source: https://docs.snowflake.com/en/sql-reference/info-schema/columns, read
2026-11-21.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from lht.exceptions import WarehouseError
from lht.schema import TableColumn, TableInfo, TableRef
from lht.typemap import SNOWFLAKE, sql_type
from lht.warehouse import sql
from lht.warehouse.base import Slot
from lht.warehouse.snowflake_types import slot_of

COLUMN_FACTS: Final = (
    "c.COLUMN_NAME, c.DATA_TYPE, c.NUMERIC_PRECISION, c.NUMERIC_SCALE,"
    " c.CHARACTER_MAXIMUM_LENGTH, c.DATETIME_PRECISION, c.COLUMN_DEFAULT,"
    " c.IS_NULLABLE, c.IS_IDENTITY, c.COLLATION_NAME, c.COMMENT"
)
_MILLISECONDS: Final = 3
_LONGEST_TEXT: Final = 131_072  # characters, the most that a Salesforce field holds
_ALIASES: Final = {"TEXT": "VARCHAR", "DOUBLE": "FLOAT", "REAL": "FLOAT"}
_CONSTANT: Final = re.compile(
    r"'(?:[^']|'')*'|[-+]?[0-9.]+(?:E[-+]?\d+)?|TRUE|FALSE|NULL"
)


class CatalogColumn(NamedTuple):
    """All that the catalogue tells of a column, in the order of ``COLUMN_FACTS``."""

    name: str
    told_type: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    digits: int | None = None  # of a second's fraction
    told_default: str | None = None
    nullable: str = "YES"
    identity: str = "NO"
    collation: str | None = None  # of a text
    comment: str | None = None

    @property
    def exact_type(self) -> str:
        """The type with all of its sizes."""
        kind, sizes = self._kind, ""
        if kind == "NUMBER":
            sizes = f"({self.precision},{self.scale})"
        elif kind in {"VARCHAR", "BINARY"} and self.length is not None:
            sizes = f"({self.length})"
        elif kind.startswith("TIME") and self.digits is not None:
            sizes = f"({self.digits})"
        return f"{kind}{sizes}"

    @property
    def sql_type(self) -> str:
        """The type as people write it: with sizes that limit values of Salesforce's."""
        ample = (
            self._kind == "BINARY"
            or (self.length or 0) >= _LONGEST_TEXT
            or (self.digits or 0) >= _MILLISECONDS
        )
        return self._kind if ample else self.exact_type

    @property
    def _kind(self) -> str:
        return _ALIASES.get(self.told_type, self.told_type)

    @property
    def numbered(self) -> bool:
        """Whether Snowflake gives each row a number of its own."""
        return self.identity == "YES"

    @property
    def default(self) -> str | None:
        """The SQL expression of its default."""
        return None if self.numbered else self.told_default

    @property
    def movable(self) -> bool:
        """Whether such a column can be added to a table: its default is a constant.

        Source: https://docs.snowflake.com/en/sql-reference/sql/alter-table, read
        2026-11-21.
        """
        constant = self.default is None or _CONSTANT.fullmatch(self.default)
        return bool(constant) and not self.numbered

    @property
    def collate(self) -> str:
        """What is said behind the type of a text that has a collation.

        It is a part of the type for Snowflake, which refuses a longer type without it.
        """
        return f" COLLATE {sql.literal(self.collation)}" if self.collation else ""

    def definition(self, arrow_type: str | None = None) -> str:
        """Return how to add the column to a table.

        Args:
            arrow_type: What it is to be, if not the type that it has.
        """
        exact = f"{self.exact_type}{self.collate}"
        kind = sql_type(arrow_type, SNOWFLAKE) if arrow_type else exact
        parts = [f"{sql.quote(self.name)} {kind}"]
        if self.default is not None:
            parts.append(f"DEFAULT {self.default}")
        if self.nullable == "NO":
            parts.append("NOT NULL")
        if self.comment:
            parts.append(f"COMMENT {sql.literal(self.comment)}")
        return " ".join(parts)

    def slot(self) -> Slot:
        """Return the column as one that is written into."""
        return slot_of(self.name, self.exact_type, required=self.nullable == "NO")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTable:
    """All that the catalogue tells of a table."""

    ref: TableRef
    transient: bool = False
    comment: str | None = None
    columns: tuple[CatalogColumn, ...]

    def column(self, name: str) -> CatalogColumn:
        """Return the column of that name in any case.

        Raises:
            WarehouseError: There is none any more.
        """
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        raise WarehouseError(f"{self.ref} has no column {name} any more")

    def info(self, rows: int) -> TableInfo:
        """Return what is told of the table outside of Snowflake's modules."""
        return TableInfo(
            ref=self.ref,
            columns=tuple(
                TableColumn(
                    name=c.name,
                    sql_type=c.sql_type,
                    default=c.default,
                    generated=c.numbered,
                    collation=c.collation,
                )
                for c in self.columns
            ),
            rows=rows,
            transient=self.transient,
            comment=self.comment,
        )
