"""A compiled query: DuckDB SQL in clauses, and what its rows mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lht.devorg.metadata import SObject
from lht.devorg.soql.scope import Column, Source

BY_ID = 'ORDER BY t0."Id"'
"""The order of records inside others, where no other is asked for."""


@dataclass(frozen=True)
class Choice:
    """One branch of a TYPEOF: what is selected where the parent is of its type.

    ``sobject`` is None for ELSE. The paths of the columns begin at the parent.
    """

    sobject: str | None
    source: Source
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Variant:
    """A TYPEOF: the parent's name, SQL for its id, and a choice for each type."""

    name: str
    id_sql: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A query, ready for DuckDB.

    ``members`` are what is selected, in order. ``filter_joins`` are the parents that
    decide which records are found and in which order, ``joins`` are all. ``viewed`` are
    the date fields that a query sets on the records it finds.
    """

    sobject: SObject
    members: "tuple[Column | Variant | Child, ...]"
    params: dict[str, Any]
    is_count: bool = False
    is_grouped: bool = False
    joins: str = ""
    filter_joins: str = ""
    where: str = ""
    group: str = ""
    having: str = ""
    order: str = ""
    limit: int | None = None
    offset: int = 0
    viewed: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields selected, but for those of sub-queries and of TYPEOF."""
        return tuple(member for member in self.members if isinstance(member, Column))

    @property
    def children(self) -> "Iterator[Child]":
        """The sub-queries selected."""
        return (member for member in self.members if isinstance(member, Child))

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
        return self._select('t0."Id"', self.filter_joins)

    @property
    def count_sql(self) -> str:
        """SQL for the number of records."""
        return f"SELECT count(*) FROM ({self.ids_sql})"

    def select(self, columns: str) -> str:
        """Return SQL for any columns of the records that the query finds."""
        return self._select(columns, self.joins)

    def _select(self, columns: str, joins: str) -> str:
        limit = "" if self.limit is None else f"LIMIT {self.limit}"
        offset = f"OFFSET {self.offset}" if self.offset else ""
        clauses = (
            *(joins, self.where, self.group, self.having),
            *(self.order, limit, offset),
        )
        tail = " ".join(clause for clause in clauses if clause)
        return f"SELECT {columns} FROM {self.table} {tail}"

    def select_by_id(self, columns: str, ids: Sequence[str]) -> str:
        """Return SQL for columns of the records ``$ids``, in their order.

        The same ids stand in the text, too: only so does DuckDB look into its index.
        """
        listed = ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids)
        found = f'SELECT * FROM "{self.sobject.name}" WHERE "Id" IN ({listed})'
        page = "(SELECT unnest($ids) AS id, generate_subscripts($ids, 1) AS n)"
        return (
            f"SELECT {columns} FROM {page} AS page JOIN ({found}) AS t0 "
            f'ON t0."Id" = page.id {self.joins} ORDER BY page.n'
        )

    def narrowed(self, condition: str) -> str:
        """Return the WHERE with one more condition."""
        return f"{self.where} AND {condition}" if self.where else f"WHERE {condition}"


@dataclass(frozen=True)
class Child:
    """A sub-query: the relationship's name, SQL for the parent's id, and the query."""

    name: str
    key: str
    compiled: Compiled

    @property
    def counts_sql(self) -> str:
        """SQL for how many records each of ``$parents`` has, before LIMIT."""
        return f"SELECT {self.key}, count(*) {self._from} GROUP BY 1"

    def ids_sql(self, most: int) -> str:
        """Return SQL for parent and id of the first records of ``$parents``."""
        query = self.compiled
        first, limit = query.offset, query.limit
        last = first + (most if limit is None else min(limit, most))
        if query.order == BY_ID:  # faster than to number them
            ids = f'SELECT {self.key} AS k, min(t0."Id", {max(last, 1)}) AS ids'
            found = f"{ids} {self._from} GROUP BY 1"
            return f"SELECT k, unnest(ids[{first + 1}:{last}]) FROM ({found})"
        number = f"row_number() OVER (PARTITION BY {self.key} {query.order})"
        found = f'SELECT {self.key} AS k, t0."Id" AS id, {number} AS n {self._from}'
        wanted = f"n > {first} AND n <= {last}"
        return f"SELECT k, id FROM ({found}) WHERE {wanted} ORDER BY n"

    @property
    def _from(self) -> str:
        query = self.compiled
        asked = f"{self.key} IN (SELECT unnest($parents))"
        return f"FROM {query.table} {query.filter_joins} {query.narrowed(asked)}"

    def total(self, count: int) -> int:
        """Return how many of so many records LIMIT and OFFSET leave."""
        rest = max(0, count - self.compiled.offset)
        limit = self.compiled.limit
        return rest if limit is None else min(rest, limit)

    def of(self, parent: str) -> Compiled:
        """Return the query for the records of one parent alone."""
        where = self.compiled.narrowed(f"{self.key} = $parent")
        params = {**self.compiled.params, "parent": parent}
        return replace(self.compiled, where=where, params=params)
