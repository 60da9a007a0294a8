"""Reading what users bring: ``sf data tree`` exports and CSV files, as records.

Nothing is interpreted here but the files' own form. A record knows where it stood, so
that whatever is wrong with it later can be said with file and line.
"""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lht.devorg.metadata import Field, Metadata, SObject

DELIMITERS = (",", ";", "\t", "|", "^", "`")

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMED = re.compile(r"(\w+)=(.+)", re.DOTALL)


class LoadError(ValueError):
    """Files that cannot be loaded as they are. Nothing has been loaded."""


class UnknownError(LoadError):
    """Files with objects or columns that the org does not have."""

    hint = "--ignore-unknown leaves out what the org does not have"

    def __init__(self, what: str, place: str | Path | None = None) -> None:
        super().__init__(what if place is None else f"{place}: {what}")
        self.what = what


@dataclass(eq=False)
class Record:
    """One record of a file: columns as the file names them, values as it has them."""

    sobject: SObject
    source: str
    place: str
    values: dict[str, Any]
    reference: str | None = None
    parent: "tuple[Field, Record] | None" = None


def read_records(
    metadata: Metadata, paths: Iterable[Path | str], *, ignore_unknown: bool = False
) -> tuple[list[Record], Counter[str]]:
    """Read all files, each once, folders and plans followed.

    Returns the records, and how often what was left out.

    Args:
        metadata: The objects that records can be of.
        paths: Plans, record files, CSV files or folders of them; ``Name=path`` says
            which object a CSV file is of, where its name does not.
        ignore_unknown: Leave out what is of no object that the org has.

    Raises:
        LoadError: A file cannot be read, or it is not clear what it is.
    """
    reader = _Reader(metadata, ignore_unknown=ignore_unknown)
    for path in paths:
        named = _NAMED.fullmatch(str(path))
        if named and not Path(path).exists():
            with reader.leaving_out(path, "files"):
                sobject = reader.sobject(named.group(1), str(path))
                reader.take(Path(named.group(2)), sobject)
        else:
            reader.take(Path(path), None)
    return reader.records, reader.left_out


class _Reader:
    """Collects records; remembers which files were read."""

    def __init__(self, metadata: Metadata, *, ignore_unknown: bool) -> None:
        self.metadata = metadata
        self.records: list[Record] = []
        self.left_out: Counter[str] = Counter()
        self._ignore_unknown = ignore_unknown
        self._seen: set[Path] = set()

    @contextmanager
    def leaving_out(self, source: str | Path, things: str) -> Iterator[None]:
        """Let the block end at what the org does not have, and note that it did."""
        try:
            yield
        except UnknownError as exc:
            if not self._ignore_unknown:
                raise
            self.left_out[f"{source}: {exc.what}; left out, {things}"] += 1

    def sobject(self, name: str, place: str) -> SObject:
        """Find an object by name."""
        found = self.metadata.by_name.get(name.lower())
        if found is None:
            raise UnknownError(f"the org has no object {name!r}", place)
        return found

    def take(self, path: Path, sobject: SObject | None) -> None:
        """Read one file, or a folder's files."""
        if path.is_dir():
            self._take_folder(path)
            return
        if path.resolve() in self._seen:
            return
        self._seen.add(path.resolve())
        if path.suffix.lower() == ".json":
            self._take_json(path, _parse_json(path), sobject)
        else:
            with self.leaving_out(path, "files"):
                self._take_csv(path, sobject or self._object_of(path))

    def _take_folder(self, folder: Path) -> None:
        """Read a folder's plans; without a plan, all its record and CSV files."""
        files = sorted(p for p in folder.iterdir() if p.is_file())
        trees = [p for p in files if p.suffix.lower() == ".json"]
        plans = [p for p in trees if isinstance(_parse_json(p), list)]
        chosen = plans or trees + [p for p in files if p.suffix.lower() == ".csv"]
        if not chosen:
            raise LoadError(f"{folder}: no plan, record file or CSV file is in it")
        for path in chosen:
            self.take(path, None)

    def _take_json(self, path: Path, content: Any, sobject: SObject | None) -> None:
        if isinstance(content, list):
            for entry in content:
                with self.leaving_out(path, "entries"):
                    self._take_plan_entry(path, entry)
        elif isinstance(content, dict) and isinstance(content.get("records"), list):
            for number, values in enumerate(content["records"], 1):
                with self.leaving_out(path, "records"):
                    place = f"{path}: record {number}"
                    self._take_tree(str(path), place, values, sobject)
        else:
            raise LoadError(f"{path}: neither a plan nor a file of records")

    def _take_plan_entry(self, path: Path, entry: Any) -> None:
        if not isinstance(entry, dict) or not {"sobject", "files"} <= entry.keys():
            raise LoadError(f"{path}: an entry of a plan needs 'sobject' and 'files'")
        sobject = self.sobject(entry["sobject"], str(path))
        for name in entry["files"]:
            self.take(path.parent / name, sobject)

    def _take_tree(
        self,
        source: str,
        place: str,
        values: Mapping[str, Any],
        sobject: SObject | None,
        parent: tuple[Field, Record] | None = None,
    ) -> None:
        """Take one record of a tree, and the records below it."""
        attributes = values.get("attributes") or {}
        reference = attributes.get("referenceId")
        place = f"{place} ({reference})" if reference else place
        if "type" in attributes:
            sobject = self.sobject(attributes["type"], place)
        if sobject is None:
            raise LoadError(f"{place}: no attributes.type says what it is")
        record = Record(sobject, source, place, {}, reference, parent)
        self.records.append(record)
        for name, value in values.items():
            if isinstance(value, dict) and isinstance(value.get("records"), list):
                with self.leaving_out(source, "lists"):
                    self._take_children(record, name, value["records"])
            elif name != "attributes":
                record.values.update(_flat(record.sobject, name, value))

    def _take_children(self, parent: Record, name: str, children: list[Any]) -> None:
        relationship = _child_relationship(self.metadata, parent.sobject, name)
        if relationship is None:
            text = f"{parent.sobject.name} has no child relationship {name!r}"
            raise UnknownError(text, parent.place)
        sobject, field = relationship
        for number, values in enumerate(children, 1):
            place = f"{parent.place}: {name} {number}"
            with self.leaving_out(parent.source, "records"):
                self._take_tree(parent.source, place, values, sobject, (field, parent))

    def _take_csv(self, path: Path, sobject: SObject) -> None:
        text = _decode(path)
        delimiter = _delimiter(text, sobject)
        lines = csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter, strict=True
        )
        try:
            header = next(lines, [])
            _check_header(path, header)
            line = lines.line_num + 1
            for cells in lines:
                place, line = f"{path}:{line}", lines.line_num + 1
                if cells:
                    values = _row(place, header, cells)
                    self.records.append(Record(sobject, str(path), place, values))
        except csv.Error as exc:
            raise LoadError(f"{path}:{lines.line_num}: {exc}") from exc

    def _object_of(self, path: Path) -> SObject:
        """Find which object a CSV file's name means: ``Account``, ``Accounts`` ..."""
        stem = path.stem.lower()
        for sobject in self.metadata.sobjects:
            label = sobject.label_plural.replace(" ", "").lower()
            name = sobject.name.lower()
            if stem in {name, name.removesuffix("__c"), label}:
                return sobject
        if not path.exists():
            raise LoadError(f"{path}: there is no such file")
        raise UnknownError(f"which object is it of? Write Name={path}", path)


def _parse_json(path: Path) -> Any:
    try:
        return json.loads(_decode(path))
    except json.JSONDecodeError as exc:
        raise LoadError(f"{path}:{exc.lineno}: not JSON: {exc.msg}") from exc


def _decode(path: Path) -> str:
    """Read a text file by its byte order mark, else as UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise LoadError(f"{path}: {exc.strerror}") from exc
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), "utf-8")
    if encoding == "utf-16" and b"\0\0" in content[2:6]:
        # some tools write the 16-bit mark before 32-bit text
        encoding = "utf-32-be" if content[2] == 0 else "utf-32-le"
        content = content[2:]
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise LoadError(f"{path}:{line}: not {encoding} text ({exc.reason})") from exc


def _delimiter(text: str, sobject: SObject) -> str:
    """Choose the delimiter that makes most of the first line's cells known columns."""
    first = text.lstrip("\r\n").splitlines()[:1]

    def known(delimiter: str) -> int:
        cells = next(csv.reader(first, delimiter=delimiter), [])
        return sum(find_field(sobject, cell.strip()) is not None for cell in cells)

    return max(DELIMITERS, key=known)


def find_field(sobject: SObject, column: str) -> Field | None:
    """Find a column's field by name in any case; ``__c`` may be left out."""
    name = column.lower()
    return sobject.by_name.get(name) or sobject.by_name.get(f"{name}__c")


def _flat(sobject: SObject, name: str, value: Any) -> dict[str, Any]:
    """Write a parent given as ``Owner: {Email: ..}`` like a CSV column Owner.Email."""
    if find_field(sobject, name) or name.lower() not in sobject.by_relationship:
        return {name: value}
    keys = value if isinstance(value, dict) else {}
    return {f"{name}.{key}": keys[key] for key in keys if key != "attributes"}


def _check_header(path: Path, header: Collection[str]) -> None:
    if not header:
        raise LoadError(f"{path}:1: no header line")
    if len({name.lower() for name in header}) < len(header):
        raise LoadError(f"{path}:1: a column comes twice")


def _row(place: str, header: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(header):
        count = f"{len(cells)} cells under a header of {len(header)}"
        raise LoadError(f"{place}: {count}")
    return dict(zip(header, cells, strict=True))


def _child_relationship(
    metadata: Metadata, parent: SObject, name: str
) -> tuple[SObject, Field] | None:
    """Find the child object and its field that a relationship of a parent means."""
    for sobject in metadata.sobjects:
        for field in sobject.fields:
            child_name = field.child_relationship_name or ""
            if child_name.lower() == name.lower() and parent.name in field.reference_to:
                return sobject, field
    return None
