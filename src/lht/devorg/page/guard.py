"""Who may look at the page, and who may change something by it.

A browser on this machine shows other people's pages, too. They may not read this one:
the address that they know the org by must be a loopback address, and so must be that
of the browser. Nor may they press its buttons: a form must come from this origin.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from lht.devorg.errors import OrgError
from lht.devorg.http.login.oauth import is_form
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.page.frame import page, refusal

Handler = Callable[[Service, Call], Answer]


def guarded(handler: Handler) -> Handler:
    """Let only those in who may be, and tell refusals as a page."""

    def answer(service: Service, call: Call) -> Answer:
        try:
            _check(call)
            return handler(service, call)
        except OrgError as error:
            return page(
                service, "", refusal(error), title="Refused", status=error.status
            )

    return answer


def _check(call: Call) -> None:
    if not call.from_loopback:
        raise OrgError(403, "FORBIDDEN", "the page serves this machine only")
    if call.method != "POST":
        return
    if _sender(call.headers) != call.origin:
        raise OrgError(403, "FORBIDDEN", "the form is not one of this page")
    if not is_form(call):
        raise OrgError(415, "UNSUPPORTED_MEDIA_TYPE", "a form is expected")


def _sender(headers: Mapping[str, str]) -> str:
    """Return the origin that a browser says a form is from."""
    if "origin" in headers:
        return headers["origin"]
    try:
        parts = urlsplit(headers.get("referer", ""))
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def read_form(call: Call) -> dict[str, str]:
    """Return the fields of a form, the empty ones too."""
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
