"""The org's refusals: Salesforce's own codes and texts.

Texts name a field by its label and ``fields`` by its API name, as Salesforce does.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from lht.devorg.metadata import Field


class OrgError(Exception):
    """A request the org refuses, with all that its answer says.

    ``fields`` is None where the answer has no such key. ``more`` holds further errors
    of the same request, which the answer lists behind the first.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Iterable[str] | None = None,
        *,
        more: Sequence["OrgError"] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = None if fields is None else tuple(fields)
        self.more = tuple(more)

    def body(self) -> list[dict[str, Any]]:
        """Return the answer's JSON: one entry for each error."""
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = list(self.fields)
        return [entry, *(each for error in self.more for each in error.body())]


class AmbiguousKeyError(OrgError):
    """An external id that several records have; ``ids`` are theirs."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(
            300, "DUPLICATE_EXTERNAL_ID", "more than one record found for external id"
        )
        self.ids = tuple(ids)


def together(errors: Sequence[OrgError]) -> OrgError:
    """Join the errors of one request into one."""
    first, *rest = errors
    return OrgError(first.status, first.code, first.message, first.fields, more=rest)


def not_found() -> OrgError:
    """Refuse a resource that does not exist."""
    return OrgError(404, "NOT_FOUND", "The requested resource does not exist")


def request_limit_exceeded() -> OrgError:
    """Refuse a request after the day's last one."""
    return OrgError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def no_external_id(name: str) -> OrgError:
    """Refuse to find a record by a field that is no key."""
    text = f"Provided external ID field does not exist or is not accessible: {name}"
    return OrgError(404, "NOT_FOUND", text)


def unknown_column(name: str, sobject: str) -> OrgError:
    """Refuse a field that the sObject does not have."""
    text = f"No such column '{name}' on sobject of type {sobject}"
    return OrgError(400, "INVALID_FIELD", text)


def not_writable(names: Sequence[str]) -> OrgError:
    """Refuse values for fields that cannot be set."""
    text = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security"
        " settings of this field and verify that it is read/write for your profile or"
        " permission set."
    )
    return OrgError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, names)


def id_given() -> OrgError:
    """Refuse an insert that brings its own Id."""
    text = "cannot specify Id in an insert call"
    return OrgError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, ["Id"])


def wrong_operation(sobject: str, operation: str) -> OrgError:
    """Refuse an operation that the sObject does not know (``inserted``, ...)."""
    text = f"entity type {sobject} cannot be {operation}"
    return OrgError(400, "INVALID_TYPE_FOR_OPERATION", text)


def required_missing(names: Sequence[str]) -> OrgError:
    """Refuse a record without all its required fields."""
    text = f"Required fields are missing: [{', '.join(names)}]"
    return OrgError(400, "REQUIRED_FIELD_MISSING", text, names)


def unreadable(kind: str, token: str, text: str) -> OrgError:
    """Refuse a JSON value that is not of the field's type."""
    message = (
        f"Cannot deserialize instance of {kind} from {token} value {text} or request"
        " may be missing a required field at [line:1, column:1]"
    )
    return OrgError(400, "JSON_PARSER_ERROR", message)


def wrong_type(field: Field, text: str) -> OrgError:
    """Refuse a value of the wrong type that JSON itself cannot tell."""
    message = f"{field.label}: value not of required type: {text}"
    return OrgError(400, "INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name])


def too_long(field: Field, text: str) -> OrgError:
    """Refuse a text longer than the field."""
    message = f"{field.label}: data value too large: {text} (max length={field.length})"
    return OrgError(400, "STRING_TOO_LONG", message, [field.name])


def bad_picklist_value(field: Field, text: str) -> OrgError:
    """Refuse a value that a restricted picklist does not have."""
    message = f"{field.label}: bad value for restricted picklist field: {text}"
    code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    return OrgError(400, code, message, [field.name])


def bad_email(field: Field, text: str) -> OrgError:
    """Refuse a text that is no email address."""
    message = f"{field.label}: invalid email address: {text}"
    return OrgError(400, "INVALID_EMAIL_ADDRESS", message, [field.name])


def out_of_range(field: Field, text: str) -> OrgError:
    """Refuse a number beyond what the field holds."""
    message = f"{field.label}: value outside of valid range on numeric field: {text}"
    return OrgError(400, "NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])


def bad_date(field: Field, text: str) -> OrgError:
    """Refuse a date before the year 1700 or after 4000."""
    message = f"{field.label}: invalid date: {text}"
    return OrgError(400, "NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])


def duplicate(field: Field, owner_id: str) -> OrgError:
    """Refuse a value that another record has in a unique field."""
    text = (
        f"duplicate value found: {field.name} duplicates value on record with id:"
        f" {owner_id[:15]}"
    )
    return OrgError(400, "DUPLICATE_VALUE", text, [field.name])


def malformed_id(field: Field, text: str) -> OrgError:
    """Refuse a reference that is no id, or the id of another kind of record."""
    message = f"{field.label}: id value of incorrect type: {text}"
    return OrgError(400, "MALFORMED_ID", message, [field.name])


def bad_reference(fields: Iterable[str] = (), *, status: int = 400) -> OrgError:
    """Refuse an id that belongs to no record."""
    text = "invalid cross reference id"
    return OrgError(status, "INVALID_CROSS_REFERENCE_KEY", text, fields)


def is_deleted(fields: Iterable[str] = (), *, status: int = 404) -> OrgError:
    """Refuse to use a record that is in the recycle bin."""
    return OrgError(status, "ENTITY_IS_DELETED", "entity is deleted", fields)


def unknown_foreign_key(value: object, field: str, sobject: str) -> OrgError:
    """Refuse a parent named by an external id that no record has."""
    text = (
        f"Foreign key external ID: {value} not found for field {field} in entity"
        f" {sobject}"
    )
    return OrgError(400, "INVALID_FIELD", text, [])


def circular(field: Field) -> OrgError:
    """Refuse a parent that is below its own child."""
    text = f"{field.label}: attempt to violate hierarchy constraints"
    return OrgError(400, "CIRCULAR_DEPENDENCY", text, [field.name])


def delete_restricted(name: str, plural: str, names: Iterable[str]) -> OrgError:
    """Refuse to delete a record that others depend on."""
    text = (
        f"Your attempt to delete {name} could not be completed because it is associated"
        f" with the following {plural.lower()}.: {', '.join(names)}"
    )
    return OrgError(400, "DELETE_FAILED", text, [])


def undelete_failed(text: str = "Entity is not in the recycle bin") -> OrgError:
    """Refuse to undelete what is not in the bin, or cannot come back."""
    return OrgError(400, "UNDELETE_FAILED", text, [])


def merge_failed(text: str) -> OrgError:
    """Refuse to merge."""
    return OrgError(400, "INVALID_OPERATION", text, [])


def locked(record_id: str) -> OrgError:
    """Refuse to touch a record that an open transaction is changing."""
    text = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
    return OrgError(400, "UNABLE_TO_LOCK_ROW", text, [])


def bad_replication_date(text: str) -> OrgError:
    """Refuse a window of ``updated`` or ``deleted`` that reaches too far."""
    return OrgError(400, "INVALID_REPLICATION_DATE", text)


def too_many_ids() -> OrgError:
    """Refuse a window with more ids than one answer may list."""
    return OrgError(400, "EXCEEDED_ID_LIMIT", "exceeded maximum number of ids")
