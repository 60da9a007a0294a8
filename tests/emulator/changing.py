"""An org whose users work: changes drawn by chance, some of them visible late."""

import random
from collections.abc import Sequence

from lht.devorg import Org
from lht.devorg.errors import OrgError
from lht.devorg.store.store import Transaction
from lht.devorg.store.writer import Writer

OBJECTS = ("Account", "Contact")
PAUSES = (0, 0, 0, 1, 1, 7, 61, 3600)  # seconds, by chance
_OPEN_AT_MOST = 3  # transactions


class Users:
    """Change accounts and contacts of an org; all of it follows from the chance."""

    def __init__(self, org: Org, chance: random.Random) -> None:
        self._org = org
        self._chance = chance
        self._open: list[Transaction] = []
        self._ids: dict[str, list[str]] = {name: [] for name in OBJECTS}
        self._numbers = iter(range(10**9))

    def work(self, steps: int, *, pauses: Sequence[int] = PAUSES) -> None:
        """Do some things, with pauses (in seconds) between them."""
        for _ in range(steps):
            weights = [30, 25, 12, 6, 5, 6, 8]
            (step,) = self._chance.choices(
                [
                    self._insert,
                    self._update,
                    self._delete,
                    self._undelete,
                    self._merge,
                    self._begin,
                    self._commit,
                ],
                weights,
            )
            try:
                step()
            except OrgError:
                continue  # locked, deleted or gone: as users are told, too
            finally:
                self._org.clock.advance(self._chance.choice(pauses))

    def finish(self) -> None:
        """Commit all that is open."""
        while self._open:
            self._open.pop().commit()

    def _writer(self) -> Writer:
        """Choose where to write: visible at once, or when a transaction ends."""
        return self._chance.choice([self._org.store, *self._open, *self._open])

    def _some(self, sobject: str) -> str:
        ids = self._ids[sobject]
        return self._chance.choice(ids) if ids else ""

    def _insert(self) -> None:
        sobject = self._chance.choice(OBJECTS)
        values: dict[str, str | None] = self._named(sobject)
        if sobject == "Contact":
            values["AccountId"] = self._some("Account") or None
        self._ids[sobject].append(self._writer().insert(sobject, values))

    def _update(self) -> None:
        sobject = self._chance.choice(OBJECTS)
        self._writer().update(sobject, self._some(sobject), self._named(sobject))

    def _named(self, sobject: str) -> dict[str, str | None]:
        name = "Name" if sobject == "Account" else "LastName"
        return {name: f"{sobject} {next(self._numbers)}"}

    def _delete(self) -> None:
        self._writer().delete(self._some(self._chance.choice(OBJECTS)))

    def _undelete(self) -> None:
        self._writer().undelete(self._some(self._chance.choice(OBJECTS)))

    def _merge(self) -> None:
        sobject = self._chance.choice(OBJECTS)
        loser = self._some(sobject)
        self._writer().merge(sobject, self._some(sobject), [loser])

    def _begin(self) -> None:
        if len(self._open) < _OPEN_AT_MOST:
            self._open.append(self._org.transaction())

    def _commit(self) -> None:
        if self._open:
            self._open.pop(self._chance.randrange(len(self._open))).commit()
