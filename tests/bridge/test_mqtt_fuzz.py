"""Any bytes as an MQTT payload or a Sparkplug frame: no crash, no hang, no growing memory, no wrong kind of value."""

from __future__ import annotations

import json
import math
import os
import struct
from random import Random
from typing import Any

from mutations import fuzz, mutated

from iot_bridge.drivers.mqtt.payload import Findings, Reader
from iot_bridge.drivers.mqtt.stamps import Stamper
from iot_bridge.drivers.sparkplug import datatypes
from iot_bridge.drivers.sparkplug.host import Host, Told
from iot_bridge.drivers.sparkplug.payload import Metric, Payload, encode
from iot_bridge.drivers.sparkplug.topics import Source
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS, ManualClock

ROUNDS = int(os.environ.get("BRIDGE_FUZZ", "100000"))


def tag(name: str, address: str, **more: Any) -> Tag:
    return Tag(tag=name, connection="c", equipment="M", signal="measurement", address=address, **more)


def proper(value: Any) -> bool:
    """A value that events can carry."""
    return value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))


def test_mqtt_payloads() -> None:
    random = Random(5)
    tags = [
        tag("a", "t/json|counts.total"), tag("b", "t/json|l[0].v|ts", type="float64"), tag("c", 't/json|"odd.key"'),
        tag("d", "t/json|text", type="string"), tag("e", "t/plain"), tag("f", "t/plain", type="int32"),
        tag("g", "t/bytes|$bytes", type="float32"), tag("h", "t/+|flag", type="bool"),
    ]  # fmt: skip
    document = {"counts": {"total": 123456}, "l": [{"v": 1.5e3}], "odd.key": -7, "text": "Füller", "flag": True,
                "ts": "2026-11-22T10:00:00.123Z", "none": None}  # fmt: skip
    corpus = [json.dumps(document).encode(), b"42.5", b"running", b"true", struct.pack(">f", 1.5),
              json.dumps([document] * 3).encode(), b"[" * 2000 + b"]" * 2000]  # fmt: skip
    said: list[str] = []
    reader = Reader(tags, ("ts",), 65_536, Findings(said.append))
    stamper = Stamper("corrected", ManualClock())
    topics = ["t/json", "t/plain", "t/bytes", "t/other"]
    values = 0

    def one(_: int) -> None:
        nonlocal values
        for content in reader.read(random.choice(topics), mutated(random.choice(corpus), random, corpus)):
            assert proper(content.value), content
            stamp = stamper.stamp(content.time_ms)
            assert isinstance(stamp.at, int)
            values += content.value is not None
        said.clear()

    fuzz(ROUNDS, one)
    assert values > ROUNDS / 10  # it did read something


def frames(random: Random, node: Source, device: Source) -> list[tuple[str, bytes]]:
    """One session of a node and its device, with every data type."""
    kinds = {
        "Int8": -3, "Int16": -300, "Int32": -70_000, "Int64": -(2**40), "UInt8": 3, "UInt16": 300, "UInt32": 2**31,
        "UInt64": 2**63, "Float": 1.5, "Double": 2.5, "Boolean": True, "String": "läuft", "DateTime": START_MS,
    }  # fmt: skip
    born = [
        datatypes.put(Metric(name, alias, timestamp=START_MS, properties={"Quality": 192, "engUnit": "kg"}), value,
                      datatypes.NUMBERS[name])
        for alias, (name, value) in enumerate(kinds.items(), 1)
    ]  # fmt: skip
    data = [Metric(alias=metric.alias, member=metric.member, value=metric.value) for metric in born]
    bdseq = datatypes.put(Metric(name="bdSeq"), 3, 8)
    out = [
        (node.topic("BIRTH"), encode(Payload(START_MS, [bdseq, *born], 0))),
        (device.topic("BIRTH"), encode(Payload(START_MS, born, 1))),
    ]
    for seq in range(2, 40):
        source = random.choice((node, device))
        some = random.sample(data, random.randint(1, len(data)))
        some[0].is_historical = seq % 7 == 0
        some[0].timestamp = START_MS + seq
        out.append((source.topic("DATA"), encode(Payload(START_MS + seq, some, seq))))
    out.append((device.topic("DEATH"), encode(Payload(START_MS, [], 40))))
    return [*out, (node.topic("DEATH"), encode(Payload(START_MS, [bdseq])))]


def test_sparkplug_frames() -> None:
    random = Random(6)
    node, device = Source("G", "N"), Source("G", "N", "D")
    names = frozenset(datatypes.NAMES.values())
    said: list[str] = []
    asked = 0

    def ask(_: Source) -> None:
        nonlocal asked
        asked += 1

    host = Host({node: names, device: names}, "s", {}, ask, Findings(said.append))
    session = frames(random, node, device)
    bodies = [body for _, body in session]
    told = 0

    def one(number: int) -> None:
        nonlocal told
        topic, body = session[number % len(session)]
        chance = random.random()
        if chance < 0.7:
            body = mutated(body, random, bodies)
        if chance < 0.1:
            topic = mutated(topic.encode(), random, [b"spBv1.0/G/NDATA/N/D/+#"]).decode("utf-8", "replace")
        for event in [*host.message(topic, body, number / 50), *host.tick(number / 50)]:
            if isinstance(event, Told):
                told += len(event.readings)
                assert all(proper(reading.value) for reading in event.readings)
        said.clear()
        host.take_notes()

    fuzz(ROUNDS, one)
    assert told > ROUNDS / 10
    assert 1 < asked <= ROUNDS / 50 / 8  # of the seconds that the run shows
    assert len(host.nodes) <= 2
