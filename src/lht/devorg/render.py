"""Values on the wire: REST's JSON in Python, Bulk's CSV in SQL.

Numbers that Salesforce keeps as doubles appear as Java's ``Double.toString`` prints
them, but for the digits of the subnormal few below 1E-322. Null and the empty text are
one thing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec

from lht.devorg.metadata import Field, Metadata
from lht.devorg.soql import Child, Column, Compiled, Source, Variant

Json = dict[str, Any]

DOUBLES = {"double", "currency", "percent"}


def java_double(value: float) -> str:
    """Print a finite double as Java's ``Double.toString`` does."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(digits) - 1 + int(exponent)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


# The same rule in SQL. DuckDB prints plainly what is from 1E-4 up to 1E16.
JAVA_DOUBLE_MACROS = """
CREATE OR REPLACE TEMP MACRO java_digits(t) AS
    trim(replace(split_part(ltrim(t, '-'), 'e', 1), '.', ''), '0');
CREATE OR REPLACE TEMP MACRO java_power(x, t) AS
    CASE WHEN contains(t, 'e') THEN CAST(split_part(t, 'e', 2) AS INTEGER)
         WHEN abs(x) < 1 THEN -4
         ELSE strpos(ltrim(t, '-'), '.') - 2 END;
CREATE OR REPLACE TEMP MACRO java_scientific(x, t) AS
    concat(CASE WHEN x < 0 THEN '-' ELSE '' END,
           java_digits(t)[1], '.', coalesce(nullif(java_digits(t)[2:], ''), '0'),
           'E', java_power(x, t));
CREATE OR REPLACE TEMP MACRO java_double(x) AS
    CASE WHEN x = 0 OR (abs(x) >= 1e-3 AND abs(x) < 1e7) THEN CAST(x AS VARCHAR)
         WHEN x IS NOT NULL THEN java_scientific(x, CAST(x AS VARCHAR)) END;
"""


def csv_cell(column: Column) -> str:
    """Return SQL for a value's text in CSV, without its quotes; NULL stays NULL."""
    value, kind = column.sql, column.field.type
    if kind in DOUBLES:
        return f"java_double({value})"
    if kind == "datetime":
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%gZ')"
    if kind == "time":
        return f"strftime(DATE '1970-01-01' + {value}, '%H:%M:%S.%gZ')"
    if kind in {"boolean", "int", "long", "date"}:
        return value
    # Looking for a quote first is twice as fast as replacing none.
    doubled = f"replace({value}, '\"', '\"\"')"
    return f"CASE WHEN contains({value}, '\"') THEN {doubled} ELSE {value} END"


def csv_line(columns: Sequence[Column], *, delimiter: str, line_ending: str) -> str:
    """Return SQL for one record as a line of CSV, every value quoted."""
    between = _quoted(f'"{delimiter}"')
    cells = f", {between}, ".join(map(csv_cell, columns))
    return f"concat('\"', {cells}, {_quoted(chr(34) + line_ending)})"


def csv_header(columns: Sequence[Column], *, delimiter: str, line_ending: str) -> str:
    """Return the line of column names."""
    names = (".".join(column.path) for column in columns)
    return delimiter.join(f'"{name}"' for name in names) + line_ending


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def json_datetime(value: datetime) -> str:
    """Print a naive UTC instant as JSON bodies have it."""
    return value.isoformat(timespec="milliseconds") + "+0000"


def json_double(value: float) -> msgspec.Raw:
    """Print a double as a JSON number in Java's notation; none where it is no number.

    Sums can go beyond what a double holds.
    """
    if not isfinite(value):
        return msgspec.Raw(b"null")
    return msgspec.Raw(java_double(value).encode())


def _json_compound(value: Mapping[str, Any]) -> Json:
    return {
        key: json_double(part) if isinstance(part, float) else part
        for key, part in value.items()
    }


def _json_time(value: time) -> str:
    return value.isoformat(timespec="milliseconds") + "Z"


_JSON_VALUES: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(DOUBLES, json_double),
    "date": date.isoformat,
    "datetime": json_datetime,
    "time": _json_time,
    "address": _json_compound,
    "location": _json_compound,
}


def json_value(field: Field, value: Any) -> Any:
    """Bring a stored value into its JSON form."""
    if value is None:
        return None
    render = _JSON_VALUES.get(field.type)
    return value if render is None else render(value)


@dataclass(frozen=True)
class _Shape:
    """Which row position goes where in a record: its own fields and its parents'."""

    type_name: str
    id_at: int
    members: "dict[str, tuple[int, Field] | _Shape | _Variants | Child]"


@dataclass(frozen=True)
class _Variants:
    """A parent that shows one shape for each type; None is for all other types."""

    id_at: int
    shapes: Mapping[str | None, _Shape]


class RecordRenderer:
    """Renders the rows of one query as JSON records.

    ``columns`` is the SQL of the columns that rows must have.
    """

    def __init__(self, compiled: Compiled, metadata: Metadata, version: str) -> None:
        """Plan the records of a query for one API version, such as ``62.0``."""
        self._metadata = metadata
        self._base = f"/services/data/v{version}/sobjects"
        self._sql: list[str] = []
        self._root = _Shape(compiled.sobject.name, self._add('t0."Id"'), {})
        for member in compiled.members:
            match member:
                case Column():
                    self._place(self._root, member)
                case Variant():
                    self._root.members[member.name] = self._variants(member)
                case Child():
                    self._root.members[member.name] = member
        self.columns = ", ".join(self._sql)

    def render(
        self, row: Sequence[Any], lists: Mapping[str, Any] | None = None
    ) -> Json:
        """Render one row; *lists* are the results of its sub-queries by name."""
        record = self._record(self._root, row, lists or {})
        assert record is not None  # noqa: S101 -- every record has an Id
        return record

    def _add(self, sql: str) -> int:
        self._sql.append(sql)
        return len(self._sql) - 1

    def _place(self, root: _Shape, column: Column) -> None:
        """Give a column its place among the members of its parent's shape."""
        shape = root
        for source in column.via:
            found = shape.members.get(source.name)
            if not isinstance(found, _Shape):
                found = self._shape(source)
                shape.members[source.name] = found
            shape = found
        shape.members[column.path[-1]] = (self._add(column.sql), column.field)

    def _shape(self, source: Source) -> _Shape:
        return _Shape(source.sobject.name, self._add(source.column("Id")), {})

    def _variants(self, variant: Variant) -> _Variants:
        shapes = {}
        for choice in variant.choices:
            shapes[choice.sobject] = self._shape(choice.source)
            for column in choice.columns:
                self._place(shapes[choice.sobject], column)
        return _Variants(self._add(variant.id_sql), shapes)

    def _record(
        self, shape: _Shape, row: Sequence[Any], lists: Mapping[str, Any]
    ) -> Json | None:
        id_ = row[shape.id_at]
        if id_ is None:
            return None
        owners = [owner.name for owner in self._metadata.owners(id_)]
        known = shape.type_name in owners or not owners
        kind = shape.type_name if known else owners[0]  # one of several parents
        url = f"{self._base}/{kind}/{id_}"
        members = dict(self._members(shape, row, url, lists))
        return {"attributes": {"type": shape.type_name, "url": url}, **members}

    def _members(
        self, shape: _Shape, row: Sequence[Any], url: str, lists: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        for name, member in shape.members.items():
            match member:
                case _Shape():
                    yield name, self._record(member, row, {})
                case _Variants():
                    yield name, self._chosen(member, row)
                case Child():
                    yield name, lists.get(name)
                case (at, Field(type="base64")):
                    yield name, None if row[at] is None else f"{url}/{name}"
                case (at, field):
                    yield name, json_value(field, row[at])

    def _chosen(self, variants: _Variants, row: Sequence[Any]) -> Json | None:
        """Render a parent in the shape that its type has."""
        id_ = row[variants.id_at]
        owners = self._metadata.owners(id_) if id_ else ()
        shapes = (variants.shapes.get(owner.name) for owner in owners)
        shape = next(filter(None, shapes), variants.shapes.get(None))
        return None if shape is None else self._record(shape, row, {})


def render_group(columns: Sequence[Column], row: Sequence[Any]) -> Json:
    """Render a row of a grouped query."""
    values = zip(columns, row, strict=True)
    members = {column.path[0]: json_value(column.field, v) for column, v in values}
    return {"attributes": {"type": "AggregateResult"}, **members}
