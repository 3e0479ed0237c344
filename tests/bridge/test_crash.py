"""Store before forget: a bridge killed at random points loses no part and books none twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from iot_bridge.testing import FakeOdoo

# BRIDGE_KILLS=500 for the acceptance run.
KILLS = int(os.environ.get("BRIDGE_KILLS", "60"))
# BRIDGE_STATEMENTS=1: a death at every statement; 7: at every seventh one.
STATEMENTS = int(os.environ.get("BRIDGE_STATEMENTS", "7"))
ROOT = Path(__file__).resolve().parents[2]


def run(odoo: FakeOdoo, folder: Path, kills: int, seed: int) -> int:
    """Run the crash driver; returns the true count."""
    (folder / "key").write_text(odoo.key)
    command = [sys.executable, str(Path(__file__).with_name("crash_driver.py"))]
    done = subprocess.run(
        [*command, str(folder), odoo.url, str(kills), str(seed)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30 + kills, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


def test_sigkill_at_random_points_with_cut_replies(odoo: FakeOdoo, tmp_path: Path) -> None:
    chance = random.Random(7)
    odoo.faults.cut = lambda: chance.random() < 0.3
    made = run(odoo, tmp_path, KILLS, seed=11)
    assert made > KILLS
    points = odoo.events("count")
    assert odoo.total("T/A/L1/M1/total") == made
    assert sum(point["delta"] for point in points) == made
    assert odoo.conservation == []
    assert {point["decision"] for point in points} == {"first", "step"}
    assert max(Counter(point["total"] for point in points).values()) == 1
    stream = odoo.streams["L1"]
    assert [event["seq"] for event in stream.events] == list(range(1, stream.applied + 1))
    assert stream.dropped == []


def test_death_between_any_two_statements(tmp_path: Path) -> None:
    """State and event are one, through condensing, retention, rewinds, new epochs and migrations both ways."""
    command = [sys.executable, str(Path(__file__).with_name("crash_statements.py")), str(tmp_path), "1", "1"]
    done = subprocess.run(
        [*command, str(STATEMENTS)], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    deaths, statements = map(int, done.stdout.split())
    assert statements > 300 and deaths >= (statements - 1) // STATEMENTS
