"""SOAP envelopes: what a caller sends, and what the org answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from lht.devorg.http.wire import Answer, Call, inflate
from lht.devorg.xml import XmlError, legal_text, parse_xml

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_XML = {"Content-Type": "text/xml;charset=UTF-8"}
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


class FaultError(Exception):
    """A call that the org refuses.

    ``code`` is Salesforce's own, or None where SOAP itself is not understood. ``kind``
    is the element that tells the details.
    """

    def __init__(
        self, code: str | None, message: str, *, kind: str = "UnexpectedErrorFault"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.kind = kind


@dataclass(frozen=True)
class Request:
    """One SOAP call: its operation, in the namespace of its API, and its header."""

    operation: Element
    header: Element | None
    namespace: str

    @property
    def name(self) -> str:
        """The operation's name, without namespace."""
        return self.operation.tag.rpartition("}")[2]

    def text(self, name: str) -> str:
        """Return an argument of the operation, empty where it is missing."""
        return self.operation.findtext(f"{{{self.namespace}}}{name}") or ""

    @property
    def session_id(self) -> str:
        """The token in the SessionHeader, empty where there is none."""
        if self.header is None:
            return ""
        path = f"{{{self.namespace}}}SessionHeader/{{{self.namespace}}}sessionId"
        return (self.header.findtext(path) or "").strip()


def read_request(call: Call, namespace: str) -> Request:
    """Return the call in an envelope.

    Raises:
        FaultError: There is none, or it is for another API.
    """
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/xml":
        raise FaultError(None, "content-type of the request should be text/xml")
    if "soapaction" not in call.headers:
        raise FaultError(None, "SOAPAction HTTP header missing")
    is_packed = call.headers.get("content-encoding", "").lower() == "gzip"
    try:
        root = parse_xml(inflate(call.body) if is_packed else call.body)
    except XmlError as exc:
        raise FaultError(None, str(exc)) from exc
    body = root.find(f"{{{ENVELOPE}}}Body")
    if root.tag != f"{{{ENVELOPE}}}Envelope" or body is None or not len(body):
        raise FaultError(None, "the request holds no SOAP envelope with a body")
    if not body[0].tag.startswith(f"{{{namespace}}}"):
        text = f"No operation available for request {body[0].tag}"
        raise FaultError(None, f"{text}, please check the WSDL for the service.")
    return Request(body[0], root.find(f"{{{ENVELOPE}}}Header"), namespace)


def result_answer(
    request: Request, result: Mapping[str, Any] | None, *, header: str = ""
) -> Answer:
    """Answer a call with its result."""
    told = "" if result is None else _element("result", result)
    name = f"{request.name}Response"
    head = f"<soapenv:Header>{header}</soapenv:Header>" if header else ""
    return _answer(
        200,
        f'xmlns="{request.namespace}"',
        f"{head}<soapenv:Body><{name}>{told}</{name}></soapenv:Body>",
    )


def fault_answer(fault: FaultError, api: str, *, plain: bool) -> Answer:
    """Answer a call that is refused.

    Args:
        fault: Why.
        api: ``partner`` or ``enterprise``.
        plain: Whether the code comes without a prefix.
    """
    namespace = f"urn:fault.{api}.soap.sforce.com"
    if fault.code is None:
        code, text, detail = "soapenv:Client", fault.message, ""
    else:
        code = fault.code if plain else f"sf:{fault.code}"
        text = f"{fault.code}: {fault.message}"
        detail = (
            f'<detail><sf:{fault.kind} xsi:type="sf:{fault.kind}">'
            f"<sf:exceptionCode>{fault.code}</sf:exceptionCode>"
            f"<sf:exceptionMessage>{escape(fault.message)}</sf:exceptionMessage>"
            f"</sf:{fault.kind}></detail>"
        )
    body = f"<faultcode>{code}</faultcode><faultstring>{escape(text)}</faultstring>"
    return _answer(
        500,
        f'xmlns:sf="{namespace}"',
        f"<soapenv:Body><soapenv:Fault>{body}{detail}</soapenv:Fault></soapenv:Body>",
    )


def _answer(status: int, namespace: str, inside: str) -> Answer:
    spaces = f'xmlns:soapenv="{ENVELOPE}" {namespace} xmlns:xsi="{_INSTANCE}"'
    document = f"{_DECLARATION}<soapenv:Envelope {spaces}>{inside}</soapenv:Envelope>"
    return Answer(status, document.encode(), _XML)


def _element(name: str, value: Any) -> str:
    """Return one element; None is nil, a mapping has elements of its own."""
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if isinstance(value, Mapping):
        inside = "".join(_element(key, each) for key, each in value.items())
    elif isinstance(value, bool):
        inside = str(value).lower()
    else:
        inside = escape(legal_text(str(value)))
    return f"<{name}>{inside}</{name}>"
