"""Recorded exchanges happen again: what an org like the recorded one answers agrees."""

import json
from pathlib import Path

import pytest
from tests.recorded.comparing import Look, differences
from tests.recorded.exchange import Json, Number
from tests.recorded.known import KNOWN
from tests.recorded.readers import read_recording
from tests.recorded.replay import replay
from tests.recorded.scenes import SCENES

# How many agree, how many differ with a reason, how many are out of scope.
COUNTS = {
    "airbyte": (1, 0, 0),
    "amp-labs": (12, 2, 10),
    "amp-labs describes": (1, 2, 0),
    "bulk2": (1, 3, 3),
    "ceelias-graph": (22, 5, 0),
    "cumulusci": (165, 116, 33),
    "errors": (11, 2, 13),
    "python-salesforce-api": (4, 3, 5),
    "restforce": (23, 8, 1),
    "restforce describes": (0, 1, 0),
    "restforce-db": (70, 47, 0),
    "salesforcepy": (17, 7, 21),
    "snowfakery": (32, 0, 3),
    "spring-social": (2, 10, 1),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_recording_happens_again(name: str, recorded: Path, tmp_path: Path):
    """Every difference has its reason, and every reason its difference."""
    outcome = replay(name, read_recording(recorded, name), recorded, tmp_path)
    print(f"{name}: {outcome}")  # noqa: T201 -- to be seen with -rP
    assert [str(each) for each in outcome.unknown] == []
    assert {one for one in KNOWN if one.recording == name} == outcome.met
    assert outcome.counts == COUNTS[name]


def test_every_indexed_exchange_is_read(recorded: Path):
    """All 531 of the index, and the files that it does not list."""
    index = (recorded / "http" / "INDEX.jsonl").read_text("utf-8").splitlines()
    listed = {(entry["file"], entry["n"]) for entry in map(json.loads, index)}
    read = {
        (f"http/{exchange.file}", exchange.position)
        for name in SCENES
        for exchange in read_recording(recorded, name)
    }
    assert len(index) == len(listed) == 531
    assert listed <= read
    assert sum(map(sum, COUNTS.values())) == len(read)


def test_every_reason_is_of_a_recording():
    """No reason is given twice, or for what is not replayed."""
    assert len(set(KNOWN)) == len(KNOWN)
    assert {one.recording for one in KNOWN} <= SCENES.keys() == COUNTS.keys()


@pytest.mark.parametrize(
    ("recorded_one", "ours", "found"),
    [
        ({"a": 1}, {}, [("a", "missing")]),
        ({}, {"a": 1}, [("a", "more")]),
        ({"a": {"b": None}}, {"a": {"b": 1}}, [("a.b", "type")]),
        ({"a": Number("1.50")}, {"a": Number("1.5")}, [("a", "form")]),
        ({"a": Number("1.5")}, {"a": Number("1.5E0")}, [("a", "form")]),
        ({"a": Number("1.0")}, {"a": 1}, [("a", "type")]),
        ({"a": "2030-01-01"}, {"a": "2030-01-01T00:00:00Z"}, [("a", "form")]),
        ({"a": "x"}, {"a": "y"}, [("a", "value")]),
        ([{"name": "A"}, {"name": "B"}], [{"name": "B"}], [("*", "missing")]),
        ([{"name": "A", "b": 1}], [{"name": "A", "b": 2}], [("*.b", "value")]),
        ([1, 2], [1], [("*", "missing")]),
        (
            [{"a": 1, "b": 2}],
            [{"b": 2, "c": 3, "a": 1}],
            [("*", "order"), ("*.c", "more")],
        ),
        ({"a": "REDACTED"}, {"a": "00D"}, []),
        ({"a": "https://eu11.salesforce.com/x"}, {"a": "http://here:1/x"}, []),
        ([{"name": "A"}, {"name": "B"}], [{"name": "B"}, {"name": "A"}], []),
    ],
)
def test_what_is_not_alike_is_found(
    recorded_one: Json, ours: Json, found: list[tuple[str, str]]
):
    """Keys, types, forms and values, wherever the entries of a list are."""
    told = differences(recorded_one, ours, Look(values=True, order=True))
    assert [(each.at, each.what) for each in told] == found
