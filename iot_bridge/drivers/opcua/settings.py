"""What an OPC UA connection and an OPC UA tag need. Imports no protocol library."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit
from uuid import UUID

from pydantic import Field, model_validator

from ...tags.model import Tag
from ..settings import ConnectionConfig, FilePath

DEFAULT_PORT = 4840
_ADDRESS = re.compile(r"(?:nsu=(?P<uri>[^;]+);|ns=(?P<index>\d{1,5});)?(?P<kind>[isgb])=(?P<id>.+)", re.DOTALL)
_FORM = "write nsu=<namespace URI>;s=<identifier>, e.g. nsu=urn:gemba:demo;s=Labeller.State (or i=, g=, b= for s=)"


class OpcUaConfig(ConnectionConfig):
    """An OPC UA server. The server's own stamps order what happens; the bridge's clock places it in time."""

    driver: Literal["opcua"] = "opcua"
    clock: Literal["bridge", "source", "corrected"] = Field(default="corrected", description="whose clock stamps")
    endpoint: str = Field(pattern=r"^opc\.tcp://[^\s/@]+(/\S*)?$", description="e.g. opc.tcp://plc7:4840")
    open_timeout_s: float = Field(default=5.0, gt=0, le=15, strict=False, description="for each step of connecting")
    # Security.
    security_policy: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = Field(
        default="None", description="how the channel is secured; None is for tests"
    )
    security_mode: Literal["Sign", "SignAndEncrypt"] = Field(
        default="SignAndEncrypt", description="with a security_policy: signed only, or encrypted too"
    )
    user: str | None = Field(default=None, min_length=1, description="log in as this user, with password_file")
    password_file: FilePath | None = Field(default=None, description="file with the user's password, one line")
    insecure_password: bool = Field(default=False, description="send the password without a secured channel")
    user_certificate: FilePath | None = Field(default=None, description="log in with this certificate (PEM or DER)")
    user_key: FilePath | None = Field(default=None, description="and its private key, not encrypted")
    application_uri: str | None = Field(
        default=None, min_length=1, description="who the bridge is; default urn:<host name>:iot-bridge"
    )
    trust_on_first_use: bool = Field(default=False, description="trust the first certificate that this server shows")
    check_hostname: bool = Field(default=True, description="in certificates that an authority has issued")
    channel_lifetime_s: float = Field(
        default=3600.0, ge=1, le=86400, strict=False, description="the channel's keys are renewed before so long"
    )
    # What is watched, and how closely.
    publishing_ms: int | None = Field(
        default=None, ge=10, le=10_000, description="between two publishings; default half a tag's poll_ms"
    )
    queue_margin: int = Field(default=10, ge=1, le=1000, description="values a monitored item keeps beyond need")
    deadband_percent: float = Field(
        default=0.0, ge=0, le=100, strict=False, description="of a measurement's range, where the tag has no deadband"
    )
    reconcile_s: float = Field(default=4.0, ge=0.2, le=60, strict=False, description="between reconciling reads")
    probe_s: float = Field(default=1.0, ge=0.2, le=30, strict=False, description="between looks whether it answers")
    audit_s: float = Field(default=2.0, ge=0.2, le=60, strict=False, description="between audits of live items")
    queue_max: int = Field(default=100_000, ge=100, description="values that wait in the bridge")
    read_max: int = Field(default=500, ge=1, le=10_000, description="nodes or items in one request, at most")

    @model_validator(mode="after")
    def _login(self) -> OpcUaConfig:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together: set both or none")
        if (self.user_certificate is None) != (self.user_key is None):
            raise ValueError("user_certificate and user_key belong together: set both or none")
        if self.user is not None and self.user_certificate is not None:
            raise ValueError("two ways to log in: keep user and password_file, or user_certificate and user_key")
        if self.user is not None and self.security_policy == "None" and not self.insecure_password:
            raise ValueError(
                "the password of user would go to a server that has not shown who it is: "
                "set security_policy, or insecure_password: true"
            )
        return self

    @property
    def slowest_s(self) -> float:
        # Connecting has several steps, renewing the trust among them.
        return super().slowest_s + 5 * self.open_timeout_s

    @property
    def host(self) -> str:
        """Host of the endpoint, without port."""
        return urlsplit(self.endpoint).hostname or ""

    @property
    def port(self) -> int:
        """TCP port of the endpoint."""
        return urlsplit(self.endpoint).port or DEFAULT_PORT


@dataclass(frozen=True, slots=True)
class Address:
    """A node. uri None: the namespace is ``index`` as it stands; kind is i, s, g or b, identifier its text."""

    uri: str | None
    index: int
    kind: str
    identifier: str


def parse_address(text: str) -> Address:
    """Read a node's address; raise ValueError with the mend."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"address {text!r} names no OPC UA node: {_FORM}")
    kind, identifier = match["kind"], match["id"]
    if not _fits(kind, identifier):
        what = {"i": "a whole number below 2³²", "g": "a GUID", "b": "Base64"}[kind]
        raise ValueError(f"address {text!r}: after {kind}= comes {what}")
    uri = unquote(match["uri"]) if match["uri"] else None
    index = int(match["index"] or 0)
    if index > 65535:
        raise ValueError(f"address {text!r}: a namespace index is below 65536; better name the namespace: {_FORM}")
    return Address(uri, index, kind, identifier)


def _fits(kind: str, identifier: str) -> bool:
    try:
        if kind == "i":
            return identifier.isdecimal() and int(identifier) < 2**32
        if kind == "g":
            UUID(identifier)
        if kind == "b":
            b64decode(identifier, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True


def check_tag(tag: Tag) -> None:
    """Raise ValueError, saying the mend, for a tag that can't be read over OPC UA."""
    if tag.address is None:
        raise ValueError(f"an OPC UA tag needs an address: {_FORM}")
    parse_address(tag.address)
    if tag.table:
        raise ValueError("table and register are Modbus: an OPC UA tag has an address only")
