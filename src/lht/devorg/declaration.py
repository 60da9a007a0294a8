"""The compact declaration of an org's objects, and how it becomes ``Metadata``.

``objects.txt`` beside this module explains the format at its top. What a line does not
say follows from the field's type, and what its words mean is in ``vocabulary``: adding
an object to the org is adding a few lines, here or in a file of one's own that is
passed to :func:`load_metadata`.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from lht.devorg.metadata import Field, Metadata, PicklistValue, Rollup, SObject
from lht.devorg.vocabulary import (
    KEYS,
    OBJECT_WORDS,
    TYPES,
    WHOLE_KEYS,
    WORDS,
    Attributes,
)

_TOKEN = re.compile(r'[^\s"]*"[^"]*"|\S+')
_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?$")
_ROLLUP = re.compile(r"(COUNT|SUM|MIN|MAX)\((\w+)(?:\.(\w+))?,(\w+)\)$")
_USE = re.compile(r"(\w+)(?:\((\w*)\))?$")
_VALUE = re.compile(r'(!?)([^"]*?)\s*(?:"([^"]*)")?\s*(\*?)$')
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+|(?<=[A-Z])(?=[A-Z][a-z])")


class DeclarationError(ValueError):
    """A declaration that cannot be understood; names the file and the line."""


@dataclasses.dataclass
class _Line:
    """One logical line: where it stood and what it says."""

    place: str
    tokens: list[str]
    mark: str = ""
    tail: str = ""

    def filled(self, argument: str, words: list[str]) -> "_Line":
        """Return a copy with ``$`` replaced by *argument* and *words* appended."""
        tokens = [token.replace("$", argument) for token in self.tokens]
        return dataclasses.replace(self, tokens=tokens + words)

    def fail(self, text: str) -> DeclarationError:
        return DeclarationError(f"{self.place}: {text}")


def load_metadata(*extra: Path | str) -> Metadata:
    """Read the org's declaration, and further declaration files after it.

    Args:
        extra: Files in the same format. They may add objects (``object``) and add
            fields to objects declared before (``extend``).

    Raises:
        DeclarationError: A line cannot be understood, or a name it uses is unknown.
    """
    standard = resources.files("lht.devorg").joinpath("objects.txt")
    texts = [("objects.txt", standard.read_text("utf-8"))]
    texts += [(str(path), Path(path).read_text("utf-8")) for path in extra]
    return parse_metadata(*texts)


def parse_metadata(*texts: tuple[str, str]) -> Metadata:
    """Build the metadata that *texts*, pairs of a name and a content, declare."""
    reader = _Reader()
    for name, text in texts:
        for line in _lines(name, text):
            reader.take(line)
    return reader.finish()


def _lines(name: str, text: str) -> Iterator[_Line]:
    """Split into logical lines; one indented by four spaces continues the last."""
    start, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if parts and not raw.startswith("    "):
            yield _line(f"{name}:{start}", " ".join(parts))
            parts = []
        start = start if parts else number
        parts.append(stripped)
    if parts:
        yield _line(f"{name}:{start}", " ".join(parts))


def _line(place: str, text: str) -> _Line:
    line = _Line(place, [])
    for match in _TOKEN.finditer(text):
        if match.group() in {"|", "="}:
            line.mark, line.tail = match.group(), text[match.end() :].strip()
            break
        line.tokens.append(match.group())
    return line


class _Reader:
    """Collects sets and objects in the order in which they are declared."""

    def __init__(self) -> None:
        self.sets: dict[str, list[_Line]] = {}
        self.objects: dict[str, SObject] = {}
        self.fields: dict[str, dict[str, Field]] = {}
        self.rows: dict[str, list[Mapping[str, object]]] = {}
        self.open_set: list[_Line] | None = None
        self.open_object: str | None = None

    def take(self, line: _Line) -> None:
        """Take the next line: a section's start, or a line of the open section."""
        keyword = line.tokens[0] if line.tokens else ""
        section = {
            "set": self._start_set,
            "object": self._start_object,
            "extend": self._start_extension,
        }.get(keyword)
        if section:
            self.open_set = self.open_object = None
            section(line)
        elif self.open_set is not None:
            self.open_set.append(line)
        else:
            self._add(line)

    def _start_set(self, line: _Line) -> None:
        self.open_set = self.sets.setdefault(line.tokens[1], [])

    def _start_object(self, line: _Line) -> None:
        sobject = _sobject(line)
        if sobject.name in self.objects:
            raise line.fail(f"{sobject.name} is declared already; use 'extend'")
        self.objects[sobject.name] = sobject
        self.fields[sobject.name], self.rows[sobject.name] = {}, []
        self.open_object = sobject.name

    def _start_extension(self, line: _Line) -> None:
        name = line.tokens[1]
        if name not in self.objects:
            raise line.fail(f"{name} is not declared, so it cannot be extended")
        self.open_object = name

    def _add(self, line: _Line) -> None:
        """Add a field, all fields of a used set, or a row, to the open object."""
        if self.open_object is None:
            raise line.fail("a field must stand below an 'object' or 'extend' line")
        fields = self.fields[self.open_object]
        if line.tokens[0] == "use":
            self._use(line)
        elif line.tokens[0] == "row":
            self.rows[self.open_object].append(_row(line, fields))
        else:
            field = _field(line)
            if field.name in fields:
                raise line.fail(f"{field.name} is declared twice")
            fields[field.name] = field

    def _use(self, line: _Line) -> None:
        """Add the fields of a set: ``use NAME(argument) words for each of them``."""
        match = _USE.match(line.tokens[1])
        if not match or match.group(1) not in self.sets:
            raise line.fail(f"no set is called {line.tokens[1]!r}")
        for member in self.sets[match.group(1)]:
            self._add(member.filled(match.group(2) or "", line.tokens[2:]))

    def finish(self) -> Metadata:
        """Join objects and fields and check what they say of each other."""
        built = (
            dataclasses.replace(
                sobject,
                fields=tuple(_with_parts(list(self.fields[name].values()))),
                rows=tuple(self.rows[name]),
            )
            for name, sobject in self.objects.items()
        )
        metadata = Metadata(sobjects=tuple(built))
        _check_references(metadata)
        return metadata


def _sobject(line: _Line) -> SObject:
    """Build an object, without its fields, from its ``object`` line."""
    if len(line.tokens) < 3:
        raise line.fail("an object needs a name and a key prefix ('-' for none)")
    name, prefix, *rest = line.tokens[1:]
    labels = [token[1:-1] for token in rest if token.startswith('"')]
    label = labels[0] if labels else label_of(name)
    attributes: Attributes = {}
    for word in (token for token in rest if not token.startswith('"')):
        attribute = OBJECT_WORDS.get(word.removeprefix("!"))
        if attribute is None:
            raise line.fail(f"unknown word {word!r}; known: {', '.join(OBJECT_WORDS)}")
        attributes[attribute] = not word.startswith("!")
    return SObject(
        name=name,
        key_prefix=None if prefix == "-" else prefix,
        label=label,
        label_plural=labels[1] if len(labels) > 1 else _plural(label),
        custom=name.endswith("__c"),
        fields=(),
        **attributes,
    )


def _row(line: _Line, fields: Mapping[str, Field]) -> Mapping[str, object]:
    """Read a record: ``row Field=value Other="a value"``."""
    row: dict[str, object] = {}
    for token in line.tokens[1:]:
        name, _, text = token.partition("=")
        if name not in fields:
            raise line.fail(f"no field is called {name!r}")
        row[name] = _typed_value(fields[name].type, text.strip('"'))
    return row


def _field(line: _Line) -> Field:
    """Build a field from its line."""
    if len(line.tokens) < 2:
        raise line.fail("a field needs a name and a type")
    name, kind, *rest = line.tokens
    given: Attributes = {"name": name, "label": label_of(name)}
    if kind == "->":
        if not rest:
            raise line.fail("'->' must be followed by the objects referred to")
        given |= _reference(name, rest.pop(0).split(","))
    else:
        given |= _typed(line, kind)
    for word in rest:
        given |= _meaning(line, word)
    if line.mark == "|":
        given["picklist"] = tuple(_values(line, line.tail))
    elif line.mark == "=":
        given |= _formula(line.tail)
    return _complete(line, given)


def _reference(name: str, targets: list[str]) -> Attributes:
    """Say what a reference is, its relationship's name derived from its own."""
    relationship = re.sub(r"__c$", "__r", name)
    if relationship == name:
        relationship = name.removesuffix("Id")
    return TYPES["reference"] | {
        "type": "reference",
        "reference_to": tuple(targets),
        "relationship_name": relationship,
    }


def _typed(line: _Line, kind: str) -> Attributes:
    """Resolve ``type(a,b)``: a length, digits of an int, or precision and scale."""
    match = _TYPE.match(kind)
    if not match or match.group(1) not in TYPES:
        raise line.fail(f"unknown type {kind!r}; known: {', '.join(TYPES)}")
    name, first, second = match.groups()
    given = {"type": name} | TYPES[name]
    if first is None:
        return given
    if name in {"double", "currency", "percent"}:
        return given | {"precision": int(first), "scale": int(second or 0)}
    return given | {{"int": "digits"}.get(name, "length"): int(first)}


def _meaning(line: _Line, word: str) -> Attributes:
    """Resolve one word of a field's line to the attributes it sets."""
    if word.startswith('"'):
        return {"label": word[1:-1].strip()}
    key, equals, value = word.partition("=")
    if equals and key in KEYS:
        text = value.strip('"') or None
        return {KEYS[key]: int(text) if text and key in WHOLE_KEYS else text}
    positive = word.removeprefix("!")
    if positive not in WORDS:
        known = [*WORDS, *(f"{key}=" for key in KEYS)]
        raise line.fail(f"unknown word {word!r}; known: {', '.join(known)}")
    if positive == word:
        return WORDS[word]
    return {k: not v for k, v in WORDS[positive].items() if isinstance(v, bool)}


def _values(line: _Line, text: str) -> Iterator[PicklistValue]:
    """Parse ``A | B "Label" * | !C``: ``*`` the default, ``!`` no longer active."""
    for part in text.split("|"):
        match = _VALUE.match(part.strip())
        if not match or not match.group(2):
            raise line.fail(f"not a picklist value: {part.strip()!r}")
        inactive, value, label, default = match.groups()
        yield PicklistValue(
            value=value,
            label=label or value,
            active=not inactive,
            default=bool(default),
        )


def _formula(tail: str) -> Attributes:
    """Split ``SQL -- Salesforce's text``; a formula is read-only."""
    sql, _, source = tail.partition(" -- ")
    return {
        "formula": sql.strip(),
        "formula_source": source.strip() or None,
        "createable": False,
        "updateable": False,
        "nillable": True,
    }


def _complete(line: _Line, given: Attributes) -> Field:
    """Fill in what follows from the rest, and build the field."""
    if given.get("auto_number"):
        given |= {"nillable": False, "createable": False, "updateable": False}
        given |= {"defaulted_on_create": True, "id_lookup": True}
    if isinstance(given.get("rollup"), str):
        given["rollup"] = _rollup(line, given["rollup"])
        given |= {"createable": False, "updateable": False}
    if given["type"] == "boolean" and given.get("formula"):
        given |= {"defaulted_on_create": False, "default_value": None}
        given["nillable"] = False
    given["default_value"] = _default(given)
    given.setdefault("defaulted_on_create", given["default_value"] is not None)
    given["custom"] = given["name"].endswith(("__c", "__s"))
    given.setdefault("byte_length", _byte_length(given))
    given.setdefault("permissionable", _permissionable(given))
    given.setdefault("search_prefilterable", _prefilterable(given))
    return Field(**given)


def _rollup(line: _Line, text: str) -> Rollup:
    match = _ROLLUP.match(text)
    if not match:
        raise line.fail(f"not a roll-up: {text!r}; e.g. SUM(Child__c.Amount__c,Up__c)")
    function, child, field, reference = match.groups()
    return Rollup(
        function=function, child=child, child_field=field, child_reference=reference
    )


def _default(given: Attributes) -> object:
    """Take the default from the words, else from the picklist's marked value."""
    value = given.get("default_value")
    if isinstance(value, str):
        return _typed_value(given["type"], value)
    if given["type"] == "picklist":
        marked = (entry.value for entry in given.get("picklist", ()) if entry.default)
        return next(marked, None)
    return value


def _typed_value(kind: str, text: str) -> object:
    """Convert a value written as text to what a field of type *kind* holds."""
    match kind:
        case "boolean":
            return text == "true"
        case "int":
            return int(text)
        case "double" | "currency" | "percent":
            return float(text)
    return text


def _byte_length(given: Attributes) -> int:
    """Three bytes a character, but for ids and multi-select picklists."""
    length: int = given.get("length", 0)
    single = given["type"] in {"id", "reference", "multipicklist"}
    return length if single else 3 * length


def _permissionable(given: Attributes) -> bool:
    """Field-level security is for optional fields that a user could see or set."""
    calculated = given.get("formula") or given.get("rollup")
    writeable = given.get("createable", True) or given.get("updateable", True)
    optional = given.get("nillable", True) or given["type"] == "boolean"
    return bool(calculated or (writeable and optional))


def _prefilterable(given: Attributes) -> bool:
    """A plain lookup can prefilter a search: optional, editable, to one object."""
    plain = given.get("nillable", True) and given.get("updateable", True)
    return bool(plain and len(given.get("reference_to", ())) == 1)


def _with_parts(declared: list[Field]) -> Iterator[Field]:
    """Tell every compound field which fields are its parts."""
    for field in declared:
        if field.type in {"address", "location"}:
            parts = (f.name for f in declared if f.compound_name == field.name)
            yield dataclasses.replace(field, parts=tuple(parts))
        else:
            yield field


def _check_references(metadata: Metadata) -> None:
    """Refuse roll-ups over children or fields that are not declared."""
    for sobject in metadata.sobjects:
        for field in sobject.fields:
            if field.rollup:
                _check_rollup(metadata, f"{sobject.name}.{field.name}", field.rollup)


def _check_rollup(metadata: Metadata, where: str, rollup: Rollup) -> None:
    child = metadata.by_name.get(rollup.child.lower())
    names = filter(None, (rollup.child_reference, rollup.child_field))
    if child is None or any(name.lower() not in child.by_name for name in names):
        raise DeclarationError(f"{where}: its roll-up names an undeclared child field")


def label_of(name: str) -> str:
    """Derive a label from an API name: ``BillingCity`` is ``Billing City``."""
    base = re.sub(r"__[cs]$", "", name)
    if base != "Id" and base.endswith("Id"):
        base = f"{base[:-2]} ID"
    return " ".join(_WORD_START.sub(" ", base).split())


def _plural(label: str) -> str:
    if re.search(r"[^aeiou]y$", label):
        return f"{label[:-1]}ies"
    return f"{label}es" if label.endswith(("s", "x", "ch")) else f"{label}s"
