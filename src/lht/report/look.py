"""How text is laid out: widths, signs, colours, tables. Knows nothing of syncs.

Values are never shortened. Below the width that a table needs, columns leave from the
right, as far as they may; below that each row becomes a block of ``name: value`` lines.
Colour repeats what signs and words already say, and is never needed to read them.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Style(StrEnum):
    """What a colour is used for, and its code (ECMA-48 SGR)."""

    GOOD = "32"
    BAD = "31"
    WARNING = "33"
    COMMAND = "36"
    FAINT = "2"
    HEADING = "1"


class Sign(StrEnum):
    """The sign in front of a line."""

    CREATE = "+"
    UPDATE = "~"
    REBUILD = "!"
    NOTHING = "="
    DONE = "✓"
    FAILED = "✗"
    WAITING = "-"
    NONE = " "


_STYLES: Final[Mapping[Sign, Style]] = {
    Sign.REBUILD: Style.WARNING,
    Sign.DONE: Style.GOOD,
    Sign.FAILED: Style.BAD,
}
_ASCII: Final[Mapping[Sign, str]] = {Sign.DONE: "ok", Sign.FAILED: "FAILED"}
_GAP: Final = "  "


@dataclass(frozen=True, slots=True)
class Look:
    """What the reader's terminal can show.

    Args:
        width: In cells; None for as wide as needed.
        color: Whether escape codes are welcome.
        unicode: Whether more than ASCII can be written.
    """

    width: int | None = 80
    color: bool = False
    unicode: bool = True

    def paint(self, text: str, style: Style | None) -> str:
        """Colour *text*, where colour is welcome."""
        if not (self.color and style and text):
            return text
        return f"\x1b[{style}m{text}\x1b[0m"

    def sign(self, sign: Sign, width: int = 0) -> str:
        """Return the sign as this terminal can show it, coloured, padded."""
        text = self.sign_text(sign)
        return self.paint(text, _STYLES.get(sign)) + " " * (width - len(text))

    def sign_text(self, sign: Sign) -> str:
        """Return the sign as this terminal can show it."""
        return sign if self.unicode else _ASCII.get(sign, sign)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        title: Its heading, and its name in blocks.
        values: One text a row.
        right: Whether it is aligned right, as numbers are.
        optional: Whether it may leave where there is too little room.
        style: The colour of its values.
    """

    title: str
    values: Sequence[str]
    right: bool = False
    optional: bool = False
    style: Style | None = None

    @property
    def width(self) -> int:
        """Cells that its widest text needs."""
        return max(map(cells, (self.title, *self.values)))

    def cell(self, text: str, look: Look, style: Style | None) -> str:
        """Return *text* padded to the width of the column."""
        padding = " " * (self.width - cells(text))
        painted = look.paint(text, style)
        return padding + painted if self.right else painted + padding


def render_table(
    signs: Sequence[Sign], columns: Sequence[Column], look: Look
) -> list[str]:
    """Return the lines of a table, or of one block a row where it is too narrow."""
    edge = max((len(look.sign_text(s)) for s in signs), default=1)
    fitting = list(columns)
    while not _room(edge, fitting, look) and fitting[-1].optional:
        fitting.pop()
    if not _room(edge, fitting, look):
        return _blocks(signs, columns, look)
    heading = [c.cell(c.title, look, Style.HEADING) for c in fitting]
    lines = [" " * edge + " " + _GAP.join(heading)]
    for row, sign in enumerate(signs):
        texts = [c.cell(c.values[row], look, c.style) for c in fitting]
        lines.append(f"{look.sign(sign, edge)} {_GAP.join(texts)}")
    return [line.rstrip() for line in lines]


def _room(edge: int, columns: Sequence[Column], look: Look) -> bool:
    needed = edge + 1 + sum(c.width for c in columns) + len(_GAP) * (len(columns) - 1)
    return look.width is None or needed <= look.width


def _blocks(signs: Sequence[Sign], columns: Sequence[Column], look: Look) -> list[str]:
    first, *others = columns
    lines = []
    for row, sign in enumerate(signs):
        name = look.paint(first.values[row], Style.HEADING)
        lines.append(f"{look.sign(sign)} {name}")
        lines += [f"  {c.title}: {c.values[row]}" for c in others if c.values[row]]
    return lines


def cells(text: str) -> int:
    """Return the number of terminal cells that *text* fills."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def plain(text: str) -> str:
    """Make foreign text harmless: no control character reaches a terminal."""
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf") else repr(c)[1:-1]
        for c in text
    )


def number(value: int | None) -> str:
    """Return 48,210 for 48210."""
    return "" if value is None else f"{value:,}"


def duration(seconds: float) -> str:
    """Return 12.4 below a hundred seconds, then 12m 04s, then 2h 05m."""
    if round(seconds, 1) < 100:  # noqa: PLR2004 (three digits read well)
        return f"{seconds:.1f}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}h {minutes_left:02}m" if hours else f"{minutes}m {rest:02}s"


def duration_words(seconds: float) -> str:
    """Return 12.4 s, 12m 04s or 2h 05m."""
    text = duration(seconds)
    return text if text[-1] in "ms" else f"{text} s"
