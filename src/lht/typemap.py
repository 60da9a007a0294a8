"""One table of types: Salesforce type -> Arrow type -> each warehouse's type.

Arrow types are named by short texts so that schemas stay plain, comparable values:
``string``, ``bool``, ``int64``, ``double``, ``date``, ``time``, ``timestamp`` and
``decimal(38,s)``.

Numbers: the API does not enforce a field's scale, so a stored number is kept in
DECIMAL(38, s) and the column is widened when a value needs more: to a larger s up to
20, beyond that to DOUBLE, which holds every number that the API can send.
"""

from typing import Final

from lht.exceptions import UnencodableValueError, UnknownFieldTypeError
from lht.schema import Column, Field, SObjectSchema, TableSchema

PRECISION: Final = 38
MAX_SCALE: Final = 20  # leaves 18 integer digits, the most a Salesforce number declares

_TEXT: Final = frozenset(
    {
        *("id", "reference", "string", "picklist", "multipicklist", "combobox"),
        *("textarea", "phone", "url", "email", "encryptedstring", "base64"),
        *("datacategorygroupreference", "anytype", "complexvalue", "json"),
        *("textarray", "floatarray", "byte"),
    }
)
_PLAIN: Final = {
    "boolean": "bool",
    "int": "int64",
    "long": "int64",
    "date": "date",
    "datetime": "timestamp",
    "time": "time",
}
_NUMBER: Final = frozenset(("currency", "percent", "double"))

DUCKDB: Final = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "decimal": "DECIMAL",
}
SNOWFLAKE: Final = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int64": "NUMBER(38,0)",
    "double": "FLOAT",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP_NTZ",
    "decimal": "NUMBER",
}


def decimal(scale: int) -> str:
    """Return the name of the decimal type with *scale* digits after the point."""
    return f"decimal({PRECISION},{scale})"


def scale_of(arrow_type: str) -> int | None:
    """Return the scale of a decimal type name, None for any other type."""
    if not arrow_type.startswith("decimal("):
        return None
    return int(arrow_type.removesuffix(")").partition(",")[2])


def arrow_type_of(field: Field) -> str:
    """Return the Arrow type name that holds every value of *field*.

    Raises:
        UnknownFieldTypeError: The describe's type is not one that lht knows.
    """
    kind = field.type.lower()
    if kind in _NUMBER:
        return "double" if field.calculated else decimal(min(field.scale, MAX_SCALE))
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _TEXT:
        return "string"
    raise UnknownFieldTypeError(
        f"field {field.name} has the type {field.type!r}, which lht does not know",
        hint="leave the field out with --fields, and report the type",
        field=field.name,
    )


def sql_type(arrow_type: str, names: dict[str, str]) -> str:
    """Return a warehouse's type for an Arrow type name (*names*: its own names)."""
    name, bracket, sizes = arrow_type.partition("(")
    return names[name] + bracket + sizes


def wider(left: str, right: str) -> str:
    """Return the narrower of the two types that hold all values of both.

    Only numbers widen: decimals to the larger scale, decimal and double to double.

    Raises:
        ValueError: No type holds all values of both.
    """
    if left == right:
        return left
    scales = [scale_of(name) for name in (left, right) if name != "double"]
    known = [scale for scale in scales if scale is not None]
    if len(known) < len(scales):
        raise ValueError(f"no type holds both {left} and {right}")
    return decimal(max(known)) if len(known) > 1 else "double"


def needed_type(arrow_type: str, decimals: int, whole: int) -> str:
    """Return the narrowest type that holds a decimal column's numbers exactly.

    Args:
        arrow_type: The column's decimal type, the least that is returned.
        decimals: The most digits behind the point that one of the numbers needs.
        whole: The most digits before the point that one of them needs.
    """
    scale = max(scale_of(arrow_type) or 0, decimals)
    fits = scale <= MAX_SCALE and whole <= PRECISION - scale
    return decimal(scale) if fits else "double"


def unencodable(column: Column) -> UnencodableValueError:
    """Return the error for a text that is no value of its column's type."""
    return UnencodableValueError(
        f"field {column.name} ({column.field_type}) holds a text that is no "
        f"{column.arrow_type}",
        hint="please report this: Salesforce sent a form that lht does not know",
        field=column.name,
    )


def selectable(field: Field) -> bool:
    """Tell whether a sync reads *field*: its own value, neither compound nor file.

    The parts of a compound are fields of their own and always read.
    """
    return not field.compound and field.type.lower() not in {
        "base64",
        "address",
        "location",
    }


def table_schema(schema: SObjectSchema, names: frozenset[str] | None) -> TableSchema:
    """Return the columns for a sObject, ``Id`` first, then in describe order.

    Args:
        schema: The described sObject.
        names: Lower-case names of the wanted fields; None for all that can be read.
    """
    wanted = [
        f
        for f in schema.fields
        if selectable(f) and (names is None or f.name.lower() in names)
    ]
    wanted.sort(key=lambda f: f.name.lower() != "id")
    return TableSchema(
        columns=tuple(
            Column(name=f.name, field_type=f.type, arrow_type=arrow_type_of(f))
            for f in wanted
        )
    )
