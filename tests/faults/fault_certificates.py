"""Certificates for a scene: an authority, and certificates of it that are valid or have expired."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iot_bridge.drivers.opcua.certificates import Identity, make_identity

# Days from now: begin and end.
VALID, EXPIRED = (-1.0, 30.0), (-3.0, -1.0)


@dataclass(frozen=True)
class Pair:
    """Files of a certificate and its key: DER for OPC UA, PEM for TLS."""

    der: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server that shows it."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.certificate, self.key)
        return made


class Authority:
    """Signs whatever it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._identity = make_identity("Faults CA", "urn:gemba:faults", [], authority=True, days=VALID)
        self.pair = self._write("ca", self._identity)

    def issue(self, name: str, uri: str, host: str, *, expired: bool) -> Pair:
        """A server's certificate; an expired one ended yesterday. The same name takes the place of the last."""
        days = EXPIRED if expired else VALID
        return self._write(name, make_identity(host, uri, [host], server=True, days=days, issuer=self._identity))

    def _write(self, name: str, identity: Identity) -> Pair:
        pair = Pair(*(self._folder / f"{name}.{ending}" for ending in ("der", "pem", "key")))
        pair.der.write_bytes(identity.certificate)
        shown = x509.load_der_x509_certificate(identity.certificate)
        pair.certificate.write_bytes(shown.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(identity.key)
        return pair
