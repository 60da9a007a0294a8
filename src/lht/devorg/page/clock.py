"""The org's clock: what time it is there, and ways to change that."""

from collections.abc import Callable
from datetime import UTC, datetime

from lht.devorg.clock import Clock
from lht.devorg.errors import OrgError
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.page.frame import moment, page, redirect
from lht.devorg.page.guard import read_form
from lht.devorg.page.markup import Child, Html, address, tag

_STEPS = (("an hour", 3_600), ("a day", 86_400), ("a week", 604_800))


def show_clock(service: Service, _call: Call) -> Answer:
    """Answer ``GET /devorg/clock``."""
    now, stands = moment(service), service.clock.is_frozen
    state = "It stands still." if stands else "It runs."
    steps = [
        tag("button", f"On by {word}", name="advance", value=seconds)
        for word, seconds in _STEPS
    ]
    change = ("run", "Let it run") if stands else ("freeze", "Stop it")
    return page(
        service,
        "Clock",
        tag("p", tag("strong", now), f" {state}", class_="clock"),
        _form(steps),
        _form(
            tag("label", "Seconds, back with a minus", _input("advance", "3600")),
            tag("button", "Move"),
        ),
        _form(tag("label", "Time, in UTC", _input("set", now)), tag("button", "Set")),
        _form(tag("button", change[1], name=change[0], value="1")),
    )


def _form(*content: Child) -> Html:
    return tag("form", *content, method="post", action=address("clock"))


def _input(name: str, value: str) -> Html:
    return tag("input", name=name, value=value, autocomplete="off")


def change_clock(service: Service, call: Call) -> Answer:
    """Answer ``POST /devorg/clock``."""
    for name, text in read_form(call).items():
        try:
            if name in _CHANGES:
                _CHANGES[name](service.clock, text)
        except ValueError as error:
            raise OrgError(400, "INVALID_ARGUMENT", f"{name}: {error}") from error
    return redirect(address("clock"))


def _set(clock: Clock, text: str) -> None:
    """Set the time; one without a zone is meant in UTC."""
    now = datetime.fromisoformat(text.strip())
    clock.set(now if now.tzinfo else now.replace(tzinfo=UTC))


_CHANGES: dict[str, Callable[[Clock, str], None]] = {
    "advance": lambda clock, text: clock.advance(float(text)),
    "set": _set,
    "freeze": lambda clock, _: clock.freeze(),
    "run": lambda clock, _: clock.run(),
}
