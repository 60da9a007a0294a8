"""USING SCOPE, WITH, FOR and UPDATE: what they ask for, and what is not to be had."""

from collections.abc import Callable, Mapping

from lht.devorg.errors import OrgError
from lht.devorg.soql import texts
from lht.devorg.soql.nodes import Name, Query
from lht.devorg.soql.scope import Source

# Everybody may see everything here.
_MODES = {"SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"}
_VIEWED = {
    "VIEW": ("LastViewedDate", "LastReferencedDate"),
    "REFERENCE": ("LastReferencedDate",),
    "UPDATE": (),
}
_TRACKED = {"TRACKING", "VIEWSTAT"}


def check_clauses(query: Query, *, is_inside: bool) -> None:
    """See that a query asks for what this org has.

    Args:
        query: As parsed.
        is_inside: Whether it is part of another one.

    Raises:
        OrgError: MALFORMED_QUERY.
    """
    if query.using is not None and query.using.kind.text.upper() != "SCOPE":
        kind = query.using.kind
        raise texts.unsupported(query.text, kind, f"USING {kind.text.upper()}")
    for with_ in query.withs:
        if with_.name.text.upper() not in _MODES:
            raise texts.unsupported(query.text, with_.name, f"WITH {with_.name.text}")
    for name in query.purposes:
        if is_inside or name.text.upper() not in _VIEWED:
            raise texts.unexpected(query.text, name.position, name.text)
    for name in query.updates:
        _check_tracking(query, name)


def _check_tracking(query: Query, name: Name) -> None:
    if name.text.upper() not in _TRACKED:
        raise texts.unexpected(query.text, name.position, name.text)
    if not query.sobject.text.lower().endswith("__kav"):
        message = f"UPDATE {name.text.upper()} is only allowed on articles"
        raise texts.wrong_call(query.text, name, message)


def viewed_fields(query: Query) -> tuple[str, ...]:
    """Return the dates that FOR VIEW and FOR REFERENCE set on what is found."""
    words = {name.text.upper() for name in query.purposes}
    found = [field for word in words for field in _VIEWED[word]]
    return tuple(sorted(set(found)))


def scope_condition(query: Query, root: Source, bind_user: Callable[[], str]) -> str:
    """Return the SQL condition of a USING SCOPE.

    Args:
        query: With such a clause.
        root: The query's own table.
        bind_user: Returns SQL for the id of who asks.

    Raises:
        OrgError: INVALID_QUERY_SCOPE.
    """
    scope = query.using.choice if query.using else query.sobject
    compile_scope = _SCOPES.get(scope.text.lower())
    if compile_scope is None:
        raise _no_scope(query, scope)
    needed, condition = compile_scope
    if needed and needed.lower() not in root.sobject.by_name:
        raise _no_scope(query, scope)
    value = root.column(needed) if needed else ""
    user = bind_user() if "{user}" in condition else ""
    return condition.format(value=value, user=user)


def _no_scope(query: Query, scope: Name) -> OrgError:
    message = f"Scope '{scope.text}' is not supported for {query.sobject.text}"
    located = texts.located(query.text, scope.position, message)
    return OrgError(400, "INVALID_QUERY_SCOPE", located)


# The field that each scope looks at, and what it asks of it.
_SCOPES: Mapping[str, tuple[str, str]] = {
    "everything": ("", "true"),
    "mine": ("OwnerId", "{value} = {user}"),
    "mine_and_my_groups": ("OwnerId", "{value} = {user}"),
    "mru": ("LastViewedDate", "{value} IS NOT NULL"),
    "team": (
        "OwnerId",
        '{value} IN (SELECT "Id" FROM "User" WHERE {user} IN ("Id", "ManagerId"))',
    ),
}
