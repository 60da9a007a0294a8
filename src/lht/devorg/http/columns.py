"""What columns a query has: ``/query?columns=true``. It is not run.

Source: Tooling API Reference, "QueryResultMetadata", "QueryResultColumnMetadata"; the
Salesforce CLI asks for it before it draws a table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lht.devorg.http import explain
from lht.devorg.http.query import compile_soql
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json, boolean
from lht.devorg.metadata import Field
from lht.devorg.soql import Child, Column, Compiled, Variant

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_APEX: Mapping[str, str] = {
    **dict.fromkeys(("double", "currency", "percent"), "Decimal"),
    "boolean": "Boolean",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "int": "Integer",
    "long": "Long",
    "id": "Id",
    "reference": "Id",
    "base64": "Blob",
}


def run(service: Service, call: Call) -> Answer:
    """Answer ``GET /query``, or tell its columns."""
    if not boolean(call.params.get("columns", "")):
        return explain.run(service, call)
    compiled = compile_soql(service, call.required("q"), all_rows=True)
    body = {
        "columnMetadata": _columns(compiled),
        "entityName": compiled.sobject.name,
        "groupBy": compiled.is_grouped,
        "idSelected": any(column.path == ("Id",) for column in compiled.columns),
        "keyPrefix": compiled.sobject.key_prefix,
    }
    return Answer(body=body)


def _columns(compiled: Compiled) -> list[Json]:
    """Return the columns in order, those of a parent or a sub-query inside one."""
    if compiled.is_count:
        return []
    found: list[Json] = []
    for member in compiled.members:
        match member:
            case Column():
                _place(found, member.path, member.field, grouped=compiled.is_grouped)
            case Child():
                inner = _columns(member.compiled)
                found.append(_joined(member.name, inner, aggregate=True))
            case Variant():
                found.append(_joined(member.name, [], aggregate=False))
    return found


def _place(
    found: list[Json], path: Sequence[str], field: Field, *, grouped: bool
) -> None:
    """Put a column behind the others, or among those of its parent."""
    name, *rest = path
    if not rest:
        found.append(_column(name, field, aggregate=grouped and name != field.name))
        return
    known = (each for each in found if each["columnName"] == name)
    parent = next((each for each in known if each["joinColumns"]), None)
    if parent is None:
        parent = _joined(name, [], aggregate=False)
        found.append(parent)
    _place(parent["joinColumns"], rest, field, grouped=grouped)


def _joined(name: str, inner: list[Json], *, aggregate: bool) -> Json:
    return _told(name, aggregate=aggregate, joinColumns=inner)


def _column(name: str, field: Field, *, aggregate: bool) -> Json:
    return _told(
        name,
        aggregate=aggregate,
        apexType=_APEX.get(field.type, "String"),
        booleanType=field.type == "boolean",
        custom=field.custom,
        insertable=field.createable,
        numberType=field.type in _NUMBERS,
        textType=_APEX.get(field.type) is None,
        updatable=field.updateable,
    )


def _told(name: str, **known: Any) -> Json:
    usual: Json = {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
    }
    return usual | known


ROUTES = (("GET", "/query", run),)
