"""A SOQL syntax tree, compiled to DuckDB SQL against the org's metadata."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.soql import semijoins, texts
from lht.devorg.soql.clauses import check_clauses, scope_condition, viewed_fields
from lht.devorg.soql.compiled import Child, Compiled
from lht.devorg.soql.conditions import Conditions
from lht.devorg.soql.groups import Groups, is_grouped
from lht.devorg.soql.nodes import Name, Query, Sort
from lht.devorg.soql.operands import Operands
from lht.devorg.soql.ordering import sort_keys
from lht.devorg.soql.scope import Column, Scope
from lht.devorg.soql.selecting import Selection

# Source: SOQL and SOSL Reference v65, "Understanding Relationship Query Limitations".
MAX_CHILD_QUERIES = 20
MAX_RELATIONSHIPS = 55
MAX_LEVELS = 5

# Source: SOQL and SOSL Reference v65, "ORDER BY".
MAX_SORT_FIELDS = 32


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the meaning of a query depends on: the org, its day, and who asks."""

    metadata: Metadata
    all_rows: bool
    today: date
    user_id: str
    levels: int


def compile_query(
    query: Query,
    metadata: Metadata,
    *,
    all_rows: bool,
    today: date,
    user_id: str = "",
    levels: int = MAX_LEVELS,
) -> Compiled:
    """Compile a query.

    Args:
        query: As parsed.
        metadata: The org's objects.
        all_rows: Whether records in the recycle bin are found too.
        today: The org's day, for ``TODAY`` and the like.
        user_id: Whose records are ``mine``.
        levels: How deep sub-queries go, with the query itself.

    Raises:
        OrgError: INVALID_TYPE, INVALID_FIELD, MALFORMED_QUERY and others, with
            Salesforce's own texts; MALFORMED_QUERY for what devorg does not support.
    """
    if query.apex is not None:
        raise texts.only_apex(query.text, query.apex)
    around = Surroundings(
        metadata=metadata,
        all_rows=all_rows,
        today=today,
        user_id=user_id,
        levels=levels,
    )
    return _Compiler(query, _find_sobject(query, metadata), around).run()


def _find_sobject(query: Query, metadata: Metadata) -> SObject:
    found = metadata.by_name.get(query.sobject.text.lower())
    if found is None:
        raise texts.unknown_sobject(query.text, query.sobject)
    if not found.queryable:
        raise texts.not_queryable(found.name)
    return found


@dataclass
class _Compiler:
    """Compiles one query; those inside it get compilers of their own."""

    query: Query
    sobject: SObject
    around: Surroundings
    params: dict[str, Any] = field(default_factory=dict)
    level: int = 1  # of sub-queries
    is_inside: bool = False

    def __post_init__(self) -> None:
        query = self.query
        self.scope = Scope(
            self.around.metadata, self.sobject, text=query.text, alias=query.alias
        )
        for path, alias in query.joined:
            self.scope.add_alias(path, alias)
        self.plain = Operands(self.scope, query.text)

    def run(self) -> Compiled:
        check_clauses(self.query, is_inside=self.is_inside)
        grouped = is_grouped(self.query)
        compiled = self._groups() if grouped else self._records()
        if self.scope.relationships > MAX_RELATIONSHIPS:
            message = f"A query can follow at most {MAX_RELATIONSHIPS} relationships"
            raise texts.malformed(message)
        return compiled

    def _records(self) -> Compiled:
        query = self.query
        self._check_count()
        selection = Selection(self.plain, self.around.metadata, query, self._child)
        members = () if query.is_count else tuple(selection.members())
        if sum(isinstance(member, Child) for member in members) > MAX_CHILD_QUERIES:
            message = f"A query can have at most {MAX_CHILD_QUERIES} sub-queries"
            raise texts.malformed(message)
        self.scope.start_over()
        where, order = self._where(), self._order(self.plain)
        return Compiled(
            sobject=self.sobject,
            members=members,
            params=self.params,
            is_count=query.is_count,
            joins=self.scope.all_joins,
            filter_joins=self.scope.joins,
            where=where,
            order=order,
            limit=query.limit,
            offset=query.offset or 0,
            viewed=viewed_fields(query),
        )

    def _check_count(self) -> None:
        query = self.query
        if not query.is_count:
            return
        if query.group_by:
            raise texts.malformed("COUNT() cannot be used with GROUP BY")
        if query.order_by:
            raise texts.malformed(
                "Ordered field must be grouped or aggregated: "
                + query.order_by[0].operand.name.text
            )
        if self.is_inside:
            raise texts.malformed("COUNT() cannot be used in a sub-query")

    def _groups(self) -> Compiled:
        query = self.query
        self._check_groups()
        groups = Groups(self.scope, query)
        selection = Selection(groups, self.around.metadata, query, self._child)
        members = tuple(selection.grouped())
        where, having = self._where(), self._having(groups)
        order = self._order(groups)
        return Compiled(
            sobject=self.sobject,
            members=members,
            params=self.params,
            is_grouped=True,
            joins=self.scope.joins,
            where=where,
            group=groups.clause,
            having=having,
            order=order,
            limit=query.limit,
            offset=query.offset or 0,
        )

    def _check_groups(self) -> None:
        query = self.query
        if self.is_inside:
            message = "GROUP BY and aggregates are not allowed in a sub-query"
            raise texts.wrong_call(query.text, query.sobject, message)
        if query.limit is not None and not query.group_by:
            raise texts.malformed(
                "Non-grouped query that uses overall aggregate functions cannot also "
                "use LIMIT"
            )

    def _where(self) -> str:
        query = self.query
        parts = []
        if not self.around.all_rows and "isdeleted" in self.sobject.by_name:
            parts.append(f"NOT {self.scope.root.column('IsDeleted')}")
        if query.using is not None:
            parts.append(scope_condition(query, self.scope.root, self._bind_user))
        if query.where is not None:
            semijoins.check_places(query.where)
            parts.append(self._conditions(self.plain).compile(query.where))
        return "WHERE " + " AND ".join(parts) if parts else ""

    def _bind_user(self) -> str:
        self.params["user"] = self.around.user_id
        return "$user"

    def _having(self, groups: Groups) -> str:
        having = self.query.having
        if having is None:
            return ""
        if any(True for _ in semijoins.semi_joins(having)):
            raise texts.malformed("Semi join sub-selects are not allowed in HAVING")
        return f"HAVING {self._conditions(groups).compile(having)}"

    def _conditions(self, operands: Operands) -> Conditions:
        return Conditions(
            operands, self.query.text, self.around.today, self.params, self._semi_join
        )

    def _order(self, operands: Operands) -> str:
        if len(self.query.order_by) > MAX_SORT_FIELDS:
            message = f"Maximum {MAX_SORT_FIELDS} ORDER BY fields are allowed"
            raise texts.malformed(message)
        keys = [self._sort_key(operands, sort) for sort in self.query.order_by]
        if self.level > 1:
            keys.append('t0."Id"')  # so that one order holds on all pages
        return f"ORDER BY {', '.join(keys)}" if keys else ""

    def _sort_key(self, operands: Operands, sort: Sort) -> str:
        column = operands.column(sort.operand)
        if not column.field.sortable:
            message = f"field '{column.field.name}' can not be sorted in a query call"
            raise texts.invalid_field(self.query.text, sort.operand.name, message)
        direction = "DESC" if sort.descending else "ASC"
        last = sort.nulls_last and column.field.type != "reference"
        nulls = "NULLS LAST" if last else "NULLS FIRST"
        return ", ".join(f"{key} {direction} {nulls}" for key in sort_keys(column))

    def _semi_join(self, name: Name, left: Column, query: Query) -> str:
        """Compile the query of a semi-join to SQL for the ids that it selects."""
        semijoins.check_text(query)
        sobject = _find_sobject(query, self.around.metadata)
        inner = _Compiler(
            query, sobject, self.around, params=self.params, is_inside=True
        ).run()
        semijoins.check_sides(name, left, self.sobject, query, inner)
        return inner.sql

    def _child(self, query: Query) -> Child:
        """Compile a sub-query; ``FROM Account.Contacts`` is ``FROM Contacts``."""
        reference, sobject = self._find_child(query)
        deepest = self.around.levels
        if self.level >= deepest:
            message = f"Sub-queries can only be nested {deepest - 1} deep"
            raise texts.wrong_call(query.text, query.sobject, message)
        if query.offset is not None and self.query.limit != 1:
            message = "OFFSET in a sub-query needs LIMIT 1 in the query around it"
            raise texts.wrong_call(query.text, query.sobject, message)
        inner = _Compiler(
            query, sobject, self.around, level=self.level + 1, is_inside=True
        )
        compiled = inner.run()
        key = inner.scope.root.column(reference.name)
        return Child(str(reference.child_relationship_name), key, compiled)

    def _find_child(self, query: Query) -> tuple[Field, SObject]:
        *path, name = self.scope.without_alias(query.sobject)
        if not path:
            for child in self.around.metadata.sobjects:
                for found in child.fields:
                    known = (found.child_relationship_name or "").lower()
                    if known == name.lower() and self._refers_here(found):
                        return found, child
        raise texts.unknown_child(query.text, query.sobject, name)

    def _refers_here(self, reference: Field) -> bool:
        return self.sobject.name in reference.reference_to
