"""Statements as they were sent to Snowflake, and whether they are of its grammar."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlfluff.core import FluffConfig, Linter

LITERAL = r"'(?:[^'\\]|''|\\.)*'"
TOKEN = re.compile(
    rf"(?P<text>{LITERAL})"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<word>[A-Za-z_][\w$]*)"
    r"|(?P<number>[0-9]+)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
PART = r'"(?:[^"]|"")+"'
NAME = rf"{PART}(?:\.{PART})*"


@dataclass(frozen=True)
class Sent:
    """A statement and what is known of its arrival."""

    text: str
    in_transaction: bool = False
    query_tag: str | None = None
    session: str = ""

    @classmethod
    def of(cls, seen: Any) -> "Sent":
        """Read what a server has seen."""
        return cls(seen.text, seen.in_transaction, seen.query_tag, seen.session)

    @functools.cached_property
    def tokens(self) -> list[tuple[str, str]]:
        """The text in pieces, each with its kind."""
        return [(str(t.lastgroup), t[0]) for t in TOKEN.finditer(self.text)]

    @functools.cached_property
    def code(self) -> str:
        """The text in upper case, its literals and quoted names emptied."""
        spelled = {"text": "''", "quoted": '""', "space": " "}
        parts = (spelled.get(kind, piece) for kind, piece in self.tokens)
        return "".join(parts).strip().upper()

    @functools.cached_property
    def shape(self) -> str:
        """The text without what differs from run to run, and from table to table."""
        return "".join(_shaped(kind, piece) for kind, piece in self.tokens)

    @property
    def texts(self) -> list[str]:
        """The literals, as they are spelled between their quotes."""
        return [piece[1:-1] for kind, piece in self.tokens if kind == "text"]

    @property
    def names(self) -> list[str]:
        """The quoted names, those of stages too, as Snowflake knows them."""
        found = [piece for kind, piece in self.tokens if kind == "quoted"]
        found += [part for stage in self.stages for part in re.findall(PART, stage)]
        return [name[1:-1].replace('""', '"') for name in found]

    @property
    def options(self) -> dict[str, str]:
        """The options, of a list only that it is one."""
        return dict(re.findall(r"\b(\w+) ?= ?(\w+|''|\()", self.code))

    @property
    def stages(self) -> list[str]:
        """The stages with their paths, in statements that know any."""
        if not self.code.startswith(("COPY", "PUT", "GET", "LIST", "LS", "REMOVE")):
            return []
        named = [text.replace("''", "'") for text in self.texts if text[:1] == "@"]
        return named + re.findall(r"(?<!\S)@\S+", self.text)

    @property
    def loads(self) -> bool:
        """Whether it copies files into a table."""
        return self.code.startswith('COPY INTO ""')

    @property
    def writes(self) -> bool:
        """Whether it writes rows into a table."""
        return self.code.startswith(("INSERT", "MERGE", "UPDATE")) or self.loads


def _shaped(kind: str, piece: str) -> str:
    if kind == "text":
        known = (start for start in ("'@", "'file://") if piece.startswith(start))
        return next(known, "'") + "s/'"
    spelled = {"quoted": '"Q"', "number": "1", "space": " "}
    return spelled.get(kind) or re.sub(r"[0-9]+", "1", piece)


# -- grammar ---------------------------------------------------------------------------


class Gap(NamedTuple):
    """What is right in Snowflake and sqlfluff does not know."""

    reason: str
    example: str
    within: str  # how such a statement begins
    pattern: str  # what it is, outside of literals and quoted names
    instead: str  # what is shown to sqlfluff


GAPS = [
    Gap(
        "a mark for a value", 'DELETE FROM "D"."S"."T" WHERE "A" = ?', "", r"\?", "NULL"
    ),
    Gap(
        "NOT NULL behind a default, and more columns behind it",
        'ALTER TABLE "D"."S"."T" ADD COLUMN "A" FLOAT DEFAULT 1 NOT NULL, "B" DATE',
        "ALTER TABLE",
        " NOT NULL",
        "",
    ),
]
# How many parts a whole name has, by sqlfluff's words for what it names.
LEVELS = {"table_reference": 3, "object_reference": 3, "schema_reference": 2}


class Grammar(NamedTuple):
    """What sqlfluff says of a statement."""

    violations: tuple[str, ...]
    loose: tuple[str, ...]  # names of tables and schemas that are not whole


_known: dict[str, Grammar] = {}


def grammar(sent: Sent) -> Grammar:
    """Parse a statement; one is parsed for all of its shape."""
    if sent.shape not in _known:
        _known[sent.shape] = parsed(without_gaps(sent))
    return _known[sent.shape]


def without_gaps(sent: Sent) -> str:
    """Return the text as sqlfluff can read it."""
    text = sent.text
    for gap in GAPS:
        if sent.code.startswith(gap.within):
            text = re.sub(
                rf"{LITERAL}|{PART}|(?P<gap>{gap.pattern})",
                lambda m, instead=gap.instead: instead if m["gap"] else m[0],
                text,
                flags=re.DOTALL,
            )
    return text


def parsed(text: str) -> Grammar:
    """Parse a text as it is."""
    found = _linter().parse_string(text)
    violations = tuple(str(v) for v in found.violations)
    return Grammar(violations, tuple(_loose(found.tree)) if found.tree else ())


@functools.cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "snowflake"}))


def _loose(tree: Any) -> Iterator[str]:
    """Yield the names that rest on a session's database or schema, or on case."""
    local = {
        query.segments[0].raw
        for query in tree.recursive_crawl("common_table_expression")
    }
    for reference in tree.recursive_crawl("object_reference"):
        levels = LEVELS.get(reference.type)
        if not levels or reference.raw in local:
            continue
        whole = (
            rf"{PART}(\.{PART}){{{levels - 1}}}|{PART}\.INFORMATION_SCHEMA\.\w+"
            "|'?@.*"  # a stage is looked at elsewhere
        )
        if not re.fullmatch(whole, reference.raw):
            yield reference.raw
