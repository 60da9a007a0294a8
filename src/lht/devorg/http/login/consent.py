"""Pages on which a person lets an application in."""

import re
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from lht.devorg.http.login import people
from lht.devorg.http.login.codes import Decision
from lht.devorg.http.login.logins import RefusalError
from lht.devorg.http.login.oauth import DEFAULT_SCOPE, Form, read_form, required
from lht.devorg.http.login.people import Person
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call

_HTML = {"Content-Type": "text/html;charset=UTF-8"}
_PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">\
<title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_KEPT = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
)


def ask(service: Service, call: Call) -> Answer:
    """Answer ``GET /services/oauth2/authorize``: a page, or at once the consent."""
    form = read_form(call)
    try:
        _check_request(service, form)
    except RefusalError as refusal:
        return _page("We can't authorize you", _paragraph(str(refusal)), status=400)
    if service.settings.consent == "given":
        return _redirect_with_code(service, form, form.get("login_hint", ""))
    hidden = {name: form[name] for name in _KEPT if name in form}
    text = f"May {form['client_id']} use this org for you?"
    chosen = _user_choice(service, form.get("login_hint", ""))
    return _page("Allow Access?", _paragraph(text) + _form(chosen, hidden))


def decide(service: Service, call: Call) -> Answer:
    """Answer ``POST /services/oauth2/authorize``: what the person has chosen."""
    form = read_form(call)
    try:
        _check_request(service, form)
    except RefusalError as refusal:
        return _page("We can't authorize you", _paragraph(str(refusal)), status=400)
    if form.get("decision") != "allow":
        told = ("access_denied", "end-user denied authorization")
        return _redirect(form, error=told[0], error_description=told[1])
    return _redirect_with_code(service, form, form.get("username", ""))


def _check_request(service: Service, form: Form) -> None:
    """See that a request may be shown to a person, and answered by redirecting."""
    service.sessions.credentials.check_client(required(form, "client_id"))
    uri = required(form, "redirect_uri")
    allowed = set(service.settings.callback_urls)
    if (allowed and uri not in allowed) or not _URI.fullmatch(uri):
        text = "redirect_uri must match configuration"
        raise RefusalError("redirect_uri_mismatch", text)
    if form.get("response_type") != "code":
        text = "response type not supported"
        raise RefusalError("unsupported_response_type", text)


def _redirect_with_code(service: Service, form: Form, username: str) -> Answer:
    person = _person(service, username)
    code = service.sessions.codes.permit(
        user_id=person.id,
        client_id=form["client_id"],
        scope=form.get("scope") or DEFAULT_SCOPE,
        redirect_uri=form["redirect_uri"],
        challenge=form.get("code_challenge", ""),
    )
    return _redirect(form, code=code)


def _person(service: Service, username: str) -> Person:
    """Return the user of a name, else the one that applications act for."""
    named = people.by_username(service.store, username)
    return named or people.by_id(service.store, service.sessions.user_id)


def _redirect(form: Form, **told: str) -> Answer:
    if "state" in form:
        told["state"] = form["state"]
    uri = form["redirect_uri"]
    joint = "&" if "?" in uri else "?"
    return Answer(302, None, {"Location": f"{uri}{joint}{urlencode(told)}"})


def ask_code(service: Service, call: Call) -> Answer:
    """Answer ``GET /setup/connect``, where a person lets a device in."""
    typed = escape(read_form(call).get("user_code", ""))
    field = f'<label>Code <input name="user_code" value="{typed}"></label>'
    return _page("Connect a Device", _form(field + _user_choice(service, ""), {}))


def let_device_in(service: Service, call: Call) -> Answer:
    """Answer ``POST /setup/connect``."""
    form = read_form(call)
    device = service.sessions.codes.device_of_user(form.get("user_code", ""))
    if device is None:
        text = _paragraph("This code is not valid, or has expired.")
        return _page("Connect a Device", text, status=400)
    device.user_id = _person(service, form.get("username", "")).id
    allowed = form.get("decision") == "allow"
    device.decision = Decision.ALLOWED if allowed else Decision.DENIED
    text = "connected" if allowed else "not connected"
    return _page("Connect a Device", _paragraph(f"Your device is {text}."))


def _user_choice(service: Service, hint: str) -> str:
    """Return the field in which a person says who they are."""
    own = _person(service, hint).username
    options = "".join(
        f"<option{' selected' if person.username == own else ''}>"
        f"{escape(person.username)}</option>"
        for person in people.active(service.store)
    )
    return f'<label>User <select name="username">{options}</select></label>'


def _form(fields: str, hidden: Mapping[str, str]) -> str:
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    buttons = "".join(
        f'<button name="decision" value="{value}">{text}</button>'
        for value, text in (("allow", "Allow"), ("deny", "Deny"))
    )
    return f'<form method="post" action="?">{kept}{fields}{buttons}</form>'


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _page(title: str, body: str, *, status: int = 200) -> Answer:
    page = _PAGE.format(title=escape(title), body=body)
    return Answer(status, page.encode(), _HTML)


ROUTES = (
    ("GET", "/services/oauth2/authorize", ask),
    ("POST", "/services/oauth2/authorize", decide),
    ("GET", "/setup/connect", ask_code),
    ("POST", "/setup/connect", let_device_in),
)
