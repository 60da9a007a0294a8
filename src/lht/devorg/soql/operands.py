"""What can be computed of one record: fields, and functions of them."""

from lht.devorg.soql import texts
from lht.devorg.soql.functions import FUNCTIONS, computed, distance
from lht.devorg.soql.nodes import Call, FieldPath, Literal, Operand
from lht.devorg.soql.scope import Column, Scope

AGGREGATES = {"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"}

# Source: SOQL and SOSL Reference v65, "Date Functions". The fiscal year is the
# calendar's, weeks are counted from the first day of the month or year.
_OF_DAYS = {
    "CALENDAR_MONTH": "month({0})",
    "CALENDAR_QUARTER": "quarter({0})",
    "CALENDAR_YEAR": "year({0})",
    "DAY_IN_MONTH": "day({0})",
    "DAY_IN_WEEK": "(dayofweek({0}) + 1)",
    "DAY_IN_YEAR": "dayofyear({0})",
    "FISCAL_MONTH": "month({0})",
    "FISCAL_QUARTER": "quarter({0})",
    "FISCAL_YEAR": "year({0})",
    "WEEK_IN_MONTH": "((day({0}) - 1) // 7 + 1)",
    "WEEK_IN_YEAR": "((dayofyear({0}) - 1) // 7 + 1)",
}
_OF_MOMENTS = {"DAY_ONLY": "CAST({0} AS DATE)", "HOUR_IN_DAY": "hour({0})"}
DATE_FUNCTIONS = {*_OF_DAYS, *_OF_MOMENTS}


def has_aggregate(operand: Operand | Literal) -> bool:
    """Whether a function of many records is in it."""
    if not isinstance(operand, Call):
        return False
    return operand.function in AGGREGATES or any(map(has_aggregate, operand.arguments))


class Operands:
    """Compiles fields and functions of the records of one query."""

    def __init__(self, scope: Scope, text: str) -> None:
        self.scope = scope
        self.text = text

    def column(self, operand: Operand) -> Column:
        """Compile a field or a function.

        Raises:
            OrgError: INVALID_FIELD or MALFORMED_QUERY.
        """
        match operand:
            case FieldPath(name):
                return self.scope.resolve(name)
            case Call():
                return self.call(operand)

    def call(self, call: Call) -> Column:
        """Compile a function.

        Raises:
            OrgError: INVALID_FIELD or MALFORMED_QUERY.
        """
        function = call.function
        if function in DATE_FUNCTIONS:
            return self._of_date(call)
        if function in FUNCTIONS:
            return FUNCTIONS[function](self.text, call, self.argument(call))
        if function == "DISTANCE":
            return self._distance(call)
        if function in AGGREGATES:
            message = f"Aggregate function {function} is not allowed here"
            raise texts.wrong_call(self.text, call.name, message)
        end = call.name.position + len(call.name.text)
        raise texts.unexpected(self.text, end, "(")

    def argument(self, call: Call) -> Column:
        """Compile the only argument of a function."""
        return self.column(self.only(call))

    def only(self, call: Call) -> Operand:
        """Take the only argument of a function, a field or another function.

        Raises:
            OrgError: MALFORMED_QUERY.
        """
        match call.arguments:
            case (FieldPath() | Call() as only,):
                return only
        message = f"{call.name.text}() takes one field"
        raise texts.wrong_call(self.text, call.name, message)

    def _of_date(self, call: Call) -> Column:
        """Compile a part of a date; of a datetime, in UTC, as all of the org's days."""
        inner = self.only(call)
        if isinstance(inner, Call) and inner.function == "CONVERTTIMEZONE":
            inner = self.only(inner)
        column = self.column(inner)
        fitting = {"datetime"} if call.function in _OF_MOMENTS else {"date", "datetime"}
        if column.field.type not in fitting:
            message = (
                f"field {column.field.name} does not support function {call.name.text}"
            )
            raise texts.invalid_field(self.text, inner.name, message)
        template = (_OF_DAYS | _OF_MOMENTS)[call.function]
        kind = "date" if call.function == "DAY_ONLY" else "int"
        return computed(call, kind, template.format(column.sql))

    def _distance(self, call: Call) -> Column:
        """Compile the distance of a location from a point of the earth."""
        match call.arguments:
            case (FieldPath(name), Call() as point, Literal() as unit):
                place = self.scope.resolve(name)
                found = distance(call, place, point, unit)
                if found is not None:
                    return found
        message = f"{call.name.text}() takes a location, GEOLOCATION() and 'mi' or 'km'"
        raise texts.wrong_call(self.text, call.name, message)
