"""The log of requests, newest first."""

from collections.abc import Callable, Mapping
from itertools import islice
from urllib.parse import unquote_plus

from lht.devorg.http.log import Entry
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.page.frame import page, redirect
from lht.devorg.page.markup import Html, address, link, number, row, table, tag

SHOWN = 100
REFRESH_SECONDS = 3

_KINDS: Mapping[str, Callable[[Entry], bool]] = {
    "all": lambda _: True,
    "refused": lambda entry: not 200 <= entry.status < 400,
    "met a fault": lambda entry: entry.fault is not None,
}
_TITLES = (
    *("number", "at", "method", "path", "status"),
    *("bytes", "milliseconds", "fault", "user", "session"),
)


def list_requests(service: Service, call: Call) -> Answer:
    """Answer ``GET /devorg/requests``; the browser asks again, until it is paused."""
    chosen = call.params.get("show", "all")
    paused = "paused" in call.params
    is_shown = _KINDS.get(chosen, _KINDS["all"])
    newest = reversed(service.requests.entries())
    found = (e for e in newest if not _is_of_the_page(e.path) and is_shown(e))
    rows = [_row(entry) for entry in islice(found, SHOWN)]
    return page(
        service,
        "Requests",
        _choices(chosen, paused=paused),
        table(_TITLES, rows, label="Requests", numbers=("number", *_TITLES[4:7])),
        tag("p", f"the last {len(rows):,}, newest first" if rows else "none yet"),
        _clearing(),
        refresh_seconds=None if paused else REFRESH_SECONDS,
    )


def clear_requests(service: Service, _call: Call) -> Answer:
    """Answer ``POST /devorg/requests``: forget them."""
    service.requests.clear()
    return redirect(address("requests"))


def _is_of_the_page(path: str) -> bool:
    return path.startswith("/devorg") and not path.startswith("/devorg/admin/")


def _choices(chosen: str, *, paused: bool) -> Html:
    kept = "" if paused else None
    kinds = [
        link(
            kind,
            address("requests", show=kind, paused=kept),
            aria_current="true" if kind == chosen else None,
        )
        for kind in _KINDS
    ]
    word = "renew again" if paused else "pause"
    target = address("requests", show=chosen, paused=None if paused else "")
    state = "Paused" if paused else f"Renewed every {REFRESH_SECONDS} s"
    return tag("p", kinds, tag("span", state), link(word, target), class_="choices")


def _row(entry: Entry) -> Html:
    query = f"?{unquote_plus(entry.query)}" if entry.query else ""
    is_good = 200 <= entry.status < 400
    return row(
        number(entry.number),
        entry.at.strftime("%H:%M:%S.%f")[:-3],
        entry.method,
        tag("code", entry.path + query),
        number(entry.status, "number" if is_good else "number bad"),
        number(entry.bytes),
        number(entry.milliseconds),
        entry.fault,
        entry.user,
        entry.session,
    )


def _clearing() -> Html:
    button = tag("button", "Forget these requests")
    return tag("form", button, method="post", action=address("requests"))
