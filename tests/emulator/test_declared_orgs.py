"""A whole real org, declared by its describes: every object of it serves and syncs.

A sample of the objects, drawn by ``LHT_TEST_SEED``, is tried each time;
``LHT_TEST_ALL_OBJECTS=1`` tries them all. Parents of the sample are filled with it.
"""

import gzip
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.devorg.calling import Caller, calling
from tests.emulator.comparing import assert_table_is_org
from tests.emulator.scene import credentials

from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Metadata, SObject
from lht.devorg.sampling.generate import generate
from lht.salesforce import bulk_query
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options

SAMPLE, SYNCED, ROWS = 12, 10, 3
ALL = os.environ.get("LHT_TEST_ALL_OBJECTS") == "1"
SEED = int(os.environ.get("LHT_TEST_SEED", "7"))

Json = dict[str, Any]


@pytest.fixture(scope="module")
def describes(recorded: Path) -> dict[str, Json]:
    """The describes of all objects of one org, as they were recorded."""
    path = recorded / "describe" / "soqlmeta-jawills" / "all_objects.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return {found["name"]: found for found in map(json.loads, lines)}


@pytest.fixture(scope="module")
def metadata(recorded: Path) -> Metadata:
    return load_metadata(recorded / "describe/soqlmeta-jawills/all_objects.jsonl.gz")


@pytest.fixture(scope="module")
def chosen(describes: dict[str, Json]) -> list[str]:
    """The objects that are tried now."""
    names = sorted(describes)
    return names if ALL else random.Random(SEED).sample(names, SAMPLE)


@pytest.fixture(scope="module")
def caller(metadata: Metadata, chosen: list[str]) -> Iterator[Caller]:
    """An org with a few rows of each chosen object, and of what they must refer to."""
    with calling(metadata=metadata) as caller:
        generate(caller.org.store, dict.fromkeys(_with_parents(metadata, chosen), ROWS))
        yield caller


def _with_parents(metadata: Metadata, names: list[str]) -> list[str]:
    """Add the objects that required references lead to, and theirs."""
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found[name] = None
        for field in metadata.by_name[name.lower()].fields:
            known = [n for n in field.reference_to if n.lower() in metadata.by_name]
            if field.type == "reference" and not field.nillable:
                todo += known[:1]
    return list(found)


def bulk_fields(sobject: SObject) -> str:
    return ", ".join(f.name for f in sobject.fields if f.bulk and not f.parts)


def test_objects_describe_themselves_as_recorded(
    caller: Caller, describes: dict[str, Json], chosen: list[str]
) -> None:
    """Whatever a recorded describe says, the org's says, too."""
    for name in chosen:
        theirs = describes[name]
        ours = caller.get(f"/sobjects/{name}/describe").json()
        fields = {field["name"]: field for field in ours["fields"]}
        assert [f["name"] for f in theirs["fields"]] == list(fields), name
        for field in theirs["fields"]:
            own = fields[field["name"]]
            assert {key: own[key] for key in field} == field, name
        known = [
            c for c in ours["childRelationships"] if c["childSObject"] in describes
        ]
        wanted = theirs["childRelationships"]
        assert [c for c in known if c in wanted] == [
            c for c in wanted if c["childSObject"] in describes
        ], name


def _rows_of(name: str) -> int:
    """How many there are at least: what a user has looked at is nothing yet."""
    return 0 if name == "RecentlyViewed" else ROWS


def test_objects_answer_queries_or_refuse_them(
    caller: Caller, metadata: Metadata, chosen: list[str]
) -> None:
    """REST yields the rows there are; what cannot be queried says so."""
    for name in chosen:
        sobject = metadata.by_name[name.lower()]
        names = ", ".join(field.name for field in sobject.fields)
        found = caller.get("/query", q=f"SELECT {names} FROM {name}")
        if sobject.queryable:
            assert found.status_code == 200, (name, found.text)
            assert found.json()["totalSize"] >= _rows_of(name), name
        else:
            assert found.status_code == 400, name
            assert "does not support query" in found.text, name


def test_objects_answer_bulk_jobs_or_refuse_them(
    caller: Caller, metadata: Metadata, chosen: list[str]
) -> None:
    """Bulk yields as many rows as REST counts, of the objects that it supports."""
    for name in chosen:
        sobject = metadata.by_name[name.lower()]
        soql = f"SELECT {bulk_fields(sobject)} FROM {name}"
        if sobject.queryable and sobject.bulk:
            total = caller.query(f"SELECT COUNT() FROM {name}")["totalSize"]
            status = caller.finished(soql)
            assert status["state"] == "JobComplete", (name, status)
            assert status["numberRecordsProcessed"] == total, name
        else:
            refused = caller.post("/jobs/query", {"operation": "query", "query": soql})
            assert refused.status_code == 400, name


def test_objects_sync_into_a_warehouse(
    caller: Caller,
    metadata: Metadata,
    chosen: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sync brings every value of every row of the objects that can be queried."""
    monkeypatch.setattr(bulk_query, "_FIRST_WAIT_SECONDS", 0.005)
    found = [metadata.by_name[name.lower()] for name in chosen]
    names = [s.name for s in found if s.queryable and "id" in s.by_name]
    names = names if ALL else names[:SYNCED]
    with Client(credentials(caller.org)) as client, duckdb.connect() as warehouse:
        for options in (Options(bulk_threshold=1_000_000), Options(force_bulk=True)):
            schema = "BULK" if options.force_bulk else "REST"
            report = sync(
                names,
                salesforce=client,
                warehouse=warehouse,
                schema=schema,
                options=options,
            )
            failed = {o.sobject: o.error for o in report.objects if o.error}
            assert failed == {}
            for name in names:
                assert_table_is_org(warehouse, caller.org, name, f'{schema}."{name}"')
