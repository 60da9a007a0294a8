"""Fill an org with rows: deterministic, realistic, related, and nasty.

One ``INSERT .. SELECT`` for each object does all of it inside DuckDB; ``samples`` says
what each field is filled with. References point at rows that exist when the object's
turn comes, parents before children. The same seed, into the same org, gives the same
bytes. Generated stamps lie in the past: an org is filled first, and synced then.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lht.devorg import ids
from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.sampling.draws import Draw, text_literal
from lht.devorg.sampling.samples import value_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lht.devorg.store.store import Store

_FIRST_CREATED = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp())
_LAST_CREATED = int(datetime(2025, 12, 31, tzinfo=UTC).timestamp())
_NAME = re.compile(r"\b[A-Z]\w*[a-z]\w*")  # of a field, in SQL of ours
_QUOTED = re.compile(r"'[^']*'")
_AUTHORS = {"CreatedById", "LastModifiedById"}  # users, and users there always are

_CATEGORY = (
    "CASE StageName WHEN 'Closed Lost' THEN 'Omitted' WHEN 'Closed Won' THEN 'Closed'"
    " ELSE 'Pipeline' END"
)
_PROBABILITY = (
    "CASE StageName WHEN 'Closed Lost' THEN 0.0 WHEN 'Closed Won' THEN 100.0"
    " ELSE least(greatest(Probability, 1.0), 99.0) END"
)


def _product(one: str, other: str) -> str:
    """Multiply; what is too great for a double is left empty."""
    product = f"({one}) * ({other})"
    return f"CASE WHEN isfinite({product}) THEN {product} END"


_DERIVED: dict[str, dict[str, str]] = {
    "Opportunity": {
        "IsClosed": "starts_with(StageName, 'Closed')",
        "IsWon": "StageName = 'Closed Won'",
        "Probability": _PROBABILITY,
        "ForecastCategory": _CATEGORY,
        "ForecastCategoryName": _CATEGORY,
        "ExpectedRevenue": _product("Amount", f"{_PROBABILITY} / 100"),
        "FiscalYear": "year(CloseDate)",
        "FiscalQuarter": "quarter(CloseDate)",
        "Fiscal": "year(CloseDate) || ' ' || quarter(CloseDate)",
    },
    "OpportunityLineItem": {"TotalPrice": _product("Quantity", "UnitPrice")},
    "OrderItem": {"TotalPrice": _product("Quantity", "UnitPrice")},
    "Case": {
        "IsClosed": "coalesce(Status = 'Closed', false)",
        "ClosedDate": "CASE WHEN Status = 'Closed' THEN LastModifiedDate END",
    },
    "Task": {
        "IsClosed": "Status = 'Completed'",
        "IsHighPriority": "Priority = 'High'",
        "CompletedDateTime": "CASE WHEN Status = 'Completed' THEN LastModifiedDate END",
    },
    "CampaignMember": {
        "ContactId": "CASE WHEN LeadId IS NULL THEN ContactId END",
        "LeadOrContactId": "coalesce(LeadId, ContactId)",
        "HasResponded": "coalesce(Status = 'Responded', false)",
    },
    "Attachment": {"BodyLength": "octet_length(Body)"},
}
"""Fields that follow from others of the same row."""

_FIXED = {
    "CreatedDate": ("created", "datetime"),
    "LoginTime": ("created", "datetime"),
    "LastModifiedDate": ("modified", "datetime"),
    "SystemModstamp": ("stamped", "datetime"),
    "IsDeleted": ("false", "boolean"),
    "IsActive": ("true", "boolean"),
    "MasterRecordId": ("NULL", "reference"),
}
"""Fields that are alike in every object that has them of this type."""


def generate(
    store: "Store", rows: Mapping[str, int], *, seed: int = 0
) -> dict[str, int]:
    """Add *rows* of each named object to the org.

    Args:
        store: The org's records.
        rows: How many rows of which objects; parents are made before their children,
            whatever the order here.
        seed: The same seed gives the same rows.

    Returns:
        The rows added, by the object's own name, in the order in which they were made.

    Raises:
        ValueError: An object is unknown, or rows of it need a parent that has none.
            The objects before it in the order are filled.
    """
    wanted: dict[str, int] = {}
    for name, count in rows.items():
        sobject = store.metadata.by_name.get(name.lower())
        if sobject is None:
            raise ValueError(f"no object is called {name!r}")
        wanted[sobject.name] = count
    added = {}
    with store.lock, store.cursor() as cursor:
        for name in parents_first(store.metadata, wanted):
            sobject = store.metadata.by_name[name.lower()]
            first = store.reserve_ids(name, wanted[name])
            numbers = range(first, first + wanted[name])
            rows_of = _Statement(store.metadata, cursor, sobject, numbers, seed)
            until = int(store.clock.now().timestamp()) - 3600
            added[name] = store.bulk_insert(name, rows_of.sql(until))
    return added


def parents_first(metadata: Metadata, names: Collection[str]) -> list[str]:
    """Order objects so that what they refer to comes before them.

    In a circle optional references give way, and objects keep their declared order.
    """
    wanted = [sobject for sobject in metadata.sobjects if sobject.name in names]
    any_parents = {s.name: _parents(s, names, optional=True) for s in wanted}
    must_parents = {s.name: _parents(s, names, optional=False) for s in wanted}
    left = {sobject.name: None for sobject in wanted}  # in their order
    ordered = []
    while left:
        free = next((n for n in left if not any_parents[n] & left.keys()), None)
        forced = (n for n in left if not must_parents[n] & left.keys())
        chosen = free or next(forced, next(iter(left)))
        del left[chosen]
        ordered.append(chosen)
    return ordered


def _parents(sobject: SObject, names: Collection[str], *, optional: bool) -> set[str]:
    """Name the objects that an object refers to, itself and authors aside.

    Of several that a required reference may point to, any one will do.
    """
    return {
        target
        for field in sobject.fields
        if field.name not in _AUTHORS and (optional or not field.nillable)
        for target in field.reference_to
        if target in names and target != sobject.name
    }


class _Statement:
    """The SELECT of one object's new rows: all columns that the store leaves to us.

    Row ``n`` gets the id of that number, and is drawn from it. The rows that references
    may point to are lists of ids in one-row side tables: that keeps the order of the
    new rows, and with it which row gets which id; a join by number would not.
    """

    def __init__(
        self,
        metadata: Metadata,
        cursor: "DuckDBPyConnection",
        sobject: SObject,
        numbers: range,
        seed: int,
    ) -> None:
        self.metadata = metadata
        self.cursor = cursor
        self.sobject = sobject
        self.numbers = numbers
        self.seed = seed
        self._lists: dict[str, str] = {}

    def sql(self, until: int) -> str:
        """Write it, with stamps up to *until*, seconds since 1970."""
        columns = [
            f'{self._value(field)} AS "{field.name}"'
            for field in self.sobject.fields
            if field.stored and not field.auto_number and not field.rollup
        ]
        if "id" not in self.sobject.by_name:
            columns.append(f'{self._id_of("n")} AS "Id"')
        sources = [f"({self._stamps(min(until, _LAST_CREATED))})"]
        sources += [
            f"(SELECT list(Id ORDER BY Id) AS {name} FROM ({candidates}))"
            for candidates, name in self._lists.items()
        ]
        drawn = f"SELECT {', '.join(columns)} FROM {', '.join(sources)}"
        derived = _derived(self.sobject).items()
        replaced = ", ".join(f'{value} AS "{name}"' for name, value in derived)
        return f"SELECT * REPLACE ({replaced}) FROM ({drawn})" if derived else drawn

    def _value(self, field: Field) -> str:
        """Write a column's value; switches that users cannot set are off."""
        fixed, kind = _FIXED.get(field.name, ("", ""))
        if kind == field.type:
            return fixed
        if field.type == "id":
            return self._id_of("n")
        if field.type == "reference":
            return self._reference(field)
        if field.type == "boolean" and not field.createable:
            return "false"
        return value_sql(self.sobject, field, self.seed)

    def _id_of(self, number: str) -> str:
        return ids.sql_id(self.sobject.key_prefix or "000", f"({number})")

    def _draw(self, what: str) -> Draw:
        return Draw(f"{self.seed}/{self.sobject.name}/{what}")

    def _reference(self, field: Field) -> str:
        """Write the value of a reference: one of the rows it may point to."""
        if field.reference_to == (self.sobject.name,):
            return value_sql(self.sobject, field, self.seed, self._sibling(field))
        candidates = " UNION ALL ".join(_candidates(self.metadata, self.sobject, field))
        total = self._count(candidates) if candidates else 0
        if total:
            name = self._lists.setdefault(candidates, f"ids_{len(self._lists)}")
            picked = f"{name}[1 + {self._draw(field.name).whole(total)}]"
            return value_sql(self.sobject, field, self.seed, picked)
        if field.nillable or not candidates:
            return "NULL"
        raise ValueError(
            f"{self.sobject.name} needs rows of {' or '.join(field.reference_to)}"
            f" for {field.name}, and there are none"
        )

    def _count(self, select: str) -> int:
        row = self.cursor.execute(f"SELECT count(*) FROM ({select})").fetchone()
        return int(row[0]) if row else 0

    def _sibling(self, field: Field) -> str:
        """Point at a row with a smaller number, so that there are no circles."""
        first = self.numbers.start
        behind = self._draw(field.name).whole(f"greatest(n - {first}, 1)")
        return f"CASE WHEN n > {first} THEN {self._id_of(f'{first} + {behind}')} END"

    def _stamps(self, until: int) -> str:
        """Number the rows and give each three stamps in order."""
        since = min(_FIRST_CREATED, until - 86400)
        draw = self._draw("stamps")

        def later(than: str, share: float) -> str:
            moved, how_far = draw.of(f"{than}?"), draw.of(than)
            rest = how_far.whole(f"{until} - {than} + 1")
            return f"{than} + CASE WHEN {moved.happens(share)} THEN {rest} ELSE 0 END"

        created = f"{since} + {draw.of('created').whole(until - since)}"
        first, stop = self.numbers.start, self.numbers.stop
        return (
            f"SELECT n, {_timestamp('c')} AS created, {_timestamp('m')} AS modified,"
            f" {_timestamp(later('m', 0.1))} AS stamped"
            f" FROM (SELECT *, {later('c', 0.6)} AS m FROM (SELECT n, {created} AS c"
            f" FROM range({first}, {stop}) AS numbers(n)))"
        )


def _timestamp(seconds: str) -> str:
    return f"make_timestamp(({seconds}) * 1000000)"


def _derived(sobject: SObject) -> dict[str, str]:
    """Find what follows from other fields: names from their parts, and the table's."""
    derived = {
        name: value
        for name, value in _DERIVED.get(sobject.name, {}).items()
        if all(
            word.lower() in sobject.by_name
            for word in (name, *_NAME.findall(_QUOTED.sub("", value)))
        )
    }
    photo = sobject.by_name.get("photourl")
    if photo and photo.stored and "id" in sobject.by_name:
        derived["PhotoUrl"] = "'/services/images/photo/' || Id"
    parts = [f.name for f in sobject.fields if f.extra_type_info == "personname"]
    if {"FirstName", "LastName", "Name"} <= set(parts):
        derived["Name"] = "concat_ws(' ', FirstName, LastName)"
    return derived


def _candidates(metadata: Metadata, sobject: SObject, field: Field) -> Iterator[str]:
    """Select, for each object that a reference may point to, the rows it can take."""
    for name in field.reference_to:
        target = metadata.by_name.get(name.lower())
        if target is None:
            continue
        conditions = ["NOT IsDeleted"] if "isdeleted" in target.by_name else []
        if name == "RecordType":
            conditions.append(f"SobjectType = {text_literal(sobject.name)}")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        yield f'SELECT Id FROM "{name}"{where}'
