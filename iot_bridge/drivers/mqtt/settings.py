"""What a connection to an MQTT broker and an MQTT tag need. Imports no MQTT library."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ...tags.model import Tag
from ..settings import ConnectionConfig, FilePath
from .address import parse_address

Version = Annotated[Literal["3.1.1", "5"], BeforeValidator(lambda value: str(value))]
PAYLOAD_MAX = 1_048_576


class BrokerConfig(ConnectionConfig):
    """How to reach a broker. Times are real time."""

    host: str = Field(min_length=1, description="name or address of the broker")
    port: int | None = Field(default=None, ge=1, le=65535, description="default 1883, with TLS 8883")
    version: Version = Field(default="5", description="of the protocol: 5 or 3.1.1")
    client_id: str | None = Field(
        default=None, min_length=1, max_length=128, description="default: made once and kept in data_dir"
    )
    username: str | None = Field(default=None, min_length=1, description="log in as this user, with password_file")
    password_file: FilePath | None = Field(default=None, description="file with the password, one line")
    tls: bool = Field(default=False, description="encrypt, and check the broker's certificate")
    ca_file: FilePath | None = Field(default=None, description="who signs brokers (PEM); default: the system's list")
    certificate_file: FilePath | None = Field(default=None, description="the bridge's own certificate (PEM)")
    key_file: FilePath | None = Field(default=None, description="its private key (PEM)")
    timeout_s: float = Field(default=3.0, gt=0, le=30, strict=False, description="for connecting and each request")
    keepalive_s: int = Field(default=2, ge=1, le=600, description="after so long a silence the broker is asked")
    silence_s: float = Field(
        default=2.8, gt=0, le=900, strict=False, description="after so long a silence the link is dead"
    )
    payload_max: int = Field(default=PAYLOAD_MAX, ge=64, le=64 * PAYLOAD_MAX, description="bytes; a larger one is left")

    @model_validator(mode="after")
    def _complete(self) -> BrokerConfig:
        if self.silence_s < self.keepalive_s + 0.5:
            raise ValueError("silence_s must be half a second above keepalive_s, so that the broker can answer")
        if self.password_file and not self.username:
            raise ValueError("password_file needs username: add it")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together: give both, or none")
        if not self.tls and (self.ca_file or self.certificate_file):
            raise ValueError("ca_file and certificate_file need tls: true")
        return self

    @property
    def broker_port(self) -> int:
        """The port, or the protocol's own."""
        return self.port or (8883 if self.tls else 1883)


class MqttConfig(BrokerConfig):
    """A broker whose messages hold values. It keeps a session for the bridge, which outlives the bridge."""

    driver: Literal["mqtt"] = "mqtt"
    session_expiry_s: int = Field(
        default=604_800, ge=0, le=2**32 - 1, description="how long the broker keeps messages for the bridge (MQTT 5)"
    )
    time_path: str | None = Field(
        default=None, min_length=1, description="where a JSON payload holds its time, for clock: source and corrected"
    )

    @model_validator(mode="after")
    def _stamped(self) -> MqttConfig:
        if self.time_path is not None:
            parse_address(f"topic|value|{self.time_path}")
        return self


def check_tag(tag: Tag) -> None:
    """Raise ValueError, saying the mend, for a tag that can't be read over MQTT."""
    if tag.address is None:
        raise ValueError('an MQTT tag needs address: "topic|json.path", or "topic" for a payload that is the value')
    parse_address(tag.address)
