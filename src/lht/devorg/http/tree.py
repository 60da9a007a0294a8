"""Records with their children in one request: ``/composite/tree``.

All of them are created, or none: level by level, the roots first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from lht.devorg.errors import OrgError
from lht.devorg.http.lookup import find_sobject
from lht.devorg.http.rows import record_values, row_errors
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.metadata import Field, Metadata, SObject
from lht.devorg.store.links import child_relationship
from lht.devorg.store.writer import Writer

# Source: REST API Developer Guide, "sObject Tree".
MAX_RECORDS, MAX_DEPTH, MAX_TYPES = 200, 5, 5


class _Tree(msgspec.Struct):
    records: list[Json]


@dataclass
class _Node:
    """One record of a tree, without its children."""

    sobject: SObject
    values: Json
    reference_id: str
    parent: "_Node | None" = None
    reference: Field | None = None
    id: str = ""


class _RefusedError(Exception):
    """Ends the transaction of a tree; the results say what is wrong."""

    def __init__(self, results: list[Json]) -> None:
        super().__init__("a record of the tree was refused")
        self.results = results


def create(service: Service, call: Call) -> Answer:
    """Answer ``POST /composite/tree/X``."""
    sobject, metadata = find_sobject(service, call), service.store.metadata
    levels = list(_levels(metadata, sobject, call.json(_Tree).records))
    nodes = [node for level in levels for node in level]
    _check(levels, nodes)
    try:
        _refuse_duplicates(nodes)
        service.write_together(lambda writer: _insert(writer, levels, call.user_id))
    except _RefusedError as refused:
        return Answer(400, {"hasErrors": True, "results": refused.results})
    results = [{"referenceId": node.reference_id, "id": node.id} for node in nodes]
    return Answer(201, {"hasErrors": False, "results": results})


def _levels(
    metadata: Metadata, sobject: SObject, records: Sequence[Json]
) -> Iterator[list[_Node]]:
    """Yield the records level by level; one level too deep is still told."""
    level = [_Plan(metadata, sobject, record) for record in records]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return
        yield [plan.node for plan in level]
        level = [child for plan in level for child in plan.children()]


class _Plan:
    """A record of the request: what becomes of itself, and its children."""

    def __init__(
        self,
        metadata: Metadata,
        sobject: SObject,
        record: Json,
        parent: _Node | None = None,
        reference: Field | None = None,
    ) -> None:
        """Read one record, which must be an *sobject*."""
        self._metadata = metadata
        self._below: list[tuple[SObject, Field, Any]] = []
        own: Json = {}
        for name, value in record_values(record).items():
            nested = isinstance(value, dict) and "records" in value
            found = child_relationship(metadata, sobject, name) if nested else None
            if found:
                self._below.append((*found, value["records"]))
            else:
                own[name] = value
        reference_id = _reference_id(sobject, record)
        self.node = _Node(sobject, own, reference_id, parent, reference)

    def children(self) -> Iterator["_Plan"]:
        """Yield the children, in the order in which they stand."""
        for sobject, reference, records in self._below:
            if not isinstance(records, list):
                raise _bad_input("A child relationship must hold a list of records.")
            for record in records:
                if not isinstance(record, dict):
                    raise _bad_input("A record must be a JSON object.")
                yield _Plan(self._metadata, sobject, record, self.node, reference)


def _reference_id(sobject: SObject, record: Json) -> str:
    """Read what the request calls a record, and that it is what it must be."""
    attributes = record.get("attributes")
    given: Json = attributes if isinstance(attributes, dict) else {}
    kind, reference_id = given.get("type"), given.get("referenceId")
    if not isinstance(reference_id, str) or not reference_id[:1].isalnum():
        text = "Include a reference ID for each record in the request."
        raise OrgError(403, "INVALID_INPUT", text)
    if not isinstance(kind, str) or kind.lower() != sobject.name.lower():
        raise _bad_input(f"Record {reference_id} must be of type {sobject.name}.")
    return reference_id


def _bad_input(text: str) -> OrgError:
    return OrgError(400, "INVALID_INPUT", text)


def _check(levels: Sequence[object], nodes: Sequence[_Node]) -> None:
    if len(nodes) > MAX_RECORDS:
        raise _bad_input(f"A request can create at most {MAX_RECORDS} records.")
    if len(levels) > MAX_DEPTH:
        raise _bad_input(f"A tree can be at most {MAX_DEPTH} levels deep.")
    if len({node.sobject.name for node in nodes}) > MAX_TYPES:
        raise _bad_input(f"A request can hold records of at most {MAX_TYPES} types.")


def _refuse_duplicates(nodes: Sequence[_Node]) -> None:
    """Refuse records that are called alike: one result for each of them."""
    names = [node.reference_id for node in nodes]
    error = _bad_input("Duplicate ReferenceId provided in the request.")
    results = [_refusal(name, error) for name in names if names.count(name) > 1]
    if results:
        raise _RefusedError(results)


def _insert(writer: Writer, levels: Sequence[Sequence[_Node]], user: str) -> None:
    """Create a level of records after the other, up to one with a mistake."""
    for level in levels:
        results: list[Json] = []
        for node in level:
            values = dict(node.values)
            if node.parent and node.reference:
                values[node.reference.name] = node.parent.id
            try:
                node.id = writer.insert(node.sobject.name, values, user=user)
            except OrgError as error:
                results.append(_refusal(node.reference_id, error))
        if results:
            raise _RefusedError(results)


def _refusal(reference_id: str, error: OrgError) -> Json:
    return {"referenceId": reference_id, "errors": row_errors(error)}


ROUTES = (("POST", "/composite/tree/{sobject}", create),)
