"""What makes a statement one that Snowflake refuses, or takes otherwise than meant.

sqlfluff knows the grammar, and nothing of what the words do; the rules beside it are
what it cannot see. All read texts only: what passes is well formed, not proven right.

Source: https://docs.snowflake.com/en/sql-reference, read 2026-11-21: transactions,
    copy-into-table, put, merge, alter-table, alter-table-column, identifiers-syntax,
    data-types-text, data-types-numeric.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.snowflake.statements import NAME, PART, Sent, grammar

LONGEST_NAME = 255
LONGEST_TEXT = 134_217_728
MOST_DIGITS = 38
MOST_DECIMALS = 37
STAGE = re.compile(rf"@{PART}\.{PART}\.{PART}(/.*)?", re.DOTALL)
NUMBER = r"NUMBER\((\d+), ?(\d+)\)"


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What is asked of a statement differs a little from caller to caller."""

    tag: str  # the QUERY_TAG of what we send
    secrets: Collection[str] = ()  # texts that no statement may hold
    own: Collection[str] = ()  # names of users' that are not in upper case


Broken = Callable[[Sent, Sequence[Sent], Judge], object]  # with what was sent before
RULES: dict[str, Broken] = {}


class Problem(NamedTuple):
    """A statement and the rule that it breaks."""

    rule: str
    text: str


def problems(
    statements: Iterable[Sent], judge: Judge, *, theirs: Collection[str] = ()
) -> list[Problem]:
    """Return what is wrong with statements, in the order in which they were sent.

    Args:
        statements: All that a server has seen.
        judge: What is asked of them.
        theirs: Sessions of others; their statements are read, not judged.
    """
    before: list[Sent] = []
    found = []
    for sent in statements:
        if sent.session not in theirs:
            rules = broken(sent, before, judge)
            found += [Problem(says, sent.text) for says in rules]
        before.append(sent)
    return found


def broken(sent: Sent, before: Sequence[Sent], judge: Judge) -> list[str]:
    """Return the rules that a statement breaks."""
    return [says for says, breaks in RULES.items() if breaks(sent, before, judge)]


def rule(says: str) -> Callable[[Broken], Broken]:
    """Register what is true of a statement that breaks the rule."""

    def register(breaks: Broken) -> Broken:
        RULES[says] = breaks
        return breaks

    return register


# -- every statement -------------------------------------------------------------------


@rule("it parses")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return grammar(sent).violations


@rule("its quotes are closed")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return any(kind == "other" and piece in "'\"" for kind, piece in sent.tokens)


@rule("backslashes in literals are escaped")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    known = r"\\\\|\\['nr]"  # what the connector writes, too
    return any("\\" in re.sub(known, "", text) for text in sent.texts)


@rule("no secret is in it")
def _(sent: Sent, _before: Sequence[Sent], judge: Judge) -> object:
    return any(secret in sent.text for secret in judge.secrets)


@rule("it bears our QUERY_TAG")
def _(sent: Sent, _before: Sequence[Sent], judge: Judge) -> object:
    return sent.query_tag != judge.tag


@rule("no DDL in a transaction, for it commits")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    ddl = r"(CREATE|ALTER|DROP|UNDROP|COMMENT|GRANT|REVOKE|USE)\b"
    return sent.in_transaction and re.match(ddl, sent.code)


@rule("no BEGIN in a transaction, for it is ignored")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return sent.in_transaction and re.match(r"(BEGIN|START)\b", sent.code)


# -- names and types -------------------------------------------------------------------


@rule("names of tables, stages and schemas are whole and quoted")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return grammar(sent).loose or not all(map(STAGE.fullmatch, sent.stages))


@rule("quoted names are in upper case")
def _(sent: Sent, _before: Sequence[Sent], judge: Judge) -> object:
    return any(name != name.upper() for name in set(sent.names) - set(judge.own))


@rule("no name is too long")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return any(len(name) > LONGEST_NAME for name in sent.names)


@rule("a timestamp says which, for else a parameter decides")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return re.search(r"\bTIMESTAMP\b", sent.code)


@rule("a text may be as long as it says")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    lengths = re.findall(r"\b(?:VARCHAR|TEXT|STRING|CHAR) ?\( ?(\d+)", sent.code)
    return any(int(length) > LONGEST_TEXT for length in lengths)


@rule("a number may have as many digits as it says")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    number = r"\b(?:NUMBER|DECIMAL|NUMERIC) ?\( ?(\d+)(?: ?, ?(\d+))?"
    return any(
        int(digits) > MOST_DIGITS or int(scale or 0) > MOST_DECIMALS
        for digits, scale in re.findall(number, sent.code)
    )


@rule("no ALTER changes a scale")
def _(sent: Sent, before: Sequence[Sent], _judge: Judge) -> object:
    change = re.match(
        rf"ALTER TABLE ({NAME}) ALTER COLUMN ({PART}) SET DATA TYPE {NUMBER}", sent.text
    )
    if not change:
        return False
    table, column, _digits, scale = change.groups()
    return next(_scales(table, column, before), None) != scale


def _scales(table: str, column: str, before: Sequence[Sent]) -> Iterator[str]:
    """Yield the scales that a column was declared with, the newest first."""
    for earlier in reversed(before):
        swap = re.match(rf"ALTER TABLE ({NAME}) SWAP WITH ({NAME})", earlier.text)
        like = re.search(rf"TABLE {re.escape(table)} LIKE ({NAME})", earlier.text)
        if swap and table in swap.groups():
            table = next(name for name in swap.groups() if name != table)
        elif like:
            table = like[1]
        elif earlier.text.partition("TABLE ")[2].startswith(f"{table} "):
            kind = rf"{re.escape(column)} (?:SET DATA TYPE )?{NUMBER}"
            if declared := re.search(kind, earlier.text):
                yield declared[2]


@rule("a column that is added has a constant default, if any")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    computed = r"ADD COLUMN .*\bDEFAULT (?!''|-?\d|(?:NULL|TRUE|FALSE)\b)"
    return re.match(rf"ALTER TABLE \S+ {computed}", sent.code)


# -- files -----------------------------------------------------------------------------


@rule("a file is put as it is, over one of its name")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    said = {
        "SOURCE_COMPRESSION": "GZIP",  # which is not looked for in the file, but ...
        "AUTO_COMPRESS": "FALSE",
        "OVERWRITE": "TRUE",
    }
    file = re.fullmatch(r"file://\S+\.gz", "".join(sent.texts[:1]))  # ... in its name
    return sent.code.startswith("PUT") and not (
        file and said.items() <= sent.options.items()
    )


@rule("a path ends in a slash, for it is a mere prefix")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    exact = sent.code.startswith("PUT") or sent.options.get("SINGLE") == "TRUE"
    return not exact and any(stage[-1] != "/" for stage in sent.stages)


@rule("COPY names its stage, for no value can")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return sent.loads and not re.search(r"\bFROM (?:''|@)", sent.code)


@rule("COPY leaves no default in force that alters values")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    said = {
        "COMPRESSION": "GZIP",
        "FIELD_OPTIONALLY_ENCLOSED_BY": "''",
        "ESCAPE_UNENCLOSED_FIELD": "NONE",
        "NULL_IF": "(",
    }
    return sent.loads and not said.items() <= sent.options.items()


@rule("COPY stops at the first error")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return sent.loads and sent.options.get("ON_ERROR") != "ABORT_STATEMENT"


@rule("no PURGE in a transaction, for no ROLLBACK brings a file back")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return sent.in_transaction and "PURGE" in sent.options


@rule("SKIP_HEADER is not with PARSE_HEADER")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return {"SKIP_HEADER", "PARSE_HEADER"} <= sent.options.keys()


@rule("MATCH_BY_COLUMN_NAME is not with SELECT")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    return "MATCH_BY_COLUMN_NAME" in sent.options and "SELECT" in sent.code


@rule("a SELECT in COPY converts, and picks no rows")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    picks = r"\b(WHERE|ORDER|LIMIT|JOIN|GROUP|DISTINCT|QUALIFY|FLATTEN)\b"
    return sent.loads and re.search(picks, sent.code)


# -- rows ------------------------------------------------------------------------------


@rule("INSERT names its columns")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    into = r"INSERT (?:OVERWRITE )?INTO [\w\".]+ (?!\((?!SELECT))"
    return re.match(into, sent.code) or re.search(r"\bTHEN INSERT (?!\()", sent.code)


@rule("what writes tries no cast, for it would write NULL")
def _(sent: Sent, _before: Sequence[Sent], _judge: Judge) -> object:
    tried = re.findall(r"\bTRY_(?:CAST|TO_\w+|PARSE_JSON)\(", sent.code)
    return sent.writes and len(tried) != len(list(_exponents(sent.code)))


def _exponents(code: str) -> Iterator[str]:
    """Yield the calls that read an exponent: a text without one was found before."""
    for found in re.finditer(r"\bTRY_TO_NUMBER\(", code):
        depth, end = 1, found.end()
        while depth and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        if code[:end].endswith(", 3, 0)"):
            yield code[found.start() : end]


@rule("MERGE has a source whose keys are unique, or were counted")
def _(sent: Sent, before: Sequence[Sent], _judge: Judge) -> object:
    if not sent.code.startswith("MERGE"):
        return False
    unique = re.search(r"\bQUALIFY ROW_NUMBER\(\)|\bGROUP BY\b", sent.code)
    source = re.search(rf"\bUSING (?:\(.*?\bFROM )?({NAME})", sent.text, re.DOTALL)
    return not unique and not (source and _counted(source[1], sent, before))


def _counted(table: str, sent: Sent, before: Sequence[Sent]) -> bool:
    """Tell whether keys were counted after the last write into a table."""
    for earlier in reversed([b for b in before if b.session == sent.session]):
        if f" FROM {table}" in earlier.text and "COUNT(DISTINCT" in earlier.code:
            return True
        if earlier.writes and f" INTO {table}" in earlier.text:
            return False
    return False
