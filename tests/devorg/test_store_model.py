"""Random writes, alone and in overlapping transactions, against plain dictionaries.

The model knows nothing of locks or overlays: a transaction is a list of writes that it
repeats, with the stamps they were made at, when the transaction commits. That org and
model stay equal shows that locks let nothing through whose order would matter.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.store.store import Store, Transaction
from lht.devorg.store.writer import Writer

Row = dict[str, Any]
STEPS = 400

# The only references of the model's records: child, field, target, what a delete does.
REFERENCES = (
    ("Account", "ParentId", "Account", "empties"),
    ("Contact", "AccountId", "Account", "takes along"),
    ("Everything__c", "Account__c", "Account", "empties"),
    ("Case", "ContactId", "Contact", "is refused"),
    ("Invoice_Line__c", "Invoice__c", "Invoice__c", "takes along"),
)
FIELDS = {
    "Account": ("Name", "ParentId", "MasterRecordId"),
    "Contact": ("LastName", "AccountId", "MasterRecordId"),
    "Everything__c": ("Name", "Account__c", "Code__c"),
    "Case": ("Subject", "ContactId", "MasterRecordId"),
    "Invoice__c": ("Line_Count__c", "Total__c"),
    "Invoice_Line__c": ("Name", "Invoice__c", "Amount__c"),
}
TEXT = {
    "Account": "Name",
    "Contact": "LastName",
    "Everything__c": "Name",
    "Case": "Subject",
    "Invoice_Line__c": "Name",
}
# Why a write may be refused although no transaction is open.
REFUSALS = {
    "CIRCULAR_DEPENDENCY",
    "DELETE_FAILED",
    "DUPLICATE_VALUE",
    "UNDELETE_FAILED",
}


class NothingToDoError(Exception):
    """No record that the drawn write could be made to."""


@dataclass
class Model:
    """What the org should hold."""

    rows: dict[str, Row] = field(default_factory=dict)
    taken_along: dict[str, str] = field(default_factory=dict)
    emptied: dict[tuple[str, str], str] = field(default_factory=dict)
    purged: set[str] = field(default_factory=set)
    stale: dict[str, datetime] = field(default_factory=dict)

    def live(self, kind: str) -> list[str]:
        return [
            i for i, r in self.rows.items() if r["kind"] == kind and not r["deleted"]
        ]

    def dead(self) -> list[str]:
        return [i for i, r in self.rows.items() if r["deleted"]]

    def children(self, target: str, effect: str) -> list[tuple[str, str]]:
        """Live records that refer to *target* in a way with this effect, and how."""
        ways = [(k, n) for k, n, _, e in REFERENCES if e == effect]
        return [
            (i, n)
            for k, n in ways
            for i in self.live(k)
            if self.rows[i].get(n) == target
        ]

    def insert(self, made: str, kind: str, values: Row, at: datetime) -> None:
        blank = dict.fromkeys(FIELDS[kind])
        if kind == "Invoice__c":
            blank = {"Line_Count__c": 0.0, "Total__c": 0.0}
        mine = {"kind": kind, "deleted": False, "stamp": at, "edited": at}
        self.rows[made] = blank | values | mine
        self.sum_up(made, at)

    def update(self, changed: str, values: Row, at: datetime) -> None:
        self.rows[changed] |= values | {"stamp": at, "edited": at}
        self.sum_up(changed, at)

    def sum_up(self, line: str, at: datetime) -> None:
        """Note that the sums of a line's invoice may have changed."""
        invoice = self.rows[line].get("Invoice__c")
        if invoice:
            self.stale[invoice] = at

    def settle(self) -> None:
        """Bring the sums of the noted invoices up to date."""
        lines = [self.rows[i] for i in self.live("Invoice_Line__c")]
        for invoice_id, at in self.stale.items():
            own = [r["Amount__c"] for r in lines if r["Invoice__c"] == invoice_id]
            sums = {"Line_Count__c": float(len(own)), "Total__c": float(sum(own))}
            invoice = self.rows.get(invoice_id, sums)
            if sums != {name: invoice[name] for name in sums}:
                invoice |= sums | {"stamp": max(at, invoice["stamp"])}
        self.stale.clear()

    def fall(self, root: str) -> list[str]:
        fallen = [root]
        for parent in fallen:
            found = self.children(parent, "takes along")
            fallen += [i for i, _ in found if i not in fallen]
        return fallen

    def delete(self, root: str, at: datetime) -> None:
        fallen = self.fall(root)
        if any(self.children(one, "is refused") for one in fallen):
            raise AssertionError("the org deleted what it should have kept")
        emptied = [(i, n, o) for o in fallen for i, n in self.children(o, "empties")]
        for one in fallen:
            self.rows[one] |= {"deleted": True, "stamp": at}
            if one != root:
                self.taken_along[one] = root
        for child, name, _ in emptied:
            self.rows[child] |= {name: None, "stamp": at}
            self.emptied[child, name] = root
        for one in fallen:
            self.sum_up(one, at)

    def undelete(self, root: str, at: datetime) -> None:
        assert root not in self.taken_along
        codes = [self.rows[i]["Code__c"] for i in self.live("Everything__c")]
        assert self.rows[root].get("Code__c") not in {c for c in codes if c}
        group = [root, *(i for i, r in self.taken_along.items() if r == root)]
        for one in group:
            self.rows[one]["deleted"] = False
        for one in group:
            self.revive(one, at)
            self.taken_along.pop(one, None)
        for (child, name), parent in list(self.emptied.items()):
            if parent == root:
                self.refill(child, name, root, at)

    def revive(self, one: str, at: datetime) -> None:
        row = self.rows[one]
        row["stamp"] = at
        if "MasterRecordId" in row:
            row["MasterRecordId"] = None
        for kind, name, _, _ in REFERENCES:
            parent = self.rows.get(row.get(name) or "", {"deleted": True})
            if row["kind"] == kind and row[name] and parent["deleted"]:
                if name == "Invoice__c":
                    raise AssertionError("a line never outlives its invoice")
                row[name] = None
        self.sum_up(one, at)

    def refill(self, child: str, name: str, root: str, at: datetime) -> None:
        del self.emptied[child, name]
        row = self.rows.get(child)
        if row and not row["deleted"] and row[name] is None:
            row |= {name: root, "stamp": at}

    def hard_delete(self, root: str, at: datetime) -> None:
        if not self.rows[root]["deleted"]:
            self.delete(root, at)
        for one in [root, *(i for i, r in self.taken_along.items() if r == root)]:
            self.purged.add(one)
            self.taken_along.pop(one, None)
            del self.rows[one]
        self.emptied = {k: r for k, r in self.emptied.items() if r != root}

    def merge(self, master: str, loser: str, at: datetime) -> None:
        for child, name, target, _ in REFERENCES:
            for one in self.live(child) if target == self.rows[loser]["kind"] else ():
                if self.rows[one][name] == loser:
                    moved = None if one == master else master
                    self.update(one, {name: moved}, at)
        buried = {"deleted": True, "MasterRecordId": master, "stamp": at}
        self.rows[loser] |= buried
        self.update(master, {}, at)


Effect = Callable[[], None]


@dataclass
class Chance:
    """Draws writes and makes them in the org and, when they commit, in the model."""

    store: Store
    clock: Clock
    random: random.Random
    model: Model = field(default_factory=Model)
    open: list[tuple[Transaction, list[Effect]]] = field(default_factory=list)
    made: int = 0

    def step(self) -> None:
        self.clock.advance(self.random.choice([0, 0.4, 1, 61]))
        number = self.random.random()
        if number < 0.06 and len(self.open) < 3:
            self.open.append((self.store.transaction(), []))
        elif number < 0.16 and self.open:
            self.end(self.open.pop(self.random.randrange(len(self.open))))
        elif self.open and number < 0.5:
            self.write(*self.random.choice(self.open))
        else:
            effects: list[Effect] = []
            self.write(self.store, effects)
            self.apply(effects)

    def end(self, pending: tuple[Transaction, list[Effect]]) -> None:
        transaction, effects = pending
        if self.random.random() < 0.7:
            transaction.commit()
            self.apply(effects)
        else:
            transaction.rollback()

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            effect()
        self.model.settle()

    def write(self, writer: Writer, effects: list[Effect]) -> None:
        """Make one write in the org and note what it means for the model."""
        kinds = (self.insert, self.insert, self.update, self.delete, self.undelete)
        draw = self.random.choice((*kinds, self.hard_delete, self.merge))
        at = self.clock.now().replace(tzinfo=None, microsecond=0)
        try:
            effect = draw(writer, at)
        except NothingToDoError:
            return
        except OrgError as refusal:
            if not self.open and refusal.code not in REFUSALS:
                raise
        else:
            effects.append(effect)

    def pick(self, candidates: list[str], count: int = 1) -> list[str]:
        if len(candidates) < count:
            raise NothingToDoError
        return self.random.sample(candidates, count)

    def values(self, kind: str) -> Row:
        self.made += 1
        values: Row = {}
        if kind in TEXT:
            values[TEXT[kind]] = f"{kind} {self.made}"
        for child, name, target, _ in REFERENCES:
            candidates = self.model.live(target) if child == kind else []
            if candidates and self.random.random() < 0.8:
                values[name] = self.random.choice(candidates)
        if kind == "Invoice_Line__c":
            values["Amount__c"] = float(self.random.randrange(100))
        if kind == "Everything__c" and self.random.random() < 0.5:
            values["Code__c"] = f"c{self.random.randrange(30)}"
        return values

    def insert(self, writer: Writer, at: datetime) -> Effect:
        kind = self.random.choice(list(FIELDS))
        values = self.values(kind)
        if kind == "Invoice_Line__c" and "Invoice__c" not in values:
            raise NothingToDoError
        made = writer.insert(kind, values)
        return lambda: self.model.insert(made, kind, values, at)

    def update(self, writer: Writer, at: datetime) -> Effect:
        kind = self.random.choice(list(FIELDS))
        (changed,) = self.pick(self.model.live(kind))
        values = self.values(kind)
        values.pop("Invoice__c", None)
        if values.get("ParentId") == changed:
            raise NothingToDoError
        writer.update(kind, changed, values)
        return lambda: self.model.update(changed, values, at)

    def delete(self, writer: Writer, at: datetime) -> Effect:
        (root,) = self.pick(self.model.live(self.random.choice(list(FIELDS))))
        writer.delete(root)
        return lambda: self.model.delete(root, at)

    def undelete(self, writer: Writer, at: datetime) -> Effect:
        (root,) = self.pick(self.model.dead())
        invoice = self.model.rows[root].get("Invoice__c")
        if invoice and self.model.rows.get(invoice, {"deleted": True})["deleted"]:
            raise NothingToDoError
        writer.undelete(root)
        return lambda: self.model.undelete(root, at)

    def hard_delete(self, writer: Writer, at: datetime) -> Effect:
        if self.random.random() < 0.5:
            raise NothingToDoError
        (root,) = self.pick([*self.model.dead(), *self.model.live("Account")])
        if root in self.model.taken_along:
            raise NothingToDoError
        writer.hard_delete(root)
        return lambda: self.model.hard_delete(root, at)

    def merge(self, writer: Writer, at: datetime) -> Effect:
        kind = self.random.choice(["Account", "Contact"])
        master, loser = self.pick(self.model.live(kind), 2)
        writer.merge(kind, master, [loser])
        return lambda: self.model.merge(master, loser, at)


def held(store: Store) -> dict[str, Row]:
    """Read what the org holds of the model's kinds."""
    found: dict[str, Row] = {}
    db = store.cursor()
    mine = {"deleted": "IsDeleted", "stamp": "SystemModstamp"}
    mine |= {"edited": "LastModifiedDate"}
    for kind, names in FIELDS.items():
        columns = ["Id", *mine.values(), *names]
        listed = ", ".join(f'"{column}"' for column in columns)
        rows = db.execute(f'SELECT {listed} FROM "{kind}"').fetchall()
        for made, *values in rows:
            found[made] = dict(zip((*mine, *names), values, strict=True))
            found[made]["kind"] = kind
    db.close()
    return found


@pytest.mark.parametrize("run", range(2))
def test_the_org_holds_what_a_simple_model_holds(
    store: Store, clock: Clock, seed: int, run: int
) -> None:
    """After any writes, refused ones among them, every row, stamp and sum agrees."""
    chance = Chance(store, clock, random.Random(seed + run))
    for _ in range(STEPS):
        chance.step()
        if chance.random.random() < 0.1:
            assert held(store) == chance.model.rows
    for pending in chance.open:
        chance.end(pending)
    assert held(store) == chance.model.rows
    assert len(chance.model.rows) > 10
    db = store.cursor()
    logged = {row[0] for row in db.execute('SELECT "Id" FROM org.deletes').fetchall()}
    db.close()
    assert logged == chance.model.purged
