"""Who a token stands for, whether it is good, and its end."""

from datetime import datetime
from typing import Any

from lht.devorg.errors import OrgError
from lht.devorg.http.limits import VERSIONS
from lht.devorg.http.login import people
from lht.devorg.http.login.logins import RefusalError
from lht.devorg.http.login.oauth import identify, identity_url, missing, read_form
from lht.devorg.http.login.people import Person
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json, Session
from lht.devorg.ids import check

_TEXT = {"Content-Type": "text/html;charset=UTF-8"}
_API_URLS = {
    "enterprise": "/services/Soap/c/{version}/{org}",
    "metadata": "/services/Soap/m/{version}/{org}",
    "partner": "/services/Soap/u/{version}/{org}",
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "tooling_rest": "/services/data/v{version}/tooling/",
    "profile": "/{user}",
}


class _WordError(Exception):
    """A refusal whose body is one word."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.answer = Answer(status, word.encode(), _TEXT)


def tell_user(service: Service, call: Call) -> Answer:
    """Answer ``/services/oauth2/userinfo``: the user in the words of OpenID."""
    try:
        session = _session(service, call)
    except _WordError as refusal:
        return refusal.answer
    person = people.by_id(service.store, session.user_id)
    url = identity_url(service, call, person.id)
    body = {
        "sub": url,
        "user_id": person.id,
        "organization_id": service.store.org_id,
        "preferred_username": person.username,
        "nickname": person.text("CommunityNickname"),
        "name": person.name,
        "email": person.text("Email"),
        "email_verified": True,
        "given_name": person.text("FirstName"),
        "family_name": person.text("LastName"),
        "zoneinfo": person.text("TimeZoneSidKey"),
        "photos": _photos(call),
        "profile": f"{call.origin}/{person.id}",
        "picture": _photos(call)["picture"],
        "address": {},
        "is_salesforce_integration_user": False,
        "urls": _urls(service, call, person, "{version}"),
        "active": person.is_active,
        "user_type": "STANDARD",
        "language": person.text("LanguageLocaleKey"),
        "locale": person.text("LocaleSidKey"),
        "utcOffset": 0,
        "updated_at": _moment(person),
    }
    return Answer(body=body)


def tell_identity(service: Service, call: Call) -> Answer:
    """Answer ``GET /id/ORG/USER``: the user in Salesforce's own words."""
    try:
        session = _session(service, call)
        person = _addressed(service, call)
        version = _version(call)
    except _WordError as refusal:
        return refusal.answer
    body = {
        "id": identity_url(service, call, person.id),
        "asserted_user": person.id == session.user_id,
        "user_id": person.id,
        "organization_id": service.store.org_id,
        "username": person.username,
        "nick_name": person.text("CommunityNickname"),
        "display_name": person.name,
        "email": person.text("Email"),
        "email_verified": True,
        "first_name": person.text("FirstName") or None,
        "last_name": person.text("LastName"),
        "timezone": person.text("TimeZoneSidKey"),
        "photos": _photos(call),
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": None,
        "addr_zip": None,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(service, call, person, version),
        "active": person.is_active,
        "user_type": "STANDARD",
        "language": person.text("LanguageLocaleKey"),
        "locale": person.text("LocaleSidKey"),
        "utcOffset": 0,
        "last_modified_date": _moment(person),
    }
    return Answer(body=body)


def _session(service: Service, call: Call) -> Session:
    header = call.headers.get("authorization", "")
    given = read_form(call)
    token = given.get("access_token") or given.get("oauth_token")
    if not header and not token:
        raise _WordError(403, "Missing_OAuth_Token")
    try:
        if header:
            return service.sessions.use(header)
        return service.sessions.use_token(token or "")
    except OrgError:
        raise _WordError(403, "Bad_OAuth_Token") from None


def _addressed(service: Service, call: Call) -> Person:
    """Return the user that the address names."""
    org, user = (check(call.segments[name]) for name in ("org", "user"))
    if org is None or user is None:
        raise _WordError(404, "Bad_Id")
    if org != service.store.org_id:
        raise _WordError(403, "Wrong_Org")
    person = people.by_id(service.store, user)
    if not person.username and user != service.sessions.user_id:
        raise _WordError(404, "Bad_Id")
    return person


def _version(call: Call) -> str:
    """Return the version that URLs in the answer shall have."""
    asked = call.params.get("version", "{version}")
    if asked == "latest":
        return VERSIONS[-1]
    if asked not in {"{version}", *VERSIONS}:
        raise _WordError(406, "Invalid_Version")
    return asked


def _urls(service: Service, call: Call, person: Person, version: str) -> dict[str, str]:
    org = service.store.org_id
    return {
        name: call.origin
        + path.replace("{version}", version)
        .replace("{org}", org)
        .replace("{user}", person.id)
        for name, path in _API_URLS.items()
    }


def _photos(call: Call) -> dict[str, str]:
    place = f"{call.origin}/profilephoto/005"
    return {"picture": f"{place}/F", "thumbnail": f"{place}/T"}


def _moment(person: Person) -> str | None:
    value: Any = person.values.get("LastModifiedDate")
    if not isinstance(value, datetime):
        return None
    return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def introspect(service: Service, call: Call) -> Answer:
    """Answer ``POST /services/oauth2/introspect``: whether a token is good."""
    form = read_form(call)
    try:
        client_id = identify(service, call, form)
        if not form.get("token"):
            raise missing("token")
    except RefusalError as refusal:
        return refusal.answer()
    return Answer(body=_introspected(service, call, form["token"], client_id))


def _introspected(service: Service, call: Call, token: str, client_id: str) -> Json:
    login = service.sessions.login(token)
    grant = service.sessions.grant(token)
    found = login or grant
    if found is None or found.client_id != client_id:
        return {"active": False}
    user_id = login.session.user_id if login else grant.user_id if grant else ""
    told = {
        "active": True,
        "scope": found.scope,
        "client_id": client_id,
        "username": people.by_id(service.store, user_id).username,
        "sub": identity_url(service, call, user_id),
        "token_type": "access_token" if login else "refresh_token",
    }
    if login:
        started = int(login.session.started_at.timestamp())
        ends = int(service.sessions.ends_at(login).timestamp())
        told |= {"exp": ends, "iat": started, "nbf": started}
    return told


def revoke(service: Service, call: Call) -> Answer:
    """Answer ``/services/oauth2/revoke``: end a session, or a refresh token."""
    token = read_form(call).get("token", "")
    sessions = service.sessions
    login = sessions.login(token)
    if sessions.grant(token):
        sessions.revoke(token)
    elif login is None:
        return RefusalError("invalid_token", "invalid token").answer()
    elif login.client_id is None:
        text = "this token is not supported"
        return RefusalError("unsupported_token_type", text).answer()
    else:
        sessions.end(token)
    return Answer(200, b"", {"Content-Type": "text/html;charset=UTF-8"})


ROUTES = (
    ("GET", "/services/oauth2/userinfo", tell_user),
    ("POST", "/services/oauth2/userinfo", tell_user),
    ("POST", "/services/oauth2/introspect", introspect),
    ("GET", "/services/oauth2/revoke", revoke),
    ("POST", "/services/oauth2/revoke", revoke),
    ("GET", "/id/{org}/{user}", tell_identity),
)
