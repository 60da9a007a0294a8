"""What only the owner of this org can do: move its clock, bend its records.

For other processes on the same machine; requests from elsewhere are refused.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from lht.devorg.errors import OrgError, not_found
from lht.devorg.faults import parse_fault
from lht.devorg.http.login import admin as login_admin
from lht.devorg.http.schedule import Scheduled
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.store.store import Transaction
from lht.devorg.store.writer import Writer


class _Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What the body of a verb may say; most verbs need to be told nothing."""


class _Write(_Body, kw_only=True):
    """A write: at once, or in an open transaction."""

    transaction: str | None = None


class _Insert(_Write, kw_only=True):
    sobject: str
    values: Json
    keep_id: bool = False
    keep_audit: bool = False


class _Update(_Write, kw_only=True):
    sobject: str
    id: str
    values: Json


class _One(_Write, kw_only=True):
    id: str


class _Merge(_Write, kw_only=True):
    sobject: str
    master_id: str
    loser_ids: list[str]
    values: Json = {}  # copied for each


class _Clock(_Body):
    freeze: bool = False
    set: str | None = None
    advance: float | None = None


class _Named(_Body):
    transaction: str


class _Requests(_Body):
    clear: bool = False


class _Pages(_Body):
    rows: Annotated[int, msgspec.Meta(ge=1)] | None


class _Faults(_Body):
    add: Any = msgspec.UNSET
    clear: bool | int = False


def run(service: Service, call: Call) -> Answer:
    """Answer ``POST /devorg/admin/VERB``."""
    if not call.from_loopback:
        raise OrgError(403, "FORBIDDEN", "the admin API serves this machine only")
    verb = call.segments["verb"].lower()
    if verb not in _VERBS:
        raise not_found()
    shape, act = _VERBS[verb]
    try:
        return Answer(body=act(service, msgspec.convert(call.json(Json), shape)))
    except ValueError as exc:  # msgspec's, too
        raise OrgError(400, "INVALID_ARGUMENT", f"{verb}: {exc}") from exc


def _insert(writer: Writer, body: _Insert) -> str:
    return writer.insert(
        body.sobject, body.values, keep_id=body.keep_id, keep_audit=body.keep_audit
    )


def _update(writer: Writer, body: _Update) -> None:
    writer.update(body.sobject, body.id, body.values)


def _merge(writer: Writer, body: _Merge) -> None:
    writer.merge(body.sobject, body.master_id, body.loser_ids, body.values)


def _writing(
    action: Callable[[Writer, Any], str | None],
) -> Callable[[Service, Any], Json]:
    """Make a verb of a write: on the store, or in the transaction that is named."""

    def act(service: Service, body: _Write) -> Json:
        name = body.transaction
        writer = service.store if name is None else _transaction(service, name)
        return {"id": action(writer, body)}

    return act


def _transaction(service: Service, name: str) -> Transaction:
    try:
        return service.transactions[name]
    except KeyError:
        raise OrgError(404, "NOT_FOUND", f"no open transaction {name!r}") from None


def _clock(service: Service, body: _Clock) -> Json:
    """Read the clock; ``freeze``, ``set`` and ``advance`` (seconds) change it."""
    if body.freeze:
        service.clock.freeze()
    if body.set is not None:
        service.clock.set(datetime.fromisoformat(body.set))
    if body.advance is not None:
        service.clock.advance(body.advance)
    return {"now": service.clock.now().isoformat()}


def _begin(service: Service, _: _Body) -> Json:
    transaction = service.store.transaction()
    name = str(id(transaction))
    service.transactions[name] = transaction
    return {"transaction": name}


def _commit(service: Service, body: _Named) -> Json:
    _transaction(service, body.transaction).commit()
    del service.transactions[body.transaction]
    return {}


def _rollback(service: Service, body: _Named) -> Json:
    _transaction(service, body.transaction).rollback()
    del service.transactions[body.transaction]
    return {}


def _requests(service: Service, body: _Requests) -> Json:
    """List the requests answered so far; ``clear`` forgets them."""
    found = [entry.as_json() for entry in service.requests.entries()]
    if body.clear:
        service.requests.clear()
    return {"requests": found}


def _expire_sessions(service: Service, _: _Body) -> Json:
    service.sessions.expire()
    return {}


def _short_pages(service: Service, body: _Pages) -> Json:
    service.cursors.shorten(body.rows)
    return {}


def _faults(service: Service, body: _Faults) -> Json:
    """List the faults; ``clear`` ends all or one by its number, ``add`` adds one."""
    if body.clear:
        service.faults.clear(None if body.clear is True else body.clear)
    if body.add is not msgspec.UNSET:
        service.faults.add(parse_fault(body.add))
    return {"faults": [_scheduled(found) for found in service.faults]}


def _scheduled(found: Scheduled) -> Json:
    told = {"number": found.number, "matched": found.matched, "struck": found.struck}
    return told | found.fault.as_json()


_VERBS: dict[str, tuple[type[msgspec.Struct], Callable[[Service, Any], Json]]] = {
    "insert": (_Insert, _writing(_insert)),
    "update": (_Update, _writing(_update)),
    "delete": (_One, _writing(lambda writer, body: writer.delete(body.id))),
    "undelete": (_One, _writing(lambda writer, body: writer.undelete(body.id))),
    "hard_delete": (_One, _writing(lambda writer, body: writer.hard_delete(body.id))),
    "empty_recycle_bin": (
        _Write,
        _writing(lambda writer, _: writer.empty_recycle_bin()),
    ),
    "merge": (_Merge, _writing(_merge)),
    "clock": (_Clock, _clock),
    "begin": (_Body, _begin),
    "commit": (_Named, _commit),
    "rollback": (_Named, _rollback),
    "requests": (_Requests, _requests),
    "expire_sessions": (_Body, _expire_sessions),
    "logins": (login_admin.Body, login_admin.run),
    "short_pages": (_Pages, _short_pages),
    "faults": (_Faults, _faults),
}

ROUTES = (("POST", "/devorg/admin/{verb}", run),)
