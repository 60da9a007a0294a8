"""What each fault does to a request and its answer."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial, singledispatch
from html import escape
from typing import Any

from lht.devorg import faults
from lht.devorg.errors import OrgError
from lht.devorg.http import bulk
from lht.devorg.http.damage import corrupted, cut, slowed, truncated
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, bearer_token, error_answer

Proceed = Callable[[Call], Answer]

NO_ANSWER = Answer(0)
"""The connection ends instead."""

_JOB = re.compile(r"/jobs/\w+/(\w{15,18})(/results)?", re.IGNORECASE)
_CURSOR = re.compile(r"(.*/query(?:All)?/)(\w{18})-(\d{1,18})", re.IGNORECASE)
_COUNTS = ("totalSize", "numberRecordsProcessed")
_NUMBER_OF_RECORDS = "Sforce-NumberOfRecords"


@singledispatch
def strike(
    fault: faults.Fault, _service: Service, _call: Call, _proceed: Proceed
) -> Answer:
    """Answer a request that meets a fault; *proceed* is how the org would."""
    raise NotImplementedError(fault.kind)  # every kind has its own, below


@strike.register
def _refuse(
    fault: faults.Refused, _service: Service, call: Call, _proceed: Proceed
) -> Answer:
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return _refusal(fault, call).with_headers(headers)


def _refusal(fault: faults.Refused, call: Call) -> Answer:
    if fault.code and "/oauth2/" in call.path:
        told = {"error": fault.code, "error_description": fault.message}
        return Answer(fault.status, told)
    if fault.code:
        error = OrgError(fault.status, fault.code, fault.message)
        return error_answer(error, code_first="/jobs/" in call.path)
    if not fault.message:
        return Answer(fault.status)
    text = escape(fault.message)
    page = f"<html><head><title>{text}</title></head><body>{text}</body></html>"
    return Answer(fault.status, page.encode(), {"Content-Type": "text/html"})


@strike.register
def _end_session(
    _fault: faults.SessionExpired, service: Service, call: Call, proceed: Proceed
) -> Answer:
    service.sessions.end(bearer_token(call.headers))
    return proceed(call)


@strike.register
def _drop_cursor(
    _fault: faults.LocatorGone, service: Service, call: Call, proceed: Proceed
) -> Answer:
    if found := _CURSOR.fullmatch(call.path):
        with suppress(OrgError):
            service.cursors.close(service.cursors.find(found[2]))
    return proceed(call)


@strike.register
def _doom_job(
    fault: faults.JobFault, service: Service, call: Call, proceed: Proceed
) -> Answer:
    message = fault.message if isinstance(fault, faults.JobFailed) else None
    if named := _JOB.search(call.path):
        with suppress(OrgError):
            service.jobs.find(named[1]).doom(fault.state, message)
        return proceed(call)
    found = proceed(call)
    if found.status == 200:
        service.jobs.find(found.body["id"]).doom(fault.state, message)
    return found


@strike.register
def _miscount(
    fault: faults.WrongRows, _service: Service, call: Call, proceed: Proceed
) -> Answer:
    found = proceed(call)
    if told := found.headers.get(_NUMBER_OF_RECORDS):
        wrong = {_NUMBER_OF_RECORDS: str(int(told) + fault.by)}
        return replace(found, headers={**found.headers, **wrong})
    if isinstance(found.body, dict):
        wrong = {k: found.body[k] + fault.by for k in _COUNTS if k in found.body}
        return replace(found, body=found.body | wrong)
    return found


@strike.register
def _repeat_page(
    _fault: faults.RepeatedPage, service: Service, call: Call, proceed: Proceed
) -> Answer:
    found = proceed(_turned(service, call, -1))
    return _relisted(found, lambda pages: [pages[0], *pages[:1], *pages[2:]])


@strike.register
def _lose_page(
    _fault: faults.LostPage, service: Service, call: Call, proceed: Proceed
) -> Answer:
    found = proceed(_turned(service, call, 1))
    return _relisted(found, lambda pages: pages[1:])


def _relisted(found: Answer, change: Callable[[list[Any]], list[Any]]) -> Answer:
    """Change a list of result pages; other answers stay as they are."""
    if not isinstance(found.body, dict) or "resultPages" not in found.body:
        return found
    pages = change(found.body["resultPages"])
    return replace(found, body=found.body | {"resultPages": pages})


def _turned(service: Service, call: Call, step: int) -> Call:
    """Return the request for a page so many before or behind, where there is one."""
    with suppress(OrgError):  # which the request itself will get, too
        if found := _CURSOR.fullmatch(call.path):
            cursor = service.cursors.find(found[2])
            at = int(found[3]) + step * cursor.page_size
            if 0 <= at < cursor.total:
                return replace(call, path=f"{found[1]}{found[2]}-{at}")
        elif (found := _JOB.search(call.path)) and found[2]:
            begins = [page.first for page in service.jobs.find(found[1]).pages]
            at = begins.index(bulk.read_locator(call.params.get("locator"))) + step
            if 0 <= at < len(begins):
                locator = bulk.make_locator(begins[at])
                return replace(call, params={**call.params, "locator": locator})
    return call


@strike.register
def _change(
    fault: faults.Changed, _service: Service, call: Call, proceed: Proceed
) -> Answer:
    return fault.change(proceed(call))


@strike.register
def _hang_up(
    _fault: faults.HungUp, _service: Service, call: Call, proceed: Proceed
) -> Answer:
    proceed(call)
    return NO_ANSWER


@strike.register
def _cut(fault: faults.Cut, _service: Service, call: Call, proceed: Proceed) -> Answer:
    return replace(proceed(call), on_wire=partial(cut, after_bytes=fault.after_bytes))


@strike.register
def _truncate(
    fault: faults.Truncated, _service: Service, call: Call, proceed: Proceed
) -> Answer:
    untold = {"Transfer-Encoding": "chunked"}  # the length, that is
    found = proceed(call).with_headers(untold)
    return replace(found, on_wire=partial(truncated, after_bytes=fault.after_bytes))


@strike.register
def _corrupt(
    fault: faults.Corrupt, _service: Service, call: Call, proceed: Proceed
) -> Answer:
    return replace(proceed(call), on_wire=partial(corrupted, at_byte=fault.at_byte))


@strike.register
def _slow_down(
    fault: faults.Slow, _service: Service, call: Call, proceed: Proceed
) -> Answer:
    slowly = partial(slowed, seconds=fault.seconds, piece_bytes=fault.piece_bytes)
    return replace(proceed(call), on_wire=slowly)
