"""Records that come with a file: one part of JSON, and one part for each file.

Source: REST API Developer Guide, "Insert or Update Blob Data".
"""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

import msgspec

from lht.devorg.errors import OrgError
from lht.devorg.http.rows import record_values
from lht.devorg.http.wire import Call, Json

_MULTIPART = "multipart/form-data"


def read_values(call: Call) -> Json:
    """Return the values of the record in a body, its files under their fields' names.

    Raises:
        OrgError: JSON_PARSER_ERROR, or INVALID_MULTIPART_REQUEST.
    """
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith(_MULTIPART):
        return record_values(call.json(Json))
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + call.body)
    values: Json = {}
    for part in message.iter_parts():
        values |= _read_part(part)
    if not values:
        raise _refused("no parts")
    return values


def _read_part(part: Message) -> Json:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise _refused("a part holds parts")
    if part.get_content_type() == "application/json":
        try:
            return record_values(msgspec.json.decode(content, type=Json))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise OrgError(400, "JSON_PARSER_ERROR", str(exc)) from exc
    name = part.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise _refused("a part has no name")
    return {name: content}


def _refused(why: str) -> OrgError:
    return OrgError(400, "INVALID_MULTIPART_REQUEST", f"Invalid multipart: {why}")
