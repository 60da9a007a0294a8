"""SOQL text to syntax tree."""

import re
from functools import cache
from typing import cast

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken

from lht.devorg.errors import OrgError
from lht.devorg.soql.nodes import Query
from lht.devorg.soql.texts import malformed, too_complicated, unexpected
from lht.devorg.soql.tree import to_query

# Source: SOQL and SOSL Reference v65, "SOQL Limits".
MAX_QUERY_CHARACTERS = 100_000

MAX_DEPTH = 100
"""How deep conditions and calls may be nested."""

# What is left of a datetime whose '+' was not percent-encoded in the URL.
_WITHOUT_ZONE = re.compile(r"[\d-]{10}T[\d:.]+", re.IGNORECASE)


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        OrgError: MALFORMED_QUERY, QUERY_TOO_COMPLICATED or
            NUMBER_OUTSIDE_VALID_RANGE, with Salesforce's text.
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        raise malformed(
            f"SOQL statements can not be longer than {MAX_QUERY_CHARACTERS} characters"
        )
    try:
        tree = _parser().parse(text)
    except UnexpectedCharacters as exc:
        raise _unreadable(text, cast("int", exc.pos_in_stream)) from exc
    except UnexpectedToken as exc:
        raise _unexpected(text, exc.token) from exc
    _refuse_depth(tree)
    return to_query(text, tree)


@cache
def _parser() -> Lark:
    return Lark.open("grammar.lark", rel_to=__file__, parser="lalr")


def _refuse_depth(tree: Tree[Token]) -> None:
    """Refuse what those who walk down the tree would not come back from."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [c for node in level for c in node.children if isinstance(c, Tree)]
    if level:
        raise too_complicated()


def _unreadable(text: str, position: int) -> OrgError:
    if datetime := _WITHOUT_ZONE.match(text, position):
        position = datetime.end()
    row = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1)
    character = text[position : position + 1] or "<EOF>"
    return malformed(
        f"line {row}:{column} no viable alternative at character '{character}'"
    )


def _unexpected(text: str, token: Token) -> OrgError:
    if token.type == "$END":
        return unexpected(text, len(text), "<EOF>")
    return unexpected(text, token.start_pos or 0, token)
