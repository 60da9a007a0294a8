"""What a run asks of all its objects together, before each goes its own way."""

from collections.abc import Sequence
from threading import Lock
from typing import Final, TypeVar

from lht.exceptions import SalesforceError, StoppedError
from lht.salesforce import composite, describe, limits, replication
from lht.salesforce.client import Client
from lht.salesforce.composite import MAX_READS, Answers

T = TypeVar("T")

_READS_OF_AN_OBJECT: Final = 2  # its describe, its signpost
_TOGETHER: Final = MAX_READS // _READS_OF_AN_OBJECT


def in_groups(objects: Sequence[T]) -> list[Sequence[T]]:
    """Return objects in as few groups as one call each can ask about."""
    count = -(-len(objects) // _TOGETHER)
    return [objects[at::count] for at in range(count)]


def ask_about(client: Client, names: Sequence[str]) -> Answers | None:
    """Ask with one call what objects consist of and up to when they are complete.

    Returns:
        None where that cannot be asked together: they are asked one by one then.
    """
    try:
        now = client.server_now()
        paths = [describe.path_of(name) for name in names]
        paths += [replication.path_of(name, now) for name in names]
        return composite.read_all(client, paths, now=now)
    except (SalesforceError, StoppedError):
        return None


class RecordCounts:
    """Salesforce's approximate counts, asked for once for all objects of a run.

    Nothing is asked before the first count is wanted.
    """

    def __init__(self, client: Client) -> None:
        self.names: Sequence[str] = ()
        self._client = client.scoped()
        self._known: dict[str, int] | None = None
        self._lock = Lock()

    @property
    def calls(self) -> int:
        """How many calls they took so far."""
        return self._client.usage.calls

    def of(self, name: str) -> int | None:
        """Return an object's count, None where Salesforce does not tell."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known.get(name.lower())

    def _read(self) -> dict[str, int]:
        try:
            found = limits.read_record_counts(self._client, self.names)
        except (SalesforceError, StoppedError):
            return {}  # an estimate less
        return {name.lower(): count for name, count in found.items()}
