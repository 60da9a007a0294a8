"""SOQL: text to syntax tree (``parse``), syntax tree to DuckDB SQL (``compile``)."""

from lht.devorg.soql.compile import Compiled, compile_query
from lht.devorg.soql.nodes import Query
from lht.devorg.soql.parse import parse
from lht.devorg.soql.scope import Column

__all__ = ["Column", "Compiled", "Query", "compile_query", "parse"]
