"""A recording replays to the same events, byte for byte, whatever happened while it was made."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scene import CODE, companions, tag

from iot_bridge.cli import main
from iot_bridge.errors import Misconfigured
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.record import Recorder
from iot_bridge.replay import replay, tags_of
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import ManualClock, make_samples, make_tag

OTHER = "T/A/L1/M2"
TAGS = [
    tag("state", "state", map={"1": "running", "2": "idle", "3": "down"}, code_tag="code"),
    tag("total", "counter", max_rate=10.0, modulus=1000, policy="rollover"),
    tag("amps", "measurement", window_ms=2000),
    tag("temp", "measurement", deadband=0.5),
    tag("word", "alarm", alarm_map={"0": "A", "1": "B"}),
    tag("lot", "material"),
    tag("serial", "unit"),
    tag("kwh", "energy", meter="m", max_rate=1.0),
    *companions("code"),
    make_tag(OTHER, on_above=10.0, off_below=4.0, hold_on_ms=900, hold_off_ms=900, type="float32", map={}),
]


def cycle(clock: ManualClock, dice: random.Random, total: int) -> list[Any]:
    values = {
        "state": dice.choice([1, 1, 1, 2, 3, 9]), "code": dice.choice([0, 17]), "total": total % 1000,
        "amps": dice.random() * 9, "temp": 20 + dice.random(), "word": dice.choice([0, 0, 1, 3]),
        "lot": dice.choice(["L1", "L2", ""]), "serial": f"S{total // 3}", "kwh": total / 7,
    }  # fmt: skip
    named = {f"{CODE}/{name}": value for name, value in values.items() if dice.random() < 0.9}
    return make_samples(clock, {**named, f"{OTHER}/state": dice.random() * 14})


class Taking(Stores):
    """Also keeps what was stored, as it was stored; can be full."""

    bodies: list[str]
    full = False

    def append(self, events: Any, memories: Any, notes: Any) -> None:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        super().append(events, memories, notes)
        self.bodies += [event.body() for event in events]


async def live(stores: Taking, record: Path, clock: ManualClock, dice: random.Random, cycles: int) -> None:
    """One life of the bridge: polls, losses, clock steps, a full disk, healed memories."""
    pipeline = Pipeline(stores, clock, lambda: None)
    pipeline.recorder = Recorder(record, clock.boot_id, None)
    await pipeline.set_tags(TAGS)
    total = dice.randrange(900, 1000)
    for _ in range(cycles):
        clock.advance(dice.choice([500, 500, 500, 7000]))
        total += dice.randrange(4)
        stores.full = dice.random() < 0.1
        await pipeline.feed(cycle(clock, dice, total), dice.random() < 0.05)
        stores.full = False
        if dice.random() < 0.1:
            await pipeline.lost([one.tag for one in TAGS])
        if dice.random() < 0.05:
            clock.step_wall(dice.choice([-3_600_000, 3_600_000]))
    point = {"epoch": 5, "raw": 3, "total": 10**6, "at": "2026-11-22T09:00:00.000Z"}
    await pipeline.heal({f"{CODE}/total": point}, False)
    await pipeline.feed(cycle(clock, dice, total))
    await pipeline.lost_all()
    pipeline.recorder.close()


@pytest.fixture
def stores(outbox: Outbox) -> Taking:
    taking = Taking(outbox)
    taking.bodies = []
    return taking


@pytest.fixture
def recording(tmp_path: Path, stores: Taking) -> Path:
    """Two lives, and a line that was cut off when the second was killed."""
    path, clock, dice = tmp_path / "rec.jsonl", ManualClock(), random.Random(7)
    for _ in range(2):
        asyncio.run(live(stores, path, clock, dice, 60))
        clock.advance(20_000)
    with path.open("a") as file:
        file.write('{"do":"feed","samp')
    return path


def test_replay_gives_the_same_events_byte_for_byte(recording: Path, stores: Taking) -> None:
    stored = stores.bodies
    kinds = {json.loads(body)["kind"] for body in stored}
    assert kinds == {"evidence", "state", "count", "measurement", "alarm", "material", "unit", "energy"}
    for _ in range(2):
        with recording.open() as lines:
            assert [event.body() for event in replay(lines)] == stored


def test_replay_does_not_depend_on_the_hash_seed(recording: Path, stores: Taking) -> None:
    said = set()
    for seed in ("0", "1"):
        command = [sys.executable, "-m", "iot_bridge", "replay", str(recording)]
        done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True)
        said.add(done.stdout)
    assert said == {"".join(body + "\n" for body in stores.bodies).encode()}


def test_replay_with_another_map(recording: Path, tmp_path: Path, capsys: Any) -> None:
    """What would the corrected map have told?"""
    other = tmp_path / "tags.json"
    mapped = tag("state", "state", map={"1": "running", "2": "idle", "3": "down", "9": "setup"})
    other.write_text(json.dumps({"tags": [mapped.model_dump(mode="json", by_alias=True, exclude_unset=True)]}))
    with recording.open() as lines:
        told = [event for event in replay(lines, tags_of(other)) if event.kind == "state"]
    assert "setup" in {event.fields["state"] for event in told}
    assert main(["replay", str(recording), "--tags", str(other), "--summary"]) == 0
    assert f"state: {len(told)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("no json\n", "line 1 is no line"),
        ('{"do":"feed","samples":[],"dropped":false,"stored":true}\n', "no start before"),
        ('{"do":"start","v":9,"boot_id":"b","every_ms":null}\n', "version 9"),
        ('{"do":"start","v":1,"boot_id":"b","every_ms":null}\n{"do":"tags","tags":[{}]}\n', "line 2: a tag"),
        ('{"do":"dance"}\n', "line 1"),
        ("[]\n", "line 1"),
    ],
)
def test_what_is_no_recording_says_so(tmp_path: Path, text: str, mend: str, capsys: Any) -> None:
    path = tmp_path / "rec.jsonl"
    path.write_text(text)
    assert main(["replay", str(path)]) != 0
    assert mend in capsys.readouterr().err


def test_recording_ends_at_its_greatest_size_and_the_bridge_goes_on(tmp_path: Path, caplog: Any) -> None:
    recorder = Recorder(tmp_path / "rec.jsonl", "b", None, longest=300)
    for _ in range(10):
        recorder.healed({"k": CounterMemory(1, 2, 3, "b", 0, 1)})
    assert (tmp_path / "rec.jsonl").stat().st_size < 500 and "greatest size" in caplog.text
    with pytest.raises(Misconfigured, match="can be written"):
        Recorder(tmp_path / "none" / "rec.jsonl", "b", None)
