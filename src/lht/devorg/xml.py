"""XML from others, read without what makes XML dangerous, and text for our own."""

import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

_ILLEGAL = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


class XmlError(ValueError):
    """Bytes that are no XML, or XML that declares a document type."""


def parse_xml(data: bytes) -> Element:
    """Return the root element of a document.

    Names are ``{namespace}name``. Comments and processing instructions are dropped.

    Args:
        data: The whole document, in the encoding that it declares, else UTF-8.

    Raises:
        XmlError: It is not well-formed, or has a DTD. Without a DTD there are no
            entities of its own: nothing grows, and nothing is fetched.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse  # hence no entities either
    parser.StartElementHandler = lambda name, attributes: builder.start(
        _name(name), {_name(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: builder.end(_name(name))
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)  # noqa: FBT003  the last piece; takes no keyword
    except XmlError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as exc:
        raise XmlError(f"not well-formed XML: {exc}") from exc
    return builder.close()


def _refuse(name: str, *_: Any) -> None:
    raise XmlError(f"a document type declaration ({name}) is not allowed")


def _name(name: str) -> str:
    """Write a name with a namespace as ElementTree does."""
    return "{" + name if "}" in name else name


def legal_text(text: str) -> str:
    """Return a text without the characters that no XML can hold."""
    return _ILLEGAL.sub("", text)
