"""Functions that show a field in another way, and DISTANCE()."""

from collections.abc import Callable, Mapping

from lht.devorg.metadata import Field
from lht.devorg.soql import texts
from lht.devorg.soql.nodes import Call, Literal, LiteralKind
from lht.devorg.soql.scope import Column

_EARTH_RADII = {"mi": 3_958.7613, "km": 6_371.0088}
_FORMATS = {
    "int": "format('{{:,}}', {0})",
    "double": "format('{1}', {0})",
    "percent": "format('{1}', {0}) || '%'",
    "currency": "if({0} < 0, '-', '') || '$' || format('{1}', abs({0}))",
    "date": "strftime({0}, '%-m/%-d/%Y')",
    "datetime": "strftime({0}, '%-m/%-d/%Y, %-I:%M %p')",
    "time": "strftime(DATE '1970-01-01' + {0}, '%-I:%M %p')",
}


def computed(call: Call, kind: str, sql: str, column: Column | None = None) -> Column:
    """Make a column of what a function yields.

    One that only shows *column* in another way keeps its name.
    """
    label = call.name.text
    field = Field(name=label, type=kind, label=label)
    if column is None:
        return Column((), field, sql)
    return Column(column.path, field, sql, column.via)


def _to_label(_text: str, call: Call, column: Column) -> Column:
    """Show the label of a picklist's value; other texts are their own."""
    cases = " ".join(
        f"WHEN {_quoted(value.value)} THEN {_quoted(value.label)}"
        for value in column.field.picklist
    )
    if not cases or column.field.type == "multipicklist":
        return column
    label = f"CASE {column.sql} {cases} ELSE {column.sql} END"
    return computed(call, "string", label, column)


def _format(_text: str, call: Call, column: Column) -> Column:
    """Show a value as a person in the United States reads it."""
    value = column.sql
    template = _FORMATS.get(column.field.type, "{0}")
    number = f"{{:,.{column.field.scale}f}}"
    shown = f"CAST({template.format(value, number)} AS VARCHAR)"
    shown = f"CASE WHEN {value} IS NOT NULL THEN {shown} END"
    return computed(call, "string", shown, column)


def _convert_currency(text: str, call: Call, column: Column) -> Column:
    """Show an amount in the user's currency, which is the org's only one."""
    if column.field.type != "currency":
        message = f"{call.name.text}() takes a currency field"
        raise texts.wrong_call(text, call.name, message)
    return column


FUNCTIONS: Mapping[str, Callable[[str, Call, Column], Column]] = {
    "TOLABEL": _to_label,
    "FORMAT": _format,
    "CONVERTCURRENCY": _convert_currency,
}
"""Functions of one field: they take the query's text, the call and the field."""


def distance(call: Call, place: Column, point: Call, unit: Literal) -> Column | None:
    """Compile the distance of a location from a point; None where it makes no sense."""
    radius = _EARTH_RADII.get(unit.text.strip("'").lower())
    degrees = tuple(map(_degrees, point.arguments, (90, 180)))
    is_point = point.function == "GEOLOCATION" and len(point.arguments) == 2
    if not is_point or radius is None or not _has_coordinates(place.field):
        return None
    if degrees[0] is None or degrees[1] is None:
        return None
    sql = _haversine(place.sql, degrees[0], degrees[1])
    return computed(call, "double", f"({2 * radius} * {sql})")


def _haversine(place: str, latitude: float, longitude: float) -> str:
    """Return SQL for half the angle between a location and a point."""
    along, up = f"struct_extract({place}, 'longitude')", _latitude(place)
    half_up = f"sin(radians({up} - ({latitude})) / 2)"
    half_along = f"sin(radians({along} - ({longitude})) / 2)"
    across = f"cos(radians({up})) * cos(radians({latitude}))"
    squared = f"{half_up} ** 2 + {across} * {half_along} ** 2"
    return f"asin(sqrt(least(1.0, {squared})))"


def _latitude(place: str) -> str:
    return f"struct_extract({place}, 'latitude')"


def _has_coordinates(field: Field) -> bool:
    parts = [part.lower().removesuffix("__s") for part in field.parts]
    return all(
        any(part.endswith(end) for part in parts) for end in ("latitude", "longitude")
    )


def _degrees(literal: object, most: int) -> float | None:
    if not isinstance(literal, Literal) or literal.kind is not LiteralKind.NUMBER:
        return None
    return float(literal.text) if abs(float(literal.text)) <= most else None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
