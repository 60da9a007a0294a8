"""SOQL: text to syntax tree (``parse``), syntax tree to DuckDB SQL (``compile``)."""

from lht.devorg.soql.compile import MAX_LEVELS, compile_query
from lht.devorg.soql.compiled import Child, Compiled, Variant
from lht.devorg.soql.groups import is_grouped
from lht.devorg.soql.nodes import Query
from lht.devorg.soql.parse import parse
from lht.devorg.soql.scope import Column, Source

__all__ = [
    "MAX_LEVELS",
    "Child",
    "Column",
    "Compiled",
    "Query",
    "Source",
    "Variant",
    "compile_query",
    "is_grouped",
    "parse",
]
