"""Mutated downloads: refused with a sentence that names the tag, or usable; never a crash, never half applied.

``BRIDGE_FUZZ=100000`` for the long run.
"""

from __future__ import annotations

import copy
import os
import random
import time
from typing import Any

import pytest
from scene import CODE

from iot_bridge.drivers import DRIVERS
from iot_bridge.errors import Misconfigured
from iot_bridge.events import Sample
from iot_bridge.signals.machines import Machines
from iot_bridge.simulator.layout import line_tags
from iot_bridge.tags import Tag, parse_download
from iot_bridge.testing import START_MS

ROUNDS = int(os.environ.get("BRIDGE_FUZZ", "4000"))


def one(name: str, signal: str, **fields: Any) -> dict[str, Any]:
    own = {key: f"{CODE}/{value}" if key.endswith("_tag") else value for key, value in fields.items()}
    base = {"tag": f"{CODE}/{name}", "connection": "plc", "equipment": CODE, "signal": signal, "address": name}
    return {**base, **own}


SEED = [
    *(dict(entry, connection="modbus") for entry in line_tags()[:8]),
    one("state", "state", map={"1": "running"}, code_tag="code", interlock_tag="lock", map_revision=3),
    one("bits", "mode", bits=[[1, "manual"], ["0x06", "cleaning"], ["*", "production"]]),
    one("total", "counter", counter="total", max_rate=5.0, modulus=1000, counting="resetting", factor=2),
    one("shift", "counter", counter="shift", max_rate=5.0, modulus=10**6, counting="shift_total",
        reset_times=["06:00"], time_zone="Europe/Berlin"),
    one("pulse", "counter", counter="pulse", max_rate=1.0, counting="pulse", type="bool"),
    one("rec", "counter", counter="rec", max_rate=5.0, counting="handshake", sequence_tag="code", ack_tag="lock"),
    one("c1", "counter", counter="two", max_rate=5.0, modulus=1000, cavity=1),
    one("kwh", "energy", meter="m", max_rate=1.0, resolution=0.01, unit="kWh", deadband=0.1),
    one("temp", "measurement", scale=0.1, offset=-5, deadband=0.5, unit="C"),
    one("mean", "measurement", window_ms=1000),
    one("amps", "state", equipment="T/A/L1/M2", on_above=5.0, off_below=2.0, hold_on_ms=500),
    one("alarm", "alarm", alarm_map={"0": "A", "1": {"code": "B", "severity": "high", "text": "x"}}),
    one("lot", "material", action="consume", trigger_tag="code", quantity_tag="lock", position="F1"),
    one("serial", "unit", action_tag="code", action_map={"1": "in"}, result_tag="lock"),
    one("par", "parameter", batch_tag="code"),
    one("beat", "heartbeat"),
    one("code", "companion"),
    one("lock", "companion", writable=True),
]  # fmt: skip
WORDS = [None, True, False, 0, 1, -1, 2**63, 2**64, 10**400, 0.5, -1e308, float("nan"), float("inf"), "", "x", "*",
         "\0", "running", "uint16", "string", "float32", "counter", "state", "é" * 400, [], {}, [[]], [[1, "down"]],
         {"1": "x"}, {"": "running"}, {"1": None}, "06:00", ["06:00", 7], "Europe/Berlin", "../../etc", 1000,
         f"{CODE}/code"]  # fmt: skip
FIELDS = sorted({info.alias or name for name, info in Tag.model_fields.items()} | {"future_field"})


def mutated(dice: random.Random) -> Any:
    """A download with some wrong places."""
    tags = copy.deepcopy(dice.sample(SEED, dice.randrange(1, len(SEED))) if dice.random() < 0.1 else SEED)
    for _ in range(dice.choice([1, 1, 1, 1, 4])):
        tag = dice.choice(tags)
        kind = dice.random()
        if kind < 0.5 and isinstance(tag, dict):
            tag[dice.choice(FIELDS)] = copy.deepcopy(dice.choice(WORDS))
        elif kind < 0.7 and isinstance(tag, dict) and tag:
            del tag[dice.choice(list(tag))]
        elif kind < 0.8 and isinstance(tag, dict):
            other = copy.deepcopy(dice.choice(SEED))
            tag.update(dice.sample(list(other.items()), 2))
        elif kind < 0.85:
            tags.append(copy.deepcopy(tag))
        elif kind < 0.9:
            tags[dice.randrange(len(tags))] = copy.deepcopy(dice.choice(WORDS))
        elif isinstance(tag, dict):
            _deep(dice.choice([value for value in tag.values() if isinstance(value, dict | list)] or [{}]), dice)
    answer: Any = {"revision": 1, "tags": tags}
    if dice.random() < 0.02:
        answer[dice.choice(["revision", "tags"])] = copy.deepcopy(dice.choice(WORDS))
    return answer if dice.random() > 0.005 else dice.choice(WORDS)


def _deep(value: Any, dice: random.Random) -> None:
    word = copy.deepcopy(dice.choice(WORDS))
    if isinstance(value, dict):
        value[dice.choice([*value, "99", "x", 7])] = word
    elif value:
        value[dice.randrange(len(value))] = word


CHECKS = {"plc": DRIVERS["mqtt"].check_tag, "modbus": DRIVERS["modbus_tcp"].check_tag}
VALUES = [None, True, 0, 1, 2, 7, -3, 2**40, 3.7, "1", "RUN", ""]


@pytest.mark.parametrize("part", range(4))
def test_mutated_tags_are_refused_with_a_sentence_or_work(part: int) -> None:
    refused, slowest = 0, 0.0
    for number in range(part, ROUNDS, 4):
        dice = random.Random(number)
        answer, began = mutated(dice), time.process_time()
        try:
            _, tags, _ = parse_download(answer, CHECKS)
        except Misconfigured as error:
            refused += 1
            assert len(str(error)) > 15 and "Traceback" not in str(error)
            continue
        finally:
            slowest = max(slowest, time.process_time() - began)
        _work(tags, dice)
    assert 0.2 < refused / (ROUNDS / 4) < 0.95 and slowest < 1.0


def _work(tags: tuple[Tag, ...], dice: random.Random) -> None:
    """Accepted tags must work: samples of any value become events that can be stored."""
    machines = Machines("boot")
    machines.set_tags(tags, {}, {})
    for cycle in range(3):
        now = START_MS + cycle * 700
        samples = [Sample(tag.tag, dice.choice(VALUES), now, now, now) for tag in tags]
        steps = machines.propose(samples, False)
        machines.adopt(steps)
        assert all(event.body() for step in steps.values() for event in step.events)
    machines.propose_loss(machines.codes(), START_MS + 60_000)
    machines.live(START_MS)
