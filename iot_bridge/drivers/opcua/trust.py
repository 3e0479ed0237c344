"""Whom the bridge trusts, and who it is: the folder ``pki`` beside the outbox.

::

    own/cert.der, own/key.pem   the bridge's certificate, made on first start
    trusted/                    certificates (or their authorities) that servers may show
    issuers/                    authorities between a server's certificate and a trusted one
    crl/                        revocation lists of the authorities
    rejected/                   what unknown servers have shown, for a person to look at

Every refusal is a sentence that says the mend.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ...errors import LinkLost
from . import certificates as certs
from .certificates import Identity

CERTIFICATES = frozenset({".der", ".pem", ".crt", ".cer"})
LONGEST_CHAIN = 5
WARN_DAYS = 30
# Of what unknown servers have shown the latest is kept: one that shows ever new certificates fills no disk.
REJECTED_MOST = 50
_making = threading.Lock()


class Untrusted(LinkLost):
    """The server's certificate, or the bridge's own, can't be used; the message says the mend."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows: its certificate, the URI it says it is, where it was reached, as which connection."""

    certificate: bytes
    application_uri: str
    host: str
    connection: str


def default_uri() -> str:
    """The bridge's application URI when none is set."""
    return f"urn:{socket.gethostname()}:iot-bridge"


class Pki:
    """The folder. All methods read and write small files: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def trusted(self) -> Path:
        return self.folder / "trusted"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected"

    def own(self, application_uri: str) -> tuple[Identity, list[str]]:
        """The bridge's identity and sentences for the log; made when there is none. Raise Untrusted."""
        for name in ("own", "trusted", "issuers", "crl", "rejected"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # Connections start at one time, and a check may run beside the bridge: one of them makes the pair.
        with _making, (self.folder / "own" / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            key_file, cert_file = self.folder / "own" / "key.pem", self.folder / "own" / "cert.der"
            findings: list[str] = []
            if not key_file.exists() and not cert_file.exists():
                findings.append(self._make_own(key_file, cert_file, application_uri))
            return self._read_own(key_file, cert_file, application_uri, findings)

    def _make_own(self, key_file: Path, cert_file: Path, application_uri: str) -> str:
        identity = certs.make_identity("Gemba IoT bridge", application_uri, [socket.gethostname()])
        _write(key_file, identity.key, 0o600)
        _write(cert_file, identity.certificate, 0o644)
        shown = certs.thumbprint(certs.load_certificate(identity.certificate))
        return f"made the bridge's own certificate {cert_file} (thumbprint {shown}): let the OPC UA servers trust it"

    def _read_own(
        self, key_file: Path, cert_file: Path, application_uri: str, findings: list[str]
    ) -> tuple[Identity, list[str]]:
        anew = f"move {key_file} and {cert_file} away, a new pair is made; let the servers trust it"
        try:
            identity = Identity(cert_file.read_bytes(), key_file.read_bytes())
            certificate, key = certs.load_certificate(identity.certificate), certs.load_key(identity.key)
        except OSError as error:
            raise Untrusted(f"{error.filename}: {error.strerror}: put it back, or {anew}") from None
        except ValueError as error:
            raise Untrusted(f"{cert_file} or {key_file} can't be read ({error}): {anew}") from None
        if certificate.public_key() != key.public_key():
            raise Untrusted(f"{key_file} is not the key of {cert_file}: put the right one there, or {anew}")
        if application_uri not in certs.application_uris(certificate):
            uris = ", ".join(certs.application_uris(certificate)) or "no URI"
            raise Untrusted(
                f"{cert_file} speaks for {uris}, not for {application_uri}: set application_uri to that, or {anew}"
            )
        left = certificate.not_valid_after_utc - datetime.now(timezone.utc)
        if left <= timedelta():
            raise Untrusted(f"{cert_file} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: {anew}")
        if left < timedelta(days=WARN_DAYS):
            findings.append(f"{cert_file} expires in {left.days} days: {anew}")
        if key_file.stat().st_mode & 0o077:
            findings.append(f"{key_file} can be read by others: chmod 600 {key_file}")
        der = certificate.public_bytes(serialization.Encoding.DER)
        return Identity(der, identity.key), findings

    # -- servers

    def check(self, shown: Shown, *, first_use: bool, check_hostname: bool) -> str | None:
        """Whether the server may be talked to: returns a sentence for the log or None; raise Untrusted."""
        try:
            certificate = certs.load_certificate(shown.certificate)
        except ValueError:
            raise Untrusted("the server's certificate can't be read: let the server make a new one") from None
        _check_dates(certificate)
        _check_uri(certificate, shown.application_uri)
        if self._is_pinned(certificate):
            return None
        chain = self._chain(certificate)
        if chain is None:
            return self._on_unknown(certificate, shown.connection, first_use)
        self._check_revoked(certificate, chain)
        # A certificate that is trusted itself needs no name; one of an authority may be another machine's.
        if check_hostname:
            _check_host(certificate, shown.host)
        return None

    def _is_pinned(self, certificate: x509.Certificate) -> bool:
        return any(known == certificate for known in _load_all(self.trusted))

    def _chain(self, certificate: x509.Certificate) -> list[x509.Certificate] | None:
        """Its issuers up to a trusted authority; None when none leads there."""
        trusted = [known for known in _load_all(self.trusted) if certs.is_authority(known)]
        known = trusted + [other for other in _load_all(self.folder / "issuers") if certs.is_authority(other)]
        chain: list[x509.Certificate] = []
        last = certificate
        while len(chain) < LONGEST_CHAIN:
            issuer = next((one for one in known if one not in chain and certs.is_issued_by(last, one)), None)
            if issuer is None:
                return None
            _check_dates(issuer)
            chain.append(issuer)
            if issuer in trusted:
                return chain
            last = issuer
        return None

    def _check_revoked(self, certificate: x509.Certificate, chain: list[x509.Certificate]) -> None:
        lists = list(_load_lists(self.folder / "crl"))
        for one, issuer in zip([certificate, *chain], chain):
            for revoked in lists:
                if revoked.issuer != issuer.subject or not _is_signed(revoked, issuer):
                    continue
                if revoked.get_revoked_certificate_by_serial_number(one.serial_number) is not None:
                    raise Untrusted(
                        f"certificate {_label(one)} is revoked by {certs.common_name(issuer)}: "
                        "give the server a new certificate"
                    )

    def _on_unknown(self, certificate: x509.Certificate, connection: str, first_use: bool) -> str:
        der = certificate.public_bytes(serialization.Encoding.DER)
        name = f"{_file_name(connection)}-{certs.thumbprint(certificate)[:16]}.der"
        known = list(self.trusted.glob(f"{_file_name(connection)}-*"))
        # An authority would vouch for the servers of all other connections too: a person decides that.
        if first_use and not known and not certs.is_authority(certificate):
            _write(self.trusted / name, der, 0o644)
            return f"trusts {_label(certificate)} from now on (trust_on_first_use): {self.trusted / name}"
        _write(self.rejected / name, der, 0o644)
        _forget_oldest(self.rejected)
        changed = " It is another one than before." if known else ""
        raise Untrusted(
            f"the server's certificate {_label(certificate)} is not trusted.{changed} Compare the thumbprint with the "
            f"server's own; if they are the same: mv '{self.rejected / name}' '{self.trusted}/'"
        )


def _label(certificate: x509.Certificate) -> str:
    return f"'{certs.common_name(certificate)}' (thumbprint {certs.thumbprint(certificate)})"


def _check_dates(certificate: x509.Certificate) -> None:
    now = datetime.now(timezone.utc)
    if certificate.not_valid_after_utc < now:
        raise Untrusted(
            f"certificate {_label(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: "
            "renew it at the server (and check this machine's date)"
        )
    if certificate.not_valid_before_utc > now:
        raise Untrusted(
            f"certificate {_label(certificate)} is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} "
            "UTC: check the clocks of this machine and of the server"
        )


def _check_uri(certificate: x509.Certificate, application_uri: str) -> None:
    uris = certs.application_uris(certificate)
    if application_uri not in uris:
        raise Untrusted(
            f"certificate {_label(certificate)} speaks for {', '.join(uris) or 'no URI'}, but the server says it is "
            f"{application_uri}: give the server a certificate with its own application URI"
        )


def _check_host(certificate: x509.Certificate, host: str) -> None:
    hosts = certs.hosts_of(certificate)
    if host.lower() not in hosts:
        raise Untrusted(
            f"certificate {_label(certificate)} is for {', '.join(hosts) or 'no host'}, not for {host}: use that name "
            "in endpoint, or set check_hostname: false"
        )


def _is_signed(revoked: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    try:
        return revoked.is_signature_valid(key)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _load_all(folder: Path) -> Iterable[x509.Certificate]:
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() in CERTIFICATES:
            try:
                yield certs.load_certificate(path.read_bytes())
            except (OSError, ValueError):
                continue


def _load_lists(folder: Path) -> Iterable[x509.CertificateRevocationList]:
    for path in sorted(folder.glob("*")):
        try:
            data = path.read_bytes()
            yield x509.load_pem_x509_crl(data) if certs.PEM in data else x509.load_der_x509_crl(data)
        except (OSError, ValueError):
            continue


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.der"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in files[REJECTED_MOST:]:
        path.unlink(missing_ok=True)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "_", text)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace the file in one step; nobody sees a key with wider rights, even for a moment."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(fresh, path)
