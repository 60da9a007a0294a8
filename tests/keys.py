"""An RSA key for logins, its certificate, and a key of somebody else."""

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID


@cache
def key(owner: str = "ours") -> rsa.RSAPrivateKey:
    """Return the key of an owner, the same at every call."""
    del owner  # each has a place of their own in the cache
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def private_pem(owner: str = "ours", *, passphrase: str | None = None) -> str:
    """Return a private key as the text of a file."""
    return _private_pem(key(owner), passphrase)


@cache
def elliptic_pem() -> str:
    """Return a private key that is not RSA."""
    return _private_pem(ec.generate_private_key(ec.SECP256R1()), None)


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase):
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def public_pem(owner: str = "ours") -> str:
    """Return the public key by itself."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return (
        key(owner).public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    )


@cache
def certificate_pem(owner: str = "ours") -> str:
    """Return a certificate of the key, signed with itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key(owner).public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(key(owner), SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
