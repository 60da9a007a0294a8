"""Recorded requests sent to an org that holds what the recorded answers show."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.recorded.comparing import Difference, Look, differences, xml_values
from tests.recorded.exchange import Exchange, read_json
from tests.recorded.known import Known, known_differences
from tests.recorded.rows import parts_of
from tests.recorded.scenes import SCENES
from tests.recorded.scope import kind_of, out_of_scope
from tests.recorded.stage import Stage

HERE = Path(__file__).parent

_HEADERS = (
    "content-type",
    "sforce-limit-info",
    "etag",
    "last-modified",
    "location",
    "www-authenticate",
)
_WITH_VALUES = {
    *("query", "read", "describe", "global", "brief", "search", "recent", "counts"),
    *("composite", "job results", "blob", "updated"),
}
_OWN = re.compile(r"(.*\.)?(ETag|Last-Modified|nextRecordsUrl|latestDateCovered)")
"""Values that are each org's own, or each moment's."""


@dataclass(frozen=True)
class Unexplained:
    """A difference for which no reason is known."""

    exchange: str
    kind: str
    difference: Difference

    def __str__(self) -> str:
        return f"{self.exchange} ({self.kind}) {self.difference}"


@dataclass
class Outcome:
    """What became of the exchanges of one recording.

    Attributes:
        agree: How many are alike.
        differ: How many are not.
        out: How many are not replayed, for each reason.
        unknown: The differences without a reason.
        met: The reasons that there are.
    """

    agree: int = 0
    differ: int = 0
    out: dict[str, int] = field(default_factory=dict)
    unknown: list[Unexplained] = field(default_factory=list)
    met: set[Known] = field(default_factory=set)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many agree, differ, and are not replayed."""
        return self.agree, self.differ, sum(self.out.values())

    def __str__(self) -> str:
        agree, differ, out = self.counts
        return f"{agree} agree, {differ} differ with reason, {out} out of scope"


def replay(
    name: str, exchanges: Iterable[Exchange], data: Path, folder: Path
) -> Outcome:
    """Send all requests of a recording; compare what is answered.

    Args:
        name: Of its scene.
        exchanges: What was recorded.
        data: The folder of all recorded material.
        folder: An empty one, for files that declare the org's objects.
    """
    scene, outcome = SCENES[name], Outcome()
    inside = []
    for exchange in exchanges:
        why = out_of_scope(exchange)
        if why is None:
            inside.append(exchange.mapped(scene.masks))
        else:
            outcome.out[why] = outcome.out.get(why, 0) + 1
    files = [data / path for path in scene.describes]
    files += write_describes(inside, folder)
    files += HERE.glob(f"objects/{name}.txt")
    with Stage(files, scene.settings) as stage:
        for exchange, found in _compare_all(stage, inside, order=scene.in_order):
            _note(name, exchange, found, outcome)
    return outcome


def _compare_all(
    stage: Stage, exchanges: Iterable[Exchange], *, order: bool
) -> Iterator[tuple[Exchange, list[Difference]]]:
    """Yield each exchange with its differences; what comes twice is sent once."""
    seen: dict[tuple[str, ...], list[Difference]] = {}
    for exchange in exchanges:
        same = (exchange.method, exchange.target, exchange.body, exchange.answer)
        if same not in seen:
            answer = stage.play(exchange)
            seen[same] = list(_compare(exchange, answer, order=order))
        yield exchange, seen[same]


def _note(
    name: str, exchange: Exchange, found: list[Difference], outcome: Outcome
) -> None:
    kind = kind_of(exchange)
    unknown, met = known_differences(name, kind, found)
    outcome.met |= met
    outcome.unknown += [Unexplained(exchange.name, kind, each) for each in unknown]
    outcome.agree += not found
    outcome.differ += bool(found)


def write_describes(exchanges: Iterable[Exchange], folder: Path) -> list[Path]:
    """Write the describes of a recording into files that declare its objects."""
    found: dict[str, Any] = {}
    for exchange in exchanges:
        for part in _parts_and_self(exchange):
            if part.status != 200:
                continue
            if kind_of(part) == "describe":
                told = json.loads(part.answer)
                found[told["name"]] = told
            elif kind_of(part) == "global":
                found["all"] = json.loads(part.answer)
    paths = [folder / f"{name}.json" for name in found]
    for path, told in zip(paths, found.values(), strict=True):
        path.write_text(json.dumps(told), encoding="utf-8")
    return paths


def _parts_and_self(exchange: Exchange) -> Iterator[Exchange]:
    if kind_of(exchange) == "composite":
        yield from parts_of(exchange)
    yield exchange


def _compare(
    exchange: Exchange, answer: httpx2.Response, *, order: bool
) -> Iterator[Difference]:
    """Compare status, then headers and body."""
    if exchange.status != answer.status_code:
        told = f"{answer.status_code} {answer.text}"
        yield Difference("status", "value", str(exchange.status), told)
        return
    if exchange.answer_headers is not None:
        theirs, ours = _chosen(exchange.answer_headers), _chosen(answer.headers)
        yield from differences(theirs, ours, Look(), "headers")
    values = kind_of(exchange) in _WITH_VALUES or exchange.status >= 300
    look = Look(values=values, order=order)
    for found in differences(_content(exchange.answer), _content(answer.text), look):
        if not (found.what == "value" and _OWN.fullmatch(found.at)):
            yield found


def _chosen(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that matter, wherever a body is."""
    return {name: headers[name] for name in _HEADERS if name in headers}


def _content(text: str) -> Any:
    """Read a body: XML, JSON, or else text."""
    if text.lstrip().startswith(("<?xml", "<soapenv:")):
        return xml_values(text)
    return read_json(text) if text.lstrip()[:1] in "[{" else text
