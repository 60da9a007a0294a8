"""A login over SOAP, for which no app is needed."""

import re
from html import unescape
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from lht.exceptions import (
    SalesforceAuthError,
    SalesforceError,
    SalesforceLimitError,
)
from lht.retry import retrying
from lht.salesforce import _errors, _wire
from lht.salesforce._tokens import Token, checked_token, may_repeat, open_logins

# Source: SOAP API Developer Guide, "login()": up to version 64.0.
_PATH = "/services/Soap/u/62.0"
_HEADERS = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<login xmlns="urn:partner.soap.sforce.com">'
    "<username>{}</username><password>{}</password>"
    "</login></e:Body></e:Envelope>"
)
_USED_UP = {"REQUEST_LIMIT_EXCEEDED", "LOGIN_RATE_EXCEEDED"}
_LATER = "run it again later: what is used up comes back within a day"
_HINTS = {
    **dict.fromkeys(_USED_UP, _LATER),
    "INVALID_LOGIN": "check username, password and security token, and whether the org"
    " is a sandbox",
    "LOGIN_MUST_USE_SECURITY_TOKEN": "give the user's security token as well",
    "INVALID_OPERATION": "the org takes no SOAP logins: use client credentials,"
    " or a JWT",
}


def log_in(url: str, username: str, password: str, what: str) -> Token:
    """Return the session of a user as a token.

    Raises:
        SalesforceAuthError: The org does not let the user in.
        SalesforceUnavailableError: There is no answer for now.
    """
    content = _ENVELOPE.format(escape(username), escape(password)).encode()

    def attempt() -> Token:
        request = http.build_request(
            "POST", url + _PATH, content=content, headers=_HEADERS
        )
        return _read_session(_wire.send(http, request), what)

    with open_logins() as http:
        return retrying(attempt, when=may_repeat)


def _read_session(answer: _wire.Answer, what: str) -> Token:
    text = answer.body().decode("utf-8", "replace")
    if not answer.is_success:
        raise _fault(answer, text, what)
    server = urlsplit(_element(text, "serverUrl"))
    session, identity = _element(text, "sessionId"), _element(text, "organizationId")
    if not session or not server.netloc:
        raise SalesforceAuthError(
            "the login endpoint answered with something that is not a session",
            status=answer.status,
            hint="check the org's URL",
        )
    origin = f"{server.scheme}://{server.netloc}"
    return checked_token(session, origin, f"/id/{identity}/")


def _fault(answer: _wire.Answer, text: str, what: str) -> SalesforceError:
    """Return the error of a fault; a 500 is how SOAP says no to anything."""
    code = _element(text, "faultcode").rpartition(":")[2]
    if not code:
        return _errors.to_error(answer, "to log in")
    return (SalesforceLimitError if code in _USED_UP else SalesforceAuthError)(
        f"Salesforce refused {what}",
        status=answer.status,
        error_code=code,
        why=_errors.without_query(_element(text, "faultstring")) or None,
        hint=_HINTS.get(code, "use client credentials or a JWT"),
    )


def _element(text: str, name: str) -> str:
    """Return what the first element of a name holds."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return unescape(found.group(1)) if found else ""
