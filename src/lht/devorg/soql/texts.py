"""Salesforce's own words for what is wrong with a query."""

from lht.devorg.errors import OrgError
from lht.devorg.soql.nodes import Name

# How much of a line an error message repeats before and after the place it means, and
# then on to the end of the word: seen in messages that public issues quote.
_AROUND = 30
_BETWEEN_WORDS = " \t\r,"

_SEE_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


def located(text: str, position: int, message: str) -> str:
    """Put the line with a caret under *position* before the message."""
    begin = text.rfind("\n", 0, position) + 1
    row = text.count("\n", 0, position) + 1
    column = position - begin + 1
    line = text.rstrip()[begin:].partition("\n")[0]
    start, end = _window(line, column - 1)
    caret = " " * (column - 1 - start) + "^"
    place = f"ERROR at Row:{row}:Column:{column}"
    return f"\n{line[start:end]}\n{caret}\n{place}\n{message}"


def _window(line: str, position: int) -> tuple[int, int]:
    """Choose the part of a line that is shown.

    Source: github.com/apache/camel-quarkus/issues/3022, forcedotcom/cli/issues/1356,
    boomii/bdw/issues/94, read 2026-11-21.
    """
    start = max(0, position - _AROUND)
    end = min(len(line), position + _AROUND + 1)
    while start > 0 and line[start - 1] not in _BETWEEN_WORDS:
        start -= 1
    while end < len(line) and line[end] not in _BETWEEN_WORDS:
        end += 1
    return start, end


def unexpected(text: str, position: int, token: str) -> OrgError:
    """Refuse a word that makes no sense where it stands."""
    return malformed(located(text, position, f"unexpected token: '{token}'"))


def malformed(message: str) -> OrgError:
    """Refuse a query whose text makes no sense."""
    return OrgError(400, "MALFORMED_QUERY", message)


def only_apex(text: str, name: Name) -> OrgError:
    """Refuse what only Apex knows: bind variables, ALL ROWS."""
    if name.text.startswith(":"):
        message = "Bind variables only allowed in Apex code"
    else:
        message = f"{name.text} not allowed in this context"
    return malformed(located(text, name.position, message))


def wrong_call(text: str, name: Name, message: str) -> OrgError:
    """Refuse a function, or what it is applied to, for the reason given."""
    return malformed(located(text, name.position, message))


def not_grouped(text: str, name: Name) -> OrgError:
    """Refuse a field that differs within a group."""
    message = f"Field must be grouped or aggregated: {name.text}"
    return malformed(located(text, name.position, message))


def not_groupable(text: str, name: Name, field: str) -> OrgError:
    """Refuse to group by a field."""
    message = f"field '{field}' can not be grouped in a query call"
    return invalid_field(text, name, message)


def duplicate_alias(text: str, name: Name, alias: str) -> OrgError:
    """Refuse a second value under a name."""
    return malformed(located(text, name.position, f"duplicate alias: {alias}"))


def too_complicated() -> OrgError:
    """Refuse a query that is nested too deep."""
    message = (
        "Query is either selecting too many fields or the filter conditions are too "
        "complicated."
    )
    return OrgError(400, "QUERY_TOO_COMPLICATED", message)


def unsupported(text: str, name: Name, what: str) -> OrgError:
    """Refuse what this org does not know of SOQL, in so many words."""
    message = f"devorg does not support {what} in a query"
    return malformed(located(text, name.position, message))


def invalid_field(text: str, name: Name, message: str) -> OrgError:
    """Refuse a field for the reason given."""
    return OrgError(400, "INVALID_FIELD", located(text, name.position, message))


def duplicate_field(text: str, name: Name, field: str) -> OrgError:
    """Refuse a field that is selected twice."""
    return invalid_field(text, name, f"duplicate field selected: {field}")


def unknown_field(text: str, name: Name, part: str, sobject: str) -> OrgError:
    """Refuse a name that is not one of the object's fields."""
    return invalid_field(
        text,
        name,
        f"No such column '{part}' on entity '{sobject}'. If you are attempting to use "
        "a custom field, be sure to append the '__c' after the custom field name. "
        + _SEE_WSDL,
    )


def unknown_relationship(text: str, name: Name, part: str) -> OrgError:
    """Refuse a path through a relationship that the object does not have."""
    return invalid_field(
        text,
        name,
        f"Didn't understand relationship '{part}' in field path. If you are attempting "
        "to use a custom relationship, be sure to append the '__r' after the custom "
        "relationship name. " + _SEE_WSDL,
    )


def unknown_child(text: str, name: Name, part: str) -> OrgError:
    """Refuse a sub-query through a relationship that the object does not have."""
    message = (
        f"Didn't understand relationship '{part}' in FROM part of query call. If you "
        "are attempting to use a custom relationship, be sure to append the '__r' "
        "after the custom relationship name. " + _SEE_WSDL
    )
    return OrgError(400, "INVALID_TYPE", located(text, name.position, message))


def unknown_sobject(text: str, name: Name) -> OrgError:
    """Refuse an object that the org does not have."""
    message = (
        f"sObject type '{name.text}' is not supported. If you are attempting to use a "
        "custom object, be sure to append the '__c' after the entity name. " + _SEE_WSDL
    )
    return OrgError(400, "INVALID_TYPE", located(text, name.position, message))


def not_queryable(name: str) -> OrgError:
    """Refuse an object that exists but cannot be queried."""
    return OrgError(
        400, "INVALID_TYPE_FOR_OPERATION", f"entity type {name} does not support query"
    )


def invalid_id(name: Name, value: str, text: str) -> OrgError:
    """Refuse a filter on an id with something that is none."""
    message = located(text, name.position, f"invalid ID field: {value}")
    return OrgError(400, "INVALID_QUERY_FILTER_OPERATOR", message)


def invalid_operator(text: str, name: Name, message: str) -> OrgError:
    """Refuse an operator that a field of this type does not take."""
    return OrgError(
        400, "INVALID_QUERY_FILTER_OPERATOR", located(text, name.position, message)
    )


def wrong_literal(
    text: str, name: Name, field: str, expected: str, *, quoted: bool
) -> OrgError:
    """Refuse a literal whose type does not fit the field."""
    message = (
        f"value of filter criterion for field '{field}' must be of type {expected}"
    )
    if expected == "string":
        message += " and should be enclosed in quotes"
    elif quoted:
        message += " and should not be enclosed in quotes"
    return invalid_field(text, name, message)
