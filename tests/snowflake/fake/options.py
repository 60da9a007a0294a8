"""The clauses ``NAME = value`` that sqlglot does not read, read here."""

import re
from typing import Any

from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.session import unquoted

_TOKEN = re.compile(r"\s*('(?:[^'\\]|''|\\.)*'|[A-Za-z_][\w$]*|\d+|[=(),])", re.DOTALL)


def read_options(text: str) -> dict[str, Any]:
    """Read ``A = 1 B = ('x', 'y') C = (D = E)``: text, a list, or options again."""
    tokens = _tokens(text)
    options = _options(tokens)
    if tokens:
        raise _syntax(tokens[0])
    return options


def only(options: dict[str, Any], *known: str) -> None:
    """Refuse options that the fake would have to ignore."""
    for name in options:
        if name not in known:
            raise GapError(f"the option {name}")


def flag(options: dict[str, Any], name: str, *, default: bool = False) -> bool:
    value = str(options.get(name, default)).upper()
    if value not in {"TRUE", "FALSE"}:
        raise RefusedError(f"invalid value [{value}] for parameter '{name}'", 1008)
    return value == "TRUE"


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    text = text.rstrip().rstrip(";").rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _syntax(text[place : place + 20])
        tokens.append(match[1])
        place = match.end()
    return tokens


def _options(tokens: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    while tokens and tokens[0] != ")":
        name = tokens.pop(0).upper()
        if name == ",":
            continue
        if not tokens or tokens.pop(0) != "=" or not tokens or name in options:
            raise _syntax(name)
        options[name] = _value(tokens)
    return options


def _value(tokens: list[str]) -> Any:
    token = tokens.pop(0)
    if token != "(":
        return unquoted(token) if token.startswith("'") else token.upper()
    named = len(tokens) > 1 and tokens[1] == "="
    found = _options(tokens) if named else _list(tokens)
    if not tokens or tokens.pop(0) != ")":
        raise _syntax("(")
    return found


def _list(tokens: list[str]) -> list[str]:
    values = []
    while tokens and tokens[0] != ")":
        token = tokens.pop(0)
        if token == ",":
            continue
        if not token.startswith("'"):
            raise _syntax(token)
        values.append(unquoted(token))
    return values


def _syntax(what: str) -> RefusedError:
    return RefusedError(f"SQL compilation error:\nsyntax error: unexpected '{what}'.")
