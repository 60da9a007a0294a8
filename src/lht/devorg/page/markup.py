"""HTML as values: whatever is not :class:`Html` already is text, and is escaped."""

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

_VOID = frozenset({"input", "link", "meta", "br"})
_LONG = 40  # from so many characters on a cell may spread over several lines
_TAGS = re.compile("<[^>]*>")

Attribute = str | int | bool | None


class Html(str):
    """Text that is HTML. Only this module makes it, of what it has escaped."""

    __slots__ = ()


class Cell(Html):
    """A cell of a table, whole."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""Texts, HTML, nothing, or several of them."""


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return one element.

    Attributes that are None or False are left out; ``class_`` is ``class``, and
    ``aria_label`` is ``aria-label``.
    """
    told = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{join(children)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def join(child: Child) -> Html:
    """Return several pieces as one."""
    if child is None:
        return Html()
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return Html(escape(child))
    return Html("".join(map(join, child)))


def verbatim(text: str) -> Html:
    """Take a text of this package's own as the HTML that it is."""
    return Html(text)


def address(*segments: str, **parameters: object) -> str:
    """Return the address of a view; parameters that are None are left out."""
    path = "/".join(["/devorg", *(quote(segment, safe="") for segment in segments)])
    told = {key: value for key, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(told)}" if told else path


def link(text: Child, href: str, **attributes: Attribute) -> Html:
    """Return a link."""
    return tag("a", text, href=href, **attributes)


def table(
    titles: Sequence[str],
    rows: Iterable[Html],
    *,
    label: str,
    numbers: Sequence[str] = (),
) -> Html:
    """Return a table that scrolls by itself where there is too little room."""
    head = [
        tag("th", title, scope="col", class_="number" if title in numbers else None)
        for title in titles
    ]
    inner = tag("table", tag("thead", tag("tr", head)), tag("tbody", rows))
    return tag(
        "div", inner, class_="table", role="region", aria_label=label, tabindex=0
    )


def row(*cells: Child, class_: str | None = None) -> Html:
    """Return a row of a table."""
    return tag("tr", (_cell(cell) for cell in cells), class_=class_)


def _cell(child: Child) -> Html:
    if isinstance(child, Cell):
        return child
    content = join(child)
    long = len(_TAGS.sub("", content)) > _LONG
    return tag("td", content, class_="long" if long else None)


def number(value: float | None, class_: str = "number") -> Cell:
    """Return the cell of a number."""
    return Cell(tag("td", "" if value is None else f"{value:,}", class_=class_))


def show(value: Any) -> Html:
    """Return a value of a record as a person reads it."""
    if value is None:
        return tag("span", "null", class_="null")
    if isinstance(value, msgspec.Raw):
        return join(bytes(value).decode())
    if isinstance(value, str):
        return join(value)
    return join(json.dumps(value, ensure_ascii=False, default=_raw))


def _raw(value: Any) -> Any:
    """Let JSON show a number that is a text already."""
    return json.loads(bytes(value)) if isinstance(value, msgspec.Raw) else str(value)
