"""Whatever a record takes, every way of reading it gives back."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.devorg.calling import BASE
from tests.devorg.fuzz_draw import Draft, sent
from tests.devorg.fuzz_good import JSON_TYPE
from tests.devorg.fuzz_values import EXAMPLES, METADATA, many
from tests.devorg.fuzz_wire import Reply, World, fired_at

from lht.devorg.metadata import Field, SObject

WRITTEN = [
    sobject
    for sobject in METADATA.sobjects
    if sobject.name
    in {"Account", "Contact", "Lead", "Event", "Task", "Opportunity", "Case", "User"}
    or sobject.custom
]
KNOWN = {"Account": "~account~", "Contact": "~contact~", "User": "~user~"}
TEXTS = st.text(max_size=20) | st.sampled_from(
    ("\x00", "\t\r\n", "\x1b[0m", "\ud800", "\ufffe", "\U0001f4a9" * 5, "'\"\\,|^`;%_")
)
BOUNDS: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "date": ("1700-01-01", "3999-12-31", "2000-02-29", "0001-01-01", "4000-12-31"),
    "datetime": (
        *("1700-01-01T00:00:00Z", "3999-12-31T23:59:59.999Z", "2030-01-01T00:00:00"),
        *("2030-01-01T00:00:00.000+0000", "2030-01-01T00:00:00+14:00"),
    ),
    "time": ("00:00:00.000Z", "23:59:59.999Z", "12:00", "24:00:00.000Z"),
    "email": ("a@example.com", "a.b+c@example.co.uk", "a@b", "@"),
    "base64": ("", "AA==", "eHl6", "////", "%"),
    "int": (0, -(2**31), 2**31 - 1, 2**31, 7.0, 1e9),
    "id": (None,),
}
NUMBERS = st.sampled_from(
    (0, -0.0, 1e-15, 0.1, 1e17, -1e18, 1e300, 10**17 + 1, 0.005, 99.995, 1e7, 123.456)
)


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """Draw what a field of this type can hold, up to its bounds and beyond."""
    if field.picklist:
        return st.sampled_from([value.value for value in field.picklist])
    if field.type == "reference":
        return st.sampled_from([KNOWN.get(name) for name in field.reference_to])
    if field.type in BOUNDS:
        return st.sampled_from(BOUNDS[field.type])
    if field.type in {"double", "currency", "percent", "long"}:
        return NUMBERS | st.floats(allow_nan=False, allow_infinity=False)
    edge = st.sampled_from(("x" * field.length, "é" * field.length, "-1", " x "))
    return TEXTS | edge


def is_required(field: Field) -> bool:
    preset = field.default_value is not None or field.defaulted_on_create
    return field.createable and not field.nillable and not preset


@st.composite
def written(draw: st.DrawFn, sobject: SObject) -> dict[str, Any]:
    """Draw a record that an object mostly takes."""
    free = [f for f in sobject.fields if f.createable and not f.parts]
    chosen = draw(st.lists(st.sampled_from(free), max_size=5, unique=True))
    needed = [field for field in free if is_required(field)]
    return {field.name: draw(value_of(field)) for field in (*needed, *chosen)}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with fired_at(api_usage_limit=10**9, bulk_query_jobs=10**9) as world:
        world.renew()
        yield world


def ask(world: World, method: str, path: str, body: Any = None, **how: str) -> Reply:
    url, _, query = (BASE + path).partition("?")
    params = {"q": query} if query else {}
    kind, text = ("", b"") if body is None else (JSON_TYPE, json.dumps(body).encode())
    return world.try_out(sent(Draft(method, url, params, kind, text), how))


def read_every_way(world: World, sobject: SObject) -> None:
    """Read the record as JSON, XML, CSV, by describe and on the page."""
    name, path = sobject.name, f"/sobjects/{sobject.name}/~it~"
    fields = [f.name for f in sobject.fields if f.type not in {"base64", "address"}]
    plain = [f for f in fields if sobject.by_name[f.lower()].type != "location"]
    where = f"FROM {name} WHERE Id = '{world.names['it']}'"
    record = ask(world, "GET", path)
    assert record.status == 200
    assert ask(world, "GET", path, Accept="application/xml").status == 200
    found = ask(world, "GET", f"/query?SELECT {', '.join(fields)} {where}")
    (queried,) = json.loads(found.body)["records"]
    whole = json.loads(record.body)
    assert {n: whole[n] for n in fields} == {n: queried[n] for n in fields}
    soql = f"SELECT {', '.join(plain)} {where}"
    job = world.api.finished(soql, columnDelimiter="PIPE", lineEnding="CRLF")
    assert job["state"] == "JobComplete", job
    text = world.api.get(f"/jobs/query/{job['id']}/results").content.decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="|"))
    assert [len(row) for row in rows] == [len(plain)] * 2
    told = dict(zip(rows[0], rows[1], strict=True))
    for field in plain:
        if sobject.by_name[field.lower()].type in {"string", "textarea"}:
            assert told[field] == (queried[field] or "")
    page = f"/devorg/objects/{name}"
    assert world.api.get(page).status_code == 200
    assert world.api.get(f"{page}/{world.names['it']}").status_code == 200


@pytest.mark.parametrize("sobject", WRITTEN, ids=[sobject.name for sobject in WRITTEN])
def test_what_is_written_can_be_read(world: World, sobject: SObject):
    """In JSON, XML and CSV, and on the page; the values are the same everywhere."""
    world.renew()

    @many(max(2, EXAMPLES // 4))
    @given(values=written(sobject), other=written(sobject))
    def write(values: Any, other: Any) -> None:
        made = ask(world, "POST", f"/sobjects/{sobject.name}", values)
        if made.status != 201:
            assert made.status == 400
            assert not re.search(rb"UNKNOWN", made.body)
            return
        world.names["it"] = json.loads(made.body)["id"]
        read_every_way(world, sobject)
        if ask(world, "PATCH", f"/sobjects/{sobject.name}/~it~", other).status == 204:
            read_every_way(world, sobject)
        world.api.org.hard_delete(world.names["it"])  # each for itself: keys are free

    write()
