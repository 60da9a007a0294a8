"""WHERE to SQL.

SOQL knows no third truth value: a comparison with a null is false, its opposite is
true. So every condition compiles to SQL that is never NULL.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from lht.devorg.ids import check
from lht.devorg.metadata import Field
from lht.devorg.soql.literals import (
    date_value,
    datetime_value,
    like_pattern,
    named_range,
    number_value,
    text_value,
    time_value,
)
from lht.devorg.soql.nodes import (
    Call,
    Comparison,
    Condition,
    Junction,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Operand,
    Query,
)
from lht.devorg.soql.operands import Operands
from lht.devorg.soql.scope import Column
from lht.devorg.soql.texts import (
    invalid_field,
    invalid_id,
    invalid_operator,
    located,
    malformed,
    wrong_literal,
)

Value = str | float | bool | date | datetime | time

CURRENCY = "USD"
"""The org's only currency."""

_OPPOSITE = {"NOT IN": "IN", "EXCLUDES": "INCLUDES", "!=": "="}

_ID_TYPES = {"id", "reference"}
_LIKE_AN_ID = re.compile(r"[0-9A-Za-z]{18}")
# The word for a field's type in error messages, and the literals it takes.
_TYPE_WORDS = {
    "boolean": ("boolean", LiteralKind.WORD),
    "int": ("int", LiteralKind.NUMBER),
    "double": ("double", LiteralKind.NUMBER),
    "currency": ("currency", LiteralKind.NUMBER),
    "percent": ("percent", LiteralKind.NUMBER),
    "date": ("date", LiteralKind.DATE),
    "datetime": ("dateTime", LiteralKind.DATETIME),
    "time": ("time", LiteralKind.TIME),
}
_READERS: Mapping[LiteralKind, Callable[[Literal], Value]] = {
    LiteralKind.NUMBER: number_value,
    LiteralKind.DATE: date_value,
    LiteralKind.DATETIME: datetime_value,
    LiteralKind.TIME: time_value,
    LiteralKind.STRING: text_value,
}


@dataclass
class Conditions:
    """Compiles the conditions of one query.

    Args:
        operands: Compiles what stands left of an operator.
        text: The whole query, for error messages.
        today: The org's day, for ``TODAY`` and the like.
        params: Filled with the values that the SQL refers to.
        subquery: Compiles the query of a semi-join to SQL for its ids.
    """

    operands: Operands
    text: str
    today: date
    params: dict[str, Any]
    subquery: Callable[[Name, Column, Query], str]

    def compile(self, condition: Condition) -> str:
        """Return SQL that is true or false, never NULL."""
        match condition:
            case Junction():
                parts = (self.compile(part) for part in condition.conditions)
                return "(" + f" {condition.operator} ".join(parts) + ")"
            case Negation():
                return f"(NOT {self.compile(condition.condition)})"
            case Comparison():
                return self._comparison(condition)
            case Membership():
                return self._membership(condition)

    def filterable(self, operand: Operand) -> tuple[Name, Column]:
        """Resolve the left side of a condition.

        Raises:
            OrgError: INVALID_FIELD when the field cannot be filtered.
        """
        name, column = operand.name, self.operands.column(operand)
        if not column.field.filterable or column.field.parts:
            message = f"field '{column.field.name}' can not be filtered in a query call"
            raise invalid_field(self.text, name, message)
        return name, column

    def _comparison(self, node: Comparison) -> str:
        if node.operator in _OPPOSITE and not _is_distance(node):
            positive = Comparison(node.operand, _OPPOSITE[node.operator], node.literal)
            return f"(NOT {self._comparison(positive)})"
        name, column = self.filterable(node.operand)
        if _is_distance(node) and node.operator not in {"<", ">"}:
            message = "DISTANCE() can only be compared by < and >"
            raise invalid_operator(self.text, name, message)
        if node.operator == "LIKE":
            return self._like(name, column, node.literal)
        if _is_null(node.literal) or (node.operator == "=" and _is_empty(node.literal)):
            return self._is_null(name, column, node.operator)
        span = self._range(column, node)
        return span or self._ordered(name, column, node)

    def _ordered(self, name: Name, column: Column, node: Comparison) -> str:
        value = self._bind(self._value(name, column.field, node.literal))
        sides = f"{self._key(column)} {node.operator} {_folded(column.field, value)}"
        return f"coalesce({sides}, false)"

    def _like(self, name: Name, column: Column, literal: Literal) -> str:
        kind = column.field.type
        if kind in _TYPE_WORDS or kind in _ID_TYPES or kind == "multipicklist":
            word = _TYPE_WORDS.get(kind, (kind,))[0]
            raise invalid_operator(self.text, name, f"invalid operator on {word} field")
        if literal.kind is not LiteralKind.STRING:
            raise self._wrong(name, column.field, literal)
        pattern = self._bind(like_pattern(literal))
        like = f"{self._key(column)} LIKE {_folded(column.field, pattern)} ESCAPE '\\'"
        return f"coalesce({like}, false)"

    def _is_null(self, name: Name, column: Column, operator: str) -> str:
        if operator != "=":
            raise invalid_operator(self.text, name, "invalid operator for a null value")
        if column.field.type == "boolean":
            return f"(NOT {column.sql})"
        return f"({column.sql} IS NULL)"

    def _range(self, column: Column, node: Comparison) -> str | None:
        """Compile a comparison with ``TODAY`` and its like: a range, not an instant."""
        if column.field.type not in {"date", "datetime"}:
            return None
        days = named_range(node.literal, self.today)
        if days is None:
            return None
        bounds = {
            "=": ((">=", days.start), ("<", days.end)),
            "<": (("<", days.start),),
            "<=": (("<", days.end),),
            ">": ((">=", days.end),),
            ">=": ((">=", days.start),),
        }
        parts = (
            f"{column.sql} {operator} {self._bind(day)}"
            for operator, day in bounds[node.operator]
        )
        return f"coalesce({' AND '.join(parts)}, false)"

    def _membership(self, node: Membership) -> str:
        if node.operator in _OPPOSITE:
            positive = Membership(node.operand, _OPPOSITE[node.operator], node.values)
            return f"(NOT {self._membership(positive)})"
        name, column = self.filterable(node.operand)
        if isinstance(node.values, Query):
            ids = self.subquery(name, column, node.values)
            return f"coalesce({column.sql} IN ({ids}), false)"
        if node.operator == "INCLUDES":
            return self._includes(name, column, node.values)
        return self._in_values(node.operand, node.values)

    def _in_values(self, operand: Operand, values: tuple[Literal, ...]) -> str:
        """Compile a list: plain values at once, nulls and ranges one by one."""
        name, column = self.filterable(operand)
        plain, parts = [], []
        for literal in values:
            nothing = _is_null(literal) or _is_empty(literal)
            if nothing or named_range(literal, self.today):
                parts.append(self._comparison(Comparison(operand, "=", literal)))
            else:
                plain.append(self._value(name, column.field, literal))
        if plain:
            value = _folded(column.field, "v")
            listed = f"SELECT {value} FROM (SELECT unnest({self._bind(plain)}) AS v)"
            parts.append(f"coalesce({self._key(column)} IN ({listed}), false)")
        return "(" + " OR ".join(parts) + ")"

    def _includes(self, name: Name, column: Column, values: tuple[Literal, ...]) -> str:
        if column.field.type != "multipicklist":
            message = (
                "includes/excludes operator can only be used on multipicklist field"
            )
            raise invalid_operator(self.text, name, message)
        chosen = f"string_split(lower({column.sql}), ';')"
        parts = []
        for literal in values:
            if _is_null(literal) or _is_empty(literal):
                parts.append(f"({column.sql} IS NULL)")
                continue
            wanted = str(self._value(name, column.field, literal)).lower().split(";")
            parts.append(f"list_has_all({chosen}, {self._bind(wanted)})")
        return "coalesce(" + " OR ".join(parts) + ", false)"

    def _value(self, name: Name, field: Field, literal: Literal) -> Value:
        """Read a literal as a value of the field's type.

        Raises:
            OrgError: INVALID_FIELD or INVALID_QUERY_FILTER_OPERATOR.
        """
        _, expected = _TYPE_WORDS.get(field.type, ("string", LiteralKind.STRING))
        if literal.kind is LiteralKind.CURRENCY and field.type == "currency":
            return self._amount(literal)
        if literal.kind is not expected:
            raise self._wrong(name, field, literal)
        if expected is LiteralKind.WORD:
            return self._boolean(name, field, literal)
        value = _READERS[expected](literal)
        if field.type in _ID_TYPES and isinstance(value, str):
            return self._id(name, value)
        return value

    def _amount(self, literal: Literal) -> float:
        """Read an amount with its currency, which can only be the org's own."""
        code, amount = literal.text[:3].upper(), literal.text[3:]
        if code != CURRENCY:
            message = f"Invalid currency code: {code}"
            raise malformed(located(self.text, literal.position, message))
        return float(amount)

    def _boolean(self, name: Name, field: Field, literal: Literal) -> bool:
        try:
            return {"true": True, "false": False}[literal.text.lower()]
        except KeyError:
            raise self._wrong(name, field, literal) from None

    def _id(self, name: Name, value: str) -> str:
        """Bring an id into its long form.

        The empty text finds nothing, and an id whose checksum is wrong neither.
        """
        found = check(value)
        if found is None and value and not _LIKE_AN_ID.fullmatch(value):
            raise invalid_id(name, value, self.text)
        return found or value

    def _wrong(self, name: Name, field: Field, literal: Literal) -> Exception:
        if (
            literal.kind is LiteralKind.WORD
            and named_range(literal, self.today) is None
        ):
            known = {"true", "false", "null"}
            if literal.text.lower() not in known:
                return malformed(f"unexpected token: '{literal.text}'")
        word, _ = _TYPE_WORDS.get(field.type, ("string", None))
        quoted = literal.kind is LiteralKind.STRING
        return wrong_literal(self.text, name, field.name, word, quoted=quoted)

    def _key(self, column: Column) -> str:
        return _folded(column.field, column.sql)

    def _bind(self, value: object) -> str:
        key = f"p{len(self.params)}"
        self.params[key] = value
        return f"${key}"


def _is_distance(node: Comparison) -> bool:
    return isinstance(node.operand, Call) and node.operand.function == "DISTANCE"


def _is_null(literal: Literal) -> bool:
    return literal.kind is LiteralKind.WORD and literal.text.lower() == "null"


def _is_empty(literal: Literal) -> bool:
    """Whether it is the empty text, which is what null equals."""
    return literal.text == "''"


def _folded(field: Field, value: str) -> str:
    """Return SQL to compare text by: without regard to case, but for ids and such."""
    if field.type in _ID_TYPES or field.type in _TYPE_WORDS or field.case_sensitive:
        return value
    return f"lower({value})"
