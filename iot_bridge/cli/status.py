"""``iot-bridge status``: what the bridge does, from the file that it writes every two seconds."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from ..config import load_config
from ..errors import Misconfigured
from .common import Commands, add, table
from .exits import Exit

# The file is written every two seconds; a bridge that has not for so long hangs or is stopped.
OLD_S = 10.0


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "status", "what the bridge does; exit code 1 when it does not run", work)
    parser.add_argument("--json", action="store_true", help="for programs")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    path = load_config(args.config).data_dir / "status.json"
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
        age_s = max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        raise Misconfigured(f"{path} is not there: the bridge has not run yet; start it with iot-bridge run") from None
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path}: {error}: look at it as the bridge's user") from None
    status["age_s"] = round(age_s, 1)
    status["running"] = Path(f"/proc/{status['pid']}").exists() and age_s < OLD_S
    print(json.dumps(status, indent=1) if args.json else readable(status))
    return Exit.DONE if status["running"] else Exit.FINDINGS


def readable(status: dict[str, Any]) -> str:
    """The same for people."""
    word = "running" if status["running"] else f"NOT RUNNING (last seen {status['age_s']:.0f} s ago)"
    parts = [f"{status['stream']}: {word}, version {status['version']}, Odoo: {status['odoo']}"]
    parts.append(table(
        ("stream", "waiting", "lag", "delivered", "set aside"),
        [(s["name"], f"{s['pending']:,}", f"{s['lag_s']:.1f} s", f"{s['applied']:,}", f"{s['rejected']:,}")
         for s in status["streams"]],
    ))  # fmt: skip
    parts.append(table(
        ("connection", "driver", "tags", "opened", "late polls", "state"),
        [(c["name"], c["driver"], str(c["tags"]), str(c["opens"]), str(c["overruns"]), c["state"])
         for c in status["links"]],
    ))  # fmt: skip
    parts.append(table(
        ("machine", "state", "since", "counts"),
        [(code, machine["state"] or "no data", machine.get("since") or "-", _counts(machine))
         for code, machine in sorted(status["machines"].items())],
    ))  # fmt: skip
    alarms = [f"  {alarm}" for alarm in status["alarms"]]
    parts.append("alarms:\n" + "\n".join(alarms) if alarms else "no alarms")
    return "\n\n".join(parts)


def _counts(machine: dict[str, Any]) -> str:
    return ", ".join(f"{name} {total:,}" for name, total in machine["counts"].items()) or "-"
