"""Logins by client credentials."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl

from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Session, basic_credentials

# Source: the table of salesforce flow errors in Salesforce Help, "OAuth 2.0 Errors".
_REFUSALS = {
    "no_grant": ("invalid_request", "missing required parameter: grant_type"),
    "grant": ("unsupported_grant_type", "grant type not supported"),
    "client_id": ("invalid_client_id", "client identifier invalid"),
    "secret": ("invalid_client", "invalid client credentials"),
}


def grant_token(service: Service, call: Call) -> Answer:
    """Answer ``POST /services/oauth2/token``."""
    form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
    basic = basic_credentials(call.headers.get("authorization", ""))
    client_id, secret = basic or (form.get("client_id"), form.get("client_secret"))
    grant = form.get("grant_type")
    if not grant:
        return _refused("no_grant")
    if grant != "client_credentials":
        return _refused("grant")
    if client_id != service.sessions.client_id:
        return _refused("client_id")
    expected = service.sessions.client_secret.encode()
    if not hmac.compare_digest((secret or "").encode(), expected):
        return _refused("secret")
    return Answer(body=_token(service, call, service.sessions.open()))


def _refused(reason: str) -> Answer:
    error, description = _REFUSALS[reason]
    return Answer(400, {"error": error, "error_description": description})


def _token(service: Service, call: Call, session: Session) -> dict[str, str]:
    identity = f"{call.origin}/id/{service.store.org_id}/{session.user_id}"
    issued_at = str(int(session.started_at.timestamp() * 1000))
    secret = service.sessions.client_secret.encode()
    signed = hmac.new(secret, (identity + issued_at).encode(), hashlib.sha256)
    return {
        "access_token": session.token,
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": "api",
        "instance_url": call.origin,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


ROUTES = (("POST", "/services/oauth2/token", grant_token),)
