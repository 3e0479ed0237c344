"""`./mes demo --check` as a process, for the tests of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """How a check ended: exit code, the JSON object of its last line, and all that it printed."""

    code: int
    told: dict[str, Any]
    text: str


def run(command: list[str]) -> Outcome:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    lines = done.stdout.strip().splitlines()
    assert lines, f"the check said nothing:\n{done.stderr}"
    return Outcome(done.returncode, json.loads(lines[-1]), done.stdout + done.stderr)
