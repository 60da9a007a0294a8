"""The token endpoint: how a caller gets a session over OAuth."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from lht.devorg.http.login import jwt_bearer, people
from lht.devorg.http.login.codes import INTERVAL_SECONDS, Decision
from lht.devorg.http.login.logins import RefusalError
from lht.devorg.http.login.people import Person
from lht.devorg.http.login.sessions import Grant
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Session, basic_credentials

Form = dict[str, str]
Flow = Callable[[Service, Call, Form], Answer]

FORM_TYPE = "application/x-www-form-urlencoded"
LOGIN_HOSTS = {"login.salesforce.com", "test.salesforce.com"}
_REFRESHING = {"refresh_token", "offline_access"}  # scopes
DEFAULT_SCOPE = "refresh_token web api"


def grant_token(service: Service, call: Call) -> Answer:
    """Answer ``POST /services/oauth2/token``."""
    form = read_form(call)
    try:
        return _flow(call, form)(service, call, form)
    except RefusalError as refusal:
        return refusal.answer()


def _flow(call: Call, form: Form) -> Flow:
    """Return what a caller asks for by its parameters."""
    if form.get("response_type") == "device_code":
        return _begin_device
    if not form.get("grant_type") and is_form(call):
        raise missing("grant_type")
    flow = _FLOWS.get(form.get("grant_type", ""))
    if flow is None:
        raise RefusalError("unsupported_grant_type", "grant type not supported")
    return flow


def must_post(_: Service, _call: Call) -> Answer:
    """Answer ``GET /services/oauth2/token``."""
    return RefusalError("invalid_request", "must use HTTP POST").answer()


def is_form(call: Call) -> bool:
    """Whether a body is a form, or there is none."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == FORM_TYPE or not call.body


def read_form(call: Call) -> Form:
    """Return the parameters of a request, wherever it has them."""
    body = call.body.decode("utf-8", "replace") if is_form(call) else ""
    return {**call.params, **dict(parse_qsl(body))}


def missing(name: str) -> RefusalError:
    """Refuse a request without a parameter that it needs."""
    return RefusalError("invalid_request", f"missing required parameter: {name}")


def required(form: Form, name: str) -> str:
    """Return a parameter.

    Raises:
        RefusalError: It is missing.
    """
    if not form.get(name):
        raise missing(name)
    return form[name]


def identify(service: Service, call: Call, form: Form, *, secret: bool = True) -> str:
    """Return the application that asks, by the form or a Basic header.

    Raises:
        RefusalError: The org does not know it, or its secret is another.
    """
    basic = basic_credentials(call.headers.get("authorization", ""))
    named, given = basic or (form.get("client_id"), form.get("client_secret"))
    credentials = service.sessions.credentials
    client_id = credentials.check_client(named)
    if secret or given:
        credentials.check_secret(client_id, given)
    return client_id


def identity_url(service: Service, call: Call, user_id: str) -> str:
    """Return where a user of this org is described."""
    return f"{call.origin}/id/{service.store.org_id}/{user_id}"


def check_person(service: Service, person: Person) -> None:
    """See that a user may log in.

    Raises:
        RefusalError: The user is inactive, or the whole org is.
    """
    if not service.settings.is_active:
        raise RefusalError("inactive_org", "inactive organization")
    if not person.is_active:
        raise RefusalError("inactive_user", "inactive user")


def token_answer(
    service: Service,
    call: Call,
    session: Session,
    *,
    signed: bool = True,
    refresh_token: str | None = None,
) -> Answer:
    """Answer a login with its session, and a refresh token where there is one."""
    login = service.sessions.login(session.token)
    identity = identity_url(service, call, session.user_id)
    issued_at = str(int(session.started_at.timestamp() * 1000))
    secret = service.sessions.credentials.client_secret.encode()
    digest = hmac.digest(secret, (identity + issued_at).encode(), hashlib.sha256)
    signature = {"signature": base64.b64encode(digest).decode()}
    body = {
        "access_token": session.token,
        **({"refresh_token": refresh_token} if refresh_token else {}),
        **(signature if signed else {}),
        "scope": login.scope if login else "api",
        "instance_url": service.settings.instance_url or call.origin,
        "id": identity,
        "token_type": "Bearer",
        **({"issued_at": issued_at} if signed else {}),
    }
    return Answer(body=body)


def _client_credentials(service: Service, call: Call, form: Form) -> Answer:
    if urlsplit(call.origin).hostname in LOGIN_HOSTS:
        raise RefusalError("invalid_grant", "request not supported on this domain")
    client_id = identify(service, call, form)
    if not service.settings.client_credentials:
        raise RefusalError("invalid_grant", "no client credentials user enabled")
    check_person(service, people.by_id(service.store, service.sessions.user_id))
    session = service.sessions.open(client_id=client_id)
    return token_answer(service, call, session)


def _jwt_bearer(service: Service, call: Call, form: Form) -> Answer:
    host = jwt_bearer.audience(is_sandbox=service.settings.is_sandbox)
    client_id, username = jwt_bearer.check_assertion(
        service.sessions.credentials,
        required(form, "assertion"),
        now=service.clock.now(),
        audiences={host, call.origin, service.settings.instance_url or host},
    )
    person = people.by_username(service.store, username)
    if person is None:
        raise _not_approved()
    check_person(service, person)
    _check_approval(service, person, client_id)
    session = service.sessions.open(person.id, client_id=client_id)
    signed = service.settings.full_jwt_answer
    return token_answer(service, call, session, signed=signed)


def _check_approval(service: Service, person: Person, client_id: str) -> None:
    approved = service.settings.approved
    if approved == "none":
        text = "user is not admin approved to access this app"
        raise RefusalError("invalid_app_access", text)
    if approved != "all" and not service.sessions.has_consent(person.id, client_id):
        raise _not_approved()


def _not_approved() -> RefusalError:
    return RefusalError("invalid_grant", "user hasn't approved this consumer")


def _refresh(service: Service, call: Call, form: Form) -> Answer:
    client_id = identify(service, call, form)
    token = required(form, "refresh_token")
    grant = service.sessions.grant(token)
    if grant is None or grant.client_id != client_id:
        raise RefusalError("invalid_grant", "expired access/refresh token")
    check_person(service, people.by_id(service.store, grant.user_id))
    is_rotated = service.settings.refresh_rotation
    fresh = service.sessions.rotate(token) if is_rotated else None
    return _granted(service, call, grant, fresh)


def _granted(
    service: Service, call: Call, grant: Grant, refresh_token: str | None
) -> Answer:
    """Open a session for what a user has allowed."""
    session = service.sessions.open(
        grant.user_id, client_id=grant.client_id, scope=grant.scope, grant=grant
    )
    return token_answer(service, call, session, refresh_token=refresh_token)


def _first_granted(service: Service, call: Call, grant: Grant) -> Answer:
    """Open a session for a new consent, with a refresh token if that is wanted."""
    lasts = _REFRESHING & set(grant.scope.split())
    return _granted(
        service, call, grant, service.sessions.allow(grant) if lasts else None
    )


def _password(service: Service, call: Call, form: Form) -> Answer:
    client_id = identify(service, call, form)
    username, password = required(form, "username"), required(form, "password")
    person = people.by_username(service.store, username)
    is_right = service.sessions.credentials.opens(password)
    if person is None or not is_right or not service.settings.password_flow:
        raise RefusalError("invalid_grant", service.settings.password_refusal)
    check_person(service, person)
    session = service.sessions.open(person.id, client_id=client_id)
    return token_answer(service, call, session)


def _code(service: Service, call: Call, form: Form) -> Answer:
    code = required(form, "code")
    redirect_uri = required(form, "redirect_uri")
    verifier = form.get("code_verifier", "")
    client_id = identify(service, call, form, secret=not verifier)
    found = service.sessions.codes.take(code)
    if found is None or found.client_id != client_id:
        raise RefusalError("invalid_grant", "invalid authorization code")
    if found.expires_at < service.clock.now():
        raise RefusalError("invalid_grant", "expired authorization code")
    if found.redirect_uri != redirect_uri:
        text = "redirect_uri must match configuration"
        raise RefusalError("redirect_uri_mismatch", text)
    if found.challenge and found.challenge != _challenge(verifier):
        raise RefusalError("invalid_grant", "invalid code verifier")
    grant = Grant(user_id=found.user_id, client_id=client_id, scope=found.scope)
    return _first_granted(service, call, grant)


def _challenge(verifier: str) -> str:
    """Return what a verifier must have been announced by."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _begin_device(service: Service, call: Call, form: Form) -> Answer:
    client_id = identify(service, call, form, secret=False)
    scope = form.get("scope") or DEFAULT_SCOPE
    code, device = service.sessions.codes.wait(client_id, scope)
    return Answer(
        body={
            "user_code": device.user_code,
            "device_code": code,
            "interval": INTERVAL_SECONDS,
            "verification_uri": f"{call.origin}/setup/connect",
        }
    )


def _device(service: Service, call: Call, form: Form) -> Answer:
    code = required(form, "code")
    client_id = identify(service, call, form, secret=False)
    codes = service.sessions.codes
    now, device = service.clock.now(), codes.device(code)
    if device is None or device.client_id != client_id or device.expires_at < now:
        raise RefusalError("invalid_grant", "invalid device code")
    asked_at, device.asked_at = device.asked_at, now
    if device.decision is Decision.NONE:
        if asked_at and (now - asked_at).total_seconds() < INTERVAL_SECONDS:
            raise RefusalError("slow_down", "polling too quickly")
        text = "end-user has not approved request"
        raise RefusalError("authorization_pending", text)
    codes.forget_device(code)
    if device.decision is Decision.DENIED:
        raise RefusalError("access_denied", "end-user denied authorization")
    grant = Grant(user_id=device.user_id, client_id=client_id, scope=device.scope)
    return _first_granted(service, call, grant)


_FLOWS: dict[str, Flow] = {
    "client_credentials": _client_credentials,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": _jwt_bearer,
    "refresh_token": _refresh,
    "password": _password,
    "authorization_code": _code,
    "device": _device,
}

ROUTES = (
    ("POST", "/services/oauth2/token", grant_token),
    ("GET", "/services/oauth2/token", must_post),
)
