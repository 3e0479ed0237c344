"""The broker of demo and tests: it is there without root, keeps what it acknowledged, and lets in whom it should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import Authority
from own_ports import free_port
from paho.mqtt import publish, subscribe
from paho.mqtt.client import MQTTv5
from paho.mqtt.enums import MQTTProtocolVersion

from mescli import archive, mosquitto
from mescli.errors import MesError

HERE = "127.0.0.1"


def test_a_retained_message_survives_a_stop(broker: mosquitto.Broker) -> None:
    publish.single("plant/x", b"7", qos=1, retain=True, hostname=HERE, port=broker.port)
    broker.stop()
    broker.run()
    assert subscribe.simple("plant/x", hostname=HERE, port=broker.port).payload == b"7"


def test_it_listens_on_this_machine_only(broker: mosquitto.Broker) -> None:
    settings = (broker.folder / "mosquitto.conf").read_text()
    assert f"listener {broker.port} 127.0.0.1" in settings
    assert "max_queued_messages 1000000" in settings and "persistence true" in settings


def test_users_and_their_rights(start_broker: Callable[..., mosquitto.Broker]) -> None:
    guarded = start_broker(users={"bridge": "secret"}, acl=["user bridge", "topic readwrite plant/#"])
    with pytest.raises(Exception, match=r"(?i)not authori[sz]ed"):
        publish.single("plant/x", b"1", hostname=HERE, port=guarded.port, auth={"username": "bridge", "password": "no"},
                       protocol=MQTTv5)  # fmt: skip
    auth = {"username": "bridge", "password": "secret"}
    publish.single("plant/x", b"1", qos=1, retain=True, hostname=HERE, port=guarded.port, auth=auth)
    seen = subscribe.simple("plant/x", hostname=HERE, port=guarded.port, auth=auth, protocol=MQTTProtocolVersion.MQTTv5)
    assert seen.payload == b"1"


def test_tls_with_client_certificates(start_broker: Callable[..., mosquitto.Broker], tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server, client = authority.issue("broker"), authority.issue("bridge")
    safe = start_broker(tls=mosquitto.Tls(authority.certificate, server.certificate, server.key, clients=True))
    tls = {"ca_certs": str(authority.certificate), "certfile": str(client.certificate), "keyfile": str(client.key)}
    publish.single("plant/x", b"1", qos=1, retain=True, hostname=HERE, port=safe.port, tls=tls)
    assert subscribe.simple("plant/x", hostname=HERE, port=safe.port, tls=tls).payload == b"1"


def test_a_taken_port_is_said(broker: mosquitto.Broker, tmp_path: Path) -> None:
    with pytest.raises(MesError, match=f"Port {broker.port} is taken"):
        mosquitto.start(broker.port, tmp_path / "second")
    assert free_port() != broker.port


def test_only_libraries_are_followed() -> None:
    listed = (
        "mosquitto\n  Depends: adduser\n  Depends: libssl3\n |Depends: libcjson1\nadduser\n  Depends: libperl\n"
        "libssl3\n  Depends: zlib1g\n  Depends: libc6\nlibc6\n  Depends: libssl3\n<virtual>\n"
    )
    assert archive.needed_libraries("mosquitto", listed) == ["libssl3", "libcjson1", "zlib1g", "libc6"]
