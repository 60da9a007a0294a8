"""One reader for each form that recordings have; each yields exchanges."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.recorded.exchange import Exchange, below_host, put_words
from tests.recorded.reports import CODES, REPORTS
from tests.recorded.requests import CONSOLE, ENVELOPES, REQUESTS, UNASKED

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VERSION = re.compile(r"v\d\d\.\d")


def read_recording(data: Path, name: str) -> Iterator[Exchange]:
    """Read what happened in the scene of a name, in whatever form it is kept."""
    folder = name.partition(" ")[0]
    for path in sorted((data / _FOLDERS.get(folder, f"http/{folder}")).rglob("*.*")):
        for exchange in _READERS[folder](data, path):
            if exchange.recording == name:
                yield exchange


def _place(data: Path, path: Path, position: int = 0) -> dict[str, Any]:
    below = path.relative_to(data)
    return {
        "recording": below.parts[1] if below.parts[0] == "http" else below.parts[0],
        "file": str(Path(*below.parts[1:])),
        "position": position,
    }


def read_har_lines(data: Path, path: Path) -> Iterator[Exchange]:
    """Read JSON lines of a HAR's requests and responses."""
    for position, line in enumerate(path.read_text("utf-8").splitlines()):
        entry = json.loads(line)
        asked, told = entry["request"], entry["response"]
        answer = told.get("body")
        if answer is None and "body_file" in told:
            answer = _elsewhere(data, told["body_file"])
        yield Exchange(
            **_place(data, path, position),
            method=asked["method"],
            target=below_host(asked["url"]),
            headers=dict(asked["headers"]),
            body=asked["body"] or "",
            status=told["status"],
            answer_headers=dict(told["headers"]),
            answer=answer or "",
        )


def _elsewhere(data: Path, name: str) -> str:
    """Read a body kept in another file; its name begins with the data's folder."""
    return (data / name.partition("/")[2]).read_text("utf-8")


def read_vcrpy(data: Path, path: Path) -> Iterator[Exchange]:
    """Read a cassette of vcrpy, with the describes that it takes from elsewhere."""
    if path.suffix != ".yaml":  # what a cassette is made from
        yield from read_body(data, path)
        return
    cassette = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 -- safe ones
    for position, entry in enumerate(cassette.get("interactions", [cassette])):
        place = _place(data, path, position)
        if "include_file" in entry:
            yield _included(data, path, place, entry["include_file"])
            continue
        asked, told = entry["request"], entry["response"]
        body = told["body"]
        yield Exchange(
            **place,
            method=asked["method"],
            target=below_host(asked["uri"]),
            body=asked["body"] or "",
            status=told["status"]["code"],
            answer=(body.get("string") or "") if isinstance(body, dict) else body,
        )


def _included(
    data: Path, path: Path, place: Mapping[str, Any], included: str
) -> Exchange:
    if (path.parent / included).exists():
        whole = next(read_vcrpy(data, path.parent / included))
        return Exchange(**{**vars(whole), **place})
    sobject = included.removeprefix("GET_sobjects_").removesuffix("_describe.yaml")
    answer = (data / "describe" / place["recording"] / f"{sobject}.json").read_text()
    below = "" if sobject == "Global" else f"/{sobject}/describe"
    version = _VERSION.search(answer)
    return Exchange(
        **place,
        method="GET",
        target=f"/services/data/{version[0] if version else 'vxx.0'}/sobjects{below}",
        status=200,
        answer=answer,
    )


def read_vcr(data: Path, path: Path) -> Iterator[Exchange]:
    """Read a cassette of Ruby's VCR."""
    cassette = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 -- safe ones
    for position, entry in enumerate(cassette["http_interactions"]):
        asked, told = entry["request"], entry["response"]
        yield Exchange(
            **_place(data, path, position),
            method=asked["method"].upper(),
            target=below_host(asked["uri"]),
            headers=_flat(asked["headers"]),
            body=asked["body"]["string"],
            status=told["status"]["code"],
            answer_headers=_flat(told["headers"]),
            answer=told["body"]["string"] or "",
        )


def _flat(headers: Mapping[str, list[str]]) -> dict[str, str]:
    return {name.lower(): values[0] for name, values in headers.items()}


def read_envelope(data: Path, path: Path) -> Iterator[Exchange]:
    """Read an answer kept with URL, method and status, but without what was sent."""
    place = _place(data, path)
    if path.suffix != ".json":
        yield from read_body(data, path)
        return
    text = path.read_text("utf-8")
    entry = json.loads(text)
    answer = entry["body"]
    if not isinstance(answer, str):
        answer = "" if answer is None else json.dumps(answer)
    ours = ENVELOPES.get(path.name, {})
    known = {
        "method": entry["method"],
        "target": below_host(entry["url"]),
        "status": entry["status_code"],
        "answer": answer,
    }
    yield Exchange(**{**place, **known, **ours})


def read_body(data: Path, path: Path) -> Iterator[Exchange]:
    """Read an answer's body, whose request is told by us."""
    place = _place(data, path)
    asked = dict(REQUESTS.get(place["file"], UNASKED))
    texts = asked.pop("texts", {})
    if asked.get("body", "").startswith("@"):
        asked["body"] = (data / "http" / asked["body"][1:]).read_text("utf-8")
    answer = put_words(path.read_text("utf-8"), texts)
    yield Exchange(**{**place, "answer": answer, **asked})


def read_console(data: Path, path: Path) -> Iterator[Exchange]:
    """Read what a console showed of a Bulk query job."""
    if path.name != "console_query.jsonl":
        return
    for position, line in enumerate(path.read_text("utf-8").splitlines()):
        body = json.loads(line)["body"]
        yield Exchange(
            **_place(data, path, position),
            **CONSOLE.get(position, UNASKED),
            answer=body if isinstance(body, str) else json.dumps(body),
        )


def read_reports(data: Path, path: Path) -> Iterator[Exchange]:
    """Read the refusals that public reports quote, some of them in part."""
    for position, line in enumerate(path.read_text("utf-8").splitlines()):
        report = json.loads(line)
        asked = dict(REPORTS.get(position, UNASKED))
        body, code = report["body"], CODES.get(position)
        if code is not None:  # nothing but the words
            words = body.removeprefix(f"{code}: ")
            message = f"\n{words}" if "\n" in words else words
            body = [{"message": message, "errorCode": code}]
        answer = body if isinstance(body, str) else json.dumps(body)
        answer = put_words(answer, asked.pop("texts", {}))
        yield Exchange(**_place(data, path, position), **asked, answer=answer)


_FOLDERS = {"bulk2": "bulk2", "errors": "errors"}
_READERS: Mapping[str, Callable[[Path, Path], Iterator[Exchange]]] = {
    "airbyte": read_body,
    "amp-labs": read_body,
    "bulk2": read_console,
    "ceelias-graph": read_har_lines,
    "cumulusci": read_vcrpy,
    "errors": read_reports,
    "python-salesforce-api": read_body,
    "restforce": read_body,
    "restforce-db": read_vcr,
    "salesforcepy": read_envelope,
    "snowfakery": read_vcrpy,
    "spring-social": read_body,
}
