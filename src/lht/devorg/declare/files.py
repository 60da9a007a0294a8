"""Which files declare objects: describes, object XML, and texts of devorg's own form.

What is named is read whatever it is called, and refused if it is none of these. In
folders, files are told by their names and by what is in them, and the rest is left.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from lht.devorg.declare.draft import DeclarationError, Drafts
from lht.devorg.xml import XmlError, parse_xml

_JSON = {".json", ".jsonl", ".ndjson"}
_XML = (
    ".object-meta.xml",
    ".field-meta.xml",
    ".recordType-meta.xml",
    ".globalValueSet-meta.xml",
    ".standardValueSet-meta.xml",
    ".object",
    ".globalValueSet",
    ".standardValueSet",
)
_FOREIGN = {".git", "node_modules"}
"""Folders that have nothing of an org in them, and much else."""


@dataclass
class Found:
    """What was found, each with the place that it is from."""

    json: list[tuple[str, Any]] = field(default_factory=list)
    xml: list[tuple[Path, Element]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)


def find_files(paths: Iterable[Path | str], drafts: Drafts) -> Found:
    """Read all files of *paths*, folders with all that is below them.

    Raises:
        DeclarationError: A file that was named cannot be read, or a folder has nothing
            that declares an object.
    """
    found = Found()
    for path in map(Path, paths):
        if path.is_dir():
            _take_folder(path, found, drafts)
        else:
            _take_file(path, found)
    return found


def _take_folder(folder: Path, found: Found, drafts: Drafts) -> None:
    """Read what a folder has; JSON that cannot be read is noted, and left out."""
    known = 0
    for path in sorted(_walk(folder)):
        kind = _kind(path)
        if kind is None:
            continue
        known += 1
        if kind == "xml":
            found.xml.append((path, _read_xml(path)))
            continue
        try:
            found.json += _read_json(path)
        except DeclarationError as error:
            drafts.note("left out, as it is not JSON", str(error))
    if not known:
        text = "no describes (.json, .jsonl, also .gz) and no object XML in this folder"
        raise DeclarationError(f"{folder}: {text}")


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in _FOREIGN and not path.is_symlink():
                yield from _walk(path)
        else:
            yield path


def _take_file(path: Path, found: Found) -> None:
    kind = _kind(path)
    if kind == "xml":
        found.xml.append((path, _read_xml(path)))
    elif kind == "json":
        found.json += _read_json(path)
    else:
        found.texts.append((str(path), _decode(str(path), _read(path))))


def _kind(path: Path) -> str | None:
    """Tell by its name what is in a file."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix.lower() in _JSON:
        return "json"
    return "xml" if path.name.endswith(_XML) else None


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as exc:
        reason = getattr(exc, "strerror", None) or f"not gzip: {exc}"
        raise DeclarationError(f"{path}: {reason}") from exc


def _decode(place: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise DeclarationError(f"{place}:{line}: not UTF-8 text") from exc


def _read_xml(path: Path) -> Element:
    try:
        return parse_xml(_read(path))
    except XmlError as exc:
        raise DeclarationError(f"{path}: {exc}") from exc


def _read_json(path: Path) -> list[tuple[str, Any]]:
    """Read a file of one JSON value, or of one on each line."""
    text = _decode(str(path), _read(path))
    try:
        return [(str(path), json.loads(text))]
    except json.JSONDecodeError as exc:
        lines = text.split("\n")  # texts may hold what else ends lines
        if exc.msg != "Extra data" or not _is_json(lines[0]):
            raise _not_json(str(path), exc) from exc
    return list(_read_lines(path, lines))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _read_lines(path: Path, lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield f"{path}:{number}", json.loads(line)
            except json.JSONDecodeError as exc:
                raise _not_json(str(path), exc, number) from exc


def _not_json(
    path: str, error: json.JSONDecodeError, line: int | None = None
) -> DeclarationError:
    text = f"not JSON: {error.msg} at column {error.colno}"
    return DeclarationError(f"{path}:{line or error.lineno}: {text}")
