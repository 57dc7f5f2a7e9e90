"""A certificate authority of our own, and a server certificate for 127.0.0.1 and localhost.

The SDKs send bearer tokens over https only, so the local ARM needs a certificate that they can be told to trust:
`SSL_CERT_FILE` (aiohttp, azure-core) or `REQUESTS_CA_BUNDLE` (az CLI) name the authority's file.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localazure.serving import Certificate

LIFE = timedelta(days=30)
RENEW_BEFORE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """Files: the authority's certificate, which clients trust, and the server's."""

    authority: Path
    server: Certificate


def certificates(folder: Path) -> Authority:
    """The certificates in `folder`, made anew unless those there are good for another day."""
    made = Authority(folder / "ca.pem", Certificate(folder / "server.pem", folder / "server.key"))
    if _still_good(made):
        return made
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Local Azure authority")
    authority = (
        _builder(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = (
        _builder(_name("localhost"), authority_name, server_key, now, signed_by=authority_key)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made.server.key.touch(mode=0o600)
    made.server.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    made.server.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return made


def _still_good(made: Authority) -> bool:
    files = (made.authority, made.server.certificate, made.server.key)
    if not all(file.exists() for file in files):
        return False
    until = x509.load_pem_x509_certificate(made.server.certificate.read_bytes()).not_valid_after_utc
    return until - datetime.now(UTC) > RENEW_BEFORE


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    signed_by: ec.EllipticCurvePrivateKey | None = None,
) -> x509.CertificateBuilder:
    # Python 3.13 verifies strictly (RFC 5280): both key identifiers and the usages must be there.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((signed_by or key).public_key()), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
