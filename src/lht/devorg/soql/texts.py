"""Salesforce's own words for what is wrong with a query."""

from lht.devorg.errors import OrgError
from lht.devorg.soql.nodes import Name

# How much of the query an error message repeats before and after the place it means.
_BEFORE = 60
_AFTER = 60

_SEE_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


def located(text: str, position: int, message: str) -> str:
    """Put the query with a caret under *position* before the message."""
    start = text.rfind("\n", 0, position) + 1
    row = text.count("\n", 0, position) + 1
    column = position - start + 1
    line = text[start:].partition("\n")[0]
    cut = max(0, column - 1 - _BEFORE)
    shown = line[cut : column - 1 + _AFTER]
    caret = " " * (column - 1 - cut) + "^"
    return f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}"


def malformed(message: str) -> OrgError:
    """Refuse a query whose text makes no sense."""
    return OrgError(400, "MALFORMED_QUERY", message)


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
