"""Real MQTT brokers and certificates for tests: import the fixtures you need."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from own_ports import free_port

from mescli import mosquitto


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[..., mosquitto.Broker]]:
    """start_broker(**options of mosquitto.start) -> a running Mosquitto of its own folder and port."""
    made: list[mosquitto.Broker] = []

    def start(**options: Any) -> mosquitto.Broker:
        broker = mosquitto.start(free_port(), tmp_path / f"mosquitto{len(made)}", **options)
        made.append(broker)
        return broker

    yield start
    for broker in made:
        broker.kill()


@pytest.fixture
def broker(start_broker: Callable[..., mosquitto.Broker]) -> mosquitto.Broker:
    """A Mosquitto that lets everybody in and keeps what it is told."""
    return start_broker()


@dataclass(frozen=True)
class Issued:
    """A certificate and its key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of a plant; ``certificate`` is what clients and servers trust."""

    def __init__(self, folder: Path, name: str = "Plant CA") -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key.public_key(), -1, 3650)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = folder / "ca.crt"
        self._write(self.certificate, made.sign(self._key, hashes.SHA256()))

    def issue(self, name: str, days: tuple[float, float] = (-1, 365), host: str = "127.0.0.1") -> Issued:
        """A certificate of ``name``, valid for these days from now (a past end: expired)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(subject, key.public_key(), *days).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")]),
            critical=False,
        )
        issued = Issued(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        self._write(issued.certificate, made.sign(self._key, hashes.SHA256()))
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return issued

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begin: float, end: float
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=begin)).not_valid_after(now + dt.timedelta(days=end))
        )  # fmt: skip

    @staticmethod
    def _write(path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
