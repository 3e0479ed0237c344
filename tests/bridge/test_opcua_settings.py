"""Addresses and settings of OPC UA: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from iot_bridge.drivers.opcua.plan import classes, evidence_s, watched
from iot_bridge.drivers.opcua.settings import Address, OpcUaConfig, check_tag, parse_address
from iot_bridge.drivers.opcua.values import address_text, node_id
from iot_bridge.testing import make_tag


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nsu=urn:gemba:demo;s=Labeller.State", Address("urn:gemba:demo", 0, "s", "Labeller.State")),
        ("ns=3;s=a;b=c", Address(None, 3, "s", "a;b=c")),
        (" i=85 ", Address(None, 0, "i", "85")),
        ("nsu=urn:a%3Bb;i=7", Address("urn:a;b", 0, "i", "7")),
        ('ns=3;s="DB 1"."Total"', Address(None, 3, "s", '"DB 1"."Total"')),
        (
            "ns=2;g=12345678-1234-1234-1234-123456789012",
            Address(None, 2, "g", "12345678-1234-1234-1234-123456789012"),
        ),
        ("ns=2;b=aWQ=", Address(None, 2, "b", "aWQ=")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("Labeller.State", "write nsu="), ("s=", "write nsu="), ("nsu=;s=a", "write nsu="), ("ns=x;s=a", "write nsu="),
        ("i=4294967296", "whole number below"), ("i=-1", "whole number"), ("g=12", "GUID"), ("b=&", "Base64"),
        ("ns=70000;s=a", "below 65536"),
    ],
)  # fmt: skip
def test_wrong_addresses_say_the_mend(text: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        parse_address(text)


identifiers = st.one_of(
    st.text(min_size=1).filter(lambda text: text.strip() == text and "\x00" not in text).map(ua.String),
    st.integers(0, 2**32 - 1).map(ua.UInt32),
    st.uuids(),
    st.binary(min_size=1),
)


@given(identifiers, st.integers(1, 3))
def test_a_browsed_address_leads_back_to_its_node_however_the_index_moves(identifier: Any, index: int) -> None:
    before = ["http://opcfoundation.org/UA/", "urn:server", "urn:a;b=%41", "urn:gemba:demo"]
    after = [before[0], "urn:new", *reversed(before[1:])]
    node = ua.NodeId(identifier, index)
    text = address_text(node, before)
    assert node_id(parse_address(text), before) == node
    moved = node_id(parse_address(text), after)
    assert (moved.Identifier, after[moved.NamespaceIndex]) == (identifier, before[index])


def test_unknown_namespace_is_no_node() -> None:
    assert node_id(parse_address("nsu=urn:x;s=a"), ["http://opcfoundation.org/UA/"]) is None


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({}, "needs an address"),
        ({"address": "State"}, "write nsu="),
        ({"address": "ns=2;s=a", "table": "holding"}, "Modbus"),
    ],
)
def test_tags_say_the_mend(fields: dict[str, Any], mend: str) -> None:
    tag = make_tag(**{"table": "", **fields})
    with pytest.raises(ValueError, match=mend):
        check_tag(tag)


ENDPOINT = {"name": "opc", "endpoint": "opc.tcp://plc7:4841/x"}


def test_endpoint() -> None:
    config = OpcUaConfig.model_validate(ENDPOINT)
    assert (config.host, config.port, config.clock) == ("plc7", 4841, "corrected")
    assert OpcUaConfig.model_validate({**ENDPOINT, "endpoint": "opc.tcp://[::1]"}).port == 4840


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"endpoint": "http://plc7"}, "opc"),
        ({"endpoint": "opc.tcp://me:secret@plc7"}, "match pattern"),
        ({"user": "me"}, "password_file belong together"),
        ({"user_key": "/k"}, "belong together"),
        ({"user": "me", "password_file": "/p"}, "set security_policy, or insecure_password: true"),
        (
            {"user": "me", "password_file": "/p", "user_certificate": "/c", "user_key": "/k"},
            "two ways to log in",
        ),
        ({"security_policy": "Basic128Rsa15"}, "Basic256Sha256"),
        ({"password": "secret"}, "not permitted"),
    ],
)
def test_settings_say_the_mend(fields: dict[str, Any], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        OpcUaConfig.model_validate({**ENDPOINT, **fields})


# -- what is sampled how closely


def test_companions_are_sampled_as_closely_as_their_owner_and_queues_hold_a_publishing() -> None:
    tags = [
        make_tag("T/M1", "state", poll_ms=200, code_tag="T/M1/code"),
        make_tag("T/M1", "code", signal="companion", poll_ms=5000),
        make_tag("T/M1", "t", signal="measurement", poll_ms=5000),
        make_tag("T/M1", "v", signal="measurement", poll_ms=20),
    ]
    config = OpcUaConfig.model_validate({**ENDPOINT, "queue_margin": 3})
    found = {one.publishing_ms: one for one in classes(tags, config, speed=1)}
    assert {ms: [tag.tag for tag in one.tags] for ms, one in found.items()} == {
        50: ["T/M1/v"], 100: ["T/M1/state", "T/M1/code"], 500: ["T/M1/t"],
    }  # fmt: skip
    for publishing, one in found.items():
        for tag in one.tags:
            assert one.queue(tag) >= publishing / one.sampling[tag.tag] + 3
        # Ten seconds without the bridge end no subscription.
        assert one.lifetime_count >= 30 and one.lifetime_count * publishing >= 10_000


def test_a_plant_that_runs_faster_is_sampled_faster() -> None:
    config = OpcUaConfig.model_validate(ENDPOINT)
    (one,) = classes([make_tag("T/M1", "state", poll_ms=1000)], config, speed=10)
    assert (one.publishing_ms, one.sampling["T/M1/state"]) == (50, 100)
    assert evidence_s([make_tag("T/M1", "state", stale_ms=5000)], config, speed=10) == pytest.approx(0.2)


def test_evidence_comes_well_before_it_ends_and_from_one_tag_a_machine() -> None:
    tags = [
        make_tag("T/M1", "t", signal="measurement"),
        make_tag("T/M1", "state", poll_ms=500, stale_ms=1500),
        make_tag("T/M2", "t", signal="measurement"),
        make_tag("T/M2", "total", signal="counter"),
        make_tag("T/M3", "x", signal="companion"),
    ]
    found = watched(tags)
    assert [tag.tag for tag in found] == ["T/M1/state", "T/M2/total"]
    assert evidence_s(found, OpcUaConfig.model_validate(ENDPOINT), speed=1) < 1.0


# -- what a bridge without OPC UA pays for it


ROOT = Path(__file__).resolve().parents[2]


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())


def test_settings_load_no_protocol_library_and_the_driver_no_server() -> None:
    assert not {"asyncua", "cryptography"} & _loaded_by("import iot_bridge.drivers")
    driver = _loaded_by("import iot_bridge.drivers.opcua.driver")
    assert "asyncua.client" in driver and not {"asyncua.server", "asyncua.pubsub"} & driver
    # Who needs the server in the same process still gets it.
    both = _loaded_by("import iot_bridge.drivers.opcua.driver; from asyncua import Server; Server()")
    assert "asyncua.server.server" in both
