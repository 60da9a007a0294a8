"""SOQL text: building and checking. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lht.exceptions import ConfigError

# Source: SOQL and SOSL Reference v65, "SOQL Limits".
MAX_QUERY_CHARACTERS = 100_000

_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)
# One piece of a filter: a whole string, a word with its dots, or a character.
_PIECE = re.compile(r"'(?:[^'\\]|\\.)*'|[A-Za-z_][\w.]*|--|/\*|//|\S", re.DOTALL)
_CLAUSES = re.compile(
    r"SELECT|FROM|WHERE|WITH|GROUP|HAVING|ORDER|LIMIT|OFFSET|USING|FOR|UPDATE|ALL",
    re.IGNORECASE,
)


def format_datetime(instant: datetime) -> str:
    """Return an aware instant as a SOQL literal in UTC, to the millisecond.

    What lies below the millisecond is cut off, so the literal is never later.
    """
    if instant.tzinfo is None:
        raise ValueError("a SOQL datetime needs an aware instant")
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    unit = "milliseconds" if utc.microsecond else "seconds"
    return utc.isoformat(timespec=unit) + "Z"


def build_query(
    sobject: str,
    fields: Sequence[str],
    *,
    where: str | None = None,
    cursor_field: str | None = None,
    since: datetime | None = None,
) -> str:
    """Return the query for the records of an object.

    Args:
        sobject: API name.
        fields: API names or parent paths, in the order wanted.
        where: The user's filter, without the word WHERE.
        cursor_field: The field that ``since`` is compared with.
        since: Lower bound, inclusive.

    Raises:
        ConfigError: ``where`` is not one condition, or the query is too long.
    """
    names = ", ".join(_checked_name(f) for f in fields)
    if not names:
        raise ConfigError("a query needs at least one field")
    query = f"SELECT {names} FROM {_checked_name(sobject)}"
    return _checked_length(query + _filter(where, cursor_field, since))


def build_count(
    sobject: str,
    *,
    where: str | None = None,
    cursor_field: str | None = None,
    since: datetime | None = None,
) -> str:
    """Return the query that counts what :func:`build_query` would select."""
    query = f"SELECT COUNT() FROM {_checked_name(sobject)}"
    return _checked_length(query + _filter(where, cursor_field, since))


def check_where(where: str) -> None:
    """Check that a filter is one complete condition that can be parenthesised.

    Raises:
        ConfigError: It is empty, unbalanced, or goes on into another clause.
    """
    depth = 0
    pieces = 0
    for piece in _pieces(where):
        pieces += 1
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            raise _wrong_where("a closing parenthesis is too many")
        if piece.lower() == "isdeleted":
            raise ConfigError(
                "a filter by IsDeleted would hide deletes",
                hint="leave it out: what is in the recycle bin comes with"
                " ISDELETED = true",
            )
        if depth == 0 and _CLAUSES.fullmatch(piece):
            raise _wrong_where(f"{piece.upper()} does not belong into it")
    if depth:
        raise _wrong_where("a closing parenthesis is missing")
    if not pieces:
        raise _wrong_where("it is empty")


def _filter(where: str | None, cursor_field: str | None, since: datetime | None) -> str:
    """Return the WHERE clause with a leading space, or nothing."""
    conditions = []
    if where is not None:
        check_where(where)
        conditions.append(f"({where.strip()})")
    if cursor_field is not None and since is not None:
        conditions.append(f"{_checked_name(cursor_field)} >= {format_datetime(since)}")
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _pieces(where: str) -> Iterator[str]:
    """Yield the pieces of a filter that matter; what SOQL lacks is refused."""
    for found in _PIECE.finditer(where):
        piece = found.group()
        if piece == "'":
            raise _wrong_where("a quote is not closed")
        if piece in {"--", "/*", "//", ";"}:
            raise _wrong_where(f"{piece} is not SOQL")
        yield piece


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not an API name")
    return name


def _checked_length(query: str) -> str:
    if len(query) > MAX_QUERY_CHARACTERS:
        raise ConfigError(
            f"the query has {len(query):,} characters; "
            f"Salesforce takes {MAX_QUERY_CHARACTERS:,}",
            hint="name the fields you need, or shorten the filter",
        )
    return query


def _wrong_where(reason: str) -> ConfigError:
    return ConfigError(
        f"the filter is not one SOQL condition: {reason}",
        hint="give only the condition, e.g. Industry = 'Energy' AND IsActive__c = true",
    )
