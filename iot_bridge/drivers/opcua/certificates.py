"""X.509 certificates of OPC UA applications: made, read, and checked one question at a time. No network, no trust."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...errors import plain

PEM = b"-----BEGIN"
# Own certificates are trusted by hand at each server: they live as long as the machine.
LIFE_DAYS = 20 * 365
KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate (DER) and its private key (PEM, not encrypted)."""

    certificate: bytes
    key: bytes

    @classmethod
    def load(cls, certificate: Path, key: Path) -> Identity:
        """From two files, PEM or DER; raise OSError or ValueError."""
        read, secret = load_certificate(certificate.read_bytes()), load_key(key.read_bytes())
        return cls(read.public_bytes(serialization.Encoding.DER), _pem(secret))


def make_identity(
    name: str,
    application_uri: str,
    hosts: list[str],
    *,
    server: bool = False,
    days: tuple[float, float] = (-1 / 24, LIFE_DAYS),
    issuer: Identity | None = None,
    authority: bool = False,
) -> Identity:
    """A new key and its certificate, signed by itself or by ``issuer``.

    hosts: names and addresses under which the application is reached. days: begin and end of its life, from now.
    authority: a certificate that signs others.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = key if issuer is None else _rsa_key(issuer.key)
    now = datetime.now(timezone.utc)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else load_certificate(issuer.certificate).subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_alternative_names(application_uri, hosts), critical=False)
        .add_extension(_key_usage(signs=authority or issuer is None, lists=authority), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    return Identity(certificate.public_bytes(serialization.Encoding.DER), _pem(key))


def _alternative_names(application_uri: str, hosts: list[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application_uri)]
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


def _key_usage(*, signs: bool, lists: bool) -> x509.KeyUsage:
    # OPC 10000-6 wants the first four, and keyCertSign in what is signed by itself.
    return x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_agreement=False, key_cert_sign=signs, crl_sign=lists, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _rsa_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("OPC UA uses RSA keys, this is another kind")
    return key


def load_certificate(data: bytes) -> x509.Certificate:
    """DER (of a chain: its first) or PEM; raise ValueError."""
    if PEM in data:
        certificate = x509.load_pem_x509_certificate(data)
    else:
        certificate = x509.load_der_x509_certificate(first_of_chain(data))
    try:
        # The library reads them when they are asked for: what can't be read is to fail here.
        _ = certificate.subject, certificate.issuer, certificate.extensions
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from None
    return certificate


def first_of_chain(der: bytes) -> bytes:
    """A server may send its certificate with those of its issuers behind it: the first alone."""
    if len(der) < 4 or der[:2] != b"\x30\x82":
        return der
    return der[: 4 + int.from_bytes(der[2:4], "big")]


def load_key(data: bytes) -> rsa.RSAPrivateKey:
    """An RSA private key, PEM or DER, not encrypted; raise ValueError."""
    if PEM in data:
        return _rsa_key(data)
    key = serialization.load_der_private_key(data, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("OPC UA uses RSA keys, this is another kind")
    return key


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 of the certificate as OPC UA shows it everywhere: 40 hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


def common_name(certificate: x509.Certificate) -> str:
    """The subject's name for people."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return plain(str(found[0].value) if found else certificate.subject.rfc4514_string())


def application_uris(certificate: x509.Certificate) -> list[str]:
    """The URIs that the certificate speaks for."""
    names = _names(certificate)
    return list(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else []


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that the certificate speaks for, in small letters."""
    names = _names(certificate)
    if names is None:
        return []
    dns = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    return dns + [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign other certificates."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` signed it."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
