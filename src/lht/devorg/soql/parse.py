"""SOQL text to syntax tree."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, cast

from lark import Lark, Token, Transformer, Tree, UnexpectedCharacters, UnexpectedToken
from lark.exceptions import VisitError

from lht.devorg.errors import OrgError
from lht.devorg.soql.nodes import (
    Branch,
    Call,
    Comparison,
    FieldPath,
    Junction,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Query,
    Sort,
    TypeOf,
)
from lht.devorg.soql.texts import located, malformed, too_complicated

# Source: SOQL and SOSL Reference v65, "SOQL Limits".
MAX_QUERY_CHARACTERS = 100_000
MAX_OFFSET = 2_000

MAX_DEPTH = 100
"""How deep conditions and calls may be nested."""

_ANY_NUMBER = 2**62  # of rows: whoever asks for more gets as many

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
    try:
        return cast("Query", _ToNodes(text).transform(tree))
    except VisitError as exc:
        raise exc.orig_exc from exc


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
        return malformed(located(text, len(text), "unexpected token: '<EOF>'"))
    return malformed(
        located(text, token.start_pos or 0, f"unexpected token: '{token}'")
    )


class _ToNodes(Transformer[Token, Any]):
    """Turns lark's tree into nodes, bottom up."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, children: list[Query]) -> Query:
        return children[0]

    def PATH(self, token: Token) -> Name:  # noqa: N802 -- lark finds it by the terminal
        return Name(str(token), token.start_pos or 0)

    def field(self, children: list[Name]) -> FieldPath:
        return FieldPath(children[0])

    def alias(self, children: list[Name]) -> dict[str, Name]:
        return {"alias": children[0]}

    def items(self, children: list[Any]) -> tuple[Any, ...]:
        return tuple(children)

    def call(self, children: list[Any]) -> Call:
        name, *rest = children
        alias = rest.pop()["alias"] if rest and isinstance(rest[-1], dict) else None
        return Call(name, tuple(rest), alias)

    def when(self, children: list[Name]) -> Branch:
        return Branch(children[0], tuple(children[1:]))

    def otherwise(self, children: list[Name]) -> Branch:
        return Branch(None, tuple(children))

    def typeof(self, children: list[Any]) -> TypeOf:
        return TypeOf(children[0], tuple(children[1:]))

    def value(self, children: list[Token]) -> Literal:
        token = children[0]
        return Literal(LiteralKind[token.type], str(token), token.start_pos or 0)

    def values(self, children: list[Literal]) -> tuple[Literal, ...]:
        return tuple(children)

    def comparison(self, children: list[Any]) -> Comparison:
        operand, operator, literal = children
        return Comparison(operand, operator.upper().replace("<>", "!="), literal)

    def membership(self, children: list[Any]) -> Membership:
        operand, *operators, values = children
        return Membership(operand, " ".join(operators).upper(), values)

    def negation(self, children: list[Any]) -> Negation:
        return Negation(children[-1])

    def conjunction(self, children: list[Any]) -> Junction:
        return Junction("AND", tuple(children))

    def disjunction(self, children: list[Any]) -> Junction:
        return Junction("OR", tuple(children))

    def where(self, children: list[Any]) -> dict[str, Any]:
        return {"where": children[0]}

    def having(self, children: list[Any]) -> dict[str, Any]:
        return {"having": children[0]}

    def group(self, children: list[Any]) -> dict[str, Any]:
        having = children.pop() if isinstance(children[-1], dict) else {}
        return {"group_by": tuple(children), **having}

    def order(self, children: list[Sort]) -> dict[str, Any]:
        return {"order_by": tuple(children)}

    def sort(self, children: list[Any]) -> Sort:
        operand, *words = children
        kinds = {word.type for word in words}
        return Sort(operand, "DESC" in kinds, "LAST" in kinds)

    def limit(self, children: list[Token]) -> dict[str, int]:
        return {"limit": self._count(children[0])}

    def offset(self, children: list[Token]) -> dict[str, int]:
        rows = self._count(children[0])
        if rows > MAX_OFFSET:
            raise OrgError(
                400,
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"Maximum SOQL offset allowed is {MAX_OFFSET}",
            )
        return {"offset": rows}

    def query(self, children: Sequence[Any]) -> Query:
        items, sobject, *clauses = children
        query = Query(text=self._text, items=items, sobject=sobject)
        for clause in clauses:
            query = replace(query, **clause)
        return query

    def _count(self, token: Token) -> int:
        if not token.isdecimal():
            raise _unexpected(self._text, token)
        return min(int(token), _ANY_NUMBER)
