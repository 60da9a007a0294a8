"""What goes wrong on purpose: the faults that are set, and forms to set more."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from lht.devorg.errors import OrgError
from lht.devorg.faults import ENDPOINTS, KINDS, Fault
from lht.devorg.http.schedule import Scheduled
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, read_digits
from lht.devorg.page.frame import page, problem, redirect
from lht.devorg.page.guard import read_form
from lht.devorg.page.markup import (
    Cell,
    Child,
    Html,
    address,
    link,
    number,
    row,
    table,
    tag,
)

_KINDS = {str(kind.__struct_config__.tag): kind for kind in KINDS}
_COMMON = tuple(field.name for field in msgspec.structs.fields(Fault))
_TITLES = ("number", "", "kind", "meets", "with", "matched", "met")


def list_faults(service: Service, call: Call) -> Answer:
    """Answer ``GET /devorg/faults``: those that are set; a form for a ``kind``."""
    kind = _KINDS.get(call.params.get("kind", ""))
    return _view(service, _form(kind, {}) if kind else None)


def change_faults(service: Service, call: Call) -> Answer:
    """Answer ``POST /devorg/faults``: set one, or end one, or all."""
    form = read_form(call)
    if "clear" in form:
        service.faults.clear(_number(form["clear"]))
        return redirect(address("faults"))
    kind = _KINDS.get(form.get("kind", ""))
    if kind is None:
        raise OrgError(400, "INVALID_ARGUMENT", "kind: no such fault")
    try:
        service.faults.add(_read(kind, form))
    except ValueError as error:  # msgspec's, too
        return _view(service, problem(str(error)), _form(kind, form), status=400)
    return redirect(address("faults"))


def _number(text: str) -> int | None:
    """Read which fault shall end; None is all."""
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit()):
        raise OrgError(400, "INVALID_ARGUMENT", "clear: a number or all is expected")
    return read_digits(text)


def _read(kind: type[Fault], form: dict[str, str]) -> Fault:
    """Return the fault that a form describes; what is left empty is as usual."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    told = {
        name: form[name]
        for name, field in fields.items()
        if name in form and (form[name] or field.type is str)
    }
    return msgspec.convert(told, kind, strict=False)


def _view(service: Service, *form: Child, status: int = 200) -> Answer:
    scheduled = list(service.faults)
    numbers = ("number", "matched", "met")
    rows = [_row(found) for found in scheduled]
    listed = table(_TITLES, rows, label="Faults that are set", numbers=numbers)
    return page(
        service,
        "Faults",
        listed if scheduled else tag("p", "Nothing goes wrong on purpose."),
        _button("End all", "all") if len(scheduled) > 1 else None,
        *form,
        tag("h2", "Set a fault"),
        tag("dl", *map(_kind, _KINDS.items()), class_="kinds"),
        status=status,
    )


def _row(found: Scheduled) -> Html:
    fault = found.fault
    told = fault.as_json()
    about = {name: told.pop(name) for name in _COMMON} | {"kind": told.pop("kind")}
    meets = " ".join(filter(None, (fault.method, fault.path, fault.query)))
    often = [f"{name} {about[name]}" for name in _told_often(fault)]
    details = [
        f"{name} {json.dumps(value)}"
        for name, value in told.items()
        if value not in (None, "")
    ]
    return row(
        number(found.number),
        Cell(tag("td", _button("End", str(found.number), f"End {found}"))),
        fault.kind,
        meets or "any request",
        ", ".join([*often, *details]),
        number(found.matched),
        number(found.struck),
    )


def _told_often(fault: Fault) -> Iterator[str]:
    """Yield what says how often a fault is met, where that is not always."""
    usual = Fault()
    for name in ("skip", "times", "probability", "seed"):
        if getattr(fault, name) != getattr(usual, name):
            yield name


def _button(text: str, clear: str, label: str | None = None) -> Html:
    button = tag("button", text, name="clear", value=clear, aria_label=label)
    return tag("form", button, method="post", action=address("faults"), class_="inline")


def _kind(named: tuple[str, type[Fault]]) -> list[Html]:
    name, kind = named
    href = address("faults", kind=name) + "#set"
    return [tag("dt", link(name, href)), tag("dd", _about(kind))]


def _about(kind: type[Fault]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0].replace("``", "")


def _form(kind: type[Fault], form: dict[str, str]) -> Html:
    name = str(kind.__struct_config__.tag)
    fields = msgspec.structs.fields(kind)
    own = [field for field in fields if field.name not in _COMMON]
    common = [field for field in fields if field.name in _COMMON]
    names = (tag("option", value=endpoint) for endpoint in ENDPOINTS)
    return tag(
        "form",
        tag("h2", name),
        tag("p", _about(kind)),
        tag("input", type="hidden", name="kind", value=name),
        tag("datalist", names, id="endpoints"),
        tag("div", [_input(f, form) for f in (*own, *common)], class_="fields"),
        tag("button", "Set"),
        method="post",
        action=address("faults"),
        id="set",
    )


def _input(field: FieldInfo, form: dict[str, str]) -> Html:
    """Return the field of a form in which an attribute of a fault is given."""
    name = field.encode_name
    value = form.get(name, _text(field.default))
    box = tag(
        "input",
        name=name,
        value=value,
        list="endpoints" if name == "path" else None,
        autocomplete="off",
    )
    return tag("label", name, box)


def _text(default: Any) -> str:
    return "" if default is None else str(default)
