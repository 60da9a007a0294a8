"""XML is read whole or refused; nothing in it makes the org do anything."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.devorg.xml import XmlError, parse_xml

BOMB = b"""<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>"""
REMOTE = b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>'
LOCAL = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><x>&f;</x>'
NAMESPACES = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- said aside --><a:top xmlns:a="urn:a" xmlns="urn:b" a:kind="k" plain="&lt;&#233;">
one<low>two<![CDATA[<&>]]></low>three <low/></a:top>"""


@pytest.mark.parametrize("document", [BOMB, REMOTE, LOCAL, b"<!DOCTYPE x><x/>"])
def test_a_document_type_is_refused(document):
    """Entities that grow or fetch cannot even be declared."""
    with pytest.raises(XmlError, match="not allowed"):
        parse_xml(document)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"plain text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&unknown;</a>",
        b"<p:a/>",
        b"<a>\xff\xfe</a>",
        b"<a>\x00</a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="shift_jis"?><a/>',
        b'<?xml version="1.0" encoding="UTF-16"?><a/>',
    ],
)
def test_what_is_not_well_formed_is_one_error(document):
    """Whatever is wrong, a caller has one class to catch."""
    with pytest.raises(XmlError):
        parse_xml(document)


@pytest.mark.parametrize(
    "document",
    [
        NAMESPACES,
        b"\xef\xbb\xbf<a>bom</a>",
        '<?xml version="1.0" encoding="UTF-16"?><a>\u00e9</a>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>',
        b"<a>\r\nlines\r</a>",
    ],
)
def test_a_document_is_read_as_the_library_reads_it(document):
    """Names, texts, tails and attributes are those of ElementTree's own parser."""
    theirs = ET.fromstring(document)  # noqa: S314  our own document
    assert ET.canonicalize(ET.tostring(parse_xml(document))) == ET.canonicalize(
        ET.tostring(theirs)
    )


def test_a_document_may_be_deep():
    """Depth costs no stack."""
    depth = 100_000
    root = parse_xml(b"<a>" * depth + b"</a>" * depth)
    assert sum(1 for _ in root.iter()) == depth


@given(st.binary(max_size=60) | st.text("<>/a&;!?[]- \"'=x:", max_size=40))
def test_no_bytes_raise_anything_else(document):
    """Any bytes are a document or an XmlError."""
    data = document if isinstance(document, bytes) else document.encode()
    try:
        root = parse_xml(data)
    except XmlError:
        return
    assert root.tag
