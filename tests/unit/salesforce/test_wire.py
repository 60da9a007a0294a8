"""Bodies: whole, or noticed."""

import gzip
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.exceptions import ConfigError, SalesforceUnavailableError
from lht.salesforce import _wire


def inflate(wire):
    return _wire.opened([wire]).readall()


@given(st.binary(max_size=200), st.data())
def test_a_cut_body_is_noticed(body, data):
    """A gzip body cut anywhere is an error; whole, it is what was sent."""
    wire = gzip.compress(body, mtime=0)
    assert inflate(wire) == body
    cut = data.draw(st.integers(0, len(wire) - 1))
    with pytest.raises(SalesforceUnavailableError):
        inflate(wire[:cut])


def test_a_body_cut_at_any_byte_is_noticed():
    """No single place to cut a page goes unnoticed."""
    wire = gzip.compress(b'"Id","Name"\n"1","x"\n' * 20, mtime=0)
    for cut in range(len(wire)):
        with pytest.raises(SalesforceUnavailableError):
            inflate(wire[:cut])


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_checksum_is_noticed(body, data):
    """The trailer's checksum and length are compared."""
    wire = bytearray(gzip.compress(body, mtime=0))
    place = data.draw(st.integers(1, 8))
    wire[-place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SalesforceUnavailableError):
        inflate(bytes(wire))


def test_pieces_of_gzip_are_one_body():
    """A body of several gzip members is read to its end."""
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"


def test_without_isal_the_same_is_noticed(monkeypatch):
    """Platforms without the fast codec check no less."""
    monkeypatch.setitem(sys.modules, "isal", None)
    reader, error = _wire._gzip_codec()
    assert (reader, error) == (gzip.GzipFile, zlib.error)
    monkeypatch.setattr(_wire, "_GzipFile", reader)
    monkeypatch.setattr(_wire, "_CodecError", error)
    test_a_body_cut_at_any_byte_is_noticed()
    parts = gzip.compress(b"abc") + gzip.compress(b"def" * 99)
    for cut in range(len(parts)):
        pieces = [parts[:cut], b"", parts[cut:]]
        assert _wire.opened(pieces).readall() == b"abc" + b"def" * 99
    wire = bytearray(gzip.compress(b"abc" * 100, mtime=0))
    for place in (11, 12, -8, -1):
        wire[place] ^= 0xFF
        with pytest.raises(SalesforceUnavailableError):
            inflate(bytes(wire))
        wire[place] ^= 0xFF


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "socks5://user:hunter2@localhost:1"),
        ("https_proxy", "http://user:hunter2@[::1"),
        ("ALL_PROXY", "ftp://user:hunter2@proxy"),
        ("SSL_CERT_FILE", "/no/such/file"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_an_unusable_environment_is_named(monkeypatch, variable, value):
    """A proxy or certificate that cannot be used is a setting to correct, unshown."""
    monkeypatch.setenv(variable, value)
    _wire._tls.cache_clear()
    with pytest.raises(ConfigError, match=variable) as caught:
        _wire.open_http(timeout_seconds=1, max_connections=1)
    assert "hunter2" not in f"{caught.value} {caught.value.why}"
