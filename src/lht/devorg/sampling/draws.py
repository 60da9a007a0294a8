"""Chance in SQL: the same for the same seed, and of its own for every field."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass


def text_literal(text: str) -> str:
    """Quote *text* as SQL; control characters stay as they are."""
    return "'" + text.replace("'", "''") + "'"


def list_of(values: Sequence[str]) -> str:
    """Write a list of some SQL expressions."""
    return f"[{', '.join(values)}]"


@dataclass(frozen=True)
class Draw:
    """Chance for one field: SQL over ``n`` that is the same for the same seed.

    ``hash`` of one number mixes well; its form for several arguments does not.
    """

    scope: str

    def of(self, stream: str) -> "Draw":
        """Return chance that has nothing to do with this one."""
        return Draw(f"{self.scope}/{stream}")

    def whole(self, below: str | int) -> str:
        """Draw a whole number from 0 to just under *below*."""
        return f"CAST({self._hash} % ({below}) AS BIGINT)"

    def share(self) -> str:
        """Draw a double from 0 to just under 1, in steps of a millionth."""
        return f"({self._hash} % 1000000 / 1000000.0)::DOUBLE"

    def happens(self, share: float) -> str:
        """Say whether something that happens to *share* of the rows happens."""
        return f"{self._hash} % 10000 < {round(share * 10000)}"

    def pick(self, values: Sequence[str]) -> str:
        """Pick one of some SQL expressions."""
        return f"({list_of(values)})[1 + {self.whole(len(values))}]"

    def pick_text(self, values: Sequence[str]) -> str:
        """Pick one of some texts."""
        return self.pick([text_literal(value) for value in values])

    @property
    def number(self) -> int:
        """A number that stands for this chance."""
        return zlib.crc32(self.scope.encode())

    @property
    def _hash(self) -> str:
        return f"hash(n + {self.number << 30})"
