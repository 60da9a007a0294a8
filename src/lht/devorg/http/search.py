"""Searches over several objects: ``/search`` with SOSL, and ``/parameterizedSearch``.

An org searches an index of words; this one looks for records whose fields contain all
the words, in any order and case. ``*`` and ``?`` stand for letters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from lht.devorg.errors import OrgError
from lht.devorg.http.query import run_query
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json, read_digits
from lht.devorg.metadata import Field

# Source: SOQL and SOSL Reference, "SOSL Limits on Search Results"; REST API Developer
# Guide, "Search": before v37 the answer is the list of records alone.
MAX_RESULTS = 2_000
_OBJECT_SINCE = 37
_MIN_LETTERS = 2

_SOSL = re.compile(
    r"\s*FIND\s*\{(?P<text>(?:[^}\\]|\\.)*)\}"
    r"(?:\s+IN\s+(?P<scope>ALL|NAME|EMAIL|PHONE|SIDEBAR)\s+FIELDS)?"
    r"(?:\s+RETURNING\s+(?P<returning>.*?))?"
    r"(?:\s+WITH\s+.*?)?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_RETURNING = re.compile(
    r"\s*(\w+)\s*(?:\(((?:[^()']|'(?:[^'\\]|\\.)*'|\([^()]*\))*)\))?"
)
_CLAUSES = re.compile(
    r"\s*(?P<fields>.*?)(?:\bUSING\b.*?)?(?:\bWHERE\b(?P<where>.*?))?"
    r"(?P<rest>(?:\bORDER\s+BY\b|\bLIMIT\b|\bOFFSET\b).*)?",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r'"([^"]*)"|(\S+)')
_SCOPES: Mapping[str, frozenset[str]] = {
    "ALL": frozenset({"string", "phone", "email", "picklist", "url", "textarea"}),
    "EMAIL": frozenset({"email"}),
    "PHONE": frozenset({"phone"}),
}


@dataclass(frozen=True)
class _Wanted:
    """What shall be found of one object."""

    sobject: str
    fields: str = "Id"
    where: str = ""
    rest: str = ""


class _Target(msgspec.Struct):
    name: str
    fields: list[str] = []
    where: str = ""
    limit: int | None = None


class _Parameters(msgspec.Struct):
    q: str
    sobjects: list[_Target] = []
    fields: list[str] = []
    in_: str = msgspec.field(default="ALL", name="in")
    overallLimit: int = MAX_RESULTS  # noqa: N815 -- the body's own words
    defaultLimit: int | None = None  # noqa: N815


@dataclass(frozen=True)
class _Search:
    """One search: the words, where to look, and what for."""

    text: str
    scope: str
    wanted: list[_Wanted] = field(default_factory=list)
    limit: int = MAX_RESULTS


def run_sosl(service: Service, call: Call) -> Answer:
    """Answer ``GET /search``."""
    sosl = call.required("q")
    found = _SOSL.fullmatch(sosl)
    if found is None:
        text = "No search term found. The search term must be enclosed in braces."
        raise OrgError(400, "MALFORMED_SEARCH", text)
    wanted = [
        _read_wanted(part) for part in _RETURNING.findall(found["returning"] or "")
    ]
    scope = (found["scope"] or "ALL").upper()
    limit = min(read_digits(found["limit"] or str(MAX_RESULTS)), MAX_RESULTS)
    text = re.sub(r"\\(.)", r"\1", found["text"])
    return _answer(service, call, _Search(text, scope, wanted, limit))


def run_parameterized(service: Service, call: Call) -> Answer:
    """Answer ``GET`` and ``POST /parameterizedSearch``."""
    given = call.json(_Parameters) if call.method == "POST" else _parameters(call)
    wanted = [
        _Wanted(
            target.name,
            ", ".join(target.fields or given.fields or ["Id"]),
            target.where,
            "" if limit is None else f"LIMIT {limit}",
        )
        for target in given.sobjects
        for limit in [given.defaultLimit if target.limit is None else target.limit]
    ]
    scope = given.in_.upper()
    return _answer(service, call, _Search(given.q, scope, wanted, given.overallLimit))


def _parameters(call: Call) -> _Parameters:
    """Read a search from the URL; of several objects only the last one is known."""
    name = call.params.get("sobject")
    given: Json = {"q": call.required("q"), "in": call.params.get("in", "ALL")}
    given |= {"fields": _names(call.params.get("fields", ""))}
    for limit in ("overallLimit", "defaultLimit"):
        if limit in call.params:
            given[limit] = call.params[limit]
    if name:
        target: Json = {"name": name}
        target["fields"] = _names(call.params.get(f"{name}.fields", ""))
        target["where"] = call.params.get(f"{name}.where", "")
        if f"{name}.limit" in call.params:
            target["limit"] = call.params[f"{name}.limit"]
        given["sobjects"] = [target]
    try:
        return msgspec.convert(given, _Parameters, strict=False)
    except msgspec.ValidationError as exc:
        raise OrgError(400, "INVALID_SEARCH", str(exc)) from exc


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _read_wanted(part: tuple[str, str]) -> _Wanted:
    """Read ``Account(Id, Name WHERE ... ORDER BY ... LIMIT n)``."""
    name, inside = part
    clauses = _CLAUSES.fullmatch(inside)
    if clauses is None or (clauses["where"] is not None and not clauses["where"]):
        raise OrgError(400, "MALFORMED_SEARCH", f"unexpected token: {inside}")
    where, rest = clauses["where"] or "", clauses["rest"] or ""
    return _Wanted(name, clauses["fields"].strip() or "Id", where.strip(), rest.strip())


def _answer(service: Service, call: Call, search: _Search) -> Answer:
    if len(re.sub(r"[\s*?\"]", "", search.text)) < _MIN_LETTERS:
        text = "Search term must be longer than one character"
        raise OrgError(400, "MALFORMED_SEARCH", f"{text}: {search.text}")
    wanted = search.wanted or list(_everything(service))
    records: list[Any] = []
    for one in wanted:
        soql = _soql(service, search, one)
        if soql:
            page = run_query(service, replace(call, params={"q": soql}))
            records += page.body["records"]
    records = records[: search.limit]
    old = float(call.version) < _OBJECT_SINCE
    return Answer(body=records if old else {"searchRecords": records})


def _everything(service: Service) -> Iterator[_Wanted]:
    for sobject in service.store.metadata.sobjects:
        if sobject.searchable and sobject.queryable and sobject.layoutable:
            yield _Wanted(sobject.name)


def _soql(service: Service, search: _Search, wanted: _Wanted) -> str | None:
    """Return the query that finds an object's records, or None if none can be."""
    sobject = service.store.metadata.by_name.get(wanted.sobject.lower())
    if sobject is None:
        text = f"sObject type '{wanted.sobject}' is not supported."
        raise OrgError(400, "INVALID_TYPE", text)
    fields = [f.name for f in sobject.fields if _is_searched(f, search.scope)]
    if not fields:
        return None
    words = [phrase or word for phrase, word in _WORD.findall(search.text)]
    conditions = [f"({_any_like(fields, word)})" for word in words]
    if wanted.where:
        conditions.append(f"({wanted.where})")
    rest = wanted.rest
    if not re.search(r"\bLIMIT\b", rest, re.IGNORECASE):
        rest = f"{rest} LIMIT {MAX_RESULTS}"
    where = " AND ".join(conditions)
    return f"SELECT {wanted.fields} FROM {sobject.name} WHERE {where} {rest.strip()}"


def _any_like(fields: list[str], word: str) -> str:
    pattern = re.sub(r"([\\'%_])", r"\\\1", word)
    pattern = pattern.replace("*", "%").replace("?", "_")
    return " OR ".join(f"{name} LIKE '%{pattern}%'" for name in fields)


def _is_searched(field: Field, scope: str) -> bool:
    if not field.filterable or not field.stored:
        return False
    if scope in {"NAME", "SIDEBAR"}:
        part_of_name = (field.compound_name or "") == "Name"
        return (field.name_field or part_of_name) and field.type == "string"
    return field.type in _SCOPES.get(scope, _SCOPES["ALL"])


ROUTES = (
    ("GET", "/search", run_sosl),
    ("GET", "/parameterizedSearch", run_parameterized),
    ("POST", "/parameterizedSearch", run_parameterized),
)
