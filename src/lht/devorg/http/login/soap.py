"""The SOAP APIs, as far as logins need them: partner and enterprise."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lht.devorg.errors import OrgError
from lht.devorg.http.limits import LAST_VERSION
from lht.devorg.http.login import people
from lht.devorg.http.login.envelope import (
    FaultError,
    Request,
    fault_answer,
    read_request,
    result_answer,
)
from lht.devorg.http.login.logins import RefusalError
from lht.devorg.http.login.oauth import check_person
from lht.devorg.http.login.people import Person
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Session
from lht.devorg.ids import check

Result = dict[str, Any] | None

# Source: SOAP API Developer Guide, "login()": in API versions 31.0 to 64.0.
_FIRST_VERSION, _LAST_LOGIN_VERSION = 31, 64

_BAD_LOGIN = "Invalid username, password, security token; or user locked out."
_NEEDS_TOKEN = (
    f"{_BAD_LOGIN} Are you at a new location? When accessing Salesforce--either via a"
    " desktop client or the API--from outside of your company\u2019s trusted networks,"
    " you must add a security token to your password to log in. To get your new"
    " security token, log in to Salesforce. From your personal settings, enter Reset My"
    " Security Token in the Quick Find box, then select Reset My Security Token."
)
_LOGIN_IS_OFF = (
    "SOAP API login() is disabled by default in this org. Contact the org administrator"
    " to enable SOAP API login()."
)
_LOGIN_IS_OVER = (
    "The SOAP Login operation is not available in the API version specified ({}). Refer"
    " to the documentation for supported versions."
)
_REFUSED = {
    "inactive_org": ("ORG_LOCKED", "organization is locked"),
    "rate_limit_exceeded": ("LOGIN_RATE_EXCEEDED", "login rate exceeded"),
}


def run(api: str, service: Service, call: Call) -> Answer:
    """Answer ``POST /services/Soap/u/VERSION`` (partner) or ``c`` (enterprise)."""
    try:
        version = _version(call)
        request = read_request(call, f"urn:{api}.soap.sforce.com")
        if request.name == "login":
            found = _login(service, call, request, version)
            return result_answer(request, found)
        return _answer_session(service, call, request)
    except FaultError as refusal:
        fault = refusal
    except OrgError as error:
        fault = FaultError(error.code, error.message)
    return fault_answer(fault, api, plain=service.settings.plain_fault_codes)


def _version(call: Call) -> float:
    try:
        version = float(call.segments["number"])
    except ValueError:
        version = 0
    if not _FIRST_VERSION <= version <= LAST_VERSION:
        text = "Invalid Api version specified on URL"
        raise FaultError("UNSUPPORTED_API_VERSION", text)
    return version


def _login(service: Service, call: Call, request: Request, version: float) -> Result:
    """Open a session for a username and password."""
    if version > _LAST_LOGIN_VERSION:
        text = _LOGIN_IS_OVER.format(version)
        raise FaultError("INVALID_OPERATION", text, kind="ApiFault")
    if not service.settings.soap_login:
        raise _login_fault("INVALID_OPERATION", _LOGIN_IS_OFF)
    person = _check_password(service, request.text("username"), request)
    try:
        check_person(service, person)
        session = service.sessions.open(person.id)
    except RefusalError as refusal:
        fault = _REFUSED.get(refusal.error, ("INVALID_LOGIN", _BAD_LOGIN))
        raise _login_fault(*fault) from refusal
    return _login_result(service, call, session, person)


def _check_password(service: Service, username: str, request: Request) -> Person:
    """Return the user who may enter with what the request says."""
    person = people.by_username(service.store, username.strip())
    password = request.text("password")
    credentials = service.sessions.credentials
    if person is None or not credentials.opens(password):
        if person and credentials.lacks_token(password):
            raise _login_fault("LOGIN_MUST_USE_SECURITY_TOKEN", _NEEDS_TOKEN)
        raise _login_fault("INVALID_LOGIN", _BAD_LOGIN)
    return person


def _login_fault(code: str, text: str) -> FaultError:
    return FaultError(code, text, kind="LoginFault")


def _login_result(
    service: Service, call: Call, session: Session, person: Person
) -> Result:
    origin = service.settings.instance_url or call.origin
    org = service.store.org_id[:15]
    version = call.segments["number"]
    place = call.path.split("/")[3]  # u or c
    return {
        "metadataServerUrl": f"{origin}/services/Soap/m/{version}/{org}",
        "passwordExpired": False,
        "sandbox": service.settings.is_sandbox,
        "serverUrl": f"{origin}/services/Soap/{place}/{version}/{org}",
        "sessionId": session.token,
        "userId": person.id,
        "userInfo": _user_info(service, person),
    }


def _user_info(service: Service, person: Person) -> dict[str, Any]:
    return {
        "accessibilityMode": False,
        "chatterExternal": False,
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": 5_242_880,
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": False,
        "orgHasPersonAccounts": False,
        "organizationId": service.store.org_id,
        "organizationMultiCurrency": False,
        "organizationName": "devorg",
        "profileId": person.text("ProfileId") or None,
        "roleId": person.text("UserRoleId") or None,
        "sessionSecondsValid": int(service.settings.session_seconds),
        "userDefaultCurrencyIsoCode": None,
        "userEmail": person.text("Email"),
        "userFullName": person.name,
        "userId": person.id,
        "userLanguage": person.text("LanguageLocaleKey"),
        "userLocale": person.text("LocaleSidKey"),
        "userName": person.username,
        "userTimeZone": person.text("TimeZoneSidKey"),
        "userType": person.text("UserType") or "Standard",
        "userUiSkin": "Theme3",
    }


def _answer_session(service: Service, call: Call, request: Request) -> Answer:
    """Answer a call that needs a session, and is counted."""
    operation = _OPERATIONS.get(request.name)
    if operation is None:
        text = f"No operation available for request {request.operation.tag}"
        raise FaultError(None, f"{text}, please check the WSDL for the service.")
    session = _session(service, call, request)
    usage = service.api_usage
    usage.count(
        lambda: OrgError(500, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    )
    result = operation(service, session)
    header = (
        "<LimitInfoHeader><limitInfo>"
        f"<current>{usage.used}</current><limit>{usage.limit}</limit>"
        "<type>API REQUESTS</type></limitInfo></LimitInfoHeader>"
    )
    return result_answer(request, result, header=header)


def _session(service: Service, call: Call, request: Request) -> Session:
    """Return the session of the envelope's header, which must be of this org."""
    org = call.segments.get("org", service.store.org_id)
    is_here = check(org) == service.store.org_id
    login = service.sessions.login(request.session_id) if is_here else None
    if login is None:
        text = "Invalid Session ID found in SessionHeader: Illegal Session"
        raise FaultError("INVALID_SESSION_ID", text)
    return service.sessions.use_token(request.session_id)


def _get_user_info(service: Service, session: Session) -> Result:
    return _user_info(service, people.by_id(service.store, session.user_id))


def _get_server_timestamp(service: Service, _: Session) -> Result:
    return {"timestamp": service.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")}


def _logout(service: Service, session: Session) -> Result:
    service.sessions.end(session.token)
    return None


_OPERATIONS: dict[str, Callable[[Service, Session], Result]] = {
    "getServerTimestamp": _get_server_timestamp,
    "getUserInfo": _get_user_info,
    "logout": _logout,
}

ROUTES = tuple(
    ("POST", f"/services/Soap/{letter}{rest}", partial(run, api))
    for letter, api in (("u", "partner"), ("c", "enterprise"))
    for rest in ("/{number}", "/{number}/{org}", "/{number}/{org}/{package}")
)
