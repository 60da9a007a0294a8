"""What a table is watched and protected by."""

import re

import pyarrow as pa
from tests.snowflake.fake.session import QUERY, Answer, Session, command, unquoted


@command(r"SELECT SYSTEM\$LAST_CHANGE_COMMIT_TIME\(('(?:[^']|'')*')\)\s*$")
def last_change(session: Session, _text: str, match: re.Match[str]) -> Answer:
    """Answer what differs when the table's rows do; in Snowflake it is a time."""
    name = unquoted(match[1])
    return session.execute(f"SELECT HASH_AGG(*) FROM {name}", [[]], array=False)


@command(
    r'SELECT COUNT\(\*\) FROM TABLE\("[^"]+"\.INFORMATION_SCHEMA\.POLICY_REFERENCES'
    r"\(REF_ENTITY_NAME => ('(?:[^']|'')*'), REF_ENTITY_DOMAIN => 'TABLE'\)\)\s*$"
)
def policies(session: Session, _text: str, match: re.Match[str]) -> Answer:
    """Count the policies that a test says the table has."""
    count = int(unquoted(match[1]) in session.server.protected)
    return Answer(QUERY, pa.table({"COUNT(*)": [count]}))
