"""The compact text form of declarations, line by line.

``objects.txt`` beside this module explains the format at its top.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping

from lht.devorg.declare.attributes import (
    complete,
    label_of,
    of_type,
    plural_of,
    relationship_of,
    typed_value,
)
from lht.devorg.declare.draft import DeclarationError, Draft, Drafts
from lht.devorg.declare.vocabulary import (
    KEYS,
    OBJECT_WORDS,
    TYPES,
    WHOLE_KEYS,
    WORDS,
    Attributes,
)
from lht.devorg.metadata import Field, PicklistValue, Rollup, SObject

_TOKEN = re.compile(r'[^\s"]*"[^"]*"|\S+')
_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?$")
_ROLLUP = re.compile(r"(COUNT|SUM|MIN|MAX)\((\w+)(?:\.(\w+))?,(\w+)\)$")
_USE = re.compile(r"(\w+)(?:\((\w*)\))?$")
_VALUE = re.compile(r'(!?)([^"]*?)\s*(?:"([^"]*)")?\s*(\*?)$')


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


class LineReader:
    """Takes lines in their order and adds what they declare to the drafts."""

    def __init__(self, drafts: Drafts) -> None:
        self.drafts = drafts
        self._sets: dict[str, list[_Line]] = {}
        self._open_set: list[_Line] | None = None
        self._open: Draft | None = None

    def read(self, name: str, text: str) -> None:
        """Read a whole text; *name* says in errors where it is from."""
        self._open_set = self._open = None
        for line in _lines(name, text):
            self._take(line)

    def use(self, draft: Draft, sets: str) -> None:
        """Add the fields of some sets, named with spaces between, to an object."""
        self._open = draft
        for name in sets.split():
            self._use(_Line(draft.place, ["use", name]))

    def _take(self, line: _Line) -> None:
        """Take the next line: a section's start, or a line of the open section."""
        keyword = line.tokens[0] if line.tokens else ""
        section = {
            "set": self._start_set,
            "object": self._start_object,
            "extend": self._start_extension,
        }.get(keyword)
        if section:
            self._open_set = self._open = None
            section(line)
        elif self._open_set is not None:
            self._open_set.append(line)
        else:
            self._add(line)

    def _start_set(self, line: _Line) -> None:
        self._open_set = self._sets.setdefault(line.tokens[1], [])

    def _start_object(self, line: _Line) -> None:
        sobject = _sobject(line)
        if self.drafts.find(sobject.name):
            raise line.fail(f"{sobject.name} is declared already; use 'extend'")
        self._open = Draft(sobject, line.place)
        self.drafts.put(self._open)

    def _start_extension(self, line: _Line) -> None:
        name = line.tokens[1]
        self._open = self.drafts.find(name)
        if self._open is None:
            raise line.fail(f"{name} is not declared, so it cannot be extended")

    def _add(self, line: _Line) -> None:
        """Add a field, all fields of a used set, or a row, to the open object."""
        if self._open is None:
            raise line.fail("a field must stand below an 'object' or 'extend' line")
        fields = self._open.fields
        if line.tokens[0] == "use":
            self._use(line)
        elif line.tokens[0] == "row":
            self._open.rows.append(_row(line, fields))
        else:
            field = _field(line)
            if field.name in fields:
                raise line.fail(f"{field.name} is declared twice")
            fields[field.name] = field

    def _use(self, line: _Line) -> None:
        """Add the fields of a set: ``use NAME(argument) words for each of them``."""
        match = _USE.match(line.tokens[1])
        if not match or match.group(1) not in self._sets:
            raise line.fail(f"no set is called {line.tokens[1]!r}")
        for member in self._sets[match.group(1)]:
            self._add(member.filled(match.group(2) or "", line.tokens[2:]))


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
        label_plural=labels[1] if len(labels) > 1 else plural_of(label),
        custom=name.endswith("__c"),
        fields=(),
        described={"keyPrefix": None} if prefix == "-" else {},
        **attributes,
    )


def _row(line: _Line, fields: Mapping[str, Field]) -> Mapping[str, object]:
    """Read a record: ``row Field=value Other="a value"``."""
    row: dict[str, object] = {}
    for token in line.tokens[1:]:
        name, _, text = token.partition("=")
        if name not in fields:
            raise line.fail(f"no field is called {name!r}")
        row[name] = typed_value(fields[name].type, text.strip('"'))
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
    return of_type("reference") | {
        "reference_to": tuple(targets),
        "relationship_name": relationship_of(name),
    }


def _typed(line: _Line, kind: str) -> Attributes:
    """Resolve ``type(a,b)``: a length, digits of an int, or precision and scale."""
    match = _TYPE.match(kind)
    if not match or match.group(1) not in TYPES:
        raise line.fail(f"unknown type {kind!r}; known: {', '.join(TYPES)}")
    name, first, second = match.groups()
    given = of_type(name)
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
    """Add what auto-numbers, roll-ups and formulas are always like, and the rest."""
    if given.get("auto_number"):
        given |= {"nillable": False, "createable": False, "updateable": False}
        given |= {"defaulted_on_create": True, "id_lookup": True}
    if isinstance(given.get("rollup"), str):
        given["rollup"] = _rollup(line, given["rollup"])
        given |= {"createable": False, "updateable": False}
    if given["type"] == "boolean" and given.get("formula"):
        given |= {"defaulted_on_create": False, "default_value": None}
        given["nillable"] = False
    return complete(given)


def _rollup(line: _Line, text: str) -> Rollup:
    match = _ROLLUP.match(text)
    if not match:
        raise line.fail(f"not a roll-up: {text!r}; e.g. SUM(Child__c.Amount__c,Up__c)")
    function, child, field, reference = match.groups()
    return Rollup(
        function=function, child=child, child_field=field, child_reference=reference
    )
