"""Loading what users bring into the org: Ids, audit fields and references kept.

All files are read and checked before anything is written; then all rows that can be
loaded are written at once. Rows that break the org's rules are reported with their
place, and so are the rows that refer to them: nothing is dropped silently.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lht.devorg import errors, ids
from lht.devorg.errors import OrgError
from lht.devorg.loading.files import (
    LoadError,
    Record,
    UnknownError,
    find_field,
    read_records,
)
from lht.devorg.loading.rows import References, Row, UnresolvedError
from lht.devorg.metadata import Field, SObject
from lht.devorg.sampling.generate import parents_first
from lht.devorg.store import records
from lht.devorg.store.links import Links
from lht.devorg.store.records import is_required
from lht.devorg.store.values import coerce, find_faults
from lht.devorg.store.view import View

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lht.devorg.store.store import Store


@dataclass(frozen=True)
class Rejected:
    """A row that was not loaded, and why."""

    place: str
    sobject: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class LoadSummary:
    """What became of all rows of a load.

    Attributes:
        loaded: Rows loaded, by object.
        rejected: Rows not loaded, in the order of the files.
        notes: What is in the org otherwise than in the files.
    """

    loaded: Mapping[str, int]
    rejected: tuple[Rejected, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """What a file's column means: a field, or a parent's key for a reference."""

    field: Field
    key: str | None = None


_Columns = dict[tuple[str, str], dict[str, _Column]]
"""What columns mean, by file and object."""


class FilledError(LoadError):
    """Objects that have records, and would get others that may be the same."""

    hint = "name another file, or add to what is there with --add"


def load(
    store: "Store",
    paths: Iterable[Path | str],
    *,
    ignore_unknown: bool = False,
    add: bool = True,
) -> LoadSummary:
    """Load ``sf data tree`` exports and CSV files into the org.

    Args:
        store: The org's records.
        paths: Plans, record files, CSV files, or folders of them. A CSV file is of the
            object that its name says, or of the one in ``Name=path``. A reference may
            be an id, an ``@reference`` of the same load, or the parent's name; columns
            such as ``Owner.Email`` name a parent by one of its fields.
        ignore_unknown: Leave out objects and columns that the org does not have, with
            a note, instead of refusing the files.
        add: Whether an object that has records may get some that bring no Id, by which
            they would be known again.

    Raises:
        LoadError: A file cannot be read, has what the org does not (UnknownError), or
            may have what is there already (FilledError). Nothing was loaded.
    """
    found, left_out = read_records(store.metadata, paths, ignore_unknown=ignore_unknown)
    columns, unknown = _understand(found)
    if unknown and not ignore_unknown:
        raise UnknownError("\n".join(unknown))
    if not add:
        _refuse_doubles(store, found)
    with store.lock, store.cursor() as cursor:
        loading = _Load(store, cursor, found, columns)
        loading.note(left_out.elements())
        loading.note(f"{text}; left out, rows" for text in unknown.elements())
        return loading.run()


class _Load:
    """One load: rows read, checked against each other and the org, and written."""

    def __init__(
        self,
        store: "Store",
        cursor: "DuckDBPyConnection",
        found: list[Record],
        columns: _Columns,
    ) -> None:
        self.store = store
        self.cursor = cursor
        self.columns = columns
        self.notes: Counter[str] = Counter()
        self.rows = list(_identified(store, found))
        self.by_record = {row.record: row for row in self.rows}
        self.references = References(store.metadata, cursor, self.rows)
        self.view = View(
            store.tables,
            store.metadata,
            Links(store.metadata),
            store.clock,
            user_id=store.user_id,
            others=tuple,
        )

    def note(self, texts: Iterable[str]) -> None:
        """Remember what is done otherwise than the files say; notes are counted."""
        self.notes.update(texts)

    def run(self) -> LoadSummary:
        """Check all rows, write the good ones, and report."""
        for row in self.rows:
            self._read(row)
        for row in self.rows:
            self._refer(row)
            self._check_required(row)
        self._check_duplicates()
        self._check_parents()
        rejected = tuple(
            Rejected(row.record.place, row.sobject.name, tuple(row.reasons))
            for row in self.rows
            if row.reasons
        )
        notes = tuple(f"{text}: {count:,}" for text, count in self.notes.items())
        return LoadSummary(self._write(), rejected, notes)

    def _meanings(self, row: Row) -> Iterator[tuple[_Column, Any]]:
        """Pair a row's values with what their columns mean; empty ones are none."""
        columns = self.columns[row.record.source, row.sobject.name]
        for name, value in row.record.values.items():
            if name in columns and value is not None and value != "":
                yield columns[name], value

    def _read(self, row: Row) -> None:
        """Read all values that are no references."""
        for column, value in self._meanings(row):
            field = column.field
            if field.type in {"reference", "id"}:
                continue
            if not field.stored or field.rollup:
                text = f"{row.sobject.name}.{field.name} is computed by the org"
                self.note([f"{text}; left out, rows"])
                continue
            try:
                row.values[field.name] = coerced = coerce(field, value)
            except OrgError as exc:
                row.reasons.append(f"{field.name}: {exc.message}")
            else:
                row.reasons += [fault.message for fault in find_faults(field, coerced)]
        _compose_name(row)

    def _refer(self, row: Row) -> None:
        """Resolve all references; a parent's id counts more than its key."""
        if row.record.parent:
            field, parent = row.record.parent
            row.parents[field.name] = self.by_record[parent].id
        meanings = [m for m in self._meanings(row) if m[0].field.type == "reference"]
        for column, value in sorted(meanings, key=lambda m: m[0].key is not None):
            if column.field.name in row.parents:
                continue
            try:
                found = self.references.resolve(column.field, column.key, value)
            except UnresolvedError as exc:
                self._unresolved(row, column, str(exc))
            else:
                row.parents[column.field.name] = found
        row.values |= row.parents | {"Id": row.id}

    def _unresolved(self, row: Row, column: _Column, text: str) -> None:
        """Reject a row for a reference, or note that a parent's key leads nowhere."""
        if column.key is None or is_required(column.field):
            row.reasons.append(f"{column.field.name}: {text}")
        else:
            place = f"{row.sobject.name}.{column.field.name}"
            self.note([f"{place} left empty where {column.key} finds no record, rows"])

    def _check_required(self, row: Row) -> None:
        missing = [
            field.name
            for field in row.sobject.fields
            if is_required(field) and field.type != "boolean"
            if row.values.get(field.name) is None
        ]
        if missing:
            row.reasons.append(errors.required_missing(missing).message)

    def _check_duplicates(self) -> None:
        """Reject rows whose Id or unique value another row has, here or in the org."""
        by_object: dict[str, list[Row]] = {}
        for row in self.rows:
            by_object.setdefault(row.sobject.name, []).append(row)
        for rows in by_object.values():
            for field in rows[0].sobject.fields:
                if field.unique or field.type == "id":
                    self._check_unique(field, rows)

    def _check_unique(self, field: Field, rows: list[Row]) -> None:
        cased = field.case_sensitive or field.type == "id"
        keys = [_key(row.values.get(field.name), cased=cased) for row in rows]
        owners: dict[str, Row | str] = dict(self._stored(field, rows[0].sobject, keys))
        for row, key in zip(rows, keys, strict=True):
            owner = owners.setdefault(key, row) if key is not None else row
            if owner is not row:
                owner_id = owner.id if isinstance(owner, Row) else owner
                row.reasons.append(errors.duplicate(field, owner_id).message)

    def _stored(
        self, field: Field, sobject: SObject, keys: list[str | None]
    ) -> list[tuple[str, str]]:
        """Find which keys the org has, and whose they are."""
        cased = field.case_sensitive or field.type == "id"
        column = f'"{field.name}"' if cased else f'lower("{field.name}"::VARCHAR)'
        live = field.type != "id" and "isdeleted" in sobject.by_name
        sql = (
            f'SELECT {column}, "Id" FROM "{sobject.name}"'
            f" WHERE {column} IN (SELECT unnest(?::VARCHAR[]))"
            f"{' AND NOT IsDeleted' if live else ''}"
        )
        return self.cursor.execute(sql, [keys]).fetchall()

    def _check_parents(self) -> None:
        """Reject references to the wrong kind, and rows below rejected ones.

        An id that is nowhere is kept as it is, with a note: a sample of an org seldom
        holds all that it refers to.
        """
        for name, missing in self.references.find_missing().items():
            text = f"{name} points at records that are not here, ids"
            self.note([text] * len(missing))
        for row in self.rows:
            for name, parent in row.parents.items():
                field = row.sobject.by_name[name.lower()]
                if self.references.is_wrong_kind(field, parent):
                    row.reasons.append(errors.malformed_id(field, parent).message)
        by_id = {row.id: row for row in self.rows}
        while self._reject_below_rejected(by_id):
            pass

    def _reject_below_rejected(self, by_id: Mapping[str, Row]) -> bool:
        """Reject rows whose parent in these files is rejected; say if any were."""
        found = False
        for row in self.rows:
            if row.reasons:
                continue
            for name, parent_id in row.parents.items():
                parent = by_id.get(parent_id)
                if parent and parent.reasons:
                    text = f"{name}: {parent.record.place} was not loaded"
                    row.reasons.append(text)
                    found = True
        return found

    def _write(self) -> dict[str, int]:
        """Write all rows without faults, parents first; return how many of what."""
        good: dict[str, list[Row]] = {}
        for row in self.rows:
            if not row.reasons:
                good.setdefault(row.sobject.name, []).append(row)
        for name in parents_first(self.store.metadata, good):
            rows = [self._composed(row) for row in good[name]]
            table = {column: [row[column] for row in rows] for column in rows[0]}
            self.store.bulk_insert(name, pa.table(table))
        return {name: len(rows) for name, rows in good.items()}

    def _composed(self, row: Row) -> dict[str, Any]:
        """Let the org complete a row; what the files say stands."""
        sobject, user_id = row.sobject, self.store.user_id
        composed = records.compose(self.view, sobject, row.values, user_id=user_id)
        return composed | {k: v for k, v in row.values.items() if v is not None}


def _refuse_doubles(store: "Store", found: list[Record]) -> None:
    """Refuse records without Ids where there are more than every org starts with."""
    names = {record.sobject.name for record in found if not _own_id(record)}
    with store.lock:
        there = {name: store.tables.count(name) for name in names}
    if not any(there.values()):
        return
    with closing(type(store)(store.metadata, store.clock)) as fresh:
        planted = {name: fresh.tables.count(name) for name in names}
    filled = [name for name in sorted(names) if there[name] > planted[name]]
    if filled:
        told = ", ".join(f"{there[name]:,} of {name}" for name in filled)
        raise FilledError(f"there are records already: {told}")


def _understand(found: list[Record]) -> tuple[_Columns, Counter[str]]:
    """Give every file's columns their meaning; count rows that have unknown ones."""
    columns: _Columns = {}
    unknown: Counter[str] = Counter()
    for record in found:
        sobject = record.sobject
        known = columns.setdefault((record.source, sobject.name), {})
        for name in [name for name in record.values if name not in known]:
            column = _column(sobject, name)
            if column:
                known[name] = column
            else:
                unknown[f"{record.source}: {sobject.name} has no field {name!r}"] += 1
    return columns, unknown


def _identified(store: "Store", found: list[Record]) -> Iterator[Row]:
    """Give every record the Id it brings, or a new one."""
    without = Counter(r.sobject.name for r in found if not _own_id(r))
    numbers = {
        name: iter(range(first, first + count))
        for name, count in without.items()
        for first in [store.reserve_ids(name, count)]
    }
    for record in found:
        prefix = record.sobject.key_prefix or "000"
        own = _own_id(record)
        if own is None:
            yield Row(record, ids.make_id(prefix, next(numbers[record.sobject.name])))
            continue
        row = Row(record, ids.check(own) or own)
        if ids.check(own) is None:
            row.reasons.append(f"Id: {own!r} is not an id")
        elif not record.sobject.owns(own):
            row.reasons.append(
                f"Id: {own} does not begin with {prefix}, as {record.sobject.name}'s do"
            )
        yield row


def _own_id(record: Record) -> str | None:
    """Find the Id that a record brings."""
    for name, value in record.values.items():
        if name.lower() == "id" and value:
            return str(value)
    return None


def _compose_name(row: Row) -> None:
    """Give people their full names at once, by which others may refer to them."""
    name = row.sobject.by_name.get("name")
    parts = (row.values.get("FirstName"), row.values.get("LastName"))
    if name and not name.createable and any(parts):
        row.values.setdefault("Name", " ".join(filter(None, parts)))


def _column(sobject: SObject, name: str) -> _Column | None:
    """Find what a column means."""
    field = find_field(sobject, name)
    if field:
        return _Column(field)
    relationship, _, key = name.partition(".")
    reference = sobject.by_relationship.get(relationship.lower())
    return _Column(reference, key) if reference and key else None


def _key(value: Any, *, cased: bool) -> str | None:
    if value is None:
        return None
    return str(value) if cased else str(value).lower()
