"""Addresses, payloads and times of MQTT messages, in memory."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_bridge.drivers.mqtt.address import MISSING, build, parse_address, parse_path, pick, write_path
from iot_bridge.drivers.mqtt.payload import Findings, Reader, Routes, leaves, matches
from iot_bridge.drivers.mqtt.settings import MqttConfig, check_tag
from iot_bridge.drivers.mqtt.stamps import Stamper, to_ms
from iot_bridge.drivers.stamps import JITTER_MS
from iot_bridge.tags.model import Tag
from iot_bridge.testing import START_MS, ManualClock

keys = st.text(min_size=1, max_size=8)
paths = st.lists(keys | st.integers(-5, 99), min_size=1, max_size=5).map(tuple)


def tag(address: str, name: str = "x", **more: Any) -> Tag:
    return Tag(tag=name, connection="c", equipment="M", signal="measurement", address=address, **more)


def read(address: str, payload: bytes, topic: str = "t", **more: Any) -> tuple[Any, list[str]]:
    """(value, findings) of one message; the value is MISSING when the tag is left out."""
    said: list[str] = []
    found = Reader([tag(address, **more)], None, 1000, Findings(said.append)).read(topic, payload)
    return (found[0].value if found else MISSING), said


@given(paths)
def test_a_path_is_read_as_it_is_written(path: tuple[str | int, ...]) -> None:
    assert parse_path(write_path(path)) == path


@given(paths, st.integers())
def test_a_path_leads_to_what_lies_there(path: tuple[str | int, ...], value: int) -> None:
    names = tuple(str(part) for part in path)
    assert pick(build(names, value), names) == value
    assert (names, value) in list(leaves(build(names, value)))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.b", ("a", "b")), ('"a.b".c', ("a.b", "c")), ("a[0].b", ("a", 0, "b")), ("a[-1]", ("a", -1)),
        ('a["x|y"]', ("a", "x|y")), ("a.0.b", ("a", "0", "b")), ("[2]", (2,)), (r'"q\"uote"', ('q"uote',)),
        ("with space.x-y_z", ("with space", "x-y_z")),
    ],
)  # fmt: skip
def test_paths(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", "a[", "a[x]", 'a"b"', "a]b", '"open'])
def test_what_is_no_path_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(text)


def test_addresses() -> None:
    whole = parse_address("plant/l1|set.point|meta.ts -> plant/l1/cmd|set.point")
    assert (whole.topic, whole.path, whole.time_path) == ("plant/l1", ("set", "point"), ("meta", "ts"))
    assert (whole.command, whole.command_path) == ("plant/l1/cmd", ("set", "point"))
    bare = parse_address("plant/+/x/#")
    assert (bare.topic, bare.path, bare.command) == ("plant/+/x/#", (), None)
    assert parse_address("t||ts").time_path == ("ts",)


@pytest.mark.parametrize(
    "text", ["", "|a", "a/#/b", "a+/b", "t|a|b|c", "t|a -> x/+", "t|a -> ", "t -> x|a[0]", "t|a..b", "a\0b"]
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|topic|path"):
        parse_address(text)
    with pytest.raises(ValueError, match=r"address|topic|path"):
        check_tag(tag(text) if text else Tag(tag="x", connection="c", equipment="M", signal="measurement"))


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/+/c", "a/b/c", True), ("a/+/c", "a/b/d", False), ("a/#", "a", True), ("a/#", "a/b/c", True),
        ("+", "a/b", False), ("#", "a/b", True), ("#", "$SYS/x", False), ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True), ("a/b", "a", False), ("a/+", "a", False), ("a/+", "a/", True),
    ],
)  # fmt: skip
def test_wildcards(pattern: str, topic: str, fits: bool) -> None:
    assert matches(pattern.split("/"), topic.split("/")) is fits


def test_a_topic_finds_its_tags_and_the_memory_of_topics_is_bounded() -> None:
    routes = Routes([tag("a/+|x", "one"), tag("a/b|y", "two"), tag("c", "three")])
    assert {route.tag.tag for route in routes.of("a/b")} == {"one", "two"}
    assert routes.filters == ["a/b", "c", "a/+"]
    for number in range(25_000):
        assert len(routes.of(f"a/{number}")) == 1
    assert len(routes._cache) <= 10_000


@pytest.mark.parametrize(
    ("address", "payload", "more", "value"),
    [
        ("t|a.b", {"a": {"b": 7}}, {}, 7),
        ("t|a[1]", {"a": [1, 2.5]}, {}, 2.5),
        ("t|a.1", {"a": [1, 2.5]}, {}, 2.5),
        ("t|a[-1]", {"a": [1, 2]}, {}, 2),
        ("t|a", {"a": True}, {}, True),
        ("t|a", {"a": "run"}, {}, "run"),
        ("t|a", {"a": "12"}, {"type": "int32"}, 12),
        ("t|a", {"a": "on"}, {"type": "bool"}, True),
        ("t|a", {"a": 3.0}, {"type": "uint16"}, 3),
        ("t|a", {"a": 12}, {"type": "string"}, "12"),
        ("t|a", {"a": None}, {}, None),
        ("t", 12.5, {}, 12.5),
        ("t", "run", {}, "run"),
        ("t|a", {"b": 1}, {}, MISSING),
        ("t|a.b", {"a": 1}, {}, MISSING),
        ("t|a[5]", {"a": [1]}, {}, MISSING),
    ],
)  # fmt: skip
def test_json(address: str, payload: Any, more: dict[str, Any], value: Any) -> None:
    found, said = read(address, json.dumps(payload).encode(), **more)
    assert (found, type(found), said) == (value, type(value), [])


@pytest.mark.parametrize(
    ("payload", "more", "value"),
    [
        (b"42", {}, 42), (b" 42.5 \n", {}, 42.5), (b"running", {}, "running"), (b"ON", {"type": "bool"}, True),
        (b"0x10 not json", {"type": "string"}, "0x10 not json"), (b"", {}, None), (b"\xff\xfe", {}, None),
    ],
)  # fmt: skip
def test_plain_payloads(payload: bytes, more: dict[str, Any], value: Any) -> None:
    assert read("t", payload, **more)[0] == value


@pytest.mark.parametrize(
    ("payload", "more", "value"),
    [
        (struct.pack(">H", 500), {"type": "uint16"}, 500),
        (struct.pack(">i", -5), {"type": "int32"}, -5),
        (struct.pack(">f", 1.5), {"type": "float32"}, 1.5),
        (struct.pack("<I", 70_000), {"type": "uint32", "word_order": "DCBA"}, 70_000),
        (b"\x00\x02\x00\x01", {"type": "uint32", "word_order": "CDAB"}, 65_538),
        (b"ab\0", {"type": "string"}, "ab"),
        (b"1234", {"type": "uint32"}, 0x31323334),
        (b"123", {"type": "uint32"}, None),
    ],
)  # fmt: skip
def test_bytes(payload: bytes, more: dict[str, Any], value: Any) -> None:
    assert read("t|$bytes", payload, **more)[0] == value


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"{", "no JSON"), (b"\xff\xfe", "no JSON"), (b"[" * 100_000, "raise payload_max"), (b"[" * 900, "no JSON"),
        (b'{"a": {"b": 1}}', "extend the path"), (b'{"a": [1]}', "extend the path"), (b'{"a": NaN}', "is no auto"),
        (b'{"a": Infinity}', "is no auto"), (b'{"a": ' + b"9" * 900 + b"}", None),
    ],
)  # fmt: skip
def test_what_is_no_value_is_said_and_is_none(payload: bytes, words: str | None) -> None:
    value, said = read("t|a", payload)
    if words is None:
        assert isinstance(value, int) and said == []
    else:
        assert value is None and len(said) == 1 and words in said[0]


def test_a_finding_is_said_once_until_it_is_mended() -> None:
    said: list[str] = []
    reader = Reader([tag("t|a")], None, 1000, Findings(said.append))
    for payload in (b"{", b"{", b'{"a": 1}', b"{"):
        reader.read("t", payload)
    assert len(said) == 2


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (1_795_341_600, START_MS), (1_795_341_600.25, START_MS + 250), (START_MS, START_MS),
        (START_MS * 1000, START_MS), (START_MS * 1_000_000, START_MS), ("2026-11-22T10:00:00Z", START_MS),
        ("2026-11-22T11:00:00.5+01:00", START_MS + 500), ("2026-11-22 10:00:00.123456789Z", START_MS + 123),
        ("2026-11-22T10:00:00", START_MS), ("1795341600", START_MS), ("soon", None), (None, None), (True, None),
        (-1, None), (float("nan"), None), (1e30, None), ({}, None), ("9" * 400, None),
    ],
)  # fmt: skip
def test_times(value: Any, ms: int | None) -> None:
    assert to_ms(value) == ms


def test_the_times_path_is_the_connections_or_the_addresss() -> None:
    reader = Reader([tag("t|a", "own"), tag("t|a|b", "other")], ("ts",), 1000, Findings(print))
    contents = reader.read("t", b'{"a":1,"ts":1795341600,"b":1795341601}')
    found = {content.tag.tag: content.time_ms for content in contents}
    assert found == {"own": START_MS, "other": START_MS + 1000}


def test_the_bridges_clock_stamps_with_the_arrival() -> None:
    stamp = Stamper("bridge", ManualClock()).stamp(START_MS - 60_000)
    assert (stamp.at, stamp.recv, stamp.quality) == (START_MS, START_MS, "good")


def test_the_sources_clock_stamps_and_the_monotonic_time_goes_along() -> None:
    clock = ManualClock()
    stamp = Stamper("source", clock).stamp(START_MS - 60_000)
    assert (stamp.at, clock.mono_ms() - stamp.mono, stamp.quality) == (START_MS - 60_000, 60_000, "good")


@pytest.mark.parametrize("wrong", [None, 0, START_MS + 2 * 86_400_000])
def test_a_time_that_can_not_be_is_the_arrival_and_uncertain(wrong: int | None) -> None:
    stamp = Stamper("source", ManualClock()).stamp(wrong)
    assert (stamp.at, stamp.quality) == (START_MS, "uncertain")


def test_a_corrected_clock_loses_its_offset_and_keeps_its_distances() -> None:
    clock, ahead = ManualClock(), 3_600_000
    stamper = Stamper("corrected", clock)
    assert stamper.stamp(clock.now_ms() + ahead).at == clock.now_ms()
    clock.advance(1000)
    # This one was half a second on its way.
    assert stamper.stamp(clock.now_ms() + ahead - 500).at == clock.now_ms() - 500


def test_a_machines_times_do_not_go_back_by_a_little() -> None:
    clock = ManualClock()
    stamper = Stamper("source", clock)
    first = stamper.in_order("M", stamper.stamp(START_MS))
    assert stamper.in_order("M", stamper.stamp(START_MS - 100)) == first
    assert stamper.in_order("M", stamper.stamp(START_MS - JITTER_MS - 1)).at == START_MS - JITTER_MS - 1
    assert stamper.in_order("N", stamper.stamp(START_MS - 100)).at == START_MS - 100


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"keepalive_s": 3}, "silence_s"), ({"password_file": "p"}, "username"), ({"ca_file": "c"}, "tls: true"),
        ({"tls": True, "key_file": "k"}, "belong together"), ({"time_path": "a..b"}, "path"),
        ({"version": "4"}, "version"),
    ],
)  # fmt: skip
def test_settings_that_can_not_work_say_the_mend(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MqttConfig(name="c", host="h", **fields)


def test_settings() -> None:
    assert MqttConfig(name="c", host="h").broker_port == 1883
    assert MqttConfig(name="c", host="h", tls=True).broker_port == 8883
    assert MqttConfig.model_validate({"name": "c", "host": "h", "version": 5}).version == "5"
