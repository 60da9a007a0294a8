"""What the owner of an org may know and change of its logins."""

import msgspec

from lht.devorg.http.login import people
from lht.devorg.http.login.oauth import DEFAULT_SCOPE
from lht.devorg.http.login.sessions import Grant
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Json


class Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a caller may tell."""

    certificate: str | None = None
    refresh_token: bool = False


def run(service: Service, body: Body) -> Json:
    """Tell all that opens the org.

    ``certificate`` registers one more, ``refreshToken`` asks for a new one.
    """
    logins = service.sessions.credentials
    if body.certificate is not None:
        logins.register_certificate(body.certificate)
    told = {
        "clientId": logins.client_id,
        "clientSecret": logins.client_secret,
        "username": people.by_id(service.store, service.sessions.user_id).username,
        "password": logins.password,
        "securityToken": logins.security_token,
    }
    if body.refresh_token:
        told["refreshToken"] = new_refresh_token(service)
    return told


def new_refresh_token(service: Service) -> str:
    """Let the org's own application act for its user, as if they had consented."""
    grant = Grant(
        user_id=service.sessions.user_id,
        client_id=service.sessions.credentials.client_id,
        scope=DEFAULT_SCOPE,
    )
    return service.sessions.allow(grant)
