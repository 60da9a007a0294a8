"""From lark's tree to the nodes of a query."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from lark import Token, Transformer, Tree
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
    Operand,
    Query,
    Sort,
    TypeOf,
    Using,
    With,
)
from lht.devorg.soql.texts import unexpected

# Source: SOQL and SOSL Reference v65, "SOQL Limits".
MAX_OFFSET = 2_000

MAX_DIGITS = 18
_ANY_NUMBER = 2**62  # of rows: whoever asks for more gets as many
_TOTALS = {"ROLLUP", "CUBE"}

Clause = dict[str, Any]


def to_query(text: str, tree: Tree[Token]) -> Query:
    """Turn the tree of a text into its nodes.

    Raises:
        OrgError: MALFORMED_QUERY or NUMBER_OUTSIDE_VALID_RANGE.
    """
    try:
        return cast("Query", _ToNodes(text).transform(tree))
    except VisitError as exc:
        raise exc.orig_exc from exc


class _ToNodes(Transformer[Token, Any]):
    """Turns lark's tree into nodes, bottom up. Each clause becomes its arguments."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._apex: list[Name] = []

    def start(self, children: list[Query]) -> Query:
        apex = min(self._apex, key=lambda name: name.position, default=None)
        return replace(children[0], apex=apex)

    def PATH(self, token: Token) -> Name:  # noqa: N802 -- lark finds it by the terminal
        return _name(token)

    def BIND(self, token: Token) -> Token:  # noqa: N802 -- likewise
        self._apex.append(_name(token))
        return token

    def field(self, children: list[Name]) -> FieldPath:
        return FieldPath(children[0])

    def selected(self, children: list[Any]) -> Operand:
        operand: Operand = children[0]
        return replace(operand, **children[1]) if children[1:] else operand

    def alias(self, children: list[Name]) -> Clause:
        name = children[0]
        if len(name.parts) > 1:
            raise unexpected(self._text, name.position + len(name.parts[0]), ".")
        return {"alias": name}

    def items(self, children: list[Any]) -> tuple[Any, ...]:
        return tuple(children)

    def call(self, children: list[Any]) -> Call:
        return Call(children[0], tuple(children[1:]))

    def when(self, children: list[Name]) -> Branch:
        return Branch(children[0], tuple(children[1:]))

    def otherwise(self, children: list[Name]) -> Branch:
        return Branch(None, tuple(children))

    def typeof(self, children: list[Any]) -> TypeOf:
        return TypeOf(children[0], tuple(children[1:]))

    def source(self, children: list[Any]) -> Clause:
        sobject, *alias = children
        return {"sobject": sobject, **(alias[0] if alias else {})}

    def joined(self, children: list[Any]) -> tuple[Name, Name | None]:
        path, *alias = children
        return path, alias[0]["alias"] if alias else None

    def using(self, children: list[Name]) -> Clause:
        return {"using": Using(*children)}

    def value(self, children: list[Token]) -> Literal:
        token = children[0]
        return Literal(LiteralKind[token.type], str(token), token.start_pos or 0)

    constant = value

    def values(self, children: list[Literal]) -> tuple[Literal, ...]:
        return tuple(children)

    def bind(self, children: list[Token]) -> tuple[Literal, ...]:
        return (self.value(children),)

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

    def where(self, children: list[Any]) -> Clause:
        return {"where": children[0]}

    def category(self, children: list[Any]) -> Name:
        name: Name = children[0]
        return name

    def setting(self, children: list[Any]) -> Name:
        name: Name = children[0]
        return name

    def with_clause(self, children: list[Any]) -> With:
        return With(children[0])

    def having(self, children: list[Any]) -> Clause:
        return {"having": children[0]}

    def group(self, children: list[Any]) -> Clause:
        having = children.pop() if isinstance(children[-1], dict) else {}
        first = children[0]
        if isinstance(first, Call) and first.function in _TOTALS:
            self._check_totals(first, children[1:])
            having["grouping"] = first.function
            return {"group_by": first.arguments, **having}
        return {"group_by": tuple(children), **having}

    def _check_totals(self, call: Call, others: Sequence[Operand]) -> None:
        """See that ROLLUP or CUBE is of fields, and alone."""
        for other in others:
            raise unexpected(self._text, other.name.position, other.name.text)
        for argument in call.arguments:
            if isinstance(argument, Literal):
                raise unexpected(self._text, argument.position, argument.text)
        if not call.arguments:
            end = call.name.position + len(call.name.text)
            raise unexpected(self._text, end, "(")

    def order(self, children: list[Sort]) -> Clause:
        return {"order_by": tuple(children)}

    def sort(self, children: list[Any]) -> Sort:
        operand, *words = children
        kinds = {word.type for word in words}
        return Sort(operand, "DESC" in kinds, "LAST" in kinds)

    def limit(self, children: list[Token]) -> Clause:
        return {"limit": self._count(children[0])}

    def offset(self, children: list[Token]) -> Clause:
        rows = self._count(children[0])
        if rows > MAX_OFFSET:
            raise OrgError(
                400,
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"Maximum SOQL offset allowed is {MAX_OFFSET}",
            )
        return {"offset": rows}

    def all_rows(self, children: list[Token]) -> Clause:
        self._apex.append(Name("ALL ROWS", children[0].start_pos or 0))
        return {}

    def purpose(self, children: list[Name]) -> Clause:
        return {"purposes": tuple(children)}

    def update(self, children: list[Name]) -> Clause:
        return {"updates": tuple(children)}

    def query(self, children: Sequence[Any]) -> Query:
        items, source, *rest = children
        clauses = {**source, "joined": (), "withs": (), "purposes": ()}
        for clause in rest:
            match clause:
                case With():
                    clauses["withs"] += (clause,)
                case tuple():
                    clauses["joined"] += (clause,)
                case {"purposes": some}:
                    clauses["purposes"] += some
                case _:
                    clauses |= clause
        return Query(text=self._text, items=items, **clauses)

    def _count(self, token: Token) -> int:
        if token.type == "BIND":
            return 0
        if not token.isdecimal():
            raise unexpected(self._text, token.start_pos or 0, token)
        return int(token) if len(token) <= MAX_DIGITS else _ANY_NUMBER


def _name(token: Token) -> Name:
    return Name(str(token), token.start_pos or 0)
