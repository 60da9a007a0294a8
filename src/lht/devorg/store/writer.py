"""The writes an org offers, the same on the store and inside a transaction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from lht.devorg import errors
from lht.devorg.errors import AmbiguousKeyError
from lht.devorg.store import merging, records, recycle
from lht.devorg.store.records import Values
from lht.devorg.store.tables import Row
from lht.devorg.store.view import View


class Writer(ABC):
    """Writes records. Each call does all it says, or raises and does nothing.

    All raise :class:`OrgError` with Salesforce's codes and texts. Ids are accepted in
    15 or 18 characters and returned in 18.
    """

    @abstractmethod
    def _writing(self) -> AbstractContextManager[View]:
        """Open a view for one call, which takes effect when it ends well."""

    def insert(
        self,
        sobject: str,
        values: Values,
        *,
        user: str | None = None,
        keep_id: bool = False,
        keep_audit: bool = False,
    ) -> str:
        """Create a record; return its id.

        Args:
            sobject: API name, in any case.
            values: By field name in any case, as Python or JSON values.
            user: Id of the user who creates it (default: the run-as user).
            keep_id: Take the Id from *values* where it is given.
            keep_audit: Take audit fields from *values* where they are given.
        """
        with self._writing() as view:
            return records.insert(
                view,
                view.sobject(sobject),
                values,
                user_id=user or view.user_id,
                keep_id=keep_id,
                keep_audit=keep_audit,
            )

    def update(
        self, sobject: str, record_id: str, values: Values, *, user: str | None = None
    ) -> None:
        """Change the given fields of a record."""
        with self._writing() as view:
            user_id = user or view.user_id
            found = view.sobject(sobject)
            records.update(view, found, record_id, values, user_id=user_id)

    def upsert(
        self,
        sobject: str,
        key_field: str,
        key: Any,
        values: Values,
        *,
        user: str | None = None,
    ) -> tuple[str, bool]:
        """Change the record with this external id, or create it.

        Returns:
            Its id, and whether it was created.

        Raises:
            AmbiguousKeyError: Several records have the key; their ids are on it.
        """
        with self._writing() as view:
            user_id = user or view.user_id
            found = view.sobject(sobject)
            matches = records.find_by_key(view, found, key_field, key)
            if len(matches) > 1:
                raise AmbiguousKeyError(matches)
            if matches:
                records.update(view, found, matches[0], values, user_id=user_id)
                return matches[0], False
            if key_field.lower() == "id":
                raise errors.bad_reference(status=404)
            values = dict(values) | {key_field: key}
            return records.insert(view, found, values, user_id=user_id), True

    def delete(self, record_id: str, *, sobject: str | None = None) -> None:
        """Put a record into the recycle bin, with what cannot be without it.

        Args:
            record_id: Of any record, or only of an *sobject* where that is given.
            sobject: API name, in any case.
        """
        with self._writing() as view:
            kind = view.sobject(sobject) if sobject else None
            recycle.delete(view, record_id, kind)

    def undelete(self, record_id: str) -> None:
        """Bring a record back from the recycle bin, and what went with it."""
        with self._writing() as view:
            recycle.undelete(view, record_id)

    def hard_delete(self, record_id: str) -> None:
        """Delete a record for good, past the recycle bin."""
        with self._writing() as view:
            recycle.hard_delete(view, record_id)

    def empty_recycle_bin(self) -> None:
        """Delete for good all that is in the recycle bin."""
        with self._writing() as view:
            recycle.empty(view, view.stamp())

    def merge(
        self,
        sobject: str,
        master_id: str,
        loser_ids: Sequence[str],
        values: Values | None = None,
        *,
        user: str | None = None,
    ) -> None:
        """Merge one or two losers into a master, which then takes *values*."""
        with self._writing() as view:
            merging.merge(
                view,
                view.sobject(sobject),
                master_id,
                loser_ids,
                values or {},
                user_id=user or view.user_id,
            )

    def get(self, sobject: str, record_id: str) -> Row:
        """Return the stored fields of a record that is not deleted."""
        with self._writing() as view:
            return records.read(view, view.sobject(sobject), record_id)
