"""What a SOQL query says: the syntax tree, as frozen values.

Every name and literal keeps where in the text it stood, because Salesforce's error
messages point there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Name:
    """A name as written, dots included."""

    text: str
    position: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The name's parts between the dots."""
        return tuple(self.text.split("."))


@dataclass(frozen=True)
class FieldPath:
    """A field, or a field of a parent: ``Account.Owner.Name``."""

    name: Name
    alias: Name | None = None


@dataclass(frozen=True)
class Call:
    """A function and its arguments: ``COUNT()``, ``toLabel(Status)``."""

    name: Name
    arguments: "tuple[Operand | Literal, ...]"
    alias: Name | None = None

    @property
    def function(self) -> str:
        """The function's name in upper case."""
        return self.name.text.upper()


@dataclass(frozen=True)
class Branch:
    """One WHEN of a TYPEOF; the ELSE has no sObject."""

    sobject: Name | None
    fields: tuple[Name, ...]


@dataclass(frozen=True)
class TypeOf:
    """Fields that depend on what a polymorphic reference points to."""

    relationship: Name
    branches: tuple[Branch, ...]


Operand = FieldPath | Call


class LiteralKind(Enum):
    """How a literal was written."""

    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "dateTime"
    TIME = "time"
    CURRENCY = "currency"  # USD5000
    WORD = "word"  # TRUE, NULL, TODAY, LAST_N_DAYS:3
    BIND = "bind"  # :name, which is Apex


@dataclass(frozen=True)
class Literal:
    """A literal as written, quotes and escapes included."""

    kind: LiteralKind
    text: str
    position: int


@dataclass(frozen=True)
class Comparison:
    """``operand operator literal``; the operator is upper-case."""

    operand: Operand
    operator: str  # = != < <= > >= LIKE
    literal: Literal


@dataclass(frozen=True)
class Membership:
    """``operand operator (literal, ...)``, or a semi-join with a query."""

    operand: Operand
    operator: str  # IN, NOT IN, INCLUDES or EXCLUDES
    values: "tuple[Literal, ...] | Query"


@dataclass(frozen=True)
class Negation:
    """NOT of a condition."""

    condition: "Condition"


@dataclass(frozen=True)
class Junction:
    """Conditions joined by one operator."""

    operator: str  # AND or OR
    conditions: "tuple[Condition, ...]"


Condition = Comparison | Membership | Negation | Junction


@dataclass(frozen=True)
class Sort:
    """One key of an ORDER BY."""

    operand: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Using:
    """``USING SCOPE mine``: which kind of choice, and what is chosen."""

    kind: Name
    choice: Name


@dataclass(frozen=True)
class With:
    """One WITH: ``SECURITY_ENFORCED``, ``DATA CATEGORY`` and their like."""

    name: Name


@dataclass(frozen=True, kw_only=True)
class Query:
    """A whole query, or one in parentheses.

    ``joined`` are the further sources of a FROM, a path and its alias each.
    ``grouping`` is ROLLUP or CUBE, or empty. ``marks`` are the words after FOR and
    UPDATE. ``apex`` is what only Apex knows: a bind variable, ALL ROWS.
    """

    text: str  # the whole text that positions count in
    items: "tuple[FieldPath | Call | TypeOf | Query, ...]"
    sobject: Name
    alias: Name | None = None
    joined: tuple[tuple[Name, Name | None], ...] = ()
    using: Using | None = None
    where: Condition | None = None
    withs: tuple[With, ...] = ()
    group_by: tuple[Operand, ...] = ()
    grouping: str = ""
    having: Condition | None = None
    order_by: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int | None = None
    purposes: tuple[Name, ...] = ()
    updates: tuple[Name, ...] = ()
    apex: Name | None = None

    @property
    def is_count(self) -> bool:
        """Whether it is a bare ``SELECT COUNT()``."""
        return (
            len(self.items) == 1
            and isinstance(item := self.items[0], Call)
            and item.name.text.lower() == "count"
            and not item.arguments
        )

    @property
    def calls(self) -> "Iterator[Call]":
        """The functions selected."""
        return (item for item in self.items if isinstance(item, Call))

    @property
    def children(self) -> "Iterator[Query]":
        """The sub-queries selected."""
        return (item for item in self.items if isinstance(item, Query))

    @property
    def variants(self) -> "Iterator[TypeOf]":
        """The TYPEOFs selected."""
        return (item for item in self.items if isinstance(item, TypeOf))
