"""The statements that steer a session: transactions, context, parameters."""

import re

from tests.snowflake.fake.errors import GapError, missing
from tests.snowflake.fake.session import (
    CONTROL,
    FULL_NAME,
    IDENTIFIER,
    Answer,
    Session,
    command,
    folded,
    status,
    unquoted,
)


@command(
    r"(BEGIN|START TRANSACTION)(?: (?:WORK|TRANSACTION))?\s*(?:NAME \w+)?\s*;?\s*$"
)
def _begin(session: Session, _text: str, _match: re.Match[str]) -> Answer:
    session.begin()
    return status(kind=CONTROL)


@command(r"(COMMIT|ROLLBACK)(?: WORK)?\s*;?\s*$")
def _end(session: Session, _text: str, match: re.Match[str]) -> Answer:
    session.end(match[1].upper())
    return status(kind=CONTROL)


@command(
    rf"USE (?:(ROLE|WAREHOUSE|DATABASE|SCHEMA|SECONDARY ROLES) )?({FULL_NAME})\s*$"
)
def _use(session: Session, _text: str, match: re.Match[str]) -> Answer:
    session.forbid("USE")
    what = (match[1] or "DATABASE").upper()
    parts = [folded(part) for part in re.findall(IDENTIFIER, match[2])]
    if what == "DATABASE" and len(parts) == 1:
        if not session.catalog.has_database(parts[0]):
            raise missing(f"Object '{parts[0]}'")
        session.use(parts[0], None)
    elif what in {"SCHEMA", "DATABASE"}:
        database, schema = session.name(*parts, "")[:2]
        if not session.catalog.has_schema(database, schema):
            raise missing(f"Object '{database}.{schema}'")
        session.use(database, schema)
    return status(kind=CONTROL)


@command(r"ALTER SESSION (SET|UNSET) (\w+)\s*(?:=\s*('(?:[^'\\]|''|\\.)*'|\w+))?\s*$")
def _alter_session(session: Session, text: str, match: re.Match[str]) -> Answer:
    session.forbid("ALTER SESSION")
    verb, name, value = match[1].upper(), match[2].upper(), match[3]
    if name not in {"QUERY_TAG", "AUTOCOMMIT", "TIMEZONE", "LOCK_TIMEOUT"}:
        raise GapError(text)
    if verb == "UNSET":
        session.parameters.pop(name, None)
    else:
        session.parameters[name] = unquoted(value) if value.startswith("'") else value
    if name == "TIMEZONE" and session.parameters.get(name, "UTC") not in _UTC:
        raise GapError("a time zone other than UTC")
    return status(kind=CONTROL)


_UTC = {"UTC", "Etc/UTC"}


@command(r"(GRANT|REVOKE) ")
def _grant(session: Session, _text: str, _match: re.Match[str]) -> Answer:
    session.end("COMMIT")
    return status()


@command(r"SELECT SYSTEM\$CANCEL_ALL_QUERIES\(.*$")
def _cancel(_session: Session, _text: str, _match: re.Match[str]) -> Answer:
    """What Snowpark says when it closes; nothing runs by then."""
    return status()
