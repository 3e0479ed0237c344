"""What the MQTT library is told about a connection before it connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .settings import BrokerConfig
from .tls import context, password

# Messages that the broker may send before it hears an acknowledgement (MQTT 5).
UNACKNOWLEDGED_MAX = 1000
# Beside the payload: topic and properties.
ENVELOPE = 70_000


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we fall silent."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


def make_client(config: BrokerConfig, client_id: str, clean: bool, will: Will | None) -> Client:
    """A client that acknowledges only when told to and never reconnects by itself; raise LinkLost for bad files."""
    newer = config.version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if newer else clean,
        protocol=MQTTProtocolVersion.MQTTv5 if newer else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = config.timeout_s
    if config.username is not None:
        client.username_pw_set(config.username, password(config.password_file))
    if config.tls:
        client.tls_set_context(context(config))
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    return client


def greeting(config: BrokerConfig, clean: bool, session_expiry_s: int) -> dict[str, Any]:
    """What MQTT 5 says when it connects; nothing for 3.1.1."""
    if config.version != "5":
        return {}
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session_expiry_s
    properties.ReceiveMaximum = UNACKNOWLEDGED_MAX
    properties.MaximumPacketSize = config.payload_max + ENVELOPE
    return {"clean_start": clean, "properties": properties}
