"""What every view has around it: the head, the way to the others, the headers."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from lht.devorg.errors import OrgError
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer
from lht.devorg.page.markup import Child, Html, address, join, link, tag, verbatim

_STYLE = (files("lht.devorg.page") / "style.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'"
    "%3E%3Ccircle cx='8' cy='8' r='7' fill='%230b6bcb'/%3E%3C/svg%3E"
)
_HEADERS = {
    "Content-Type": "text/html;charset=UTF-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:;"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # without one, forms would not say where they are
    "X-Frame-Options": "DENY",
}
_VIEWS = (
    ("Objects", ()),
    ("SOQL", ("soql",)),
    ("Requests", ("requests",)),
    ("Faults", ("faults",)),
    ("Clock", ("clock",)),
    ("Connect", ("connect",)),
)


def page(
    service: Service,
    view: str,
    *content: Child,
    title: str = "",
    status: int = 200,
    refresh_seconds: int | None = None,
) -> Answer:
    """Return a view as a whole page.

    Args:
        service: The org.
        view: Which of the views it belongs to.
        content: What is in it.
        title: Its heading, if that is not the view's name.
        status: Of the answer.
        refresh_seconds: After how long the browser asks again, if it shall.
    """
    heading = title or view
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=refresh_seconds)
        if refresh_seconds
        else None,
        tag("title", f"{heading} · devorg"),
        tag("link", rel="icon", href=_ICON),
        tag("style", verbatim(_STYLE)),
    )
    body = tag(
        "body",
        tag("a", "Skip to content", href="#content", class_="skip"),
        _banner(service, view),
        tag("main", tag("h1", heading), content, id="content"),
    )
    html = f"<!DOCTYPE html>{tag('html', head, body, lang='en')}"
    return Answer(status, html.encode("utf-8", "replace"), _HEADERS)


def _banner(service: Service, view: str) -> Html:
    faults = sum(1 for _ in service.faults)
    links = [
        link(
            [
                name,
                tag("span", str(faults), class_="badge")
                if name == "Faults" and faults
                else None,
            ],
            address(*path),
            aria_current="page" if name == view else None,
        )
        for name, path in _VIEWS
    ]
    facts = f"{service.store.org_id} · {moment(service)}"
    return tag(
        "header",
        tag("strong", "devorg"),
        tag("nav", links, aria_label="Views"),
        tag("span", facts, class_="facts"),
    )


def moment(service: Service) -> str:
    """Return the org's time as text."""
    return service.clock.now().isoformat(" ", "seconds").replace("+00:00", "Z")


def redirect(target: str) -> Answer:
    """Send the browser to a view, after something was changed or from elsewhere."""
    return Answer(303, None, {"Location": target})


def problem(message: str, place: str = "") -> Html:
    """Return what is wrong with what was asked, and lines that show where."""
    return tag(
        "div",
        tag("pre", place, tabindex=0) if place else None,
        tag("p", message),
        class_="problem",
        role="alert",
    )


def refusal(error: OrgError) -> Html:
    """Return what the org says of a request that it refuses, as it says it."""
    place, _, message = error.message.strip("\n").rpartition("\n")
    return problem(f"{error.code}: {message}", place)


def pages(first: int, size: int, total: int, hrefs: Sequence[str]) -> Html:
    """Return where one is in a list, and the links to what is before and behind."""
    before, behind = hrefs
    last = min(first + size, total)
    place = f"{first + 1:,} to {last:,} of {total:,}" if total else "none"
    return tag(
        "p",
        join(link("← earlier", before, rel="prev")) if first else None,
        tag("span", place),
        join(link("later →", behind, rel="next")) if last < total else None,
        class_="pages",
    )
