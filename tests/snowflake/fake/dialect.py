"""Snowflake's SQL, strictly, as SQL that DuckDB carries out with the same meaning.

What sqlglot knows but Snowflake has not (functions, types, clauses) is refused, and
each cast and conversion is Snowflake's. Identifiers are folded and quoted, tables named
in full, placeholders numbered.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import sqlglot
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import SqlglotError
from tests.snowflake.fake.errors import GapError, RefusedError
from tests.snowflake.fake.functions import HOME

_TRANSLATED = {
    "SPLIT_PART", "REPLACE", "CHARINDEX", "LENGTH", "LEN", "SUBSTR", "SUBSTRING",
    "LEFT", "RIGHT", "LTRIM", "RTRIM", "TRIM", "LPAD", "RPAD", "REPEAT", "UPPER",
    "LOWER", "CONCAT", "CONCAT_WS", "REGEXP_LIKE", "RLIKE", "REGEXP_REPLACE",
    "REGEXP_SUBSTR", "REGEXP_COUNT", "CONTAINS", "STARTSWITH", "ENDSWITH",
    "COALESCE", "NULLIF", "IFF", "NVL", "NVL2", "ZEROIFNULL", "GREATEST", "LEAST",
    "EQUAL_NULL", "COUNT", "COUNT_IF", "MAX", "MIN", "SUM", "AVG", "ANY_VALUE",
    "LISTAGG", "MD5", "ABS", "CEIL", "FLOOR", "ROUND", "MOD", "SQRT", "DATEADD",
    "DATEDIFF", "TIMESTAMPADD", "TIMESTAMPDIFF", "YEAR", "MONTH", "DAY",
    "DATE_TRUNC", "ROW_NUMBER", "RANK", "DENSE_RANK", "LAG", "LEAD", "FIRST_VALUE",
    "LAST_VALUE", "ARRAY_SIZE", "UUID_STRING", "ASCII", "REVERSE", "TRANSLATE",
    "SIGN", "POWER", "GENERATOR", "ADD_MONTHS", "LAST_DAY", "MAX_BY", "MIN_BY",
    "APPROX_COUNT_DISTINCT", "MEDIAN", "STDDEV", "VARIANCE", "BOOLOR_AGG",
    "BOOLAND_AGG", "NTILE", "DIV0", "SHA2", "HEX_ENCODE", "UNICODE", "POSITION",
}  # fmt: skip


class Strict(Snowflake):
    """Snowflake as sqlglot has it, with no function but those that mean the same."""

    class Tokenizer(Snowflake.Tokenizer):
        KEYWORDS: ClassVar = {
            word: token
            for word, token in Snowflake.Tokenizer.KEYWORDS.items()
            if word != "?::"  # another product's, and here a bound value that is cast
        }

    class Parser(Snowflake.Parser):
        FUNCTIONS: ClassVar = {
            name: build
            for name, build in Snowflake.Parser.FUNCTIONS.items()
            if name in _TRANSLATED
        }


class Scope(Protocol):
    """What a statement may ask of the session it is in."""

    columns: set[str]

    def table(self, node: exp.Table) -> exp.Expression: ...
    def context(self, name: str) -> str | None: ...


def parsed(text: str) -> exp.Expression:
    """Parse one statement.

    Raises:
        RefusedError: It is not Snowflake's SQL, or more than one statement.
    """
    try:
        statements = [s for s in sqlglot.parse(text, read=Strict) if s is not None]
    except SqlglotError as error:
        raise RefusedError(f"SQL compilation error:\n{error}") from None
    statements = [s for s in statements if not isinstance(s, exp.Semicolon)]
    if len(statements) != 1:
        words = f"Actual statement count {len(statements)} did not match the desired"
        raise RefusedError(f"{words} statement count 1.", 8, "0A000")
    return statements[0]


def translated(tree: exp.Expression, scope: Scope) -> str:
    """Say a query or DML statement in DuckDB's SQL."""
    return rewritten(tree, scope).sql(dialect="duckdb", copy=False)


def rewritten(tree: exp.Expression, scope: Scope) -> exp.Expression:
    """Rewrite a tree from its leaves up, each node by the rule of its class."""
    _number(tree)
    scope.columns.clear()
    hidden = {cte.alias.upper() for cte in tree.find_all(exp.CTE)}
    for node in reversed(list(tree.walk(bfs=False))):
        rule = RULES.get(type(node))
        new = rule(node, scope) if rule else node
        if isinstance(node, exp.Table) and (node.db or node.name.upper() not in hidden):
            new = scope.table(node)
        if new is node:
            continue
        if node is tree:
            tree = new
        else:
            node.replace(new)
    _check_case(tree, scope.columns)
    return tree


def _check_case(tree: exp.Expression, columns: set[str]) -> None:
    """Refuse a column whose name differs in case, which DuckDB would let pass."""
    named = {alias.alias for alias in tree.find_all(exp.Alias, exp.CTE)}
    named |= {n.name for a in tree.find_all(exp.TableAlias) for n in a.columns}
    known = columns | named
    folded = {name.lower() for name in known}
    for column in tree.find_all(exp.Column):
        if column.name not in known and column.name.lower() in folded:
            text = f"SQL compilation error:\ninvalid identifier '{column.sql()}'"
            raise RefusedError(text, 904, "42000")


def _number(tree: exp.Expression) -> None:
    """Number the placeholders in the order of the text, as some are said twice."""
    for place, node in enumerate(tree.find_all(exp.Placeholder, bfs=False), start=1):
        node.set("this", str(place))


def call(name: str, *arguments: exp.Expression) -> exp.Anonymous:
    reader = name.startswith(("_SF_READ", "_SF_TRY_READ"))
    full = name if reader else f"{HOME}.{name}"
    return exp.Anonymous(this=full, expressions=list(arguments))


# -- names and types ------------------------------------------------------------------


def _identifier(node: exp.Expression, _scope: Scope) -> exp.Expression:
    if not node.args.get("quoted") and isinstance(node.this, str):
        node.set("this", node.this.upper())
        node.set("quoted", True)
    return node


def _column(node: exp.Expression, _scope: Scope) -> exp.Expression:
    """Name a column by its table alone, as a table's name in full is its alias."""
    node.set("db", None)
    node.set("catalog", None)
    return node


_INTEGERS = {"INT", "BIGINT", "SMALLINT", "TINYINT"}
_KINDS = {
    "VARCHAR": "VARCHAR", "TEXT": "VARCHAR", "CHAR": "VARCHAR", "NCHAR": "VARCHAR",
    "NVARCHAR": "VARCHAR", "DOUBLE": "DOUBLE", "FLOAT": "DOUBLE", "BOOLEAN": "BOOLEAN",
    "DATE": "DATE", "TIME": "TIME", "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPNTZ": "TIMESTAMP", "DATETIME": "TIMESTAMP",
    "TIMESTAMPLTZ": "TIMESTAMPTZ", "TIMESTAMPTZ": "TIMESTAMPTZ",
    "BINARY": "BLOB", "VARBINARY": "BLOB", "VARIANT": "JSON", "OBJECT": "JSON",
    "ARRAY": "JSON",
}  # fmt: skip


def duck_type(kind: exp.DataType) -> str:
    """Name DuckDB's type for one of Snowflake's.

    Raises:
        RefusedError: Snowflake has no such type, or not with these numbers.
    """
    name = kind.this.value if isinstance(kind.this, exp.DataType.Type) else ""
    numbers = parameters(kind)
    if name in _INTEGERS:
        return "DECIMAL(38, 0)"
    if name == "DECIMAL":
        precision, scale = ([*numbers, 38, 0] if not numbers else [*numbers, 0])[:2]
        if not (1 <= precision <= 38 and 0 <= scale <= min(precision, 37)):
            raise RefusedError(f"SQL compilation error:\ninvalid number {kind.sql()}")
        return f"DECIMAL({precision}, {scale})"
    if name not in _KINDS:
        raise RefusedError(
            f"SQL compilation error:\nUnsupported data type '{kind.sql()}'."
        )
    if "TIME" in name and numbers and numbers[0] < 6:
        raise GapError(f"moments of less than microseconds, {kind.sql('snowflake')}")
    return _KINDS[name]


def parameters(kind: exp.DataType) -> list[int]:
    return [int(number.name) for number in kind.expressions]


def _data_type(node: exp.Expression, _scope: Scope) -> exp.Expression:
    if not isinstance(node, exp.DataType) or isinstance(
        node.parent, exp.Cast | exp.TryCast
    ):
        return node
    return exp.DataType.build(duck_type(node), dialect="duckdb")


# -- casts ----------------------------------------------------------------------------


def cast(value: exp.Expression, kind: exp.DataType, *, safe: bool = False) -> Any:
    """Convert a value as Snowflake does, or to NULL where that fails and it is safe."""
    duck, numbers = duck_type(kind), parameters(kind)
    attempt = "TRY_" if safe else ""
    caster = exp.TryCast if safe else exp.Cast
    target = exp.DataType.build(duck, dialect="duckdb")
    family = duck.split("(")[0]
    if family in {"DECIMAL", "DOUBLE"}:
        check = "NUMBER" if family == "DECIMAL" else "FLOAT"
        return caster(this=call(f"_SF_{attempt}{check}", value), to=target)
    if family in {"BOOLEAN", "TIMESTAMP", "DATE", "TIME"}:
        return call(f"_SF_{attempt}{family}", value)
    if family == "VARCHAR":
        return _text(value, numbers)
    if family == "BLOB":
        return call("_SF_BINARY", value)
    if family == "JSON":
        return exp.Anonymous(this="to_json", expressions=[value])
    return caster(this=value, to=target)


def _text(value: exp.Expression, numbers: list[int]) -> exp.Expression:
    if isinstance(value, exp.Paren) and isinstance(value.this, exp.JSONExtract):
        value = value.this
    if isinstance(value, exp.JSONExtract):
        value = exp.JSONExtractScalar(this=value.this, expression=value.expression)
        value = exp.Paren(this=value)
    text = call("_SF_TEXT", value)
    if numbers and numbers[0] < 16_777_216:
        return call("_SF_SHORT_TEXT", text, exp.Literal.number(numbers[0]))
    return text


def _cast(node: exp.Expression, _scope: Scope) -> exp.Expression:
    return cast(node.this, node.args["to"], safe=isinstance(node, exp.TryCast))


# -- functions ------------------------------------------------------------------------


def _number_type(arguments: list[exp.Expression]) -> exp.DataType:
    numbers = [argument.name for argument in arguments]
    if any(not number.isdigit() for number in numbers):
        raise GapError("a format for a number")
    precision, scale = [*numbers, "38", "0"][:2] if not numbers else [*numbers, "0"][:2]
    return exp.DataType.build(f"DECIMAL({precision}, {scale})")


def _to_number(arguments: list[exp.Expression], *, safe: bool) -> exp.Expression:
    value, *numbers = arguments
    return cast(value, _number_type(numbers), safe=safe)


def _to_kind(kind: str) -> Callable[..., exp.Expression]:
    def convert(arguments: list[exp.Expression], *, safe: bool) -> exp.Expression:
        value, *form = arguments
        if not form:
            return cast(value, exp.DataType.build(kind, dialect="snowflake"), safe=safe)
        if kind not in {"DATE", "TIME", "TIMESTAMP"} or not form[0].is_string:
            raise GapError(f"TO_{kind} with {form[0].sql()}")
        return call(f"_SF_{'TRY_' if safe else ''}READ_{kind}_AS", value, form[0])

    return convert


_CONVERSIONS: dict[str, Callable[..., exp.Expression]] = {
    "TO_NUMBER": _to_number,
    "TO_DECIMAL": _to_number,
    "TO_NUMERIC": _to_number,
    "TO_DOUBLE": _to_kind("DOUBLE"),
    "TO_BOOLEAN": _to_kind("BOOLEAN"),
    "TO_DATE": _to_kind("DATE"),
    "TO_TIME": _to_kind("TIME"),
    "TO_TIMESTAMP": _to_kind("TIMESTAMP"),
    "TO_TIMESTAMP_NTZ": _to_kind("TIMESTAMP"),
}
_CONTEXT = {
    "CURRENT_DATABASE", "CURRENT_SCHEMA", "CURRENT_TRANSACTION", "CURRENT_ROLE",
    "CURRENT_WAREHOUSE", "CURRENT_ACCOUNT", "CURRENT_ACCOUNT_NAME",
    "CURRENT_ORGANIZATION_NAME", "CURRENT_USER", "CURRENT_SESSION", "CURRENT_REGION",
    "CURRENT_VERSION",
}  # fmt: skip


def _anonymous(node: exp.Expression, scope: Scope) -> exp.Expression:
    name, arguments = node.name.upper(), node.expressions
    bare = name.removeprefix("TRY_")
    if bare in _CONVERSIONS:
        return _CONVERSIONS[bare](arguments, safe=bare != name)
    if name in _CONTEXT:
        return _context(name, scope)
    if name in _OTHERS:
        return _OTHERS[name](arguments)
    text = f"SQL compilation error:\nUnknown function {node.name}"
    raise RefusedError(text, 2140, "42601")


def _context(name: str, scope: Scope) -> exp.Expression:
    value = scope.context(name)
    literal = exp.Null() if value is None else exp.Literal.string(value)
    return exp.Cast(this=literal, to=exp.DataType.build("TEXT"))


def _to_char(arguments: list[exp.Expression]) -> exp.Expression:
    if len(arguments) == 1:
        return call("_SF_TEXT", *arguments)
    return call("_SF_TO_CHAR", *arguments)


def _to_binary(arguments: list[exp.Expression]) -> exp.Expression:
    if len(arguments) == 2 and arguments[1].name.upper() != "HEX":
        raise GapError(f"TO_BINARY by {arguments[1].name}")
    return call("_SF_BINARY", arguments[0])


def _hashed(arguments: list[exp.Expression]) -> str:
    parts = [
        "*COLUMNS(*)" if isinstance(a, exp.Star) else a.sql("duckdb") for a in arguments
    ]
    return f"(hash({', '.join(parts)})::HUGEINT - 9223372036854775808)::DECIMAL(38, 0)"


def _hash(arguments: list[exp.Expression]) -> exp.Expression:
    return sqlglot.parse_one(_hashed(arguments), read="duckdb")


def _hash_agg(arguments: list[exp.Expression]) -> exp.Expression:
    total = f"sum({_hashed(arguments)} % 1000000007000003)"
    return sqlglot.parse_one(f"coalesce({total}, 0)", read="duckdb")


def _now(_arguments: list[exp.Expression]) -> exp.Expression:
    return exp.Anonymous(this="now")


def _utc_now(_arguments: list[exp.Expression]) -> exp.Expression:
    return sqlglot.parse_one("(now() AT TIME ZONE 'UTC')", read="duckdb")


def _parse_json(arguments: list[exp.Expression]) -> exp.Expression:
    return exp.Cast(this=arguments[0], to=exp.DataType.build("JSON", dialect="duckdb"))


def _try_parse_json(arguments: list[exp.Expression]) -> exp.Expression:
    return exp.TryCast(
        this=arguments[0], to=exp.DataType.build("JSON", dialect="duckdb")
    )


def _in_zone(arguments: list[exp.Expression]) -> exp.Expression:
    """Say what the clocks of UTC showed at an instant."""
    if len(arguments) != 2 or arguments[0].name.upper() != "UTC":
        raise GapError("CONVERT_TIMEZONE but to UTC")
    zone, value = arguments
    instant = exp.Cast(this=value, to=exp.DataType.build("TIMESTAMPTZ"))
    return exp.Anonymous(this="timezone", expressions=[zone, instant])


_OTHERS: dict[str, Callable[[list[exp.Expression]], exp.Expression]] = {
    "TO_CHAR": _to_char,
    "TO_VARCHAR": _to_char,
    "TO_BINARY": _to_binary,
    "HASH": _hash,
    "HASH_AGG": _hash_agg,
    "CONVERT_TIMEZONE": _in_zone,
    "CURRENT_TIMESTAMP": _now,
    "SYSDATE": _utc_now,
    "PARSE_JSON": _parse_json,
    "TRY_PARSE_JSON": _try_parse_json,
}


# -- what sqlglot reads and Snowflake refuses -----------------------------------------


def _refuse(what: str) -> Callable[[exp.Expression, Scope], exp.Expression]:
    def rule(_node: exp.Expression, _scope: Scope) -> exp.Expression:
        raise RefusedError(f"SQL compilation error:\nsyntax error: unexpected {what}.")

    return rule


def _values(node: exp.Expression, _scope: Scope) -> exp.Expression:
    """Name the columns of VALUES as Snowflake does, COLUMN1 and so on."""
    alias = node.args.get("alias")
    inside = isinstance(node.parent, exp.From | exp.Join | exp.Subquery)
    if inside and node.expressions and not (alias and alias.args.get("columns")):
        width = len(node.expressions[0].expressions)
        columns = [
            exp.to_identifier(f"COLUMN{n + 1}", quoted=True) for n in range(width)
        ]
        table = alias.this if alias else exp.to_identifier("_", quoted=True)
        node.set("alias", exp.TableAlias(this=table, columns=columns))
    return node


def _counting(*names: str) -> Callable[[exp.Expression, Scope], exp.Expression]:
    """Take any number without decimals for a count of characters, as Snowflake does."""

    def rule(node: exp.Expression, _scope: Scope) -> exp.Expression:
        for name in names:
            count = node.args.get(name)
            if isinstance(count, exp.Expression) and not isinstance(count, exp.Literal):
                integer = exp.DataType.build("INT", dialect="duckdb")
                node.set(name, exp.Cast(this=count.copy(), to=integer))
        return node

    return rule


def _split_part(node: exp.Expression, _scope: Scope) -> exp.Expression:
    """Say the text once; sqlglot says it twice, for parts and separators unknown."""
    text, by, part = (node.args[n] for n in ("this", "delimiter", "part_index"))
    literal = isinstance(by, exp.Literal) and isinstance(part, exp.Literal)
    if literal and by.name and int(part.name) > 0:
        return exp.Anonymous(this="SPLIT_PART", expressions=[text, by, part])
    return node


RULES: dict[type[exp.Expression], Callable[[Any, Scope], exp.Expression]] = {
    exp.Identifier: _identifier,
    exp.DataType: _data_type,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Anonymous: _anonymous,
    exp.CurrentRole: lambda _node, scope: _context("CURRENT_ROLE", scope),
    exp.CurrentUser: lambda _node, scope: _context("CURRENT_USER", scope),
    exp.CurrentTimestamp: lambda _node, _scope: _now([]),
    exp.CurrentDate: lambda _node, _scope: exp.Anonymous(this="today"),
    exp.Column: _column,
    exp.Values: _values,
    # 0 of no rows, where sqlglot's sum is NULL
    exp.CountIf: lambda node, _scope: exp.Coalesce(
        this=node.copy(), expressions=[exp.Literal.number(0)]
    ),
    exp.Pad: _counting("expression"),
    exp.Repeat: _counting("times"),
    exp.SplitPart: _split_part,
    exp.Substring: _counting("start", "length"),
    exp.Left: _counting("expression"),
    exp.Right: _counting("expression"),
    exp.OnConflict: _refuse("ON CONFLICT"),
    exp.Returning: _refuse("RETURNING"),
    exp.Command: _refuse("statement"),
}
