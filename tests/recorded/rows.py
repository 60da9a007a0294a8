"""The records that an org must hold for an answer to be the recorded one."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
from tests.recorded.exchange import Exchange, Number
from tests.recorded.scope import kind_of

from lht.devorg import ids
from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.store.store import Store
from lht.devorg.store.values import coerce

_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_EQUAL = re.compile(
    r"\b(\w+)\s*(?:=|\blike\b)\s*(?:'([^']*?)%?'|(true|false)\b)", re.IGNORECASE
)
_OFFSET = re.compile(r"\boffset\s+(\d+)", re.IGNORECASE)
_ID = re.compile(r"[0-9a-zA-Z]{15}[0-9A-Z]{3}")
_FILLED = ("LastName", "Name")
_SEARCHED = "bang"


class Rows:
    """Rows by object and id, to be put in place of all that an object has."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.by_object: dict[str, dict[str, dict[str, Any]]] = {}
        self._fillers = 0

    def touch(self, name: str) -> SObject | None:
        """Let an object have no rows but these; None if there is no such object."""
        sobject = self.metadata.by_name.get(name.lower())
        if sobject is not None:
            self.by_object.setdefault(sobject.name, {})
        return sobject

    def add(self, name: str, id_: str, values: Mapping[str, Any]) -> None:
        """Add a row, or further values of it; what cannot be stored is left out."""
        sobject = self.touch(name)
        if sobject is None:
            raise LookupError(f"no {name}, of which {id_} is shown")
        row = self.by_object[sobject.name].setdefault(id_, {})
        for key, value in values.items():
            field = sobject.by_name.get(key.lower())
            if field is not None and field.stored and field.name != "Id":
                row[field.name] = _stored(field, value)

    def fill(self, name: str, values: Mapping[str, Any], count: int = 1) -> None:
        """Add rows of which no more than some values matter."""
        sobject = self.touch(name)
        for _ in range(count if sobject else 0):
            self._fillers += 1
            prefix = (sobject and sobject.key_prefix) or "000"
            self.add(name, ids.make_id(prefix, self._fillers), values)

    def put(self, store: Store) -> None:
        """Write all of it into an org, unchecked."""
        for name, rows in self.by_object.items():
            store.tables.db.execute(f'DELETE FROM "{name}"')
            for table in _tables(rows):
                store.bulk_insert(name, table)


def _tables(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[pa.Table]:
    """Make a table of each run of rows that have values for the same fields."""
    run: list[dict[str, Any]] = []
    for id_, values in rows.items():
        row = {"Id": id_, **{k: v for k, v in values.items() if v is not None}}
        if run and run[-1].keys() != row.keys():
            yield pa.Table.from_pylist(run)
            run = []
        run.append(row)
    if run:
        yield pa.Table.from_pylist(run)


def _stored(field: Field, value: Any) -> Any:
    if isinstance(value, Number):
        value = float(value)
    if field.type == "base64":
        return None if value is None else str(value).encode()
    return coerce(field, value)


def rows_of(exchange: Exchange, metadata: Metadata) -> Rows:
    """Find what an exchange presupposes."""
    rows = Rows(metadata)
    _take(exchange, rows)
    return rows


def _take(exchange: Exchange, rows: Rows) -> None:
    taker = _TAKERS.get(kind_of(exchange))
    if taker is not None:
        taker(exchange, rows)


def _take_query(exchange: Exchange, rows: Rows) -> None:
    soql = exchange.params.get("q", "")
    names = _FROM.findall(soql)
    for name in names:
        rows.touch(name)
    told = exchange.told
    if not isinstance(told, dict):
        return
    where = {name: text or flag for name, text, flag in _EQUAL.findall(soql)}
    offset = _OFFSET.search(soql)
    rows.fill(names[-1], where, int(offset[1]) if offset else 0)
    if exchange.before == "last of two pages":
        rows.fill(names[-1], where)
    if not told["records"]:
        rows.fill(names[-1], where, told["totalSize"])
    for record in told["records"]:
        if "url" in record["attributes"]:
            _take_record(record, rows, where)
        else:
            _take_sums(record, names[-1], rows)
    if exchange.before == "first of two pages":
        rows.fill(names[-1], where)


def _take_sums(record: Mapping[str, Any], name: str, rows: Rows) -> None:
    """Add what is counted, or one row with what is summed up."""
    groups = {k: v for k, v in record.items() if k not in {"attributes", "expr0"}}
    if isinstance(record["expr0"], Number) or "CampaignId" in groups:
        rows.fill(name, {**groups, "Amount": record["expr0"]})
    else:
        counted = dict.fromkeys(_FILLED, "One")
        rows.fill(name, counted | groups, record["expr0"])


def _take_record(
    record: Mapping[str, Any], rows: Rows, also: Mapping[str, Any] | None = None
) -> str:
    """Add a record, its parents and its children; return its id."""
    name = record["attributes"]["type"]
    id_ = str(record["attributes"]["url"]).rpartition("/")[2]
    sobject = rows.touch(name)
    values: dict[str, Any] = dict(also or {})
    for key, value in record.items():
        if not isinstance(value, dict):
            values[key] = value
        elif "records" in value:
            reference = _reference(rows.metadata, sobject, key)
            for child in value["records"]:
                _take_record(child, rows, {reference: id_})
        elif "attributes" in value and key != "attributes":
            values[_parent_field(sobject, key)] = _take_record(value, rows)
        elif key != "attributes":
            values |= _parts(key, value)
    if "name" in {key.lower() for key in values} and "LastName" not in values:
        values["LastName"] = values.get("Name")
    rows.add(name, id_, values)
    return id_


def _parent_field(sobject: SObject | None, relationship: str) -> str:
    field = sobject and sobject.by_relationship.get(relationship.lower())
    if not field:
        raise LookupError(f"{relationship} leads nowhere")
    return field.name


def _reference(metadata: Metadata, sobject: SObject | None, relationship: str) -> str:
    """Name the field of the children that a relationship lists."""
    if sobject is None:
        raise LookupError(f"{relationship} is of no object")
    for child in sobject.children or ():
        if child["relationshipName"] == relationship:
            return str(child["field"])
    for other in metadata.sobjects:
        for field in other.fields:
            named = field.child_relationship_name == relationship
            if named and sobject.name in field.reference_to:
                return field.name
    raise LookupError(f"{sobject.name} has no {relationship}")


def _parts(compound: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Spread an address over the fields that it consists of."""
    start = compound.removesuffix("Address")
    return {f"{start}{key[0].upper()}{key[1:]}": part for key, part in value.items()}


def _take_read(exchange: Exchange, rows: Rows) -> None:
    if isinstance(exchange.told, dict):
        _take_record(exchange.told, rows)


def _take_list(exchange: Exchange, rows: Rows) -> None:
    """Add the records that an answer lists, so that a search finds them."""
    told = exchange.told
    if isinstance(told, dict):
        told = told["searchRecords"]
    searched = dict.fromkeys(_FILLED, _SEARCHED)
    for record in told if exchange.status == 200 else ():
        _take_record(record, rows, searched)


def _take_counts(exchange: Exchange, rows: Rows) -> None:
    for name in exchange.params["sObjects"].split(","):
        rows.touch(name)
    for entry in exchange.told["sObjects"]:
        rows.fill(entry["name"], {}, entry["count"])


def _segments(exchange: Exchange) -> list[str]:
    return exchange.path.partition("/sobjects/")[2].strip("/").split("/")


def _take_write(exchange: Exchange, rows: Rows) -> None:
    """Add the record that is changed or deleted, and those that it refers to."""
    name, *rest = _segments(exchange)
    rows.touch(name)
    if rest and ids.check(rest[0]):
        rows.add(name, rest[0], {})
    _take_references(exchange.sent, rows)


def _take_references(sent: Any, rows: Rows) -> None:
    for value in sent.values() if isinstance(sent, dict) else ():
        if isinstance(value, str) and _ID.fullmatch(value) and ids.check(value):
            for owner in rows.metadata.owners(value)[:1]:
                rows.add(owner.name, value, {})


def _take_upsert(exchange: Exchange, rows: Rows) -> None:
    name, key, value = _segments(exchange)
    rows.touch(name)
    if exchange.status == 204:
        rows.fill(name, {key: value})
    if exchange.status == 300:
        for url in exchange.told:
            rows.add(name, url.rpartition("/")[2], {key: value})


def _take_blob(exchange: Exchange, rows: Rows) -> None:
    name, id_, field = _segments(exchange)
    rows.add(name, id_, {field: exchange.answer})


def _take_many(exchange: Exchange, rows: Rows) -> None:
    """Add what the records of one request are, or refer to."""
    key = exchange.path.rpartition("/")[2] if kind_of(exchange) == "upserts" else "Id"
    told = exchange.told if isinstance(exchange.told, list) else []
    records = exchange.sent["records"]
    for record in records:
        rows.touch(record["attributes"]["type"])
    for record, result in zip(records, told, strict=False):
        _take_references({k: v for k, v in record.items() if k != "Id"}, rows)
        known = exchange.method == "PATCH" and not result.get("created")
        id_ = record.get("Id") or record.get("id") or result.get("id")
        if known and id_:
            rows.add(record["attributes"]["type"], id_, {key: record.get(key)})


def _take_changed(exchange: Exchange, rows: Rows) -> None:
    """Add records that changed, or will be deleted, within a window."""
    (name, *_), told = _segments(exchange), exchange.told
    for id_ in told.get("ids", ()):
        rows.add(name, id_, {"SystemModstamp": exchange.params["start"]})
    for entry in told.get("deletedRecords", ()):
        rows.add(name, entry["id"], {})


def _take_parts(exchange: Exchange, rows: Rows) -> None:
    """Add what the requests within a composite one presuppose."""
    for part in parts_of(exchange):
        _take(part, rows)


def parts_of(exchange: Exchange) -> Iterable[Exchange]:
    """Yield the requests within a composite one, with their answers."""
    told = exchange.told["compositeResponse"]
    for part, result in zip(exchange.sent["compositeRequest"], told, strict=True):
        yield Exchange(
            recording=exchange.recording,
            file=exchange.file,
            position=exchange.position,
            method=part["method"],
            target=part["url"],
            status=result.get("httpStatusCode", 200),
            answer=json.dumps(result["body"]),
        )


def _take_job(exchange: Exchange, rows: Rows) -> None:
    """Add the rows of a Bulk query's result."""
    name = _FROM.findall(exchange.sent["query"])[-1]
    rows.touch(name)
    if kind_of(exchange) == "job results":
        for row in csv.DictReader(exchange.answer.splitlines()):
            rows.add(name, row["Id"], row)


_TAKERS = {
    "query": _take_query,
    "read": _take_read,
    "recent": _take_list,
    "search": _take_list,
    "counts": _take_counts,
    "create": _take_write,
    "update": _take_write,
    "delete": _take_write,
    "upsert": _take_upsert,
    "blob": _take_blob,
    "creates": _take_many,
    "updates": _take_many,
    "upserts": _take_many,
    "updated": _take_changed,
    "deleted": _take_changed,
    "composite": _take_parts,
    "job create": _take_job,
    "job": _take_job,
    "job results": _take_job,
}
