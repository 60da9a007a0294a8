"""What a semi-join may be: ``Id IN (SELECT AccountId FROM Contact)``.

Source: SOQL and SOSL Reference v65, "Semi-Joins with IN and Anti-Joins with NOT IN".
"""

from collections.abc import Iterator

from lht.devorg.errors import OrgError
from lht.devorg.metadata import SObject
from lht.devorg.soql.compiled import Compiled
from lht.devorg.soql.nodes import (
    Condition,
    FieldPath,
    Junction,
    Membership,
    Name,
    Negation,
    Query,
    TypeOf,
)
from lht.devorg.soql.scope import Column
from lht.devorg.soql.texts import located, malformed

MAX_SEMI_JOINS = 2

_ID_TYPES = {"id", "reference"}
_NEVER_INSIDE = {
    "ActivityHistory",
    "Attachment",
    "Event",
    "EventAttendee",
    "Note",
    "OpenActivity",
    "Task",
}


def semi_joins(condition: Condition | None, *, either: bool = False) -> Iterator[bool]:
    """Find a condition's semi-joins; for each, whether it is one side of an OR."""
    match condition:
        case Junction():
            either = either or condition.operator == "OR"
            for part in condition.conditions:
                yield from semi_joins(part, either=either)
        case Negation():
            yield from semi_joins(condition.condition, either=either)
        case Membership(values=Query()):
            yield either


def check_places(where: Condition | None) -> None:
    """See that there are not too many semi-joins, and none that is nested in an OR.

    Raises:
        OrgError: MALFORMED_QUERY.
    """
    found = list(semi_joins(where))
    if any(found):
        raise malformed(
            "Semi join sub-selects are only allowed at the top level WHERE "
            "expressions and not in nested WHERE expressions"
        )
    if len(found) > MAX_SEMI_JOINS:
        raise malformed(f"Maximum {MAX_SEMI_JOINS} semi join sub-selects are allowed")


def check_text(query: Query) -> None:
    """See that the query inside is one that can be a semi-join's.

    Raises:
        OrgError: MALFORMED_QUERY.
    """
    for _ in semi_joins(query.where):
        raise malformed("Nesting of semi join sub-selects is not supported")
    if query.limit is not None or query.offset is not None or query.order_by:
        raise malformed("LIMIT, OFFSET and ORDER BY are not allowed in a semi join")
    match query.items:
        case (FieldPath(),) if not query.group_by:
            return
        case (TypeOf(relationship), *_):
            raise malformed(
                f"TYPEOF is not allowed in a semi join: {relationship.text}"
            )
    raise malformed("Semi join sub-selects can only query one id field")


def check_sides(
    name: Name, left: Column, outer: SObject, query: Query, inner: Compiled
) -> None:
    """See that both sides are ids of the same objects.

    Raises:
        OrgError: MALFORMED_QUERY.
    """
    right = inner.columns[0]
    written = query.items[0].name if isinstance(query.items[0], FieldPath) else name
    if len(left.path) > 1 or left.field.type not in _ID_TYPES:
        raise _refused(
            query.text,
            name,
            "The left operand field in the where expression for outer query should be "
            f"an id field, cannot use: '{name.text}'",
        )
    if len(right.path) > 1 or right.field.type not in _ID_TYPES:
        raise _refused(
            query.text,
            written,
            "Semi join sub-selects can only query id fields, cannot use: "
            f"'{written.text}'",
        )
    if inner.sobject.name in _NEVER_INSIDE:
        message = "is not supported for semi join inner selects"
        raise malformed(f"Entity '{inner.sobject.name}' {message}")
    if inner.sobject is outer:
        raise malformed(
            "The inner and outer selects should not be on the same object type"
        )
    if not _targets(left, outer) & _targets(right, inner.sobject):
        raise _refused(
            query.text,
            written,
            f"The selected field '{written.text}' in the subquery and the left operand "
            f"field in the where expression in the outer query '{name.text}' should "
            "point to the same object type",
        )


def _targets(column: Column, sobject: SObject) -> set[str]:
    """Return the objects that an id or a reference may be of."""
    return {sobject.name} if column.field.type == "id" else {*column.field.reference_to}


def _refused(text: str, name: Name, message: str) -> OrgError:
    return malformed(located(text, name.position, message))
