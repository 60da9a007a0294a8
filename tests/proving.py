"""Proofs that a promise is kept by a guard: taken away, the named test fails."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lht.exceptions import LHTError

CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"


@dataclass(frozen=True)
class Proof:
    """The test that a missing guard makes fail."""

    promise: str
    guard: str
    test: Callable[..., None]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """The line of the table in CONTRIBUTING."""
        module = self.test.__module__.rpartition(".")[2]
        return f"| {self.promise} | {self.guard} | `{module}.{self.test.__name__}` |"

    def hold(
        self,
        without: Callable[[str], AbstractContextManager[None]],
        request: pytest.FixtureRequest,
    ) -> None:
        """Run the test without the guard: it must fail, or end in one of our errors."""
        names = inspect.signature(self.test).parameters.keys() - self.arguments.keys()
        fixtures = {name: request.getfixturevalue(name) for name in names}
        with (
            without(self.guard),
            pytest.raises((AssertionError, pytest.fail.Exception, LHTError)),
        ):
            self.test(**fixtures, **self.arguments)


def unlisted(proofs: tuple[Proof, ...]) -> list[str]:
    """Return the rows that the table in CONTRIBUTING lacks."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    return [proof.row for proof in proofs if proof.row not in text]
