"""An authority of our own, and a certificate for whatever names clients insist on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests import keys

NAMES = ("localhost", "login.salesforce.com", "*.my.salesforce.com")
_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Papers:
    """Files in PEM: whom to trust, and what a server shows."""

    authority: Path
    certificate: Path
    key: Path


def issue(folder: Path) -> Papers:
    """Write the papers of a server on this machine into a folder."""
    papers = Papers(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    papers.authority.write_text(_pem(_authority()))
    papers.certificate.write_text(_pem(_certificate()))
    papers.key.write_text(keys.private_pem())
    return papers


def _builder(owner: str, serial: int) -> x509.CertificateBuilder:
    """Begin a certificate for the key of an owner; the authority is its issuer."""
    public = keys.key(owner).public_key()
    issuer = keys.key("authority").public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(owner))
        .issuer_name(_name("authority"))
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
        )
    )


def _authority() -> x509.Certificate:
    return _signed(
        _builder("authority", 1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
    )


def _certificate() -> x509.Certificate:
    names = [x509.DNSName(name) for name in NAMES]
    address = x509.IPAddress(ip_address("127.0.0.1"))
    return _signed(
        _builder("ours", 2).add_extension(
            x509.SubjectAlternativeName([*names, address]), critical=False
        )
    )


def _name(owner: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])


def _signed(builder: x509.CertificateBuilder) -> x509.Certificate:
    return builder.sign(keys.key("authority"), SHA256())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
