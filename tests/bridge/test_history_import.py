"""A year of history through the real bridge, killed on the way, into a stream of its own; recorded and replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from scene import CODE, tag

from iot_bridge.testing import FakeOdoo

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86_400
FIRST_S = 1_735_689_600  # 2025-01-01
ROWS = 365 * 24
TAGS = [
    tag("state", "state", map={"1": "running", "3": "down"}, connection="plc", address="plant|state"),
    tag("total", "counter", max_rate=1.0, type="uint32", connection="plc", address="plant|total"),
    tag("jam", "alarm", code="JAM", type="bool", connection="plc", address="plant|jam"),
]


def configure(folder: Path, odoo: FakeOdoo) -> Path:
    """The live plant is a broker that is not there; its tags have a history."""
    (folder / "key").write_text(odoo.key)
    columns = {name: f"{CODE}/{name}" for name in ("state", "total", "jam")}
    drop = {"name": "drop", "driver": "file", "folder": "in", "stream": "PAST", "columns": columns, "settle_s": 0.1,
            "look_s": 0.1, "time_format": "epoch_s", "holds_s": 3600}  # fmt: skip
    whole = {
        "stream": "L1", "data_dir": "data",
        "odoo": {"url": odoo.url, "database": odoo.database, "login": odoo.login, "key_file": "key"},
        "connections": [{"name": "plc", "driver": "mqtt", "host": "127.0.0.1", "port": 22599, "tls": None}, drop],
        "tags": [one.model_dump(mode="json", by_alias=True, exclude_unset=True) for one in TAGS],
    }  # fmt: skip
    whole["connections"][0].pop("tls")
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


@contextmanager
def bridge(config: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "iot_bridge", "--log-level", "error", "run", "-c", str(config), *more]
    running = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def test_year_of_history_survives_kills_and_moves_nothing_live(odoo: FakeOdoo, tmp_path: Path) -> None:
    config = configure(tmp_path, odoo)
    (tmp_path / "in").mkdir()
    lines = [f"{FIRST_S + n * 3600},{3 if n % 24 < 6 else 1},{n * 50},{n % 2}\n" for n in range(ROWS)]
    (tmp_path / "in" / "2025.csv").write_text("time,state,total,jam\n" + "".join(lines))
    done = tmp_path / "in" / "done" / "2025.csv"
    for _ in range(3):
        with bridge(config):
            before = len(odoo.events(stream="PAST"))
            odoo.wait(lambda before=before: len(odoo.events(stream="PAST")) > before + 500 or done.exists())
    with bridge(config):
        odoo.wait(lambda: done.exists() and odoo.total(f"{CODE}/total") == (ROWS - 1) * 50, 60)
        odoo.wait(lambda: bool(odoo.live_calls))
        live = odoo.live_calls[-1]["machines"][CODE]
    assert odoo.conservation == [] and live["state"] is None and live["counts"] == {}
    assert odoo.events("alarm", "PAST") == [] and not odoo.events("count", "L1")
    turns = [(event["at"], event["state"]) for event in odoo.events("state", "PAST")]
    changes = [turn for before, turn in zip([("", ""), *turns], turns) if before[1] != turn[1]]
    assert len(changes) == 2 * 365 and changes[1] == ("2025-01-01T06:00:00.000Z", "running")
    evidence = odoo.events("evidence", "PAST")
    assert max(event["until"] for event in evidence) == "2026-01-01T00:00:00.000Z"


def test_running_bridge_records_what_replays(odoo: FakeOdoo, tmp_path: Path) -> None:
    """--record of a live folder: the replay's events are what Odoo got."""
    config = configure(tmp_path, odoo)
    whole: dict[str, Any] = yaml.safe_load(config.read_text())
    whole["connections"] = [{**whole["connections"][1], "columns": {}}]
    del whole["connections"][0]["stream"], whole["connections"][0]["holds_s"]
    whole["tags"] = [{**one, "connection": "drop", "address": one["address"].split("|")[1]} for one in whole["tags"]]
    config.write_text(yaml.safe_dump(whole))
    (tmp_path / "in").mkdir()
    now = int(time.time())
    lines = [f"{now + n},{1 + 2 * (n // 5 % 2)},{n},{n % 2}\n" for n in range(40)]
    (tmp_path / "in" / "a.csv").write_text("time,state,total,jam\n" + "".join(lines))
    record = tmp_path / "rec.jsonl"
    with bridge(config, "--record", str(record)) as running:
        odoo.wait(lambda: odoo.total(f"{CODE}/total") == 39)
        running.terminate()
        assert running.wait(timeout=10) == 0
    command = [sys.executable, "-m", "iot_bridge", "replay", str(record)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    replayed = [json.loads(line) for line in done.stdout.splitlines()]
    got = [{key: value for key, value in event.items() if key != "seq"} for event in odoo.events()]
    assert replayed == got and len(got) > 80
