"""What a query selects of single records: fields, functions, FIELDS() and TYPEOF."""

from collections.abc import Callable, Iterator

from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.soql import texts
from lht.devorg.soql.compiled import Child, Choice, Variant
from lht.devorg.soql.nodes import (
    Branch,
    Call,
    FieldPath,
    Junction,
    Membership,
    Name,
    Operand,
    Query,
    TypeOf,
)
from lht.devorg.soql.operands import Operands
from lht.devorg.soql.scope import Column

# Source: SOQL and SOSL Reference v65, "FIELDS()".
MAX_FIELDS_ROWS = 200

_KINDS: dict[str, Callable[[Field], bool]] = {
    "ALL": lambda _: True,
    "CUSTOM": lambda field: field.custom,
    "STANDARD": lambda field: not field.custom,
}


class Selection:
    """Compiles the items of a SELECT."""

    def __init__(
        self,
        operands: Operands,
        metadata: Metadata,
        query: Query,
        child: Callable[[Query], Child],
    ) -> None:
        """*child* compiles a sub-query."""
        self._operands = operands
        self._metadata = metadata
        self._query = query
        self._child = child
        self._taken: set[tuple[str, ...]] = set()
        self._around: set[tuple[str, ...]] = set()
        self._unnamed = 0

    def members(self) -> Iterator[Column | Variant | Child]:
        """Yield what is selected, each under a name of its own.

        Raises:
            OrgError: INVALID_FIELD or MALFORMED_QUERY.
        """
        for item in self._query.items:
            match item:
                case Call() if item.function == "FIELDS":
                    yield from self._fields(item)
                case FieldPath() | Call():
                    yield self._value(item)
                case TypeOf():
                    yield self._variant(item)
                case Query():
                    child = self._child(item)
                    self._take((child.name,), item.sobject)
                    yield child

    def grouped(self) -> Iterator[Column]:
        """Yield what is selected of groups, each under one name.

        Raises:
            OrgError: INVALID_FIELD or MALFORMED_QUERY.
        """
        for item in self._query.items:
            match item:
                case FieldPath() | Call():
                    yield self._group_value(item)
                case TypeOf(name):
                    message = "TYPEOF is not allowed with GROUP BY or aggregates"
                    raise texts.wrong_call(self._query.text, name, message)
                case Query():
                    message = "a sub-query is not allowed with GROUP BY or aggregates"
                    raise texts.wrong_call(self._query.text, item.sobject, message)

    def _value(self, item: Operand) -> Column:
        text = self._query.text
        if isinstance(item, FieldPath) and item.alias is not None:
            message = "only aggregate expressions use field aliasing"
            raise texts.wrong_call(text, item.alias, message)
        column = self._operands.column(item)
        column = self._named(item, column) if isinstance(item, Call) else column
        self._take(column.path, item.name)
        _join(column)
        return column

    def _group_value(self, item: Operand) -> Column:
        column = self._operands.column(item)
        if item.alias is None and isinstance(item, FieldPath):
            named = Column(column.path[-1:], column.field, column.sql)
        else:
            named = self._named(item, Column((), column.field, column.sql))
        name = named.path[0]
        if (name.lower(),) in self._taken:
            raise texts.duplicate_alias(self._query.text, item.name, name)
        self._taken.add((name.lower(),))
        return named

    def _named(self, item: Operand, column: Column) -> Column:
        """Name a value: by its alias, by the field it shows, or by a number."""
        if item.alias is not None:
            return Column((item.alias.text,), column.field, column.sql)
        if column.path:
            return column
        name = f"expr{self._unnamed}"
        self._unnamed += 1
        return Column((name,), column.field, column.sql)

    def _take(self, path: tuple[str, ...], name: Name) -> None:
        """Give a member its place, which none has and none is inside of."""
        around = {path[:length] for length in range(1, len(path))}
        if path in self._taken or path in self._around or around & self._taken:
            shown = ".".join(path)
            raise texts.duplicate_field(self._query.text, name, shown)
        self._taken.add(path)
        self._around |= around

    def _fields(self, call: Call) -> Iterator[Column]:
        """Expand FIELDS(ALL), FIELDS(CUSTOM) or FIELDS(STANDARD)."""
        word = self._operands.only(call).name.text.upper()
        if word not in _KINDS:
            message = f"Unknown FIELDS() expansion: {word}"
            raise texts.wrong_call(self._query.text, call.name, message)
        if word != "STANDARD" and not _is_bounded(self._query):
            message = "The SOQL FIELDS function must have a LIMIT of at most "
            raise texts.malformed(f"{message}{MAX_FIELDS_ROWS}")
        fields = self._operands.scope.root.sobject.fields
        found = [field.name for field in fields if _KINDS[word](field)]
        if not found:
            message = "'FIELDS(...)' expansion function must result in at least one "
            raise texts.malformed(message + "field being selected.")
        for name in found:
            yield self._value(FieldPath(Name(name, call.name.position)))

    def _variant(self, item: TypeOf) -> Variant:
        """Compile a TYPEOF.

        Source: SOQL and SOSL Reference v65, "TYPEOF".
        """
        scope, text = self._operands.scope, self._query.text
        parent = scope.parent(item.relationship)
        if parent.reference is None or not parent.reference.polymorphic:
            message = "TYPEOF takes a polymorphic relationship"
            raise texts.wrong_call(text, item.relationship, message)
        self._take((parent.name,), item.relationship)
        owner = parent.owner
        key = owner.column(parent.reference.name) if owner else "NULL"
        targets = parent.reference.reference_to
        choices = (
            self._choice(branch, item.relationship, targets) for branch in item.branches
        )
        return Variant(parent.name, key, tuple(choices))

    def _choice(
        self, branch: Branch, relationship: Name, targets: tuple[str, ...]
    ) -> Choice:
        scope = self._operands.scope
        source = scope.parent(relationship)
        if branch.sobject is not None:
            target = self._target(branch.sobject, targets)
            source = scope.branch(source, target)
        depth = len(source.chain)
        columns = tuple(
            scope.resolve_from(source, name.parts, name, within=depth)
            for name in branch.fields
        )
        source.column("Id")
        for column in columns:
            _join(column)
        return Choice(
            None if branch.sobject is None else source.sobject.name, source, columns
        )

    def _target(self, name: Name, targets: tuple[str, ...]) -> SObject:
        found = self._metadata.by_name.get(name.text.lower())
        if found is None or found.name not in targets:
            raise texts.unknown_sobject(self._query.text, name)
        return found


def _join(column: Column) -> None:
    """See that the parents are joined, whose records show the column."""
    for source in column.via:
        source.column("Id")


def _is_bounded(query: Query) -> bool:
    """Whether a query finds no more records than FIELDS() is for."""
    if query.limit is not None and query.limit <= MAX_FIELDS_ROWS:
        return True
    where = query.where
    joined = isinstance(where, Junction) and where.operator == "AND"
    parts = where.conditions if joined and isinstance(where, Junction) else (where,)
    return any(
        isinstance(part, Membership)
        and part.operator == "IN"
        and part.operand.name.text.lower() == "id"
        and not isinstance(part.values, Query)
        and len(part.values) <= MAX_FIELDS_ROWS
        for part in parts
    )
