"""A SOQL syntax tree, compiled to DuckDB SQL against the org's metadata."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.soql.conditions import Conditions, field_name, semi_joins
from lht.devorg.soql.nodes import Call, FieldPath, Name, Query, Sort, TypeOf
from lht.devorg.soql.scope import Column, Scope, Source
from lht.devorg.soql.texts import (
    duplicate_field,
    invalid_field,
    malformed,
    not_queryable,
    only_apex,
    unknown_sobject,
    unsupported,
)

_UNLISTED = 1_000_000  # where a picklist's order puts values that it does not list
MAX_SEMI_JOINS = 2
_ID_TYPES = {"id", "reference"}


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A query, ready for DuckDB.

    ``columns`` are the fields selected, in order. ``parents`` are the tables joined
    to the object, with the path that reached each.
    """

    sobject: SObject
    columns: tuple[Column, ...]
    parents: tuple[Source, ...]
    params: dict[str, Any]
    is_count: bool
    joins: str
    where: str
    order: str
    limits: str

    @property
    def table(self) -> str:
        """SQL for the object's own table, under the name the columns use."""
        return f'"{self.sobject.name}" AS t0'

    @property
    def sql(self) -> str:
        """SQL for the records, one column for each field selected."""
        return self.select(", ".join(column.sql for column in self.columns))

    @property
    def ids_sql(self) -> str:
        """SQL for the records' ids, in order."""
        return self.select('t0."Id"')

    @property
    def count_sql(self) -> str:
        """SQL for the number of records."""
        return f"SELECT count(*) FROM ({self.ids_sql})"

    def select(self, columns: str) -> str:
        """Return SQL for any columns of the records that the query finds."""
        clauses = (self.joins, self.where, self.order, self.limits)
        tail = " ".join(clause for clause in clauses if clause)
        return f"SELECT {columns} FROM {self.table} {tail}"

    def select_by_id(self, columns: str, ids: str) -> str:
        """Return SQL for columns of the records of a list of ids, in its order."""
        page = f"(SELECT unnest({ids}) AS id, generate_subscripts({ids}, 1) AS n)"
        return (
            f"SELECT {columns} FROM {page} AS page "
            f'JOIN {self.table} ON t0."Id" = page.id {self.joins} ORDER BY page.n'
        )


def compile_query(
    query: Query, metadata: Metadata, *, all_rows: bool, today: date
) -> Compiled:
    """Compile a query.

    Args:
        query: As parsed.
        metadata: The org's objects.
        all_rows: Whether records in the recycle bin are found too.
        today: The org's day, for ``TODAY`` and the like.

    Raises:
        OrgError: INVALID_TYPE, INVALID_FIELD, MALFORMED_QUERY and others, with
            Salesforce's own texts; MALFORMED_QUERY for what devorg does not support.
    """
    return _Compiler(query, metadata, all_rows=all_rows, today=today, params={}).run()


class _Compiler:
    """Compiles one query; semi-joins get one of their own that shares the values."""

    def __init__(
        self,
        query: Query,
        metadata: Metadata,
        *,
        all_rows: bool,
        today: date,
        params: dict[str, Any],
    ) -> None:
        self._query = query
        self._metadata = metadata
        self._all_rows = all_rows
        self._today = today
        self._params = params
        self._sobject = self._find_sobject()
        self._scope = Scope(metadata, self._sobject, text=query.text, alias=query.alias)
        self._conditions = Conditions(
            self._scope, query.text, today, params, self._semi_join
        )

    def run(self) -> Compiled:
        query = self._query
        if query.apex is not None:
            raise only_apex(query.text, query.apex)
        self._refuse_grouping()
        columns = () if query.is_count else tuple(self._columns())
        where, order = self._where(), self._order()
        return Compiled(
            sobject=self._sobject,
            columns=columns,
            parents=tuple(self._scope.parents()),
            params=self._params,
            is_count=query.is_count,
            joins=self._scope.joins,
            where=where,
            order=order,
            limits=self._limits(),
        )

    def _find_sobject(self) -> SObject:
        name = self._query.sobject
        found = self._metadata.by_name.get(name.text.lower())
        if found is None:
            raise unknown_sobject(self._query.text, name)
        if not found.queryable:
            raise not_queryable(found.name)
        return found

    def _refuse_grouping(self) -> None:
        for operand in self._query.group_by:
            name = operand.name
            raise unsupported(self._query.text, name, "GROUP BY")

    def _columns(self) -> Iterator[Column]:
        seen = set()
        for item in self._query.items:
            column = self._scope.resolve(self._selected(item))
            if column.path in seen:
                name = ".".join(column.path)
                raise duplicate_field(self._query.text, self._selected(item), name)
            seen.add(column.path)
            yield column

    def _selected(self, item: FieldPath | Call | TypeOf | Query) -> Name:
        match item:
            case FieldPath(name):
                return name
            case Call(name):
                raise unsupported(self._query.text, name, f"the function {name.text}()")
            case TypeOf(name):
                raise unsupported(self._query.text, name, "TYPEOF")
            case Query():
                raise unsupported(self._query.text, item.sobject, "a sub-query")

    def _where(self) -> str:
        parts = []
        if not self._all_rows and "isdeleted" in self._sobject.by_name:
            parts.append('NOT t0."IsDeleted"')
        if self._query.where is not None:
            self._limit_semi_joins()
            parts.append(self._conditions.compile(self._query.where))
        return "WHERE " + " AND ".join(parts) if parts else ""

    def _limit_semi_joins(self) -> None:
        found = list(semi_joins(self._query.where))
        if any(found):
            raise malformed(
                "Semi join sub-selects are only allowed at the top level WHERE "
                "expressions and not in nested WHERE expressions"
            )
        if len(found) > MAX_SEMI_JOINS:
            raise malformed(
                f"Maximum {MAX_SEMI_JOINS} semi join sub-selects are allowed"
            )

    def _order(self) -> str:
        if not self._query.order_by:
            return ""
        if self._query.is_count:
            first = field_name(self._query.order_by[0].operand, self._query.text)
            raise malformed(
                f"Ordered field must be grouped or aggregated: {first.text}"
            )
        return "ORDER BY " + ", ".join(map(self._sort_key, self._query.order_by))

    def _sort_key(self, sort: Sort) -> str:
        name = field_name(sort.operand, self._query.text)
        column = self._scope.resolve(name)
        if not column.field.sortable:
            message = f"field '{column.field.name}' can not be sorted in a query call"
            raise invalid_field(self._query.text, name, message)
        direction = "DESC" if sort.descending else "ASC"
        last = sort.nulls_last and column.field.type != "reference"
        nulls = "NULLS LAST" if last else "NULLS FIRST"
        keys = _SORT_KEYS.get(column.field.type, _text_keys)(column.field, column.sql)
        return ", ".join(f"{key} {direction} {nulls}" for key in keys)

    def _limits(self) -> str:
        query = self._query
        limit = "" if query.limit is None else f"LIMIT {query.limit}"
        offset = "" if query.offset is None else f"OFFSET {query.offset}"
        return f"{limit} {offset}".strip()

    def _semi_join(self, query: Query) -> str:
        """Compile the query of a semi-join to SQL for what it selects."""
        for _ in semi_joins(query.where):
            raise malformed("Nesting of semi join sub-selects is not supported")
        inner = _Compiler(
            query,
            self._metadata,
            all_rows=self._all_rows,
            today=self._today,
            params=self._params,
        ).run()
        self._check_semi_join(query, inner)
        return inner.sql

    def _check_semi_join(self, query: Query, inner: Compiled) -> None:
        if query.limit is not None or query.offset is not None or query.order_by:
            raise malformed("LIMIT, OFFSET and ORDER BY are not allowed in a semi join")
        if len(inner.columns) != 1 or inner.columns[0].field.type not in _ID_TYPES:
            raise malformed(
                "The inner select field of a semi join must be an id or reference field"
            )
        if len(inner.columns[0].path) > 1:
            raise malformed(
                "The inner select field of a semi join cannot have a relationship path"
            )
        if inner.sobject is self._sobject:
            raise malformed(
                "The inner and outer selects of a semi join should not be on the same "
                "object type"
            )


def _plain_key(_: Field, value: str) -> tuple[str, ...]:
    return (value,)


def _text_keys(field: Field, value: str) -> tuple[str, ...]:
    return (value,) if field.case_sensitive else (f"upper({value})", value)


def _picklist_keys(field: Field, value: str) -> tuple[str, ...]:
    """Sort by the order of the setup, then what is not listed by its text."""
    listed = ", ".join("'" + v.value.replace("'", "''") + "'" for v in field.picklist)
    place = f"list_position([{listed}], {value})" if listed else "NULL"
    known = f"CASE WHEN {value} IS NOT NULL THEN coalesce({place}, {_UNLISTED}) END"
    return (known, *_text_keys(field, value))


_SORT_KEYS: dict[str, Callable[[Field, str], tuple[str, ...]]] = {
    "picklist": _picklist_keys,
    **dict.fromkeys(
        ("boolean", "int", "double", "currency", "percent", "date", "datetime", "time"),
        _plain_key,
    ),
    **dict.fromkeys(_ID_TYPES, _plain_key),
}
