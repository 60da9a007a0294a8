"""References in composite requests: ``@{ref.field}`` and ``@{ref.records[0].Id}``."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from lht.devorg.errors import OrgError
from lht.devorg.http.wire import Answer, read_digits

# Source: REST API Developer Guide, "Behavior for References to Null Fields".
_NULLS_SINCE = 52

_REFERENCE = re.compile(r"@\{([^}.]+?)((?:\.[^}.\[\]]+|\[\d+\])+)\}")
_ENCODED = re.compile(r"(?:@|%40)(?:\{|%7B).*?(?:\}|%7D)", re.IGNORECASE)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NOTHING = object()


class References:
    """The answers that later sub-requests may refer to."""

    def __init__(self, version: str) -> None:
        """Begin without answers; *version* is that of the composite request."""
        self._nulls = float(version) >= _NULLS_SINCE
        self._answers: dict[str, Answer] = {}

    def keep(self, reference_id: str, found: Answer) -> None:
        """Let later sub-requests refer to the answer of this one."""
        self._answers[reference_id] = found

    def in_url(self, url: str) -> str:
        """Return a URL with its references replaced, encoded ones too.

        Raises:
            OrgError: PROCESSING_HALTED, as with :meth:`in_body`.
        """
        plain = _ENCODED.sub(lambda found: unquote(found[0]), url)
        return _replace(plain, lambda text: quote(_text(text), safe=""), self._look_up)

    def in_body(self, body: Any) -> Any:
        """Return a body with the references in its texts replaced.

        Raises:
            OrgError: PROCESSING_HALTED: the answer that is meant has no such value.
        """
        match body:
            case str():
                whole = _REFERENCE.fullmatch(body)
                if whole:
                    return self._look_up(whole)
                return _replace(body, _text, self._look_up)
            case list():
                return [self.in_body(item) for item in body]
            case dict():
                return {key: self.in_body(value) for key, value in body.items()}
        return body

    def _look_up(self, found: re.Match[str]) -> Any:
        answer = self._answers.get(found[1])
        value = msgspec.json.decode(answer.content() or b"{}") if answer else _NOTHING
        for name, index in _STEP.findall(found[2]):
            value = _step(value, name, index)
        if value is _NOTHING or (value is None and not self._nulls):
            text = (
                f"Invalid reference specified. No value for {found[1]}{found[2]} found"
                f" in {found[1]}."
            )
            raise OrgError(400, "PROCESSING_HALTED", text)
        return value


def _replace(
    text: str, render: Callable[[Any], str], look_up: Callable[[re.Match[str]], Any]
) -> str:
    return _REFERENCE.sub(lambda found: render(look_up(found)), text)


def _step(value: Any, name: str, index: str) -> Any:
    """Go one step into a value: to a field, by its exact name, or to an item."""
    if name:
        return value.get(name, _NOTHING) if isinstance(value, Mapping) else _NOTHING
    at = read_digits(index)
    inside = isinstance(value, list) and at < len(value)
    return value[at] if inside else _NOTHING


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
