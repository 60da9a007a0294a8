"""What only the owner of this org can do: move its clock, bend its records.

For other processes on the same machine; requests from elsewhere are refused.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lht.devorg.errors import OrgError, not_found
from lht.devorg.faults import parse_fault
from lht.devorg.http import login_admin
from lht.devorg.http.schedule import Scheduled
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.store import Transaction
from lht.devorg.writer import Writer

_WRITES: dict[str, Callable[[Writer, Json], Any]] = {
    "insert": lambda writer, body: writer.insert(
        body["sobject"],
        body["values"],
        keep_id=bool(body.get("keepId")),
        keep_audit=bool(body.get("keepAudit")),
    ),
    "update": lambda writer, body: writer.update(
        body["sobject"], body["id"], body["values"]
    ),
    "delete": lambda writer, body: writer.delete(body["id"]),
    "undelete": lambda writer, body: writer.undelete(body["id"]),
    "hard_delete": lambda writer, body: writer.hard_delete(body["id"]),
    "empty_recycle_bin": lambda writer, _: writer.empty_recycle_bin(),
    "merge": lambda writer, body: writer.merge(
        body["sobject"], body["masterId"], body["loserIds"], body.get("values")
    ),
}
_KEYS: dict[str, set[str]] = {
    "insert": {"sobject", "values", "keepId", "keepAudit", "transaction"},
    "update": {"sobject", "id", "values", "transaction"},
    "delete": {"id", "transaction"},
    "undelete": {"id", "transaction"},
    "hard_delete": {"id", "transaction"},
    "empty_recycle_bin": {"transaction"},
    "merge": {"sobject", "masterId", "loserIds", "values", "transaction"},
    "clock": {"freeze", "set", "advance"},
    "begin": set(),
    "commit": {"transaction"},
    "rollback": {"transaction"},
    "requests": {"clear"},
    "expire_sessions": set(),
    "logins": login_admin.KEYS,
    "short_pages": {"rows"},
    "faults": {"add", "clear"},
}
"""What the body of each verb may say."""


def run(service: Service, call: Call) -> Answer:
    """Answer ``POST /devorg/admin/VERB``."""
    if not call.from_loopback:
        raise OrgError(403, "FORBIDDEN", "the admin API serves this machine only")
    verb = call.segments["verb"].lower()
    body = call.json(Json)
    if unknown := body.keys() - _KEYS.get(verb, body.keys()):
        raise _refused(verb, f"unknown keys: {', '.join(sorted(unknown))}")
    try:
        if verb in _WRITES:
            return Answer(body={"id": _WRITES[verb](_writer(service, body), body)})
        if verb in _VERBS:
            return Answer(body=_VERBS[verb](service, body))
    except (KeyError, TypeError, ValueError) as exc:
        raise _refused(verb, f"{type(exc).__name__}: {exc}") from exc
    raise not_found()


def _refused(verb: str, why: str) -> OrgError:
    return OrgError(400, "INVALID_ARGUMENT", f"{verb}: {why}")


def _writer(service: Service, body: Json) -> Writer:
    """Return the open transaction that the body names, or the store itself."""
    name = body.get("transaction")
    return service.store if name is None else _transaction(service, name)


def _transaction(service: Service, name: str) -> Transaction:
    try:
        return service.transactions[name]
    except KeyError:
        raise OrgError(404, "NOT_FOUND", f"no open transaction {name!r}") from None


def _clock(service: Service, body: Json) -> Json:
    """Read the clock; ``freeze``, ``set`` and ``advance`` (seconds) change it."""
    if body.get("freeze"):
        service.clock.freeze()
    if "set" in body:
        service.clock.set(datetime.fromisoformat(body["set"]))
    if "advance" in body:
        service.clock.advance(float(body["advance"]))
    return {"now": service.clock.now().isoformat()}


def _begin(service: Service, _: Json) -> Json:
    transaction = service.store.transaction()
    name = str(id(transaction))
    service.transactions[name] = transaction
    return {"transaction": name}


def _commit(service: Service, body: Json) -> Json:
    _transaction(service, body["transaction"]).commit()
    del service.transactions[body["transaction"]]
    return {}


def _rollback(service: Service, body: Json) -> Json:
    _transaction(service, body["transaction"]).rollback()
    del service.transactions[body["transaction"]]
    return {}


def _requests(service: Service, body: Json) -> Json:
    """List the requests answered so far; ``clear`` forgets them."""
    found = [entry.as_json() for entry in service.requests.entries()]
    if body.get("clear"):
        service.requests.clear()
    return {"requests": found}


def _expire_sessions(service: Service, _: Json) -> Json:
    service.sessions.expire()
    return {}


def _short_pages(service: Service, body: Json) -> Json:
    service.cursors.short_page = body["rows"]
    return {}


def _faults(service: Service, body: Json) -> Json:
    """List the faults; ``clear`` ends all or one by its number, ``add`` adds one."""
    if body.get("clear"):
        service.faults.clear(None if body["clear"] is True else int(body["clear"]))
    if "add" in body:
        service.faults.add(parse_fault(body["add"]))
    return {"faults": [_scheduled(found) for found in service.faults]}


def _scheduled(found: Scheduled) -> Json:
    told = {"number": found.number, "matched": found.matched, "struck": found.struck}
    return told | found.fault.as_json()


_VERBS: dict[str, Callable[[Service, Json], Json]] = {
    "clock": _clock,
    "begin": _begin,
    "commit": _commit,
    "rollback": _rollback,
    "requests": _requests,
    "expire_sessions": _expire_sessions,
    "logins": login_admin.run,
    "short_pages": _short_pages,
    "faults": _faults,
}

ROUTES = (("POST", "/devorg/admin/{verb}", run),)
