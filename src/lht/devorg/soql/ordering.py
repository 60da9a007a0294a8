"""ORDER BY to SQL: in which order values of each type come."""

from collections.abc import Callable

from lht.devorg.metadata import Field
from lht.devorg.soql.scope import Column

_UNLISTED = 1_000_000  # where a picklist's order puts values that it does not list


def sort_keys(column: Column) -> tuple[str, ...]:
    """Return SQL for what a column's values are sorted by."""
    return _SORT_KEYS.get(column.field.type, _text_keys)(column.field, column.sql)


def _plain_key(_: Field, value: str) -> tuple[str, ...]:
    return (value,)


def _text_keys(field: Field, value: str) -> tuple[str, ...]:
    return (value,) if field.case_sensitive else (f"upper({value})", value)


def _picklist_keys(field: Field, value: str) -> tuple[str, ...]:
    """Sort by the order of the setup, then what is not listed by its text."""
    listed = ", ".join("'" + v.value.replace("'", "''") + "'" for v in field.picklist)
    place = f"list_position([{listed}], {value})" if listed else "NULL"
    known = f"CASE WHEN {value} IS NOT NULL THEN coalesce({place}, {_UNLISTED}) END"
    return (known, *_text_keys(field, value))


_SORT_KEYS: dict[str, Callable[[Field, str], tuple[str, ...]]] = {
    "picklist": _picklist_keys,
    **dict.fromkeys(
        ("boolean", "int", "double", "currency", "percent", "date", "datetime", "time"),
        _plain_key,
    ),
    **dict.fromkeys(("id", "reference"), _plain_key),
}
