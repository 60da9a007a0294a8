"""What can be computed of groups of records: GROUP BY, HAVING, aggregates."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from lht.devorg.metadata import Field
from lht.devorg.soql import texts
from lht.devorg.soql.functions import computed
from lht.devorg.soql.nodes import Call, FieldPath, Name, Operand, Query
from lht.devorg.soql.operands import (
    AGGREGATES,
    Operands,
    has_aggregate,
)
from lht.devorg.soql.ordering import sort_keys
from lht.devorg.soql.scope import Column, Scope

_NUMERIC = {"int", "double", "currency", "percent"}
_TEXTS = {"string", "textarea", "phone", "email", "url", "combobox"}

# Source: SOQL and SOSL Reference v65, "GROUP BY ROLLUP" and "GROUP BY CUBE".
MAX_TOTALED = 3


def is_grouped(query: Query) -> bool:
    """Whether the rows of a query are groups of records."""
    operands = (item for item in query.items if isinstance(item, FieldPath | Call))
    return not query.is_count and (
        bool(query.group_by) or any(map(has_aggregate, operands))
    )


class Groups(Operands):
    """Compiles what a grouped query selects, sorts by and filters by."""

    def __init__(self, scope: Scope, query: Query) -> None:
        super().__init__(scope, query.text)
        self._plain = Operands(scope, query.text)
        self._query = query
        self._keys = list(self._group_keys())

    @property
    def clause(self) -> str:
        """SQL for GROUP BY, empty where all records are one group."""
        keys = ", ".join(_folded(key) for key in self._keys)
        if self._query.grouping:
            return f"GROUP BY {self._query.grouping} ({keys})"
        return f"GROUP BY {keys}" if keys else ""

    def column(self, operand: Operand) -> Column:
        """Compile a group's key, an aggregate, or a function of one.

        Raises:
            OrgError: INVALID_FIELD or MALFORMED_QUERY.
        """
        if isinstance(operand, Call) and operand.function in AGGREGATES:
            return self._aggregate(operand)
        if isinstance(operand, Call) and has_aggregate(operand):
            return self.call(operand)
        column = self._plain.column(operand)
        if not self._is_key(column):
            name = operand.name if isinstance(operand, FieldPath) else _first(operand)
            raise texts.not_grouped(self.text, name)
        return self._shown(column)

    def _shown(self, key: Column) -> Column:
        """Show one spelling of all that are one group; none in a subtotal's row."""
        folded = _folded(key)
        if folded == key.sql:
            return key
        sql = f"min({key.sql})"
        if self._query.grouping:
            sql = f"CASE WHEN GROUPING({folded}) = 0 THEN {sql} END"
        return replace(key, sql=sql)

    def _group_keys(self) -> Iterator[Column]:
        query = self._query
        if query.grouping and len(query.group_by) > MAX_TOTALED:
            message = f"{query.grouping} takes at most {MAX_TOTALED} fields"
            raise texts.malformed(message)
        for operand in query.group_by:
            if has_aggregate(operand):
                raise texts.not_groupable(self.text, operand.name, operand.name.text)
            column = self._plain.column(operand)
            if isinstance(operand, FieldPath) and not column.field.groupable:
                raise texts.not_groupable(self.text, operand.name, column.field.name)
            yield column

    def _is_key(self, column: Column) -> bool:
        return any(column.sql == key.sql for key in self._keys)

    def _aggregate(self, call: Call) -> Column:
        argument = self.only(call)
        column = self._plain.column(argument)
        if call.function == "GROUPING":
            return self._grouping(call, column)
        if isinstance(argument, FieldPath) and self._is_key(column):
            message = f"Grouped field should not be aggregated: {argument.name.text}"
            raise texts.wrong_call(self.text, argument.name, message)
        self._check(call, argument, column)
        if call.function in {"SUM", "AVG"}:
            return _number(call, column)
        return _AGGREGATES[call.function](call, column)

    def _grouping(self, call: Call, column: Column) -> Column:
        if not self._query.grouping or not self._is_key(column):
            message = "GROUPING() takes a field of GROUP BY ROLLUP or GROUP BY CUBE"
            raise texts.wrong_call(self.text, call.name, message)
        return computed(call, "int", f"GROUPING({_folded(column)})")

    def _check(self, call: Call, argument: Operand, column: Column) -> None:
        field = column.field
        numeric = call.function in {"SUM", "AVG"} and field.type not in _NUMERIC
        if numeric or not field.aggregatable or not isinstance(argument, FieldPath):
            shown = argument.name.text
            message = f"field {shown} does not support aggregate operator "
            raise texts.wrong_call(self.text, argument.name, message + call.function)


def _folded(column: Column) -> str:
    """Return SQL for what is equal within a group: for texts, whatever the case.

    So it is for users with an English locale, as all of this org's are.

    Source: github.com/octoberswimmer/aer-dist/issues/11, read 2026-11-21.
    """
    text = column.field.type in _TEXTS and not column.field.case_sensitive
    return f"lower({column.sql})" if text else column.sql


def _first(call: Call) -> Name:
    """Return the name of the field that a function is of."""
    for argument in call.arguments:
        if isinstance(argument, FieldPath):
            return argument.name
        if isinstance(argument, Call):
            return _first(argument)
    return call.name


def _count(call: Call, column: Column) -> Column:
    return computed(call, "int", f"count({column.sql})")


def _count_distinct(call: Call, column: Column) -> Column:
    return computed(call, "int", f"count(DISTINCT {_folded(column)})")


def _number(call: Call, column: Column) -> Column:
    """Sum up or average; cents stay cents, and the sum of whole numbers is one."""
    kind, function = column.field.type, call.function.lower()
    if kind != "int":
        function = "f" + function  # with compensation for lost digits
    elif function == "avg":
        kind = "double"
    label = call.name.text
    field = Field(name=label, type=kind, label=label, scale=column.field.scale)
    return Column((), field, f"{function}({column.sql})")


def _extreme(call: Call, column: Column) -> Column:
    """Take the first or last value in the order of its type."""
    keys = sort_keys(column)
    if len(keys) == 1:
        sql = f"{call.function.lower()}({column.sql})"
    else:
        sql = f"arg_{call.function.lower()}({column.sql}, ({', '.join(keys)}))"
        sql = f"{sql} FILTER (WHERE {column.sql} IS NOT NULL)"
    return Column((), column.field, sql)


_AGGREGATES: Mapping[str, Callable[[Call, Column], Column]] = {
    "COUNT": _count,
    "COUNT_DISTINCT": _count_distinct,
    "MIN": _extreme,
    "MAX": _extreme,
}
